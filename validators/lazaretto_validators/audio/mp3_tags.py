"""What stands behind the sound: ID3v1, APEv2, Lyrics3, in any order that taggers left it in.

    ID3v1   = "TAG" fields:125                  before it perhaps "TAG+" fields:223
    APEv2   = [header:32] item* footer:32       "APETAGEX" version size count flags
    Lyrics3 = "LYRICSBEGIN" text "LYRICSEND" | "LYRICSBEGIN" fields size:6 digits "LYRICS200"

The tags are read from the end of the file, as players do.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from lazaretto_validators.audio import mp3_rules as rules
from lazaretto_validators.audio.id3 import LOOK
from lazaretto_validators.finding import Finding
from lazaretto_validators.identify import identify
from lazaretto_validators.kinds import bytes_at
from lazaretto_validators.names import is_textual
from lazaretto_validators.slack import code_in, file_in
from lazaretto_validators.source import Source
from lazaretto_validators.validator import Screening

__all__ = ["Stretch", "judge_tail", "tags_at_end"]

_APE = 32  # bytes of header and footer
_HAS_HEADER = 1 << 31  # flags of the footer
_MAX_TAGS = 16  # behind each other: files that went through many taggers have three


@dataclass(frozen=True, slots=True)
class Stretch:
    """One tag behind the sound."""

    kind: str
    begin: int
    end: int


def tags_at_end(source: Source, least: int) -> list[Stretch]:
    """Tags that end where the file or the next one ends, the last first. None begins before `least`."""
    found: list[Stretch] = []
    end = source.size
    while len(found) < _MAX_TAGS and (tag := _tag_before(source, end)) and tag.begin >= least:
        found.append(tag)
        end = tag.begin
    return found


def _tag_before(source: Source, end: int) -> Stretch | None:
    if bytes_at(source, max(0, end - 128), 3) == b"TAG" and end >= 128:
        begin = end - 128
        extended = begin >= 227 and bytes_at(source, begin - 227, 4) == b"TAG+"
        return Stretch("ID3v1", begin - 227 if extended else begin, end)
    footer = bytes_at(source, max(0, end - _APE), _APE)
    if footer[:8] == b"APETAGEX" and len(footer) == _APE:
        size, flags = struct.unpack_from("<L4xL", footer, 12)
        return Stretch("APEv2", end - size - (_APE if flags & _HAS_HEADER else 0), end)
    if bytes_at(source, max(0, end - 9), 9) == b"LYRICS200":
        digits = bytes_at(source, max(0, end - 15), 6)
        return Stretch("Lyrics3", end - 15 - int(digits), end) if digits.isdigit() else None
    if bytes_at(source, max(0, end - 9), 9) == b"LYRICSEND":
        begin = max(0, end - 5100 - 11)  # Lyrics3 1.0 has 5100 bytes at most
        at = bytes_at(source, begin, end - begin).rfind(b"LYRICSBEGIN")
        return Stretch("Lyrics3", begin + at, end) if at >= 0 else None
    return None


def judge_tail(source: Source, tags: list[Stretch], screening: Screening) -> Iterator[Finding]:
    """What the tags hold. Covers in APEv2 are members."""
    for tag in tags:
        screening.spend()
        if tag.kind == "APEv2":
            yield from _judge_ape(source, tag, screening)
        else:
            yield from _judge_stretch(source, tag.begin, tag.end, tag.kind, screening)


def _judge_stretch(source: Source, begin: int, end: int, where: str, screening: Screening) -> Iterator[Finding]:
    screening.spend(LOOK)
    # A script that a text quotes is no file: the code in it is told all the same.
    if (hit := file_in(source, begin, end)) and not is_textual(hit[1]):
        yield rules.HIDDEN_FILE.found(at=hit[0], where=where, seen=hit[1].label)
    elif code := code_in(source.at(begin, end - begin).pieces()):
        yield rules.CODE_IN_TAIL.found(at=begin, where=where, seen=code)


def _judge_ape(source: Source, tag: Stretch, screening: Screening) -> Iterator[Finding]:
    """Items: size, flags, key, NUL, value. A binary one begins with a file name and a NUL."""
    count, flags = struct.unpack_from("<LL", bytes_at(source, tag.end - _APE, _APE), 16)
    at = tag.begin + (_APE if flags & _HAS_HEADER else 0)
    end = tag.end - _APE
    for number in range(count):
        screening.spend()
        head = bytes_at(source, at, 8 + 256)
        size = int.from_bytes(head[:4], "little")
        key_end = head.find(b"\0", 8)
        begin = at + key_end + 1
        if len(head) < 10 or key_end < 0 or begin + size > end:
            yield rules.APE_SIZE.found(at=at, where=f"APEv2[{number}]", seen=f"{size} bytes", allowed=max(0, end - at))
            return
        key = head[8:key_end].decode("latin-1")
        name_end = bytes_at(source, begin, min(size, 512)).find(b"\0")
        if head[4] & 6 == 2 and name_end >= 0 and identify(source.at(begin + name_end + 1, size - name_end - 1)):
            screening.member(f"APEv2 {key}", source.at(begin + name_end + 1, size - name_end - 1), nameless=True)
        else:
            yield from _judge_stretch(source, begin, begin + size, f"APEv2 {key}", screening)
        at = begin + size
