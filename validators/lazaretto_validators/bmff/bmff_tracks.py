"""Tracks: the tables of samples held against each other and against the file. ISO/IEC 14496-12 8.3 to 8.7.

The tables of long movies have millions of entries: they are walked side by side, never kept.
"""

from __future__ import annotations

import struct
import sys
from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field

from lazaretto_validators.bmff import bmff_rules as rules
from lazaretto_validators.bmff.bmff_boxes import Box, File
from lazaretto_validators.bmff.bmff_tables import Table

__all__ = ["Track", "judge_track"]

_TURNS = 64  # chunks for one operation: their entries take at least four bytes each
_RUN = struct.Struct(">III")

_REQUIRED: dict[bytes, tuple[tuple[bytes, ...], ...]] = {
    b"trak": ((b"tkhd",), (b"mdia",)),
    b"mdia": ((b"mdhd",), (b"minf",)),
    b"minf": ((b"stbl",),),
    b"stbl": ((b"stsd",), (b"stts",), (b"stsc",), (b"stsz", b"stz2"), (b"stco", b"co64")),
}
"""Boxes without which no sample of a track is found; of those in one group, one. 8.3 to 8.7."""


@dataclass(slots=True)
class Track:
    """What a track has told of itself.

    handler: what its media are, such as `vide`. has: types of boxes, by the type of the box that holds them.
    descriptions: entries of `stsd`. references: entries of `dref`, None before any; outside: one is another file.
    """

    box: Box
    handler: bytes = b""
    has: dict[bytes, set[bytes]] = field(default_factory=dict)
    tables: dict[bytes, Table] = field(default_factory=dict)
    auxiliary: list[Table] = field(default_factory=list)
    descriptions: int = 0
    reference_indices: list[tuple[int, Box]] = field(default_factory=list)
    references: int | None = None
    outside: bool = False

    def keep(self, table: Table) -> None:
        """A table of the track was read. The first of a kind counts: a second one is told as such."""
        if table.box.type in (b"saiz", b"saio"):
            self.auxiliary.append(table)
        else:
            self.tables.setdefault(table.box.type, table)

    def saw(self, parent: Box, child: Box) -> None:
        """A box of the track was met."""
        for kind in (parent.type, child.type):
            if kind in _REQUIRED:
                self.has.setdefault(kind, set())
        if parent.type in _REQUIRED:
            self.has[parent.type].add(child.type)


def judge_track(track: Track, file: File, *, fragmented: bool) -> None:
    """The track is complete: what is missing, and what does not fit together."""
    track.has.setdefault(b"trak", set())
    for parent, groups in _REQUIRED.items():
        has = track.has.get(parent)
        if has is None or (fragmented and parent == b"stbl"):
            continue  # it is told that this one is missing; or the samples come in fragments
        for group in groups:
            if not has.intersection(group):
                file.note(rules.MISSING_BOX, track.box, "none in " + parent.decode(), group[0].decode())
    for index, box in track.reference_indices:
        if track.references is not None and index > track.references:
            file.note(rules.REFERENCE_INDEX, box, index, f"1 to {track.references}")
    samples = _samples(track)
    _judge_auxiliary(track, file, samples)
    sizes = track.tables.get(b"stsz")
    if sizes and sizes.count and not track.outside:
        file.reach(sizes.constant, rules.SAMPLE_SIZE, sizes.box)
    offsets = track.tables.get(b"stco") or track.tables.get(b"co64")
    runs = track.tables.get(b"stsc")
    if offsets and runs and offsets.count and not track.outside and _in_order(track, runs, file):
        _judge_chunks(track, offsets, runs, file, samples)
    _judge_times(track, file, samples, offsets)


def _samples(track: Track) -> int | None:
    sizes = track.tables.get(b"stsz") or track.tables.get(b"stz2")
    return sizes.count if sizes else None


def _judge_auxiliary(track: Track, file: File, samples: int | None) -> None:
    """8.7.8: sizes of auxiliary data, for samples that exist; 8.7.9: their places, for chunks or one for all."""
    for table in track.auxiliary:
        if samples is not None and table.count > samples:
            file.note(rules.AUXILIARY_COUNT, table.box, table.count, f"at most {samples}")


def _entries(table: Table, file: File, code: str) -> Iterator[array[int]]:
    """The numbers of a table, an array for each piece. code: of `array`, big-endian in the file."""
    width = array(code).itemsize
    rest = b""
    for piece in file.pieces(table.begin, table.begin + table.count * width):
        data = rest + piece if rest else piece
        whole = len(data) - len(data) % width
        numbers, rest = array(code, data[:whole]), data[whole:]
        if sys.byteorder == "little":
            numbers.byteswap()
        yield numbers


