"""Plain text, and with it every kind of text that has no validator of its own (CSV, JSON, source code ...).

    text  characters of UTF-8, UTF-16, UTF-32 or a one-byte code page (see `encoding`), to the end of the file

Checked: control characters, floods of combining marks, bidirectional controls, the EICAR test file.
Not checked: what the text says or means. Text has an open end: no prefix of it is incomplete.
Each rule is reported once, at its first place: a text can break it in every character.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator

from lazaretto_validators.finding import Category, Finding, Rule, Severity
from lazaretto_validators.source import Source
from lazaretto_validators.text.encoding import ASCII_SUPERSETS, BINARY, CONTROLS, HEAD_BYTES, encoding_of
from lazaretto_validators.validator import Screening, validator

__all__ = ["MAX_MARKS", "check_characters", "validate_plain"]

MAX_MARKS = 1000
"""Combining marks in a row. Living languages stack four; threats BMB-07."""

# In two pieces, so that no virus scanner mistakes this module for the test file.
_EICAR = rb"X5O!P%@AP[4\PZX54(P^)7CC)7}$" + rb"EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"
_EICAR_FILE = 128  # bytes; eicar.org: at most, the rest being white space

# Blocks of combining marks that render on top of each other; joiners and variation selectors, which cost as much.
_MARKS = "\u0300-\u036f\u0483-\u0489\u0591-\u05bd\u0610-\u061a\u064b-\u065f\u06d6-\u06dc\u0e34-\u0e3a\u0e47-\u0e4e"
_MARKS += "\u1ab0-\u1aff\u1dc0-\u1dff\u200c\u200d\u20d0-\u20ff\ufe00-\ufe0f\ufe20-\ufe2f"
_RUN = re.compile(f"[{_MARKS}]+")
_LONG_RUN = re.compile(f"[{_MARKS}]{{32,}}")  # a low floor in C keeps the loop in Python short
_BIDI = re.compile("[\u202a-\u202e\u2066-\u2069]")

# The same as UTF-8, for a look at the bytes: one literal in front, which is found many times as fast as a class.
_BIDI_BYTES = re.compile(rb"\xe2(?:\x80[\xaa-\xae]|\x81[\xa6-\xa9])")

EICAR = Rule(
    "plain.eicar",
    Category.DANGEROUS,
    Severity.HIGH,
    "This is the harmless test file that every virus scanner must report.",
    spec="eicar.org, anti-malware test file; threats NAM-13",
    false_positives="people who test whether this bot works",
)
CONTROL = Rule(
    "plain.control-character",
    Category.MALFORMED,
    Severity.MEDIUM,
    "The text contains a control character that does not belong into text.",
    spec="POSIX.1-2024 3.387 text file (no NUL); ECMA-48 5.2",
    false_positives="logs with raw output, self-extracting scripts",
)
FLOOD = Rule(
    "plain.combining-flood",
    Category.RESOURCE,
    Severity.MEDIUM,
    "The text stacks so many marks on one letter that showing it may hang a device.",
    spec="CVE-2018-4124 and its kind; threats BMB-07",
    false_positives="jokes with stacked letters, far below this number",
)
BIDI = Rule(
    "plain.bidi-control",
    Category.CONCEALED,
    Severity.INFO,
    "The text contains invisible characters that change the order in which it is shown.",
    spec="CVE-2021-42574 (Trojan Source); UAX #9 2",
    false_positives="Arabic and Hebrew texts",
)

RULES = (EICAR, CONTROL, FLOOD, BIDI)


@validator("text/plain", rules=RULES, extensions=("txt",), example=b"All is well.\n", api=1)
def validate_plain(source: Source, screening: Screening) -> Iterator[Finding]:  # noqa: ARG001 - contract
    """Text in any encoding."""
    head = source.peek(_EICAR_FILE + 1)
    if head.startswith(_EICAR) and not head[len(_EICAR) :].strip() and len(head) <= _EICAR_FILE:
        yield EICAR.found(at=0, seen=_EICAR[-40:])
    yield from check_characters(source)


def check_characters(source: Source) -> Iterator[Finding]:
    """Findings about the characters from the cursor to the end, streamed; each rule at most once."""
    encoding = encoding_of(source.peek(HEAD_BYTES)) or "latin-1"
    # A byte that is no UTF-8 becomes a lone surrogate, and one byte again when offsets are counted.
    errors = "surrogateescape" if encoding == "utf-8" else "replace"
    decoder = codecs.getincrementaldecoder(encoding)(errors)
    seen: set[Rule] = set()
    open_run = 0  # marks at the end of the last piece
    at = source.offset
    for piece in source.pieces():
        pending = decoder.getstate()[0]
        if not pending and encoding in ASCII_SUPERSETS and _is_harmless(piece, encoding):
            open_run = 0
            at += len(piece)
            continue
        text = decoder.decode(piece)
        if encoding == "utf-8" and _is_ordinary(pending + piece, text):
            found, open_run = _flood(text, open_run, inside=False)
        else:
            found, open_run = _look_at(text, open_run)
        for rule, index, what in found:
            if rule not in seen:
                seen.add(rule)
                offset = at - len(pending) + len(text[:index].encode(encoding, errors))
                yield rule.found(at=offset, seen=what, allowed=_ALLOWED[rule])
        at += len(piece)


def _is_harmless(piece: bytes, encoding: str) -> bool:
    """ASCII without controls breaks no rule, nor does a one-byte code page: passed at the speed of memory."""
    return (encoding == "latin-1" or piece.isascii()) and not any(control in piece for control in CONTROLS)


def _is_ordinary(data: bytes, text: str) -> bool:
    """UTF-8 without controls of either kind, and without a run of marks that is too long and lies inside it.

    A run of more than MAX_MARKS marks is met by two looks at least at every (MAX_MARKS // 2)nd character.
    """
    return (
        not any(control in data for control in CONTROLS)
        and not _BIDI_BYTES.search(data)
        and not _RUN.search(text[:: MAX_MARKS // 2])
    )


_ALLOWED = {CONTROL: "tab, line ends, form feed, escape", FLOOD: f"{MAX_MARKS} marks in a row", BIDI: "none in source"}


def _look_at(text: str, open_run: int) -> tuple[list[tuple[Rule, int, str]], int]:
    """What a piece of text breaks, each rule once: (rule, index, what was seen); and the marks at its end."""
    found: list[tuple[Rule, int, str]] = []
    if control := BINARY.search(text):
        found.append((CONTROL, control.start(), f"U+{ord(control.group()):04X}"))
    if text.isascii():
        return found, 0
    if bidi := _BIDI.search(text):
        found.append((BIDI, bidi.start(), f"U+{ord(bidi.group()):04X}"))
    floods, open_run = _flood(text, open_run, inside=True)
    return found + floods, open_run


def _flood(text: str, open_run: int, *, inside: bool) -> tuple[list[tuple[Rule, int, str]], int]:
    """The first run of marks that is too long, and the marks at the end.

    open_run: marks that the last piece ended with. inside: whether a run within this piece may be too long, too.
    """
    found: list[tuple[Rule, int, str]] = []
    first = _RUN.match(text)
    joined = open_run + (first.end() if first else 0)
    if joined > MAX_MARKS:
        found.append((FLOOD, 0, f"{joined} marks"))
    elif inside and (run := next((r for r in _LONG_RUN.finditer(text) if r.end() - r.start() > MAX_MARKS), None)):
        found.append((FLOOD, run.start(), f"{run.end() - run.start()} marks"))
    if first and first.end() == len(text):
        return found, joined
    return found, _marks_at_end(text)


def _marks_at_end(text: str) -> int:
    count = 0
    while count <= MAX_MARKS and count < len(text) and _RUN.match(text[-1 - count]):
        count += 1
    return count
