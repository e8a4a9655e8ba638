"""Scripts, and the small text files that a click runs: shortcuts, registry files, consoles.

The grammar is `script_languages`; identification and this validator ask the same question of the same bytes. One rule
a language, so that a developers' group can let Python pass and still hold shell scripts.

Checked: which language; the characters of the text (see `text.plain`), since it is source code that hides in them.
AppleScript is saved compiled as well, and runs alike: that is told by its mark.
Not checked: what the script does. A script has an open end: it can be cut anywhere and still run.
"""

from __future__ import annotations

from collections.abc import Iterator

from lazaretto_validators.finding import Category, Finding, Rule, Severity
from lazaretto_validators.programs.script_families import family_of
from lazaretto_validators.programs.script_languages import FAMILIES, UNKNOWN
from lazaretto_validators.source import NotThisFormat, Source
from lazaretto_validators.text.encoding import HEAD_BYTES, decode_head
from lazaretto_validators.text.plain import check_characters
from lazaretto_validators.validator import Screening, validator

__all__ = ["validate_script"]

_DEVELOPERS = "developers who share source code"
_ADMINISTRATORS = "administrators who share their tools"


def _rule(name: str, severity: Severity, message: str, spec: str, false_positives: str) -> Rule:
    return Rule(f"script.{name}", Category.DANGEROUS, severity, message, f"threats {spec}", false_positives)


def _high(name: str, message: str, spec: str, false_positives: str = _ADMINISTRATORS) -> Rule:
    return _rule(name, Severity.HIGH, message, spec, false_positives)


def _medium(name: str, language: str) -> Rule:
    return _rule(name, Severity.MEDIUM, f"This is a program written in {language}.", "EXE-07, EXE-09", _DEVELOPERS)


SHELL_SOURCE = _rule(
    "shell-source",
    Severity.MEDIUM,
    "One of the files in an archive is a Unix shell script.",
    "EXE-07, ARC-01",
    "developers who share a folder of source code: no click runs it, and few sources have no script to build them",
)

RULES = (
    SHELL_SOURCE,
    _high("shell", "This is a Unix shell script.", "EXE-07", _DEVELOPERS),
    _high("batch", "This is a Windows batch file, which a click runs.", "EXE-07"),
    _high("powershell", "This is a PowerShell script.", "EXE-07"),
    _high("registry", "This file changes the Windows registry when it is opened.", "EXE-07"),
    _high("vbscript", "This is a Visual Basic script, which a click runs on Windows.", "EXE-08"),
    _high("jscript", "This is a script for the Windows Script Host, which a click runs.", "EXE-08"),
    _high("encoded", "This is a Windows script whose text is scrambled.", "EXE-08", "none known"),
    _high("hta", "This is an HTML application, which runs with all rights of whoever opens it.", "EXE-08"),
    _high("windows-script", "This is a Windows script file or component.", "EXE-08"),
    _high("shortcut", "This is an internet shortcut, which can open more than a web page.", "LNK-05", "saved links"),
    _high("library", "This file sends Windows to a place that its writer chose as soon as it is shown.", "LNK-06"),
    _high("console", "This is a Windows management console file, which can run scripts.", "LNK-07"),
    _high("remote-desktop", "This file connects to a remote computer and may share drives with it.", "LNK-08"),
    _high("applescript", "This is an AppleScript.", "LNK-10, EXE-09"),
    _high("desktop", "This is a Linux launcher, which runs a command when it is opened.", "LNK-11"),
    _high("autoit", "This is an AutoIt or AutoHotkey script.", "EXE-09", "gamers who share their macros"),
    _medium("python", "Python"),
    _medium("perl", "Perl"),
    _medium("ruby", "Ruby"),
    _medium("lua", "Lua"),
    _high("php", "This is a PHP program, which a web server runs.", "EXE-09", _DEVELOPERS),
    _medium("javascript", "JavaScript"),
    _medium("unknown", "a language that Lazaretto does not know"),
)

_COMPILED_APPLESCRIPT = b"FasdUAS "  # what Script Editor saves as .scpt

_BY_FAMILY = {rule.id.removeprefix("script."): rule for rule in RULES}
_TYPES = tuple(dict.fromkeys(family.media_type for family in (*FAMILIES, UNKNOWN)))


@validator(*_TYPES, rules=RULES, example=b"#!/bin/sh\nexit 0\n", api=1)
def validate_script(source: Source, screening: Screening) -> Iterator[Finding]:
    """Scripts and launchers that are text, and compiled AppleScript."""
    head = source.peek(HEAD_BYTES)
    if head.startswith(_COMPILED_APPLESCRIPT):
        yield _BY_FAMILY["applescript"].found(at=0, seen="compiled")
        return
    text = decode_head(head)
    family = family_of(text) if text is not None else None
    if family is None:
        raise NotThisFormat("no script")
    first_line = (text or "").lstrip().split("\n", 1)[0]
    is_source = family.name == "shell" and screening.accompanied
    yield (SHELL_SOURCE if is_source else _BY_FAMILY[family.name]).found(at=0, seen=first_line)
    yield from check_characters(source)
