"""Inert WAV sound, built chunk by chunk: a valid default, and one deviation for each rule."""

from __future__ import annotations

import struct
from collections.abc import Callable

from carriers.mp3 import CASES as MP3_CASES
from carriers.mp3 import SOUND as MP3_SOUND
from carriers.riff import chunk, container_cases, form, listed
from lazaretto_validators.testing import Case

__all__ = ["CASES", "data", "ds64", "fmt", "ima", "ms_adpcm", "rf64", "sound_cases", "wav", "wave64"]


def fmt(
    tag: int = 1,
    channels: int = 1,
    rate: int = 8000,
    bits: int = 8,
    *,
    align: int | None = None,
    byte_rate: int | None = None,
    extra: bytes | None = None,
    announced: int | None = None,
) -> bytes:
    """A header of sound; by default PCM of 8 bits. extra: with cbSize before it, which `announced` replaces."""
    block = channels * ((bits + 7) // 8) if align is None else align
    fields = struct.pack("<HHIIHH", tag, channels, rate, rate * block if byte_rate is None else byte_rate, block, bits)
    if extra is None:
        return fields
    return fields + struct.pack("<H", len(extra) if announced is None else announced) + extra


def extensible(valid: int = 8, *, count: int = 22) -> bytes:
    """A header with the extension, of which `count` bytes are kept."""
    guid = bytes.fromhex("0100000000001000800000aa00389b71")
    return fmt(0xFFFE, extra=(struct.pack("<HI", valid, 4) + guid)[:count])


def ms_adpcm(samples: int = 500, pairs: int = 7, align: int = 256) -> bytes:
    """A header of Microsoft's ADPCM; 256 bytes of one channel hold 500 samples."""
    return fmt(2, bits=4, align=align, extra=struct.pack("<HH", samples, pairs) + bytes(28))


def ima(samples: int = 505, align: int = 256) -> bytes:
    """A header of IMA ADPCM; 256 bytes of one channel hold 505 samples."""
    return fmt(0x11, bits=4, align=align, extra=struct.pack("<H", samples))


SOUND = fmt()
SAMPLES = b"\x80\x84\x7c\x80"


def data(samples: bytes = SAMPLES, length: int | None = None) -> bytes:
    """The sound itself."""
    return chunk(b"data", samples, length=length)


def wav(*after: bytes, header: bytes = SOUND, before: bytes = b"", size: int | None = None) -> bytes:
    """A sound; `before` and `after` are chunks in front of and behind its samples."""
    return form(b"WAVE", chunk(b"fmt ", header), before, data(), *after, size=size)


def ds64(riff: int, samples: int, table: int = 0) -> bytes:
    """The sizes of a large file."""
    return chunk(b"ds64", struct.pack("<QQQI", riff, samples, samples, table))


def rf64(sizes: bytes | None = None) -> bytes:
    """A large file, which is a small one here."""
    rest = chunk(b"fmt ", SOUND) + data(length=0xFFFFFFFF)
    whole = ds64(4 + 36 + len(rest), len(SAMPLES)) if sizes is None else sizes
    return form(b"WAVE", whole, rest, size=0xFFFFFFFF, riff=b"RF64")


_W64 = bytes.fromhex("f3acd3118cd100c04f8edb8a")


def wave64() -> bytes:
    """A Wave64 file."""

    def part(kind: bytes, content: bytes) -> bytes:
        return kind + _W64 + struct.pack("<Q", 24 + len(content)) + content + bytes(-len(content) % 8)

    content = b"wave" + _W64 + part(b"fmt ", SOUND) + part(b"data", SAMPLES)
    return b"riff" + bytes.fromhex("2e91cf11a5d628db04c10000") + struct.pack("<Q", 24 + len(content)) + content


# rule without prefix, broken header, repaired header
_HEADERS: tuple[tuple[str, bytes, bytes], ...] = (
    ("format-short", SOUND[:15], SOUND),
    ("format-extra", fmt(6, extra=b"", announced=4), fmt(6, extra=b"")),
    ("zero-divisor", fmt(align=0), SOUND),
    ("channels", fmt(channels=65), fmt(channels=64)),
    ("sample-size", fmt(bits=65), fmt(bits=64)),
    ("block-align", fmt(channels=2, bits=16, align=2), fmt(channels=2, bits=16)),
    ("byte-rate", fmt(byte_rate=1), SOUND),
    ("extensible", extensible(9), extensible()),
    ("adpcm-coefficients", ms_adpcm(pairs=8), ms_adpcm()),
    ("adpcm-block", ms_adpcm(501), ms_adpcm()),
)


def sound_cases(name: str, build: Callable[[bytes], bytes]) -> tuple[Case, ...]:
    """The cases of the rules that `wave_format.sound_rules` makes. build: a whole file with this header of sound."""
    return tuple(Case(f"{name}.{rule}", build(broken), build(repaired)) for rule, broken, repaired in _HEADERS)


def _case(rule: str, broken: bytes, repaired: bytes | None = None) -> Case:
    return Case(f"wav.{rule}", broken, wav() if repaired is None else repaired)


def _cue(declared: int) -> bytes:
    return chunk(b"cue ", struct.pack("<I", declared) + bytes(24))


_DTD = b'<?xml version="1.0"?><!DOCTYPE x []><BWFXML/>'
_TEXT = chunk(b"ICMT", b"inert")


def _tagged(mp3: bytes) -> bytes:
    """A sound with the tag of an MP3 file."""
    return wav(chunk(b"id3 ", mp3.removesuffix(MP3_SOUND)))


_TAGS = tuple(
    Case(f"wav.{case.rule.removeprefix('mp3.')}", _tagged(case.broken), _tagged(case.repaired))
    for case in MP3_CASES
    if case.rule.startswith("mp3.id3-")
)

CASES: tuple[Case, ...] = (
    _case("chunk-id", form(b"WAVE", chunk(b"fmt ", SOUND), chunk(b"\1\2\3\4"), data())),
    _case("riff-size", wav(size=30)),
    _case("format-missing", form(b"WAVE", data(), chunk(b"fmt ", SOUND))),
    _case("format-duplicate", wav(before=chunk(b"fmt ", SOUND))),
    _case("data-missing", form(b"WAVE", chunk(b"fmt ", SOUND))),
    _case("data-cut", wav()[:-2]),
    _case("chunk-bounds", wav(chunk(b"note", b"four"))[:-2], wav(chunk(b"note", b"four"))),
    _case("chunk-size", wav(chunk(b"fact", b"\4\0")), wav(chunk(b"fact", b"\4\0\0\0"))),
    _case("chunk-count", wav(_cue(2)), wav(_cue(1))),
    _case("list-bounds", wav(listed(b"INFO", _TEXT[:4] + b"\xff" + _TEXT[5:])), wav(listed(b"INFO", _TEXT))),
    _case("ds64", rf64(b""), rf64()),
    _case("metadata-dtd", wav(chunk(b"iXML", _DTD)), wav(chunk(b"iXML", _DTD.replace(b"<!DOCTYPE x []>", b"")))),
    _case("truncated", wav()[:30]),
    *container_cases("wav", wav, lambda text: listed(b"INFO", chunk(b"ICMT", text))),
    *sound_cases("wav", lambda header: wav(header=header)),
    *_TAGS,
)
