"""Commands in a pipe, at a terminal and interrupted: nothing garbled, no traceback, nothing left behind."""

from __future__ import annotations

import os
import pty
import select
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic

import pytest

from carriers.png import png
from cli.terminal import COMMAND, environment, json_lines

BROKEN_PIPE = 128 + signal.SIGPIPE
_PATIENCE = 60


@pytest.fixture
def pictures(folder: Path) -> Path:
    inbox = folder / "inbox"
    inbox.mkdir()
    for number in range(6):
        (inbox / f"{number:02}.png").write_bytes(png())
    return inbox


@contextmanager
def started(*arguments: str | Path, **streams: int) -> Iterator[subprocess.Popen[bytes]]:
    """A command under way, its outputs piped unless `streams` says otherwise."""
    pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **streams}
    with subprocess.Popen([*COMMAND, *arguments], env=environment(TERM="xterm"), **pipes) as process:  # type: ignore[call-overload]
        try:
            yield process
        finally:
            process.kill()


@pytest.mark.parametrize(
    "arguments",
    [("rules",), ("rules", "--json"), ("policy", "show"), ("scan", "--json", "inbox"), ("scan", "inbox")],
    ids=" ".join,
)
def test_a_reader_that_goes_away_ends_the_command_quietly(pictures: Path, arguments: tuple[str, ...]) -> None:
    with started(*arguments) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        said = process.stderr.read()
        assert (process.wait(_PATIENCE), said) == (BROKEN_PIPE, b"")


def test_the_spinner_stays_on_the_terminal_and_out_of_the_pipe(pictures: Path) -> None:
    terminal, theirs = pty.openpty()
    try:
        with started("scan", "--json", pictures, stderr=theirs) as process:
            os.close(theirs)
            assert process.stdout is not None
            rows = json_lines(process.stdout.read().decode("utf-8"))
            assert process.wait(_PATIENCE) == 0
        spun = _all_of(terminal)
    finally:
        os.close(terminal)
    assert len(rows) == 6
    assert b"screened" in spun
    assert b"sha256" not in spun


def _all_of(terminal: int) -> bytes:
    """What was written to a terminal whose other end is closed. The end is an error there."""
    read = b""
    while select.select([terminal], [], [], 1)[0]:
        try:
            read += os.read(terminal, 65536)
        except OSError:
            break
    return read


def test_nothing_but_results_where_nobody_watches(pictures: Path) -> None:
    with started("scan", "--json", pictures) as process:
        out, said = process.communicate(timeout=_PATIENCE)
    assert len(json_lines(out.decode("utf-8"))) == 6
    assert said == b""


def test_results_stream_before_the_last_file_is_there(folder: Path) -> None:
    """The second input is standard input, which never ends: the first result must not wait for it."""
    (folder / "first.png").write_bytes(png())
    with started("scan", "--json", "first.png", "-", stdin=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert json_lines(process.stdout.readline().decode("utf-8"))[0]["path"] == "first.png"
        assert process.poll() is None


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM], ids=["Ctrl-C", "SIGTERM"])
def test_an_interrupted_scan_leaves_nothing_behind(folder: Path, how: signal.Signals) -> None:
    """It waits for standard input meanwhile, which a thread could not be called back from."""
    scratch = folder / "tmp"
    scratch.mkdir()
    (folder / "first.png").write_bytes(png())
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TMPDIR", str(scratch))
        with started("scan", "--json", "first.png", "-", stdin=subprocess.PIPE) as process:
            assert process.stdout is not None
            assert process.stderr is not None
            process.stdout.readline()
            began = monotonic()
            process.send_signal(how)
            assert process.wait(_PATIENCE) == 128 + how
            assert monotonic() - began < 10
            assert b"Traceback" not in process.stderr.read()
    assert list(scratch.iterdir()) == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
@pytest.mark.parametrize("arguments", [("rules",), ("scan", "--json", "inbox")], ids=" ".join)
def test_output_that_does_not_fit_is_said(pictures: Path, arguments: tuple[str, ...]) -> None:
    with Path("/dev/full").open("wb") as full, started(*arguments, stdout=full.fileno()) as process:
        assert process.stderr is not None
        said = process.stderr.read()
        assert process.wait(_PATIENCE) == 2
    assert b"the output cannot be written: No space left on device" in said
    assert b"Traceback" not in said
    assert b"ignored" not in said
