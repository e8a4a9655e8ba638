"""The bytes, as a validator sees them.

A validator pulls: `read(n)` waits until those bytes have arrived. A source never says how much has arrived, so that a
verdict cannot depend on it. It has two ends: the end of the file, and *aborted* (the download broke off).

Nothing is ever allocated by a length that a file declares: one read is at most `MAX_READ`, longer stretches are
walked with `pieces` or passed with `skip`.
"""

from __future__ import annotations

import os
import sys
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator
from typing import Protocol, TypeVar, cast

from lazaretto_validators.limits import Budget, Limits

__all__ = ["MAX_READ", "PIECE", "Aborted", "NotThisFormat", "ShortRead", "Source", "Store"]

T = TypeVar("T")

MAX_READ = 1 << 20
"""The largest single read, bytes. A validator that wants more is wrong about its format."""

PIECE = 256 * 1024
"""Size of the pieces that long stretches are walked in: large enough for C speed, small enough for the cache."""

_FARTHEST = 1 << 62
"""No file reaches there, and the system call takes no offset much beyond. A declared length may well say so."""

_BLOCK = 64 * 1024  # what is fetched at least, when it is there: most reads of a parser are tiny

# glibc gives freed blocks of more than 128 KiB back to the system, and every page of the next piece is then mapped
# anew: half the time of a walk over a file. Freeing one block that is larger than any read teaches it to keep them
# (malloc(3), M_MMAP_THRESHOLD). Other allocators take no notice.
bytes(2 * MAX_READ)

if sys.platform == "win32":

    def read_at(descriptor: int, count: int, offset: int) -> bytes:
        """Up to `count` bytes of a file at `offset`. Windows has no pread: the descriptor's own offset is moved."""
        os.lseek(descriptor, offset, os.SEEK_SET)
        return os.read(descriptor, count)

else:

    def read_at(descriptor: int, count: int, offset: int) -> bytes:
        """Up to `count` bytes of a file at `offset`."""
        return os.pread(descriptor, count, offset)


class ShortRead(Exception):
    """The file ended before the bytes that its format promises. The screener turns it into `<format>.truncated`."""

    def __init__(self, offset: int, wanted: int, available: int) -> None:
        super().__init__(f"{wanted} bytes wanted at {offset}, {available} there")
        self.offset = offset
        self.wanted = wanted
        self.available = available


class Aborted(Exception):
    """The bytes stopped coming before the file ended: the download broke off, which says nothing of the file."""


class NotThisFormat(Exception):
    """`expect` met other bytes: the file is not of the validator's format, and is declined rather than judged."""


class Store(Protocol):
    """Where a source's bytes lie. Random access, waiting for bytes that are still to come."""

    def fetch(self, offset: int, least: int, most: int) -> bytes:
        """Between `least` and `most` bytes at `offset`; fewer than `least` only at the true end. May raise Aborted."""

    def size(self) -> int:
        """The whole length, bytes; waits for the end. May raise Aborted."""


class _BytesStore:
    def __init__(self, data: bytes) -> None:
        self._data = data

    def fetch(self, offset: int, least: int, most: int) -> bytes:  # noqa: ARG002 - all is there at once
        return self._data[offset : offset + most]

    def size(self) -> int:
        return len(self._data)


