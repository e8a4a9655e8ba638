"""The simplest movie there is: one track of one sample. It warms the validator up and feeds the laws."""

from __future__ import annotations

__all__ = ["SMALLEST_MP4", "box", "full"]


def box(kind: bytes, *content: bytes) -> bytes:
    """A box with its size. ISO/IEC 14496-12 4.2.2."""
    data = b"".join(content)
    return (8 + len(data)).to_bytes(4, "big") + kind + data


def full(kind: bytes, *content: bytes, version: int = 0, flags: int = 0) -> bytes:
    """A box with version and flags."""
    return box(kind, bytes([version]) + flags.to_bytes(3, "big"), *content)


def _numbers(*values: int) -> bytes:
    return b"".join(value.to_bytes(4, "big") for value in values)


def _movie() -> bytes:
    file_type = box(b"ftyp", b"isom", _numbers(0), b"isom")
    sound = box(b"twos", bytes(6), b"\0\1", bytes(8), b"\0\1\0\x10", bytes(4), _numbers(8000 << 16))
    data = full(b"dref", _numbers(1), full(b"url ", flags=1))
    header = _numbers(0, 0, 1000, 1)  # created, modified, units in a second, duration

    def built(offset: int) -> bytes:
        samples = box(
            b"stbl",
            full(b"stsd", _numbers(1), sound),
            full(b"stts", _numbers(1, 1, 1)),
            full(b"stsc", _numbers(1, 1, 1, 1)),
            full(b"stsz", _numbers(2, 1)),
            full(b"stco", _numbers(1, offset)),
        )
        media = box(
            b"mdia",
            full(b"mdhd", header, b"\x55\xc4\0\0"),
            full(b"hdlr", bytes(4), b"soun", bytes(13)),
            box(b"minf", full(b"smhd", bytes(4)), box(b"dinf", data), samples),
        )
        track = box(b"trak", full(b"tkhd", _numbers(0, 0, 1, 0, 1), bytes(60), flags=1), media)
        return file_type + box(b"moov", full(b"mvhd", header, bytes(76), _numbers(2)), track)

    return built(len(built(0)) + 8) + box(b"mdat", b"\0\0")


SMALLEST_MP4 = _movie()
