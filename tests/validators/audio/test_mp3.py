"""MP3: every rule with its repaired twin, the traps of taggers and recorders, the bounds, ffprobe as an oracle."""

from __future__ import annotations

import json
import shutil
import subprocess
import zlib
from collections.abc import Callable
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


def chapter(*frames: bytes) -> bytes:
    return id3_frame(b"CHAP", b"one\0" + bytes(16) + b"".join(frames))


def contents(*frames: bytes) -> bytes:
    return id3_frame(b"CTOC", b"all\0\3\2one\0two\0" + b"".join(frames))


@pytest.mark.parametrize("outer", [chapter, contents])
def test_a_picture_in_a_chapter_is_screened(outer: Callable[..., bytes]) -> None:
    assert rules_of(id3(outer(text(), apic(png()))) + SOUND) == set()
    found = look(id3(outer(text(), apic(png()[:-20]))) + SOUND).findings
    assert {finding.where.partition("!")[0] for finding in found} == {f"{outer(b'')[:4].decode()}[0]/APIC[0]"}


def test_a_frame_that_reaches_past_the_end_of_its_chapter_is_found() -> None:
    assert "mp3.id3-frame-size" in rules_of(id3(chapter(id3_frame(b"TIT2", b"\0a", size=9))) + SOUND)


def test_a_chapter_in_a_chapter_is_looked_into_once() -> None:
    assert rules_of(id3(chapter(chapter(chapter(text())))) + SOUND) == set()


def test_many_compressed_frames_are_one_bomb() -> None:
    packed = zlib.compress(bytes(1 << 20))
    frame = id3_frame(b"TXXX", (1 << 20).to_bytes(4, "big") + packed, flags=9)
    assert "mp3.id3-frame-bomb" in rules_of(id3(frame * 9) + SOUND)
    assert "mp3.id3-frame-bomb" not in rules_of(id3(frame * 7) + SOUND)


@pytest.mark.parametrize(
    "frame",
    [
        id3_frame(b"PRIV", b"a\0" + b"x" * 8),
        id3_frame(b"TXXX", b"\0" + b"x" * 10, flags=2),
        id3_frame(b"TXXX", bytes(4) + zlib.compress(b"x" * 100), flags=9),
        id3_frame(b"GEOB", b"\0a\0b\0c\0" + b"x" * 8),
    ],
    ids=["private", "unsynchronised", "compressed", "object"],
)
def test_a_tag_of_nothing_but_small_frames_is_given_up_soon(frame: bytes) -> None:
    assert "unscannable.budget" in rules_of(id3(frame * 5000) + SOUND)


def test_tags_that_are_not_looked_at_are_named() -> None:
    inspection = look(id3(text()) * 65 + SOUND)
    assert [gap.why for gap in inspection.coverage] == ["what follows 64 tags, if it is another one"]


def test_sync_words_that_lead_nowhere_are_given_up_soon() -> None:
    assert "unscannable.budget" in rules_of((SOUND + b"\xff\xfb" * 10_000) * 50)
