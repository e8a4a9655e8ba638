"""What a PDF does, or would do if it were clicked. ISO 32000-2, 12.6 (actions), 13 (multimedia), 12.7 (forms).

Every dictionary of every object is looked at, reachable or not: an object that nobody refers to today is one changed
byte away from being used. What needs other objects to be judged (a file specification, what opening the document
starts) waits until all of them are known.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple, TypeVar

from lazaretto_validators import unscannable
from lazaretto_validators.documents import pdf_risks as risks
from lazaretto_validators.documents import pdf_rules as rules
from lazaretto_validators.documents.pdf_file import PdfFile
from lazaretto_validators.documents.pdf_tokens import FIRST, Name, Ref, Value, name_of, text_of
from lazaretto_validators.finding import Finding, Rule
from lazaretto_validators.names import extension_of, runs, words

__all__ = ["ACTIONS", "Actions", "address_rule", "is_remote", "path_of"]

_T = TypeVar("_T")

MAX_WAITING = 20_000  # dictionaries that are judged at the end
MAX_CODE = 1 << 20  # bytes of one script that are read
MAX_CHAIN = 64  # actions after one trigger that are followed up

_AUTOMATIC = words("Launch URI SubmitForm ImportData GoToR GoToE Rendition Movie Sound")
ACTIONS = _AUTOMATIC | {"JavaScript"}
"""Kinds of actions that do more than turn pages (12.6.4.1, table 201)."""

_NAVIGATION = frozenset({"NextPage", "PrevPage", "FirstPage", "LastPage", "GoBack", "GoForward", "Print", "Find"})
_FIELD_EVENTS = ("K", "F", "V", "C")  # 12.6.3, table 199
_INDIRECT = {
    "Launch": risks.LAUNCH, "JavaScript": risks.SCRIPT, "RichMedia": risks.RICH_MEDIA, "SubmitForm": risks.SUBMIT,
    "ImportData": risks.SUBMIT, "GoToR": risks.REMOTE_FILE, "GoToE": risks.REMOTE_FILE,
}  # fmt: skip
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


class _Code(NamedTuple):
    """A script's beginning, and the rule that it breaks, leaving aside who calls it."""

    begin: bytes
    rule: Rule


