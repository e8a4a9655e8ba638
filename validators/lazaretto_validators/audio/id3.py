"""ID3v2 tags, versions 2.2, 2.3 and 2.4. https://id3.org/id3v2-00, https://id3.org/id3v2.3.0, https://id3.org/id3v2.4.0;
chapters: ID3v2 Chapter Frame Addendum 1.0

    tag   = "ID3" version:2 flags:1 size:4 of 7 bits, [extended header] frame* [padding] [footer]
    frame = id:4 size:4 flags:2 content               2.2: id:3 size:3; 2.4: sizes of 7 bits a byte

Checked: the tag's and every frame's size, the extended header, encodings; pictures and files in frames, which are
members; other files and code in frames and padding.
Not checked: what texts say, dates, links; encrypted frames.

Deviations: sizes of 8 bits a byte in 2.4 (iTunes before 2008), ids of three letters and a blank in 2.3, empty frames,
padding that is not zero, and the flag of an extended header that is not there are read as players read them. Shared by
every format that carries such tags: the rules are made under the format's own name (`id3_rules`).
"""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator
from dataclasses import dataclass, replace

from lazaretto_validators.archives.inflate import Inflated
from lazaretto_validators.audio.id3_rules import Id3Rules
from lazaretto_validators.finding import Finding
from lazaretto_validators.identify import identify
from lazaretto_validators.media_types import Risk
from lazaretto_validators.names import is_textual
from lazaretto_validators.slack import code_in, file_in
from lazaretto_validators.source import Source
from lazaretto_validators.validator import Screening

__all__ = ["HEADER", "LOOK", "is_tag", "judge_tag", "syncsafe"]

HEADER = 10  # bytes, 3.1
MAX_PICTURE = 16 << 20  # bytes, C-MP3-03
MAX_INFLATED = 8 << 20  # bytes out of all compressed frames of a tag: the advice of libpng, threats IMG-41
MAX_FIELD = 4096  # bytes in which a media type, name or description ends
LOOK = 64  # operations for a look at what a frame holds: it takes as long as so many reads

_UNSYNCHRONISED, _EXTENDED, _FOOTER = 0x80, 0x40, 0x10  # flags of the tag, 3.1
_ID = re.compile(rb"[A-Z0-9]{2,3}[A-Z0-9 \0]?")
_NEXT = re.compile(rb"[A-Z0-9]{3}[A-Z0-9 \0]|\0{1,4}|$")
_PICTURES, _OBJECTS, _PRIVATE, _CHAPTERS = (b"APIC", b"PIC"), (b"GEOB", b"GEO"), (b"PRIV",), (b"CHAP", b"CTOC")
_TEXTS = re.compile(rb"T[A-Z0-9]{2,3}|COMM?|USLT|ULT|WXXX?|IPLS?")
_ENDS = {0: b"\0", 1: b"\0\0", 2: b"\0\0", 3: b"\0"}  # what ends a text in each encoding, 4


@dataclass(frozen=True, slots=True)
class _Frame:
    """One frame. at: of its header. content: behind the header, still packed. where: its place, in words."""

    kind: bytes
    at: int
    flags: int
    content: Source
    where: str


@dataclass(slots=True)
class _Tag:
    """The tag that is being walked. begin: where its body stands in the file, for findings.

    inflated: bytes that came out of its compressed frames.
    """

    version: int
    begin: int
    screening: Screening
    rules: Id3Rules
    inflated: int = 0

    @property
    def width(self) -> int:
        """Bytes of a frame's header."""
        return 6 if self.version == 2 else HEADER


def syncsafe(data: bytes) -> int:
    """A number of seven bits a byte; the eighth ones are not looked at. 6.2."""
    value = 0
    for byte in data:
        value = value << 7 | byte & 0x7F
    return value


def is_tag(head: bytes) -> bool:
    """Does a tag begin so?"""
    return head[:3] == b"ID3" and len(head) >= HEADER and head[3] != 0xFF and head[4] != 0xFF


def judge_tag(source: Source, begin: int, screening: Screening, rules: Id3Rules) -> Generator[Finding, None, int]:
    """The tag at `begin`, which `is_tag` knows. Answers where it ends. Raises ShortRead."""
    walker = source.at(begin)
    head = walker.read(HEADER)
    version, flags, length = head[3], head[5], syncsafe(head[6:10])
    if any(byte & 0x80 for byte in head[6:10]):
        yield rules.size.found(at=begin, where="ID3", seen=head[6:10].hex(), allowed="bytes below 80")
    walker.skip(length)
    end = begin + HEADER + length
    body = source.at(begin + HEADER, length)
    if version not in (2, 3, 4) or flags & 0x0F or (version == 2 and flags & 0x40):
        yield rules.version.found(at=begin, where="ID3", seen=f"2.{version}, flags {flags:02x}", allowed="2.2 to 2.4")
        if hit := file_in(source, begin + HEADER, end):
            yield rules.hidden_file.found(at=hit[0], where="ID3", seen=hit[1].label)
        return end
    if version < 4 and flags & _UNSYNCHRONISED:
        body = Source.of_pieces(_synchronised(body))
    yield from _judge_body(_Tag(version, begin + HEADER, screening, rules), body, flags)
    footed = version == 4 and flags & _FOOTER and source.at(end, 3).peek(3) == b"3DI"
    return end + HEADER if footed else end


