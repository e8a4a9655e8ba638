"""Sound and video to measure with. As everything in `files`: sound, inert, always the same."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from itertools import chain, repeat
from pathlib import Path

from benchmarks.making import Builder, Made, behind, made, noise
from benchmarks.options import KIB, MIB
from carriers import avi as avis
from carriers import bmff, ogg
from carriers import mp3 as mp3s
from lazaretto_validators.audio.ogg import checksum

__all__ = ["KINDS"]


def wave(path: Path, size: int) -> Made:
    """Sound: a header, and samples, in all of which second files are searched for."""
    head = (
        b"RIFF" + struct.pack("<L", 36 + size) + b"WAVEfmt " + struct.pack("<LHHLLHH", 16, 1, 2, 44100, 176400, 4, 16)
    )
    head += b"data" + struct.pack("<L", size)
    return made(path, behind(head, noise(min(size, MIB)), size), "audio/wav")


def avi(path: Path, size: int) -> Made:
    """Frames of up to 64 KiB, and an index of them."""
    frame = avis.frame(0, noise(min(size // 2, 64 * KIB)))
    count = size // len(frame)
    lists = avis.hdrl()
    index = b"".join(struct.pack("<4sLLL", b"00db", 16, 4 + n * len(frame), len(frame) - 8) for n in range(count))
    movie = b"LIST" + struct.pack("<L", 4 + count * len(frame)) + b"movi"
    whole = 4 + len(lists) + len(movie) + count * len(frame) + 8 + len(index)
    head = b"RIFF" + struct.pack("<L", whole) + b"AVI " + lists + movie
    tail = b"idx1" + struct.pack("<L", len(index)) + index
    return made(path, chain([head], repeat(frame, count), [tail]), "video/x-msvideo")


_SAMPLE = 4 * KIB  # bytes of a picture of a video in fair quality
_SAMPLES = 16  # in a chunk of them


def mp4(path: Path, size: int) -> Made:
    """A movie whose tables stand in front of its pictures."""
    sample = min(_SAMPLE, size // _SAMPLES)
    chunks = size // (sample * _SAMPLES)
    count = chunks * _SAMPLES

    def movie(begin: int) -> bytes:
        places = (begin + n * sample * _SAMPLES for n in range(chunks))
        tables = {
            b"stts": bmff.full(b"stts", bmff.numbers(1, count, 1)),
            b"stsc": bmff.full(b"stsc", bmff.numbers(1, 1, _SAMPLES, 1)),
            b"stsz": bmff.full(b"stsz", bmff.numbers(0, count, *repeat(sample, count))),
            b"stco": bmff.full(b"stco", bmff.numbers(chunks, *places)),
        }
        return (
            bmff.movie(handler=b"vide", tables=tables, data=b"")[:-8] + struct.pack(">L", 8 + count * sample) + b"mdat"
        )

    head = movie(len(movie(0)))
    return made(path, behind(head, noise(min(size, MIB)), count * sample), "video/mp4")


_TAG = mp3s.id3(mp3s.text())
_SIDE = 32  # bytes of side information, ISO/IEC 11172-3 2.4.1.7: zeros, which is silence and lets anything follow


def mp3(path: Path, size: int) -> Made:
    """Frames of 320 kbit/s, behind a tag."""
    body = noise(32 * 1044)
    bodies = (body[at : at + 1044 - 4 - _SIDE] for at in range(0, len(body), 1044))
    frames = b"".join(b"\xff\xfb\xe0\xc4" + bytes(_SIDE) + content for content in bodies)
    count = max(1, size // len(frames))
    return made(path, chain([_TAG], repeat(frames, count)), "audio/mpeg")


_PACKETS, _PACKET = 50, 240  # in a page: one second of sound; bytes of each, some 96 kbit/s


def ogg_opus(path: Path, size: int) -> Made:
    """Sound in Opus, a page for every second."""
    body = noise(_PACKETS * (_PACKET - 1))
    packets = (b"\xf8" + body[at : at + _PACKET - 1] for at in range(0, len(body), _PACKET - 1))  # 20 ms, one frame
    payload = bytes(repeat(_PACKET, _PACKETS)) + b"".join(packets)
    count = max(1, size // (27 + len(payload)))

    def layout() -> Iterator[bytes]:
        yield ogg.page(ogg.opus_head(), ogg.FIRST, 0) + ogg.page(ogg.comments(), 0, 1)
        for number in range(1, count + 1):
            flags = ogg.LAST if number == count else 0
            fields = struct.pack("<BqLL", flags, 48000 * number, 1, number + 1)
            page = b"OggS\0" + fields + bytes(4) + bytes([_PACKETS]) + payload
            yield page[:22] + checksum(page).to_bytes(4, "little") + page[26:]

    return made(path, layout(), "audio/ogg")


KINDS: Mapping[str, tuple[Builder, str]] = {
    "wave": (wave, ".wav"),
    "avi": (avi, ".avi"),
    "mp4": (mp4, ".mp4"),
    "mp3": (mp3, ".mp3"),
    "ogg": (ogg_opus, ".ogg"),
}
