"""`lazaretto evaluate`: what it counts, what it asks for, and what it says of a list that is not as it should be."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest

from carriers.png import chunk, png
from carriers.programs import a_pe
from carriers.unscannable import encrypted, zipped
from cli.terminal import COMMAND, call, environment, lazaretto
from lazaretto.evaluation.manifest import read_manifest
from lazaretto.evaluation.tally import Evaluated, Gates, Tally
from lazaretto.model import Action, Decision, Report
from lazaretto_validators import Finding

COUNTS = {"total", "blocked", "flagged", "unscannable"}


@pytest.fixture
def manifest(folder: Path) -> Path:
    """A picture, a damaged one, a locked archive, a program under a false name, a clean file labelled hostile."""
    files = {
        "good.png": png(),
        "locked.zip": encrypted(zipped("a.txt", b"inert")),
        "0001.bin": a_pe(),
        "missed.png": png(),
        "broken.png": png(before=chunk(b"tEXt", b"a\0b", crc=1), pixels=chunk(b"IDAT", b"no zlib")),
    }
    for name, data in files.items():
        (folder / name).write_bytes(data)
    manifest = folder / "list.csv"
    manifest.write_text(
        "path,label,class,ext,claimed_name,note\n"
        "good.png,benign,,png,,\n"
        "locked.zip,benign,,zip,,\n"
        "0001.bin,hostile,spoof,exe,holiday.png,renamed\n"
        "missed.png,hostile,polyglot,png,,\n"
        "broken.png,malformed,fuzz,png,,\n"
    )
    return manifest


def evaluated(*arguments: str | Path) -> tuple[int, dict[str, Any], str]:
    """Exit status, the object that was printed, and what was said on stderr."""
    ended = call("evaluate", "--json", *arguments)
    return ended.returncode, json.loads(ended.stdout), ended.stderr


def test_every_file_is_counted_under_its_label_and_class(manifest: Path) -> None:
    status, result, _ = evaluated(manifest)
    assert status == 0
    assert (result["files"], result["crashes"], result["unreadable"]) == (5, 0, 0)
    assert result["bytes"] == sum(file.stat().st_size for file in manifest.parent.iterdir() if file != manifest)
    assert result["seconds"] > 0
    assert result["benign"] == {"total": 2, "blocked": 0, "flagged": 1, "unscannable": 1}
    hostile = result["hostile"]
    assert hostile["by_class"].keys() == {"spoof", "polyglot"}
    assert hostile["by_class"]["spoof"] == {"total": 1, "blocked": 1, "flagged": 0, "unscannable": 0}
    assert all(counts.keys() == COUNTS for counts in hostile["by_class"].values())
    assert (hostile["total"], hostile["blocked"]) == (2, 1)
    assert result["malformed"]["by_class"] == {"fuzz": {"total": 1, "blocked": 0, "flagged": 1, "unscannable": 0}}


def test_a_mistake_names_file_decision_and_rules(manifest: Path) -> None:
    _, result, _ = evaluated(manifest)
    assert result["mistakes"] == [
        {
            "path": "locked.zip",
            "label": "benign",
            "class": "",
            "decision": "flag",
            "rules": ["unscannable.encrypted"],
        },
        {"path": "missed.png", "label": "hostile", "class": "polyglot", "decision": "forward", "rules": []},
    ]


def test_the_claimed_name_is_what_a_file_is_judged_by(manifest: Path) -> None:
    manifest.write_text("path,label,class,ext,claimed_name\ngood.png,hostile,spoof,png,good.png.exe\n")
    _, result, _ = evaluated(manifest)
    assert result["hostile"]["blocked"] == 1


def test_another_preset_decides_otherwise(manifest: Path) -> None:
    _, strict, _ = evaluated(manifest, "--preset", "strict")
    assert strict["benign"] == {"total": 2, "blocked": 1, "flagged": 0, "unscannable": 1}


@pytest.mark.parametrize(
    ("asked", "status", "said"),
    [
        (["--max-blocked-benign", "0"], 0, ""),
        (["--preset", "strict", "--max-blocked-benign", "10"], 1, "50.00 % of the benign files are blocked"),
        (["--min-caught", "66"], 0, ""),
        (["--min-caught", "67"], 1, "66.67 % of the hostile and malformed files are caught, 67 % were asked for"),
        (["--require-class", "spoof", "--require-class", "fuzz"], 0, ""),
        (["--require-class", "bomb"], 1, "no file is of the class 'bomb'"),
    ],
)
def test_what_is_asked_for_decides_the_status(manifest: Path, asked: list[str], status: int, said: str) -> None:
    ended = call("evaluate", "--json", manifest, *asked)
    assert ended.returncode == status
    assert said in ended.stderr
    assert ("error:" in ended.stderr) == bool(status)


@pytest.mark.parametrize("asked", ["--max-blocked-benign", "--min-caught"])
def test_a_share_of_no_files_is_not_reached(manifest: Path, asked: str) -> None:
    label = "hostile" if asked == "--max-blocked-benign" else "benign"
    manifest.write_text(f"path,label,class,ext\ngood.png,{label},,png\n")
    ended = call("evaluate", manifest, asked, "0")
    assert ended.returncode == 1
    assert "to hold" in ended.stderr


def test_a_file_that_is_missing_is_told_and_the_others_are_judged(manifest: Path) -> None:
    with manifest.open("a") as more:
        more.write("gone.gif,benign,,gif,,\n")
    status, result, said = evaluated(manifest)
    assert (status, result["files"], result["unreadable"]) == (2, 5, 1)
    assert "gone.gif: No such file" in said


@pytest.mark.parametrize("rule", ["unscannable.crashed", "unscannable.worker-failed", "unscannable.validator-failed"])
def test_a_dead_worker_and_a_validator_that_raised_are_crashes(manifest: Path, rule: str) -> None:
    entry, tally = read_manifest(manifest)[0], Tally()
    for found in (rule, "png.chunk-crc", "unscannable.budget"):
        report = Report("image/png", 1, None, (Finding(found, None),))
        tally.count(Evaluated(entry, report, Decision(Action.FORWARD, enforced=False)))
    assert (tally.files, tally.crashes) == (3, 1)


def test_a_crash_is_a_mistake_even_of_a_file_that_is_then_held_rightly(manifest: Path) -> None:
    hostile, tally = read_manifest(manifest)[3], Tally()
    report = Report(None, 1, None, (Finding("unscannable.crashed", None),))
    tally.count(Evaluated(hostile, report, Decision(Action.QUARANTINE, enforced=False)))
    assert [mistake.entry.path for mistake in tally.mistakes] == ["missed.png"]
    assert list(Gates().missed(tally)) == [
        "1 files ended their worker or raised an exception: they are among the mistakes"
    ]


def test_without_json_formats_classes_and_mistakes_are_shown(manifest: Path) -> None:
    ended = lazaretto("evaluate", manifest)
    assert ended.returncode == 0
    for shown in ("format", "hostile spoof", "all benign", "missed.png", "5 files: 2 mistakes, 0 crashes"):
        assert shown in ended.stdout
    assert "5 of 5 files screened" in ended.stderr


def test_paths_begin_in_the_root(manifest: Path, folder: Path) -> None:
    (folder / "lists").mkdir()
    moved = manifest.rename(folder / "lists" / "list.csv")
    assert evaluated(moved, "--root", folder)[1]["files"] == 5
    assert call("evaluate", moved, "--root", folder / "nowhere").returncode == 2


@pytest.mark.parametrize("text", ["", "path,label\n", "path,label,class,ext\nx,unknown,,\n"])
def test_a_list_that_cannot_be_used_is_refused_with_a_remedy(folder: Path, text: str) -> None:
    (folder / "list.csv").write_text(text)
    ended = call("evaluate", "list.csv")
    assert ended.returncode == 2
    assert "do:" in ended.stderr
    assert ended.stdout == ""


def test_what_a_stranger_named_cannot_write_to_the_terminal(folder: Path) -> None:
    (folder / "e\x1b[31m.png").write_bytes(png())
    rows = ["e\x1b[31m.png,hostile,\x1b]0;a [red]b[/red],p\x1b[2Jg", '"no\nbr\u202ee\x1bak.png",hostile,[/],[/bold]']
    (folder / "list.csv").write_text("path,label,class,ext\n" + "\n".join(rows) + "\n", encoding="utf-8")
    ended = call("evaluate", "list.csv")
    assert ended.returncode == 2
    assert "\x1b" not in ended.stdout + ended.stderr
    assert "\u202e" not in ended.stderr
    assert "[red]b[/red]" in ended.stdout


@pytest.mark.parametrize("made", ["folder", "pipe", "link to nothing", "link to itself"])
def test_what_is_no_file_is_told_and_counted_as_unreadable(folder: Path, made: str) -> None:
    path = folder / "it.png"
    match made:
        case "folder":
            path.mkdir()
        case "pipe":
            os.mkfifo(path)
        case _:
            path.symlink_to("it.png" if "itself" in made else "nothing.png")
    (folder / "list.csv").write_text("path,label,class,ext\nit.png,hostile,,png\n")
    status, result, said = evaluated("list.csv", "--require-class", "")
    assert (status, result["files"], result["unreadable"]) == (2, 0, 1)
    assert "unreadable: it.png: " in said


@pytest.mark.parametrize("jobs", ["0", "10000"])
def test_more_files_at_once_than_workers_can_be_had_are_refused(manifest: Path, jobs: str) -> None:
    ended = call("evaluate", manifest, "--jobs", jobs)
    assert ended.returncode == 2
    assert "--jobs" in ended.stderr


@pytest.mark.parametrize(("how", "status"), [(">&-", 0), ("2>&-", 0), (">&- 2>&- <&-", 0), ("2>/dev/full", 2)])
def test_the_status_is_right_where_output_goes_nowhere(manifest: Path, how: str, status: int) -> None:
    command = f'"$@" {how}'
    ended = subprocess.run(
        ["sh", "-c", command, "sh", *COMMAND, "evaluate", str(manifest)], check=False, capture_output=True, timeout=60
    )
    assert ended.returncode == status
    assert b"Traceback" not in ended.stderr


def test_ctrl_c_ends_a_run_at_once_and_leaves_nothing_behind(manifest: Path, folder: Path) -> None:
    with manifest.open("a") as more:
        more.write("good.png,benign,,png,,\n" * 600)
    temporary = folder / "temporary"
    temporary.mkdir()
    variables = environment(TMPDIR=str(temporary))
    with subprocess.Popen([*COMMAND, "evaluate", str(manifest)], env=variables, stderr=subprocess.PIPE) as process:
        assert process.stderr is not None
        assert b"screened" in process.stderr.readline()
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 130
    assert list(temporary.iterdir()) == []
