"""The lock around a worker: what it stops, that it is each layer which stops it, and what is said when one is missing.

Every attack is also tried with its layer left out, and must succeed: a test that cannot fail proves nothing.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lazaretto.screening.sandbox.lockdown import MANDATORY
from lazaretto.screening.sandbox.seccomp import architecture

Run = Callable[..., dict[str, Any]]

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="needs Linux"),
    pytest.mark.skipif(architecture() is None, reason="no table of system calls for this machine"),
]

LAYERS = {"undumpable", "no-new-privs", "landlock", "rlimits", "cpu-timer", "seccomp"}

KILLED = {
    "socket", "socketpair", "connect", "openat2", "fork", "spawn", "clone3", "thread", "execve", "kill itself",
    "kill its parent", "ptrace", "process_vm_readv", "io_uring_setup", "x32", "i386", "setrlimit", "prctl", "sleep",
    "poll", "memfd", "chdir", "another seccomp filter", "abort",
}  # fmt: skip
REFUSED = {
    "open", "raw openat", "create", "stat", "fstat", "lseek", "read the file", "read stdin", "pread the socket",
    "write to stderr", "write to the file", "map code", "map the file", "make code", "wait on a futex", "dup",
}  # fmt: skip
OTHER = {
    "late import": "ModuleNotFoundError",
    "one large block": "MemoryError",
    "many blocks": "MemoryError",
    "loop": "SIGPROF",
    "loop in C": "SIGPROF",
}
OUTCOMES = {**dict.fromkeys(KILLED, "SIGSYS"), **dict.fromkeys(REFUSED, "EPERM"), **OTHER}


def only(*layers: str) -> list[str]:
    """What to leave out."""
    return sorted(LAYERS - {*layers})


def test_every_attack_is_stopped(locked: Run) -> None:
    ends = locked("attack_all")
    assert ends == {name: OUTCOMES[name] for name in ends}
    assert set(ends) >= OUTCOMES.keys() - {"i386"}


def test_no_attack_is_stopped_without_the_layers(locked: Run) -> None:
    ends = locked("attack_all", without=only())
    ends.pop("i386", None)  # a kernel may have been built without it
    assert ends.pop("abort") == "SIGABRT"
    assert set(ends.values()) == {"through"}


def test_the_filter_alone_stops_all_but_hunger(locked: Run) -> None:
    ends = locked("attack_all", without=only("seccomp", "no-new-privs"))
    hunger = {"one large block", "many blocks", "loop", "loop in C"}
    assert ends == {name: "through" if name in hunger else OUTCOMES[name] for name in ends}


def test_strict_lets_no_stray_call_pass(locked: Run) -> None:
    ends = locked("attack_all", refused="kill")
    assert {ends[name] for name in KILLED & ends.keys() | REFUSED | {"late import"}} == {"SIGSYS"}


@pytest.mark.parametrize(
    ("layer", "attack", "end"),
    [
        ("landlock", "open", "EACCES"),
        ("landlock", "create", "EACCES"),
        ("landlock", "late import", "EACCES"),
        ("rlimits", "open", "EMFILE"),
        ("rlimits", "socket", "EMFILE"),
        ("rlimits", "memfd", "EMFILE"),
        ("rlimits", "one large block", "MemoryError"),
        ("rlimits", "many blocks", "MemoryError"),
        ("cpu-timer", "loop", "SIGPROF"),
        ("cpu-timer", "loop in C", "SIGPROF"),
        ("seccomp", "fork", "SIGSYS"),
        ("seccomp", "stat", "EPERM"),
        ("seccomp", "map code", "EPERM"),
    ],
)
def test_each_layer_alone(locked: Run, layer: str, attack: str, end: str) -> None:
    alone = locked("attack_once", name=attack, without=only(layer, "no-new-privs"))
    if layer == "landlock" and not any(name.startswith(layer) for name in alone["layers"]):
        pytest.skip("no Landlock in this kernel")
    assert alone["end"] == end
    assert locked("attack_once", name=attack, without=only("no-new-privs"))["end"] == "through"


def test_what_the_filter_stops_nothing_else_does(locked: Run) -> None:
    ends = locked("attack_all", without=["seccomp"])
    assert {name for name, end in ends.items() if end == "through"} >= {"stat", "chdir", "map code", "kill itself"}


def test_another_process_cannot_look_inside(locked: Run, who: str) -> None:
    assert locked("read_memory_of_child", without=["undumpable"])["end"] == "through"
    if who == "as we are" and locked("work")["layers"][0] != "unprivileged":
        return  # root may look into everything
    assert locked("read_memory_of_child", without=[])["end"] == "EACCES"
    assert locked("read_memory_of_child", without=only("undumpable"))["end"] == "EACCES"


def test_no_way_back_to_root(locked: Run, who: str, everybodys: Path) -> None:
    if who == "as we are":
        pytest.skip("needs both root, to make the program, and an ordinary user, to start it")
    program = everybodys / "id"
    shutil.copy("/usr/bin/id", program)
    program.chmod(0o4755)
    if locked("become_root", program=str(program), without=only())["end"] != "0":
        pytest.skip("the folder for temporary files is mounted nosuid")
    assert locked("become_root", program=str(program), without=only("no-new-privs"))["end"] == "65534"


def test_the_usual_work_goes_on(locked: Run, who: str) -> None:
    done = locked("work")
    assert done["end"] == "through"
    assert done["failed"] == []
    assert set(done["layers"]) >= MANDATORY
    unprivileged = who == "as an ordinary user"
    assert ("unprivileged" in done["layers"]) >= unprivileged
    assert done["layers"][-1] == "seccomp"
    assert [layer for layer in done["layers"] if layer.startswith("landlock-")] == (
        [f"landlock-{locked('landlock_abi')['abi']}"] if locked("landlock_abi")["abi"] else []
    )


@pytest.mark.parametrize("layer", sorted(LAYERS))
def test_a_layer_left_out_is_neither_held_nor_missed(locked: Run, layer: str) -> None:
    done = locked("work", without=[layer])
    assert not any(name.startswith(layer) for name in done["layers"])
    assert not any(name.startswith(layer) for name in done["failed"])


@pytest.mark.parametrize(
    ("sandbag", "failed"),
    [
        ("undumpable", "undumpable: [Errno 1] accepted, but without effect"),
        ("no-new-privs", "no-new-privs: [Errno 1] forced"),
        ("landlock", "[Errno 1] forced"),
        ("rlimits", "rlimits: [Errno 61] no /proc/self/statm tells the size of the address space"),
        ("cpu-timer", "cpu-timer: [Errno 1] forced"),
        ("seccomp", "seccomp: [Errno 22] Invalid argument"),
        ("seccomp without a table", "seccomp: [Errno 38] no table of system calls for this machine"),
    ],
)
def test_a_layer_that_fails_is_named(locked: Run, sandbag: str, failed: str) -> None:
    layer = sandbag.split()[0]
    done = locked("work", sandbag=sandbag)
    if layer == "landlock" and not locked("landlock_abi")["abi"]:
        pytest.skip("no Landlock in this kernel")
    assert any(reason.endswith(failed) and reason.startswith(layer) for reason in done["failed"])
    assert not any(name.startswith(layer) for name in done["layers"])
    assert set(done["layers"]) | {reason.partition(":")[0] for reason in done["failed"]} >= MANDATORY


def test_what_needs_no_new_privs_fails_with_it(locked: Run, who: str) -> None:
    if who == "as we are":
        pytest.skip("root may do without")
    done = locked("work", sandbag="no-new-privs")
    assert "seccomp: [Errno 13] Permission denied" in done["failed"]
    assert "seccomp" not in done["layers"]


def test_a_hard_limit_that_is_lower_already(locked: Run, who: str) -> None:
    if who == "as we are":
        pytest.skip("root may raise it")
    done = locked("work", sandbag="rlimits by a hard limit")
    assert done["failed"] == ["rlimits: not allowed to raise maximum limit"]
    assert "rlimits" not in done["layers"]


def test_the_limits(locked: Run) -> None:
    found = locked("what_is_limited")
    memory = found.pop("AS")
    assert memory[0] == memory[1]
    assert 64 << 20 < memory[0] < 1 << 30
    assert found.pop("CPU") == [3, 5]  # 0.1 s, rounded up, and 2 and 4
    assert set(map(tuple, found.values())) == {(0, 0)}


def test_the_timer_is_punctual(locked: Run) -> None:
    done = locked("attack_once", name="loop", cpu=0.2)
    assert done["end"] == "SIGPROF"
    assert 0.1 < done["cpu"] < 0.3  # the kernel charges the timer by whole ticks, and the account to the nanosecond


def test_small_objects_fill_the_memory(locked: Run) -> None:
    assert locked("fill_memory_with_small_objects")["end"] == "MemoryError"


@pytest.mark.parametrize("how", ["handled", "ignored", "blocked"])
def test_what_the_parent_does_about_signals_is_undone(locked: Run, how: str) -> None:
    assert locked("signals", how=how)["end"] == "SIGPROF"


def test_a_worker_of_a_stranger_exits(locked: Run) -> None:
    assert locked("orphan")["end"] == 69


def test_a_worker_dies_with_its_parent(locked: Run) -> None:
    assert locked("kill_the_zygote")["end"] == ""
