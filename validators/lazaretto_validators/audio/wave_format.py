"""The header of sound in RIFF files, WAVEFORMATEX: `fmt ` of WAV, `strf` of AVI. Microsoft, "New Multimedia Data Types
and Data Techniques" (RFC 2361 lists the format tags), mmreg.h, ksmedia.h.

    header     = tag:u16 channels:u16 rate:u32 byte-rate:u32 block-align:u16 [bits:u16 [cbSize:u16 extra:cbSize]]
    extensible = header (tag FFFE, cbSize 22) valid-bits:u16 channel-mask:u32 sub-format:GUID
    ms-adpcm   = header (tag 2) samples-per-block:u16 pairs:u16 (coefficient:i16 coefficient:i16)*
    ima-adpcm  = header (tag 11h) samples-per-block:u16
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from typing import Literal, NamedTuple

from lazaretto_validators.finding import Category, Rule, Severity

__all__ = ["LONGEST", "Fault", "judge_format", "sound_rules"]

LONGEST = 18 + 0xFFFF
"""Bytes of the longest header: cbSize has 16 bits."""

MAX_CHANNELS = 64  # C-AVI-02; Ambisonics of the 7th order
MAX_BITS = 64  # of a sample: IEEE doubles

PCM, MS_ADPCM, FLOAT, ALAW, MULAW, IMA_ADPCM, EXTENSIBLE = 1, 2, 3, 6, 7, 0x11, 0xFFFE
_UNCOMPRESSED = frozenset({PCM, FLOAT, ALAW, MULAW})
_IN_BLOCKS = _UNCOMPRESSED | {MS_ADPCM, IMA_ADPCM}
_GUID = bytes.fromhex("000000001000800000aa00389b71")  # ksmedia.h: the format tag, then this
_MAX_COEFFICIENTS = 256  # what decoders keep room for; the format itself has seven pairs

_MALFORMED, _EXPLOIT = Category.MALFORMED, Category.EXPLOIT
_HIGH, _MEDIUM, _INFO = Severity.HIGH, Severity.MEDIUM, Severity.INFO

# key, category, severity, message, spec, false positives
_RULES: tuple[tuple[str, Category, Severity, str, str, str], ...] = (
    (
        "format-short", _MALFORMED, _HIGH,
        "The header of the sound is shorter than its fields.",
        "WAVEFORMAT, mmreg.h; C-AVI-02, C-AVI-05", "none known",
    ),
    (
        "format-extra", _MALFORMED, _MEDIUM,
        "The header of the sound announces more additional bytes than it has.",
        "WAVEFORMATEX cbSize, mmreg.h; C-AVI-02", "careless writers of compressed sound",
    ),
    (
        "zero-divisor", _EXPLOIT, _HIGH,
        "Channels, sample rate or block size are zero, by which players divide.",
        "WAVEFORMATEX, mmreg.h; CVE-2017-11332 (SoX); C-AVI-02", "none known",
    ),
    (
        "channels", _MALFORMED, _MEDIUM,
        "The sound has more channels than players have room for.",
        "WAVEFORMATEX, mmreg.h; C-AVI-02", "recordings of very large microphone arrays",
    ),
    (
        "sample-size", _MALFORMED, _MEDIUM,
        "The size of a sample is impossible.",
        "WAVEFORMATEX wBitsPerSample, mmreg.h; C-AVI-02", "none known",
    ),
    (
        "block-align", _MALFORMED, _MEDIUM,
        "A block of sound is smaller than one sample of each channel.",
        "WAVEFORMATEX nBlockAlign, mmreg.h; C-AVI-02", "faulty firmware of recorders",
    ),
    (
        "byte-rate", _MALFORMED, _INFO,
        "The bytes for each second do not follow from sample rate and block size.",
        "WAVEFORMATEX nAvgBytesPerSec, mmreg.h; C-AVI-02", "many programs",
    ),
    (
        "extensible", _MALFORMED, _MEDIUM,
        "The extended header of the sound contradicts the plain one.",
        "WAVEFORMATEXTENSIBLE, ksmedia.h; C-AVI-02", "none known",
    ),
    (
        "adpcm-coefficients", _EXPLOIT, _HIGH,
        "The header of ADPCM sound announces more coefficients than decoders have room for or than it holds.",
        "ADPCMWAVEFORMAT wNumCoef, mmreg.h; CVE-2017-6827 (audiofile)", "none known",
    ),
    (
        "adpcm-block", _EXPLOIT, _HIGH,
        "A block of ADPCM sound is said to hold more samples than fit into it.",
        "ADPCMWAVEFORMAT, IMAADPCMWAVEFORMAT wSamplesPerBlock, mmreg.h; CVE-2021-3246 (libsndfile)", "none known",
    ),
)  # fmt: skip


class Fault(NamedTuple):
    """What `judge_format` found: the rule's name without its prefix."""

    rule: str
    seen: str
    allowed: str = ""