def _synchronised(body: Source) -> Iterator[bytes]:
    """The bytes without the zeros that were put behind FF. 6.1."""
    held = b""
    for piece in body.at(0).pieces():
        data = held + piece
        held = b"\xff" if data.endswith(b"\xff") else b""
        yield data[: len(data) - len(held)].replace(b"\xff\0", b"\xff")
    if held:
        yield held


def _judge_body(tag: _Tag, body: Source, flags: int) -> Iterator[Finding]:
    """Extended header, frames, padding."""
    at = _extended_size(body, tag.version) if tag.version > 2 and flags & _EXTENDED else 0
    if at > body.size or 0 < at < 4:
        yield tag.rules.extended.found(at=tag.begin, where="ID3", seen=f"{at} bytes", allowed=f"{body.size} bytes")
        return
    end = yield from _judge_frames(tag, body, at)
    if end is not None:
        yield from _judge_padding(tag, body, end)


def _judge_frames(tag: _Tag, body: Source, at: int, prefix: str = "") -> Generator[Finding, None, int | None]:
    """Frame after frame. Answers where the last one ends, None where one reaches past the end of the body.

    prefix: the frame that they stand in.
    """
    size, width = body.size, tag.width
    counts: dict[bytes, int] = {}
    while at + width <= size:
        tag.screening.spend()
        head = body.at(at, width).peek(width)
        kind = head[: 3 if tag.version == 2 else 4]
        if not _ID.fullmatch(kind):
            break
        number = counts[kind] = counts.get(kind, -1) + 1
        where = f"{prefix}{kind.decode('latin-1').strip()}[{number}]"
        length, plain = _frame_size(body, at, head, tag.version, size)
        if plain:
            yield tag.rules.plain_size.found(at=tag.begin + at, where=where, seen=head[4:8].hex())
        if at + width + length > size:
            seen, allowed = f"{length} bytes", size - at - width
            yield tag.rules.frame_size.found(at=tag.begin + at, where=where, seen=seen, allowed=allowed)
            return None
        flags = int.from_bytes(head[8:10], "big")
        frame = _Frame(kind, tag.begin + at, flags, body.at(at + width, length), where)
        if length:
            yield from _judge_frame(tag, frame)
        at += width + length
    return at


def _extended_size(body: Source, version: int) -> int:
    """How many bytes it takes in all. 2.3 does not count its own size field, 2.4 does: 3.2 of both."""
    head = body.at(0).peek(4)
    if _ID.fullmatch(head):
        return 0  # some taggers say that there is one and write none
    return int.from_bytes(head, "big") + 4 if version == 3 else syncsafe(head)


def _frame_size(body: Source, at: int, head: bytes, version: int, size: int) -> tuple[int, bool]:
    """How long a frame is, and whether that is written plainly although it should not be."""
    if version == 2:
        return int.from_bytes(head[3:6], "big"), False
    plain = int.from_bytes(head[4:8], "big")
    if version == 3 or plain < 0x80:
        return plain, False
    safe = syncsafe(head[4:8])
    unsafe = any(byte & 0x80 for byte in head[4:8])
    for length in (plain,) if unsafe else (safe, plain):
        follower = at + HEADER + length
        if follower == size or (follower < size and _NEXT.match(body.at(follower, 4).peek(4))):
            return length, length != safe
    return safe, False


def _judge_padding(tag: _Tag, body: Source, at: int) -> Iterator[Finding]:
    if all(not piece.strip(b"\0") for piece in body.at(at).pieces()):
        return
    seen = body.at(at).peek(10).hex()
    yield tag.rules.frame_id.found(at=tag.begin + at, where="padding", seen=seen, allowed="zeros")
    if hit := file_in(body, at, body.size):
        yield tag.rules.hidden_file.found(at=tag.begin + hit[0], where="padding", seen=hit[1].label)
    elif code := code_in(body.at(at).pieces()):
        yield tag.rules.code.found(at=tag.begin + at, where="padding", seen=code)


def _judge_frame(tag: _Tag, frame: _Frame) -> Iterator[Finding]:
    """What a frame holds, once it is unpacked. 4.1.2 in 2.4, 3.3.1 in 2.3; there are no flags in 2.2."""
    tag.screening.spend(LOOK)
    flags, content = frame.flags, frame.content
    packed, sealed, grouped, told, unsynced = (
        (flags & 8, flags & 4, flags & 0x40, flags & 1, flags & 2)
        if tag.version == 4
        else (flags & 0x80, flags & 0x40, flags & 0x20, flags & 0x80, 0)
    )
    skipped = bool(grouped) + 4 * bool(told) + bool(sealed)
    if skipped >= content.size:
        return
    if sealed:
        tag.screening.not_covered(frame.where, "the frame is encrypted")
        return
    content = content.at(skipped)
    if unsynced:
        content = Source.of_pieces(_synchronised(content))
    if packed:
        inflated = Inflated(content, charge=tag.screening.expand, most=MAX_INFLATED - tag.inflated)
        content = Source.of_pieces(inflated.pieces())
        tag.inflated += content.size
        if tag.inflated > MAX_INFLATED or inflated.over:
            seen = f"{tag.inflated} bytes or more"
            yield tag.rules.frame_bomb.found(at=frame.at, where=frame.where, seen=seen, allowed=MAX_INFLATED)
            return
    yield from _judge_content(tag, replace(frame, content=content))


