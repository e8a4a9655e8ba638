"""Landlock's rule set for every ABI, and what the kernel here says to it."""

from __future__ import annotations

import errno
import os
import struct
import sys
from typing import Any

import pytest

from lazaretto.screening.sandbox import landlock, linux

FS_13, FS_14, FS_15, FS_16 = 0x1FFF, 0x3FFF, 0x7FFF, 0xFFFF
TCP, SCOPES = 3, 3


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, ...]]:
    """What would have been asked of the kernel."""
    asked: list[tuple[int, ...]] = []

    def create(attributes: bytes, size: int, flags: int) -> int:
        assert len(attributes) == size
        asked.append((444, *struct.unpack(f"={size // 8}Q", attributes), flags))
        return os.open(os.devnull, os.O_RDONLY)

    def syscall(number: int, *arguments: Any) -> int:
        if number == 444:
            return create(*arguments)
        asked.append((number, *arguments[1:]))
        return 0

    monkeypatch.setattr(linux, "syscall", syscall)
    return asked


@pytest.mark.parametrize(
    ("abi", "rights"),
    [
        (1, (FS_13,)),
        (2, (FS_14,)),
        (3, (FS_15,)),
        (4, (FS_15, TCP)),
        (5, (FS_16, TCP)),
        (6, (FS_16, TCP, SCOPES)),
        (7, (FS_16, TCP, SCOPES)),
        (99, (FS_16, TCP, SCOPES)),
    ],
)
def test_all_rights_of_each_abi(calls: list[tuple[int, ...]], abi: int, rights: tuple[int, ...]) -> None:
    landlock.restrict(abi)
    assert calls == [(444, *rights, 0), (446, 0)]


def test_its_descriptor_is_closed(calls: list[tuple[int, ...]]) -> None:
    free = os.dup(0)
    os.close(free)
    landlock.restrict(7)
    again = os.dup(0)
    os.close(again)
    assert again == free


@pytest.mark.skipif(sys.platform != "linux", reason="needs Linux")
@pytest.mark.parametrize("reason", [errno.ENOSYS, errno.EOPNOTSUPP, errno.EPERM])
def test_a_kernel_without(monkeypatch: pytest.MonkeyPatch, reason: int) -> None:
    def syscall(*_: int) -> int:
        raise OSError(reason, "")

    monkeypatch.setattr(linux, "syscall", syscall)
    assert landlock.abi() == 0


@pytest.mark.skipif(sys.platform != "linux", reason="needs Linux")
def test_a_newer_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(linux, "syscall", lambda *_: 12)
    assert landlock.abi() == 7


@pytest.mark.skipif(sys.platform != "linux", reason="needs Linux")
def test_other_errors_are_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    def syscall(*_: int) -> int:
        raise OSError(errno.EINVAL, "")

    monkeypatch.setattr(linux, "syscall", syscall)
    with pytest.raises(OSError, match="22"):
        landlock.abi()
