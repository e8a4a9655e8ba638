"""Where archives that have no validator of their own end, and what they leave free: 7-Zip, RAR, cabinets.

    7z      start header (CRC, offset and size of the last header), which lies at the end    7zFormat.txt
    RAR 5   marker, then blocks: CRC32 size:vint type:vint flags:vint ... [data]; type 5 ends  RAR 5.0 archive format
    RAR 4   marker, then blocks: CRC16 type flags size:u16 [data:u32]; type 0x7b ends          RAR technote
    CAB     header with the size of the whole and where the file entries begin                 MS-CAB 2.3

Only these few fields are read, so that what stands behind the end or in between is looked at; whatever does not make
sense is an end that is not known.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping
from typing import NamedTuple

from lazaretto_validators.kinds import bytes_at
from lazaretto_validators.media_types import MediaType
from lazaretto_validators.source import Source

__all__ = ["Extent", "extent_of", "vint"]

_MAX_BLOCKS = 20_000  # of a RAR: its members are about as many
_ADDED = 0x8000  # RAR 4: the block has data behind it


class Extent(NamedTuple):
    """end: where the archive ends. gap: a stretch that its own fields leave out, empty where there is none."""

    end: int
    gap: tuple[int, int] = (0, 0)


def extent_of(source: Source, detected: MediaType) -> Extent | None:
    """The extent of an archive, None where it is none of these or does not make sense."""
    measure = _MEASURES.get(detected.name)
    extent = measure(source) if measure else None
    return extent if extent is not None and extent.end <= source.size else None


def _sevenzip(source: Source) -> Extent | None:
    header = bytes_at(source, 0, 32)
    if len(header) < 32 or zlib.crc32(header[12:]) != int.from_bytes(header[8:12], "little"):
        return None
    return Extent(32 + int.from_bytes(header[12:20], "little") + int.from_bytes(header[20:28], "little"))


def _rar(source: Source) -> Extent | None:
    return _rar5(source) if bytes_at(source, 6, 2) == b"\x01\0" else _rar4(source)


def _rar5(source: Source) -> Extent | None:
    at = 8
    for _ in range(_MAX_BLOCKS):
        header = bytes_at(source, at, 64)
        size, width = vint(header[4:7])
        fields = header[4 + width :]
        kind, read = vint(fields)
        flags, more = vint(fields[read:])
        if not width or not read or not more or not size:
            return None
        data = 0
        if flags & 1:
            more += vint(fields[read + more :])[1]  # the size of the extra area, which is within the header
        if flags & 2:
            data = vint(fields[read + more :])[0]
        at += 4 + width + size + data
        if kind == 5:
            return Extent(at)
    return None


def _rar4(source: Source) -> Extent | None:
    at = 7
    for _ in range(_MAX_BLOCKS):
        header = bytes_at(source, at, 11)
        if len(header) < 7:
            return Extent(at) if not header else None  # RAR before 3.0 writes no last block
        kind, flags, size = header[2], int.from_bytes(header[3:5], "little"), int.from_bytes(header[5:7], "little")
        if size < 7:
            return None
        at += size + (int.from_bytes(header[7:11], "little") if flags & _ADDED or kind == 0x74 else 0)
        if kind == 0x7B:
            return Extent(at)
    return None


def _cabinet(source: Source) -> Extent | None:
    header = bytes_at(source, 0, 40)
    if len(header) < 36:
        return None
    size, files = int.from_bytes(header[8:12], "little"), int.from_bytes(header[16:20], "little")
    folders, flags = int.from_bytes(header[26:28], "little"), int.from_bytes(header[30:32], "little")
    if flags & 7:  # names of the cabinets before and after, or reserved fields: of any length
        return Extent(size)
    entries = 36 + 8 * folders
    return Extent(size, (entries, files) if entries < files <= size else (0, 0))


def vint(data: bytes) -> tuple[int, int]:
    """A RAR 5 number of seven bits a byte: its value, and how many bytes it takes; 0 where it does not end."""
    value = 0
    for index, byte in enumerate(data[:10]):
        value |= (byte & 0x7F) << (7 * index)
        if byte < 0x80:
            return value, index + 1
    return 0, 0


_MEASURES: Mapping[str, Callable[[Source], Extent | None]] = {
    "application/x-7z-compressed": _sevenzip,
    "application/vnd.rar": _rar,
    "application/vnd.ms-cab-compressed": _cabinet,
}
