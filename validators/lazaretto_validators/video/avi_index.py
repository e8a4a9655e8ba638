"""The indexes of an AVI video: `idx1` of the first edition, `indx` and `ix##` of OpenDML 1.02 section 3.

idx1  = (id:4 flags:u32 offset:u32 size:u32)*         offset: from the file's beginning, or from `movi`
index = longs-per-entry:u16 sub-type:u8 type:u8 entries:u32 id:4 12 bytes entry*
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from lazaretto_validators.finding import Finding
from lazaretto_validators.riff import Chunk, Container
from lazaretto_validators.video import avi_rules as rules

__all__ = ["check_index", "check_old_index"]

_HEAD = 24  # bytes before the first entry: OpenDML 1.02 section 3, all index types
_ENTRY = 16  # bytes: idx1, and an entry of a super index
_PIECE = 64 * 1024  # bytes of an index that are looked at together; whole entries


def check_index(chunk: Chunk, container: Container) -> Iterator[Finding]:
    """indx or ix##: the entries must fit into the chunk."""
    data = chunk.take(container.source, _HEAD)
    if len(data) < _HEAD:
        yield rules.INDEX_COUNT.found(at=chunk.offset, where=chunk.where, seen=f"{chunk.length} bytes", allowed=_HEAD)
        return
    longs, _, _, entries = struct.unpack_from("<HBBI", data)
    if entries * longs * 4 + _HEAD > chunk.length:
        yield rules.INDEX_COUNT.found(
            at=chunk.offset,
            where=chunk.where,
            seen=f"{entries} entries of {4 * longs} bytes",
            allowed=f"{chunk.length - _HEAD} bytes",
        )


def check_old_index(chunk: Chunk, container: Container, movi: int) -> Iterator[Finding]:
    """idx1: every entry points to a chunk in `movi`, which begins there.

    Whether an offset counts from the file's beginning or from `movi` can only be guessed, so that the larger of the two
    readings must not leave the file: the chunks end where the index begins.
    """
    walker = chunk.content(container.source)
    for at in range(0, chunk.length - _ENTRY + 1, _PIECE):
        piece = walker.peek(min(_PIECE, chunk.length - at))
        whole = len(piece) // _ENTRY * _ENTRY
        if not whole:
            return
        walker.skip(whole)
        numbers = struct.unpack(f"<{whole // 4}I", piece[:whole])
        farthest = max(numbers[2::4])
        if farthest + min(movi, 12) > chunk.offset:
            entry = numbers[2::4].index(farthest) + at // _ENTRY
            yield rules.INDEX.found(
                at=chunk.begin + _ENTRY * entry, where=chunk.where, seen=farthest, allowed=f"before {chunk.offset}"
            )
            return
