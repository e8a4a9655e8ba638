"""Scripts and launchers."""

from __future__ import annotations

import pytest

from carriers.programs import SCRIPTS
from carriers.zip import Member, archive
from lazaretto_validators import Severity, Source, default_registry, inspect

DEVELOPERS = {"python", "perl", "ruby", "lua", "javascript", "unknown"}


def rules(data: bytes) -> list[str]:
    return [finding.rule for finding in inspect(Source.of_bytes(data)).findings]


@pytest.mark.parametrize("name", list(SCRIPTS))
def test_what_a_click_runs_is_high_and_source_code_is_medium(name: str) -> None:
    expected = Severity.MEDIUM if name in DEVELOPERS else Severity.HIGH
    assert default_registry().rules[f"script.{name}"].severity is expected
    assert rules(SCRIPTS[name]) == [f"script.{name}"]


def test_the_first_line_is_the_evidence() -> None:
    (finding,) = inspect(Source.of_bytes(SCRIPTS["shell"])).findings
    assert (finding.offset, finding.seen) == (0, "#!/bin/sh")


def test_characters_that_hide_source_code_are_named_in_scripts_too() -> None:
    assert rules("#!/bin/sh\n# \u202e\n".encode()) == ["script.shell", "plain.bidi-control"]


def test_a_self_extracting_script_is_a_script_in_spite_of_its_payload() -> None:
    assert rules(b"#!/bin/sh\nexit 0\n" + bytes(range(256)) * 40)[0] == "script.shell"


def test_a_php_archive_is_php() -> None:
    assert "script.php" in rules(b"<?php __HALT_COMPILER(); ?>\r\n" + bytes(100))


def test_a_shell_script_among_other_files_is_flagged_and_alone_in_an_archive_it_is_not_milder() -> None:
    script = Member("build.sh", b"#!/bin/sh\nmake\n")
    assert rules(archive(script, Member("readme.txt", b"words\n"))) == ["script.shell-source"]
    assert rules(archive(script)) == ["script.shell"]
    batch = Member("build.bat", b"@echo off\r\nstart x\r\n")
    assert "script.batch" in rules(archive(batch, Member("readme.txt", b"words\n")))
