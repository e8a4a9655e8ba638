"""What a PDF does, or would do if it were clicked. ISO 32000-2, 12.6 (actions), 13 (multimedia), 12.7 (forms).

Every dictionary of every object is looked at, reachable or not: an object that nobody refers to today is one changed
byte away from being used. What needs other objects to be judged (a file specification, what opening the document
starts) waits until all of them are known.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TypeVar

from lazaretto_validators.documents import pdf_risks as risks
from lazaretto_validators.documents.pdf_file import PdfFile
from lazaretto_validators.documents.pdf_tokens import Name, Ref, Value, name_of, text_of
from lazaretto_validators.finding import Finding, Rule
from lazaretto_validators.names import extension_of, runs

__all__ = ["Actions", "address_rule", "is_remote", "path_of"]

_T = TypeVar("_T")

MAX_WAITING = 20_000  # dictionaries that are judged at the end
MAX_CODE = 1 << 20  # bytes of one script that are read

_AUTOMATIC = frozenset({"Launch", "URI", "SubmitForm", "ImportData", "GoToR", "GoToE", "Rendition", "Movie", "Sound"})
_NAVIGATION = frozenset({"NextPage", "PrevPage", "FirstPage", "LastPage", "GoBack", "GoForward", "Print", "Find"})
_FIELD_EVENTS = ("K", "F", "V", "C")  # 12.6.3, table 199
_INDIRECT = {"Launch": risks.LAUNCH, "JavaScript": risks.SCRIPT, "RichMedia": risks.RICH_MEDIA}
"""What an object of its own that is but such a name makes of whoever refers to it; no writer does that."""

_MEDIA = frozenset({"3D", "Movie", "Sound", "Screen", "U3D", "PRC"})
_RICH = frozenset({"RichMedia", "Flash"})
_BAD_SCHEME = re.compile(
    r"(?:javascript|vbscript|data|smb|jar|mhtml|shell|ldap|search|search-ms|ms-[a-z0-9.-]+):", re.I
)
_SHARE = re.compile(
    r"(?:file:)?(?:[\\/]{2}|[\\/]{4,5}|[\\/]{3}\\\\)(?!localhost[\\/]|[A-Za-z][:|])[^\\/.?:|]", re.I
)  # the host of a share, however many slashes programs take before it
_ON_DISK = re.compile(r"file:[\\/]{0,3}(?:localhost)?[\\/]*(?:[A-Za-z][:|]|[^\\/])", re.I)
_USER = re.compile(r"https?:[\\/]{2}[^\\/?#@]*\.[^\\/?#@]*@", re.I)
_IGNORED = re.compile(r"[\0-\x20\u200b-\u200d\u2060\ufeff]")  # what readers and browsers drop from an address

_CALL = rb"\((?:[^()]++|\((?:[^()]++|\([^()]*+\))*+\))*+\)"
_FORM_CODE = re.compile(
    rb"\s*+(?:(?:AF[A-Za-z]++_?[A-Za-z]*+|event\.value\s*+=\s*+AF\w++)\s*+" + _CALL + rb"\s*+;?\s*+)++"
)
_PRINT_CODE = re.compile(rb"\s*+(?:this\.)?print\s*+\((?:[^()]++|\(\))*+\)\s*+;?\s*+")
_EXPORT = re.compile(rb"exportDataObject|openDataObject|importDataObject")


@dataclass(slots=True)
class _Script:
    """One script, until it is known what calls it. holder: the number of the object whose whole value it is, or 0."""

    at: int
    where: str
    holder: int
    code: Value


@dataclass(slots=True)
class Actions:
    """What was met so far.

    automatic: actions that no click starts. opening: numbers of objects that the opening of the document starts.
    of_fields: numbers of scripts that are called by the events of a form's fields.
    files: file specifications with something embedded. forms: values of /XFA. signatures: values of /ByteRange.
    """

    file: PdfFile
    scripts: list[_Script] = field(default_factory=list)
    automatic: list[tuple[int, str, Value]] = field(default_factory=list)
    opening: set[int] = field(default_factory=set)
    of_fields: set[int] = field(default_factory=set)
    remote: list[tuple[int, str, str, Value]] = field(default_factory=list)
    files: list[tuple[str, dict[str, Value]]] = field(default_factory=list)
    forms: list[tuple[int, str, Value]] = field(default_factory=list)
    signatures: list[list[Value]] = field(default_factory=list)
    catalogs: list[int] = field(default_factory=list)
    links: dict[int, list[int]] = field(default_factory=dict)
    kids: dict[int, Value] = field(default_factory=dict)

    def judge(self, value: Value, number: int, at: int, where: str) -> Iterator[Finding]:
        """All dictionaries in an object's value."""
        if isinstance(value, Name) and (rule := _INDIRECT.get(value)):
            yield rule.found(at=at, where=where, seen=value)
        waiting: list[tuple[Value, bool, bool]] = [(value, False, False)]
        while waiting:
            item, of_field, opening = waiting.pop()
            if isinstance(item, list):
                waiting += [(inner, of_field, opening) for inner in item if isinstance(inner, (list, dict))]
            if not isinstance(item, dict):
                continue
            yield from self._judge_one(item, number if item is value else 0, at, where, of_field, opening)
            events = item.get("AA")
            for key, inner in item.items():
                if isinstance(inner, (dict, list)):
                    starts = opening or key == "OpenAction"
                    waiting.append((inner, of_field or (inner is events and self._are_fields(inner)), starts))
        if isinstance(value, dict):
            self._note_links(value, number)
            if value.get("Type") == "Catalog":
                self.catalogs.append(number)

    def _judge_one(
        self, item: dict[str, Value], number: int, at: int, where: str, of_field: bool, opening: bool
    ) -> Iterator[Finding]:
        action, subtype = name_of(item.get("S")), name_of(item.get("Subtype"))
        if action == "JavaScript" or "JS" in item:
            self._script(_Script(at, where, number, item.get("JS")), of_field, opening)
        if action == "Launch":
            yield risks.LAUNCH.found(at=at, where=where, seen=self._target(item))
        if subtype in _RICH or action == "RichMediaExecute":
            yield risks.RICH_MEDIA.found(at=at, where=where, seen=subtype or action)
        elif subtype in _MEDIA or action in ("Movie", "Sound", "Rendition"):
            yield risks.MEDIA.found(at=at, where=where, seen=subtype if subtype in _MEDIA else action)
        if action in ("GoToR", "GoToE", "SubmitForm", "ImportData", "Thread") or "Ref" in item or "FFilter" in item:
            self._wait(self.remote, (at, where, str(action or ""), item.get("F", item.get("Ref"))))
        if action == "URI" or (isinstance(item.get("URI"), bytes) and "S" not in item):
            yield from _judge_address(item.get("URI"), at, where)
            if isinstance(item.get("URI"), Ref):
                self._wait(self.remote, (at, where, "URI", item["URI"]))
        yield from self._judge_numbers(item, at, where)
        self._gather(item, at, where)

    def _judge_numbers(self, item: dict[str, Value], at: int, where: str) -> Iterator[Finding]:
        matrix = item.get("FontMatrix")
        if isinstance(matrix, list) and not (len(matrix) == 6 and all(type(n) in (int, float, Ref) for n in matrix)):
            yield risks.FONT_MATRIX.found(at=at, where=where, seen=matrix, allowed="six numbers")

    def _gather(self, item: dict[str, Value], at: int, where: str) -> None:
        """What can be judged only when all objects are known."""
        events, start = item.get("AA"), item.get("OpenAction")
        for trigger in (start, *(events.values() if isinstance(events, dict) else ())):
            if isinstance(trigger, (Ref, dict)):
                self._wait(self.automatic, (at, where, trigger))
        if isinstance(events, Ref):
            self._wait(self.automatic, (at, where, events))
        if isinstance(start, Ref):
            self.opening.add(start.number)
        if isinstance(events, dict) and self._are_fields(events):
            self.of_fields.update(ref.number for ref in events.values() if isinstance(ref, Ref))
        if "EF" in item:
            self._wait(self.files, (where, item))
        if "XFA" in item:
            self._wait(self.forms, (at, where, item["XFA"]))
        if isinstance(covered := item.get("ByteRange"), list):
            self._wait(self.signatures, covered)

    def _note_links(self, value: dict[str, Value], number: int) -> None:
        if isinstance(value.get("Kids"), (list, Ref)):
            self.kids[number] = value["Kids"]
        after = [ref.number for key in ("First", "Next") if isinstance(ref := value.get(key), Ref)]
        if after:
            self.links[number] = after

    @staticmethod
    def _are_fields(events: Value) -> bool:
        return isinstance(events, dict) and bool(events) and all(key in _FIELD_EVENTS for key in events)

    def _script(self, script: _Script, of_field: bool, opening: bool) -> None:
        if opening and script.holder == 0:
            script.holder = -2
        elif of_field:
            script.holder = -1
        self._wait(self.scripts, script)

    @staticmethod
    def _wait(waiting: list[_T], item: _T) -> None:
        if len(waiting) < MAX_WAITING:
            waiting.append(item)

    def _target(self, item: dict[str, Value]) -> str:
        """The file that a launch action names, where it can be read at once."""
        for holder in (item, *(item[key] for key in ("Win", "Mac", "Unix") if key in item)):
            if isinstance(holder, dict) and (path := path_of(holder.get("F"), None)):
                return path
        return "no file name"

    def finish(self) -> Iterator[Finding]:
        """What waited for other objects."""
        for script in self.scripts:
            yield from self._judge_script(script)
        for at, where, trigger in self.automatic:
            yield from self._judge_automatic(at, where, self.file.resolve(trigger))
        for at, where, action, target in self.remote:
            yield from self._judge_remote(at, where, action, target)

    def code_of(self, value: Value) -> bytes:
        """The text of a script: a string, or a stream."""
        if isinstance(value, Ref) and (found := self.file.stream(value)):
            value = self.file.content(found, MAX_CODE).data
        else:
            value = self.file.resolve(value)
        if not isinstance(value, bytes):
            return b""
        return text_of(value).encode("utf-8", "replace")

    def _judge_script(self, script: _Script) -> Iterator[Finding]:
        code = self.code_of(script.code)
        of_field = script.holder == -1 or script.holder in self.of_fields
        rule: Rule = risks.SCRIPT
        if _EXPORT.search(code):
            rule = risks.EXPORTED_ATTACHMENT
        elif of_field and _FORM_CODE.fullmatch(code):
            rule = risks.FORM_SCRIPT
        elif _PRINT_CODE.fullmatch(code):
            rule = risks.PRINT_SCRIPT
        elif script.holder == -2 or script.holder in self.opening:
            rule = risks.OPEN_SCRIPT
        yield rule.found(at=script.at, where=script.where, seen=code[:120] or "a script")

    def _judge_automatic(self, at: int, where: str, action: Value) -> Iterator[Finding]:
        """One action that no click starts, and those that follow it (12.6.2)."""
        for _ in range(8):
            if not isinstance(action, dict):
                return
            kind = action.get("S")
            if kind is None:  # a dictionary of events
                for trigger in list(action.values())[:16]:
                    inner = self.file.resolve(trigger)
                    if isinstance(inner, dict) and _acts(inner):
                        yield risks.AUTOMATIC_ACTION.found(at=at, where=where, seen=inner.get("S"))
                return
            if _acts(action):
                yield risks.AUTOMATIC_ACTION.found(at=at, where=where, seen=kind)
            action = self.file.resolve(action.get("Next"))

    def _judge_remote(self, at: int, where: str, action: str, target: Value) -> Iterator[Finding]:
        if action == "URI":
            yield from _judge_address(self.file.resolve(target), at, where)
            return
        path = path_of(self.file.resolve(target), self.file)
        if action in ("SubmitForm", "ImportData"):
            rule = risks.REMOTE_FILE if _SHARE.match(_IGNORED.sub("", path)) else risks.SUBMIT
            yield rule.found(at=at, where=where, seen=f"{action} {path}")
        elif is_remote(path):
            yield risks.REMOTE_FILE.found(at=at, where=where, seen=path)


