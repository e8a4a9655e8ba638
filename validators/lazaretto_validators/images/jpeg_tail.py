"""Further pictures behind the first one: MPF (CIPA DC-007), gain maps, preview pictures. The rest is `polyglot`'s.

A picture that follows the end of another one, zeros aside, belongs to the file, whether an index names it or not; one
that stands further off only if the index does, and no more of other bytes lies before it than makes a tail. Each is
found to its own end mark and handed on as a member.
"""

from __future__ import annotations

from collections.abc import Iterator

from lazaretto_validators.finding import Finding
from lazaretto_validators.images import jpeg_rules as rules
from lazaretto_validators.images.jpeg_entropy import FIRST, pass_entropy
from lazaretto_validators.images.jpeg_structure import SIGNATURE, Picture
from lazaretto_validators.slack import file_in
from lazaretto_validators.source import ShortRead, Source

__all__ = ["check_further_pictures"]

MAX_PADDING = 64 * 1024  # zeros between two pictures, threats IMG-37: MPF aligns them
MAX_ALIEN = 4096  # bytes of anything else between two pictures; `polyglot` has the same for a tail that nobody minds
MAX_PICTURES = 256  # behind the first one: MPF names a few, bursts some dozens
_EOI, _SOS = 0xD9, 0xDA
_ALONE = frozenset({0x01, *range(0xD0, 0xDA)})  # markers without a length, table B.1


def check_further_pictures(picture: Picture, end: int) -> Iterator[Finding]:
    """Screens the pictures behind the one that ends at `end`, and tells where the last one ends."""
    source, screening = picture.source, picture.screening
    for number in range(1, MAX_PICTURES + 1):
        begin = _next_picture(picture, end)
        if begin is None:
            break
        if hit := file_in(source, end, begin, host="image/jpeg"):
            where = f"before picture[{number}]"
            yield rules.PARASITE.found(at=hit[0], where=where, seen=hit[1].label, allowed="zeros")
        alien = begin - end > MAX_ALIEN and any(piece.strip(b"\0") for piece in source.at(end, begin - end).pieces())
        stop = _end_of(source, begin)
        length = None if stop is None else stop - begin
        screening.member(f"picture[{number}].jpg", source.at(begin, length), media_type="image/jpeg", nameless=True)
        if alien or stop is None:
            break  # what it stands behind is a tail
        end = stop
    else:
        screening.not_covered(f"after byte {end}", f"more than {MAX_PICTURES} further pictures")
    screening.ends_at(end)
    yield from _judge_index(picture)


def _next_picture(picture: Picture, end: int) -> int | None:
    """Where the next picture begins: behind zeros, or where the index says."""
    source = picture.source
    rest = source.at(end).peek(FIRST)
    if not rest.strip(b"\0"):
        rest = source.at(end).peek(MAX_PADDING)
    begin = end + len(rest) - len(rest.lstrip(b"\0"))
    if source.at(begin).peek(3) == SIGNATURE:
        return begin
    named = (at for at, _ in picture.index if at >= end)
    return next((at for at in named if source.at(at).peek(3) == SIGNATURE), None)


def _end_of(source: Source, begin: int) -> int | None:
    """Where the picture that begins there ends; None if it has no end."""
    walker = source.at(begin)
    walker.skip(2)
    try:
        while True:
            marker = walker.read(2)
            if marker[0] != 0xFF or marker[1] == 0:
                return None
            while marker[1] == 0xFF:
                marker = b"\xff" + walker.read(1)
            if marker[1] == _EOI:
                return walker.offset
            if marker[1] in _ALONE:
                continue
            walker.skip(max(2, int.from_bytes(walker.read(2), "big")) - 2)
            if marker[1] == _SOS:
                pass_entropy(walker)
    except ShortRead:
        return None


def _judge_index(picture: Picture) -> Iterator[Finding]:
    """Do the pictures stand where the index says? DC-007 5.2.3.3."""
    if not picture.index:
        return
    size = picture.source.size
    for at, length in picture.index:
        if at + length > size or picture.source.at(at).peek(2) != SIGNATURE[:2]:
            yield rules.MPF_INDEX.found(at=at, where="MPF", seen=f"{at} to {at + length}", allowed=f"up to {size}")
            return
