"""Attacks from inside the lock, each by a validator that tries it: refused or deadly, and always with its reason.

They run as root and as an ordinary user, each time in a process of their own with a copy of the packages that such a
user can read.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import pytest

from attackers.attacks import ATTACKS, SYSTEM_CALLS

NOBODY = 65534
ALL_LAYERS = ("undumpable", "no-new-privs", "landlock", "rlimits", "cpu-timer", "seccomp")
DEAD = "killed by SIGSYS"


class Outcome(NamedTuple):
    """What a report said of an attack: its worst finding, and the layers."""

    rule: str | None
    seen: str | None
    layers: list[str]


Outcomes = Mapping[str, Outcome]

REFUSED = {
    **dict.fromkeys(("read-a-file", "write-a-file", "create-a-file", "stat", "list-a-folder"), "EPERM"),
    **dict.fromkeys(("write-to-stderr", "map-code", "make-code", "duplicate-descriptor"), "EPERM"),
    "lazy-import": "ModuleNotFoundError",
}
CPU = re.compile(r"0\.[5-9] s of processor time")
OTHERS = {
    "one-allocation": ("unscannable.budget", "all its memory"),
    "blocks": ("unscannable.budget", "all its memory"),
    "recursion": ("unscannable.validator-failed", "attack: RecursionError"),
    "flood": ("unscannable.budget", "an answer of more than 65536 bytes"),
    "no-json": ("unscannable.crashed", "bad reply"),
    "unknown-rule": ("unscannable.crashed", "bad reply"),
    "other-size": ("unscannable.crashed", "bad reply"),
    "two-answers": ("unscannable.crashed", "bad reply"),
    "stop-self": ("unscannable.crashed", DEAD),
    "silent-exit": ("unscannable.crashed", "exit status 0"),
    "null-pointer": ("unscannable.crashed", "killed by SIGSEGV"),
    "jump-into-data": ("unscannable.crashed", "killed by SIGSEGV"),
    "abort": ("unscannable.crashed", DEAD),
    "none": (None, None),
}
LOOPS = {"python-loop", "c-loop", "regular-expression", "big-integers"}
MEMORY_OR_TIME = {"small-objects"}  # which of the two ends it depends on the machine


@pytest.fixture(scope="module")
def packages() -> Iterator[Path]:
    """Lazaretto, what screening needs beside it, and the attacking validator as an installed distribution; readable
    by everybody."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for package in ("lazaretto", "lazaretto_validators", "structlog", "attackers"):
            spec = find_spec(package)
            assert spec is not None
            assert spec.submodule_search_locations is not None
            shutil.copytree(spec.submodule_search_locations[0], folder / package)
        described = folder / "lazaretto_attacks-1.0.dist-info"
        described.mkdir()
        (described / "METADATA").write_text("Metadata-Version: 2.1\nName: lazaretto-attacks\nVersion: 1.0\n")
        (described / "entry_points.txt").write_text(
            "[lazaretto.validators]\nattack = attackers.attacks:validate_attack\n"
        )
        subprocess.run(["chmod", "-R", "a+rX", name], check=True)
        yield folder


@pytest.fixture(scope="module", params=["root", "ordinary user"])
def who(request: pytest.FixtureRequest) -> dict[str, object]:
    """Arguments for subprocess, to be that user."""
    root = os.geteuid() == 0
    if request.param == "root":
        if not root:
            pytest.skip("only root can be root")
        return {}
    return {"user": NOBODY, "group": NOBODY, "extra_groups": []} if root else {}


def campaign(packages: Path, who: dict[str, object], *flags: str, names: tuple[str, ...] = ()) -> Outcomes:
    """What came of each attack; nothing may be left behind."""
    interpreter = reachable_interpreter(who)
    command = [interpreter, "-I", str(packages / "attackers" / "campaign.py"), str(packages), *flags, "--", *names]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=100, cwd="/", check=False, **who)  # type: ignore[call-overload]
    assert ended.returncode == 0, ended.stderr
    lines = [json.loads(line) for line in ended.stdout.splitlines() if line.startswith("[")]
    assert lines.pop() == ["", 0, 0, []], "descriptors or processes are left"
    return {name: Outcome(rule, seen, layers) for name, rule, seen, layers in lines}


def reachable_interpreter(who: dict[str, object]) -> str:
    """Ours, or the system's where ours lies in a folder that the user cannot enter."""
    question = f"import sys; sys.exit(sys.version_info[:2] != {tuple(sys.version_info[:2])})"
    for python in (sys.executable, "/usr/bin/python3"):
        try:
            asked = subprocess.run([python, "-I", "-c", question], check=False, cwd="/", **who)  # type: ignore[call-overload]
        except OSError:
            continue
        if asked.returncode == 0:
            return python
    pytest.skip(f"user {NOBODY} can run no Python {sys.version_info[0]}.{sys.version_info[1]} here")


@pytest.fixture(scope="module")
def outcomes(packages: Path, who: dict[str, object]) -> Outcomes:
    """Every attack behind the whole lock."""
    return campaign(packages, who)


