"""Files to measure with, made on the spot and written piece by piece: a file of 2 GiB takes the memory of one piece.

All of them are sound, none can do anything, and every run makes the same bytes. Large ones repeat one MiB, which
neither hashing nor inflating can tell: a deflate stream is made of pieces that begin with a fresh window.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from benchmarks import files_archives, files_documents, files_media, files_pictures, files_png
from benchmarks.making import Builder, Made, behind, made, noise, repeated, text
from benchmarks.options import MIB
from carriers.programs import a_pe, an_elf

__all__ = ["KINDS", "Made", "noise"]


def elf(path: Path, size: int) -> Made:
    """A program for Linux whose one segment is noise."""
    length = len(an_elf()) + size
    head = an_elf(segment=(0, length))
    return made(path, behind(head, noise(min(size, MIB)), size), "application/x-executable", expected=("elf.program",))


def pe(path: Path, size: int) -> Made:
    """A program for Windows whose one section is noise."""
    head = a_pe(raw=(512, size), size=512)
    name = "application/vnd.microsoft.portable-executable"
    return made(path, behind(head, noise(min(size, MIB)), size), name, expected=("pe.program",))


def unknown(path: Path, size: int) -> Made:
    """Bytes of no known type."""
    return made(path, behind(b"\x01\x02", noise(min(size, MIB)), size - 2), None, claimed="application/octet-stream")


def plain(path: Path, size: int) -> Made:
    """Lines of words."""
    return made(path, repeated(text(min(size, MIB)), size), "text/plain")


KINDS: Mapping[str, tuple[Builder, str]] = {
    "elf": (elf, ".elf"),
    "pe": (pe, ".exe"),
    "unknown": (unknown, ".dat"),
    "text": (plain, ".txt"),
    **files_png.KINDS,
    **files_pictures.KINDS,
    **files_media.KINDS,
    **files_documents.KINDS,
    **files_archives.KINDS,
}
"""How each kind of file is made, and the extension that says what it is."""
