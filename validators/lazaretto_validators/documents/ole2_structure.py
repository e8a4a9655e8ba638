"""The sectors of a compound file: header, allocation tables, chains. [MS-CFB] 2.1 to 2.5.

A sector belongs to one chain. Who owns it is noted while the chains are walked, so that a loop and two chains that
meet are seen at the first sector, and no walk is longer than the file.
"""

from __future__ import annotations

import struct
import sys
from array import array
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from lazaretto_validators.documents import ole2_rules as rules
from lazaretto_validators.finding import Finding, Rule
from lazaretto_validators.source import MAX_READ, Source
from lazaretto_validators.validator import Screening

__all__ = ["CUTOFF", "END", "FAT_SECTOR", "FREE", "SIGNATURE", "Chain", "Compound", "Table", "open_compound", "window"]

SIGNATURE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
HEADER = 512  # bytes, 2.2; in version 4 the rest of the first sector is zero
FREE, END, FAT_SECTOR = 0xFFFFFFFF, 0xFFFFFFFE, 0xFFFFFFFD  # 2.1
LARGEST = 0xFFFFFFFA  # MAXREGSECT, 2.1
MINI = 64  # bytes of a mini sector, 2.2
CUTOFF = 4096  # bytes: shorter streams lie in mini sectors, 2.2

MAX_FAULTS = 1000  # of the table, before the walk over it is given up
_TABLES = 1  # owner of the sectors of the table itself; chains have the numbers behind it


@dataclass(slots=True)
class Chain:
    """Runs of sectors: (first sector, how many). fault: why the walk ended early."""

    runs: list[tuple[int, int]] = field(default_factory=list)
    fault: Rule | None = None
    at: int = 0

    @property
    def sectors(self) -> int:
        return sum(count for _, count in self.runs)


