"""Boxes, and what the parts of the validator share: the file that is being walked, and what was noted of it.

    box = size:u32 type:4 [largesize:u64 if size is 1] [usertype:16 if type is uuid] content   (ISO/IEC 14496-12 4.2.2)

The walk goes forward, so that it runs while the file still arrives. What needs the end of the file (places in it,
second files in unused space) is kept and judged there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from lazaretto_validators.bmff import bmff_rules as rules
from lazaretto_validators.finding import Finding, Rule
from lazaretto_validators.source import ShortRead, Source
from lazaretto_validators.validator import Screening

__all__ = ["LOOK", "Box", "File", "Room", "is_printable"]

MAX_DEPTH = 16  # boxes inside boxes: honest files have ten, threats MP4-09
MAX_BOXES = 100_000  # threats MP4-09 ...
BYTES_PER_BOX = 24  # ... and one more for so many bytes: a fragment of one frame of sound has eight in 200 bytes
MAX_NOTES = 64  # of one rule: a rule broken a thousand times tells no more
LOOK = 64  # operations for a look at a few bytes, beside those for reading them: it takes as long as so many reads
_TURNS = 8  # boxes for one operation: most lie side by side in one block that was read
_BLOCK = 16 * 1024  # bytes fetched at once: most boxes have some twenty

UNIQUE: dict[bytes, frozenset[bytes]] = {
    b"moov": frozenset({b"mvhd", b"mvex", b"meta"}),
    b"trak": frozenset({b"tkhd", b"mdia", b"edts"}),
    b"mdia": frozenset({b"mdhd", b"hdlr", b"minf"}),
    b"minf": frozenset({b"stbl", b"dinf", b"hdlr"}),
    b"stbl": frozenset({b"stsd", b"stts", b"ctts", b"stsc", b"stsz", b"stz2", b"stco", b"co64", b"stss"}),
    b"meta": frozenset({b"hdlr", b"pitm", b"iloc", b"iinf", b"iref", b"iprp", b"idat", b"ilst", b"keys"}),
    b"iprp": frozenset({b"ipco"}),
    b"moof": frozenset({b"mfhd"}),
    b"traf": frozenset({b"tfhd", b"tfdt"}),
}
"""Boxes that stand once in theirs: ISO/IEC 14496-12, 'Quantity: Exactly one' or 'Zero or one'."""

VERSIONS: dict[bytes, int] = {
    **dict.fromkeys(b"hdlr vmhd smhd nmhd stts stsc stsz stz2 stco co64 stss stsh dref trex mfhd ispe".split(), 0),
    **dict.fromkeys(b"mvhd tkhd mdhd elst ctts mehd tfdt trun pitm iref ipma sidx tfra saiz saio".split(), 1),
    b"meta": 0,
    b"iloc": 2,
}
"""The highest version of boxes that begin with one, where every decoder goes by it. ISO/IEC 14496-12, HEIF 6.5.3.

`iinf` is not among them: the writer of Nokia numbers it 2.
"""

_PRINTABLE = re.compile(rb"[ -~\xa9]{4}")
_NUMBERED = frozenset({b"stsd", b"ilst", b"wave"})  # their children may be numbers: old codecs, keys, a terminator


@dataclass(frozen=True, slots=True)
class Box:
    """One box. offset: of its header. body: where its content begins, end: where it ends. depth: 0 at top level."""

    type: bytes
    offset: int
    body: int
    end: int
    where: str
    depth: int = 0

    @property
    def length(self) -> int:
        """Bytes of its content."""
        return self.end - self.body


@dataclass(frozen=True, slots=True)
class Room:
    """A stretch that no decoder looks at, or that only texts stand in. `rule`: what program code found in it breaks."""

    begin: int
    end: int
    where: str
    rule: Rule


def is_printable(kind: bytes) -> bool:
    """Four ASCII characters; Apple's private ones begin with a copyright sign."""
    return _PRINTABLE.fullmatch(kind) is not None


