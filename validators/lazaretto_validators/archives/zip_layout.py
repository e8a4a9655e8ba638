"""Where everything in a ZIP lies: one end, one directory, members side by side, and each header told the same twice.

Programs that read from the front, from the back or by the directory must all see the same archive. Wherever they
would not, somebody can show a scanner one file and a person another.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from lazaretto_validators.archives import zip_rules as rules
from lazaretto_validators.archives.zip_directory import (
    ENCRYPTED,
    END,
    LOCAL,
    MASKED,
    STREAMED,
    Archive,
    Entry,
    Local,
    find_ends,
    read_local,
)
from lazaretto_validators.finding import Finding
from lazaretto_validators.source import Source

__all__ = ["Place", "judge_ends", "judge_headers", "judge_places", "places_of"]

_SPAN_MARKS = (b"PK\x07\x08", b"PK00")  # 8.5.3 to 8.5.5: begin a split archive, and one that was meant to be
_FUDGE = 2  # bytes by which writers in the wild let neighbours overlap; ClamAV grants the same
_PADDING = b"\0\r\n\t \x1a"  # what mailers and transfer programs append
_SIGNING_MAGIC = b"APK Sig Block 42"
_MAX_SIGNING_VALUE = 100 * 1024  # certificates and digests take a few KiB
_SIGNING_IDS = frozenset({0x7109871A, 0xF05368C0, 0x1B93AD61, 0x42726577, 0x6DFF800D, 0x504B4453, 0x2146444E})
# v2, v3, v3.1, alignment padding, source stamp, dependencies, Play metadata


@dataclass(slots=True)
class Place:
    """A member and its bytes. local: None if the directory points at nothing. shared: its bytes are not its alone."""

    entry: Entry
    local: Local | None
    end: int
    shared: bool = False


def places_of(source: Source, entries: Iterable[Entry]) -> list[Place]:
    """Every member with its local header, in the order of the directory."""
    places = []
    for entry in entries:
        local = read_local(source, entry.local_at)
        places.append(Place(entry, local, _end_of(source, entry, local) if local else entry.local_at))
    return places


def _end_of(source: Source, entry: Entry, local: Local) -> int:
    """Where the member ends: its data, and the descriptor behind it if there is one (4.3.9)."""
    end = local.data_at + entry.packed
    if not (entry.flags | local.flags) & STREAMED:
        return end
    following = source.at(end, 24).peek(24)
    for mark in (b"PK\x07\x08", b""):
        for sizes in ("<3L", "<L2Q"):
            descriptor = mark + struct.pack(sizes, entry.crc, entry.packed & _most(sizes), entry.size & _most(sizes))
            if following.startswith(descriptor):
                return end + len(descriptor)
    return end


def _most(sizes: str) -> int:
    return 0xFFFFFFFF if sizes == "<3L" else 0xFFFFFFFFFFFFFFFF


def judge_ends(source: Source, archive: Archive, places: list[Place]) -> Iterator[Finding]:
    """The end records, the directory as a whole, and what follows them."""
    end = archive.end
    if archive.fault:
        yield rules.DIRECTORY.found(at=archive.fault_at, seen=archive.fault)
    elif not archive.over and end.entries not in (len(archive.entries), len(archive.entries) & 0xFFFF):
        yield rules.ENTRY_COUNT.found(at=end.at, seen=end.entries, allowed=len(archive.entries))
    if end.offset > end.directory_at:
        yield rules.DIRECTORY_OFFSET.found(at=end.at, seen=end.offset, allowed=end.directory_at)
    if end.rival_at is not None:
        yield rules.RIVAL_DIRECTORY.found(at=end.rival_at, seen=f"directories at {end.directory_at}, {end.rival_at}")
    if end.conflict:
        yield rules.ZIP64.found(at=end.closes_at, seen=end.conflict)
    if end.disks:
        yield rules.SPLIT.found(at=end.at)
    for other in find_ends(source):
        if other.at != end.at and not any(place.entry.local_at < other.at < place.end for place in places):
            yield rules.SEVERAL_ENDS.found(at=other.at, seen=f"ends at {other.at} and {end.at}")
    yield from _judge_tail(source, end.after)


def _judge_tail(source: Source, after: int) -> Iterator[Finding]:
    size = source.size
    if after > size:
        yield rules.COMMENT.found(at=size, seen=f"{after - size} bytes missing")
    elif not _is_padding(source.at(after)):
        yield rules.TRAILING.found(at=after, seen=f"{size - after} bytes: {source.at(after).peek(16).hex(' ')}")


def _is_padding(tail: Source) -> bool:
    return all(not piece.strip(_PADDING) for piece in tail.pieces())


def judge_places(source: Source, archive: Archive, places: list[Place]) -> Iterator[Finding]:
    """Members that share bytes, and bytes that belong to no member. Marks the places whose bytes are shared."""
    directory_at = archive.end.directory_at
    position = 4 if source.at(0, 4).peek(4) in _SPAN_MARKS else 0
    at_front = True
    for place in sorted(places, key=lambda p: p.entry.local_at):
        entry = place.entry
        if place.local is None:
            yield rules.NO_LOCAL.found(at=entry.at, where=entry.name, seen=f"no local header at {entry.local_at}")
            continue
        if place.end > directory_at:
            place.shared = True
            yield rules.OUT_OF_BOUNDS.found(at=entry.at, where=entry.name, seen=place.end, allowed=directory_at)
            continue
        if entry.local_at + _FUDGE < position:
            place.shared = True
            yield rules.OVERLAP.found(at=entry.local_at, where=entry.name, seen=f"{position - entry.local_at} bytes")
        elif entry.local_at > position:
            yield from _judge_front(source, entry) if at_front else _judge_gap(source, position, entry.local_at)
        at_front = False
        position = max(position, place.end)
    if position < directory_at and not archive.over:
        yield from _judge_gap(source, position, directory_at)


def _judge_front(source: Source, first: Entry) -> Iterator[Finding]:
    front = source.at(0, first.local_at)
    head = front.peek(16)
    if head.startswith(LOCAL):
        tail = source.at(max(0, first.local_at - 22 - 0xFFFF), min(first.local_at, 22 + 0xFFFF)).peek(22 + 0xFFFF)
        rule = rules.SECOND_ARCHIVE if END in tail else rules.UNLISTED
        yield rule.found(at=0, seen=f"{first.local_at} bytes before the first listed member")
    elif not _is_padding(front):
        yield rules.PREFIX.found(at=0, seen=f"{first.local_at} bytes: {head.hex(' ')}")


def _judge_gap(source: Source, begin: int, end: int) -> Iterator[Finding]:
    """Nothing, zeros, an index of SOZip or the signatures of an APK may stand where no member is."""
    local = read_local(source, begin)
    if local and local.raw_name.endswith(b".sozip.idx") and local.data_at + local.packed <= end:
        begin = local.data_at + local.packed
    elif local:
        yield rules.UNLISTED.found(at=begin, seen=local.raw_name)
        return
    gap = source.at(begin, end - begin)
    if end - begin >= 32 and source.at(end - 16, 16).peek(16) == _SIGNING_MAGIC:
        yield from _judge_signing_block(source, begin, end)
    elif any(piece.strip(b"\0") for piece in gap.pieces()):
        yield rules.GAP.found(at=begin, seen=f"{end - begin} bytes: {source.at(begin, 16).peek(16).hex(' ')}")


def _judge_signing_block(source: Source, begin: int, end: int) -> Iterator[Finding]:
    """uint64 size, pairs of (uint64 length, uint32 id, value), uint64 size, magic; the size does not count itself."""
    size = int.from_bytes(source.at(end - 24, 8).peek(8), "little")
    start = end - 8 - size
    if start < begin or int.from_bytes(source.at(start, 8).peek(8), "little") != size:
        yield rules.SIGNING_BLOCK.found(at=end - 24, seen=f"sizes differ, {size} at the end")
        return
    if any(piece.strip(b"\0") for piece in source.at(begin, start - begin).pieces()):
        yield rules.GAP.found(at=begin, seen=f"{start - begin} bytes before the signing block")
    position = start + 8
    while position < end - 24:
        pair = source.at(position, 12).peek(12)
        length, kind = int.from_bytes(pair[:8], "little"), int.from_bytes(pair[8:], "little")
        if length < 4 or position + 8 + length > end - 24:
            yield rules.SIGNING_BLOCK.found(at=position, seen=f"a pair of {length} bytes")
            return
        if kind not in _SIGNING_IDS and length > _MAX_SIGNING_VALUE:
            yield rules.SIGNING_BLOCK.found(at=position, seen=f"{length} bytes under the unknown id {kind:#x}")
        position += 8 + length


def judge_headers(place: Place) -> Iterator[Finding]:
    """The local header against the directory's record."""
    entry, local = place.entry, place.local
    if local is None:
        return
    at, where = local.at, entry.name
    if entry.flags & MASKED or local.flags & MASKED:
        return  # 4.4.4 bit 13: the local values are hidden on purpose, and the member is reported as encrypted
    if local.raw_name.replace(b"\\", b"/") != entry.raw_name.replace(b"\\", b"/"):
        yield rules.LOCAL_NAME.found(at=at, where=where, seen=local.raw_name, allowed=entry.raw_name)
    elif local.unicode_name is not None and local.unicode_name not in (entry.name, entry.unicode_name):
        yield rules.LOCAL_NAME.found(at=at, where=where, seen=local.unicode_name, allowed=entry.name)
    if local.method != entry.method:
        yield rules.LOCAL_METHOD.found(at=at, where=where, seen=local.method, allowed=entry.method)
    if (local.flags ^ entry.flags) & ENCRYPTED:
        yield rules.LOCAL_ENCRYPTED.found(at=at, where=where, seen=local.flags & 1, allowed=entry.flags & 1)
    told = (local.crc, local.packed, local.size)
    listed = (entry.crc, entry.packed, entry.size)
    streamed = (entry.flags | local.flags) & STREAMED
    if told != listed and not streamed:
        yield rules.LOCAL_SIZES.found(at=at, where=where, seen=told, allowed=listed)
    for wide in (entry.wide_sizes, local.wide_sizes):
        if wide not in (None, (0, 0), (entry.size, entry.packed)) and not streamed:
            yield rules.LOCAL_SIZES.found(at=at, where=where, seen=f"ZIP64 {wide}", allowed=listed)
