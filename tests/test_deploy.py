"""The systemd unit keeps what it promises, and the sandbox works behind its filters."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from cli.terminal import COMMAND, environment, lazaretto
from hardened import LIBRARY, allowed_calls, options
from lazaretto.config_sections import Sandbox, Screening
from lazaretto.config_settings import TOKEN_FILE
from lazaretto.screening.sandbox.syscalls import ALLOWED, REFUSED
from lazaretto.telegram.lifetime import STOP_SECONDS

pytestmark = pytest.mark.checkout

ROOT = Path(__file__).parent.parent
DEPLOY = ROOT / "deploy"
UNIT = DEPLOY / "lazaretto.service"
HARDENED = Path(__file__).parent / "hardened.py"

SYSTEMD = "systemd-analyze is not installed (on Debian and Ubuntu: the package systemd)"
needs_systemd = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason=SYSTEMD)
MOST_EXPOSED = 15
"""Tenths, of `systemd-analyze security`. Version 252 says 12, most of it for the network; others may weigh it more."""

GIB = 1 << 30
FOR_THE_BOT = GIB
"""The bot itself has some 150 MB; the rest is room for files in the page cache, which counts as well."""


def said(key: str) -> str:
    (value,) = options(UNIT)[key]
    return value


# ── the unit ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_unit_runs_as_a_user_without_any_capability() -> None:
    assert said("User") == "lazaretto"
    assert re.search(r"^u lazaretto - ", (DEPLOY / "lazaretto.sysusers.conf").read_text(), re.MULTILINE)
    assert (said("CapabilityBoundingSet"), said("AmbientCapabilities"), said("NoNewPrivileges")) == ("", "", "yes")


def test_the_token_is_a_credential_and_in_no_text() -> None:
    assert re.fullmatch(r"token:/[a-z/.]+", said("LoadCredential"))
    assert f"{TOKEN_FILE}=%d/token" in options(UNIT)["Environment"]
    for file in DEPLOY.iterdir():
        assert not re.search(r"\d{6,}:[\w-]{20,}|LAZARETTO_TOKEN=", file.read_text("utf-8")), file.name


def test_the_unit_restarts_what_may_go_well_and_nothing_else() -> None:
    shown = lazaretto("run", "--help").stdout
    assert "worth another start later" in shown  # exit status 1
    assert re.search(r"2 +token, configuration, state or screening are not right", shown)
    assert (said("Restart"), said("RestartPreventExitStatus")) == ("on-failure", "2")
    assert said("SuccessExitStatus").split() == ["130", "143"]


def test_the_unit_lets_the_bot_end_in_its_own_time_and_its_workers_with_it() -> None:
    assert float(said("TimeoutStopSec")) > STOP_SECONDS + 2
    assert said("KillMode") == "mixed"  # a worker that gets the signal too dies of it, and its file is not judged
    assert said("ExecReload").endswith("-HUP $MAINPID")


def test_the_unit_has_memory_for_every_worker_and_outlives_one_that_has_none() -> None:
    assert _bytes(said("MemoryMax")) >= Screening().workers * Sandbox().memory + FOR_THE_BOT
    assert said("OOMPolicy") == "continue"
    assert int(said("TasksMax")) > 4 * Screening().workers


def _bytes(size: str) -> int:
    return int(size[:-1]) * {"m": 1 << 20, "g": GIB}[size[-1].lower()]


@pytest.mark.parametrize(
    ("key", "value"),
    {
        "ProtectSystem": "strict",
        "ProtectHome": "yes",
        "ProtectProc": "invisible",
        "PrivateTmp": "yes",
        "PrivateDevices": "yes",
        "RestrictNamespaces": "yes",
        "MemoryDenyWriteExecute": "yes",
        "SystemCallArchitectures": "native",
        "SystemCallErrorNumber": "EPERM",
        "RestrictAddressFamilies": "AF_INET AF_INET6 AF_UNIX",
        "StateDirectoryMode": "0700",
        "UMask": "0077",
        "LimitCORE": "0",
    }.items(),
)
def test_the_unit_is_hardened(key: str, value: str) -> None:
    assert said(key) == value


@needs_systemd
def test_systemd_takes_the_unit_and_finds_it_hardly_exposed(tmp_path: Path) -> None:
    here = tmp_path / UNIT.name  # systemd looks for the program
    here.write_text(UNIT.read_text().replace("ExecStart=/opt/lazaretto/bin/lazaretto", f"ExecStart={sys.executable}"))
    taken = subprocess.run(["systemd-analyze", "verify", here], capture_output=True, text=True, check=False)
    assert (taken.returncode, taken.stderr) == (0, "")
    judged = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", f"--threshold={MOST_EXPOSED}", here],
        capture_output=True,
        text=True,
        check=False,
    )
    assert judged.returncode == 0, judged.stdout


@needs_systemd
def test_the_units_filter_leaves_the_sandbox_every_call_that_it_makes() -> None:
    allowed = allowed_calls(options(UNIT)["SystemCallFilter"])
    locking = {"seccomp", "landlock_create_ruleset", "landlock_restrict_self", "prctl", "prlimit64", "setitimer"}
    forking = {"clone", "execve", "wait4", "pidfd_open", "pidfd_send_signal", "close_range", "socketpair", "recvmsg"}
    assert locking | forking | {*ALLOWED} <= allowed
    assert not allowed & {"ptrace", "bpf", "mount", "setuid", "init_module", "io_uring_setup", "keyctl"}
    assert set(REFUSED) - allowed <= {"getpid"}  # a filter in a filter: what we refuse with a word must reach ours


@pytest.fixture
def reader(tmp_path: Path) -> Path:
    """A configuration, as `lazaretto init` writes it."""
    written = lazaretto("init", "--owners", "1", "--moderators", "-5", cwd=tmp_path, env={"LAZARETTO_TOKEN": "1:a"})
    assert written.returncode == 0, written.stderr
    return tmp_path


def behind(unit: Path, folder: Path, *words: str) -> str:
    """What the command says behind the unit's filters."""
    ended = subprocess.run(
        [sys.executable, HARDENED, unit, *COMMAND, *words],
        capture_output=True,
        text=True,
        cwd=folder,
        env=environment(),
        timeout=100,
        check=False,
    )
    return ended.stdout + ended.stderr


