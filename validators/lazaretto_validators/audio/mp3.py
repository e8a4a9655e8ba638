"""MPEG audio: MP3, MP2, MP1, with the tags around it. ISO/IEC 11172-3, ISO/IEC 13818-3; tags: `id3`, `mp3_tags`.

    file = ID3v2* frame* [Lyrics3] [APEv2] [ID3v1]

Checked: the tags to their last byte; that frame follows frame to the end, headers legal; what stands between frames
and behind them; the counts of a Xing or VBRI header; other files among all of it.
Not checked: the coded sound itself, the checksums of frames (which most encoders leave out), LAME's own fields.

Deviations: filler bytes between tag and sound, junk between frames, a last frame that is cut short, free-format
bit rates, several tags of a kind and tags in any order behind the sound are what radio recorders, editors and taggers
leave: told at info, or not at all.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import dataclass, field

from lazaretto_validators.audio import mp3_rules as rules
from lazaretto_validators.audio.id3 import is_tag, judge_tag
from lazaretto_validators.audio.mp3_tags import judge_tail, tags_at_end
from lazaretto_validators.audio.mpeg_audio import FREE, LENGTHS, SYNC, frame_key, side_information
from lazaretto_validators.embedded import search
from lazaretto_validators.finding import Finding
from lazaretto_validators.kinds import bytes_at
from lazaretto_validators.media_types import MEDIA_TYPES
from lazaretto_validators.slack import file_in
from lazaretto_validators.source import PIECE, NotThisFormat, Source
from lazaretto_validators.validator import Screening, validator

__all__ = ["SMALLEST_MP3", "validate_mp3"]

MAX_TAGS = 64  # in one place; some files have three
MAX_JUNK = 64 * 1024  # bytes between tag and sound, or between frames, in which the next frame is looked for; C-MP3-02
MAX_FREE = 8192  # bytes of a free-format frame: 640 kbit/s at 8 kHz take 5760
MAX_GAPS = 1000  # places where the walk is taken up again, before it is given up
MAX_ZEROS = 1 << 20  # bytes between tag and sound: the room that a tagger frees by taking a large cover out
MAX_PADDING = 64 * 1024  # zeros behind everything, C-MP3-07
LEAST_LOST = 4096  # bytes that are no sound, of which nobody minds fewer: some ten frames

_SILENCE = b"\xff\xfb\x10\xc4".ljust(104, b"\0")
_COUNT = (_SILENCE[:4] + bytes(17) + b"Info\0\0\0\1\0\0\0\2").ljust(104, b"\0")

SMALLEST_MP3 = _COUNT + 2 * _SILENCE
"""Two silent frames of MPEG 1 layer III, 32 kbit/s, 44.1 kHz, mono, and one in front that counts them."""


@dataclass(slots=True)
class _Sound:
    """The walk over the frames. key: what all frames have in common. free: bytes of a free-format frame."""

    source: Source
    screening: Screening
    begin: int
    at: int = 0
    frames: int = 0
    key: tuple[int, int] | None = None
    free: int = 0
    gaps: list[tuple[int, int]] = field(default_factory=list)

    def length(self, block: bytes, at: int) -> int:
        """Bytes of the frame whose header stands at `at` of `block`; 0 if there is none of this recording."""
        if at + 4 > len(block) or block[at] != 0xFF:
            return 0
        length = LENGTHS[block[at + 1] << 8 | block[at + 2]]
        if length == FREE:
            return self.free + (block[at + 2] >> 1 & 1) if self.free else 0
        return length


@validator(
    "audio/mpeg", magic=(b"ID3", b"\xff\xfb", b"\xff\xf3", b"\xff\xf2"), rules=rules.RULES, example=SMALLEST_MP3, api=1
)
def validate_mp3(source: Source, screening: Screening) -> Iterator[Finding]:
    """MPEG audio of layers I to III. ISO/IEC 11172-3, ISO/IEC 13818-3, ID3v2."""
    head = source.peek(10)
    if not is_tag(head) and not SYNC.match(head):
        raise NotThisFormat(f"{head[:4]!r}: neither a tag nor a frame")
    begin = yield from _judge_tags(source, 0, None, screening)
    sound = _Sound(source, screening, begin, at=begin)
    yield from _walk(sound)
    yield from _judge_rest(sound)


def _judge_tags(source: Source, at: int, end: int | None, screening: Screening) -> Generator[Finding, None, int]:
    """The tags that follow each other from here on. Answers where the last one ends."""
    for _ in range(MAX_TAGS):
        if (end is not None and at >= end) or not is_tag(bytes_at(source, at, 10)):
            return at
        at = yield from judge_tag(source, at, screening, rules.ID3)
    screening.not_covered(f"after byte {at}", f"what follows {MAX_TAGS} tags, if it is another one")
    return at


def _walk(sound: _Sound) -> Iterator[Finding]:
    """Frame after frame, until nothing that follows is one."""
    first = _next_frame(sound, _after_zeros(sound.source, sound.begin))
    if first < 0:
        seen = bytes_at(sound.source, sound.begin, 8).hex()
        yield rules.NO_FRAMES.found(at=sound.begin, seen=seen or "nothing", allowed="a frame")
        return
    yield from _pass_gap(sound, first)
    while len(sound.gaps) < MAX_GAPS:
        _run(sound)
        following = _next_frame(sound, sound.at)
        if following < 0:
            break
        yield from _pass_gap(sound, following)
    lost = sum(end - begin for begin, end in sound.gaps)
    if sound.gaps:
        begin, end = sound.gaps[0]
        yield rules.RESYNC.found(at=begin, seen=f"{end - begin} bytes here, {lost} in {len(sound.gaps)} places")
    if lost > max(LEAST_LOST, (sound.at - sound.begin) // 8):
        yield rules.LOST_SYNC.found(at=sound.begin, seen=f"{lost} bytes", allowed="frame after frame")
    yield from _judge_count(sound, first)


def _after_zeros(source: Source, begin: int) -> int:
    """Behind the zeros that some taggers leave between tag and sound."""
    at = begin
    while at - begin < MAX_ZEROS and (block := bytes_at(source, at, PIECE)):
        rest = len(block.lstrip(b"\0"))
        at += len(block) - rest
        if rest:
            break
    return at


def _run(sound: _Sound) -> None:
    """Pass the frames that follow each other without a gap."""
    walker = sound.source.at(sound.at)
    while len(block := walker.peek(PIECE)) >= 4:
        at, frames, size = 0, 0, len(block)
        while at + 4 <= size and block[at] == 0xFF:
            length = LENGTHS[block[at + 1] << 8 | block[at + 2]]
            if length <= 0 and (length := sound.length(block, at)) <= 0:
                break
            if at + length > size:
                break
            at += length
            frames += 1
        sound.screening.spend(1 + frames // 16)
        sound.frames += frames
        sound.at += at
        if not at:
            return
        walker.skip(at)


def _next_frame(sound: _Sound, begin: int) -> int:
    """Where the next frame begins that another one of its kind follows; -1 if there is none near."""
    block = bytes_at(sound.source, begin, MAX_JUNK + MAX_FREE)
    for candidate in SYNC.finditer(block):
        at = candidate.start()
        if at > MAX_JUNK:
            break
        sound.screening.spend()
        length = sound.length(block, at) or _free_length(sound, block, at)
        if not length or (sound.key and frame_key(block[at : at + 4]) != sound.key):
            continue
        follower = block[at + length : at + length + 4]
        ends = not follower and at + length == len(block)
        same = sound.length(follower, 0) and frame_key(follower) == frame_key(block[at : at + 4])
        if ends or same or follower[:3] in (b"TAG", b"APE", b"LYR", b"ID3"):
            sound.key = frame_key(block[at : at + 4])
            return begin + at
    return -1


def _free_length(sound: _Sound, block: bytes, at: int) -> int:
    """The length of a free-format frame, told by two others that follow at the same distance. 2.4.2.3."""
    if sound.free or at + 4 > len(block) or LENGTHS[block[at + 1] << 8 | block[at + 2]] != FREE:
        return 0
    mark, kind = block[at : at + 2], block[at + 2] & 0xFC
    following = block.find(mark, at + 4, at + MAX_FREE)
    while following >= 0:
        length = following - at - (block[at + 2] >> 1 & 1)
        third = following + length + (block[following + 2] >> 1 & 1) if following + 2 < len(block) else len(block)
        alike = third + 3 <= len(block) and block[following + 2] & 0xFC == kind == block[third + 2] & 0xFC
        sound.screening.spend()
        if alike and block[third : third + 2] == mark:
            sound.free = length
            return following - at
        following = block.find(mark, following + 1, at + MAX_FREE)
    return 0


def _pass_gap(sound: _Sound, end: int) -> Iterator[Finding]:
    """What stands between two frames, or between tag and sound: filler, or a file?"""
    begin, sound.at = sound.at, end
    if begin == end:
        return
    if not sound.frames and (begin := _after_zeros(sound.source, begin)) >= end:
        return
    sound.gaps.append((begin, end))
    if hit := file_in(sound.source, begin, end):
        yield rules.HIDDEN_FILE.found(at=hit[0], where="between frames", seen=hit[1].label)


def _judge_count(sound: _Sound, first: int) -> Iterator[Finding]:
    """A first frame without sound may count the others: Xing or Info behind the side information, VBRI at byte 36."""
    frame = bytes_at(sound.source, first, 64)
    side = 4 + side_information(frame)
    declared = None
    if frame[side : side + 4] in (b"Xing", b"Info") and len(frame) >= side + 12 and frame[side + 7] & 1:
        declared = int.from_bytes(frame[side + 8 : side + 12], "big")
    elif frame[36:40] == b"VBRI":
        declared = int.from_bytes(frame[50:54], "big")
    if declared is not None and declared != sound.frames - 1:
        yield rules.FRAME_COUNT.found(at=first, seen=declared, allowed=sound.frames - 1)


def _judge_rest(sound: _Sound) -> Iterator[Finding]:
    """The tags behind the sound, and what is left of the file then."""
    source, size = sound.source, sound.source.size
    stop, least = size, max(sound.begin, sound.at - MAX_FREE)
    if not (tags := tags_at_end(source, least)):
        tail = bytes_at(source, max(0, size - MAX_PADDING), MAX_PADDING)
        stop = size - (len(tail) - len(tail.rstrip(b"\0")))
        tags = tags_at_end(source.at(0, stop), least)
    yield from judge_tail(source, tags, sound.screening)
    end = tags[-1].begin if tags else stop
    at = yield from _judge_tags(source, sound.at, end, sound.screening)
    is_cut = 0 < end - at < sound.length(bytes_at(source, at, 4), 0)
    if is_cut:
        yield rules.LAST_FRAME.found(at=at, seen=f"{end - at} bytes")
        if hit := file_in(source, at, end):
            yield rules.HIDDEN_FILE.found(at=hit[0], where="last frame", seen=hit[1].label)
    sound.screening.ends_at(size if is_cut or at >= end else at)
    if inside := search(source.at(0, at), 1):
        yield rules.HIDDEN_FILE.found(at=inside[0], seen=MEDIA_TYPES[inside[1]].label)
