"""`lazaretto scan`: what it answers, and what it makes of input that is not as it should be."""

from __future__ import annotations

import hashlib
import os
import sys
from pathlib import Path
from time import monotonic
from typing import Any

import pytest

from carriers.png import png
from carriers.programs import a_pe
from carriers.unscannable import encrypted, zipped
from cli.bots import write_config
from cli.terminal import Ended, call, json_lines, lazaretto, without_disk

FIELDS = {"path", "size", "sha256", "media_type", "decision", "reasons", "findings", "coverage", "elapsed_ms"}
FINDING = {"rule", "category", "severity", "offset", "where", "message"}


def scanned(*arguments: str | Path) -> tuple[int, list[dict[str, Any]], str]:
    """Exit status, rows and what was said on stderr."""
    ended = call("scan", "--json", *arguments)
    return ended.returncode, json_lines(ended.stdout), ended.stderr


@pytest.fixture
def clean(folder: Path) -> Path:
    file = folder / "clean.png"
    file.write_bytes(png())
    return file


@pytest.fixture
def program(folder: Path) -> Path:
    file = folder / "program.exe"
    file.write_bytes(a_pe())
    return file


# ── the contract ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_clean_file_is_forwarded(clean: Path) -> None:
    status, [row], said = scanned(clean)
    assert (status, said) == (0, "")
    assert row.keys() >= FIELDS
    assert row["path"] == str(clean)
    assert row["size"] == len(png())
    assert row["sha256"] == hashlib.sha256(png()).hexdigest()
    assert (row["media_type"], row["decision"], row["reasons"]) == ("image/png", "forward", [])
    assert row["elapsed_ms"] > 0


def test_findings_and_reasons_say_rule_first(program: Path) -> None:
    status, [row], _ = scanned(program)
    assert (status, row["decision"]) == (1, "quarantine")
    assert row["findings"]
    assert all(finding.keys() >= FINDING for finding in row["findings"])
    assert [next(iter(reason)) for reason in row["reasons"]] == ["rule"] * len(row["reasons"])
    assert row["reasons"][0]["action"] == "quarantine"


def test_what_could_not_be_looked_at_has_a_status_of_its_own(folder: Path) -> None:
    (folder / "locked.zip").write_bytes(encrypted(zipped("a.txt", b"inert")))
    status, [row], _ = scanned(folder / "locked.zip", "--preset", "lenient")
    assert row["decision"] == "forward"
    assert "unscannable" in {finding["category"] for finding in row["findings"]}
    assert status == 3


def test_unreadable_beats_bad_beats_clean(clean: Path, program: Path) -> None:
    status, rows, said = scanned(clean, program, "missing.png")
    assert [row["decision"] for row in rows] == ["forward", "quarantine"]
    assert "missing.png: No such file" in said
    assert status == 2


def test_results_come_in_the_order_of_the_input_and_folders_in_that_of_names(folder: Path, clean: Path) -> None:
    below = folder / "inbox" / "deep"
    below.mkdir(parents=True)
    names = ["b.txt", "a.txt", "c.txt"]
    for name in names:
        (below / name).write_text("inert\n")
    _, rows, _ = scanned(folder / "inbox", clean, "--jobs", "3")
    assert [Path(row["path"]).name for row in rows] == ["a.txt", "b.txt", "c.txt", "clean.png"]


def test_the_given_name_and_type_are_judged_instead_of_the_files_own(program: Path) -> None:
    _, [row], _ = scanned(program, "--name", "holiday.png", "--mime", "image/png")
    assert "spoofed" in {finding["category"] for finding in row["findings"]}


def test_a_preset_changes_the_decision(folder: Path) -> None:
    (folder / "tool.py").write_text("#!/usr/bin/env python3\nimport os\n\nprint(os.getcwd())\n")
    decisions = {
        preset: scanned(folder / "tool.py", "--preset", preset)[1][0]["decision"] for preset in ("lenient", "strict")
    }
    assert decisions["lenient"] == "forward"
    assert decisions["strict"] in ("quarantine", "reject")


def test_a_groups_own_policy_is_used_with_its_size_limit(folder: Path, clean: Path) -> None:
    (folder / "config" / "groups").mkdir(parents=True)
    (folder / "config" / "lazaretto.toml").write_text("")
    (folder / "config" / "groups" / "-1001.toml").write_text('max_size = "40 B"\n')
    _, [row], said = scanned(clean, "--config", folder / "config", "--group", "-1001")
    assert row["reasons"][0]["rule"] == "unscannable.too-large"
    assert said == ""
    status, [row], said = scanned(clean, "--config", folder / "config", "--group", "-1002")
    assert (status, row["decision"]) == (0, "forward")
    assert "-1002 has no file of its own" in said


