"""A tar header's fields, and the records of a pax header. POSIX.1-2017, pax, "ustar Interchange Format"; GNU tar."""

from __future__ import annotations

import re
import struct
from collections.abc import Mapping
from dataclasses import dataclass

__all__ = [
    "BLOCK",
    "MAGIC",
    "Header",
    "Records",
    "checksum_holds",
    "decimal",
    "number",
    "parse_header",
    "parse_records",
    "text",
]

BLOCK = 512
MAGIC = b"ustar"
_GNU = b"ustar  \0"  # magic and version

_LAYOUT = struct.Struct("<100s8s8s8s12s12s8sc100s6s2s32s32s8s8s155s12s")
_OCTAL = re.compile(rb" *([0-7]*)[ \0]*")
_RECORD = re.compile(rb"([0-9]{1,10}) ([^=\0]{1,1000})=")
_LOW_BYTES = bytes(range(128))


@dataclass(frozen=True, slots=True)
class Header:
    """What one block of 512 bytes says. size: None if it is no number. faults: other fields that are none.

    alias: the name as programs read it that disagree about whether there is a prefix. GNU tar has other things there.
    """

    name: bytes
    mode: int
    size: int | None
    kind: bytes
    link: bytes
    alias: bytes
    faults: tuple[str, ...]
    block: bytes


@dataclass(slots=True)
class Records:
    """The records of a pax header. values: the last one of each keyword. sparse: numbers of GNU's format 0.0, in order.

    fault: why it is none. open_end: a record without its line end.
    """

    values: dict[bytes, bytes]
    sparse: list[bytes]
    fault: str = ""
    open_end: bool = False


def checksum_holds(block: bytes) -> bool:
    """The sum of all bytes with the field itself as blanks; old writers summed signed bytes. ustar, chksum."""
    told = _OCTAL.match(block, 148, 156)
    if told is None or not told[1]:
        return False
    total, claimed = sum(block) - sum(block[148:156]) + 8 * ord(" "), int(told[1], 8)
    return claimed == total or claimed == total - 256 * len((block[:148] + block[156:]).translate(None, _LOW_BYTES))


def text(field: bytes) -> bytes:
    """Up to the first null."""
    return field.partition(b"\0")[0]


def number(field: bytes) -> int | None:
    """Octal digits with blanks around them, or GNU's base 256, which may be negative; None if it is neither."""
    if field[0] & 0x80:
        value = int.from_bytes(field, "big")
        bits = 8 * len(field)
        return value - (1 << bits) if field[0] & 0x40 else value - (1 << bits - 1)
    digits = _OCTAL.match(text(field).ljust(1))
    if digits is None or digits.end() < len(text(field)):
        return None
    return int(digits[1], 8) if digits[1] else 0


def parse_header(block: bytes) -> Header:
    """The fields of a block whose checksum holds."""
    name, mode, uid, gid, size, mtime, _, kind, link, magic, version, *rest = _LAYOUT.unpack(block)
    prefix = rest[4]
    numbers = {"mode": mode, "uid": uid, "gid": gid, "mtime": mtime}
    faults = tuple(key for key, field in numbers.items() if number(field) is None)
    whole = alias = text(name)
    if text(prefix):
        alias = text(prefix) + b"/" + whole
        if magic.startswith(MAGIC) and magic + version != _GNU:
            whole, alias = alias, whole
    return Header(whole, number(mode) or 0, number(size), kind, text(link), alias, faults, block)


def parse_records(data: bytes) -> Records:
    """The records of an extended header. Stops at the first that is none."""
    records = Records({}, [])
    at = 0
    while at < len(data):
        found = _RECORD.match(data, at)
        length = int(found[1]) if found else 0
        if found is None or not found.end() - at <= length <= len(data) - at:
            records.fault = f"byte {at}: {data[at : at + 24]!r}"
            return records
        end = at + length
        key, value = found[2], data[found.end() : end]
        if value.endswith(b"\n"):
            value = value[:-1]
        else:
            records.open_end = True
        if key in (b"GNU.sparse.offset", b"GNU.sparse.numbytes"):
            records.sparse.append(value)
        records.values[key] = value
        at = end
    return records


def decimal(values: Mapping[bytes, bytes], key: bytes) -> int | None:
    """A record's value as a number; None if it is not there or none."""
    value = values.get(key, b"")
    return int(value) if value.isdigit() and len(value) < 20 else None
