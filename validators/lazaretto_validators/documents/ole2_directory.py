"""The directory of a compound file: entries, the tree that they form, the streams behind them. [MS-CFB] 2.6."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from lazaretto_validators.documents import ole2_rules as rules
from lazaretto_validators.documents.ole2_structure import CUTOFF, MINI, Chain, Compound
from lazaretto_validators.finding import Finding
from lazaretto_validators.source import Source

__all__ = ["ENTRY", "ROOT_TYPE", "STORAGE", "STREAM", "Directory", "Entry", "read_directory"]

ENTRY = 128  # bytes, 2.6.1
UNUSED, STORAGE, STREAM, ROOT_TYPE = 0, 1, 2, 5
NONE = 0xFFFFFFFF  # NOSTREAM, 2.6.1
_FIELDS = struct.Struct("<64sHBBLLL16s4x16xLQ")


@dataclass(slots=True)
class Entry:
    """One entry of the directory. path: names from the root on, joined by `/`. data: a stream's bytes."""

    number: int
    at: int
    name: str
    kind: int
    left: int
    right: int
    child: int
    clsid: bytes
    start: int
    size: int
    path: str = ""
    data: Source | None = None

    @property
    def key(self) -> str:
        """The name as it is compared: without regard to case, 2.6.4."""
        return self.name.upper()

    @property
    def folder(self) -> str:
        return self.path.rpartition("/")[0]


@dataclass(slots=True)
class Directory:
    """All entries in use, the root first. by_path: in capitals."""

    entries: list[Entry]
    by_path: dict[str, Entry]

    @property
    def root(self) -> Entry:
        return self.entries[0]

    def get(self, path: str) -> Entry | None:
        """The entry at a path from the root, without regard to case."""
        return self.by_path.get(path.upper())

    def streams(self) -> Iterator[tuple[Entry, Source]]:
        """Streams that have bytes."""
        return ((entry, entry.data) for entry in self.entries if entry.data is not None)


def read_directory(compound: Compound, findings: list[Finding]) -> Directory | None:
    """Entries with their paths and streams. None where there is no root."""
    chain = compound.fat.walk(compound.directory_start, compound.screening)
    if chain.fault:
        findings.append(chain.fault.found(at=48, where="directory", seen=f"sector {chain.at}"))
    entries = list(_entries(compound, chain))
    if not entries or entries[0].kind != ROOT_TYPE:
        at, seen = (entries[0].at, entries[0].kind) if entries else (48, "nothing")
        findings.append(rules.ROOT.found(at=at, where="directory", seen=seen, allowed=ROOT_TYPE))
        return None
    for entry in entries:
        findings += _judge_entry(entry)
    _name_paths(compound, entries, findings)
    used = [entry for entry in entries if entry.kind in (STORAGE, STREAM, ROOT_TYPE)]
    _open_streams(compound, used, findings)
    by_path: dict[str, Entry] = {}
    for entry in used:
        if by_path.setdefault(entry.path.upper(), entry) is not entry and entry.number:
            findings.append(rules.DUPLICATE_NAME.found(at=entry.at, where=entry.path))
    return Directory(used, by_path)


