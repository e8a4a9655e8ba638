"""The pictures inside WebP's chunks: VP8, VP8L, and the transparency of lossy ones, ALPH. RFC 9649 2.5, 2.6, 2.7.1.2.

ALPH = reserved:2 preprocessing:2 filter:2 compression:2, from the highest bit, then bytes or a lossless stream
"""

from __future__ import annotations

from collections.abc import Generator, Iterator

from lazaretto_validators.finding import Finding, Rule
from lazaretto_validators.images import webp_rules as rules
from lazaretto_validators.images.webp_lossless import HEADER, Size, check_lossless, read_header
from lazaretto_validators.images.webp_lossy import HEAD, check_lossy, read_size
from lazaretto_validators.images.webp_structure import Picture
from lazaretto_validators.riff import Chunk

__all__ = ["check_alpha", "check_bitmap"]


def check_bitmap(
    chunk: Chunk, picture: Picture, expected: Size | None, rule: Rule
) -> Generator[Finding, None, Size | None]:
    """VP8 or VP8L. Answers its size, None where it has none.

    expected: of the canvas or frame, None where there is none. rule: broken by another size.
    """
    source = picture.source
    size = None
    if chunk.kind == b"VP8L":
        data = chunk.take(source, HEADER)
        size, version = read_header(data[1:])
        if len(data) < HEADER or data[0] != 0x2F or version:
            yield _found(rules.LOSSLESS_HEADER, chunk, data, "2F, size, version 0")
            return None
        stream = source.at(chunk.begin + HEADER, chunk.length - HEADER)
        yield from check_lossless(stream, size, picture.allowance, picture.container.screening, chunk.where)
    else:
        data = chunk.take(source, HEAD)
        content, screening = chunk.content(source), picture.container.screening
        yield from check_lossy(content, chunk.length, picture.allowance, screening, chunk.where)
        size = read_size(data) if len(data) == HEAD else None
    if expected is not None and size is not None and size != expected:
        yield _found(rule, chunk, size, expected)
    yield from picture.container.search(chunk)
    return size


def check_alpha(chunk: Chunk, picture: Picture, size: Size) -> Iterator[Finding]:
    """ALPH, for a picture of this size."""
    source = picture.source
    data = chunk.take(source, 1)
    if not data:
        yield _found(rules.ALPHA_LENGTH, chunk, "no header", "one byte")
        return
    reserved, preprocessing, compression = data[0] >> 6, data[0] >> 4 & 3, data[0] & 3
    if reserved or preprocessing > 1 or compression > 1:
        yield _found(rules.ALPHA_HEADER, chunk, f"{data[0]:#04x}", "reserved 0, preprocessing and compression 0 or 1")
    if compression == 1:
        stream = source.at(chunk.begin + 1, chunk.length - 1)
        yield from check_lossless(stream, size, picture.allowance, picture.container.screening, chunk.where)
    elif chunk.length - 1 != size.width * size.height:
        yield _found(rules.ALPHA_LENGTH, chunk, f"{chunk.length - 1} bytes", size.width * size.height)
    yield from picture.container.search(chunk)


def _found(rule: Rule, chunk: Chunk, seen: object, allowed: object = "") -> Finding:
    return rule.found(at=chunk.offset, where=chunk.where, seen=seen, allowed=allowed)
