"""ISO base media files: MP4, QuickTime, 3GP, M4A, HEIF, AVIF. ISO/IEC 14496-12:2022 (clauses in `bmff_rules`).

    file  = [ftyp] box*
    movie = moov [mdat]     moov = mvhd trak+ [mvex] [udta] [meta];  trak = tkhd [edts] mdia(mdhd hdlr minf(dinf stbl))
            (moof mdat)*    fragments: moof = mfhd traf*;  traf = tfhd [tfdt] trun*
    image = meta [mdat]     meta = hdlr pitm iloc iinf [iref] iprp(ipco ipma+) [idat]

HEIF ISO/IEC 23008-12:2022, MIAF 23000-22:2019, AVIF 1.1, codecs in 14496-15, QuickTime File Format (2012-08-14),
3GPP TS 26.244, ID3v2.4.

Checked: the grammar of boxes and their nesting; every counted table against its box; parameters of codecs; the tables
of samples against each other and the file; where data lie; items, their places, references, properties and tiles; the
lengths inside AV1 and HEVC pictures; metadata; second files in every box, between fields as in the media data.
Not checked: coded sound and pictures beyond the outermost lengths; protected media; compressed movie headers (`cmov`);
the size that a codec's own parameters give (C-HEIF-06, MP4-16); what follows the last box, which `polyglot` classifies.

Deviations: QuickTime's `meta` without a version, its four zero bytes at the end of `udta` and of sample descriptions,
its movies without `ftyp`; media data that go on to the end of the file; private boxes of any printable type; tables
shorter than their boxes; parameters with more behind them; a movie behind a HEIC picture (motion photo). Trailers of
cameras are left to `polyglot`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from lazaretto_validators.bmff import bmff_picture_rules
from lazaretto_validators.bmff import bmff_rules as rules
from lazaretto_validators.bmff.bmff_boxes import Box, File, is_printable
from lazaretto_validators.bmff.bmff_entries import check_data_references, check_descriptions
from lazaretto_validators.bmff.bmff_example import SMALLEST_MP4
from lazaretto_validators.bmff.bmff_fragments import check_fragment
from lazaretto_validators.bmff.bmff_items import ITEM_BOXES, Items
from lazaretto_validators.bmff.bmff_metadata import (
    check_id3,
    check_keys,
    check_reference_movie,
    check_tags,
    check_unique,
    check_user_datum,
)
from lazaretto_validators.bmff.bmff_pictures import judge_items
from lazaretto_validators.bmff.bmff_search import (
    may_open_as_file,
    search_box,
    search_media_begin,
    search_room,
)
from lazaretto_validators.bmff.bmff_tables import COUNTED, FIELDS, check_fields, read_table
from lazaretto_validators.bmff.bmff_tracks import Track, judge_track
from lazaretto_validators.finding import Finding
from lazaretto_validators.limits import MIB
from lazaretto_validators.source import NotThisFormat, ShortRead, Source
from lazaretto_validators.validator import Screening, validator

__all__ = ["SMALLEST_MP4", "validate_bmff"]

MAX_FILE_TYPE = 1024  # bytes, C-MP4-02; a list of 250 brands
MAX_MEDIA = 256  # boxes of media data that begin as a file would, and are looked at in the end
_TRACK = 8  # operations for a track: an empty one takes eight bytes of the file and much more of us

_TYPES = (
    "video/mp4", "video/x-m4v", "audio/x-m4a", "video/quicktime", "video/3gpp", "video/3gpp2", "image/heif",
    "image/heic", "image/avif", "image/x-canon-cr3",
)  # fmt: skip

_PICTURES = frozenset(b"mif1 mif2 msf1 miaf heic heix heim heis hevc hevx avif avis".split())
_SEQUENCES = frozenset({b"msf1", b"avis"})
_FIRST = frozenset(b"ftyp styp moov moof mdat free skip wide pnot meta uuid sidx pdin".split())
_TOP = _FIRST | frozenset(b"mfra meco udta prft emsg ssix PICT mpvd".split())
_OPEN_ENDED = frozenset({b"mdat", b"moov", b"meta", b"free", b"skip", b"uuid"})  # may go on to the end: 4.2.2
_UNUSED = frozenset({b"free", b"skip", b"wide"})
_SEARCHED = _TOP - _UNUSED - {b"uuid", b"mpvd"}  # of the others, all is looked into as a room or a member
_CONTAINERS = frozenset(b"moov trak mdia minf stbl dinf edts mvex mfra tref gmhd rmra rmda meco grpl strk strd".split())


@dataclass(slots=True)
class _Movie:
    """What the walk has met.

    media: boxes of media data that begin as a file would. seen: types at top level. in_movie: types in `moov`.
    passed: bytes in unused space and private boxes. lost: the walk could not go on.
    """

    file: File
    tracks: list[Track] = field(default_factory=list)
    items: list[tuple[Items, bool]] = field(default_factory=list)
    media: list[Box] = field(default_factory=list)
    seen: set[bytes] = field(default_factory=set)
    in_movie: set[bytes] = field(default_factory=set)
    passed: int = 0
    lost: bool = False

    @property
    def picture(self) -> bool:
        """Does it say that it is a picture?"""
        return not _PICTURES.isdisjoint(self.file.brands)


@validator(*_TYPES, rules=rules.RULES + bmff_picture_rules.RULES, example=SMALLEST_MP4, api=1)
def validate_bmff(source: Source, screening: Screening) -> Iterator[Finding]:
    """ISO base media files: MP4, QuickTime, 3GP, M4A, HEIF, AVIF. ISO/IEC 14496-12."""
    if source.peek(8)[4:] not in _FIRST:
        raise NotThisFormat("no box at the beginning")
    movie = _Movie(File(source, screening))
    try:
        for box in _top_level(movie):
            _check_top(box, movie)
            yield from movie.file.drain()
        yield from _finish(movie)
    except ShortRead:
        yield from movie.file.drain()
        raise


def _top_level(movie: _Movie) -> Iterator[Box]:
    """The boxes of the file, until something comes that is none: the end, or a tail. 4.2."""
    file, at = movie.file, 0
    while head := file.peek(at, 16):
        box = _box_at(head, at, movie)
        if box is None:
            break
        if not file.count_box(box):
            movie.lost = True
            break
        yield box
        at = box.end
    movie.lost = movie.lost or file.boxes == 0
    if not movie.lost:
        file.screening.ends_at(at)


def _box_at(head: bytes, at: int, movie: _Movie) -> Box | None:
    """The box that begins with these bytes; None where none does, or none that could be passed over."""
    file, kind = movie.file, head[4:8]
    if len(head) < 8 or not is_printable(kind):
        return None
    if kind == b"ftyp" and movie.picture and b"meta" in movie.seen:
        file.screening.member("motion video", file.source.at(at), nameless=True)
        return None
    size, body = int.from_bytes(head[:4], "big"), at + 8
    if size == 1 and len(head) == 16:
        size, body = int.from_bytes(head[8:], "big"), at + 16
    where = kind.decode("latin-1")
    if size == 0 and kind in _OPEN_ENDED:
        return Box(kind, at, body, file.source.size, where)
    box = Box(kind, at, body, at + size, where)
    if box.end < box.body:
        if kind in _TOP:
            movie.lost = True
            file.note(rules.BOX_SIZE, box, size, "8 or more")
            file.screening.not_covered(f"after byte {at}", "where the next box begins cannot be known")
        return None
    # Text reads as boxes of half a gigabyte: what is not known and does not fit is no box, but the tail.
    return box if kind in _TOP or file.exists(box.end) else None


def _check_top(box: Box, movie: _Movie) -> None:
    file, kind = movie.file, box.type
    if kind in (b"ftyp", b"moov", b"meta") and kind in movie.seen:
        file.note(rules.DUPLICATE, box, "a second one", "one")
    if kind == b"ftyp":
        _check_file_type(box, movie)
    elif kind == b"mdat":
        if may_open_as_file(box, file):
            movie.media.append(box)
            if len(movie.media) > MAX_MEDIA:
                movie.media.pop()
                file.screening.not_covered(f"{box.where} at byte {box.offset}", "what its beginning is")
    elif kind == b"mpvd":
        file.screening.member("mpvd", file.source.at(box.body, box.length), nameless=True)
    elif kind in _UNUSED:
        movie.passed += _content(box, file)
        file.search_later(box, rule=rules.PARASITE)
    else:
        if kind == b"uuid":
            movie.passed += box.length
        _visit(box, movie, None)
        if kind == b"moov":
            _finish_movie(box, movie)
    if kind in _SEARCHED:
        search_box(box, file)
    movie.seen.add(kind)
    if not file.exists(box.end):
        raise ShortRead(box.end, box.end - box.offset, max(0, file.source.size - box.offset))


def _content(box: Box, file: File) -> int:
    """Bytes of unused space that somebody wrote something in: space kept for later is zeros."""
    return sum(len(piece) for piece in file.pieces(box.body, box.end) if piece.count(0) != len(piece))


def _check_file_type(box: Box, movie: _Movie) -> None:
    """4.3: the major brand, a version, and the brands that it is compatible with."""
    file = movie.file
    if box.length < 8:
        file.note(rules.BOX_SHORT, box, f"{box.length} bytes", "8 bytes or more")
    if box.length > MAX_FILE_TYPE:
        file.note(rules.FILE_TYPE, box, f"{box.length} bytes", f"{MAX_FILE_TYPE} bytes")
    head = file.head(box, MAX_FILE_TYPE)
    if not file.brands:
        file.brands = (head[:4], *(head[at : at + 4] for at in range(8, len(head) - 3, 4)))


def _visit(box: Box, movie: _Movie, track: Track | None) -> None:
    """One box inside of the movie, and all that it holds."""
    file, kind = movie.file, box.type
    if kind in _CONTAINERS:
        _visit_all(box, movie, track)
    elif kind in COUNTED:
        if (table := read_table(box, file)) and track:
            track.keep(table)
    elif kind in FIELDS:
        if check_fields(box, file) and kind == b"hdlr" and track:
            track.handler = track.handler or file.read(box.body + 8, 4)
    elif kind in _IN_TRACKS:
        _IN_TRACKS[kind](box, file, track or Track(box))
    elif kind == b"meta":
        _check_meta(box, movie)
    elif kind == b"udta":
        _check_user_data(box, movie)
    elif kind in _OTHERS:
        _OTHERS[kind](box, file)
    else:
        file.search_later(box, rule=rules.PARASITE if kind in _UNUSED else rules.CODE_IN_METADATA)


def _visit_all(box: Box, movie: _Movie, track: Track | None) -> None:
    """The boxes in a container, whose content is nothing but boxes."""
    if box.type == b"trak":
        movie.file.screening.spend(_TRACK)
        track = Track(box)
        movie.tracks.append(track)
    for child in movie.file.children(box, box.body):
        if box.type == b"moov":
            movie.in_movie.add(child.type)
        if track:
            track.saw(box, child)
        _visit(child, movie, track)


_IN_TRACKS: dict[bytes, Callable[[Box, File, Track], None]] = {
    b"stsd": check_descriptions,
    b"dref": check_data_references,
}
_OTHERS: dict[bytes, Callable[[Box, File], None]] = {
    b"uuid": check_unique,
    b"moof": check_fragment,
    b"rdrf": check_reference_movie,
    b"ID32": check_id3,
    b"ilst": check_tags,
    b"keys": check_keys,
}


def _check_user_data(box: Box, movie: _Movie) -> None:
    """8.10.1. iTunes keeps its tags in a `meta` box there."""
    for child in movie.file.children(box, box.body):
        if child.type == b"meta":
            _check_meta(child, movie)
        else:
            check_user_datum(child, movie.file)


def _check_meta(box: Box, movie: _Movie) -> None:
    """8.11.1; QuickTime's has no version and flags, so that its first box begins four bytes earlier."""
    file = movie.file
    if box.length < 8:
        if box.length:
            file.note(rules.BOX_SHORT, box, f"{box.length} bytes", "8 bytes or more")
        return
    begin = box.body if file.read(box.body + 4, 4) == b"hdlr" else box.body + 4
    if box.depth == 0:
        file.check_version(box)
    items = Items(box)
    for child in file.children(box, begin):
        items.first = items.first or child.type
        items.has.add(child.type)
        if child.type in ITEM_BOXES:
            ITEM_BOXES[child.type](child, file, items)
            continue
        if child.type == b"hdlr" and child.length >= 12:
            items.handler = file.read(child.body + 8, 4)
        _visit(child, movie, None)
    if items.handler == b"pict" or not items.has.isdisjoint(ITEM_BOXES):
        movie.items.append((items, box.depth == 0 and movie.picture))
        if box.depth == 0 and not movie.file.brands and items.handler == b"pict":
            file.note(rules.NO_PICTURE_TYPE, box, "meta", "ftyp")


