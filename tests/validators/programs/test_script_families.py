"""Which texts are scripts, and, more important, which are not."""

from __future__ import annotations

import time

import pytest

from carriers.programs import SCRIPTS
from lazaretto_validators.media_types import MEDIA_TYPES, Risk
from lazaretto_validators.programs.script_families import family_of, script_type
from lazaretto_validators.programs.script_languages import FAMILIES
from lazaretto_validators.text.encoding import decode_head

README = """# Installing

Download the archive and open a terminal. Then run

    set -e
    curl -sSL https://host.invalid/install.sh | sh
    export PATH=$HOME/bin:$PATH

If you use Windows, write `@echo off` in the first line of your batch file, then

    setlocal
    goto :end

You need `import os` and `def main():` in your Python file.
On Windows, CreateObject("WScript.Shell") and new ActiveXObject("WScript.Shell") do the same.
"""
FENCED = "Run this:\n\n```sh\nset -e\nif [ -f a ]; then\n  echo b\nfi\n```\n"
PROSE = "If you want to go, go.\nFor me, the end is near.\nSet your heart at rest.\nDo not call.\nDim lights, please.\n"
CHAT = "[14:02] ana: try `Get-Process | Where-Object CPU`\n[14:03] ben: $env:PATH is wrong\n[14:04] ana: IEX then?\n"
CSV = "name,command\nfirst,@echo off\nsecond,set -e\nthird,#!/bin/sh\n"
JSON = '{\n  "run": "powershell -enc AAAA",\n  "b": "$env:X [System.IO] IEX"\n}\n'
C_SOURCE = '#include <stdio.h>\n\nint main(int argc, char **argv)\n{\n    return printf("hello");\n}\n'
JAVA = "package a.b;\n\nimport java.util.List;\n\npublic class A {\n    void f() { }\n}\n"
RUST = "#![allow(dead_code)]\nfn main() {}\n"
HTML = "<!doctype html>\n<html><script>var x = new ActiveXObject('Microsoft.XMLHTTP');</script></html>\n"
INI = "[settings]\ncolour=blue\nset x=1\n"
LYRICS = "Import your love to me\nfrom the stars I import my light\nwhile I wait, while I wait\n"

TEXTS = {
    "readme": README,
    "fenced": FENCED,
    "prose": PROSE,
    "chat": CHAT,
    "csv": CSV,
    "json": JSON,
    "c": C_SOURCE,
    "java": JAVA,
    "rust": RUST,
    "html": HTML,
    "ini": INI,
    "lyrics": LYRICS,
    "one import": "import os\n",
    "empty": "",
    "only a mark": "#!\nnothing\n",
}

SHEBANGS = {
    "#!/bin/sh\n": "text/x-shellscript",
    "\ufeff#!/bin/bash -e\n": "text/x-shellscript",
    "#! /usr/bin/env python3\n": "text/x-python",
    "#!/usr/bin/env -S python3.11 -u\n": "text/x-python",
    "#!/usr/bin/env LANG=C perl\n": "text/x-perl",
    "#!python\n": "text/x-python",
    "#!/usr/bin/pwsh\r\n": "application/x-powershell",
    "#!/usr/bin/node": "text/javascript",
    "#!/usr/bin/awk -f\n": "text/x-script",
    "#!/usr/bin/env\n": "text/x-script",
}


@pytest.mark.parametrize("text", TEXTS.values(), ids=list(TEXTS))
def test_text_about_scripts_is_no_script(text: str) -> None:
    assert script_type(text) is None


@pytest.mark.parametrize(("name", "data"), SCRIPTS.items(), ids=list(SCRIPTS))
def test_a_script_is_of_its_family(name: str, data: bytes) -> None:
    text = decode_head(data)
    assert text is not None
    family = family_of(text)
    assert family is not None
    assert family.name == name


@pytest.mark.parametrize(("line", "media_type"), SHEBANGS.items())
def test_a_shebang_names_the_interpreter(line: str, media_type: str) -> None:
    assert script_type(line) == media_type


def test_one_line_that_starts_a_program_is_a_windows_script() -> None:
    assert script_type('WScript.CreateObject("WScript.Shell").Run("inert")') == "text/javascript"


