"""Is an equation only an equation? MTEF version 3, as the Equation Editor of Office reads it.

    stream  = header:28 (length of itself 1C, version, format, length of the equation, ...), equation
    equation= 03 platform product version subversion, record*
    record  = tag in the low half of a byte, options in the high half, fields by tag

https://docs.wiris.com/mathtype (MTEF v.3). The attacks overflow a buffer of 32 letters with the name of a font
(LOGFONT, CVE-2017-11882, CVE-2018-0802) or a matrix with its rows and columns (CVE-2018-0798).
"""

from __future__ import annotations

import struct

from lazaretto_validators.source import Source
from lazaretto_validators.validator import Screening

__all__ = ["is_sound_equation"]

_HEADER = 28
_MAX_EQUATION = 256 * 1024  # bytes; the editor makes some hundred
_MAX_NAME = 31  # letters of a font, LOGFONT without its NUL
_MAX_SIDE = 31  # rows and columns of a matrix that the editor makes

_END, _LINE, _CHAR, _TEMPLATE, _PILE, _MATRIX, _EMBELLISHMENT, _RULER, _FONT, _SIZE = range(10)
_LAST = 14  # of the sizes that have no fields
_NUDGED, _SPACED, _SHIFTED = 8, 4, 128  # options; and the offset that means that a longer one follows
_FIXED = {_LINE: 0, _CHAR: 3, _TEMPLATE: 3, _PILE: 2, _EMBELLISHMENT: 1}


def is_sound_equation(stream: Source | None, screening: Screening) -> bool:
    """Does every record lie in the equation, with names and matrices as the editor makes them?"""
    if stream is None:
        return False
    head = stream.at(0).peek(_HEADER)
    if len(head) < _HEADER or struct.unpack_from("<H", head)[0] != _HEADER:
        return False
    length = struct.unpack_from("<L", head, 8)[0]
    data = stream.at(_HEADER).peek(min(length, _MAX_EQUATION))
    if not 6 <= length <= len(data) or data[0] != 3:
        return False
    at = 5
    while at < len(data):
        screening.spend()
        following = _after_record(data, at)
        if following <= at:
            return False
        at = following
    return at == len(data)


def _after_record(data: bytes, at: int) -> int:
    """Where the record at `at` ends; 0 if it is none, or one that attacks."""
    tag, options = data[at] & 15, data[at] >> 4
    at += 1
    if tag == _FONT:
        end = data.find(b"\0", at + 2, at + 3 + _MAX_NAME)
        return end + 1 if end >= 0 else 0
    if tag == _SIZE:
        return at + {101: 3, 100: 4}.get(data[at] if at < len(data) else 0, 2)
    if tag == _RULER:
        return at + 1 + 3 * data[at] if at < len(data) else 0
    if tag == _END or _SIZE < tag <= _LAST:
        return at
    if options & _NUDGED:
        at += 6 if data[at : at + 2] == bytes((_SHIFTED, _SHIFTED)) else 2
    if tag == _MATRIX:
        rows, columns = data[at + 3 : at + 4], data[at + 4 : at + 5]
        if not columns or rows[0] > _MAX_SIDE or columns[0] > _MAX_SIDE:
            return 0
        return at + 5 + (rows[0] + 4) // 4 + (columns[0] + 4) // 4
    if tag == _LINE and options & _SPACED:
        at += 1
    return at + _FIXED[tag] if tag in _FIXED else 0