@dataclass(slots=True)
class File:
    """What has been learnt so far, in file order.

    brands: of `ftyp`, the major one first. rooms: to be searched for second files at the end of the walk.
    reaches: the farthest end that boxes of a kind point to, and which one does, by the rule that is broken if the file
    ends before.
    """

    source: Source
    screening: Screening
    brands: tuple[bytes, ...] = ()
    rooms: list[Room] = field(default_factory=list)
    reaches: dict[str, tuple[int, Rule, Box]] = field(default_factory=dict)
    boxes: int = 0
    notes: list[Finding] = field(default_factory=list)
    _counts: dict[str, int] = field(default_factory=dict)
    _existing: int = 0
    _kept: bytes = b""
    _kept_at: int = 0

    @property
    def quicktime(self) -> bool:
        """Is it a QuickTime movie, with its older layouts?"""
        return not self.brands or self.brands[0] == b"qt  "

    def peek(self, at: int, count: int) -> bytes:
        """Up to `count` bytes, few of them; fewer only at the end of the file."""
        begin = at - self._kept_at
        if begin < 0 or begin + count > len(self._kept):
            self._kept, self._kept_at, begin = self.source.at(at).peek(max(count, _BLOCK)), at, 0
        return self._kept[begin : begin + count]

    def read(self, at: int, count: int) -> bytes:
        """Exactly `count` bytes, few of them. Raises ShortRead."""
        data = self.peek(at, count)
        if len(data) < count:
            raise ShortRead(at, count, len(data))
        return data

    def number(self, at: int, width: int) -> int:
        """The unsigned number of `width` bytes."""
        return int.from_bytes(self.read(at, width), "big")

    def pieces(self, begin: int, end: int) -> Iterator[bytes]:
        """The bytes between two offsets. Raises ShortRead."""
        return self.source.at(begin, end - begin).pieces(end - begin)

    def head(self, box: Box, count: int) -> bytes:
        """The first `count` bytes of a box's content, fewer where it is shorter."""
        return self.read(box.body, min(count, box.length))

    def exists(self, end: int) -> bool:
        """Does the file reach there? Waits until it does."""
        kept_until = self._kept_at + len(self._kept)
        if end > max(self._existing, kept_until) and self.source.at(end - 1, 1).peek(1):
            self._existing = end
        return end <= max(self._existing, kept_until)

    def note(self, rule: Rule, box: Box, seen: object, allowed: object = "") -> None:
        """A rule is broken in this box."""
        self.note_at(rule, box.offset, box.where, seen, allowed)

    def note_at(self, rule: Rule, at: int, where: str, seen: object, allowed: object = "") -> None:
        """A rule is broken at this offset."""
        count = self._counts.get(rule.id, 0)
        self._counts[rule.id] = count + 1
        if count < MAX_NOTES:
            self.notes.append(rule.found(at=at, where=where, seen=seen, allowed=allowed))

    def drain(self) -> list[Finding]:
        """What was noted since it was asked for last."""
        notes, self.notes = self.notes, []
        return notes

    def reach(self, end: int, rule: Rule, box: Box) -> None:
        """The box points to a stretch that ends there. Judged when the file's own end is known."""
        if end > self.reaches.get(rule.id, (0, rule, box))[0]:
            self.reaches[rule.id] = end, rule, box

    def search_later(self, box: Box, begin: int | None = None, rule: Rule = rules.CODE_IN_METADATA) -> None:
        """Its content is to be searched for second files and program code."""
        begin = box.body if begin is None else begin
        if box.end - begin >= _LEAST_ROOM:
            self.rooms.append(Room(begin, box.end, box.where, rule))

    def count_box(self, box: Box) -> bool:
        """One more box. False where they are too many."""
        self.boxes += 1
        if self.boxes % _TURNS == 0:
            self.screening.spend()
        allowed = MAX_BOXES + box.offset // BYTES_PER_BOX
        if self.boxes > allowed:
            self.note(rules.BOX_FLOOD, box, self.boxes, allowed)
            return False
        return True

    def check_version(self, box: Box) -> None:
        """Is the box of a version that exists?"""
        highest = VERSIONS.get(box.type)
        if highest is not None and box.length and (version := self.read(box.body, 1)[0]) > highest:
            self.note(rules.BOX_VERSION, box, version, f"at most {highest}")

    def children(self, parent: Box, begin: int) -> Iterator[Box]:
        """The boxes inside one, from `begin` on. What is wrong with them is noted, and then they end."""
        if parent.depth + 1 > MAX_DEPTH:
            self.note(rules.NESTING, parent, parent.depth + 1, MAX_DEPTH)
            return
        seen: dict[bytes, int] = {}
        at = begin
        while at < parent.end:
            box = self._child(parent, at, seen)
            if box is None:
                return
            yield box
            at = box.end

    def _child(self, parent: Box, at: int, seen: dict[bytes, int]) -> Box | None:
        left = parent.end - at
        head = self.read(at, min(16, left))
        if left < 8 or not any(head):
            self._judge_rest(parent, at)
            return None
        size, kind, body = int.from_bytes(head[:4], "big"), head[4:8], at + 8
        if size == 1:
            size, body = int.from_bytes(head[8:16], "big"), at + 16
        number = seen.get(kind, 0)
        seen[kind] = number + 1
        name = kind.decode("latin-1") + (f"[{number}]" if number else "")
        box = Box(kind, at, body, at + size, f"{parent.where}/{name}", parent.depth + 1)
        if box.body > box.end:
            self.note(rules.BOX_SIZE, box, size, "8 or more")
        elif max(box.body, box.end) > parent.end:
            self.note(rules.BOX_OVERRUN, box, f"{size} bytes", f"{left} bytes")
        else:
            if number and kind in UNIQUE.get(parent.type, ()):
                self.note(rules.DUPLICATE, box, "a second one", "one")
            if parent.type not in _NUMBERED and not is_printable(kind):
                self.note(rules.BOX_TYPE, box, kind, "four printable characters")
            self.check_version(box)
            return box if self.count_box(box) else None
        self.rooms.append(Room(at, parent.end, box.where, rules.CODE_IN_METADATA))
        return None

    def _judge_rest(self, parent: Box, at: int) -> None:
        """Zeros end the content of QuickTime's `udta` and sample descriptions; anything else is no box."""
        for piece in self.pieces(at, parent.end):
            if len(piece) != piece.count(0):
                rest = self.read(at, min(16, parent.end - at))
                self.note_at(rules.BOX_REST, at, parent.where, f"{parent.end - at} bytes, {rest!r}", "boxes or zeros")
                self.search_later(parent, at)
                return


_LEAST_ROOM = 16  # bytes: no file worth hiding is shorter
