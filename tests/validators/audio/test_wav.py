"""WAV: every rule with its repaired twin, the traps that honest programs set, the bounds, oracles."""

from __future__ import annotations

import io
import shutil
import struct
import subprocess
import wave
from functools import partial
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import looks
from carriers.polyglot import elf_header, sevenzip_header, zip_archive
from carriers.riff import chunk, form, listed
from carriers.wav import SAMPLES, SOUND, data, ds64, fmt, ima, ms_adpcm, rf64, wav, wave64
from lazaretto_validators import Severity, Source, inspect
from lazaretto_validators.audio.wav import SMALLEST, validate_wav
from lazaretto_validators.registry import default_registry

rules_of = partial(looks.rules_of, prefix="wav.")

RULES = default_registry().rules
FFPROBE = shutil.which("ffprobe")


def written(channels: int, width: int, frames: int) -> bytes:
    """A sound written by Python's own module."""
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as sound:
        sound.setnchannels(channels)
        sound.setsampwidth(width)
        sound.setframerate(44_100)
        sound.writeframes(
            bytes(range(251)) * (channels * width * frames // 251) + bytes(channels * width * frames % 251)
        )
    return buffer.getvalue()


def test_smallest_sound_is_valid() -> None:
    assert rules_of(SMALLEST) == set()
    with wave.open(io.BytesIO(SMALLEST)) as sound:
        assert sound.getnframes() == 2


@given(st.integers(1, 8), st.integers(1, 4), st.integers(0, 3000))
@settings(max_examples=40, deadline=None)
def test_sounds_written_by_python_are_valid(channels: int, width: int, frames: int) -> None:
    assert rules_of(written(channels, width, frames)) == set()


@pytest.mark.skipif(FFPROBE is None, reason="ffprobe is not installed")
@pytest.mark.parametrize("whole", [SMALLEST, wav(), rf64(), wave64()], ids=["smallest", "wav", "rf64", "wave64"])
def test_ffprobe_accepts_the_builders_files(whole: bytes, tmp_path: Path) -> None:
    path = tmp_path / "inert.wav"
    path.write_bytes(whole)
    told = subprocess.run([str(FFPROBE), "-v", "error", "-show_streams", str(path)], capture_output=True, check=True)
    assert (b"codec_type=audio" in told.stdout, told.stderr) == (True, b"")


@pytest.mark.parametrize(
    "honest",
    [
        form(b"WAVE", chunk(b"fmt ", SOUND), data(length=0xFFFFFFFF), size=0xFFFFFFFF),
        form(b"WAVE", chunk(b"fmt ", SOUND), data(length=0), size=0),
        form(b"WAVE", chunk(b"fmt ", SOUND), data(length=0x7FFFF000), size=0x7FFFF024),
        form(b"WAVE", chunk(b"fmt ", SOUND), data(SAMPLES[:3])[:-1]),
        form(b"WAVE", chunk(b"fmt ", SOUND), data(b"")),
        wav(header=fmt(extra=b"")),
        wav(header=fmt(extra=b"", announced=0x4142)),
        wav(header=fmt(byte_rate=12345)),
        wav(header=fmt(channels=2, bits=24, align=8)),
        wav(header=fmt(0x55, bits=0, align=0, extra=bytes(12))),
        wav(size=len(wav()) - 8) + listed(b"INFO", chunk(b"ICMT", b"appended")),
        wav(listed(b"INFO", chunk(b"ICMT", b"odd", pad=False), chunk(b"ISFT", b"even"))),
        wav(chunk(b"id3 ", b"ID3\3\0\0\0\0\0\0")),
        wav(chunk(b"JUNK", bytes(28)), chunk(b"SAUR", bytes(range(200)))),
        wav(bytes(4), chunk(b"LIST", b"INFO")),
        wav(bytes(100_000)),
        wav()[:-2],
        wave64(),
        rf64(ds64(0, 0)),
    ],
    ids=[
        "unknown sizes",
        "zero sizes",
        "a pipe of SoX",
        "no pad byte at the end",
        "no samples",
        "header of 18 bytes",
        "header of PCM with garbage in cbSize",
        "another byte rate",
        "24 bits in 32",
        "MP3 in WAV",
        "tags appended without being counted",
        "a tag without pad byte",
        "ID3",
        "private chunks",
        "zeros between chunks",
        "room kept for a longer sound",
        "an interrupted recording",
        "Wave64",
        "RF64 of a streaming writer",
    ],
)
def test_what_honest_programs_write_is_not_flagged(honest: bytes) -> None:
    assert rules_of(honest, above=Severity.INFO) == set()


@pytest.mark.parametrize(
    "header", [fmt(channels=0, align=1), fmt(rate=0), fmt(3, bits=32, align=0), ms_adpcm(align=0), ima(align=0)]
)
def test_players_would_divide_by_zero(header: bytes) -> None:
    assert "zero-divisor" in rules_of(wav(header=header))


@pytest.mark.parametrize(
    ("header", "rule"),
    [
        (ima(506), "adpcm-block"),
        (ima(1, align=3), "adpcm-block"),
        (ms_adpcm(1, align=6), "adpcm-block"),
        (ms_adpcm(pairs=0xFFFF), "adpcm-coefficients"),
        (fmt(bits=0, align=1), "sample-size"),
        (fmt(7, bits=16, align=1), "block-align"),
        (fmt(0xFFFE, extra=bytes(20)), "extensible"),
        (SOUND + bytes(70_000), "format-extra"),
        (b"\1\0", "format-short"),
    ],
)
def test_header_lies(header: bytes, rule: str) -> None:
    assert rule in rules_of(wav(header=header))


@pytest.mark.parametrize("header", [ima(), ima(505, align=300), ms_adpcm(), ms_adpcm(400)])
def test_blocks_of_adpcm_may_be_only_partly_used(header: bytes) -> None:
    assert rules_of(wav(header=header)) == set()


@pytest.mark.parametrize(
    ("hidden", "rule"),
    [
        (chunk(b"JUNK", elf_header() + bytes(64)), "hidden-file"),
        (chunk(b"JUNK", bytes(64) + sevenzip_header() + bytes(64)), "hidden-file"),
        (chunk(b"PAD ", b"-->\n<script type='text/javascript'>\n</script><!--\0"), "code-in-junk"),
        (chunk(b"note", bytes(300_000) + b"<?php echo 1;" + bytes(9)), "code-in-junk"),
        (chunk(b"bext", bytes(602) + b"<?php echo 1;"), "code-in-metadata"),
        (listed(b"adtl", chunk(b"labl", bytes(4) + b"<script>")), "code-in-metadata"),
        (listed(b"INFO", chunk(b"ICMT", zip_archive()), chunk(b"ISFT", b"x")), "hidden-file"),
        (chunk(b"id3 ", b"ID3\3\0\0\0\0\1\0" + bytes(90_000) + b"<?php echo 1;"), "code-in-metadata"),
    ],
)
def test_what_is_hidden_in_chunks_is_found(hidden: bytes, rule: str) -> None:
    assert rule in rules_of(wav(hidden))
    assert rule in rules_of(wav(before=hidden))


def test_program_in_the_place_of_samples_is_found() -> None:
    whole = form(b"WAVE", chunk(b"fmt ", SOUND), data(elf_header() + bytes(200)), chunk(b"LIST", b"INFO"))
    assert "hidden-file" in rules_of(whole)
    later = form(b"WAVE", chunk(b"fmt ", SOUND), data(bytes(100_000) + elf_header() + bytes(200)))
    assert "hidden-file" in rules_of(later)


def test_big_endian_sound_is_read_in_its_order() -> None:
    header = struct.pack(">HHIIHH", 1, 1, 8000, 8000, 1, 8)
    whole = form(
        b"WAVE", chunk(b"fmt ", header, order="big"), chunk(b"data", SAMPLES, order="big"), riff=b"RIFX", order="big"
    )
    assert inspect(Source.of_bytes(whole)).media_type is validate_wav.media_types[0]
    assert rules_of(whole) == set()


def test_big_endian_form_of_another_type_is_not_taken_for_it() -> None:
    other = inspect(Source.of_bytes(form(b"AVI ", chunk(b"JUNK", bytes(9)), riff=b"RIFX")))
    assert (other.media_type, other.findings) == (None, ())


@pytest.mark.parametrize("kind", [b"cue ", b"plst"])
def test_table_of_four_thousand_million_entries(kind: bytes) -> None:
    assert "chunk-count" in rules_of(wav(chunk(kind, b"\xff\xff\xff\xff" + bytes(24))))


def test_large_file_says_its_sizes_first() -> None:
    assert "ds64" in rules_of(form(b"WAVE", chunk(b"fmt ", SOUND), ds64(0, 4), data(), riff=b"RF64", size=0xFFFFFFFF))
    assert "ds64" in rules_of(rf64(ds64(1 << 40, len(SAMPLES))))
    assert "chunk-count" in rules_of(rf64(ds64(76, len(SAMPLES), table=1)))


@pytest.mark.parametrize("kind", [b"fact", b"cue ", b"plst", b"smpl", b"inst", b"acid", b"ds64"])
def test_a_file_behind_the_fields_of_a_chunk_is_found(kind: bytes) -> None:
    room = chunk(kind, bytes(40) + sevenzip_header())
    assert "hidden-file" in rules_of(wav(chunk(b"fmt ", SOUND), room, data()))


def test_a_file_in_what_only_the_codec_of_the_sound_reads_is_found() -> None:
    extra = sevenzip_header()
    header = struct.pack("<HHIIHHH", 0x55, 1, 8000, 8000, 1, 8, len(extra)) + extra
    assert "hidden-file" in rules_of(wav(chunk(b"fmt ", header), data()))


@pytest.mark.parametrize("kind", [b"fact", b"zzzz", b"data"])
def test_a_file_of_nothing_but_small_chunks_is_given_up_soon(kind: bytes) -> None:
    whole = wav(chunk(b"fmt ", SOUND), data(), *[chunk(kind, bytes(4))] * 40_000)
    assert "unscannable.budget" in rules_of(whole)
