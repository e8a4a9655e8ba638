"""A closer look at files whose signature is too short to be believed alone. Part of `identify`.

`is_...` judge the head (the first 4 KiB, or the whole of a smaller file); `..._kind` also read where the head points,
and answer with a media type's name or None. None of them raises for any bytes.
"""

from __future__ import annotations

import re
import struct
import zlib

from lazaretto_validators.audio.mpeg_audio import LENGTHS
from lazaretto_validators.kinds import bytes_at
from lazaretto_validators.source import Source

__all__ = [
    "ar_kind",
    "bytecode",
    "cafebabe_kind",
    "exe_kind",
    "frame_sync",
    "id3_kind",
    "is_ac3",
    "is_arj",
    "is_bmp",
    "is_bzip2",
    "is_compress",
    "is_dib",
    "is_gzip",
    "is_icon",
    "is_jpeg_xl",
    "is_lha",
    "is_lzma",
    "is_mpeg_program",
    "is_pcx",
    "is_pickle",
    "is_pnm",
    "is_sfnt",
    "is_sylk",
    "is_tar_header",
    "is_transport_stream",
    "u16",
    "xar_kind",
]


def u16(head: bytes, at: int, order: str = "<") -> int:
    """Two bytes as a number; what lies past the end counts as zero."""
    return int(struct.unpack_from(f"{order}H", head[at : at + 2].ljust(2, b"\0"))[0])


def _u32(head: bytes, at: int, order: str = "<") -> int:
    return int(struct.unpack_from(f"{order}L", head[at : at + 4].ljust(4, b"\0"))[0])


# --- documents ---

_SYLK = re.compile(rb"ID;P[^\r\n]{0,200}[\r\n]+(?:B|C|E|F|ID|NE|NN|NU|O|P|W)(?:;|[\r\n]|$)")


def is_sylk(head: bytes) -> bool:
    """A second record behind the first: a table with the columns `ID;Price` begins alike."""
    return _SYLK.match(head) is not None


# --- programs ---

_MAX_STUB = 1 << 24  # a DOS program in front of the Windows one; real ones have under 1 KiB, some packers a few MiB


def exe_kind(source: Source, head: bytes) -> str | None:
    """PE by its own signature; NE, LE and plain DOS programs are one type. PE format, section "MS-DOS stub"."""
    at = _u32(head, 60)
    second = bytes_at(source, at, 4) if len(head) >= 64 and 4 <= at <= _MAX_STUB else b""
    if second == b"PE\0\0":
        return "application/vnd.microsoft.portable-executable"
    if second[:2] in (b"NE", b"LE", b"LX"):
        return "application/x-dosexec"
    # Plain DOS: 1 to 512 bytes in the last of at least one page, and bytes that are no text.
    pages, last = u16(head, 4), u16(head, 2)
    if b"\0" in head[:64] and (last <= 512 or pages == 0):
        return "application/x-dosexec"
    return None


def cafebabe_kind(source: Source, head: bytes) -> str | None:  # noqa: ARG001
    """Fat Mach-O counts its architectures, a Java class has its version there (45 and above)."""
    count = _u32(head, 4, ">")
    if 0 < count < 45:
        return "application/x-mach-binary"
    return "application/x-java-class" if 45 <= count & 0xFFFF < 200 else None


def is_pickle(head: bytes) -> bool:
    """Protocols 4 and 5 open with a frame of plausible length, 2 and 3 with an opcode and a memo (pickletools)."""
    if head[1:2] in (b"\4", b"\5"):
        return head[2:3] == b"\x95" and head[6:11] == b"\0\0\0\0" + head[10:11]
    memo = b"q\0" in head[:512] or head.endswith(b".")
    return head[1:2] in (b"\2", b"\3") and head[2:3] in (b"}", b"]", b"(", b"c", b"C", b"X") and memo


def bytecode(source: Source, head: bytes) -> str | None:  # noqa: ARG001
    """CPython: a 16-bit magic number, CR LF, flags (0 to 3) or a time stamp, then a marshalled code object."""
    number = u16(head, 0)
    codes = b"\xe3\x63"
    is_code = any(head[at : at + 1] and head[at] in codes for at in (8, 12, 16))
    return "application/x-python-code" if (2900 < number < 4200 or 62000 < number < 62300) and is_code else None


# --- pictures ---

_MAX_ICON = 1 << 26  # bytes; an icon of 64 MiB would hold thousands of pictures


