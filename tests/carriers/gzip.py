"""Inert gzip files, built field by field: a valid default, and one deviation for each rule."""

from __future__ import annotations

import struct
import zlib

from lazaretto_validators.limits import Limits
from lazaretto_validators.testing import Case

__all__ = ["CASES", "deflate", "gz", "subfield"]

TEXT = b"Nothing to see here, only a few plain words.\n"

HCRC, EXTRA, NAME, COMMENT = 2, 4, 8, 16


def deflate(data: bytes) -> bytes:
    """Raw deflate (RFC 1951)."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    return packer.compress(data) + packer.flush()


def subfield(name: bytes, data: bytes) -> bytes:
    """One subfield of the extra field."""
    return name + struct.pack("<H", len(data)) + data


def gz(
    data: bytes = TEXT,
    *,
    name: bytes | None = None,
    comment: bytes | None = None,
    extra: bytes | None = None,
    header_crc: bool | None = None,
    method: int = 8,
    flags: int = 0,
    packed: bytes | None = None,
    crc: int | None = None,
    size: int | None = None,
) -> bytes:
    """One member. header_crc: whether it is right, None to leave it out."""
    flags |= EXTRA * (extra is not None) | NAME * (name is not None) | COMMENT * (comment is not None)
    flags |= HCRC * (header_crc is not None)
    header = b"\x1f\x8b" + bytes([method, flags]) + bytes(5) + b"\x03"
    header += struct.pack("<H", len(extra)) + extra if extra is not None else b""
    header += b"".join(text + b"\0" for text in (name, comment) if text is not None)
    if header_crc is not None:
        header += struct.pack("<H", (zlib.crc32(header) + (not header_crc)) & 0xFFFF)
    trailer = struct.pack(
        "<LL", zlib.crc32(data) if crc is None else crc, len(data) & 0xFFFFFFFF if size is None else size
    )
    return header + (deflate(data) if packed is None else packed) + trailer


def _case(rule: str, broken: bytes, repaired: bytes | None = None, limits: Limits | None = None) -> Case:
    return Case(f"gzip.{rule}", broken, gz() if repaired is None else repaired, limits)


_RAR = b"Rar!\x1a\x07\x00\xcf\x90s\x00\x00\x0d\x00\x00\x00\x00\x00\x00\x00"

CASES: tuple[Case, ...] = (
    _case("method", gz() + gz(method=7), gz() + gz()),
    _case("flags", gz() + gz(flags=0x40), gz() + gz()),
    _case("extra-field", gz(extra=b"AB\xff\0inert"), gz(extra=subfield(b"AB", b"inert"))),
    _case("header-crc", gz(name=b"a.txt", header_crc=False), gz(name=b"a.txt", header_crc=True)),
    _case("endless-text", gz(comment=b"x" * 70_000), gz(comment=b"x" * 60_000)),
    _case("traversal", gz(name=b"../../a.txt"), gz(name=b"a..txt")),
    _case("absolute-name", gz(name=b"/a.txt"), gz(name=b"a.txt")),
    _case("name-path", gz(name=b"b/a.txt"), gz(name=b"a.txt")),
    _case("parasite", gz(extra=subfield(b"AB", _RAR)), gz(extra=subfield(b"AB", b"inert" * 4))),
    _case("code-in-header", gz(comment=b"inert; eval(1)"), gz(comment=b"inert; retrieval(1)")),
    _case("second-name", gz(name=b"a.txt") + gz(name=b"b.txt"), gz(name=b"a.txt") + gz()),
    _case("corrupt-data", gz(packed=b"\xff" * 9)),
    _case("crc", gz(crc=1)),
    _case("size", gz(size=1)),
    _case("bomb", gz(b"a\n" * 50_000), gz(b"a\n" * 400), Limits(ratio_floor=1000, ratio=50)),
    _case("truncated", gz()[:-9]),
)
