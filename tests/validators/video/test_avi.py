"""AVI: every rule with its repaired twin, the traps that honest programs set, the bounds, an oracle."""

from __future__ import annotations

import shutil
import struct
import subprocess
from functools import partial
from pathlib import Path

import pytest

import looks
from carriers.avi import PIXELS, avi, avih, bitmap, frame, hdrl, idx1, indx, movi, strh, strl, with_sound
from carriers.polyglot import elf_header, sevenzip_header, zip_archive
from carriers.riff import chunk, form, listed
from carriers.wav import fmt
from lazaretto_validators import Severity, Source, inspect
from lazaretto_validators.registry import default_registry
from lazaretto_validators.source import PIECE
from lazaretto_validators.video.avi import SMALLEST

rules_of = partial(looks.rules_of, prefix="avi.")

RULES = default_registry().rules
FFPROBE = shutil.which("ffprobe")

NAME = chunk(b"strn", b"Video\0")


def avix(*parts: bytes, size: int | None = None) -> bytes:
    """A further form of a large file."""
    return form(b"AVIX", *parts, size=size)


def test_smallest_video_is_valid() -> None:
    assert rules_of(SMALLEST) == set()


@pytest.mark.skipif(FFPROBE is None, reason="ffprobe is not installed")
@pytest.mark.parametrize(
    "whole",
    [SMALLEST, avi(), avi(hdrl(), movi(), idx1()), with_sound(), avi() + avix(movi())],
    ids=["smallest", "avi", "index", "sound", "two forms"],
)
def test_ffprobe_accepts_the_builders_files(whole: bytes, tmp_path: Path) -> None:
    path = tmp_path / "inert.avi"
    path.write_bytes(whole)
    told = subprocess.run([str(FFPROBE), "-v", "fatal", "-show_streams", str(path)], capture_output=True, check=True)
    assert (b"width=2" in told.stdout, told.stderr) == (True, b"")


@pytest.mark.parametrize(
    "honest",
    [
        avi(hdrl(), movi(length=0xFFFFFFFF), size=0xFFFFFFFF),
        avi(hdrl(), movi(length=4), size=0),
        avi(hdrl(), movi(frame(), bytes(4), frame(), bytes(4)), bytes(4), idx1()),
        avi(hdrl(), movi(chunk(b"00dc", b"odd", pad=False), frame(), chunk(b"00dc", b"odd"), frame())),
        avi(hdrl(), movi(chunk(b"JUNK", bytes(30)), frame(), listed(b"rec ", frame(), frame()))),
        avi(hdrl(), movi(frame(0, b""), frame(0, b""))),
        avi(hdrl(avih(count=40), strl(strh(count=48))), movi()),
        avi(hdrl(avih(2), strl()), movi()),
        avi(hdrl(avih(), strl(None, bitmap(height=-2))), movi()),
        avi(hdrl(), movi(), idx1(0xE4)),
        avi(hdrl(), movi(), bytes(100_000)),
        avi(hdrl(), movi(), idx1(1 << 30)),
        avi(
            hdrl(avih(), strl(None, None, indx(), chunk(b"strn", b"Video\0"))),
            movi(chunk(b"ix00", indx()[8:]), frame()),
        ),
        avi(hdrl(), listed(b"INFO", chunk(b"ISFT", b"Lavf58")), chunk(b"JUNK", bytes(100)), movi()),
        avi(listed(b"INFO", chunk(b"ISFT", b"first")), hdrl(), movi()),
        avi(hdrl(), movi()) + avix(movi()) + avix(movi(length=4), size=0),
        with_sound(fmt(0x55, bits=0, align=1, extra=bytes(12))),
        with_sound(fmt(0xFF, bits=16, align=0, extra=bytes(2))),
        avi(hdrl(), movi()) + listed(b"INFO", chunk(b"ISFT", b"appended")),
    ],
    ids=[
        "unknown sizes",
        "zero sizes",
        "zeros of VLC",
        "no pad byte",
        "lists of records",
        "dropped frames",
        "short headers",
        "number of streams",
        "rows from the top",
        "absolute index",
        "room kept for a longer video",
        "index of a longer file",
        "OpenDML",
        "texts and fillers",
        "texts first",
        "further forms",
        "MP3",
        "AAC without block size",
        "texts behind the end",
    ],
)
def test_what_honest_programs_write_is_not_flagged(honest: bytes) -> None:
    assert rules_of(honest, above=Severity.INFO) == set()


@pytest.mark.parametrize(
    ("broken", "rule"),
    [
        (avi(movi(), hdrl()), "header"),
        (avi(hdrl(strl(), avih()), movi()), "header"),
        (avi(hdrl(avih(), listed(b"strl", chunk(b"strf", bitmap()), strh())), movi()), "stream"),
        (avi(hdrl(avih(), listed(b"strl", strh(), length=400)), movi()), "list-bounds"),
        (avi(hdrl(avih(), strl(None, bitmap()[:39])), movi()), "bitmap"),
        (avi(hdrl(avih(), strl(None, bitmap(size=0xFFFFFFFF))), movi()), "bitmap"),
        (avi(hdrl(avih(), strl(None, bitmap(bits=25))), movi()), "dimensions"),
        (avi(hdrl(avih(), strl(None, bitmap(20_000, -20_000))), movi()), "pixel-bomb"),
        (avi(hdrl(avih(), strl(None, bitmap(bits=8, colours=257, palette=bytes(1028)))), movi()), "palette"),
        (avi(hdrl(avih(), strl(None, None, indx(longs=0xFFFF))), movi()), "index-count"),
        (avi(hdrl(), movi(chunk(b"ix00", indx(9)[8:]), frame())), "index-count"),
        (avi(hdrl(), movi(chunk(b"99wb", b"inert"))), "stream-number"),
        (avi(hdrl(), movi(frame() + chunk(b"00db", b"", length=0x7FFFFFFF))), "data-bounds"),
        (with_sound(fmt(channels=0, align=1)), "zero-divisor"),
    ],
)
def test_headers_lie(broken: bytes, rule: str) -> None:
    assert rule in rules_of(broken)


