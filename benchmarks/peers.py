"""What a file is measured against: hashing it, copying it, inflating what is in it, inspecting it without a sandbox.

Each function answers how many seconds it took, and never holds more than a piece of the file.
"""

from __future__ import annotations

import hashlib
import os
import zlib
from pathlib import Path
from time import perf_counter

from benchmarks.files import Made
from benchmarks.options import KIB
from benchmarks.reports import LIMITS, WrongReport, check_inspection
from lazaretto_validators import Source, inspect, screen

__all__ = ["PIECE", "copied", "hashed", "inflated", "inspected", "read", "screened"]

PIECE = 256 * KIB
"""What everything is read in: the validators' own size of a piece."""


def read(made: Made) -> float:
    """Read the file into one buffer and copy that into another: what any look at the bytes costs."""
    buffer, copy = bytearray(PIECE), bytearray(PIECE)
    began = perf_counter()
    with made.path.open("rb", buffering=0) as file:
        while count := file.readinto(buffer):
            copy[:count] = memoryview(buffer)[:count]
    return perf_counter() - began


def hashed(made: Made) -> float:
    """SHA-256 of the file, which has to be right."""
    digest = hashlib.sha256()
    began = perf_counter()
    with made.path.open("rb", buffering=0) as file:
        while piece := file.read(PIECE):
            digest.update(piece)
    took = perf_counter() - began
    if digest.hexdigest() != made.sha256:
        raise WrongReport(f"{made.path.name} is not the file that was made")
    return took


def copied(made: Made, to: Path) -> float:
    """Read and write the file, as a spool does. The copy is removed again, which is not counted."""
    began = perf_counter()
    with made.path.open("rb", buffering=0) as file, to.open("wb", buffering=0) as copy:
        while piece := file.read(PIECE):
            copy.write(piece)
    took = perf_counter() - began
    to.unlink()
    return took


def inflated(made: Made) -> float:
    """Inflate every deflate stream of the file with zlib alone, in pieces, so that memory is no matter.

    One call over a whole stream would be slower: it moves what came out each time that it needs more room.
    """
    took = 0.0
    with made.path.open("rb", buffering=0) as file:
        for stream in made.streams:
            began = perf_counter()
            inflate = zlib.decompressobj(stream.wbits)
            for offset, length in stream.extents:
                for at in range(offset, offset + length, PIECE):
                    data = os.pread(file.fileno(), min(PIECE, offset + length - at), at)
                    while data and not inflate.eof:
                        inflate.decompress(data, PIECE)
                        data = inflate.unconsumed_tail
            inflate.flush()
            took += perf_counter() - began
            if not inflate.eof:
                raise WrongReport(f"a stream of {made.path.name} does not end where it should")
    return took


def inspected(made: Made) -> float:
    """What the validators say of the file, in this process."""
    with made.path.open("rb", buffering=0) as file:
        began = perf_counter()
        inspection = inspect(Source.of_file(file.fileno()), LIMITS)
        took = perf_counter() - began
    check_inspection(inspection, made)
    return took


def screened(made: Made) -> float:
    """The same, and the claim judged."""
    with made.path.open("rb", buffering=0) as file:
        began = perf_counter()
        inspection = screen(Source.of_file(file.fileno()), made.claim, LIMITS)
        took = perf_counter() - began
    check_inspection(inspection, made)
    return took
