"""The frames of MPEG audio, layers I to III. ISO/IEC 11172-3 2.4.1.3, 13818-3; version 2.5 as players know it.

frame = 11 set bits, version:2, layer:2, protection:1, bit rate:4, sampling:2, padding:1, private:1, mode:2, ...
"""

from __future__ import annotations

import re

__all__ = ["FREE", "LENGTHS", "SYNC", "frame_key", "side_information"]

_RATES = {  # kbit/s by (version 1?, layer)
    (True, 1): (0, 32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    (True, 2): (0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (True, 3): (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (False, 1): (0, 32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (False, 2): (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    (False, 3): (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_SAMPLINGS = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}

FREE = -1
"""In LENGTHS: a frame whose length only the next one tells (bit rate index 0)."""

SYNC = re.compile(rb"\xff[\xe2-\xe7\xf2-\xff]")
"""Where a frame can begin: the set bits, a version and a layer that exist."""


def _length(second: int, third: int) -> int:
    """Bytes of a frame by its second and third byte; FREE if only the next one tells, 0 if it is none."""
    version, layer = second >> 3 & 3, 4 - (second >> 1 & 3)
    rate, sampling, padding = third >> 4, third >> 2 & 3, third >> 1 & 1
    if second & 0xE0 != 0xE0 or version == 1 or layer == 4 or rate == 15 or sampling == 3:
        return 0
    if rate == 0:
        return FREE
    bits, samples = 1000 * _RATES[(version == 3, layer)][rate], _SAMPLINGS[version][sampling]
    if layer == 1:
        return (12 * bits // samples + padding) * 4
    return (72 if layer == 3 and version != 3 else 144) * bits // samples + padding


LENGTHS: tuple[int, ...] = tuple(_length(key >> 8, key & 0xFF) for key in range(1 << 16))
"""Bytes of a frame by its second and third byte as one number; 0 if they are no frame's."""


def frame_key(header: bytes) -> tuple[int, int]:
    """What all frames of one recording have in common: version and layer, sampling rate."""
    return header[1] & 0x1E, header[2] & 0x0C


def side_information(header: bytes) -> int:
    """Bytes between the header of a layer III frame and its main data. 2.4.1.7."""
    mono = header[3] >> 6 == 3
    if header[1] & 8:
        return 17 if mono else 32
    return 9 if mono else 17
