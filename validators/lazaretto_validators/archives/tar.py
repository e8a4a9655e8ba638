"""tar archives: v7, ustar, pax, GNU, star. POSIX.1-2017, pax utility, extended description; GNU tar manual.

    archive  = {member} end
    member   = {extended} header [data, filled up to 512 bytes]
    extended = header of type x or g, records | header of type L or K, a long name
    end      = two blocks of 512 zeros, then zeros up to the end of a record

Checked: every header's checksum and numbers, extended headers and how they contradict the plain ones, maps of sparse
files, names and links as paths, what stands in padding and behind the end; every member is screened under its name.
Not checked: owners, times and extended attributes; volumes that continue elsewhere; what follows the end, which
`polyglot` classifies, but for more members, which are found here.

Deviations: numbers in base 256, missing end blocks (pipes), sizes of links and garbage in padding (old writers), the
same folder twice and names that differ in case are written by honest programs: told at info, or not at all.
"""

from __future__ import annotations

import posixpath
import re
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from lazaretto_validators.archives import tar_rules as rules
from lazaretto_validators.archives.tar_example import SMALLEST
from lazaretto_validators.archives.tar_header import (
    BLOCK,
    MAGIC,
    Header,
    Records,
    checksum_holds,
    decimal,
    parse_header,
    parse_records,
)
from lazaretto_validators.archives.tar_names import Names, shown
from lazaretto_validators.archives.tar_sparse import sparse_member
from lazaretto_validators.finding import Finding
from lazaretto_validators.slack import file_in
from lazaretto_validators.source import MAX_READ, NotThisFormat, Source
from lazaretto_validators.validator import Screening, validator

__all__ = ["SMALLEST", "validate_tar"]

_ZEROS = bytes(BLOCK)
_MAGIC_AT = 257
_LARGEST_OCTAL = 8**11  # sizes from here on do not fit the header's field, which then says anything
_PAX, _GLOBAL, _LONG = b"xX", b"g", b"LK"
_FILES = b"\x0007S"
_BODILESS = b"123456V"
_VENDORS = b"DMNAEI"  # folders' listings, volumes, old long names, Solaris' attributes: plain files to others
_SPECIAL = b"346"
_HEAD = 4096
_ROOM_FOR_A_FILE = 64
_SPARSE_FOLDER = re.compile(rb"GNUSparseFile\.[^/]*/")
_STAR_MARK = b"tar\0"  # at byte 508


@dataclass(slots=True)
class _Walk:
    """What is known so far. pax, name, link: what extended headers say of the member that follows. lost: where the
    next header stands cannot be known."""

    screening: Screening
    names: Names = field(default_factory=Names)
    members: int = 0
    pax: Records | None = None
    name: bytes | None = None
    link: bytes | None = None
    lost: bool = False
    said: set[str] = field(default_factory=set)

    def once(self, finding: Finding) -> Iterator[Finding]:
        """A finding that each of a thousand members may repeat: only the first is told."""
        if finding.rule not in self.said:
            self.said.add(finding.rule)
            yield finding


@validator("application/x-tar", extensions=("tar",), rules=rules.RULES, example=SMALLEST, api=1)
def validate_tar(source: Source, screening: Screening) -> Iterator[Finding]:
    """tar archives and their members. POSIX.1-2017, pax; GNU tar."""
    first = source.peek(BLOCK)
    if not checksum_holds(first) and first[_MAGIC_AT : _MAGIC_AT + len(MAGIC)] != MAGIC:
        raise NotThisFormat("no tar header")
    walk = _Walk(screening)
    while not walk.lost:
        block = source.peek(BLOCK)
        if not block.strip(b"\0"):
            break
        if len(block) == BLOCK and not checksum_holds(block):
            yield rules.CHECKSUM.found(at=source.offset, where=f"member {walk.members}", seen=block[:16].hex(" "))
            break
        yield from _header(source, walk)
    if walk.lost:
        screening.not_covered(f"after byte {source.offset}", "where the next member begins cannot be known")
    elif walk.pax or walk.name or walk.link:
        yield rules.PAX_CHAIN.found(at=source.offset, seen="the end of the archive", allowed="a member")
    if not walk.members and not walk.lost:
        yield rules.EMPTY.found(at=source.offset)
    yield from _end(source, screening)


