"""The log of the bot's own process: one shape for all, harmless to terminals, silent about what is private."""

from __future__ import annotations

import json
import logging

import pytest
import structlog

from lazaretto.log import configure_logging


class Hiccup(Exception):
    """The world's doing."""


class Relapse(Hiccup):
    """Something else."""


def test_libraries_and_we_look_alike(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("INFO", "json")
    structlog.get_logger("lazaretto.x").info("ours", case=4)
    logging.getLogger("library").warning("theirs %s", 5)
    ours, theirs = (json.loads(line) for line in capsys.readouterr().err.splitlines())
    assert (ours["event"], ours["case"], ours["logger"], ours["level"]) == ("ours", 4, "lazaretto.x", "info")
    assert (theirs["event"], theirs["logger"], theirs["level"]) == ("theirs 5", "library", "warning")
    assert ours["timestamp"].endswith("Z")


def test_standard_output_is_left_to_results(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("DEBUG")
    structlog.get_logger("lazaretto.x").error("trouble")
    assert capsys.readouterr().out == ""


def test_values_cannot_forge_lines_or_command_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("INFO")
    structlog.get_logger("x").info("held", name="a\nforged line", other="\x1b[2J\u202e")
    logging.getLogger("library").warning("theirs\nforged line\x1b[2J")
    said = capsys.readouterr().err
    assert len(said.splitlines()) == 2
    assert not {"\x1b", "\u202e"} & set(said)
    assert r"\x1b[2J\u202e" in said


def test_exceptions_keep_their_lines_and_show_no_variables(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("INFO")
    token = "12345:" + "s" * 4
    try:
        raise Hiccup("bad\x1bthing")
    except Hiccup:
        structlog.get_logger("x").exception("failed")
    said = capsys.readouterr().err
    assert "Traceback (most recent call last)" in said
    assert r"Hiccup: bad\x1bthing" in said
    assert token not in said


@pytest.mark.parametrize(("error", "traced"), [(Hiccup("no network"), False), (Relapse("a fault"), True)])
def test_the_worlds_doing_takes_one_line(capsys: pytest.CaptureFixture[str], error: Exception, traced: bool) -> None:
    configure_logging("INFO", expected=(Hiccup,))
    try:
        raise error
    except Hiccup:
        logging.getLogger("library").exception("polling failed")
    said = capsys.readouterr().err
    assert str(error) in said
    assert (len(said.splitlines()) > 1) is traced


@pytest.mark.parametrize("library", ["httpx", "httpcore.connection", "sqlalchemy", "telegram.ext.Application"])
def test_libraries_cannot_be_made_to_tell_secrets(capsys: pytest.CaptureFixture[str], library: str) -> None:
    configure_logging("DEBUG")
    logging.getLogger(library).debug("a token, a statement or an update")
    assert capsys.readouterr().err == ""
    logging.getLogger(library).error("trouble")
    assert "trouble" in capsys.readouterr().err