class _FileStore:
    """A file on disk that no longer grows. Reads by position: the descriptor's own offset is never relied on."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def fetch(self, offset: int, least: int, most: int) -> bytes:
        if offset > _FARTHEST:
            return b""
        data = read_at(self._descriptor, most, offset)
        while len(data) < least and (more := read_at(self._descriptor, most - len(data), offset + len(data))):
            data += more
        return data

    def size(self) -> int:
        return os.fstat(self._descriptor).st_size


class _GrowingFileStore:
    """A file that is still being written. `wait(n)` blocks until n bytes are there and answers (there, ended)."""

    def __init__(self, descriptor: int, wait: Callable[[int], tuple[int, bool]]) -> None:
        self._descriptor = descriptor
        self._wait = wait

    def fetch(self, offset: int, least: int, most: int) -> bytes:
        there, _ = self._wait(min(offset + least, _FARTHEST))
        if there <= offset:
            return b""
        return read_at(self._descriptor, min(most, there - offset), offset)

    def size(self) -> int:
        there, ended = self._wait(0)
        while not ended:
            there, ended = self._wait(there + 1)
        return there


class _PiecesStore:
    """Bytes that come out of an iterator (a decompressor, a test). What has come is kept, so that formats may jump.

    Kept as the pieces that came: one growing buffer would be copied as it grows, and once more for every read.
    """

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces = iter(pieces)
        self._kept: list[bytes] = []
        self._begins: list[int] = []
        self._there = 0

    def _pull(self) -> bool:
        """Take in one more piece. False at the end."""
        piece = next(self._pieces, None)
        if piece:
            self._kept.append(piece)
            self._begins.append(self._there)
            self._there += len(piece)
        return piece is not None

    def fetch(self, offset: int, least: int, most: int) -> bytes:
        until = offset + least
        while self._there < until and self._pull():
            pass
        if offset >= self._there:
            return b""
        index = bisect_right(self._begins, offset) - 1
        skipped = offset - self._begins[index]
        data = self._kept[index][skipped : skipped + most]
        if len(data) >= least:
            return data
        parts, length = [data], len(data)
        while length < least and (index := index + 1) < len(self._kept):
            parts.append(self._kept[index][: most - length])
            length += len(parts[-1])
        return b"".join(parts)

    def size(self) -> int:
        while self._pull():
            pass
        return self._there


class _Shared:
    """What the windows of one inspection's source have in common.

    furthest: how far into the store any of them has come; the budget's allowance grows with it.
    head, block: the first stretch that was fetched and the last one, each with its place. A parser makes a window for
    every field, and most of them lie side by side or at the beginning.
    end: where the store ends, once a read has met it.
    known: what was worked out from the bytes of a window, see `Source.once`.
    """

    __slots__ = ("block", "block_at", "end", "furthest", "head", "head_at", "known")

    def __init__(self) -> None:
        self.furthest = 0
        self.head = self.block = b""
        self.head_at = self.block_at = 0
        self.end: int | None = None
        self.known: dict[tuple[object, ...], object] = {}

    def find(self, at: int, count: int) -> tuple[bytes, int] | None:
        """A kept stretch that holds all that exists of `count` bytes at `at`, and where it begins."""
        for kept, begin in ((self.block, self.block_at), (self.head, self.head_at)):
            until = begin + len(kept)
            # One that is too short holds all only if the store ends there: it may have been cut off while growing.
            if begin <= at and (at + count <= until or until == self.end):
                return kept, begin
        return None

    def keep(self, data: bytes, at: int, least: int) -> None:
        """Remember what a fetch of at least `least` bytes gave."""
        if len(data) < least and data:
            self.end = at + len(data)
        if len(data) <= _BLOCK:  # a piece of a long walk comes by only once
            self.block, self.block_at = data, at
            if not self.head:
                self.head, self.head_at = data, at


class Source:
    """A cursor over a stretch of a store. Make one with `of_bytes`, `of_file`, `of_growing_file` or `of_pieces`.

    Offsets are relative to the source's own beginning. Not thread-safe; windows made by `at` are independent cursors.
    """

    __slots__ = (
        "_budget",
        "_buffer",
        "_buffer_at",
        "_length",
        "_origin",
        "_position",
        "_shared",
        "_start",
        "_store",
    )

    def __init__(
        self,
        store: Store,
        *,
        budget: Budget | None = None,
        start: int = 0,
        length: int | None = None,
        origin: int = 0,
        shared: _Shared | None = None,
    ) -> None:
        self._store = store
        self._budget = budget or Budget(Limits())
        self._start = start
        self._length = length
        self._origin = origin
        self._position = 0
        self._buffer = b""
        self._buffer_at = 0
        self._shared = shared or _Shared()

    @classmethod
    def of_bytes(cls, data: bytes) -> Source:
        """Over bytes in memory."""
        return cls(_BytesStore(data))

    @classmethod
    def of_file(cls, descriptor: int) -> Source:
        """Over a regular file that no longer grows. The descriptor stays the caller's."""
        return cls(_FileStore(descriptor))

    @classmethod
    def of_growing_file(cls, descriptor: int, wait: Callable[[int], tuple[int, bool]]) -> Source:
        """Over a file still being written; `wait(n)` blocks until n bytes or the end are there: (there, ended)."""
        return cls(_GrowingFileStore(descriptor, wait))

    @classmethod
    def of_pieces(cls, pieces: Iterable[bytes]) -> Source:
        """Over bytes that an iterator yields. They are kept in memory: whoever makes the iterator bounds it."""
        return cls(_PiecesStore(pieces))

    def charged_to(self, budget: Budget) -> Source:
        """The same stretch from its beginning, its reads charged to `budget`."""
        shared = _Shared()
        shared.furthest = self._start  # what stands in front of a member is no part of it
        return Source(self._store, budget=budget, start=self._start, length=self._length, shared=shared)

    @property
    def size(self) -> int:
        """Length of this source, bytes. Waits for its end, and for that of the file only where it reaches so far."""
        if self._length is not None and (not self._length or self._holds(self._length)):
            return self._length
        return max(0, self._store.size() - self._start)

    def tell(self) -> int:
        """The cursor, from the beginning of this source."""
        return self._position

    @property
    def offset(self) -> int:
        """The cursor, from the beginning of the file or member that this source is a window of: for findings."""
        return self._origin + self._position

    def read(self, count: int) -> bytes:
        """Exactly `count` bytes (at most MAX_READ). Raises ShortRead at the end, and then stays where it was."""
        data = self._load(count)
        if len(data) < count:
            raise ShortRead(self.offset, count, len(data))
        self._position += count
        return data

    def peek(self, count: int) -> bytes:
        """Up to `count` bytes without moving; fewer only at the true end."""
        return self._load(count)

    def skip(self, count: int) -> None:
        """Pass over `count` bytes, which must exist. Raises ShortRead."""
        if count < 0:
            raise ValueError(f"skip({count}): a source only goes forward, use at() to jump")
        self._budget.spend()
        if count and not self._holds(self._position + count):
            raise ShortRead(self.offset, count, max(0, self.size - self._position))
        self._position += count
        self._advance(self._position)

    def expect(self, literal: bytes) -> None:
        """Read `literal`, or raise NotThisFormat: the file was never of this format."""
        if self.peek(len(literal)) != literal:
            raise NotThisFormat(f"{literal!r} expected at {self._position}")
        self._position += len(literal)

    def at(self, offset: int, length: int | None = None) -> Source:
        """An independent source over `length` bytes from `offset` (to the end if None). Costs nothing to make."""
        if offset < 0 or (length is not None and length < 0):
            raise ValueError(f"at({offset}, {length}): negative")
        self._budget.spend()
        if self._length is not None:
            room = max(0, self._length - offset)
            length = room if length is None else min(length, room)
        return Source(
            self._store,
            budget=self._budget,
            start=self._start + offset,
            length=length,
            origin=self._origin + offset,
            shared=self._shared,
        )

    def once(self, work: Callable[[Source, int], T], argument: int) -> T:
        """`work(self, argument)`, done once in an inspection for all windows over the same stretch.

        For what several parts of a validator need, such as a directory. `work` must read by `at` alone, and what it
        answers must not be changed.
        """
        key = (work, argument, self._start, self._length)
        if key not in self._shared.known:
            self._shared.known[key] = work(self, argument)
        return cast(T, self._shared.known[key])

    def pieces(self, length: int | None = None) -> Iterator[bytes]:
        """The next `length` bytes (to the end if None) in pieces of at most PIECE. Raises ShortRead at the end."""
        while length is None or length > 0:
            piece = self.peek(PIECE if length is None else min(PIECE, length))
            if not piece:
                if length is None:
                    return
                raise ShortRead(self.offset, length, 0)
            self._position += len(piece)
            if length is not None:
                length -= len(piece)
            yield piece

    def _holds(self, end: int) -> bool:
        """Do bytes up to `end` exist?"""
        if self._length is not None and end > self._length:
            return False
        if self._buffer_at < end <= self._buffer_at + len(self._buffer):
            return True
        return bool(self._store.fetch(self._start + end - 1, 1, 1))

    def _load(self, count: int) -> bytes:
        if not 0 <= count <= MAX_READ:
            raise ValueError(f"{count} bytes asked for: one read is 0 to {MAX_READ}")
        self._budget.spend()
        if self._length is not None:
            count = min(count, max(0, self._length - self._position))
        begin = self._position - self._buffer_at
        if begin < 0 or begin + count > len(self._buffer):
            begin = self._refill(self._start + self._position, count)
        data = self._buffer[begin : begin + count]
        if data:  # beyond the end, nothing was reached
            self._advance(self._position + len(data))
        return data

    def _refill(self, at: int, count: int) -> int:
        """Put `count` bytes at `at` of the store into the buffer, fewer at the end. Answers where in it they begin."""
        if kept := self._shared.find(at, count):
            self._buffer, block_at = kept
            self._buffer_at = block_at - self._start
            return at - block_at
        self._buffer = self._store.fetch(at, count, max(count, _BLOCK))
        self._buffer_at = self._position
        self._shared.keep(self._buffer, at, count)
        return 0

    def _advance(self, position: int) -> None:
        # What was asked for counts, not what the buffer happened to hold: the allowance must not depend on arrival.
        end, shared = self._start + position, self._shared
        if end > shared.furthest:
            self._budget.reach(end - shared.furthest)
            shared.furthest = end
