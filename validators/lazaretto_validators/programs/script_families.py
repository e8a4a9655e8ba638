"""Which script is this text? Confirmed by structure, so that text *about* scripts stays text.

An opening or a shebang decides alone. Everything else asks for several different signs of one language *and* that
most outermost lines are statements of it: the outermost lines of a README that quotes commands, of a chat log or of a
tutorial are sentences. A text padded with sentences escapes, and loses nothing but this finding: under a name that
runs, the name is judged as well.
"""

from __future__ import annotations

import re

from lazaretto_validators.markup import after_prolog
from lazaretto_validators.programs.script_languages import FAMILIES, UNKNOWN, Family

__all__ = ["family_of", "script_type"]

_ANY_STATEMENT = re.compile(
    "|".join(
        f"(?{'i' if family.statement.flags & re.IGNORECASE else ''}:{family.statement.pattern})"
        for family in FAMILIES
        if family.signs and family.statement
    )
)
"""A line of any language that is known by its signs: one look at a line of prose instead of one for each language."""

_HEAD = 16 * 1024  # characters looked at
_LINES = 400  # outermost lines counted
_WIDTH = 400  # characters of a line that tell a statement from a sentence; bounds what backtracking can cost

_BY_INTERPRETER = {name: family for family in FAMILIES for name in family.interpreters}

_SHEBANG = re.compile(r"#![ \t]*([^\s]{1,256})(?:[ \t]+([^\r\n]{0,256}))?")
_VERSION = re.compile(r"[-\d.]+(?:\.exe)?$|\.exe$")
_CLOSING = re.compile(r"[\]})]+[;,]?\s*$")

_COMMENT = re.compile(
    r"\s+|/\*.*?\*/|<#.*?#>|(?://|--|::|[';]|#(?!@~\^)|@?rem\b)[^\n]*(?:\n|$)", re.DOTALL | re.IGNORECASE
)

_FENCE = re.compile(r"^ {0,3}```", re.MULTILINE)  # Markdown about code, however much of it is quoted


def family_of(head: str) -> Family | None:
    """The family of a text that begins with `head` (see `decode_head`), None where it is no script."""
    head = head.lstrip("\ufeff").lstrip()
    if head.startswith("#!") and (family := _by_shebang(head)) is not None:
        # `#!/usr/bin/env xdg-open` makes a launcher run without its extension.
        return (_by_opening(_without_preamble(head)) or family) if family is UNKNOWN else family
    bare = _without_preamble(head)
    for text in (head,) if bare == head else (head, bare):
        if family := _by_opening(text) or _by_signs(text):
            return family
    return None


def _without_preamble(head: str) -> str:
    """The text behind the comments and the prolog that it begins with: any number of them may stand there."""
    if head.startswith("<"):
        return head[after_prolog(head) :]
    position = 0
    while comment := _COMMENT.match(head, position):
        position = comment.end()
    return head[position:]


def _by_opening(head: str) -> Family | None:
    head = head[:_HEAD]
    for family in FAMILIES:
        if family.opening and family.opening.match(head):
            return family
    return None


def _by_signs(head: str) -> Family | None:
    head = head[:_HEAD]
    if "```" in head and _FENCE.search(head):
        return None
    lines = [line[:_WIDTH] for line in head.splitlines() if not _is_neutral(line)][:_LINES]
    if not _mostly(_ANY_STATEMENT, lines):
        return None  # then they are not mostly of one language either
    for family in FAMILIES:
        if family.signs and _confirmed(family, head, lines):
            return family
    return None


def _is_neutral(line: str) -> bool:
    """Indented, closing brackets, blank: of any language or none."""
    return not line or line[0].isspace() or (line[0] in "]})" and _CLOSING.match(line) is not None)


def _mostly(statement: re.Pattern[str], lines: list[str]) -> bool:
    """Are two thirds of the lines statements, and one at least?"""
    left = len(lines) // 3
    for line in lines:
        if not statement.match(line):
            if not left:
                return False
            left -= 1
    return bool(lines)


def script_type(head: str) -> str | None:
    """The media type of a script or launcher that begins with `head`, None where it is none."""
    family = family_of(head)
    return family.media_type if family else None


def _by_shebang(head: str) -> Family | None:
    found = _SHEBANG.match(head)
    if not found:
        return None
    path, arguments = found.group(1), found.group(2) or ""
    words = [path, *(w for w in arguments.split() if not w.startswith("-") and "=" not in w)]
    runs_next = path.rsplit("/", 1)[-1] == "env" and len(words) > 1
    name = _VERSION.sub("", words[1 if runs_next else 0].rsplit("/", 1)[-1].lower())
    if family := _BY_INTERPRETER.get(name):
        return family
    return UNKNOWN if path.startswith("/") else None  # `#![allow(...)]` opens Rust, `#!` alone opens nothing


def _confirmed(family: Family, head: str, lines: list[str]) -> bool:
    # The lines first: a look at some of them tells most languages apart, a search of the whole text takes far longer.
    if family.statement is None or not _mostly(family.statement, lines):
        return False
    if family.never is not None and family.never.search(head):
        return False
    wanted = family.least
    for left, sign in zip(range(len(family.signs), 0, -1), family.signs, strict=True):
        if wanted > left:
            return False
        wanted -= bool(sign.search(head))
        if wanted <= 0:
            return True
    return False
