"""Inert GIF pictures, built block by block: a valid default, and one deviation for each rule."""

from __future__ import annotations

import struct

from lazaretto_validators.testing import Case

__all__ = [
    "CASES", "application", "chain", "comment", "control", "extension", "frame", "gif", "lzw", "screen", "xmp",
]  # fmt: skip

PALETTE = bytes(3) + b"\xff" * 3
TRAILER = b"\x3b"


def chain(data: bytes, size: int = 255) -> bytes:
    """Sub-blocks of `size` bytes at most, and the empty one."""
    blocks = (data[at : at + size] for at in range(0, len(data), size))
    return b"".join(bytes([len(block)]) + block for block in blocks) + b"\0"


def lzw(pixels: int, code_size: int = 2, *, end: bool = True, behind: bytes = b"") -> bytes:
    """`pixels` pixels of the first colour, each a code of its own: a clear code before the table outgrows it."""
    clear, width = 1 << code_size, code_size + 1
    codes: list[int] = []
    for number in range(pixels):
        if number % (clear - 2 or 1) == 0:
            codes.append(clear)
        codes.append(0)
    codes += [clear + 1] if end else []
    stream = int("".join(f"{code:0{width}b}" for code in reversed(codes)), 2)
    return stream.to_bytes((len(codes) * width + 7) // 8, "little") + behind


def screen(
    width: int = 2, height: int = 2, *, background: int = 0, palette: bytes = PALETTE, version: bytes = b"89a"
) -> bytes:
    """Signature, logical screen and palette."""
    flags = 0x80 | (len(palette) // 6).bit_length() - 1 if palette else 0
    return b"GIF" + version + struct.pack("<HHBBB", width, height, flags, background, 0) + palette


def frame(
    width: int = 2,
    height: int = 2,
    at: tuple[int, int] = (0, 0),
    *,
    code_size: int = 2,
    codes: bytes | None = None,
    palette: bytes = b"",
) -> bytes:
    """One frame; by default two by two pixels."""
    flags = 0x80 | (len(palette) // 6).bit_length() - 1 if palette else 0
    data = lzw(width * height, code_size) if codes is None else codes
    return b"\x2c" + struct.pack("<4HB", *at, width, height, flags) + palette + bytes([code_size]) + chain(data)


def extension(label: int, *parts: bytes) -> bytes:
    """An extension of these sub-blocks."""
    return bytes([0x21, label]) + b"".join(bytes([len(part)]) + part for part in parts) + b"\0"


def control(*, disposal: int = 0, transparent: int | None = None) -> bytes:
    """A graphic control extension."""
    flags = disposal << 2 | (transparent is not None)
    return extension(0xF9, bytes([flags, 10, 0, transparent or 0]))


def comment(text: bytes) -> bytes:
    """A comment of any length."""
    return b"\x21\xfe" + chain(text)


def application(name: bytes, data: bytes) -> bytes:
    """An application extension whose data are in sub-blocks."""
    return b"\x21\xff\x0b" + name + chain(data)


def xmp(packet: bytes, ramp: bytes = b"\x01" + bytes(range(255, -1, -1)) + b"\0") -> bytes:
    """An XMP packet as it lies in a GIF: text without lengths, and the ramp that leads to its end."""
    return b"\x21\xff\x0bXMP DataXMP" + packet + ramp


def gif(*blocks: bytes, head: bytes | None = None, trailer: bytes = TRAILER) -> bytes:
    """A picture of these blocks; of one frame if there are none."""
    return (screen() if head is None else head) + b"".join(blocks or (frame(),)) + trailer


def profile(size_off_by: int = 0) -> bytes:
    """A colour profile that has its header only."""
    return struct.pack(">L", 132 + size_off_by) + bytes(32) + b"acsp" + bytes(92)


def _case(rule: str, broken: bytes, repaired: bytes | None = None) -> Case:
    return Case(f"gif.{rule}", broken, gif() if repaired is None else repaired)


_PACKET = b'<?xpacket begin=""?><x:xmpmeta xmlns:x="adobe:ns:meta/"/><?xpacket end="w"?>'
_RAR = b"Rar!\x1a\x07\x00\xcf\x90s\x00\x00\x0d\x00\x00\x00\x00\x00\x00\x00"

_BLOCKS = (
    _case("unknown-block", gif(frame(), b"\x99")),
    _case("stray-zeros", gif(frame(), b"\0\0")),
    _case("no-trailer", gif(trailer=b"")),
    _case("no-image", gif(comment(b"inert")), gif(comment(b"inert"), frame())),
    _case(
        "extension-size",
        gif(extension(0xFF, b"NETSCAPE"), frame()),
        gif(application(b"NETSCAPE2.0", b"\1\0\0"), frame()),
    ),
    _case("control-size", gif(extension(0xF9, b"\0\0\0"), frame()), gif(control(), frame())),
    _case("extension-label", gif(extension(0x77, b"inert"), frame()), gif(extension(0xFE, b"inert"), frame())),
    _case("control-fields", gif(control(disposal=5), frame()), gif(control(disposal=3), frame())),
    _case("xmp-trailer", gif(application(b"XMP DataXMP", b"inert"), frame()), gif(xmp(_PACKET), frame())),
    _case("truncated", gif()[:-3]),
)

_FRAMES = (
    _case("screen-size", gif(head=screen(0, 0))),
    _case("frame-empty", gif(frame(0, 2, codes=lzw(0))), gif(frame(1, 2))),
    _case("frame-outside", gif(frame(1, 1, (8166, 0)))),
    _case("frame-sticks-out", gif(frame(2, 2, (1, 0)))),
    _case("frame-far-out", gif(frame(), frame(40, 2)), gif(frame(), frame(2, 2))),
    _case("background-index", gif(head=screen(background=5)), gif(head=screen(background=1))),
    _case("transparent-index", gif(control(transparent=2), frame()), gif(control(transparent=1), frame())),
    _case("no-palette", gif(head=screen(palette=b"")), gif(frame(palette=PALETTE), head=screen(palette=b""))),
    _case("pixel-bomb", gif(head=screen(65535, 65535))),
    _case("frame-bomb", gif(*[frame(1, 1)] * 2001), gif(*[frame(1, 1)] * 2000)),
)

_PIXELS = (
    _case("code-size", gif(frame(code_size=12, codes=b""))),
    _case("code-size-large", gif(frame(code_size=9))),
    _case("code-size-one", gif(frame(1, 1, code_size=1)), gif(frame(1, 1))),
    _case("lzw-code", gif(frame(codes=b"\x3c"))),
    _case("lzw-shortage", gif(frame(codes=lzw(3)))),
    _case("lzw-surplus", gif(frame(codes=lzw(5)))),
    _case("lzw-open-end", gif(frame(codes=lzw(4, end=False)))),
    _case(
        "lzw-trailing", gif(frame(codes=lzw(4, behind=b"inert inert inert"))), gif(frame(codes=lzw(4, behind=b"\0")))
    ),
)

_METADATA = (
    _case("code-in-metadata", gif(comment(b"as in <?php /* inert */ ?>"), frame()), gif(comment(b"inert"), frame())),
    _case("xmp-dtd", gif(xmp(b"<!DOCTYPE x []>" + _PACKET), frame()), gif(xmp(_PACKET), frame())),
    _case("parasite", gif(comment(_RAR), frame()), gif(comment(_RAR[:7] + b"x" + _RAR[8:]), frame())),
    _case("script", gif(comment(b"*/=1;//"), head=screen(0x2A2F, 2)), gif(frame(), head=screen(0x2A2F, 2))),
    _case(
        "icc-profile",
        gif(application(b"ICCRGBG1012", profile(1)), frame()),
        gif(application(b"ICCRGBG1012", profile()), frame()),
    ),
)

CASES: tuple[Case, ...] = _BLOCKS + _FRAMES + _PIXELS + _METADATA