def test_text_for_people_names_rule_place_and_counts(clean: Path, program: Path) -> None:
    ended = call("scan", clean, program)
    assert "forward" in ended.stdout
    assert "claim.program" in ended.stdout or "dangerous" in ended.stdout or "program" in ended.stdout
    assert "2 screened: 1 forward, 0 flag, 1 quarantine, 0 reject" in ended.stdout


# ── hostile and odd input ─────────────────────────────────────────────────────────────────────────────────────────

HOSTILE_NAMES = [
    b"two\nlines.txt",
    b"\x1b[2J\x1b]0;owned\x07.txt",
    "photo\u202egnp.exe.txt".encode(),
    b"not-utf8-\xff\xfe.txt",
    b"[bold red]markup[nothing].txt",
    b'"quote\\".txt',
]


@pytest.mark.parametrize("how", ["--json", "--jobs=1"])
def test_hostile_names_garble_neither_terminal_nor_json(folder: Path, how: str) -> None:
    inbox = folder / "inbox"
    inbox.mkdir()
    for name in HOSTILE_NAMES:
        Path(os.fsdecode(os.fsencode(inbox) + b"/" + name)).write_text("inert\n")
    ended = lazaretto("scan", how, inbox)
    assert ended.returncode in (0, 1), ended.stderr
    visible = ended.stdout + ended.stderr
    assert not {"\x1b", "\x07", "\u202e"} & set(visible)
    if how == "--json":
        rows = json_lines(ended.stdout)
        assert len(rows) == len(HOSTILE_NAMES)
        for row in rows:
            row["path"].encode("utf-8")  # no lone surrogates, which other languages' readers refuse
    else:
        assert "[bold red]markup[nothing].txt" in visible
        assert len([line for line in ended.stdout.splitlines() if not line.startswith(" ")]) == len(HOSTILE_NAMES) + 1


def test_an_empty_file_is_forwarded(folder: Path) -> None:
    (folder / "empty.txt").touch()
    status, [row], _ = scanned(folder / "empty.txt")
    assert (row["size"], row["media_type"]) == (0, "application/x-empty")
    assert row["sha256"] == hashlib.sha256(b"").hexdigest()
    assert status in (0, 1)


def test_a_sparse_file_of_5_gib_is_answered_by_its_size(folder: Path) -> None:
    (folder / "huge.bin").touch()
    os.truncate(folder / "huge.bin", 5 << 30)
    began = monotonic()
    status, [row], _ = scanned(folder / "huge.bin")
    # Reading it would take ten seconds on the fastest machine: twenty files a second are the usual pace.
    assert row["elapsed_ms"] < 1000
    assert monotonic() - began < 10
    assert [finding["rule"] for finding in row["findings"]] == ["unscannable.too-large"]
    assert (status, row["sha256"]) == (1, None)


def test_a_name_of_4000_characters(clean: Path) -> None:
    status, [row], _ = scanned(clean, "--name", "x" * 4000 + ".png")
    assert status in (0, 1)
    assert all(len(finding["seen"]) <= 200 for finding in row["findings"])


def test_no_such_file(folder: Path) -> None:
    status, rows, said = scanned(folder / "missing")
    assert (status, rows) == (2, [])
    assert "unreadable:" in said
    assert "No such file or directory" in said


def test_a_link_that_leads_nowhere(folder: Path) -> None:
    (folder / "link.png").symlink_to(folder / "gone.png")
    status, _, said = scanned(folder)
    assert status == 2
    assert "No such file or directory" in said


def test_a_named_pipe_is_not_waited_for(folder: Path) -> None:
    os.mkfifo(folder / "pipe")
    status, _, said = scanned(folder / "pipe")
    assert status == 2
    assert "not pipes or devices" in said


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read(clean: Path) -> None:
    clean.chmod(0)
    status, _, said = scanned(clean)
    assert status == 2
    assert "Permission denied" in said


def test_the_rest_of_a_folder_is_screened_beside_what_cannot_be_read(folder: Path, clean: Path) -> None:
    (folder / "a-link").symlink_to("nowhere")
    status, rows, said = scanned(folder)
    assert (status, [row["path"] for row in rows]) == (2, [str(clean)])
    assert "a-link" in said


def test_an_empty_folder_is_no_fault(folder: Path) -> None:
    assert scanned(folder) == (0, [], "")


# ── standard input ────────────────────────────────────────────────────────────────────────────────────────────────


