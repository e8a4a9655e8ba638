"""What stream filters give back, within bounds. ISO 32000-2, 7.4.

Only filters that text and objects are stored with: Flate and LZW with predictors, ASCIIHex, ASCII85, RunLength.
Pictures' own (DCT, JPX, CCITT, JBIG2) are names here, no more.
"""

from __future__ import annotations

import binascii
import re
import zlib
from dataclasses import dataclass
from typing import Protocol

from lazaretto_validators.documents.pdf_tokens import WHITE, Name, Value

__all__ = ["ABBREVIATIONS", "IMAGE_FILTERS", "KNOWN_FILTERS", "Charges", "Decoded", "decode", "filters_of"]

ABBREVIATIONS = {
    "Fl": "FlateDecode", "LZW": "LZWDecode", "AHx": "ASCIIHexDecode", "A85": "ASCII85Decode", "RL": "RunLengthDecode",
    "CCF": "CCITTFaxDecode", "DCT": "DCTDecode",
}  # fmt: skip
"""7.4.1, table 92: meant for inline images, taken everywhere by readers."""

IMAGE_FILTERS = frozenset({"DCTDecode", "JPXDecode", "CCITTFaxDecode", "JBIG2Decode"})
_TEXT_FILTERS = frozenset({"FlateDecode", "LZWDecode", "ASCIIHexDecode", "ASCII85Decode", "RunLengthDecode"})
KNOWN_FILTERS = IMAGE_FILTERS | _TEXT_FILTERS | {"Crypt"}

_STEP = 256 * 1024  # bytes of output at once
_BYTES_PER_OPERATION = 64  # of filters that are undone byte by byte: what the bytes of a file are granted (Limits)
_SLOW_PER_OPERATION = 8  # bytes of the predictors that cost several sums each; objects and tables hardly use them
_GROUP_OF_ZEROS = re.compile(rb"z")


class Charges(Protocol):
    """Where unpacked bytes and turns of loops are charged: `Screening`, as far as it is needed here."""

    def expand(self, count: int) -> None:
        """Charge bytes that came out of a filter."""

    def spend(self, operations: int = 1) -> None:
        """Charge the turns of a loop."""


@dataclass(slots=True)
class Decoded:
    """data: what came out. bomb: it would have been more than allowed. fault: why it breaks off.

    cut: there is more than `data`, as of a bomb. unread: the filter (a picture's) that is not undone here.
    """

    data: bytes
    bomb: bool = False
    cut: bool = False
    fault: str = ""
    unread: str = ""


def filters_of(dictionary: dict[str, Value]) -> list[tuple[str, dict[str, Value]]]:
    """The filters of a stream and their parameters, in the order in which they are undone (7.3.8.2, table 5)."""
    named = dictionary.get("Filter", dictionary.get("F"))
    given = dictionary.get("DecodeParms", dictionary.get("DP"))
    names = named if isinstance(named, list) else [named]
    parameters = given if isinstance(given, list) else [given]
    parameters = [*parameters, *[None] * len(names)]
    return [
        (ABBREVIATIONS.get(name, str(name)), own if isinstance(own, dict) else {})
        for name, own in zip(names, parameters, strict=False)
        if isinstance(name, Name)
    ]


def decode(data: bytes, filters: list[tuple[str, dict[str, Value]]], most: int, charges: Charges) -> Decoded:
    """`data` with all filters undone; at most `most` bytes at any stage."""
    decoded = Decoded(data)
    for name, parameters in filters:
        if name == "Crypt":
            continue
        if name not in _TEXT_FILTERS:
            decoded.unread = name
            return decoded
        fault = decoded.fault
        decoded = _undo(name, decoded.data, parameters, most, charges)
        decoded.fault = decoded.fault or fault
        charges.expand(len(decoded.data))
        if decoded.bomb:
            decoded.cut = True
            return decoded
        if name in ("FlateDecode", "LZWDecode"):
            decoded.data = _unpredicted(decoded.data, parameters, charges)
    return decoded