def layers_in(text: str) -> set[str]:
    match = re.search(r"layers hold around a worker: (.+)", text)
    assert match is not None, text
    return set(match[1].split(", "))


needs_libseccomp = pytest.mark.skipif(
    not any(Path("/").glob(f"usr/lib/*/{LIBRARY}*")), reason=f"{LIBRARY} is not installed (Debian: libseccomp2)"
)


@needs_systemd
@needs_libseccomp
def test_behind_the_units_filters_a_worker_has_every_layer_that_it_has_without(reader: Path) -> None:
    without = layers_in(lazaretto("doctor", "--offline", cwd=reader).stdout)
    with_them = layers_in(behind(UNIT, reader, "doctor", "--offline"))
    # Root cannot become somebody else in there: the unit has a user of its own.
    assert with_them == without - ({"unprivileged"} if os.geteuid() == 0 else set())


@needs_systemd
@needs_libseccomp
def test_behind_the_units_filters_the_demo_does_what_it_does(reader: Path) -> None:
    assert "verified" in behind(UNIT, reader, "demo", "--exit")


@needs_systemd
@needs_libseccomp
def test_without_the_calls_that_the_unit_adds_nothing_would_be_screened(reader: Path) -> None:
    if "seccomp" in allowed_calls(["@system-service"]):
        pytest.skip("this systemd counts them among @system-service")
    bare = reader / "bare.service"
    bare.write_text("\n".join(line for line in UNIT.read_text().splitlines() if "=seccomp " not in line))
    assert "a screening worker cannot be started" in behind(bare, reader, "doctor", "--offline")


def test_the_demo_leaves_the_state_that_the_environment_names_alone(tmp_path: Path) -> None:
    real = tmp_path / "real"
    ended = lazaretto("demo", "--exit", env={"LAZARETTO_STATE": str(real), "LAZARETTO_TOKEN": "1:a"})
    assert ended.returncode == 0, ended.stderr
    assert not real.exists()