def test_standard_input_is_judged_under_the_given_name(folder: Path) -> None:
    ended = lazaretto("scan", "--json", "--name", "x.png", "-", stdin=png())
    assert ended.returncode == 0, ended.stderr
    [row] = json_lines(ended.stdout)
    assert (row["path"], row["media_type"], row["size"]) == ("-", "image/png", len(png()))


def test_standard_input_can_be_a_file_and_large(folder: Path) -> None:
    data = b"inert text\n" * 100_000
    (folder / "input").write_bytes(data)
    command = (
        sys.executable,
        "-c",
        "import os,sys; os.dup2(os.open('input', 0), 0); from lazaretto.cli import main; main()",
    )
    [row] = json_lines(lazaretto("scan", "--json", "-", prefix=command, cwd=folder).stdout)
    assert row["sha256"] == hashlib.sha256(data).hexdigest()


def test_standard_input_cannot_be_named_twice() -> None:
    ended = call("scan", "-", "-")
    assert ended.returncode == 2
    assert "more than once" in ended.stderr


def assert_explained(ended: Ended, *words: str) -> None:
    assert ended.returncode == 2
    assert "Traceback" not in ended.stderr
    for word in words:
        assert word in ended.stderr


def test_the_disk_is_full_for_the_spool() -> None:
    ended = lazaretto("scan", "--json", "-", stdin=b"x" * 300_000, prefix=without_disk(100_000))
    assert_explained(ended, "cannot be kept", "TMPDIR")
    assert not ended.stdout


def test_there_is_no_folder_for_temporary_files(clean: Path) -> None:
    nowhere = "import tempfile; tempfile.tempdir = '/nonexistent'; from lazaretto.cli import main; main()"
    ended = lazaretto("scan", clean, prefix=(sys.executable, "-c", nowhere))
    assert_explained(ended, "no file can be screened", "TMPDIR")


def test_workers_that_cannot_start(clean: Path) -> None:
    broken = "import sys; sys.executable = '/nonexistent/python'; from lazaretto.cli import main; main()"
    ended = lazaretto("scan", "--json", clean, prefix=(sys.executable, "-c", broken))
    assert_explained(ended, "no file can be screened", "no worker could be started")
    assert not ended.stdout


# ── the sandbox ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_layers_that_held_are_in_every_report(clean: Path) -> None:
    _, [row], _ = scanned(clean)
    assert {"process", "no-new-privs", "rlimits", "cpu-timer", "seccomp"} <= {*row["layers"]}


def test_without_the_sandbox_the_same_is_found_and_it_is_said_loudly(clean: Path, program: Path) -> None:
    inside, rows, quiet = scanned(clean, program)
    outside, unlocked, loud = scanned("--no-sandbox", clean, program)
    assert inside == outside == 1
    told = [{key: row[key] for key in FIELDS - {"elapsed_ms"}} for row in rows]
    assert [{key: row[key] for key in FIELDS - {"elapsed_ms"}} for row in unlocked] == told
    assert [row["layers"] for row in unlocked] == [[], []]
    assert not quiet
    assert "NO SANDBOX" in loud
    assert "Never do it with files that a stranger chose." in loud


def test_standard_input_without_the_sandbox(clean: Path) -> None:
    ended = lazaretto("scan", "--json", "--no-sandbox", "--name", "a.png", "-", stdin=clean.read_bytes())
    [row] = json_lines(ended.stdout)
    assert (row["media_type"], row["decision"], ended.returncode) == ("image/png", "forward", 0)


def test_what_a_file_may_use_is_configured(folder: Path, clean: Path) -> None:
    config = write_config(
        folder, "http://127.0.0.1:1/bot", "http://127.0.0.1:1/file/bot", more="[sandbox]\nmemory = 1\n"
    )
    ended = call("scan", "--config", config, clean)
    assert ended.returncode == 2
    assert "sandbox.memory" in ended.stderr
    assert "64 MiB or more" in ended.stderr


# ── wrong usage ───────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "Missing argument"),
        (("--preset", "harsh", "x"), "use one of: lenient, balanced, strict"),
        (("--preset", "strict", "--group", "-1001", "x"), "give one of them"),
        (("--group", "friends", "x"), "is neither the id of a group"),
        (("--config", "nowhere", "x"), "nowhere: there is no such file"),
        (("--jobs", "0", "x"), "--jobs"),
    ],
)
def test_wrong_usage_says_what_to_do(arguments: tuple[str, ...], said: str) -> None:
    ended = call("scan", *arguments)
    assert ended.returncode == 2
    assert said in ended.stderr
