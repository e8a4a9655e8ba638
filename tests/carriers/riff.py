"""Inert RIFF files, built chunk by chunk, and the cases that all of them share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from carriers.polyglot import zip_archive
from lazaretto_validators.testing import Case

__all__ = ["chunk", "container_cases", "form", "listed"]


def chunk(
    kind: bytes,
    data: bytes = b"",
    *,
    length: int | None = None,
    pad: bool = True,
    order: Literal["little", "big"] = "little",
) -> bytes:
    """One chunk, with its own length unless another is given, and the pad byte behind an odd one."""
    size = len(data) if length is None else length
    return kind + size.to_bytes(4, order) + data + b"\0" * (len(data) % 2 if pad else 0)


def listed(kind: bytes, *parts: bytes, length: int | None = None) -> bytes:
    """A list of chunks."""
    return chunk(b"LIST", kind + b"".join(parts), length=length)


def form(
    kind: bytes,
    *chunks: bytes,
    size: int | None = None,
    riff: bytes = b"RIFF",
    order: Literal["little", "big"] = "little",
) -> bytes:
    """A whole file, with its own size unless another is given."""
    content = kind + b"".join(chunks)
    return riff + (len(content) if size is None else size).to_bytes(4, order) + content


def container_cases(name: str, build: Callable[[bytes], bytes], text: Callable[[bytes], bytes]) -> tuple[Case, ...]:
    """The cases of the rules that `riff.container_rules` makes.

    build: a whole file with these chunks of free content in it. text: a chunk that holds such a text.
    """
    odd = chunk(b"note", b"odd", pad=False)
    return tuple(
        Case(f"{name}.{rule}", build(broken), build(repaired))
        for rule, broken, repaired in (
            ("chunk-padding", odd + chunk(b"note", b"even"), chunk(b"note", b"odd") + chunk(b"note", b"even")),
            ("hidden-file", chunk(b"note", zip_archive()), chunk(b"note", b"inert")),
            ("code-in-junk", chunk(b"JUNK", b"<?php /* inert */ ?>"), chunk(b"JUNK", bytes(20))),
            ("code-in-metadata", text(b"<script>/* inert */</script>"), text(b"inert")),
            ("chunk-flood", chunk(b"JUNK", b"") * 1001, chunk(b"JUNK", b"") * 1000),
        )
    )
