"""Colour profile, Exif, XMP and unknown chunks of WebP pictures. RFC 9649 2.7.1.4 to 2.7.1.6."""

from __future__ import annotations

from collections.abc import Iterator

from lazaretto_validators.finding import Finding, Rule
from lazaretto_validators.images import webp_rules as rules
from lazaretto_validators.images.icc import TABLE, contradictions
from lazaretto_validators.images.tiff_ifd import Kind, read_directories
from lazaretto_validators.images.webp_structure import Picture
from lazaretto_validators.riff import Chunk
from lazaretto_validators.slack import doctype_in
from lazaretto_validators.source import MAX_READ

__all__ = ["check_exif", "check_icc_profile", "check_other", "check_xmp"]

MAX_XMP = 4 << 20  # bytes, threats IMG-35

_MARKER = b"Exif\0\0"  # of the JPEG segment; converters keep it, and decoders take it off
_ENDLESS = frozenset({Kind.LOOP, Kind.FLOOD})


def check_icc_profile(chunk: Chunk, picture: Picture) -> Iterator[Finding]:
    """ICCP."""
    yield from _judge_number(chunk, picture)
    head = chunk.take(picture.source, TABLE)
    if len(head) == min(chunk.length, TABLE):
        for seen, allowed in contradictions(head, chunk.length):
            yield _found(rules.ICC_PROFILE, chunk, seen, allowed)
    yield from picture.container.scan(chunk)


def check_exif(chunk: Chunk, picture: Picture) -> Iterator[Finding]:
    """EXIF: directories that end, and a thumbnail that is a picture of its own."""
    yield from _judge_number(chunk, picture)
    yield from picture.container.scan(chunk)
    block = chunk.take(picture.source, MAX_READ)
    begin = chunk.begin
    if block.startswith(_MARKER):
        block, begin = block[len(_MARKER) :], begin + len(_MARKER)
    if chunk.length > MAX_READ:
        yield _found(rules.METADATA_SIZE, chunk, f"{chunk.length} bytes", MAX_READ)
        return
    directories = read_directories(block)
    for fault in directories.faults:
        rule = rules.EXIF_LOOP if fault.kind in _ENDLESS else rules.EXIF
        where = f"{chunk.where}/{fault.where}" if fault.where else chunk.where
        yield rule.found(at=begin + fault.at, where=where, seen=fault.seen, allowed=fault.allowed)
    if (thumbnail := directories.thumbnail) and sum(thumbnail) <= len(block) and thumbnail[1]:
        source = picture.source.at(begin + thumbnail[0], thumbnail[1])
        picture.container.screening.member(f"{chunk.where}/thumbnail", source, nameless=True)


def check_xmp(chunk: Chunk, picture: Picture) -> Iterator[Finding]:
    """XMP, as text without a document type."""
    yield from _judge_number(chunk, picture)
    if hit := doctype_in(chunk.content(picture.source).pieces()):
        yield _found(rules.XMP_DTD, chunk, hit, "no document type")
    if chunk.length > MAX_XMP:
        yield _found(rules.METADATA_SIZE, chunk, f"{chunk.length} bytes", MAX_XMP)
    yield from picture.container.scan(chunk, text=True)


def check_other(chunk: Chunk, picture: Picture) -> Iterator[Finding]:
    """A chunk that RFC 9649 does not know. Content credentials are no junk."""
    picture.extra += chunk.length
    yield from picture.container.scan(chunk, junk=chunk.kind != b"C2PA")


def _judge_number(chunk: Chunk, picture: Picture) -> Iterator[Finding]:
    picture.extra += chunk.length
    if chunk.number:
        yield _found(rules.SINGLE_DUPLICATE, chunk, f"number {chunk.number + 1}", "one")


def _found(rule: Rule, chunk: Chunk, seen: object, allowed: object = "") -> Finding:
    return rule.found(at=chunk.offset, where=chunk.where, seen=seen, allowed=allowed)