def is_bmp(head: bytes) -> bool:
    """[MS-WMF] and the Windows headers: two of a known header size (OS/2 1.x has 12), reserved zeros and one plane.

    The third may be what is wrong with it, which the validator tells.
    """
    header = _u32(head, 14)
    known = header in (12, 16, 40, 52, 56, 64, 108, 124)
    zeros = len(head) > 14 and head[6:10] == bytes(4)
    plane = u16(head, 22 if header == 12 else 26) == 1
    return known + zeros + plane >= 2


def is_dib(head: bytes) -> bool:
    """A bitmap without its file header, as the clipboard has it: one plane, a defined depth and compression."""
    return (
        u16(head, 12) == 1
        and u16(head, 14) in (1, 4, 8, 16, 24, 32)
        and _u32(head, 16) <= 3
        and _u32(head, 4) < 1 << 16
    )


def is_icon(head: bytes) -> bool:
    """A count of 1 to 1024, and a first entry with a reserved byte of 0 or 255 whose data lies behind the directory."""
    count, size, offset = u16(head, 4), _u32(head, 14), _u32(head, 18)
    known = 1 <= count <= 1024 and head[9:10] in (b"\0", b"\xff")
    return known and 8 <= size < _MAX_ICON and 6 + 16 * count <= offset < _MAX_ICON


def is_pcx(head: bytes) -> bool:
    """Version 0, 2 to 5; run-length coding; 1, 2, 4 or 8 bits; a window that is not inside out; a zero byte at 64."""
    ordered = u16(head, 8) >= u16(head, 4) and u16(head, 10) >= u16(head, 6)
    shape = (
        head[1:2] in (b"\0", b"\2", b"\3", b"\4", b"\5")
        and head[2:3] in (b"\0", b"\1")
        and head[3:4] in (b"\1", b"\2", b"\4", b"\x08")
    )
    return len(head) >= 128 and shape and ordered and head[64] == 0 and 1 <= head[65] <= 4


_PNM = re.compile(rb"P[1-6]\s+(?:#[^\n]{0,500}\n\s*){0,20}\d{1,9}\s+(?:#[^\n]{0,500}\n\s*){0,20}\d{1,9}\s")


def is_pnm(head: bytes) -> bool:
    """Netpbm: the magic, comments, width and height. P7 has its own keyword."""
    return _PNM.match(head) is not None


def is_jpeg_xl(head: bytes) -> bool:
    """A bare codestream has only FF 0A: a small size header follows, never text."""
    return len(head) >= 12 and not head[2:12].isascii()


# --- sound ---


def _mpeg_frame_length(header: bytes) -> int:
    """Bytes of an MPEG audio frame by its four-byte header, 0 if it is none or of a free length."""
    if len(header) < 4 or header[0] != 0xFF:
        return 0
    return max(0, LENGTHS[header[1] << 8 | header[2]])


def _adts_frame_length(header: bytes) -> int:
    """Bytes of an ADTS frame by its header, 0 if it is none. ISO/IEC 13818-7 section 6.2."""
    if len(header) < 7 or header[0] != 0xFF or header[1] & 0xF6 != 0xF0 or header[2] >> 2 & 15 > 12:
        return 0
    length = (header[3] & 3) << 11 | header[4] << 3 | header[5] >> 5
    return length if length > 7 else 0


def frame_sync(source: Source, head: bytes) -> str | None:
    """MP3 and AAC have eleven set bits and no magic: a second frame must stand where the first one ends."""
    for name, length_of in (("audio/aac", _adts_frame_length), ("audio/mpeg", _mpeg_frame_length)):
        first = length_of(head[:8])
        following = bytes_at(source, first, 8) if first else b""
        # A file of one frame only is no song, but still sound if it ends there exactly.
        if first and (length_of(following) or (not following and len(head) == first)):
            return name
    return None


_MAX_ID3 = 1 << 24  # a tag's length is not believed beyond; covers have up to some MiB


def id3_kind(source: Source, head: bytes) -> str | None:
    """ID3v2 section 3.1: plausible version and size; MP3, unless another format's mark follows the tag."""
    if len(head) < 10 or not (2 <= head[3] <= 4) or head[4] == 0xFF:
        return None
    if any(byte & 0x80 for byte in head[6:10]):
        return "audio/mpeg"  # a size that players are attacked with, and no other file begins so
    length = 10 + (head[6] << 21 | head[7] << 14 | head[8] << 7 | head[9])
    follower = bytes_at(source, length, 8) if length < _MAX_ID3 else b""
    if follower.startswith(b"fLaC"):
        return "audio/flac"
    if follower.startswith(b"MAC "):
        return "audio/x-ape"
    return "audio/aac" if _adts_frame_length(follower) else "audio/mpeg"


