"""Types are told apart by their structure; what only begins like one is not taken for it."""

from __future__ import annotations

import bz2
import gzip
import lzma
import struct
import zlib
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from carriers.polyglot import (
    PDF,
    PNG,
    elf_header,
    html_page,
    iso_descriptor,
    pe_header,
    rar4_header,
    rar5_header,
    sevenzip_header,
    tar_block,
    zip_archive,
)
from lazaretto_validators.identify import identify
from lazaretto_validators.media_types import MEDIA_TYPES, MediaType, Risk
from lazaretto_validators.signatures import HEAD, SIGNATURES
from lazaretto_validators.source import PIECE, Source

PE = "application/vnd.microsoft.portable-executable"


def name_of(data: bytes) -> str | None:
    found = identify(Source.of_bytes(data))
    return found.name if found else None


def _ftyp(brand: bytes, *compatible: bytes) -> bytes:
    brands = b"".join(compatible)
    return struct.pack(">L", 16 + len(brands)) + b"ftyp" + brand + b"\0\0\0\0" + brands


def _ogg(packet: bytes) -> bytes:
    return b"OggS\0\x02" + b"\0" * 20 + b"\x01" + bytes([len(packet)]) + packet


def _ole(entry: str = "Inert", class_id: bytes = bytes(16)) -> bytes:
    head = bytearray(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1".ljust(512, b"\0"))
    head[24:32] = struct.pack("<4H", 0x3E, 3, 0xFFFE, 9)
    head[48:52] = struct.pack("<L", 1)
    head[76:512] = struct.pack("<109L", 0, *[0xFFFFFFFF] * 108)
    table = struct.pack("<128L", 0xFFFFFFFD, 0xFFFFFFFE, *[0xFFFFFFFF] * 126)
    directory = b""
    for kind, title, clsid in ((5, "Root Entry", class_id), (2, entry, bytes(16))):
        raw = title.encode("utf-16-le")
        row = bytearray(raw.ljust(128, b"\0"))
        row[64:67] = struct.pack("<HB", len(raw) + 2, kind)
        row[80:96] = clsid
        directory += bytes(row)
    return bytes(head) + table + directory.ljust(512, b"\0")


def _tiff(*entries: tuple[int, int, int, int], order: str = "<") -> bytes:
    rows = b"".join(struct.pack(f"{order}HHLL", *entry) for entry in entries)
    return (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(f"{order}LH", 8, len(entries)) + rows + b"\0" * 4


def _sfnt(magic: bytes) -> bytes:
    return magic + struct.pack(">4H", 1, 16, 0, 0) + b"glyf" + b"\0" * 12


def _arj() -> bytes:
    basic = b"\x1e\x0b\x01\0\0\x02".ljust(30, b"\0") + b"a\0\0"
    return b"\x60\xea" + struct.pack("<H", len(basic)) + basic + struct.pack("<L", zlib.crc32(basic))


BMP = b"BM" + struct.pack("<L4xLLllHH", 70, 54, 40, 1, 1, 1, 24).ljust(68, b"\0")
DIB = struct.pack("<LllHHL", 40, 1, 1, 1, 24, 0).ljust(60, b"\0")
ICON = struct.pack("<3H4B2H2L", 0, 1, 1, 16, 16, 0, 0, 1, 32, 40, 22)
PCX = struct.pack("<4B4H", 10, 5, 1, 8, 0, 0, 9, 9).ljust(64, b"\0") + b"\0\x01" + b"\0" * 62
MP3_FRAME = b"\xff\xfb\x90\x00".ljust(417, b"\x55")  # MPEG-1 layer III, 128 kbit/s, 44.1 kHz
ADTS_FRAME = b"\xff\xf1\x50\x80\x02\x1f\xfc" + b"\x55" * 9  # 16 bytes
NE = b"MZ".ljust(60, b"\0") + struct.pack("<L", 64) + b"NE" + b"\0" * 30
FAT = struct.pack(">LL", 0xCAFEBABE, 2) + b"\0" * 40
CLASS = struct.pack(">LHH", 0xCAFEBABE, 0, 52) + b"\0" * 40
PYC = struct.pack("<H2sLQ", 3495, b"\r\n", 0, 0) + b"\xe3" + b"\0" * 20
MSI = bytes.fromhex("84100c0000000000c000000000000046")
TGA = struct.pack("<3B2HB4H2B", 0, 0, 2, 0, 0, 0, 0, 0, 2, 2, 24, 0) + b"\xa5" * 12

FILES: list[tuple[str, bytes]] = [
    (PE, pe_header()),
    ("application/x-dosexec", NE),
    ("application/x-dosexec", b"MZ" + b"\0" * 64),
    ("application/x-executable", elf_header()),
    ("application/x-mach-binary", FAT),
    ("application/x-mach-binary", b"\xcf\xfa\xed\xfe" + b"\0" * 28),
    ("application/x-java-class", CLASS),
    ("application/vnd.android.dex", b"dex\n035\0" + b"\0" * 20),
    ("application/wasm", b"\0asm\x01\0\0\0"),
    ("application/x-lua-bytecode", b"\x1bLuaS\0"),
    ("application/x-python-code", PYC),
    ("application/x-python-pickle", b"\x80\x04\x95\x05\0\0\0\0\0\0\0]\x94."),
    ("application/x-ms-shortcut", b"L\0\0\0\x01\x14\x02\0\0\0\0\0\xc0\0\0\0\0\0\0F" + b"\0" * 60),
    ("application/vnd.ms-htmlhelp", b"ITSF\x03\0\0\0" + b"\0" * 60),
    ("application/x-chrome-extension", b"Cr24\x03\0\0\0"),
    ("application/x-rpm", b"\xed\xab\xee\xdb\x03\0"),
    ("application/vnd.debian.binary-package", b"!<arch>\ndebian-binary   0 "),
    ("application/x-archive", b"!<arch>\ninert.o/        0 "),
    ("image/png", PNG),
    ("image/jpeg", b"\xff\xd8\xff\xe0\0\x10JFIF\0"),
    ("image/gif", b"GIF89a\x01\0\x01\0\0\0\0;"),
    ("image/webp", b"RIFF\x10\0\0\0WEBPVP8L\0\0\0\0"),
    ("image/bmp", BMP),
    ("image/x-dib", DIB),
    ("image/vnd.microsoft.icon", ICON),
    ("image/x-win-cursor", ICON[:2] + b"\x02" + ICON[3:]),
    ("image/x-icns", b"icns\0\0\0\x08"),
    ("image/tiff", _tiff((256, 3, 1, 1))),
    ("image/tiff", _tiff((256, 3, 1, 1), order=">")),
    ("image/x-adobe-dng", _tiff((50706, 1, 4, 1))),
    ("image/x-canon-cr2", b"II*\0\x10\0\0\0CR\x02\0" + b"\0" * 8),
    ("image/heic", _ftyp(b"heic", b"mif1")),
    ("image/heic", _ftyp(b"mif1", b"mif1", b"heic")),
    ("image/heif", _ftyp(b"mif1", b"mif1")),
    ("image/avif", _ftyp(b"avif", b"mif1")),
    ("image/jp2", b"\0\0\0\x0cjP  \r\n\x87\n"),
    ("image/x-jp2-codestream", b"\xff\x4f\xff\x51\0\x29"),
    ("image/jxl", b"\0\0\0\x0cJXL \r\n\x87\n"),
    ("image/jxl", b"\xff\x0a\xfa\x1f\x41\x91\x08\x06\x01\x00\x4b\x00"),
    ("image/vnd.adobe.photoshop", b"8BPS\0\x01" + b"\0" * 20),
    ("image/vnd-ms.dds", b"DDS |\0\0\0"),
    ("image/x-qoi", b"qoif\0\0\0\x01\0\0\0\x01\x03\0"),
    ("image/x-portable-anymap", b"P6\n# inert\n1 1\n255\n\0\0\0"),
    ("image/x-pcx", PCX),
    ("image/x-tga", TGA),
    ("image/x-tga", b"\xa5" * 40 + b"\0" * 8 + b"TRUEVISION-XFILE.\0"),
    ("image/emf", b"\x01\0\0\0".ljust(40, b"\0") + b" EMF"),
    ("application/dicom", b"\0" * 128 + b"DICM"),
    ("video/mp4", _ftyp(b"isom", b"mp42")),
    ("video/mp4", b"\0\0\0\x0cfree\0\0\0\0" + _ftyp(b"isom", b"mp42")),
    ("audio/x-m4a", _ftyp(b"M4A ", b"mp42")),
    ("video/x-m4v", _ftyp(b"M4V ", b"mp42")),
    ("video/3gpp", _ftyp(b"3gp5", b"isom")),
    ("video/quicktime", _ftyp(b"qt  ")),
    ("video/quicktime", b"\0\0\0\x08wide\0\0\0\x08mdat"),
    ("audio/wav", b"RIFF\x04\0\0\0WAVEfmt "),
    ("video/x-msvideo", b"RIFF\x04\0\0\0AVI LIST"),
    ("video/webm", b"\x1a\x45\xdf\xa3\x87\x42\x82\x84webm"),
    ("video/x-matroska", b"\x1a\x45\xdf\xa3\x8b\x42\x82\x88matroska"),
    ("audio/ogg", _ogg(b"OpusHead\x01")),
    ("video/ogg", _ogg(b"\x80theora")),
    ("application/ogg", _ogg(b"inert")),
    ("video/x-ms-asf", b"\x30\x26\xb2\x75\x8e\x66\xcf\x11\xa6\xd9\0\xaa\0\x62\xce\x6c"),
    ("video/x-flv", b"FLV\x01\x05\0\0\0\x09"),
    ("video/mp2t", (b"G" + b"\0" * 187) * 5),
    ("video/mpeg", b"\0\0\x01\xba\x44\0\x04\0\x04\x01\0\0\x03\xf8"),
    ("audio/mpeg", MP3_FRAME * 2),
    ("audio/mpeg", b"ID3\x03\0\0\0\0\0\x0a" + b"\0" * 10 + MP3_FRAME),
    ("audio/flac", b"ID3\x03\0\0\0\0\0\x0a" + b"\0" * 10 + b"fLaC\0\0\0\x22"),
    ("audio/flac", b"fLaC\0\0\0\x22"),
    ("audio/aac", ADTS_FRAME * 2),
    ("audio/ac3", b"\x0bw\0\0\x1e\x40\xe1"),
    ("audio/amr", b"#!AMR\n\x3c"),
    ("audio/aiff", b"FORM\0\0\0\x04AIFF"),
    ("audio/basic", b".snd\0\0\0\x18"),
    ("audio/x-caf", b"caff\0\x01\0\0"),
    ("audio/midi", b"MThd\0\0\0\x06\0\0\0\x01"),
    ("application/pdf", PDF),
    ("application/pdf", b"\xa5\xa5\n" + PDF),
    ("application/postscript", b"%!PS-Adobe-3.0\n"),
    ("text/rtf", b"{\\rtf1 inert}"),
    ("text/x-sylk", b"ID;PWXL;N;E\nE\n"),
    ("application/x-ole-storage", _ole()),
    ("application/msword", _ole("WordDocument")),
    ("application/vnd.ms-excel", _ole("Workbook")),
    ("application/vnd.ms-powerpoint", _ole("PowerPoint Document")),
    ("application/x-msi", _ole(class_id=MSI)),
    ("application/vnd.sqlite3", b"SQLite format 3\0"),
    ("application/x-bittorrent", b"d8:announce4:noned4:infod"),
    ("font/ttf", _sfnt(b"\0\x01\0\0")),
    ("font/otf", _sfnt(b"OTTO")),
    ("font/woff", b"wOFF\0\x01\0\0"),
    ("font/woff2", b"wOF2\0\x01\0\0"),
    ("application/x-shockwave-flash", b"FWS\x08\0\0\0\0"),
    ("application/zip", zip_archive()),
    ("application/zip", b"\xa5\x01" * 9 + zip_archive()),
    ("application/zip", b"PK\x03\x04 cut off"),
    ("application/gzip", gzip.compress(b"inert")),
    ("application/x-bzip2", bz2.compress(b"inert")),
    ("application/x-xz", lzma.compress(b"inert")),
    ("application/x-lzma", lzma.compress(b"inert", lzma.FORMAT_ALONE)),
    ("application/x-lzip", b"LZIP\x01\x0c"),
    ("application/zstd", b"\x28\xb5\x2f\xfd\x24\0"),
    ("application/zstd", b"\x5a\x2a\x4d\x18\0\0\0\0"),
    ("application/x-lz4", b"\x04\x22\x4d\x18\x64\x40"),
    ("application/x-compress", b"\x1f\x9d\x90\x61"),
    ("application/x-7z-compressed", sevenzip_header()),
    ("application/vnd.rar", rar4_header()),
    ("application/vnd.rar", rar5_header()),
    ("application/x-tar", tar_block()),
    ("application/x-arj", _arj()),
    ("application/x-ace-compressed", b"\0\0\0\0\0\0\0**ACE**"),
    ("application/x-lzh-compressed", b"\x20\x10-lh5-".ljust(20, b"\0") + b"\0"),
    ("application/vnd.ms-cab-compressed", b"MSCF\0\0\0\0"),
    ("application/x-xar", b"xar!\0\x1c\0\x01"),
    ("application/x-iso9660-image", b"\0" * 32768 + iso_descriptor()),
    ("application/x-apple-diskimage", b"\0" * 900 + b"koly\0\0\0\x04".ljust(512, b"\0")),
    ("application/x-vhd", b"\0" * 512 + b"conectix".ljust(512, b"\0")),
    ("application/x-vhdx", b"vhdxfile"),
    ("application/x-vmdk", b"KDMV\x01\0\0\0"),
    ("application/x-ms-wim", b"MSWIM\0\0\0"),
    ("application/x-squashfs", b"hsqs".ljust(28, b"\0") + b"\x04\0\0\0"),
    ("text/html", html_page()),
    ("text/html", b"\xef\xbb\xbf<!-- inert -->\n<HTML>"),
    ("text/html", html_page() + bytes(range(256))),
    ("image/svg+xml", b'<?xml version="1.0"?>\n<!DOCTYPE svg [<!ENTITY a "b">]>\n<svg xmlns="inert"/>'),
    ("image/svg+xml", "<svg xmlns='inert'/>".encode("utf-16")),
    ("text/xml", b"<?xml version='1.0'?><inert/>"),
    ("application/xslt+xml", b"<?xml version='1.0'?><xsl:stylesheet version='1.0'/>"),
    ("application/json", b'{"inert": true}'),
    ("application/json", b"[1, 2]"),
    ("text/calendar", b"BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n"),
    ("text/vcard", b"BEGIN:VCARD\r\nEND:VCARD\r\n"),
    ("message/rfc822", b"From: a@inert.invalid\r\nTo: b@inert.invalid\r\nSubject: inert\r\n\r\ninert"),
    ("application/x-mpegurl", b"#EXTM3U\n"),
    ("application/x-pem-file", b"-----BEGIN CERTIFICATE-----\n"),
    ("text/x-shellscript", b"#!/bin/sh\ntrue\n"),
    ("application/x-php", b"<?php inert();"),
    ("text/plain", "Grüße, nothing to see here.\n".encode()),
    ("text/plain", b"[settings]\nkey = value\n"),
    ("text/plain", b"a %PDF-1.4 file begins with this\n"),
    ("application/x-empty", b""),
]


@pytest.mark.parametrize(("name", "data"), FILES, ids=[f"{n}-{name}" for n, (name, _) in enumerate(FILES)])
def test_type_is_told_by_structure(name: str, data: bytes) -> None:
    assert name_of(data) == name


def test_at_least_80_types_are_tested() -> None:
    assert len({name for name, _ in FILES}) >= 80


DECOYS = {
    "BM without a header": b"BM 23 Baumarkt\0\x01\x02",
    "icon without a directory": b"\0\0\x01\0\x01\0" + b"\xff" * 20,
    "MP3 sync without a second frame": b"\xff\xfb\x90\x00" + b"\x01" * 900,
    "ADTS sync without a second frame": ADTS_FRAME + b"\x01" * 40,
    "gzip with reserved flags": b"\x1f\x8b\x08\xe0\x01\x02\x03\x04\x05\x06",
    "bzip2 without a block": b"BZh9\x01\x02\x03\x04\x05\x06\x07",
    "ARJ with a wrong checksum": _arj()[:-1] + b"\0",
    "TrueType without tables": b"\0\x01\0\0\0\0" + b"\x01" * 30,
    "Java class of version 250": struct.pack(">LHH", 0xCAFEBABE, 0, 250) + b"\0" * 40,
    "RIFF of no known form": b"RIFF\x04\0\0\0INRT\x01\x02",
    "tar without a checksum": tar_block().replace(b"inert", b"inerT"),
    "TGA with too few pixels": TGA[:-1],
    "transport stream of four packets": (b"G" + b"\x01" * 187) * 4,
    "controls": bytes(range(1, 9)) * 4,
}


@pytest.mark.parametrize("data", DECOYS.values(), ids=DECOYS.keys())
def test_what_only_begins_like_a_type_is_unknown(data: bytes) -> None:
    assert name_of(data) is None


def test_text_that_begins_with_letters_of_a_signature_is_text() -> None:
    for text in (b"MZ is a signature", b"BM: see below", b"GG WP everybody", b"P4 is a road", b"ID3 tags explained"):
        assert name_of(text) == "text/plain"


def test_far_pe_header_is_not_followed_for_ever() -> None:
    assert name_of(b"MZ".ljust(60, b"\0") + b"\xff\xff\xff\x7f") == "application/x-dosexec"


def test_ole_directory_that_loops_ends() -> None:
    data = bytearray(_ole("Inert"))
    data[512 + 4 : 512 + 8] = struct.pack("<L", 1)
    assert name_of(bytes(data)) == "application/x-ole-storage"


def test_third_party_types_come_after_ours_and_before_text() -> None:
    tiny = MediaType("image/x-tiny", "TINY picture", Risk.VIEWED)
    foreign = ((b"TINY", tiny), (b"GIF8", tiny))
    assert identify(Source.of_bytes(b"TINY picture"), foreign) is tiny
    found = identify(Source.of_bytes(b"GIF89a\x01\0\x01\0"), foreign)
    assert found is MEDIA_TYPES["image/gif"]


@pytest.mark.parametrize(
    ("at", "mark"), [(2, b"-lh5-"), (4, b"ftypisom"), (7, b"**ACE**"), (44, b"SCRM"), (60, b"BOOKMOBI"), (128, b"DICM")]
)
@pytest.mark.parametrize(
    ("name", "begin", "end"),
    [
        ("text/html", b"<p>", b"<script>inert</script>"),
        ("image/svg+xml", b"<svg xmlns='http://www.w3.org/2000/svg'>", b"</svg>"),
        ("text/x-shellscript", b"#!/bin/sh\n# ", b"\ntrue\n"),
    ],
)
def test_a_mark_written_into_a_text_does_not_make_another_type_of_it(
    name: str, begin: bytes, end: bytes, at: int, mark: bytes
) -> None:
    if len(begin) <= at:
        assert name_of(begin.ljust(at) + mark + end) == name


def test_a_mark_in_the_first_name_does_not_make_another_type_of_an_archive() -> None:
    assert name_of(zip_archive("a" * 14 + "SCRM.txt")) == "application/zip"


def test_a_page_in_a_tar_header_is_a_page() -> None:
    assert name_of(tar_block(b"<html><p>inert</p></html>")) == "text/html"


def _head_then_end(data: bytes) -> Iterator[bytes]:
    yield data.ljust(PIECE, b"\x55")
    raise AssertionError("the end of the file was asked for")


@pytest.mark.parametrize(
    "name", ["image/png", "image/jpeg", "audio/mpeg", "video/mp4", PE, "application/pdf", "text/html"]
)
def test_type_known_by_its_head_does_not_wait_for_the_end(name: str) -> None:
    data = next(data for known, data in FILES if known == name)
    found = identify(Source.of_pieces(_head_then_end(data)))
    assert found is MEDIA_TYPES[name]


def test_every_signature_lies_in_the_head_and_names_a_type() -> None:
    for signature in SIGNATURES:
        assert signature.offset + len(signature.literal) <= HEAD
        assert not isinstance(signature.kind, str) or signature.kind in MEDIA_TYPES


@given(st.sampled_from(FILES), st.integers(0, 600), st.binary(max_size=40))
def test_damaged_files_give_a_type_or_none(file: tuple[str, bytes], at: int, patch: bytes) -> None:
    data = file[1][:at] + patch + file[1][at + len(patch) :]
    found = identify(Source.of_bytes(data))
    assert found is None or MEDIA_TYPES[found.name] is found


@given(
    st.sampled_from([s.literal.rjust(s.offset + len(s.literal), b"\0") for s in SIGNATURES]), st.binary(max_size=400)
)
def test_any_bytes_behind_any_signature_give_a_type_or_none(mark: bytes, rest: bytes) -> None:
    found = identify(Source.of_bytes(mark + rest))
    assert found is None or MEDIA_TYPES[found.name] is found


@given(st.sampled_from(FILES), st.integers(1, 97))
def test_type_does_not_depend_on_how_the_bytes_arrive(file: tuple[str, bytes], step: int) -> None:
    _, data = file
    if len(data) > 3000:
        step *= 97
    pieces = (data[at : at + step] for at in range(0, len(data), step))
    assert identify(Source.of_pieces(pieces)) is identify(Source.of_bytes(data))