def _undo(name: str, data: bytes, parameters: dict[str, Value], most: int, charges: Charges) -> Decoded:
    if name == "FlateDecode":
        return _undo_flate(data, most)
    charges.spend(len(data) // _BYTES_PER_OPERATION)
    if name == "ASCIIHexDecode":
        digits = data.partition(b">")[0].translate(None, WHITE)
        try:
            return Decoded(binascii.unhexlify(digits + b"0" * (len(digits) & 1)))
        except binascii.Error:
            return Decoded(b"", fault="no hexadecimal digits")
    if name == "ASCII85Decode":
        return _undo_ascii85(data, most)
    if name == "RunLengthDecode":
        return _undo_run_length(data, most)
    return _undo_lzw(data, most, early=_number(parameters, "EarlyChange", 1) != 0)


def _undo_flate(data: bytes, most: int) -> Decoded:
    """RFC 1950. A missing end is tolerated, as readers do."""
    stream = zlib.decompressobj()
    parts: list[bytes] = []
    size = 0
    while not stream.eof:
        try:
            part = stream.decompress(data, min(_STEP, most + 1 - size))
        except zlib.error as error:
            return Decoded(b"".join(parts), fault=str(error))
        parts.append(part)
        size += len(part)
        if size > most:
            return Decoded(b"".join(parts), bomb=True)
        data = stream.unconsumed_tail
        if not data and not part:
            break
    return Decoded(b"".join(parts))


def _undo_ascii85(data: bytes, most: int) -> Decoded:
    digits = data.translate(None, WHITE).removeprefix(b"<~").partition(b"~")[0]
    if len(digits) + 4 * digits.count(b"z") > most * 5 // 4 + 8:
        return Decoded(b"", bomb=True)
    padding = -len(digits.replace(b"z", b"")) % 5
    try:
        # binascii knows base 85 only in Python's own alphabet, and base64.a85decode is a loop over every character.
        groups = _GROUP_OF_ZEROS.sub(b"!!!!!", digits) + b"u" * padding
        out = bytearray()
        for at in range(0, len(groups), 5):
            a, b, c, d, e = groups[at : at + 5]
            out += (((((a * 85 + b) * 85 + c) * 85 + d) * 85 + e) - 1_743_128_013).to_bytes(4, "big")  # 33 a digit
    except (OverflowError, ValueError):
        return Decoded(b"", fault="no base 85 digits")
    return Decoded(bytes(out[: len(out) - padding] if padding else out))


def _undo_run_length(data: bytes, most: int) -> Decoded:
    out = bytearray()
    at = 0
    while at < len(data) and (length := data[at]) != 128:
        if length < 128:
            out += data[at + 1 : at + 2 + length]
            at += 2 + length
        else:
            out += data[at + 1 : at + 2] * (257 - length)
            at += 2
        if len(out) > most:
            return Decoded(bytes(out), bomb=True)
    return Decoded(bytes(out))


def _undo_lzw(data: bytes, most: int, *, early: bool) -> Decoded:
    """TIFF 6.0 section 13; early: codes grow one before they must, the default (7.4.4.3, table 8)."""
    out: list[bytes] = []
    size, width, bits, value, previous = 0, 9, 0, 0, b""
    first = [bytes((n,)) for n in range(256)] + [b"", b""]
    table = first.copy()
    for byte in data:
        value, bits = value << 8 | byte, bits + 8
        if bits < width:
            continue
        bits -= width
        code, value = value >> bits, value & ((1 << bits) - 1)
        if code == 257:
            break
        if code == 256:
            table, width, previous = first.copy(), 9, b""
            continue
        if code < len(table):
            entry = table[code]
        elif code == len(table) and previous:
            entry = previous + previous[:1]
        else:
            return Decoded(b"".join(out), fault="LZW code beyond the table")
        out.append(entry)
        size += len(entry)
        if size > most:
            return Decoded(b"".join(out), bomb=True)
        if previous and len(table) < 4096:
            table.append(previous + entry[:1])
        previous = entry
        width = min(12, max(9, (len(table) + early).bit_length()))
    return Decoded(b"".join(out))


def _number(parameters: dict[str, Value], key: str, default: int) -> int:
    value = parameters.get(key, default)
    return value if isinstance(value, int) else default


def _unpredicted(data: bytes, parameters: dict[str, Value], charges: Charges) -> bytes:
    """The predictors of 7.4.4.4 undone. Of TIFF's, those for whole bytes, and the last row may be short."""
    predictor = _number(parameters, "Predictor", 1)
    colours, depth = _number(parameters, "Colors", 1), _number(parameters, "BitsPerComponent", 8)
    step = max(1, colours * depth // 8)
    width = (_number(parameters, "Columns", 1) * colours * depth + 7) // 8
    tag = predictor >= 10  # each row begins with the number of its filter
    if not data or predictor < 2 or width <= 0 or not (tag or depth == 8):
        return data
    width = min(width, len(data))
    out = bytearray()
    above = bytes(width)
    for at in range(0, len(data), width + tag):
        kind = data[at] if tag else 1
        slow = kind in (1, 3, 4)
        charges.spend(1 + width // _SLOW_PER_OPERATION if slow else at // (width + tag) % 8 == 0)
        row = _unfiltered(kind, bytearray(data[at + tag : at + tag + width]), above, step)
        out += row
        above = bytes(row.ljust(width, b"\0"))
    return bytes(out)


def _unfiltered(kind: int, row: bytearray, above: bytes, step: int) -> bytearray:
    """One row: PNG 9.2. Up is what nearly all tables use."""
    if kind == 2:
        row[:] = bytes([(a + b) & 0xFF for a, b in zip(row, above, strict=False)])
        return row
    if kind == 0 or kind > 4:
        return row
    for i in range(len(row)):
        left = row[i - step] if i >= step else 0
        if kind == 1:
            row[i] = (row[i] + left) & 0xFF
        elif kind == 3:
            row[i] = (row[i] + (left + above[i]) // 2) & 0xFF
        else:
            row[i] = (row[i] + _paeth(left, above[i], above[i - step] if i >= step else 0)) & 0xFF
    return row


def _paeth(left: int, above: int, corner: int) -> int:
    guess = left + above - corner
    distances = (abs(guess - left), abs(guess - above), abs(guess - corner))
    return (left, above, corner)[distances.index(min(distances))]
