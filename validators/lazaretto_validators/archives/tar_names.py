"""The names in a tar archive, as what they are: paths that somebody's program will write to."""

from __future__ import annotations

import posixpath
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field

from lazaretto_validators.archives import tar_rules as rules
from lazaretto_validators.finding import Finding

__all__ = ["Names", "shown"]

_UP = re.compile(r"(?:^|/) *\.\. *(?:/|$)")  # Windows drops blanks around a component: CVE-2025-8088
_DRIVE = re.compile(r"[A-Za-z]:[/\\]|//|\\\\")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_LONGEST = 886  # bytes; CVE-2021-1810
_MOST_PARENTS = 64  # deeper folders are looked at as names only
_HARD, _SOFT = b"1", b"2"


Content = tuple[int, int]
"""Size, and a checksum of the beginning: enough to tell a newer version from the same one."""


def shown(raw: bytes) -> str:
    """A name as text: UTF-8, or what else it may be."""
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode("latin-1")


@dataclass(slots=True)
class Names:
    """All names so far. by_name: content and kind of the last of each. links: keys of those that are symbolic links."""

    by_name: dict[str, tuple[Content, bytes]] = field(default_factory=dict)
    by_key: dict[str, str] = field(default_factory=dict)
    links: set[str] = field(default_factory=set)
    said: set[str] = field(default_factory=set)

    def judge(self, raw: bytes, kind: bytes, content: Content, at: int) -> Iterator[Finding]:
        """A member's name for itself and among the others."""
        name = shown(raw)
        if not raw or _CONTROL.search(name):
            yield rules.NAME_CONTROL.found(at=at, where=name, seen=raw)
        if not raw.isascii() and not _is_utf8(raw):
            yield from self._once(rules.NAME_UTF8.found(at=at, where=name, seen=raw))
        yield from self.judge_path(raw, at)
        if len(raw) > _LONGEST:
            yield from self._once(rules.LONG_PATH.found(at=at, where=name, seen=f"{len(raw)} bytes", allowed=_LONGEST))
        yield from self._among_others(name, kind, content, at)

    def judge_path(self, raw: bytes, at: int) -> Iterator[Finding]:
        """Where a name leads to."""
        name = shown(raw)
        path = name.replace("\\", "/")
        if _UP.search(path) or _UP.search(unicodedata.normalize("NFKC", path)):
            yield rules.TRAVERSAL.found(at=at, where=name, seen=name)
        if _DRIVE.match(name):
            yield rules.DRIVE.found(at=at, where=name, seen=name)
        elif path.startswith("/"):
            yield from self._once(rules.ABSOLUTE.found(at=at, where=name, seen=name))

    def _among_others(self, name: str, kind: bytes, content: Content, at: int) -> Iterator[Finding]:
        plain = posixpath.normpath(name) if name else ""
        earlier = self.by_name.get(plain)
        self.by_name[plain] = content, kind
        first = self.by_key.setdefault(_key(plain), plain)
        if earlier is not None:
            rule = rules.DUPLICATE if earlier == (content, kind) else rules.DUPLICATE_CONFLICT
            yield from self._once(
                rule.found(at=at, where=name, seen=f"{content[0]} bytes", allowed=f"{earlier[0][0]} bytes")
            )
        elif first != plain:
            yield from self._once(rules.NAME_COLLISION.found(at=at, where=name, seen=first))
        for parent in _parents(_key(plain)) if self.links else ():
            if parent in self.links:
                yield rules.THROUGH_LINK.found(at=at, where=name, seen=parent)
                break
        if kind == _SOFT:
            self.links.add(_key(plain))

    def judge_link(self, name: bytes, target: bytes, kind: bytes, at: int) -> Iterator[Finding]:
        """Where a link leads. A hard link counts from the archive's root, a symbolic one from its own folder."""
        told = shown(target)
        path = told.replace("\\", "/")
        base = posixpath.dirname(shown(name).replace("\\", "/")) if kind == _SOFT else ""
        resolved = posixpath.normpath(posixpath.join(base, path))
        if resolved.startswith("/") or _UP.match(resolved) or _DRIVE.match(told):
            yield rules.LINK.found(at=at, where=shown(name), seen=told)
        if kind == _HARD and _key(resolved) in self.links:  # another name for the link
            self.links.add(_key(posixpath.normpath(shown(name))))

    def _once(self, finding: Finding) -> Iterator[Finding]:
        if finding.rule not in self.said:
            self.said.add(finding.rule)
            yield finding


def _is_utf8(raw: bytes) -> bool:
    try:
        raw.decode()
    except UnicodeDecodeError:
        return False
    return True


def _key(name: str) -> str:
    """The name as a Mac or a Windows computer compares it."""
    path = unicodedata.normalize("NFC", name)
    return "/".join(part.rstrip(". ") or part for part in path.split("/")).casefold()


def _parents(name: str) -> Iterator[str]:
    position = name.find("/", 1)
    for _ in range(_MOST_PARENTS):
        if position < 0:
            return
        yield name[:position]
        position = name.find("/", position + 1)
