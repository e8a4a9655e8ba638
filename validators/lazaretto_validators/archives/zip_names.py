"""The names in a ZIP, as what they are: paths that somebody's program will write to."""

from __future__ import annotations

import posixpath
import re
import unicodedata
from collections.abc import Iterator

from lazaretto_validators.archives import zip_rules as rules
from lazaretto_validators.archives.zip_directory import Entry
from lazaretto_validators.archives.zip_kinds import member_head
from lazaretto_validators.finding import Finding
from lazaretto_validators.source import Source
from lazaretto_validators.validator import Screening

__all__ = ["is_plain_link", "judge_names"]

_UP = re.compile(r"(?:^|/) *\.\. *(?:/|$)")  # Windows drops spaces around a component: CVE-2025-8088
_DRIVE = re.compile(r"[A-Za-z]:|//")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")

_UNIX_SYSTEMS = frozenset({3, 19})  # 4.4.2: UNIX, OS X; only these put a mode into the upper half
_TYPE, _LINK, _FOLDER, _FILE = 0o170000, 0o120000, 0o040000, 0o100000
_PIPE = 0o010000  # Info-ZIP marks so what it was piped, and calls it "-"
_SPECIAL = frozenset({_PIPE, 0o020000, 0o060000, 0o140000})  # pipe, character device, block device, socket

_MAX_TARGET = 4096  # PATH_MAX of Linux
_MAX_PARENTS = 64  # deeper folders are looked at as names only


def _mode_type(entry: Entry) -> int:
    return entry.mode & _TYPE if entry.system in _UNIX_SYSTEMS else 0


def judge_names(source: Source, screening: Screening, entries: list[Entry]) -> Iterator[Finding]:
    """Every name for itself, the links, and the names among each other."""
    links: set[str] = set()
    for entry in entries:
        yield from _judge_name(entry)
        kind = _mode_type(entry)
        if kind in _SPECIAL and not (kind == _PIPE and entry.raw_name == b"-"):
            yield rules.SPECIAL_FILE.found(at=entry.at, where=entry.name, seen=f"mode {entry.mode:o}")
        if kind == _LINK:
            links.add(_key(entry.name))
            yield from _judge_link(source, entry)
    yield from _judge_together(screening, entries, links)


def _judge_name(entry: Entry) -> Iterator[Finding]:
    at, where = entry.at, entry.name
    if not entry.well_formed_name:
        yield rules.NAME_UTF8.found(at=at, where=where, seen=entry.raw_name)
    if not entry.well_formed_extra:
        yield rules.EXTRA_FIELD.found(at=at, where=where)
    if not entry.name or _CONTROL.search(entry.name):
        yield rules.NAME_CONTROL.found(at=at, where=where, seen=entry.raw_name)
    names = [entry.name]
    if entry.unicode_name is not None:
        names.append(entry.unicode_name)
        if _extension(entry.unicode_name) != _extension(entry.name):
            yield rules.UNICODE_NAME.found(at=at, where=where, seen=entry.unicode_name)
    for name in names:
        path = name.replace("\\", "/")
        # Dots of other kinds become plain ones on file systems that normalize names.
        if _UP.search(path) or _UP.search(unicodedata.normalize("NFKC", path)):
            yield rules.TRAVERSAL.found(at=at, where=where, seen=name)
        if _DRIVE.match(path):
            yield rules.DRIVE.found(at=at, where=where, seen=name)
        elif path.startswith("/"):
            yield rules.ABSOLUTE.found(at=at, where=where, seen=name)


def _extension(name: str) -> str:
    return posixpath.splitext(name.replace("\\", "/").rstrip(". "))[1].casefold()


def _target(source: Source, entry: Entry) -> str:
    return member_head(source, entry, _MAX_TARGET).decode("utf-8", errors="replace")


def _judge_link(source: Source, entry: Entry) -> Iterator[Finding]:
    target = _target(source, entry).replace("\\", "/")
    resolved = posixpath.normpath(posixpath.join(posixpath.dirname(entry.name.replace("\\", "/")), target))
    if resolved.startswith("/") or _UP.match(resolved) or _DRIVE.match(target):
        yield rules.SYMLINK.found(at=entry.at, where=entry.name, seen=target)


def is_plain_link(source: Source, entry: Entry) -> bool:
    """Is the member nothing but a path? Programs that ignore the mode would write its text under its name."""
    if _mode_type(entry) != _LINK or entry.size > _MAX_TARGET:
        return False
    target = _target(source, entry)
    return not _CONTROL.search(target) and _extension(target) == _extension(entry.name)


def _key(name: str) -> str:
    """The name as a Mac or a Windows computer compares it."""
    path = unicodedata.normalize("NFC", name.replace("\\", "/").rstrip("/"))
    return "/".join(part.rstrip(". ") or part for part in path.split("/")).casefold()


def _judge_together(screening: Screening, entries: list[Entry], links: set[str]) -> Iterator[Finding]:
    by_name: dict[bytes, Entry] = {}
    by_key: dict[str, Entry] = {}
    for entry in entries:
        screening.spend()
        key = _key(entry.name)
        earlier = by_name.setdefault(entry.raw_name, entry)
        other = by_key.setdefault(key, entry)
        if earlier is not entry:
            yield _judge_twins(earlier, entry)
        elif other is not entry:
            yield rules.NAME_COLLISION.found(at=entry.at, where=entry.name, seen=other.name)
    files = {key for key, entry in by_key.items() if not entry.is_folder}
    for entry in entries:
        for parent in _parents(_key(entry.name)):
            if parent in links:
                yield rules.THROUGH_LINK.found(at=entry.at, where=entry.name, seen=parent)
            elif parent in files:
                yield rules.NAME_COLLISION.found(at=entry.at, where=entry.name, seen=f"{parent} is a file")


def _judge_twins(earlier: Entry, entry: Entry) -> Finding:
    same = (earlier.crc, earlier.size) == (entry.crc, entry.size)
    rule = rules.DUPLICATE if same else rules.DUPLICATE_CONFLICT
    return rule.found(at=entry.at, where=entry.name, seen=f"also at {earlier.at}")


def _parents(key: str) -> Iterator[str]:
    position = key.find("/")
    for _ in range(_MAX_PARENTS):
        if position < 0:
            return
        yield key[:position]
        position = key.find("/", position + 1)
