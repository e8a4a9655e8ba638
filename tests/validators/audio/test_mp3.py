"""MP3: every rule with its repaired twin, the traps of taggers and recorders, the bounds, ffprobe as an oracle."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from carriers.mp3 import FRAME, PLAIN, SOUND, ape, apic, geob, id3, id3_frame, id3v1, text
from carriers.png import chunk, png
from lazaretto_validators.audio.mp3 import SMALLEST_MP3
from lazaretto_validators.audio.mpeg_audio import LENGTHS
from lazaretto_validators.registry import default_registry
from looks import above_info, look, rules_of

RULES = default_registry().rules


@pytest.mark.parametrize(
    "data",
    [
        SMALLEST_MP3,
        SOUND,
        SOUND + id3v1(),
        SOUND + b"TAG+" + bytes(223) + id3v1(),
        SOUND + ape((b"Title", b"inert")) + id3v1(),
        SOUND + b"LYRICSBEGIN" + b"LYR00005inert" + b"000024" + b"LYRICS200" + id3v1(),
        SOUND + b"LYRICSBEGINinertLYRICSEND" + id3v1(),
        SOUND + bytes(2000),
        id3(text()) + bytes(1000) + SOUND,
        id3(text()) + bytes(100_000) + SOUND,
        id3(text()) + id3(text(), version=3) + SOUND,
        SOUND + id3(text()),
        id3(text(), flags=0x10) + b"3DI\4\0\x10" + bytes(4) + SOUND,
        id3(id3_frame(b"TT2", b"\0inert", version=2), version=2) + SOUND,
        id3(id3_frame(b"TIT2", b"", version=3), version=3) + SOUND,
        id3(apic(png())) + SOUND,
        id3(geob(b"", b"Serato Overview\0\1\5" + bytes(300))) + SOUND,
    ],
)
def test_what_taggers_write_is_no_finding(data: bytes) -> None:
    assert rules_of(data) == set()


@pytest.mark.parametrize(
    "data",
    [
        SOUND[: len(FRAME) * 3 + 20],
        b"".join((SOUND, b"\1" * 300, SOUND, b"\1" * 300, SOUND)),
        id3(text(), padding=b"\1" * 40) + SOUND,
        id3(text(b"inert", encoding=9)) + SOUND,
        id3(text()) + b"\1" * 500 + SOUND * 20,
        id3(text(b"lyrics with <b>markup</b>", b"USLT")) + SOUND,
    ],
)
def test_what_recorders_leave_is_no_more_than_a_note(data: bytes) -> None:
    assert above_info(data) == set()


def test_unsynchronised_tag_is_read() -> None:
    picture = png(chunk(b"tEXt", b"Comment\0\xff\xe0\xff"))
    packed = id3_frame(b"APIC", b"\0image/png\0\3\0" + picture, version=3)
    tag = id3(packed.replace(b"\xff", b"\xff\0"), version=3, flags=0x80, padding=b"")
    assert rules_of(tag + SOUND) == set()


def test_free_format_is_walked() -> None:
    frame = b"\xff\xfb\x00\xc4" + b"\1" * 696
    assert rules_of(frame * 8) <= {"concealed.short-tail"}


def test_file_in_a_frame_is_judged_by_its_name() -> None:
    found = look(id3(geob(b"inert.exe", b"MZ" + bytes(62))) + SOUND).findings
    assert any("inert.exe" in finding.where for finding in found)


@pytest.mark.parametrize("kind", [b"PRIV", b"JUNK", b"MCDI", b"TXXX"])
def test_archive_in_a_frame_is_found(kind: bytes) -> None:
    frame = id3_frame(kind, b"\0PK\3\4\x14\0\0\0" + bytes(40))
    assert "mp3.id3-hidden-file" in rules_of(id3(frame) + SOUND)


@pytest.mark.parametrize("behind", [b"", id3v1(), ape((b"Title", b"inert"))])
def test_archive_behind_the_sound_is_found(behind: bytes) -> None:
    rar = bytes.fromhex("526172211a0701003392b5e50a01050600050101808000")
    assert above_info(SOUND + rar + bytes(20) + behind) & {"concealed.appended", "mp3.hidden-file"}


def test_cover_in_an_ape_tag_is_screened() -> None:
    broken = png()[:-20]
    found = look(SOUND + ape((b"Cover Art (Front)", b"a.png\0" + broken), flags=2)).findings
    assert {finding.where.partition("!")[0] for finding in found} == {"APEv2 Cover Art (Front)"}


def test_length_of_a_frame_is_that_of_the_standard() -> None:
    assert LENGTHS[0xFB90] == 417  # 128 kbit/s at 44.1 kHz: 144 * 128000 / 44100
    assert LENGTHS[0xFB92] == 418
    assert LENGTHS[0xFFFF] == 0


@given(st.binary(max_size=300), st.integers(0, len(PLAIN)))
@settings(max_examples=150)
def test_any_damage_gives_a_report(junk: bytes, at: int) -> None:
    assert "unscannable.validator-failed" not in rules_of(PLAIN[:at] + junk + PLAIN[at:])


@pytest.mark.skipif(shutil.which("ffprobe") is None, reason="ffprobe is not installed")
def test_ffprobe_counts_the_same_frames(tmp_path: Path) -> None:
    (tmp_path / "a.mp3").write_bytes(PLAIN)
    command = ["ffprobe", "-v", "error", "-count_packets", "-show_entries", "stream=nb_read_packets", "-of", "json"]
    done = subprocess.run([*command, str(tmp_path / "a.mp3")], capture_output=True, check=True)
    assert int(json.loads(done.stdout)["streams"][0]["nb_read_packets"]) == len(SOUND) // len(FRAME)
