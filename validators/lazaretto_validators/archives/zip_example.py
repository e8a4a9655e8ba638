"""The simplest ZIP there is: the examples that warm the validators of ZIP-based formats up are made with it."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Mapping

__all__ = ["stored_archive"]

_OLDEST_DATE = 0x21  # 1980-01-01 in MS-DOS's counting: 4.4.6


def stored_archive(members: Mapping[str, bytes]) -> bytes:
    """A ZIP that holds the members as they are, in their order."""
    body, directory = b"", b""
    for name, data in members.items():
        raw = name.encode("ascii")
        common = struct.pack("<5H3L2H", 10, 0, 0, 0, _OLDEST_DATE, zlib.crc32(data), len(data), len(data), len(raw), 0)
        directory += b"PK\x01\x02\x0a\0" + common + struct.pack("<3H2L", 0, 0, 0, 0, len(body)) + raw
        body += b"PK\x03\x04" + common + raw + data
    count = len(members)
    return body + directory + struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, count, count, len(directory), len(body), 0)