def _entries(compound: Compound, chain: Chain) -> Iterator[Entry]:
    number = 0
    for first, count in chain.runs:
        at = compound.place(first)
        for piece in compound.source.at(at, count << compound.shift).pieces():
            compound.screening.spend(len(piece) // ENTRY)
            for offset in range(0, len(piece) - ENTRY + 1, ENTRY):
                yield _entry(number, at + offset, piece[offset : offset + ENTRY], compound.version)
                number += 1
            at += len(piece)


def _entry(number: int, at: int, data: bytes, version: int) -> Entry:
    name, length, kind, _, left, right, child, clsid, start, size = _FIELDS.unpack(data)
    shown = name[: max(0, min(length, 64) - 2)].decode("utf-16-le", "replace")
    if version == 3:
        size &= 0xFFFFFFFF  # 2.6.3: the high half may be garbage in version 3
    return Entry(number, at, shown, kind, left, right, child, clsid, start, size)


def _judge_entry(entry: Entry) -> Iterator[Finding]:
    if entry.kind not in (UNUSED, STORAGE, STREAM, ROOT_TYPE) or (entry.kind == ROOT_TYPE) != (entry.number == 0):
        yield rules.DIRECTORY_ENTRY.found(
            at=entry.at, where=f"entry {entry.number}", seen=f"type {entry.kind}", allowed="0, 1, 2; 5 for the first"
        )
    elif entry.kind in (STORAGE, STREAM) and not entry.name:
        yield rules.DIRECTORY_ENTRY.found(at=entry.at, where=f"entry {entry.number}", seen="no name")


def _name_paths(compound: Compound, entries: list[Entry], findings: list[Finding]) -> None:
    """Walk the tree from the root; every entry is met once, which bounds the walk. 2.6.4."""
    met = {0}
    waiting: list[tuple[int, str, int]] = [(entries[0].child, "", 0)]
    while waiting:
        number, folder, parent = waiting.pop()
        if number == NONE:
            continue
        compound.screening.spend()
        if number >= len(entries) or entries[number].kind not in (STORAGE, STREAM):
            findings.append(rules.DIRECTORY_LINK.found(at=entries[parent].at, where=f"entry {parent}", seen=number))
            continue
        if number in met:
            findings.append(rules.DIRECTORY_LOOP.found(at=entries[parent].at, where=f"entry {parent}", seen=number))
            continue
        met.add(number)
        entry = entries[number]
        entry.path = f"{folder}{entry.name}"
        waiting += ((entry.left, folder, number), (entry.right, folder, number))
        if entry.kind == STORAGE:
            waiting.append((entry.child, f"{entry.path}/"[-2000:], number))
    for entry in entries:
        if entry.number not in met and entry.kind in (STORAGE, STREAM):
            entry.path = f"(orphan {entry.number})/{entry.name}"
            findings.append(rules.ORPHAN.found(at=entry.at, where=entry.name))


def _open_streams(compound: Compound, entries: list[Entry], findings: list[Finding]) -> None:
    """Follow the chain of every stream. The root's own is where the short ones lie. 2.6.2, 2.6.3."""
    root = entries[0]
    chain = compound.fat.walk(root.start, compound.screening) if root.size else Chain()
    compound.mini = compound.stream(chain, chain.sectors << compound.shift)
    findings += _judge_chain(root, chain, chain.sectors << compound.shift)
    held = min(len(compound.minifat.links), -(-(chain.sectors << compound.shift) // MINI))
    del compound.minifat.owners[held:]
    for entry in entries:
        if entry.kind != STREAM or not entry.size:
            continue
        table = compound.minifat if entry.size < CUTOFF else compound.fat
        unit = MINI if table is compound.minifat else compound.sector
        chain = table.walk(entry.start, compound.screening)
        found = list(_judge_chain(entry, chain, chain.sectors * unit))
        findings += found
        held = chain.sectors * unit
        data = compound.short_stream(chain, held) if table is compound.minifat else compound.stream(chain, held)
        entry.data = data.at(0, min(entry.size, held))
        if held - entry.size >= unit:
            compound.spare_behind(entry.path, data, entry.size)


def _judge_chain(entry: Entry, chain: Chain, held: int) -> Iterator[Finding]:
    if chain.fault:
        orphan = entry.path.startswith("(orphan")
        rule = rules.ORPHAN if orphan else chain.fault
        yield rule.found(at=entry.at, where=entry.path or "root", seen=f"sector {chain.at}")
    elif entry.size > held:
        yield rules.CHAIN_SHORT.found(
            at=entry.at, where=entry.path or "root", seen=f"{entry.size} bytes", allowed=f"{held} bytes"
        )