def _end(source: Source, screening: Screening) -> Iterator[Finding]:
    """Two blocks of zeros, and what most programs do not look at any more."""
    begin = source.tell()
    end = source.peek(2 * BLOCK)
    closed = len(end) - len(end.lstrip(b"\0"))
    if closed < 2 * BLOCK:
        yield rules.NO_END.found(at=source.offset, seen=f"{closed} zeros", allowed=2 * BLOCK)
    source.skip(closed // BLOCK * BLOCK)
    screening.ends_at(source.tell())
    if (at := _members_behind(source.at(source.tell()))) is not None:
        yield rules.HIDDEN_ARCHIVE.found(at=at, seen="a header whose checksum holds", allowed=f"an end at {begin}")


def _members_behind(tail: Source) -> int | None:
    """Where the next header stands, at a block's beginning."""
    for piece in tail.pieces():
        found = piece.find(MAGIC)
        while found >= 0:
            at = found - _MAGIC_AT
            if at >= 0 and at % BLOCK == 0 and checksum_holds(piece[at : at + BLOCK].ljust(BLOCK, b"\0")):
                return tail.offset - len(piece) + at
            found = piece.find(MAGIC, found + 1)
    return None


def _header(source: Source, walk: _Walk) -> Iterator[Finding]:
    """One header and what belongs to it."""
    at = source.offset
    header = parse_header(source.read(BLOCK))
    where = shown(header.name)
    if header.faults:
        yield from walk.once(rules.NUMBER.found(at=at, where=where, seen=", ".join(header.faults), allowed="octal"))
    if header.size is None or header.size < 0:
        walk.lost = True
        yield rules.MEMBER_SIZE.found(at=at + 124, where=where, seen=header.block[124:136], allowed="octal digits")
        return
    yield from _judge_rest_of_header(source, header, at, walk)
    if header.kind in _PAX + _GLOBAL + _LONG:
        yield from _extended(source, header, header.size, at, walk)
    else:
        yield from _member(source, header, header.size, at, walk)
        walk.pax = walk.name = walk.link = None
        walk.members += 1


def _judge_rest_of_header(source: Source, header: Header, at: int, walk: _Walk) -> Iterator[Finding]:
    """What no field takes: behind the fields of ustar, and behind those of v7, whose header is shorter."""
    begin = 500 if header.block[_MAGIC_AT : _MAGIC_AT + 5] == MAGIC else _MAGIC_AT
    rest = header.block[begin:].removesuffix(_STAR_MARK).strip(b"\0")
    if not rest or header.kind == b"S":
        return
    place = source.tell() - BLOCK
    if hit := file_in(source, place + begin, place + BLOCK):
        yield rules.PARASITE.found(at=at + begin, where="header", seen=f"{hit[1].label} ({hit[1].name})")
    else:
        yield from walk.once(rules.PADDING.found(at=at + begin, where="header", seen=rest[:16].hex(" ")))


def _extended(source: Source, header: Header, size: int, at: int, walk: _Walk) -> Iterator[Finding]:
    """A header that speaks of others."""
    kind, where = header.kind, f"header {header.kind.decode('latin-1')}"
    if walk.pax and b"size" in walk.pax.values:
        yield rules.PAX_SIZE.found(at=at, where=where, seen="a size for an extended header", allowed="for a member")
    elif walk.pax and kind in _PAX:
        yield rules.PAX_CHAIN.found(at=at, where=where, seen="another extended header", allowed="a member")
    if size > MAX_READ:
        yield rules.HEADER_BOMB.found(at=at, where=where, seen=f"{size} bytes", allowed=MAX_READ)
        source.skip(size + -size % BLOCK)
        return
    begin = source.tell()
    data = source.read(size)
    yield from _padding(source, size, at, walk)
    if kind == b"L":
        walk.name = data.partition(b"\0")[0]
    elif kind == b"K":
        walk.link = data.partition(b"\0")[0]
    else:
        yield from _records(parse_records(data), kind, at, walk)
        if size >= _ROOM_FOR_A_FILE and (hit := file_in(source, begin, begin + size, quoting=True)):
            yield rules.PARASITE.found(at=hit[0], where=where, seen=f"{hit[1].label} ({hit[1].name})")


def _records(records: Records, kind: bytes, at: int, walk: _Walk) -> Iterator[Finding]:
    where = f"header {kind.decode('latin-1')}"
    told = records.values
    if records.fault:
        yield rules.PAX_RECORD.found(at=at, where=where, seen=records.fault, allowed="length keyword=value")
    elif told.get(b"size") and decimal(told, b"size") is None:
        yield rules.PAX_RECORD.found(at=at, where=where, seen=told[b"size"], allowed="a size in decimal digits")
    if records.open_end:
        yield from walk.once(rules.PAX_RECORD_END.found(at=at, where=where))
    if kind in _PAX:
        walk.pax = records
    elif common := [key for key in (b"path", b"linkpath", b"size") if key in told]:
        yield rules.PAX_GLOBAL.found(at=at, where=where, seen=common[0])


def _member(source: Source, header: Header, size: int, at: int, walk: _Walk) -> Iterator[Finding]:
    told = walk.pax.values if walk.pax else {}
    name, others = _names(header, told, walk)
    kind = header.kind
    if kind in _FILES and kind != b"S":
        kind = b"5" if name.endswith(b"/") else b"0"
    larger = decimal(told, b"size")
    if larger is not None and larger != size:
        if larger < _LARGEST_OCTAL:
            yield rules.PAX_SIZE.found(at=at, where=shown(name), seen=larger, allowed=size)
        size = larger
    mark = zlib.crc32(source.peek(min(size, _HEAD)))
    yield from walk.names.judge(name, kind, (size, mark), at)
    for other in sorted(others):
        yield from walk.names.judge_path(other, at)
    if two := _contradiction(told, walk):
        yield rules.TWO_NAMES.found(at=at, where=shown(name), seen=" and ".join(map(shown, two)), allowed="one")
    if kind in b"12":
        link = told.get(b"linkpath") or walk.link or header.link
        yield from walk.names.judge_link(name, link, kind, at)
    if kind in _SPECIAL:
        yield rules.SPECIAL_FILE.found(at=at, where=shown(name), seen=f"type {kind.decode('latin-1')}")
    if header.mode & 0o6000 and kind == b"0":
        yield from walk.once(rules.SET_UID.found(at=at, where=shown(name), seen=f"mode {header.mode:o}"))
    if kind in _BODILESS:
        yield from _bodiless(source, name, size, at, walk)
    else:
        yield from _body(source, header, kind, name, size, at, walk)


def _names(header: Header, told: Mapping[bytes, bytes], walk: _Walk) -> tuple[bytes, set[bytes]]:
    """The member's name, and what programs call it that know fewer extensions."""
    path = told.get(b"path", b"")
    name = told.get(b"GNU.sparse.name") or path or walk.name or header.name
    return name, {path, walk.name or b"", header.name, header.alias} - {name, b""}


def _contradiction(told: Mapping[bytes, bytes], walk: _Walk) -> list[bytes]:
    """Two names or targets in the extended headers, empty if there is none. Files with holes have a folder more."""
    path = _SPARSE_FOLDER.sub(b"", told.get(b"path", b""))
    for told_twice in ((told.get(b"GNU.sparse.name"), path, walk.name), (told.get(b"linkpath"), walk.link)):
        different = sorted({posixpath.normpath(name) for name in told_twice if name})
        if len(different) > 1:
            return different
    return []


def _bodiless(source: Source, name: bytes, size: int, at: int, walk: _Walk) -> Iterator[Finding]:
    """A link, folder or device. If it has a size all the same, what follows shows whether it has content, too."""
    if not size:
        return
    following = source.peek(BLOCK)
    if not following.strip(b"\0") or checksum_holds(following):
        yield from walk.once(rules.SIZE_OF_LINK.found(at=at, where=shown(name), seen=size, allowed=0))
        return
    yield rules.BODY_OF_LINK.found(at=at, where=shown(name), seen=size, allowed=0)
    walk.screening.member(shown(name), source.at(source.tell(), size))
    source.skip(size)
    yield from _padding(source, size, at, walk)


def _body(
    source: Source, header: Header, kind: bytes, name: bytes, size: int, at: int, walk: _Walk
) -> Iterator[Finding]:
    where = shown(name)
    if kind not in _FILES and kind not in _VENDORS:
        yield from walk.once(rules.TYPE.found(at=at, where=where, seen=f"type {kind!r}"))
    if size and kind == b"0" and posixpath.basename(posixpath.normpath(where)) in ("", ".", ".."):
        yield rules.NO_FILE_NAME.found(at=at, where=where, seen=f"{where!r} with {size} bytes")
    content = yield from sparse_member(source, header, walk.pax, size, at, walk.screening)
    if content is not None:
        following = source.at(source.tell() + size + -size % BLOCK, BLOCK).peek(BLOCK)
        walk.screening.member(where, content, accompanied=walk.members > 0 or following.strip(b"\0") != b"")
    source.skip(size)
    yield from _padding(source, size, at, walk)


def _padding(source: Source, size: int, at: int, walk: _Walk) -> Iterator[Finding]:
    """The rest of the last block of some data."""
    rest = source.read(-size % BLOCK)
    if not rest.strip(b"\0"):
        return
    end = source.tell()
    if hit := file_in(source, end - len(rest), end):
        yield rules.PARASITE.found(at=hit[0], where="padding", seen=f"{hit[1].label} ({hit[1].name})")
    else:
        yield from walk.once(rules.PADDING.found(at=at, where="padding", seen=rest.strip(b"\0")[:16].hex(" ")))
