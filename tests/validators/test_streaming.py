"""What is validated from front to back keeps up with the download: when the last byte has come, little is left."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable

import pytest

from carriers.png import chunk, ihdr
from carriers.polyglot import PNG, zip_archive
from lazaretto_validators import Source, inspect
from lazaretto_validators.registry import default_registry

MIB = 1 << 20
LITTLE = 384 * 1024
"""Bytes that may still be read at the end: the last 64 KiB for a ZIP and for a page, a few heads, one last piece."""


class Arriving:
    """A store into which no byte comes before it is asked for. late: bytes read once the end was known."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._there = 0
        self._ended = False
        self.late = 0

    def fetch(self, offset: int, least: int, most: int) -> bytes:
        self._there = max(self._there, min(len(self._data), offset + least))
        data = self._data[offset : min(offset + most, self._there)]
        self.late += len(data) if self._ended else 0
        self._ended = self._there == len(self._data)
        return data

    def size(self) -> int:
        self._ended = True
        self._there = len(self._data)
        return self._there


def filler(size: int) -> bytes:
    """Bytes without any structure, the same in every run."""
    return (bytes(range(7, 251)) * (size // 244 + 1))[:size]


def a_program(name: str) -> Callable[[int], bytes]:
    example = next(v.example for v in default_registry().validators if v.name == name)
    return lambda size: example + filler(size)


def a_dex(size: int) -> bytes:
    data = bytearray(a_program("dex")(size))
    data[32:36] = len(data).to_bytes(4, "little")
    return bytes(data)


def a_picture(size: int, *, split: int = 0) -> bytes:
    rows = size // 3073
    stream = zlib.compress((b"\0" + filler(3072)) * rows, 0)
    step = split or len(stream)
    pixels = b"".join(chunk(b"IDAT", stream[at : at + step]) for at in range(0, len(stream), step))
    return PNG[:8] + ihdr(1024, rows, colour=2) + pixels + chunk(b"IEND")


def a_sound(size: int) -> bytes:
    return b"MThd" + struct.pack(">L3H", 6, 0, 1, 96) + b"MTrk" + struct.pack(">L", size) + filler(size)


FORMATS: dict[str, Callable[[int], bytes]] = {
    "picture": a_picture,
    "picture in small chunks": lambda size: a_picture(size, split=8192),
    "picture with a long ancillary chunk": lambda size: PNG[:33] + chunk(b"juNK", filler(size)) + PNG[33:],
    "picture with a long tail": lambda size: PNG + b"tail" + filler(size),
    "sound without a validator": a_sound,
    "text": lambda size: b"One line like all others.\n" * (size // 26),
    "text beyond ASCII": lambda size: "Une ligne, déjà vue.\n".encode() * (size // 23),
    "script": lambda size: b"#!/bin/sh\n" + b"echo something\n" * (size // 15),
    "unknown": lambda size: b"\x03\x91\x00\x07" + filler(size),
    "dex": a_dex,
    **{name: a_program(name) for name in ("pe", "elf", "macho")},
}


@pytest.mark.parametrize("name", FORMATS)
def test_little_is_read_after_the_end_however_long_the_file(name: str) -> None:
    late = []
    for size in (2 * MIB, 5 * MIB):
        data = FORMATS[name](size)
        store = Arriving(data)
        report = inspect(Source(store))
        assert report == inspect(Source.of_bytes(data))
        assert report.size == len(data)
        late.append(store.late)
    assert max(late) <= LITTLE, late


def test_what_is_hidden_in_the_tail_is_still_found() -> None:
    store = Arriving(PNG + b"tail" + filler(MIB) + zip_archive())
    assert "concealed.zip" in {finding.rule for finding in inspect(Source(store)).findings}
    assert store.late <= LITTLE
