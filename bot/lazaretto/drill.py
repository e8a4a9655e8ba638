"""The structural test file: harmless for every decoder, and broken in one place that screening has to find.

A PNG of 126 bytes without a picture in it, in order in every other respect (https://www.w3.org/TR/png-3/):

    offset  bytes  what
         0      8  signature
         8     25  IHDR: 1 x 1 pixel, 8 bits, greyscale, not interlaced
        33     81  tEXt: `Comment`, a zero byte, `LAZARETTO-STRUCTURAL-TEST-FILE `, the run's 30 hexadecimal digits
       114     12  IEND, where at least one IDAT must stand (5.6)

It breaks `png.no-idat` (malformed, high) at offset 114 and nothing else. There is nothing in it to decode: a decoder
says that there is no picture. Each run's digits make another digest: no cache and no earlier decision knows it.
"""

from __future__ import annotations

import re
import secrets
import struct
import zlib

__all__ = ["FAULT", "FILE_NAME", "MARK", "MEDIA_TYPE", "RULE", "new_run", "test_file"]

MARK = b"LAZARETTO-STRUCTURAL-TEST-FILE"
RULE = "png.no-idat"
FAULT = 114
"""Where the pixels should begin."""

FILE_NAME = "lazaretto-structural-test-file.png"
MEDIA_TYPE = "image/png"

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_RUN = re.compile(r"[0-9a-f]{30}")


def new_run() -> str:
    """What tells one run's file from every other one's."""
    return secrets.token_hex(15)


def test_file(run: str) -> bytes:
    """The file of a run. Raises ValueError for what `new_run` does not make."""
    if not _RUN.fullmatch(run):
        raise ValueError(f"{run!r} is no run")
    header = _chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0))
    text = _chunk(b"tEXt", b"Comment\0" + MARK + b" " + run.encode("ascii"))
    return _SIGNATURE + header + text + _chunk(b"IEND", b"")


def _chunk(name: bytes, data: bytes) -> bytes:
    body = name + data
    return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))
