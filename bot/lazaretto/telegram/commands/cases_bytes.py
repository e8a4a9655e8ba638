"""A few bytes around a finding, from the vault: as much as is shown, and never the whole file."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from pathlib import Path

import structlog

from lazaretto.languages import Html, Language
from lazaretto.model import Case
from lazaretto.quarantine import VaultError
from lazaretto.quarantine.peek import peek

__all__ = ["HEX_UNITS", "Place", "Windows", "hex_told", "windows"]

SIZE = 32
_WIDTH = 8
"""Bytes a line: with offset and text 42 characters, which a phone shows without breaking them."""

_BEFORE = 8
HEX_UNITS = (SIZE // _WIDTH + 1) * (20 + 3 * _WIDTH + 2 + _WIDTH)
"""Code units that a window takes at most."""

_log = structlog.get_logger("lazaretto.review")

Place = tuple[int, int]
"""Part and byte offset."""

Windows = Mapping[Place, bytes | None]


def start_of(offset: int) -> int:
    """Where the window around a byte begins."""
    return max(0, offset - _BEFORE) // _WIDTH * _WIDTH


async def windows(state: Path, case: Case, places: Iterable[Place]) -> Windows:
    """The bytes around each place; None where the vault does not hold them any more."""
    items = {sealed.part: sealed.item for sealed in case.sealed}

    def look() -> Windows:
        return {place: _look(state, items.get(place[0]), place[1]) for place in places}

    return await asyncio.to_thread(look)


def _look(state: Path, item: str | None, offset: int) -> bytes | None:
    if item is None:
        return None
    try:
        return peek(state / "vault", state / "vault.key", item, start_of(offset), SIZE) or None
    except (OSError, ValueError, VaultError) as error:
        _log.info("bytes of a case could not be shown", why=type(error).__name__)
        return None


def hex_told(say: Language, data: bytes, offset: int) -> Html:
    """Lines of eight bytes in hex and as text, dots for what is not printable, the byte at `offset` in brackets."""
    first = start_of(offset)
    lines = []
    for at in range(0, len(data), _WIDTH):
        row = data[at : at + _WIDTH]
        digits = "".join(_byte(byte, first + at + n - offset) for n, byte in enumerate(row))
        if first + at + len(row) - 1 == offset:
            digits += "]"
        text = "".join(chr(byte) if 0x20 <= byte < 0x7F else "." for byte in row)
        lines.append(f"{first + at:06x} {digits:<{3 * _WIDTH + 1}} {text}")
    return say.html("<pre>{lines}</pre>", lines="\n".join(lines))


def _byte(byte: int, distance: int) -> str:
    opening = {0: "[", 1: "]"}.get(distance, " ")
    return f"{opening}{byte:02x}"
