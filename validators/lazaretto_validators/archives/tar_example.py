"""The simplest tar there is: the example that warms the validator up."""

from __future__ import annotations

import struct

__all__ = ["SMALLEST", "header"]

_BLOCK = 512


def header(name: bytes, size: int, kind: bytes = b"0") -> bytes:
    """A ustar header, its checksum put in. POSIX.1-2017, pax, "ustar Interchange Format"."""
    block = bytearray(
        struct.pack(
            "<100s8s8s8s12s12s8sc100s8s",
            name,
            b"0000644\0",
            b"0000000\0",
            b"0000000\0",
            b"%011o\0" % size,
            b"%011o\0" % 0,
            b" " * 8,
            kind,
            b"",
            b"ustar\x0000",
        ).ljust(_BLOCK, b"\0")
    )
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block)


SMALLEST = header(b"a", 0) + bytes(2 * _BLOCK)
"""An archive with the one empty member `a`."""