def test_utf_16_scripts_are_recognised() -> None:
    text = decode_head("Windows Registry Editor Version 5.00\r\n\r\n".encode("utf-16"))
    assert text is not None
    assert script_type(text) == "application/x-windows-registry"


def test_every_family_has_a_type_that_is_run() -> None:
    types = {family.media_type for family in FAMILIES}
    assert {name for name in types if MEDIA_TYPES[name].risk is not Risk.RUN} == set()


@pytest.mark.parametrize(
    "unit",
    ["\n", " \n", "var ", "<script ", "a:  ", "[x]\n", "CreateObject(", "<!--", "#\n", "import ", ";\n", "(", "$a"],
)
@pytest.mark.parametrize("opening", ["", "<", "x\n", "[a]\n", "<html><script>"])
def test_no_text_makes_the_patterns_backtrack(opening: str, unit: str) -> None:
    text = opening + unit * 20_000
    before = time.process_time()
    family_of(text)
    assert time.process_time() - before < 1.0  # a backtracking pattern takes minutes, a linear one milliseconds


LAUNCHER = "[InternetShortcut]\nURL=http://example.invalid\n"
ENTRY = "[Desktop Entry]\nType=Application\nExec=true\n"
JOB = '<job><script language="VBScript">MsgBox 1</script></job>'
OBJECT = 'var s = new ActiveXObject("WScript.Shell");\ns.Run("true");\n'

DISGUISED = [
    ("text/javascript", "/* " + "lorem ipsum\n" * 2000 + "*/\n" + OBJECT),
    ("text/javascript", "// a comment\n" * 2000 + OBJECT),
    ("application/x-windows-script", "<!-- " + "x" * 30_000 + " -->" + JOB),
    ("application/x-windows-script", '<?xml version="1.0"?><?job debug="true"?><!DOCTYPE job>' + JOB),
    ("application/x-mswinurl", "; a comment\n" * 100 + LAUNCHER),
    ("application/x-mswinurl", "[other]\n" + "a=b\n" * 60 + LAUNCHER),
    ("application/x-mswinurl", "\n" * 20_000 + LAUNCHER),
    ("application/x-desktop", "# a comment\n" * 100 + ENTRY),
    ("application/x-desktop", "[Other]\nx=y\n" + ENTRY),
    ("application/x-desktop", "#!/usr/bin/env xdg-open\n" + ENTRY),
    ("application/x-bat", "@^e^c^h^o ^o^f^f\ncls\n"),
    ("application/x-bat", "@(echo off)\nstart x\n"),
    ("application/x-bat", ";@echo off\nstart x\n"),
    ("application/x-bat", "@%~dp0\\x.exe\n"),
    ("application/x-bat", '@if "%1"=="" exit\n'),
    ("application/x-powershell", "<#\n" + "lorem ipsum\n" * 50 + "#>\n$a = 1\n"),
    ("application/x-powershell", "iex(iwr http://example.invalid)\n"),
    ("text/vbscript", "' a comment\n#@~^AAAAAA==xx^#~@\n"),
    ("text/x-shellscript", "\n#!/bin/sh\ntrue\n"),
]


@pytest.mark.parametrize(("media_type", "text"), DISGUISED)
def test_what_stands_in_front_does_not_hide_a_script(media_type: str, text: str) -> None:
    assert script_type(text) == media_type


HONEST_CODE = [
    "program hello\n  implicit none\n  integer :: i\nend program\nsubroutine x\nend if\nend function\ndim a\n",
    "# made by hand\nCC = gcc\nexport CC\nif x\nall: a.o\n\tgcc -o a a.o\nclean:\n\trm -f a.o\n",
    "dnl A macro.\nAC_DEFUN([X],\nif test a; then\n  echo a\nfi\ncase b in\nesac\n",
    "@import url(a.css);\n@media print { a { color: red } }\n",
    "# Title\n\nSet the volume to two, then call your friend. Echo off the wall.\n",
]


@pytest.mark.parametrize("text", HONEST_CODE)
def test_code_of_other_kinds_is_no_script_that_a_click_runs(text: str) -> None:
    assert script_type(text) is None
