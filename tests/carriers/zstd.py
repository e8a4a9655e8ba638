"""Inert Zstandard files, built field by field: a valid default, and one deviation for each rule."""

from __future__ import annotations

import struct

from lazaretto_validators.limits import Limits
from lazaretto_validators.testing import Case

__all__ = ["CASES", "RAW", "RUN", "block", "frame", "passed"]

TEXT = b"Nothing to see here, only a few plain words.\n"
RAW, RUN, COMPRESSED, RESERVED = range(4)


def block(data: bytes = TEXT, *, kind: int = RAW, size: int | None = None, last: bool = True) -> bytes:
    """One block. size: what it declares; by default that of the data."""
    return struct.pack("<L", last | kind << 1 | (len(data) if size is None else size) << 3)[:3] + data


def frame(*blocks: bytes, told: int | None = len(TEXT), window: int = 0x48, flags: int = 0) -> bytes:
    """One frame without a checksum, of one text if there are no blocks. window: 0x48 is 512 KiB."""
    size = b"" if told is None else struct.pack("<Q", told)
    descriptor = flags | (3 << 6 if size else 0)
    return b"\x28\xb5\x2f\xfd" + bytes([descriptor, window]) + size + b"".join(blocks or (block(),))


def passed(data: bytes) -> bytes:
    """A frame that is passed over."""
    return b"\x5a\x2a\x4d\x18" + struct.pack("<L", len(data)) + data


def _case(rule: str, broken: bytes, repaired: bytes | None = None, limits: Limits | None = None) -> Case:
    return Case(f"zstd.{rule}", broken, frame() if repaired is None else repaired, limits)


_RAR = b"Rar!\x1a\x07\x00\xcf\x90s\x00\x00\x0d\x00\x00\x00\x00\x00\x00\x00"

CASES: tuple[Case, ...] = (
    _case("header", frame() + frame(flags=8), frame() + frame()),
    _case("block", frame(block(kind=RESERVED))),
    _case("size", frame(told=len(TEXT) + 1)),
    _case("window", frame(window=0x90), frame(window=0x88)),
    _case("parasite", passed(_RAR) + frame(), passed(b"inert" * 4) + frame()),
    _case(
        "bomb",
        frame(block(b"a", kind=RUN, size=90_000), told=None),
        frame(block(b"a", kind=RUN, size=900), told=None),
        Limits(ratio_floor=1000, ratio=50),
    ),
    _case("truncated", frame()[:-1]),
)
