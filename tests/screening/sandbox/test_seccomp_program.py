"""The filter, interpreted: what it answers to every system call, on machines that we do not have too.

The expectations are numbers written down here, not what the product says that they are.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable

import pytest

from lazaretto.screening.sandbox import seccomp
from lazaretto.screening.sandbox.syscalls import ARCHITECTURES, Architecture

ALLOW, EPERM, KILL = 0x7FFF0000, 0x00050001, 0x80000000

X86_64, AARCH64, I386, ARM, RISCV64 = 0xC000003E, 0xC00000B7, 0x40000003, 0x40000028, 0xC00000F3
X32_BIT = 1 << 30

# read, pread64, write, mmap, futex, madvise: their own tests below. Zeros for arguments break a condition of each.
CONDITIONAL = {X86_64: {0, 17, 1, 9, 202, 28}, AARCH64: {63, 67, 64, 222, 98, 233}}
# mprotect is among these, because zeros satisfy it: brk munmap mremap mprotect getrandom clock_gettime gettimeofday
# (time) rt_sigreturn restart_syscall exit_group
ALLOWED = {
    X86_64: {12, 11, 25, 10, 318, 228, 96, 201, 15, 219, 231},
    AARCH64: {214, 215, 216, 226, 278, 113, 169, 139, 128, 94},
}
# openat close lseek fstat newfstatat statx faccessat readlinkat getdents64 getcwd ioctl fcntl getpid uname sysinfo
# sched_yield rt_sigaction rt_sigprocmask; on x86_64 also open stat lstat access readlink
REFUSED = {
    X86_64: {257, 3, 8, 5, 262, 332, 269, 267, 217, 79, 16, 72, 39, 63, 99, 24, 13, 14, 2, 4, 6, 21, 89},
    AARCH64: {56, 57, 62, 80, 79, 291, 48, 78, 61, 17, 29, 25, 172, 160, 179, 124, 134, 135},
}
# read pread64 write mmap mprotect futex madvise
CALLS = {X86_64: (0, 17, 1, 9, 10, 202, 28), AARCH64: (63, 67, 64, 222, 226, 98, 233)}

GARBAGE = 0xDEADBEEF_00000000

both = pytest.mark.parametrize("arch", ARCHITECTURES, ids=lambda arch: arch.machine)


def decide(program: bytes, arch: int, number: int, arguments: Iterable[int] = ()) -> int:
    """What the kernel would answer: classic BPF, only the instructions that a filter of ours is made of."""
    six = (*arguments, 0, 0, 0, 0, 0, 0)[:6]
    data = struct.pack("<IIQ6Q", number, arch, 0x7F00_1234_5678, *six)
    lines = list(struct.iter_unpack("<HBBI", program))
    position = accumulator = 0
    while True:
        code, yes, no, k = lines[position]
        position += 1
        if code == 0x20:
            assert k % 4 == 0
            accumulator = struct.unpack_from("<I", data, k)[0]
        elif code == 0x54:
            accumulator &= k
        elif code == 0x15:
            position += yes if accumulator == k else no
        else:
            assert code == 0x06, f"an instruction that we do not use: {code:#x}"
            return int(k)


def decider(arch: Architecture) -> Callable[..., int]:
    """`decide` for the filter of `arch`, on that architecture."""
    program = seccomp.program(arch)
    return lambda number, *arguments: decide(program, arch.audit, number, arguments)


def expected(audit: int, number: int) -> int:
    if number in ALLOWED[audit]:
        return ALLOW
    return EPERM if number in REFUSED[audit] | CONDITIONAL[audit] else KILL


def test_the_two_architectures_are_known() -> None:
    assert [(arch.machine, arch.audit, arch.seccomp) for arch in ARCHITECTURES] == [
        ("x86_64", X86_64, 317),
        ("aarch64", AARCH64, 277),
    ]


@both
def test_every_number(arch: Architecture) -> None:
    answer = decider(arch)
    wrong = {n: hex(answer(n, 0, 0, 0, 0)) for n in range(601) if answer(n, 0, 0, 0, 0) != expected(arch.audit, n)}
    assert wrong == {}


@both
def test_no_number_of_x32_or_beyond(arch: Architecture) -> None:
    answer = decider(arch)
    for number in range(601):
        assert answer(number | X32_BIT, 3, 129, 0, 0x22) == KILL
        assert answer(number | 1 << 31, 3, 129, 0, 0x22) == KILL
        assert answer(number | 1 << 16, 3, 129, 0, 0x22) == KILL


@both
@pytest.mark.parametrize("foreign", [X86_64, AARCH64, I386, ARM, RISCV64, 0, 0xFFFFFFFF])
def test_no_other_architecture(arch: Architecture, foreign: int) -> None:
    if foreign == arch.audit:
        return
    program = seccomp.program(arch)
    assert {decide(program, foreign, number, (3, 129, 0, 0x22)) for number in range(601)} == {KILL}


@both
def test_descriptors(arch: Architecture) -> None:
    answer = decider(arch)
    read, pread64, write, *_ = CALLS[arch.audit]
    for call, only in ((read, 3), (pread64, 4), (write, 3)):
        got = {fd: answer(call, fd) for fd in (0, 1, 2, 3, 4, 5, 1023, 0xFFFFFFFF)}
        assert got == {fd: ALLOW if fd == only else EPERM for fd in got}
        # The kernel takes an unsigned int, so it is the same descriptor to it, whatever stands above.
        assert answer(call, GARBAGE | only) == ALLOW
        assert answer(call, GARBAGE | 2) == EPERM
        assert answer(call, only << 32) == EPERM


@both
def test_memory_is_never_executable(arch: Architecture) -> None:
    answer = decider(arch)
    mmap, mprotect = CALLS[arch.audit][3:5]
    for protection in range(16):
        wanted = EPERM if protection & 4 else ALLOW
        for above in (0, GARBAGE, 1 << 24):
            assert answer(mprotect, 0, 4096, protection | above) == wanted
            assert answer(mmap, 0, 4096, protection | above, 0x22) == wanted


@both
def test_memory_is_never_a_file(arch: Architecture) -> None:
    mmap = CALLS[arch.audit][3]
    answer = decider(arch)
    for flags in (0x22, 0x21, 0x4022, 0x20022, 0x22 | GARBAGE):
        assert answer(mmap, 0, 4096, 3, flags, 4) == ALLOW
    for flags in (0, 1, 2, 0x12, 0x4002, 0x02 | GARBAGE, 0x20 << 32):
        assert answer(mmap, 0, 4096, 3, flags, 4) == EPERM


@both
def test_nobody_waits_on_a_futex(arch: Architecture) -> None:
    futex = CALLS[arch.audit][5]
    answer = decider(arch)
    allowed = {op for op in range(1024) if answer(futex, 0, op) == ALLOW}
    assert allowed == {1, 129}
    assert {answer(futex, 0, op) for op in range(1024) if op not in allowed} == {EPERM}
    assert answer(futex, 0, GARBAGE | 129) == ALLOW


@both
def test_pages_are_given_back_and_nothing_else_is_advised(arch: Architecture) -> None:
    madvise = CALLS[arch.audit][6]
    answer = decider(arch)
    allowed = {advice for advice in range(256) if answer(madvise, 0, 4096, advice) == ALLOW}
    assert allowed == {4, 8}  # MADV_DONTNEED, MADV_FREE; MADV_HWPOISON is 100
    assert answer(madvise, 0, 4096, 100) == EPERM


@both
def test_strict_kills_what_is_otherwise_refused(arch: Architecture) -> None:
    lenient, strict = seccomp.program(arch), seccomp.program(arch, refused="kill")
    for number in range(601):
        was = decide(lenient, arch.audit, number)
        assert decide(strict, arch.audit, number) == (KILL if was == EPERM else was)
    assert decide(strict, arch.audit, CALLS[arch.audit][0], (3,)) == ALLOW
    assert decide(strict, arch.audit, CALLS[arch.audit][0], (4,)) == KILL


@both
def test_the_kernel_would_take_the_program(arch: Architecture) -> None:
    program = seccomp.program(arch)
    lines = list(struct.iter_unpack("<HBBI", program))
    assert len(program) % 8 == 0
    assert len(lines) <= 4096  # BPF_MAXINSNS
    assert lines[-1][0] == 0x06  # the last instruction returns
    for here, (code, yes, no, _) in enumerate(lines):
        if code == 0x15:
            assert here + 1 + max(yes, no) < len(lines)


@pytest.mark.parametrize(
    ("machine", "pointer", "found"), [("x86_64", 8, True), ("x86_64", 4, False), ("s390x", 8, False)]
)
def test_architecture_of_this_process(monkeypatch: pytest.MonkeyPatch, machine: str, pointer: int, found: bool) -> None:
    class Names:
        def __init__(self) -> None:
            self.machine = machine

    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setattr("os.uname", Names, raising=False)
    monkeypatch.setattr("struct.calcsize", lambda kind: pointer)
    ask = seccomp.architecture.__wrapped__
    assert (ask() is not None) == found
