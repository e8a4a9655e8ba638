"""A few bytes of a quarantined file, for showing them: read past a running bot, and never written anywhere.

The vault itself is of one instance alone: opening it a second time would tidy up what the first is busy with.
"""

from __future__ import annotations

import os
import re
from contextlib import suppress
from io import RawIOBase
from pathlib import Path
from typing import TYPE_CHECKING

import pyrage

from lazaretto.private_files import open_regular
from lazaretto.quarantine.key import VaultError, identity_in

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

__all__ = ["hex_lines", "peek"]

_ID = re.compile(r"[0-9a-f]{32}", re.ASCII)
_WIDTH = 16


def peek(vault: Path, key_file: Path, item: str, offset: int, size: int) -> bytes:
    """`size` bytes from `offset` on of what was sealed; fewer where it ends. Blocks, as long as decrypting them takes.

    Raises FileNotFoundError when the item or the key is gone, VaultError when it cannot be read, OSError.
    """
    if not _ID.fullmatch(item):
        raise ValueError(f"{item[:40]!r} is no id of a vault item: 32 hexadecimal digits")
    descriptor, _ = open_regular(vault / f"{item}.age")
    with os.fdopen(descriptor, "rb") as reader:
        identity = identity_in(key_file, may_make=False)
        window = _Window(offset, size)
        try:
            with suppress(_Enough):
                pyrage.decrypt_io(reader, window, [identity])
        except (pyrage.DecryptError, OSError) as error:
            if not window.full:
                raise VaultError(f"item {item} is not what was sealed, or was sealed with another key") from error
    return bytes(window.kept)


class _Enough(Exception):
    """The rest need not be decrypted."""


class _Window(RawIOBase):
    """Keeps what is written to one stretch of it."""

    def __init__(self, offset: int, size: int) -> None:
        super().__init__()
        self._offset = offset
        self._size = size
        self._at = 0
        self.kept = bytearray()

    @property
    def full(self) -> bool:
        return len(self.kept) == self._size

    def writable(self) -> bool:
        return True

    def write(self, data: ReadableBuffer, /) -> int:
        if self.full:
            raise _Enough
        piece = memoryview(data).cast("B")
        first = max(0, self._offset - self._at)
        self.kept += piece[first : max(first, self._offset + self._size - self._at)]
        self._at += len(piece)
        return len(piece)


def hex_lines(data: bytes, offset: int) -> list[str]:
    """Lines of 16 bytes, in hex and as ASCII, each with the offset of its first one; dots for what is not printable."""
    lines = []
    for start in range(0, len(data), _WIDTH):
        row = data[start : start + _WIDTH]
        digits = " ".join(f"{byte:02x}" for byte in row)
        text = "".join(chr(byte) if 0x20 <= byte < 0x7F else "." for byte in row)
        lines.append(f"{offset + start:08x}  {digits:<{3 * _WIDTH - 1}}  {text}")
    return lines