@dataclass(slots=True)
class Table:
    """An allocation table: the successor of every sector, and who owns it. count: sectors that are in the file."""

    links: array[int]
    count: int
    owners: array[int] = field(default_factory=lambda: array("I"))
    owner: int = _TABLES

    def __post_init__(self) -> None:
        self.owners = array("I", bytes(4 * min(self.count, len(self.links))))

    def walk(self, start: int, screening: Screening) -> Chain:
        """The chain from `start`. Sectors that it takes are owned from then on."""
        self.owner += 1
        mine, links, owners = self.owner, self.links, self.owners
        chain, number, first, length = Chain(), start, start, 0
        while number != END:
            if number >= len(owners):
                chain.fault, chain.at = rules.CHAIN_OUTSIDE, number
                break
            if owners[number]:
                chain.fault = rules.CHAIN_LOOP if owners[number] == mine else rules.CROSS_LINK
                chain.at = number
                break
            owners[number] = mine
            if number != first + length:
                chain.runs.append((first, length))
                first, length = number, 0
            length += 1
            number = links[number]
        if length:
            chain.runs.append((first, length))
        screening.spend(1 + len(chain.runs) + chain.sectors // 8)
        return chain


@dataclass(slots=True)
class Compound:
    """A compound file whose tables are read. size: of the file. mini: the stream that short streams lie in.

    spare: stretches that belong to something, and of which nothing is read: where, and the bytes.
    """

    source: Source
    screening: Screening
    size: int
    shift: int
    version: int
    directory_start: int
    mini_start: int
    fat: Table
    minifat: Table = field(default_factory=lambda: Table(array("I"), 0))
    mini: Source = field(default_factory=lambda: Source.of_bytes(b""))
    spare: list[tuple[str, Source]] = field(default_factory=list)

    def spare_behind(self, where: str, data: Source, used: int) -> None:
        """Note that of `data` only the first bytes are read."""
        if data.size > used:
            self.spare.append((where, data.at(used)))

    @property
    def sector(self) -> int:
        """Bytes of a sector."""
        return 1 << self.shift

    def place(self, number: int) -> int:
        """Where a sector stands in the file. 2.2: the header takes the first one."""
        return (number + 1) << self.shift

    def stream(self, chain: Chain, length: int) -> Source:
        """The bytes of a chain."""
        return window(self.source, [(self.place(first), count << self.shift) for first, count in chain.runs], length)

    def short_stream(self, chain: Chain, length: int) -> Source:
        """The bytes of a chain of mini sectors."""
        return window(self.mini, [(first * MINI, count * MINI) for first, count in chain.runs], length)


class _Fragments:
    """A store over stretches of a source, in their order: (offset, length)."""

    def __init__(self, source: Source, runs: list[tuple[int, int]]) -> None:
        self._source, self._runs = source, runs
        self._begins = [0]
        for _, length in runs:
            self._begins.append(self._begins[-1] + length)

    def fetch(self, offset: int, least: int, most: int) -> bytes:
        """See `Store`."""
        parts: list[bytes] = []
        got, index = 0, bisect_right(self._begins, offset) - 1
        while index < len(self._runs) and got < max(least, 1):
            at, length = self._runs[index]
            inside = offset + got - self._begins[index]
            count = min(length - inside, most - got, MAX_READ)
            data = self._source.at(at + inside, count).peek(count)
            parts.append(data)
            got += len(data)
            if len(data) < count:
                break
            index += count == length - inside
        return b"".join(parts)

    def size(self) -> int:
        """See `Store`."""
        return self._begins[-1]


def window(source: Source, runs: list[tuple[int, int]], length: int) -> Source:
    """A source over the stretches, `length` bytes of them at most."""
    if not runs:
        return Source.of_bytes(b"")
    if len(runs) == 1:
        return source.at(runs[0][0], min(runs[0][1], length))
    size = source.size
    inside = [(at, min(count, size - at)) for at, count in runs if at < size]
    return Source(_Fragments(source, inside), length=length)


def _numbers(data: bytes) -> array[int]:
    """Little-endian numbers of four bytes."""
    numbers = array("I", data[: len(data) & ~3])
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers


def open_compound(source: Source, screening: Screening, findings: list[Finding]) -> Compound | None:
    """Header and tables; what is wrong with them goes to `findings`. None where nothing further can be read."""
    head = source.read(HEADER)
    shift = struct.unpack_from("<H", head, 30)[0]
    version = struct.unpack_from("<H", head, 26)[0]
    if shift not in (9, 12):
        findings.append(rules.SECTOR_SHIFT.found(at=30, where="header", seen=shift, allowed="9 or 12"))
        return None
    findings += _judge_header(head, shift, version)
    size = source.size
    if size & ((1 << shift) - 1):
        seen = size & ((1 << shift) - 1)
        findings.append(rules.SHORT_SECTOR.found(at=size - seen, seen=f"{seen} bytes", allowed=1 << shift))
    count = max(0, (size - 1 >> shift))
    places, special = _table_sectors(source, screening, head, shift, count, findings)
    links = array("I")
    for number in places:
        links += _numbers(source.at((number + 1) << shift, 1 << shift).peek(1 << shift))
    fat = Table(links, count)
    for number in special:
        if number < len(fat.owners):
            fat.owners[number] = _TABLES
    declared, directory = struct.unpack_from("<LL", head, 44)
    mini_start, mini_count = struct.unpack_from("<LL", head, 60)
    compound = Compound(source, screening, size, shift, version, directory, mini_start, fat)
    if declared != len(places):
        findings.append(rules.SECTOR_COUNT.found(at=44, where="header", seen=declared, allowed=len(places)))
    table = window(source, [((number + 1) << shift, 1 << shift) for number in places], len(places) << shift)
    compound.spare_behind("FAT", table, 4 * count)
    _read_minifat(compound, mini_count, findings)
    return compound


def _judge_header(head: bytes, shift: int, version: int) -> Iterator[Finding]:
    """The fields that have one value. 2.2."""
    order, mini_shift, cutoff = (struct.unpack_from(f, head, at)[0] for f, at in (("<H", 28), ("<H", 32), ("<L", 56)))
    fields = (
        (26, "major version", version, (3,) if shift == 9 else (4,)),
        (28, "byte order", order, (0xFFFE,)),
        (32, "mini sector shift", mini_shift, (6,)),
        (56, "mini stream cutoff", cutoff, (CUTOFF,)),
    )
    for at, name, seen, allowed in fields:
        if seen not in allowed:
            yield rules.HEADER.found(at=at, where=name, seen=seen, allowed=allowed[0])
    if head[8:24].strip(b"\0") or head[34:40].strip(b"\0"):
        yield rules.HEADER_CLSID.found(at=8, where="header", seen=head[8:24].hex(), allowed="zeros")


@dataclass(slots=True)
class _Taken:
    """The sectors of the allocation table, in its order: each may be named once. 2.3, 2.5."""

    count: int
    findings: list[Finding]
    sectors: dict[int, None] = field(default_factory=dict)

    def take(self, numbers: Iterable[int]) -> None:
        """The next ones. Marks of what is not there are passed over."""
        for number in numbers:
            if number in (FREE, END):
                continue
            if number >= self.count:
                where = f"below {self.count}"
                self.findings.append(rules.TABLE_OUTSIDE.found(at=76, where="FAT", seen=number, allowed=where))
            elif number in self.sectors:
                self.findings.append(rules.CROSS_LINK.found(at=76, where="FAT", seen=f"sector {number} twice"))
            else:
                self.sectors[number] = None


def _table_sectors(
    source: Source, screening: Screening, head: bytes, shift: int, count: int, findings: list[Finding]
) -> tuple[list[int], list[int]]:
    """The sectors of the allocation table, and with them those of the list that names them. 2.3, 2.5."""
    taken = _Taken(count, findings)
    taken.take(struct.unpack_from("<109L", head, 76))
    lists: dict[int, None] = {}
    number = struct.unpack_from("<L", head, 68)[0]
    while number < LARGEST and len(findings) < MAX_FAULTS:
        if number >= count or number in lists or number in taken.sectors:
            rule = rules.TABLE_OUTSIDE if number >= count else rules.CHAIN_LOOP
            findings.append(rule.found(at=68, where="DIFAT", seen=number, allowed=f"below {count}"))
            break
        lists[number] = None
        screening.spend()
        numbers = _numbers(source.at((number + 1) << shift, 1 << shift).peek(1 << shift))
        if len(numbers) < 1 << (shift - 2):
            break
        taken.take(numbers[:-1])
        number = numbers[-1]
    return list(taken.sectors), [*lists, *taken.sectors]


def _read_minifat(compound: Compound, declared: int, findings: list[Finding]) -> None:
    """The table of the mini sectors is itself a chain of sectors. 2.4."""
    if compound.mini_start >= LARGEST:
        return
    chain = compound.fat.walk(compound.mini_start, compound.screening)
    if chain.fault:
        findings.append(chain.fault.found(at=60, where="MiniFAT", seen=f"sector {chain.at}"))
    if declared != chain.sectors:
        findings.append(rules.SECTOR_COUNT.found(at=64, where="header", seen=declared, allowed=chain.sectors))
    links = array("I")
    for first, count in chain.runs:
        for piece in compound.source.at(compound.place(first), count << compound.shift).pieces():
            links += _numbers(piece)
    compound.minifat = Table(links, len(links))