@pytest.mark.parametrize(
    ("hidden", "rule"),
    [
        (chunk(b"JUNK", elf_header() + bytes(64)), "hidden-file"),
        (chunk(b"JUNK", bytes(64) + sevenzip_header() + bytes(64)), "hidden-file"),
        (chunk(b"JUNK", b"-->\n<script type='text/javascript'>\n</script><!--\0"), "code-in-junk"),
        (listed(b"INFO", chunk(b"ICMT", b"<?php echo 1;")), "code-in-metadata"),
        (listed(b"odd ", chunk(b"note", zip_archive()), chunk(b"note")), "hidden-file"),
    ],
)
def test_what_is_hidden_in_chunks_is_found(hidden: bytes, rule: str) -> None:
    assert rule in rules_of(avi(hidden, hdrl(), movi()))
    assert rule in rules_of(avi(hdrl(), hidden, movi()))
    assert rule in rules_of(avi(hdrl(), movi(), hidden))


def test_what_is_hidden_among_the_pictures_is_found() -> None:
    assert "code-in-junk" in rules_of(avi(hdrl(), movi(frame(), chunk(b"JUNK", b"<?php echo 1;"), frame())))
    assert "hidden-file" in rules_of(avi(hdrl(), movi(frame(), frame(0, bytes(99) + elf_header() + bytes(200)))))


def test_text_in_a_stream_header_is_searched() -> None:
    assert "code-in-metadata" in rules_of(avi(hdrl(avih(), strl(None, None, chunk(b"strn", b"<script>"))), movi()))


def test_a_million_empty_frames_are_walked_over() -> None:
    many = movi(frame(0, b"") * 1_000_000)
    assert rules_of(avi(hdrl(), many)) == set()


def test_the_last_of_many_frames_is_judged() -> None:
    many = movi(frame(0, PIXELS) * 30_000, frame(7, PIXELS))
    assert rules_of(avi(hdrl(), many)) == {"stream-number"}


def test_long_index_is_judged_to_its_end() -> None:
    entry = struct.pack("<4sIII", b"00db", 16, 4, 16)
    far = struct.pack("<4sIII", b"00db", 16, 0xFFFFFF00, 16)
    found = inspect(Source.of_bytes(avi(hdrl(), movi(), chunk(b"idx1", entry * 9000 + far)))).findings
    assert [(f.rule, f.seen) for f in found] == [("avi.index", str(0xFFFFFF00))]
    assert rules_of(avi(hdrl(), movi(), chunk(b"idx1", entry * 9001))) == set()


def test_tail_is_classified() -> None:
    assert "concealed.zip" in rules_of(avi() + zip_archive())
    assert "concealed.appended" in rules_of(avi() + elf_header() + bytes(200))


HIDDEN = sevenzip_header()


@pytest.mark.parametrize(
    "whole",
    [
        avi(hdrl(), movi(), chunk(b"idx1", HIDDEN)),
        avi(hdrl(chunk(b"avih", avih()[8:] + HIDDEN), strl()), movi()),
        avi(hdrl(avih(), strl(chunk(b"strh", strh()[8:] + HIDDEN))), movi()),
        avi(hdrl(avih(), strl(None, bitmap(size=40 + len(HIDDEN)) + HIDDEN)), movi()),
        avi(hdrl(avih(), strl(None, None, chunk(b"indx", indx(0)[8:32] + HIDDEN))), movi()),
        avi(hdrl(avih(), strl(None, None, chunk(b"vprp", HIDDEN))), movi()),
        avi(hdrl(), movi(frame(), chunk(b"ix00", indx(0)[8:32] + HIDDEN))),
    ],
    ids=["idx1", "avih", "strh", "strf", "indx", "vprp", "ix00"],
)
def test_a_file_behind_or_in_place_of_fields_is_found(whole: bytes) -> None:
    assert "hidden-file" in rules_of(whole)


@pytest.mark.parametrize("before", range(-20, 24, 4))
def test_a_file_that_lies_across_two_pieces_of_the_pictures_is_found(before: int) -> None:
    filler = frame(0, bytes(PIECE - before - 16))
    assert "hidden-file" in rules_of(avi(hdrl(), movi(filler, frame(0, HIDDEN + bytes(len(HIDDEN) % 2)))))


@pytest.mark.parametrize("short", range(24))
def test_a_missing_pad_byte_at_the_end_of_a_piece_is_noticed(short: int) -> None:
    pieces = (frame(0, bytes(PIECE - 16 - short)), chunk(b"00db", b"odd", pad=False), frame(), frame())
    assert rules_of(avi(hdrl(), movi(*pieces))) == set()
