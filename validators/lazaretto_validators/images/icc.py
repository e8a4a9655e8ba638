"""Colour profiles as pictures carry them: the header, its size field and the table of tags. ICC.1:2022 7.2, 7.3.

Shared by the formats that embed one; each has a rule of its own for what `contradictions` says. The contents of the
tags are not looked at.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

__all__ = ["HEADER", "TABLE", "contradictions"]

HEADER = 132
"""Bytes of the header and of the number of tags behind it: less is no profile, and every program says so."""

TABLE = 64 * 1024
"""As much of a profile as is needed: a header and its whole table of tags fit many times."""

_MAX_PADDING = 3  # bytes: a profile is padded to a multiple of four, ICC.1 7.2.1 (threats IMG-34)


def contradictions(head: bytes, size: int) -> Iterator[tuple[str, str]]:
    """What a profile of `size` bytes says of itself that cannot be: what was seen, and what would have been right.

    head: its first TABLE bytes, or all of it.
    """
    if len(head) < HEADER or head[36:40] != b"acsp":
        yield f"{size} bytes, signature {head[36:40]!r}", f"{HEADER} bytes and acsp"
        return
    declared, tags = struct.unpack_from(">I124xI", head)
    if not declared <= size <= declared + _MAX_PADDING:
        yield f"size field {declared}", f"{size}"
    if HEADER + 12 * tags > size:
        yield f"{tags} tags", f"{(size - HEADER) // 12} tags in {size} bytes"
        return
    for at in range(HEADER, min(HEADER + 12 * tags, len(head) - 11), 12):
        offset, length = struct.unpack_from(">4xII", head, at)
        if offset + length > size:
            yield f"tag {head[at : at + 4]!r} ends at {offset + length}", f"{size}"
            return