def _in_order(track: Track, runs: Table, file: File) -> bool:
    """The first run begins with chunk 1, each later one behind it, and a chunk has samples. 8.7.4.3."""
    last = 0
    for first, samples, description in _runs(runs, file):
        wrong_description = track.descriptions and not 1 <= description <= track.descriptions
        if first <= last or (not last and first != 1) or not samples or wrong_description:
            seen = f"chunk {first}, {samples} samples, description {description}"
            allowed = f"chunk {last + 1}{' or more' if last else ''}, 1 or more, 1 to {track.descriptions}"
            file.note(rules.SAMPLE_TO_CHUNK, runs.box, seen, allowed)
            return False
        last = first
    if not last:
        file.note(rules.SAMPLE_TO_CHUNK, runs.box, "no run of chunks", "one for the first chunk")
    return bool(last)


def _runs(table: Table, file: File) -> Iterator[tuple[int, int, int]]:
    rest = b""
    for piece in file.pieces(table.begin, table.begin + 12 * table.count):
        data = rest + piece
        whole = len(data) - len(data) % 12
        rest = data[whole:]
        file.screening.spend(1 + whole // 12 // _TURNS)
        yield from _RUN.iter_unpack(data[:whole])


class _Sizes:
    """Sums of the sizes of samples, in their order."""

    def __init__(self, table: Table | None, file: File) -> None:
        self.left = table.count if table else 0
        self._constant = table.constant if table else 0
        written_out = table and table.width == 4
        self._pieces = _entries(table, file, "I") if table and written_out else iter(())
        self._piece: array[int] = array("I")
        self._at = 0

    def take(self, count: int) -> int:
        """The sum of the next `count` sizes, or of as many as there are."""
        count = min(count, self.left)
        self.left -= count
        if self._constant:
            return count * self._constant
        total = 0
        while count:
            if self._at == len(self._piece):
                self._piece, self._at = next(self._pieces, array("I")), 0
                if not self._piece:
                    return total
            end = min(self._at + count, len(self._piece))
            total += self._piece[self._at] if end == self._at + 1 else sum(self._piece[self._at : end])
            count -= end - self._at
            self._at = end
        return total


def _judge_chunks(track: Track, offsets: Table, runs: Table, file: File, samples: int | None) -> None:
    """Where does the farthest chunk end? Whether the file reaches there is known at its end. 8.7.5."""
    sizes = _Sizes(track.tables.get(b"stsz"), file)
    run = _runs(runs, file)
    _, per_chunk, _ = next(run)
    upcoming = next(run, None)
    number = counted = farthest = 0
    for block in _entries(offsets, file, "I" if offsets.width == 4 else "Q"):
        file.screening.spend(1 + len(block) // _TURNS)
        for offset in block:
            number += 1
            if upcoming and number == upcoming[0]:
                per_chunk = upcoming[1]
                upcoming = next(run, None)
            counted += per_chunk
            end = offset + sizes.take(per_chunk)
            if end > farthest:
                farthest = end
    file.reach(farthest, rules.CHUNK_OFFSET, offsets.box)
    if upcoming:
        file.note(rules.SAMPLE_TABLES, runs.box, f"a run from chunk {upcoming[0]} on", f"{number} chunks")
    elif samples is not None and counted != samples:
        file.note(rules.SAMPLE_COUNT, runs.box, f"{counted} samples in {number} chunks", f"{samples} samples")


def _judge_times(track: Track, file: File, samples: int | None, offsets: Table | None) -> None:
    """Durations are given to as many samples as there are. 8.6.1.2."""
    times = track.tables.get(b"stts")
    if times is None or samples is None:
        return
    if offsets and offsets.count and not (samples and times.count):
        file.note(rules.SAMPLE_TABLES, offsets.box, f"{offsets.count} chunks", "samples, and durations of them")
        return
    timed = sum(sum(numbers[::2]) for numbers in _entries_in_pairs(times, file))
    if timed != samples:
        file.note(rules.SAMPLE_COUNT, times.box, f"{timed} samples with a duration", f"{samples} samples")


def _entries_in_pairs(table: Table, file: File) -> Iterator[array[int]]:
    """The numbers of a table of pairs; a piece has always whole ones, 256 KiB being a multiple of eight."""
    yield from _entries(Table(table.box, table.begin, 2 * table.count, 4), file, "I")