def is_ac3(head: bytes) -> bool:
    """ATSC A/52 section 5.3: sync word, a defined sampling rate and frame size, a known bit stream id."""
    return len(head) > 6 and head[4] >> 6 < 3 and head[4] & 63 < 38 and head[5] >> 3 <= 16


# --- archives ---


def is_gzip(head: bytes) -> bool:
    """RFC 1952 section 2.3: deflate, reserved flag bits clear."""
    return len(head) >= 10 and head[2] == 8 and head[3] & 0xE0 == 0


def is_bzip2(head: bytes) -> bool:
    """A block size of 1 to 9, then the magic of a block or of the end (digits of pi, of its root)."""
    return head[3:4] in b"123456789" and head[4:10] in (b"\x31\x41\x59\x26\x53\x59", b"\x17\x72\x45\x38\x50\x90")


def is_lzma(head: bytes) -> bool:
    """LZMA alone: properties 5D 00, a dictionary of a power of two or half more, a size or all ones, a zero byte."""
    size, dictionary = int.from_bytes(head[5:13], "little"), _u32(head, 1)
    known = dictionary and bin(dictionary).count("1") <= 2 and dictionary >= 1 << 12
    return len(head) > 14 and bool(known) and (size == (1 << 64) - 1 or size < 1 << 40) and head[13] == 0


def is_compress(head: bytes) -> bool:
    """9 to 16 bits per code, reserved bits clear."""
    return len(head) > 3 and head[2] & 0x60 == 0 and 9 <= head[2] & 0x1F <= 16


def is_arj(head: bytes) -> bool:
    """Basic header of at most 2600 bytes with its CRC-32 behind it (ARJ TECHNOTE)."""
    size = u16(head, 2)
    return 30 <= size <= 2600 and len(head) >= 8 + size and zlib.crc32(head[4 : 4 + size]) == _u32(head, 4 + size)


def is_lha(head: bytes) -> bool:
    """Method -lh0- to -lh7-, -lzs-, -lz4-, -lz5-, -lhd-, -lhx-; a header level of 0 to 3."""
    return (
        head[2:7] in {b"-lh%c-" % c for c in b"01234567dx"} | {b"-lzs-", b"-lz4-", b"-lz5-"} and head[20:21] <= b"\x03"
    )


def ar_kind(source: Source, head: bytes) -> str | None:  # noqa: ARG001
    return "application/vnd.debian.binary-package" if head[8:21] == b"debian-binary" else "application/x-archive"


def is_tar_header(block: bytes) -> bool:
    """Does the checksum of a 512-byte tar header hold? POSIX.1-1988 section 10.1.1; old tars summed signed bytes."""
    if len(block) < 512 or not (block[0] or block.startswith(b"ustar", 257)):
        return False
    digits = block[148:156].strip(b" \0")
    if not digits or len(digits) > 7 or any(d not in b"01234567" for d in digits):
        return False
    rest = block[:148] + b" " * 8 + block[156:512]
    return int(digits, 8) in (sum(rest), sum(rest) - 256 * sum(byte > 127 for byte in rest))


def xar_kind(source: Source, head: bytes) -> str | None:  # noqa: ARG001
    return "application/x-xar" if u16(head, 4, ">") >= 28 and u16(head, 6, ">") == 1 else None


def is_sfnt(head: bytes) -> bool:
    """OpenType: a count of tables, and a first table tag of printable letters."""
    return 1 <= u16(head, 4, ">") <= 256 and len(head) >= 28 and all(32 <= byte < 127 for byte in head[12:16])


_TS_PACKET = 188


def is_transport_stream(head: bytes) -> bool:
    """Five sync bytes in a row, 188 bytes apart (192 with a time stamp in front): ISO/IEC 13818-1 section 2.4.3.2."""
    return any(
        all(head[at + n * step : at + n * step + 1] == b"G" for n in range(5)) for at, step in ((0, 188), (4, 192))
    )


def is_mpeg_program(head: bytes) -> bool:
    """A pack header with the marker bits of MPEG-1 or 2."""
    return len(head) > 12 and (head[4] & 0xF1 == 0x21 or head[4] & 0xC4 == 0x44)
