"""ZIP archives and everything that is one inside. PKWARE APPNOTE 6.3.10; ISO/IEC 21320-1 for documents.

    archive   = [prefix] {member} [APK signing block] directory [ZIP64 end] end
    member    = local header, data, [data descriptor]
    directory = {central header}
    end       = end of central directory record, comment

The directory is read first, as whoever opens the file does; then the layout, the names, what kind of package it is,
and each member's content. A member that is stored is looked at in place; one that is packed is unpacked as far as
its own validator pulls, then to its end for size and CRC.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import NamedTuple

from lazaretto_validators import unscannable
from lazaretto_validators.archives import zip_rules as rules
from lazaretto_validators.archives.inflate import STORED, UNPACKED, Expansion
from lazaretto_validators.archives.zip_directory import DESCRIPTOR, LOCAL, STREAMED, Entry, Local, open_archive
from lazaretto_validators.archives.zip_example import stored_archive
from lazaretto_validators.archives.zip_kinds import (
    PLAIN_ZIP,
    PROGRAM_TYPES,
    entries_by_local_headers,
    first_local_at,
    kind_of,
    member_head,
    program_kinds,
)
from lazaretto_validators.archives.zip_layout import Place, judge_ends, judge_headers, judge_places, places_of
from lazaretto_validators.archives.zip_names import is_plain_link, judge_names
from lazaretto_validators.finding import Finding, evidence
from lazaretto_validators.name_rules import judge_name
from lazaretto_validators.source import ShortRead, Source
from lazaretto_validators.validator import Screening, validator

__all__ = ["SMALLEST_ZIP", "validate_zip"]

SMALLEST_ZIP = stored_archive({"a": b""})
"""An archive with the one empty member `a`."""

_RARE_METHODS = frozenset({1, 2, 3, 4, 5, 6, 9, 10, 16, 18, 19, 20, 93, 94, 95, 96, 97, 98})  # 4.4.5
_PART_EXTENSIONS = (".xml", ".rels", ".bin", ".vml", ".html", ".xhtml", ".htm", ".svg", ".css", ".opf", ".ncx", ".rdf")
_ANDROID_PARTS = ("androidmanifest.xml", "resources.arsc")


@validator("application/zip", magic=(b"PK\x03\x04", b"PK\x05\x06"), rules=rules.RULES, example=SMALLEST_ZIP, api=1)
def validate_zip(source: Source, screening: Screening) -> Iterator[Finding]:
    """ZIP and its kinds: archives, Java and Android packages, OpenDocument, EPUB. PKWARE APPNOTE 6.3.10."""
    archive = open_archive(source, screening.limits.members)
    if archive is None:
        yield from _judge_without_directory(source, screening)
        return
    screening.ends_at(archive.end.after)
    places = places_of(source, archive.entries)
    yield from judge_ends(source, archive, places)
    yield from judge_places(source, archive, places)
    for place in places:
        yield from judge_headers(place)
    yield from judge_names(source, screening, archive.entries)
    yield from _judge_kind(source, places)
    if archive.over:
        yield unscannable.BUDGET.found(
            at=archive.directory_end, seen=f"more than {len(archive.entries)} members", allowed=screening.limits.members
        )
    yield from _judge_members(source, screening, places)
    if comment := archive.end.comment:
        screening.member("(comment)", source.at(archive.end.after - comment, comment), nameless=True)


def _judge_without_directory(source: Source, screening: Screening) -> Iterator[Finding]:
    """What a reader sees that goes from the front. Raises ShortRead where that ends within a member."""
    source.at(first_local_at(source)).expect(LOCAL)
    places = places_of(source, entries_by_local_headers(source))
    for place in places:
        if place.local and place.end > source.size:
            at = place.local.data_at
            raise ShortRead(at, place.entry.packed, max(0, source.size - at))
    yield rules.NO_DIRECTORY.found(at=source.size, seen=f"{len(places)} members from the front")
    yield from judge_names(source, screening, [place.entry for place in places])
    yield from _judge_kind(source, places)
    yield from _judge_members(source, screening, places)


def _judge_kind(source: Source, places: list[Place]) -> Iterator[Finding]:
    entries = [place.entry for place in places]
    kinds = program_kinds(source, entries)
    for kind, entry in kinds.items():
        yield rules.PROGRAMS[kind].found(at=entry.at, where=entry.name)
    if "apk" in kinds:
        for place in places:
            yield from _judge_android_part(place)
    if entries and (named := next((e for e in entries if e.raw_name == b"mimetype"), None)):
        yield from _judge_mimetype(source, named, min(entry.local_at for entry in entries))


def _judge_android_part(place: Place) -> Iterator[Finding]:
    name = place.entry.name.lower()
    if place.local is None or not (name in _ANDROID_PARTS or name.endswith(".dex")):
        return
    methods = {place.entry.method, place.local.method}
    if (place.entry.flags | place.local.flags) & 1 or not methods <= {0, 8}:
        yield rules.APK_TAMPERED.found(
            at=place.entry.at,
            where=place.entry.name,
            seen=f"methods {sorted(methods)}",
            allowed="0 or 8, not encrypted",
        )


def _judge_mimetype(source: Source, named: Entry, first_at: int) -> Iterator[Finding]:
    """ODF and EPUB name their type in their first bytes, so that it can be seen without unpacking anything."""
    declared = member_head(source, named, 64)
    if not declared.startswith((b"application/epub+zip", b"application/vnd.oasis.opendocument.")):
        return
    # The first in the file, not in the directory: that is what stands at byte 38.
    if named.local_at > first_at or named.method != STORED:
        yield rules.MIMETYPE_FIRST.found(at=named.local_at, where="mimetype", seen=f"method {named.method}")


class _Role(NamedTuple):
    """What a member is to the archive, in the words of `Screening.member`."""

    nameless: bool
    accompanied: bool


def _judge_members(source: Source, screening: Screening, places: list[Place]) -> Iterator[Finding]:
    limits = screening.limits
    declared = sum(place.entry.size for place in places)
    if declared > limits.expanded_bytes and declared > limits.ratio * source.size:
        yield rules.BOMB.found(at=0, seen=f"{declared} bytes in all", allowed=limits.expanded_bytes)
    parts = _part_extensions(kind_of(source, [place.entry for place in places]))
    for place in places:
        entry = place.entry
        if entry.is_folder or is_plain_link(source, entry):
            continue
        if place.local is None or place.shared:
            screening.not_covered(entry.name, "the directory points at bytes that are not the member's own")
            continue
        # Nobody opens the parts of a document one by one; in a plain archive the same name is a file's.
        role = _Role(nameless=entry.name.lower().endswith(parts), accompanied=len(places) > 1)
        if refusal := _refusal(entry, place.local, screening):
            yield refusal
            if not role.nameless:
                yield from _judge_name_alone(entry)
        elif entry.method == STORED:
            yield from _judge_stored(source, screening, entry, place.local, role)
        else:
            yield from _judge_packed(source, screening, entry, place.local, role)


def _judge_name_alone(entry: Entry) -> Iterator[Finding]:
    """The content cannot be looked at, the name can: an encrypted program is still called one."""
    name = _shown(entry)
    for finding in judge_name(name.replace("\\", "/").rpartition("/")[2], None):
        yield finding.inside(evidence(name))


def _part_extensions(kind: str) -> tuple[str, ...]:
    if kind == PLAIN_ZIP:
        return ()
    # An extension is made of scripts, and is reported as one.
    return (*_PART_EXTENSIONS, ".js", ".manifest") if kind == PROGRAM_TYPES["xpi"] else _PART_EXTENSIONS


def _shown(entry: Entry) -> str:
    return entry.unicode_name or entry.name


def _refusal(entry: Entry, local: Local, screening: Screening) -> Finding | None:
    """Why a member cannot or must not be unpacked."""
    limits = screening.limits
    at, where = entry.local_at, entry.name
    if entry.encrypted or local.flags & 1:
        return unscannable.ENCRYPTED.found(at=at, where=where)
    if entry.method in _RARE_METHODS:
        return rules.METHOD_UNREAD.found(at=at, where=where, seen=entry.method)
    if entry.method not in UNPACKED:
        return rules.METHOD_UNKNOWN.found(at=at, where=where, seen=entry.method)
    if entry.method == STORED:
        return None
    if entry.size > limits.ratio_floor and entry.size > limits.ratio * max(1, entry.packed):
        return rules.BOMB.found(at=at, where=where, seen=f"{entry.packed} bytes to {entry.size}", allowed=limits.ratio)
    if entry.size > limits.member_bytes:
        return unscannable.BUDGET.found(at=at, where=where, seen=f"{entry.size} bytes", allowed=limits.member_bytes)
    return None


def _judge_stored(source: Source, screening: Screening, entry: Entry, local: Local, role: _Role) -> Iterator[Finding]:
    window = source.at(local.data_at, entry.packed)
    if entry.size != entry.packed:
        yield rules.STORED_SIZE.found(at=entry.at, where=entry.name, seen=entry.size, allowed=entry.packed)
    screening.member(_shown(entry), window, **role._asdict())
    crc = 0
    last = b""
    for piece in window.pieces():
        if (entry.flags | local.flags) & STREAMED:
            yield from _judge_early_end(entry, local, window.tell() - len(piece), last + piece, len(last))
            last = piece[-15:]
        crc = zlib.crc32(piece, crc)
    if crc != entry.crc:
        yield rules.CRC.found(at=local.data_at, where=entry.name, seen=f"{crc:08x}", allowed=f"{entry.crc:08x}")


def _judge_early_end(entry: Entry, local: Local, position: int, data: bytes, overlap: int) -> Iterator[Finding]:
    """A data descriptor before the end: whoever reads from the front sees the member end here, and others follow.

    The descriptor of a member of an archive stored in this one tells another distance.
    """
    at = data.find(DESCRIPTOR)
    while at >= 0:
        begin = position - overlap + at
        if 0 < begin < entry.packed and data[at + 8 : at + 12] == begin.to_bytes(8, "little")[:4]:
            yield rules.UNLISTED.found(at=local.data_at + begin, where=entry.name, seen="a data descriptor inside")
            return
        at = data.find(DESCRIPTOR, at + 1)


def _judge_packed(source: Source, screening: Screening, entry: Entry, local: Local, role: _Role) -> Iterator[Finding]:
    limits = screening.limits
    expansion = Expansion(
        source.at(local.data_at, entry.packed),
        entry.method,
        charge=screening.expand,
        ratio=limits.ratio,
        floor=limits.ratio_floor,
        most=limits.member_bytes,
    )
    screening.member(_shown(entry), Source.of_pieces(expansion.pieces()), **role._asdict())
    expansion.drain()
    yield from _judge_expansion(expansion, entry, local, screening)


def _judge_expansion(expansion: Expansion, entry: Entry, local: Local, screening: Screening) -> Iterator[Finding]:
    at, where, limits = local.data_at, entry.name, screening.limits
    if expansion.bomb:
        yield rules.BOMB.found(
            at=at, where=where, seen=f"{entry.packed} bytes to {expansion.size}", allowed=limits.ratio
        )
    elif expansion.over:
        yield unscannable.BUDGET.found(at=at, where=where, seen=f"{expansion.size} bytes", allowed=limits.member_bytes)
    elif expansion.fault:
        yield rules.CORRUPT_DATA.found(at=at, where=where, seen=expansion.fault)
    elif expansion.size != entry.size:
        yield rules.SIZE.found(at=at, where=where, seen=expansion.size, allowed=entry.size)
    elif expansion.crc != entry.crc:
        yield rules.CRC.found(at=at, where=where, seen=f"{expansion.crc:08x}", allowed=f"{entry.crc:08x}")
