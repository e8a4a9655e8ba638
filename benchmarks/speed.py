"""How fast is screening? Each figure is a ratio to SHA-256 over the same bytes, measured in turn in the same run.

    make bench

A ratio of 1.00 means: as fast as hashing. Absolute speeds vary with the machine, ratios hardly do.
"""

from __future__ import annotations

import hashlib
import io
import os
import random
import struct
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median
from time import perf_counter

from lazaretto_validators import Limits, Source, inspect

MIB = 1 << 20
SIZE = 64 * MIB
ROUNDS = 5


def noise(size: int) -> bytes:
    """Bytes that do not compress, the same in every run."""
    return random.Random(7).randbytes(size)


def png_of_ancillary_bytes() -> bytes:
    """A small picture with one large private chunk: reading and CRC, no inflation."""
    return _png(2, 2, [(b"juNK", noise(SIZE))])


def png_of_pixels() -> bytes:
    """A picture of noise, 64 MiB of pixels: reading, CRC and inflation."""
    return _png(4096, 5461, [])


def _png(width: int, height: int, extra: list[tuple[bytes, bytes]]) -> bytes:
    row = 1 + 3 * width
    pixels = bytearray(noise(row * height))
    pixels[::row] = bytes(height)
    chunks = [(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)), *extra]
    chunks += [(b"IDAT", zlib.compress(pixels, 1)), (b"IEND", b"")]
    body = (struct.pack(">I", len(d)) + t + d + struct.pack(">I", zlib.crc32(t + d)) for t, d in chunks)
    return b"\x89PNG\r\n\x1a\n" + b"".join(body)


def _zip(method: int, data: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        archive.writestr("data.bin", data)
    return file.getvalue()


def stored_zip() -> bytes:
    """One stored member of 64 MiB."""
    return _zip(zipfile.ZIP_STORED, noise(SIZE))


def deflated_zip() -> bytes:
    """Text that compresses to about a third."""
    words = [bytes(noise(9).hex()[i : i + 5], "ascii") for i in range(12)]
    chooser = random.Random(3)
    return _zip(zipfile.ZIP_DEFLATED, b" ".join(chooser.choice(words) for _ in range(SIZE // 6)))


def plain_text() -> bytes:
    """64 MiB of lines."""
    return (b"The quick brown fox jumps over the lazy dog, 0123456789.\n" * (SIZE // 57 + 1))[:SIZE]


def unknown_bytes() -> bytes:
    """Bytes of no known type."""
    return b"\x01\x02" + noise(SIZE)


CASES: tuple[tuple[str, Callable[[], bytes]], ...] = (
    ("png, 64 MiB in one ancillary chunk", png_of_ancillary_bytes),
    ("png, 64 MiB of pixels", png_of_pixels),
    ("zip, stored", stored_zip),
    ("zip, deflated text", deflated_zip),
    ("plain text", plain_text),
    ("unknown", unknown_bytes),
)


def hashed(path: Path) -> float:
    """Seconds to hash the file in 256 KiB pieces."""
    began = perf_counter()
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(256 * 1024):
            digest.update(piece)
    return perf_counter() - began


def inspected(path: Path) -> float:
    """Seconds to inspect the file, with room enough for 64 MiB members."""
    began = perf_counter()
    descriptor = os.open(path, os.O_RDONLY)
    try:
        inspect(Source.of_file(descriptor), Limits())
    finally:
        os.close(descriptor)
    return perf_counter() - began


def rows() -> Iterator[tuple[str, float, float, float]]:
    """(case, MiB, hash seconds, ratio hash/inspect) for every case."""
    with tempfile.TemporaryDirectory() as folder:
        for name, build in CASES:
            path = Path(folder, "file")
            path.write_bytes(build())
            pairs = [(hashed(path), inspected(path)) for _ in range(ROUNDS)]
            ratios = [hash_seconds / inspect_seconds for hash_seconds, inspect_seconds in pairs]
            yield name, path.stat().st_size / MIB, median(p[0] for p in pairs), median(ratios)


def main() -> None:
    """Print the table."""
    print(f"{'file':<38}{'MiB':>7}{'sha256 MiB/s':>14}{'inspect / sha256':>18}")
    for name, mib, hash_seconds, ratio in rows():
        print(f"{name:<38}{mib:>7.1f}{mib / hash_seconds:>14.0f}{ratio:>17.2f}x", flush=True)


if __name__ == "__main__":
    main()