@dataclass(slots=True)
class Actions:
    """What was met so far.

    automatic: actions that no click starts. opening: numbers of objects that the opening of the document starts.
    of_fields: numbers of scripts that are called by the events of a form's fields.
    files: file specifications with something embedded. forms: values of /XFA. signatures: values of /ByteRange.
    matrices: of fonts, with references in them. left_out: there were more of one kind than wait.
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
    matrices: list[tuple[int, str, Value]] = field(default_factory=list)
    left_out: bool = False
    _codes: dict[int, _Code] = field(default_factory=dict)

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
        first = name_of(item.get("S" + FIRST))
        if first and not {first, action}.isdisjoint(ACTIONS):
            yield rules.OBJECT_SWAPPED.found(at=at, where=where, seen=f"{first} and {action}", allowed="one action")
        if action == "Launch":
            yield risks.LAUNCH.found(at=at, where=where, seen=self._target(item))
        if subtype in _RICH or action == "RichMediaExecute":
            yield risks.RICH_MEDIA.found(at=at, where=where, seen=subtype or action)
        elif subtype in _MEDIA or action in ("Movie", "Sound", "Rendition"):
            yield risks.MEDIA.found(at=at, where=where, seen=subtype if subtype in _MEDIA else action)
        if action in ("GoToR", "GoToE", "SubmitForm", "ImportData", "Thread") or "Ref" in item or "FFilter" in item:
            target = item.get("F", item.get("Ref"))
            if isinstance(target, bytes) or (isinstance(target, dict) and Ref not in map(type, target.values())):
                yield from _judge_remote(at, where, action, path_of(target, None))
            else:
                self._wait(self.remote, (at, where, action, target))
        if action == "URI" or (isinstance(item.get("URI"), bytes) and "S" not in item):
            for key in ("URI", "URI" + FIRST):
                yield from _judge_address(item.get(key), at, where)
            if isinstance(item.get("URI"), Ref):
                self._wait(self.remote, (at, where, "URI", item["URI"]))
        yield from self._judge_numbers(item, at, where)
        self._gather(item, at, where)

    def _judge_numbers(self, item: dict[str, Value], at: int, where: str) -> Iterator[Finding]:
        matrix = item.get("FontMatrix")
        if isinstance(matrix, Ref) or (isinstance(matrix, list) and any(isinstance(n, Ref) for n in matrix)):
            self._wait(self.matrices, (at, where, matrix))
        elif matrix is not None:
            yield from _judge_matrix(matrix, at, where)

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

    def _wait(self, waiting: list[_T], item: _T) -> None:
        if len(waiting) < MAX_WAITING:
            waiting.append(item)
        else:
            self.left_out = True

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
            if action == "URI":
                yield from _judge_address(self.file.resolve(target), at, where)
            else:
                yield from _judge_remote(at, where, action, path_of(target, self.file))
        for at, where, matrix in self.matrices:
            matrix = self.file.resolve(matrix)
            numbers = [self.file.resolve(n) for n in matrix[:7]] if isinstance(matrix, list) else matrix
            yield from _judge_matrix(numbers, at, where)
        if self.left_out:
            yield unscannable.BUDGET.found(at=None, where="actions", seen=f"more than {MAX_WAITING} of one kind")

    def _code_of(self, value: Value) -> _Code:
        """A script: a string, or a stream, which many may share."""
        if not isinstance(value, Ref):
            return _classified(value)
        if value.number not in self._codes:
            found = self.file.stream(value)
            text = self.file.text(found, MAX_CODE) if found else self.file.resolve(value)
            self._codes[value.number] = _classified(text)
        return self._codes[value.number]

    def _judge_script(self, script: _Script) -> Iterator[Finding]:
        code = self._code_of(script.code)
        rule = code.rule
        if rule is risks.FORM_SCRIPT and not (script.holder == -1 or script.holder in self.of_fields):
            rule = risks.SCRIPT
        if rule is risks.SCRIPT and (script.holder == -2 or script.holder in self.opening):
            rule = risks.OPEN_SCRIPT
        yield rule.found(at=script.at, where=script.where, seen=code.begin or "a script")

    def _judge_automatic(self, at: int, where: str, action: Value) -> Iterator[Finding]:
        """One action that no click starts, and those that follow it (12.6.2), or a dictionary of them by event."""
        waiting = list(action.values()) if isinstance(action, dict) and "S" not in action else [action]
        for _ in range(MAX_CHAIN):
            if not waiting:
                return
            item = self.file.resolve(waiting.pop())
            if isinstance(item, list):
                waiting += item[:MAX_CHAIN]
            elif isinstance(item, dict) and _acts(item):
                yield risks.AUTOMATIC_ACTION.found(at=at, where=where, seen=item.get("S"))
                return
            elif isinstance(item, dict) and "S" in item:
                waiting.append(item.get("Next"))
        self.file.not_covered(where, f"more than {MAX_CHAIN} actions one after the other")


def _classified(value: Value) -> _Code:
    """What a script is, apart from who calls it."""
    code = text_of(value).encode("utf-8", "replace")
    rule: Rule = risks.SCRIPT
    if _EXPORT.search(code):
        rule = risks.EXPORTED_ATTACHMENT
    elif _FORM_CODE.fullmatch(code):
        rule = risks.FORM_SCRIPT
    elif _PRINT_CODE.fullmatch(code):
        rule = risks.PRINT_SCRIPT
    return _Code(code[:120], rule)


def _judge_matrix(matrix: Value, at: int, where: str) -> Iterator[Finding]:
    if not isinstance(matrix, list) or len(matrix) != 6 or any(type(n) not in (int, float) for n in matrix):
        yield risks.FONT_MATRIX.found(at=at, where=where, seen=matrix, allowed="six numbers")


def _judge_remote(at: int, where: str, action: str, path: str) -> Iterator[Finding]:
    """path: of the file that an action reaches for."""
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