def _judge_content(tag: _Tag, frame: _Frame) -> Iterator[Finding]:
    kind, content = frame.kind, frame.content
    is_text = _TEXTS.fullmatch(kind) is not None
    if kind in _PICTURES:
        yield from _judge_picture(tag, frame)
        return
    if kind in _OBJECTS:
        _hand_over_object(tag, frame)
        return
    if kind in _CHAPTERS and "/" not in frame.where:
        # What is wrong with these lengths is told of what stands there: nothing, or no frame.
        yield from _judge_frames(tag, content, _chapter_end(kind, content.at(0).peek(MAX_FIELD)), f"{frame.where}/")
    if is_text and content.peek(1) > b"\3":
        yield tag.rules.encoding.found(at=frame.at, where=frame.where, seen=content.peek(1)[0], allowed="0 to 3")
    if kind in _PRIVATE:
        content = content.at(content.at(0).peek(MAX_FIELD).find(b"\0") + 1)
    elif is_text:
        content = content.at(1)
    hit = file_in(content, 0, content.size)
    # A page that a text quotes is no file: the code in it is told all the same.
    if hit and not (is_text and is_textual(hit[1])):
        yield tag.rules.hidden_file.found(at=frame.at, where=frame.where, seen=hit[1].label)
    elif code := code_in(content.at(0).pieces()):
        yield tag.rules.code.found(at=frame.at, where=frame.where, seen=code)


def _chapter_end(kind: bytes, head: bytes) -> int:
    """Where the frames in a chapter or a table of contents begin. ID3v2 Chapter Frame Addendum 1.0, 3.1, 3.2."""
    at = head.find(b"\0") + 1
    if kind == b"CHAP":
        return at + 16  # four times
    children = head[at + 1] if at + 1 < len(head) else 0
    at += 2
    for _ in range(children):
        at = head.find(b"\0", at) + 1 or len(head)
    return at


def _judge_picture(tag: _Tag, frame: _Frame) -> Iterator[Finding]:
    """APIC: encoding, media type, kind, description, data. PIC of 2.2 has three letters for a type. 4.14."""
    head = frame.content.at(0).peek(MAX_FIELD)
    if frame.kind == b"PIC":
        mime, at = head[1:4], 4
    else:
        end = head.find(b"\0", 1)
        mime, at = (head[1:end], end + 1) if end >= 0 else (b"", len(head))
    data = frame.content.at(_after_text(head, at + 1, head[0] if head else 0))
    if mime.strip() == b"-->":
        yield tag.rules.picture_link.found(at=frame.at, where=frame.where, seen=data.peek(200))
        return
    size = data.size
    if not size:
        return
    if size > MAX_PICTURE:
        seen, allowed = f"{size} bytes", f"{MAX_PICTURE} bytes"
        yield tag.rules.picture.found(at=frame.at, where=frame.where, seen=seen, allowed=allowed)
    kind = identify(data.at(0))
    if kind is None or kind.name == "text/plain":
        seen = data.peek(8).hex()
        yield tag.rules.picture.found(at=frame.at, where=frame.where, seen=seen, allowed="a picture")
    elif kind.risk not in (Risk.VIEWED, Risk.UNKNOWN):
        yield tag.rules.hidden_file.found(at=frame.at, where=frame.where, seen=kind.label)
    tag.screening.member(frame.where, data, nameless=True)


def _after_text(head: bytes, at: int, encoding: int) -> int:
    """Where the text that begins at `at` has ended."""
    mark = _ENDS.get(encoding, b"\0")
    end = head.find(mark, at)
    while len(mark) == 2 and end >= 0 and (end - at) % 2:
        end = head.find(mark, end + 1)
    return end + len(mark) if end >= 0 else at


def _hand_over_object(tag: _Tag, frame: _Frame) -> None:
    """GEOB: encoding, media type, file name, description, data. 4.15."""
    head = frame.content.at(0).peek(MAX_FIELD)
    encoding = head[0]
    at = name_at = _after_text(head, 1, 0)
    at = _after_text(head, at, encoding)
    codec = ("latin-1", "utf-16", "utf-16-be", "utf-8")[encoding] if encoding < 4 else "latin-1"
    name = head[name_at:at].decode(codec, "replace").strip("\0\ufffd ")
    at = _after_text(head, at, encoding)
    tag.screening.member(name or frame.where, frame.content.at(at), nameless=not name)