def _acts(action: dict[str, Value]) -> bool:
    kind = name_of(action.get("S"))
    return kind in _AUTOMATIC or (kind == "Named" and name_of(action.get("N")) not in _NAVIGATION)


def path_of(value: Value, file: PdfFile | None) -> str:
    """The path of a file specification (7.11.2, 7.11.3): a string, or a dictionary of several."""
    if isinstance(value, Ref) and file:
        value = file.resolve(value)
    if not isinstance(value, dict):
        return text_of(value)
    for key in ("UF", "F", "DOS", "Unix", "Mac"):
        inner = value.get(key)
        inner = file.resolve(inner) if file else inner
        if isinstance(inner, dict):
            inner = inner.get("F")
        if path := text_of(inner):
            return path
    return ""


def is_remote(path: str) -> bool:
    """Does the path lead to another computer?"""
    path = _IGNORED.sub("", path)
    return bool(_SHARE.match(path) or re.match(r"(?:https?|ftp|smb|webdav|nfs|ldap):", path, re.I))


def address_rule(address: str) -> Rule | None:
    """The rule that the address of a link breaks."""
    address = _IGNORED.sub("", address)
    if _BAD_SCHEME.match(address) or (_SHARE.match(address) and not address.startswith("//")):
        return risks.ADDRESS
    if _ON_DISK.match(address):
        return risks.ADDRESS if runs(extension_of(re.split(r"[?#]", address)[0])) else risks.LOCAL_ADDRESS
    return risks.DISGUISED_ADDRESS if _USER.match(address) else None


def _judge_address(value: Value, at: int, where: str) -> Iterator[Finding]:
    address = text_of(value)
    if rule := address_rule(address):
        yield rule.found(at=at, where=where, seen=address)