class _Header(NamedTuple):
    tag: int
    channels: int
    rate: int
    byte_rate: int
    align: int
    bits: int


def sound_rules(name: str) -> Mapping[str, Rule]:
    """The rules that `judge_format` speaks of, for one format, by their names without prefix."""
    return {row[0]: Rule(f"{name}.{row[0]}", *row[1:]) for row in _RULES}


def judge_format(data: bytes, order: Literal["little", "big"] = "little") -> Iterator[Fault]:
    """What is wrong with a header of sound. `data`: all of it, or its first LONGEST bytes."""
    sign = "<" if order == "little" else ">"
    tag = int.from_bytes(data[:2], order)
    least = 16 if tag in (PCM, FLOAT, EXTENSIBLE) else 14
    if len(data) < least:
        yield Fault("format-short", f"{len(data)} bytes", f"{least} at least")
        return
    header = _Header(*struct.unpack(f"{sign}HHIIHH", data[:16].ljust(16, b"\0")))
    extra = data[18:]
    declared = int.from_bytes(data[16:18], order)
    if declared > len(extra) and tag != PCM:  # which has no use for the field, and may leave anything in it
        yield Fault("format-extra", f"{declared} bytes announced", f"{len(extra)} there")
    if tag == EXTENSIBLE:
        yield from _judge_extensible(header, extra, sign)
        if len(extra) >= 22 and extra[8:22] == _GUID:
            header = header._replace(tag=int.from_bytes(extra[6:8], order))
    yield from _judge_numbers(header)
    if header.channels and header.align and tag in (MS_ADPCM, IMA_ADPCM):
        yield from _judge_adpcm(header, extra, sign)


def _judge_numbers(header: _Header) -> Iterator[Fault]:
    tag, channels, rate, byte_rate, align, bits = header
    if not channels or not rate or (not align and tag in _IN_BLOCKS):
        yield Fault("zero-divisor", f"{channels} channels, rate {rate}, block {align}", "more than 0 each")
        return
    if channels > MAX_CHANNELS:
        yield Fault("channels", f"{channels}", f"{MAX_CHANNELS}")
    if tag not in _UNCOMPRESSED:
        return
    if bits > MAX_BITS or (bits == 0 and tag == PCM):
        yield Fault("sample-size", f"{bits} bits", f"1 to {MAX_BITS}")
    elif align < channels * ((bits + 7) // 8):
        yield Fault("block-align", f"{align} bytes", f"{channels} times {bits} bits")
    elif byte_rate != rate * align:
        yield Fault("byte-rate", f"{byte_rate}", f"{rate * align}")


def _judge_extensible(header: _Header, extra: bytes, sign: str) -> Iterator[Fault]:
    if len(extra) < 22:
        yield Fault("extensible", f"{len(extra)} additional bytes", "22")
        return
    (valid,) = struct.unpack_from(f"{sign}H", extra)
    if valid > header.bits:
        yield Fault("extensible", f"{valid} valid bits of {header.bits}", f"at most {header.bits}")


def _judge_adpcm(header: _Header, extra: bytes, sign: str) -> Iterator[Fault]:
    """Samples in a block, and the table of coefficients."""
    if len(extra) < 2:
        return
    (samples,) = struct.unpack_from(f"{sign}H", extra)
    channels = header.channels
    # A block begins with a header for each channel: 7 bytes that bring two samples, or 4 that bring one.
    head, first = (7, 2) if header.tag == MS_ADPCM else (4, 1)
    if header.tag == MS_ADPCM or header.bits == 4:
        most = max(0, header.align - head * channels) * 2 // channels + first
        if samples > most or header.align < head * channels:
            yield Fault("adpcm-block", f"{samples} samples in {header.align} bytes", f"{most}")
    if header.tag == MS_ADPCM and len(extra) >= 4:
        (pairs,) = struct.unpack_from(f"{sign}2xH", extra)
        if pairs > _MAX_COEFFICIENTS or 4 + 4 * pairs > len(extra):
            yield Fault("adpcm-coefficients", f"{pairs} pairs", f"{min(_MAX_COEFFICIENTS, (len(extra) - 4) // 4)}")
