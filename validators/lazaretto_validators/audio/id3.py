"""ID3v2 tags, versions 2.2, 2.3 and 2.4. https://id3.org/id3v2-00, https://id3.org/id3v2.3.0, https://id3.org/id3v2.4.0

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
from dataclasses import dataclass

from lazaretto_validators.archives.inflate import Inflated
from lazaretto_validators.audio.id3_rules import Id3Rules
from lazaretto_validators.finding import Finding
from lazaretto_validators.identify import identify
from lazaretto_validators.media_types import Risk
from lazaretto_validators.names import is_textual
from lazaretto_validators.slack import code_in, file_in
from lazaretto_validators.source import Source
from lazaretto_validators.validator import Screening

__all__ = ["HEADER", "is_tag", "judge_tag", "syncsafe"]

HEADER = 10  # bytes, 3.1
MAX_PICTURE = 16 << 20  # bytes, C-MP3-03
MAX_INFLATED = 8 << 20  # bytes out of one compressed frame: the advice of libpng, threats IMG-41
MAX_FIELD = 4096  # bytes in which a media type, name or description ends

_UNSYNCHRONISED, _EXTENDED, _FOOTER = 0x80, 0x40, 0x10  # flags of the tag, 3.1
_ID = re.compile(rb"[A-Z0-9]{2,3}[A-Z0-9 \0]?")
_NEXT = re.compile(rb"[A-Z0-9]{3}[A-Z0-9 \0]|\0{1,4}|$")
_PICTURES, _OBJECTS, _PRIVATE = (b"APIC", b"PIC"), (b"GEOB", b"GEO"), (b"PRIV",)
_TEXTS = re.compile(rb"T[A-Z0-9]{2,3}|COMM?|USLT|ULT|WXXX?|IPLS?")
_ENDS = {0: b"\0", 1: b"\0\0", 2: b"\0\0", 3: b"\0"}  # what ends a text in each encoding, 4


@dataclass(frozen=True, slots=True)
class _Frame:
    """One frame. at: of its header. content: behind the header, still packed."""

    kind: bytes
    number: int
    at: int
    flags: int
    content: Source

    @property
    def where(self) -> str:
        return f"{self.kind.decode('latin-1').strip()}[{self.number}]"


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
        yield from _judge_stretch(source, begin + HEADER, end, "ID3", rules)
        return end
    if version < 4 and flags & _UNSYNCHRONISED:
        body = Source.of_pieces(_synchronised(body))
    yield from _judge_body(body, begin + HEADER, version, flags, screening, rules)
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


def _judge_body(
    body: Source, begin: int, version: int, flags: int, screening: Screening, rules: Id3Rules
) -> Iterator[Finding]:
    """Extended header, frames, padding. begin: where it stands in the file, for findings."""
    size, at = body.size, 0
    if version > 2 and flags & _EXTENDED:
        at = _extended_size(body, version)
        if at > size or 0 < at < 4:
            yield rules.extended.found(at=begin, where="ID3", seen=f"{at} bytes", allowed=f"{size} bytes")
            return
    counts: dict[bytes, int] = {}
    width = 6 if version == 2 else HEADER
    while at + width <= size:
        screening.spend()
        head = body.at(at, width).peek(width)
        kind = head[: 3 if version == 2 else 4]
        if not _ID.fullmatch(kind):
            break
        length, plain = _frame_size(body, at, head, version, size)
        if plain:
            yield rules.plain_size.found(at=begin + at, where=kind.decode("latin-1"), seen=head[4:8].hex())
        if at + width + length > size:
            seen = f"{length} bytes"
            yield rules.frame_size.found(
                at=begin + at, where=kind.decode("latin-1"), seen=seen, allowed=size - at - width
            )
            return
        number = counts[kind] = counts.get(kind, -1) + 1
        frame_flags = int.from_bytes(head[8:10], "big") if version > 2 else 0
        frame = _Frame(kind, number, begin + at, frame_flags, body.at(at + width, length))
        yield from _judge_frame(frame, version, screening, rules)
        at += width + length
    yield from _judge_padding(body, at, size, begin, rules)


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


def _judge_padding(body: Source, at: int, size: int, begin: int, rules: Id3Rules) -> Iterator[Finding]:
    if at >= size:
        return
    zero = all(not piece.strip(b"\0") for piece in body.at(at).pieces())
    if zero:
        return
    yield rules.frame_id.found(at=begin + at, where="padding", seen=body.at(at).peek(10).hex(), allowed="zeros")
    if hit := file_in(body, at, size):
        yield rules.hidden_file.found(at=begin + hit[0], where="padding", seen=hit[1].label)
    elif code := code_in(body.at(at).pieces()):
        yield rules.code.found(at=begin + at, where="padding", seen=code)


def _judge_stretch(source: Source, begin: int, end: int, where: str, rules: Id3Rules) -> Iterator[Finding]:
    if hit := file_in(source, begin, end):
        yield rules.hidden_file.found(at=hit[0], where=where, seen=hit[1].label)


def _judge_frame(frame: _Frame, version: int, screening: Screening, rules: Id3Rules) -> Iterator[Finding]:
    """What a frame holds, once it is unpacked. 4.1.2 in 2.4, 3.3.1 in 2.3."""
    flags, content = frame.flags, frame.content
    packed, sealed, grouped, told, unsynced = (
        (flags & 8, flags & 4, flags & 0x40, flags & 1, flags & 2)
        if version == 4
        else (flags & 0x80, flags & 0x40, flags & 0x20, flags & 0x80, 0)
    )
    skipped = bool(grouped) + 4 * bool(told) + bool(sealed)
    if not content.size or skipped >= content.size:
        return
    if sealed:
        screening.not_covered(frame.where, "the frame is encrypted")
        return
    content = content.at(skipped)
    if unsynced:
        content = Source.of_pieces(_synchronised(content))
    if packed:
        inflated = Inflated(content, charge=screening.expand, most=MAX_INFLATED)
        content = Source.of_pieces(inflated.pieces())
        if content.size > MAX_INFLATED or inflated.over:
            yield rules.frame_bomb.found(at=frame.at, where=frame.where, seen=f"{inflated.size} bytes or more")
            return
    yield from _judge_content(frame, content, screening, rules)


def _judge_content(frame: _Frame, content: Source, screening: Screening, rules: Id3Rules) -> Iterator[Finding]:
    if frame.kind in _PICTURES:
        yield from _judge_picture(frame, content, screening, rules)
        return
    if frame.kind in _OBJECTS:
        _hand_over_object(frame, content, screening)
        return
    if _TEXTS.fullmatch(frame.kind) and content.peek(1) > b"\3":
        yield rules.encoding.found(at=frame.at, where=frame.where, seen=content.peek(1)[0], allowed="0 to 3")
    if frame.kind in _PRIVATE:
        head = content.at(0).peek(MAX_FIELD)
        content = content.at(max(0, head.find(b"\0")) + 1)
    elif _TEXTS.fullmatch(frame.kind):
        content = content.at(1)
    size = content.size
    hit = file_in(content, 0, size)
    # A page that a text quotes is no file: the code in it is told all the same.
    if hit and not (_TEXTS.fullmatch(frame.kind) and is_textual(hit[1])):
        yield rules.hidden_file.found(at=frame.at, where=frame.where, seen=hit[1].label)
    elif code := code_in(content.at(0).pieces()):
        yield rules.code.found(at=frame.at, where=frame.where, seen=code)


def _judge_picture(frame: _Frame, content: Source, screening: Screening, rules: Id3Rules) -> Iterator[Finding]:
    """APIC: encoding, media type, kind, description, data. PIC of 2.2 has three letters for a type. 4.14."""
    head = content.at(0).peek(MAX_FIELD)
    if frame.kind == b"PIC":
        mime, at = head[1:4], 4
    else:
        end = head.find(b"\0", 1)
        mime, at = (head[1:end], end + 1) if end >= 0 else (b"", len(head))
    at = _after_text(head, at + 1, head[0] if head else 0)
    data = content.at(at)
    if mime.strip() == b"-->":
        yield rules.picture_link.found(at=frame.at, where=frame.where, seen=data.peek(200))
        return
    size = data.size
    if not size:
        return
    if size > MAX_PICTURE:
        yield rules.picture.found(at=frame.at, where=frame.where, seen=f"{size} bytes", allowed=f"{MAX_PICTURE} bytes")
    kind = identify(data.at(0))
    if kind is None or kind.name == "text/plain":
        yield rules.picture.found(at=frame.at, where=frame.where, seen=data.peek(8).hex(), allowed="a picture")
    elif kind.risk not in (Risk.VIEWED, Risk.UNKNOWN):
        yield rules.hidden_file.found(at=frame.at, where=frame.where, seen=kind.label)
    screening.member(frame.where, data, nameless=True)


def _after_text(head: bytes, at: int, encoding: int) -> int:
    """Where the text that begins at `at` has ended."""
    mark = _ENDS.get(encoding, b"\0")
    end = head.find(mark, at)
    while len(mark) == 2 and end >= 0 and (end - at) % 2:
        end = head.find(mark, end + 1)
    return end + len(mark) if end >= 0 else at


def _hand_over_object(frame: _Frame, content: Source, screening: Screening) -> None:
    """GEOB: encoding, media type, file name, description, data. 4.15."""
    head = content.at(0).peek(MAX_FIELD)
    encoding = head[0]
    at = name_at = _after_text(head, 1, 0)
    at = _after_text(head, at, encoding)
    codec = ("latin-1", "utf-16", "utf-16-be", "utf-8")[encoding] if encoding < 4 else "latin-1"
    name = head[name_at:at].decode(codec, "replace").strip("\0\ufffd ")
    at = _after_text(head, at, encoding)
    screening.member(name or frame.where, content.at(at), nameless=not name)
