"""What an Office document is tied to: its relationships. ECMA-376-2, 6.5; threats OFF-07, OFF-09, OFF-23.

A relationship's kind decides whether its target is loaded without a click, is asked for, or waits for one. Kinds that
are not listed here have no business outside the package, and are told where they lead there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import unquote

from lazaretto_validators import unscannable
from lazaretto_validators.documents import ooxml_rules as rules
from lazaretto_validators.documents.ooxml_package import Package, elements, folded
from lazaretto_validators.documents.xml_tokens import decode_xml
from lazaretto_validators.finding import Finding, Rule

__all__ = ["judge_links"]

_FETCHED = frozenset(
    {
        "attachedtemplate", "oleobject", "frame", "subdocument", "package", "slidemaster", "slide", "slideupdateurl",
        "officedocument", "afchunk", "control", "externalreference", "worksheet", "vbaproject", "xlmacrosheet",
    }
)  # fmt: skip
"""Kinds whose external target is loaded without a click (threats OFF-07), folded."""

_CLICKED = frozenset({"hyperlink"})
_SHOWN = frozenset({"image", "video", "audio", "media"})
"""Pictures of web pages stay linked when they are pasted; on another computer they give away the reader's login."""

_MAX_LINKS = 16 << 20  # bytes of one part: the links of a full sheet, with addresses of 200 letters
_PLAIN_LINK = re.compile(
    r'<Relationship Id="\w{1,20}" Type="http://schemas\.openxmlformats\.org/officeDocument/2006/relationships/'
    r'hyperlink" Target="[^"<>]*" TargetMode="External" ?/>'
)
"""A link that waits for a click, as the common programs write it: nothing to judge, and there may be very many."""

_REMOTE = re.compile(r"[a-z][a-z0-9+.-]+:|[\\/]{2}", re.IGNORECASE)  # any scheme: handlers are what is attacked
_ON_DISK = re.compile(r"(?:file:/*)?[A-Za-z]:[\\/]", re.IGNORECASE)
_ON_SHARE = re.compile(r"file:|[\\/]{2}", re.IGNORECASE)
_IGNORED = re.compile(r"[\x00-\x20\u200b-\u200d\u2060\ufeff]")  # what programs drop from an address


def judge_links(package: Package) -> Iterator[Finding]:
    """Every relationship of every part; fills `main` and `roles`."""
    if "_rels/.rels" not in package.parts:
        yield rules.MISSING_PART.found(at=None, where="_rels/.rels")
    for name in package.parts:
        if name.endswith(".rels"):
            yield from _judge_part(package, name)


def _judge_part(package: Package, name: str) -> Iterator[Finding]:
    text, whole = package.xml(name, _MAX_LINKS)
    yield from package.judge_markup(name, text)
    text = _PLAIN_LINK.sub(" ", text)
    if not whole or not package.may_take_apart(text):
        # No honest part of this kind is so long, and what one relationship does may hide behind a million others.
        # A sheet has 65 530 links at most, which some programs make of every address in a table.
        entry = package.parts[name]
        yield unscannable.BUDGET.found(at=entry.local_at, where=entry.name, seen=f"{entry.size} bytes of relationships")
        return
    for tag in elements(text, "Relationship"):
        yield from _judge_relationship(package, name, tag.attributes)


def _judge_relationship(package: Package, name: str, attributes: dict[str, str]) -> Iterator[Finding]:
    kind = attributes.get("Type", "").rstrip("/ \t\r\n").rpartition("/")[2].strip().lower()
    target = attributes.get("Target", "").strip()
    if attributes.get("TargetMode", "").strip().lower() == "external":
        if rule := _rule_for(kind, _IGNORED.sub("", unquote(target))):
            entry = package.parts[name]
            yield rule.found(at=entry.local_at, where=entry.name, seen=f"{kind} {target}")
        return
    part = _resolve(name, target)
    package.roles.setdefault(part, set()).add(kind)
    if name == "_rels/.rels" and kind == "officedocument":
        package.main = part
    if kind == "afchunk" and part in package.parts and _is_active_chunk(package, part):
        yield rules.ALT_CHUNK.found(at=package.parts[part].local_at, where=package.parts[part].name)


def _rule_for(kind: str, target: str) -> Rule | None:
    """The rule that an external target breaks."""
    if kind in _FETCHED and _ON_DISK.match(target):
        return rules.LINKED_PART
    if kind in _CLICKED or _ON_DISK.match(target) or not _REMOTE.match(target):
        return None
    if kind in _SHOWN:
        return rules.LINKED_PART if _ON_SHARE.match(target) else None
    return rules.REMOTE_PART if kind in _FETCHED else rules.LINKED_PART


def _resolve(relationships: str, target: str) -> str:
    """The folded name of the part that a relationship points at: relative to the folder above `_rels`."""
    folders = [] if target.startswith(("/", "\\")) else relationships.split("/")[:-2]
    for step in folded(target).split("/"):
        if step == "..":
            del folders[-1:]
        elif step not in ("", "."):
            folders.append(step)
    return "/".join(folders)


def _is_active_chunk(package: Package, part: str) -> bool:
    head = decode_xml(package.head(part, 64 * 1024)).lstrip().lower()
    return head.startswith("{\\rt") or "rtf" in package.type_of(part) or "<script" in head