def _finish_movie(box: Box, movie: _Movie) -> None:
    """The movie's description is read to its end. 8.2.1."""
    elsewhere = movie.in_movie & {b"cmov", b"rmra"}  # compressed, or only a pointer to another movie
    if b"cmov" in elsewhere:
        movie.file.screening.not_covered(f"{box.where}/cmov", "a compressed description of a movie")
    if not elsewhere:
        for kind in (b"mvhd", b"trak"):
            if kind not in movie.in_movie and not (kind == b"trak" and b"mvex" in movie.in_movie):
                movie.file.note(rules.MISSING_BOX, box, "none in moov", kind.decode())
    for track in movie.tracks:
        judge_track(track, movie.file, fragmented=b"mvex" in movie.in_movie)
    movie.tracks.clear()


def _finish(movie: _Movie) -> Iterator[Finding]:
    """The last box was met: what needed the whole file."""
    file = movie.file
    if not movie.lost:
        _judge_whole(movie)
    for end, rule, box in file.reaches.values():
        if not file.exists(end):
            file.note(rule, box, f"up to byte {end}", f"{file.source.size} bytes")
    yield from file.drain()
    for items, picture in movie.items:
        judge_items(items, file, picture=picture)
        yield from file.drain()
    for box in movie.media:
        search_media_begin(box, file)
    for room in file.rooms:
        search_room(room, file)
        yield from file.drain()
    if b"mdat" in movie.seen:
        file.screening.not_covered("mdat", "coded sound and pictures are not decoded")
    yield from file.drain()


def _judge_whole(movie: _Movie) -> None:
    file = movie.file
    first = Box(b"", 0, 0, 0, "")
    if not file.brands and b"meta" not in movie.seen and b"styp" not in movie.seen:
        file.note(rules.NO_FILE_TYPE, first, sorted(kind.decode("latin-1") for kind in movie.seen)[:4], "ftyp")
    if movie.seen.isdisjoint({b"moov", b"moof", b"meta"}):
        file.note(rules.NO_MOVIE, first, "neither moov nor moof nor meta", "one of them")
    elif file.brands[:1] and file.brands[0] in _SEQUENCES and movie.seen.isdisjoint({b"moov"}):
        file.note(rules.MISSING_BOX, first, f"{file.brands[0].decode()} without moov", "moov")
    elif movie.picture and movie.seen.isdisjoint({b"meta", b"moov"}):
        file.note(rules.MISSING_BOX, first, "a picture without meta", "meta")
    if movie.passed > MIB and 2 * movie.passed > file.source.size:
        file.note(rules.METADATA_FLOOD, first, f"{movie.passed} of {file.source.size} bytes", "half of the file")
