"""Pixel data: found to its end at the speed of memory, and held against what its blocks take. T.81 B.1.1.5, F, G, H.

Nothing is decoded. Within pixel data FF is followed by 00 (a data byte) or by a restart mark; anything else ends it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from lazaretto_validators.embedded import may_hold, search
from lazaretto_validators.finding import Finding
from lazaretto_validators.images import jpeg_rules as rules
from lazaretto_validators.images.jpeg_frame import Scan
from lazaretto_validators.images.jpeg_structure import BLOCK, Frame, Huffman, Picture
from lazaretto_validators.media_types import MEDIA_TYPES
from lazaretto_validators.source import PIECE, Source

__all__ = ["Entropy", "check_entropy", "pass_entropy"]

SLACK = 256
"""Bytes that a scan may be too long: fill bytes, and frames that hardware pads to a multiple of its bus."""

FIRST = 4096
"""Bytes looked at first: a hostile picture has thousands of scans of a few bytes each."""

REACH = 8 << 20
"""Bytes of a file in which an archive may begin: 7-Zip looks no further for one behind other data, WinRAR less far."""

_OVERLAP = 64  # bytes that two pieces share: longer than any literal searched for

# Each begins with a literal, which the regular expression engine finds at the speed of memory.
_MARK = re.compile(rb"\xff[^\x00\xff]")
_ENDING = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")
_RESTART = re.compile(rb"\xff([\xd0-\xd7])")
_TURN = bytes(range(0xD0, 0xD8))


@dataclass(slots=True)
class Entropy:
    """The pixel data of one scan. restarts: marks met; disorder: where the first stands that is out of turn."""

    begin: int
    length: int = 0
    restarts: int = 0
    disorder: int | None = None
    ended: bool = False
    suspects: list[int] | None = None

    def count(self, piece: bytes, at: int) -> None:
        """Take in the restart marks of a piece that begins at `at`. They are numbered 0 to 7 in turn. B.1.1.5."""
        marks = b"".join(_RESTART.findall(piece))
        begin = self.restarts % 8
        if self.disorder is None and marks != (_TURN * (len(marks) // 8 + 2))[begin : begin + len(marks)]:
            self.disorder = at
        self.restarts += len(marks)


def pass_entropy(source: Source, *, searched: bool = False) -> Entropy:
    """Move from the first byte of pixel data to the mark that ends it, or to the end of the file.

    searched: note the pieces that may hold a file, too.
    """
    entropy = Entropy(source.offset, suspects=[] if searched else None)
    window, carry = FIRST, b""
    while not entropy.ended:
        piece, at = source.peek(window), source.offset
        if not piece:
            break
        mark = _MARK.search(piece)
        ending = _ENDING.search(piece, mark.start()) if mark else None
        if ending:
            entropy.ended = True
            piece = piece[: ending.start()]
        elif len(piece) == window and piece.endswith(b"\xff"):
            piece = piece[:-1]  # what it means, the next byte tells
        if entropy.suspects is not None and at < REACH:
            if may_hold(carry + piece):
                entropy.suspects.append(at - len(carry))
            carry = piece[-_OVERLAP:]
        if mark:
            entropy.count(piece, at)
        entropy.length += len(piece)
        source.skip(len(piece))
        window = PIECE
    return entropy


def check_entropy(scan: Scan | None, picture: Picture) -> Iterator[Finding]:
    """The pixel data that follows a scan header."""
    entropy = pass_entropy(picture.source, searched=True)
    picture.entropy += entropy.length
    where = f"entropy[{picture.scans - 1}]"
    yield from _judge_suspects(entropy, picture, where)
    if entropy.disorder is not None and picture.once(rules.RESTART_ORDER):
        yield rules.RESTART_ORDER.found(
            at=entropy.disorder, where=where, seen="a mark out of turn", allowed="RST0 to RST7 in turn"
        )
    if scan is None or picture.frame is None or not entropy.ended:
        return
    yield from _judge_amount(entropy, scan, picture.frame, picture, where)


def _judge_suspects(entropy: Entropy, picture: Picture, where: str) -> Iterator[Finding]:
    """Decoders pass over what is too much at the end of pixel data: there is room for an archive."""
    for at in entropy.suspects or ():
        length = min(PIECE + 2 * _OVERLAP, entropy.begin + entropy.length - at)
        hit = search(picture.source.at(at, length), 0, scripts=False)
        if hit:
            yield rules.PARASITE.found(at=at + hit[0], where=where, seen=MEDIA_TYPES[hit[1]].label, allowed="pixels")
            return


def _judge_amount(entropy: Entropy, scan: Scan, frame: Frame, picture: Picture, where: str) -> Iterator[Finding]:
    """Restart marks, and bytes between the least and the most that the blocks of a scan can take."""
    if not frame.height or not frame.width:
        return
    units, blocks = frame.units(scan.components)
    intervals = -(-units // picture.interval) if picture.interval else 1
    # Hardware encoders write a mark behind the last interval, too, which decoders pass over.
    lawful = (intervals - 1, intervals) if picture.interval else (0,)
    if entropy.restarts not in lawful and picture.once(rules.RESTART_COUNT):
        yield rules.RESTART_COUNT.found(at=entropy.begin, where=where, seen=entropy.restarts, allowed=intervals - 1)
    bits = _bits(scan, frame, picture)
    if bits is None:
        return
    least, most = units * bits[0], units * bits[1]
    data = entropy.length - 2 * entropy.restarts
    if 8 * data < least and picture.once(rules.ENTROPY_SHORT):
        allowed = f"{least // 8} bytes for {units * blocks} blocks"
        yield rules.ENTROPY_SHORT.found(at=entropy.begin, where=where, seen=f"{data} bytes", allowed=allowed)
    # Each byte may be FF and take a second one; each interval is filled up to a byte.
    room = 2 * (most // 8 + intervals) + SLACK
    if data > room and picture.once(rules.ENTROPY_LONG):
        yield rules.ENTROPY_LONG.found(
            at=entropy.begin + room, where=where, seen=f"{data} bytes", allowed=f"{room} for {units * blocks} blocks"
        )


def _bits(scan: Scan, frame: Frame, picture: Picture) -> tuple[int, int] | None:
    """The least and the most bits of an MCU; None where the tables do not tell."""
    if frame.arithmetic:
        return None
    least = most = 0
    for component, dc_number, ac_number in scan.chosen:
        cost = _of_block(scan, frame, picture.huffman.get((0, dc_number)), picture.huffman.get((1, ac_number)))
        if cost is None:
            return None
        blocks = component.h * component.v if len(scan.chosen) > 1 else 1
        least, most = least + blocks * cost[0], most + blocks * cost[1]
    return least, most


def _of_block(scan: Scan, frame: Frame, dc: Huffman | None, ac: Huffman | None) -> tuple[int, int] | None:
    """A block's bits: a difference, then coefficients, each with a code and what follows it. F.1.2, G.1.2, H.1.2."""
    if frame.lossless:
        return (dc.least, dc.most) if dc else None
    if not frame.progressive:
        # At least an end of block; at most every coefficient by itself.
        return (dc.least + ac.shortest, dc.most + (BLOCK - 1) * ac.most) if dc and ac else None
    if scan.first == 0:
        if scan.high:
            return 1, 1  # one bit of each
        return (dc.least, dc.most) if dc else None
    if ac is None or scan.last < scan.first:  # a band that ends before it begins is told as that
        return None
    # One end of band stands for 32767 blocks at most, which is as good as nothing; bits of refinement come on top.
    return 0, (scan.last - scan.first + 1) * (ac.most + 16)
