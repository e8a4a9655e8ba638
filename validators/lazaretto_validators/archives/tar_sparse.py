"""Files with holes: where their pieces lie, and the file as it would be unpacked. GNU tar manual, "Sparse Formats".

Four ways to write the map: in the header and blocks behind it (type S), in pax records (0.0 and 0.1), or as lines of
decimal numbers in front of the data (1.0).
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator

from lazaretto_validators import unscannable
from lazaretto_validators.archives import tar_rules as rules
from lazaretto_validators.archives.tar_header import BLOCK, Header, Records, decimal, number
from lazaretto_validators.finding import Finding
from lazaretto_validators.source import PIECE, Source
from lazaretto_validators.validator import Screening

__all__ = ["sparse_member"]

Map = list[tuple[int, int]]
"""Offset in the file and length of each piece, in the order in which they are stored."""

_UNSOUND: Map = [(-1, -1)]
_ENTRY = 24
_MOST_PIECES = 100_000
_ZEROS = bytes(PIECE)


def sparse_member(
    source: Source, header: Header, pax: Records | None, size: int, at: int, screening: Screening
) -> Generator[Finding, None, Source | None]:
    """What a member of `size` stored bytes holds, holes filled; None where that cannot or must not be looked at.

    The cursor is left at the stored bytes, behind any blocks that continue the map.
    """
    where = header.name.decode("latin-1")
    found = _map_in_blocks(header, source) if header.kind == b"S" else _map_in_records(pax) if pax else None
    data = source.at(source.tell(), size)
    if found is None and pax and pax.values.get(b"GNU.sparse.major") == b"1":
        found = _map_in_data(data), decimal(pax.values, b"GNU.sparse.realsize") or 0
    if found is None:
        return data
    pieces, real = found
    stored = size - data.tell()
    if real < 0 or not _is_sound(pieces, stored, real):
        yield rules.SPARSE_MAP.found(at=at, where=where, seen=f"{len(pieces)} pieces of {real} bytes")
        return None
    limits = screening.limits
    if real > limits.member_bytes:
        dense = real > limits.ratio * max(1, stored)
        rule = rules.SPARSE_BOMB if dense else unscannable.BUDGET
        yield rule.found(at=at, where=where, seen=f"{stored} bytes to {real}", allowed=limits.member_bytes)
        return None
    return Source.of_pieces(_expanded(data, pieces, real, screening.expand))


def _entries(block: bytes, begin: int, count: int) -> Map:
    found: Map = []
    for at in range(begin, begin + count * _ENTRY, _ENTRY):
        if not block[at : at + 1].strip(b"\0"):
            break
        offset, length = number(block[at : at + 12]), number(block[at + 12 : at + _ENTRY])
        found.append((-1 if offset is None else offset, -1 if length is None else length))
    return found


def _map_in_blocks(header: Header, source: Source) -> tuple[Map, int]:
    """The map of a member of type S, and its real size. Reads the blocks that continue it."""
    pieces, more = _entries(header.block, 386, 4), header.block[482]
    while more and len(pieces) < _MOST_PIECES:
        block = source.read(BLOCK)
        pieces += _entries(block, 0, 21)
        more = block[504]
    size = number(header.block[483:495])
    return pieces, -1 if size is None else size


def _map_in_records(records: Records) -> tuple[Map, int] | None:
    """The map in pax records, and the real size; None if there is none."""
    values = records.values
    size = decimal(values, b"GNU.sparse.size")
    if size is None:
        return None
    numbers = values[b"GNU.sparse.map"].split(b",") if b"GNU.sparse.map" in values else records.sparse
    if not all(word.isdigit() and len(word) < 20 for word in numbers) or len(numbers) % 2:
        return _UNSOUND, size
    found = [int(word) for word in numbers]
    return list(zip(found[::2], found[1::2], strict=True)), size


def _map_in_data(data: Source) -> Map:
    """The map in front of the data (1.0), which is left at the data itself; unsound if it is none."""
    try:
        count = _line(data)
        if count > _MOST_PIECES:
            return _UNSOUND
        found = [(_line(data), _line(data)) for _ in range(count)]
    except ValueError:
        return _UNSOUND
    data.skip(-data.tell() % BLOCK)
    return found


def _line(data: Source) -> int:
    """The next line's number. Raises ValueError where there is none."""
    line = data.peek(24)
    length = line.find(b"\n")
    if not line[: max(0, length)].isdigit():
        raise ValueError("no number")
    data.skip(length + 1)
    return int(line[:length])


def _is_sound(pieces: Map, stored: int, size: int) -> bool:
    """Are the pieces in order, apart, within the file, and together what is stored?"""
    at = total = 0
    for offset, length in pieces:
        if offset < at or length < 0:
            return False
        at, total = offset + length, total + length
    return at <= size and total == stored


def _expanded(data: Source, pieces: Map, size: int, charge: Callable[[int], None]) -> Iterator[bytes]:
    """The file as it would be unpacked, of a sound map."""
    at = 0
    for offset, length in [*pieces, (size, 0)]:
        while at < offset:
            zeros = _ZEROS[: offset - at]
            charge(len(zeros))
            yield zeros
            at += len(zeros)
        left = length
        while left and (piece := data.peek(min(left, PIECE))):
            data.skip(len(piece))
            yield piece
            left -= len(piece)
        at += length