def test_every_attack_is_accounted_for() -> None:
    deadly = SYSTEM_CALLS.keys() - REFUSED.keys()
    assert ATTACKS.keys() == deadly | REFUSED.keys() | OTHERS.keys() | LOOPS | MEMORY_OR_TIME
    assert len(deadly) > 20


@pytest.mark.parametrize("attack", ATTACKS)
def test_an_attack_gets_nowhere(outcomes: Outcomes, attack: str) -> None:
    rule, seen, layers = outcomes[attack]
    if attack in REFUSED:
        assert (rule, seen) == ("attack.refused", REFUSED[attack])
    elif attack in MEMORY_OR_TIME:
        assert rule == "unscannable.budget"
        assert seen is not None
        assert seen == "all its memory" or CPU.fullmatch(seen)
    elif attack in LOOPS:
        assert seen is not None
        assert (rule, bool(CPU.fullmatch(seen))) == ("unscannable.budget", True)
    else:
        assert (rule, seen) == OTHERS.get(attack, ("unscannable.crashed", DEAD))
    assert "unprivileged" in layers  # root is given up
    for layer in ALL_LAYERS:
        if layer != "landlock":  # not every kernel has it
            assert layer in layers


@pytest.fixture(scope="module")
def unlocked(packages: Path, who: dict[str, object]) -> Outcomes:
    """The system calls without any layer."""
    return campaign(packages, who, *(f"without:{layer}" for layer in ALL_LAYERS), names=tuple(SYSTEM_CALLS))


# `execute` ends the worker that it comes through in; a module to import may lie where only root can read.
@pytest.mark.parametrize("attack", sorted(SYSTEM_CALLS.keys() - {"execute", "lazy-import"}))
def test_the_same_attack_comes_through_without_the_lock(unlocked: Outcomes, attack: str) -> None:
    assert unlocked[attack].rule == "attack.reached", unlocked[attack]
    assert not {*ALL_LAYERS} & {*unlocked[attack].layers}


def test_without_the_lock_another_program_takes_the_workers_place(unlocked: Outcomes) -> None:
    assert (unlocked["execute"].rule, unlocked["execute"].seen) == ("unscannable.crashed", "exit status 0")


def test_of_many_sessions_that_are_mostly_hostile_every_honest_one_gets_its_report(
    packages: Path, who: dict[str, object]
) -> None:
    command = [reachable_interpreter(who), "-I", str(packages / "attackers" / "chaos.py"), str(packages), "600", "7"]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=110, cwd="/", check=False, **who)  # type: ignore[call-overload]
    assert ended.returncode == 0, ended.stderr
    came = json.loads(ended.stdout.splitlines()[-1])
    assert came["honest"] == {"clean": 240}
    assert sum(came["hostile"].values()) == 360
    assert came["hostile"].keys() <= {
        "attack.refused",
        "unscannable.budget",
        "unscannable.crashed",
        "unscannable.validator-failed",
        "unscannable.worker-failed",
    }
    assert (came["descriptors"], came["processes"]) == (0, 0)


EXHAUSTING = {
    **{name: OTHERS[name] for name in ("one-allocation", "blocks", "recursion", "silent-exit", "null-pointer", "none")},
    # Only the kernel counts their processor time, and goes by the largest file: the wait for an answer ends first.
    **dict.fromkeys(("python-loop", "regular-expression"), ("unscannable.budget", "no answer for 2")),
}


def test_an_interpreter_behind_what_posix_offers_is_bounded_too(packages: Path, who: dict[str, object]) -> None:
    came = campaign(packages, who, "exec", names=tuple(EXHAUSTING))
    said = {name: (outcome.rule, outcome.seen and outcome.seen.partition(".")[0]) for name, outcome in came.items()}
    assert said == EXHAUSTING
    assert {*came["none"].layers} == {"process", "unprivileged", "rlimits", "cpu-timer"}


@pytest.mark.parametrize("layer", ["undumpable", "no-new-privs", "rlimits", "cpu-timer", "seccomp"])
def test_without_a_mandatory_layer_nothing_starts(packages: Path, layer: str) -> None:
    code = (
        f"import sys; sys.path.insert(0, {str(packages)!r}); import asyncio, tempfile, pathlib\n"
        "from lazaretto.screening import WorkerScreener\n"
        "from lazaretto.screening.sandbox.zygote_backend import ZygoteBackend\n"
        "from attackers.campaign import ZYGOTE\n"
        f"command = (sys.executable, '-I', '-c', ZYGOTE.format(folder={str(packages)!r}))\n"
        f"backend = ZygoteBackend(command=command, flags=['without:{layer}'])\n"
        "async def main():\n"
        "    async with WorkerScreener(pathlib.Path(tempfile.mkdtemp(), 'spool'), backend=backend): pass\n"
        "asyncio.run(main())\n"
    )
    ended = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 1
    assert "the lock does not hold: " in ended.stderr
    assert f"no {layer} on this system" in ended.stderr
    assert "sandbox.require = false" in ended.stderr
