"""DEX: what Android runs.

https://source.android.com/docs/core/runtime/dex-format

    header (0x70)  "dex\\n" version "\\0", checksum: u32, signature (20), file_size, header_size, endian_tag,
                   then (size, offset) of each table
    data           up to file_size

Checked: that it is a program, version, checksum, signature, the declared sizes, byte order, tables inside the file.
Not checked: the tables' contents; version 041 (several DEX in one container) and the optimised kinds (ODEX, CDEX,
VDEX) beyond being programs.
"""

from __future__ import annotations

import hashlib
import struct
import zlib
from collections.abc import Iterator

from lazaretto_validators.finding import Category, Finding, Rule, Severity
from lazaretto_validators.source import NotThisFormat, Source
from lazaretto_validators.validator import Screening, validator

__all__ = ["validate_dex"]

_HEADER = 0x70  # bytes
_VERSIONS = frozenset({b"035", b"037", b"038", b"039", b"040"})
_CONTAINER_VERSION = b"041"
_RELATIVES = (b"dey\n", b"cdex", b"vdex")  # ODEX, compact DEX, verified DEX
_ENDIAN = 0x12345678
_CHECKED_FROM = 12  # the checksum covers everything behind itself
_SIGNED_FROM = 32  # the signature, everything behind itself

# name, offset of its size in the header, bytes of an entry; the offset of the table follows the size
_TABLES = (
    ("link", 0x2C, 1),
    ("string_ids", 0x38, 4),
    ("type_ids", 0x40, 4),
    ("proto_ids", 0x48, 12),
    ("field_ids", 0x50, 8),
    ("method_ids", 0x58, 8),
    ("class_defs", 0x60, 32),
    ("data", 0x68, 1),
)


def _malformed(name: str, severity: Severity, message: str, spec: str, false_positives: str = "none known") -> Rule:
    return Rule(f"dex.{name}", Category.MALFORMED, severity, message, f"DEX format: {spec}", false_positives)


PROGRAM = Rule(
    "dex.program",
    Category.DANGEROUS,
    Severity.HIGH,
    "This is program code for Android, whatever its name says.",
    spec="DEX format: DEX_FILE_MAGIC; threats EXE-02",
    false_positives="members who share software",
)
VERSION = _malformed(
    "version", Severity.MEDIUM, "The Android code has a version that does not exist.", "DEX_FILE_MAGIC", "newer Android"
)
CHECKSUM = _malformed("checksum", Severity.HIGH, "The Android code fails its own checksum.", "header_item, checksum")
SIGNATURE = _malformed(
    "signature", Severity.MEDIUM, "The Android code does not match its own fingerprint.", "header_item, signature"
)
HEADER_SIZE = _malformed(
    "header-size", Severity.HIGH, "The Android code declares a header of the wrong size.", "header_item, header_size"
)
ENDIAN = _malformed(
    "endian-tag",
    Severity.HIGH,
    "The Android code declares a byte order that no Android runs.",
    "header_item, endian_tag, ENDIAN_CONSTANT",
)
TABLE_BOUNDS = _malformed(
    "table-bounds", Severity.HIGH, "A table of the Android code reaches past its end.", "header_item, *_size and *_off"
)

RULES = (PROGRAM, VERSION, CHECKSUM, SIGNATURE, HEADER_SIZE, ENDIAN, TABLE_BOUNDS)


def sealed(body: bytes, version: bytes = b"035") -> bytes:
    """A DEX file of `body` (everything behind the signature) with its checksum and signature."""
    signed = hashlib.sha1(body, usedforsecurity=False).digest() + body
    return b"dex\n" + version + b"\0" + struct.pack("<I", zlib.adler32(signed)) + signed


EXAMPLE = sealed(struct.pack("<III", _HEADER, _HEADER, _ENDIAN).ljust(_HEADER - _SIGNED_FROM, b"\0"))


@validator(
    "application/vnd.android.dex",
    magic=(b"dex\n", *_RELATIVES),
    extensions=("dex",),
    rules=RULES,
    example=EXAMPLE,
    api=1,
)
def validate_dex(source: Source, screening: Screening) -> Iterator[Finding]:
    """DEX files; ODEX, CDEX and VDEX are named as programs."""
    magic = source.peek(4)
    if magic != b"dex\n" and magic not in _RELATIVES:
        raise NotThisFormat("no DEX magic")
    yield PROGRAM.found(at=0, seen=source.peek(8))
    if magic in _RELATIVES or source.peek(7)[4:] == _CONTAINER_VERSION:
        screening.not_covered("", "an optimised or container kind of DEX: its structure is not checked")
        return
    header = source.at(0).read(_HEADER)
    if header[4:7] not in _VERSIONS or header[7]:
        yield VERSION.found(at=4, seen=header[4:8], allowed="035, 037 to 040, then a zero byte")
    checksum, signature, size, header_size, endian = struct.unpack_from("<I20sIII", header, 8)
    if header_size != _HEADER:
        yield HEADER_SIZE.found(at=0x24, seen=header_size, allowed=_HEADER)
    if endian != _ENDIAN:
        yield ENDIAN.found(at=0x28, seen=f"{endian:#010x}", allowed=f"{_ENDIAN:#010x}")
        return
    yield from _check_tables(header, size)
    yield from _check_digests(source, size, checksum, signature)
    screening.ends_at(max(size, _HEADER))


def _check_tables(header: bytes, size: int) -> Iterator[Finding]:
    for name, at, entry in _TABLES:
        count, start = struct.unpack_from("<II", header, at)
        if count and start + count * entry > size:
            yield TABLE_BOUNDS.found(at=at, where=name, seen=f"{start} + {count} x {entry}", allowed=f"{size} bytes")


def _check_digests(source: Source, size: int, checksum: int, signature: bytes) -> Iterator[Finding]:
    """One pass over the file. Raises ShortRead where it ends before `size`."""
    body = source.at(_CHECKED_FROM)
    signed = body.read(_SIGNED_FROM - _CHECKED_FROM)
    adler, digest = zlib.adler32(signed), hashlib.sha1(usedforsecurity=False)
    for piece in body.pieces(max(0, size - _SIGNED_FROM)):
        adler = zlib.adler32(piece, adler)
        digest.update(piece)
    if adler != checksum:
        yield CHECKSUM.found(at=8, seen=f"{checksum:#010x}", allowed=f"{adler:#010x}")
    if digest.digest() != signature:
        yield SIGNATURE.found(at=_CHECKED_FROM, seen=signature.hex(), allowed=digest.hexdigest())
