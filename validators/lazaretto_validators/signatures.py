"""The signature table: what stands where in a file of each type. Part of `identify`.

A signature of four random bytes occurs by chance once in 4 GiB; shorter ones are believed only if a small function
finds more of the structure. The specifications are the formats' own; where a rule needs one, it is named there.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from lazaretto_validators.confirm import (
    ar_kind,
    bytecode,
    cafebabe_kind,
    exe_kind,
    frame_sync,
    id3_kind,
    is_ac3,
    is_arj,
    is_bmp,
    is_bzip2,
    is_compress,
    is_dib,
    is_gzip,
    is_icon,
    is_jpeg_xl,
    is_lha,
    is_lzma,
    is_mpeg_program,
    is_pcx,
    is_pickle,
    is_pnm,
    is_sfnt,
    is_sylk,
    is_tar_header,
    is_transport_stream,
    u16,
    xar_kind,
)
from lazaretto_validators.kinds import (
    ebml_kind,
    iso_media_kind,
    ogg_kind,
    ole_kind,
    riff_kind,
    tiff_kind,
)
from lazaretto_validators.source import Source

__all__ = ["BY_FIRST_BYTE", "HEAD", "SIGNATURES", "Signature"]

HEAD = 4096
"""Bytes of the head that the table needs. 4 KiB: one page, and a sector of every image format."""

Kind = Callable[[Source, bytes], str | None]
"""Looks closer: the media type's name, or None where the signature stood there by chance."""


@dataclass(frozen=True, slots=True)
class Signature:
    """`literal` at `offset`, then either a fixed type or a closer look. mask: bits that count, all if empty."""

    offset: int
    literal: bytes
    kind: str | Kind
    mask: bytes = b""

    def judge(self, source: Source, head: bytes) -> str | None:
        """The media type's name, None where this is not it."""
        found = head[self.offset : self.offset + len(self.literal)]
        if self.mask:
            found = bytes(a & b for a, b in zip(found, self.mask, strict=False))
        if found != self.literal:
            return None
        return self.kind if isinstance(self.kind, str) else self.kind(source, head)


def _if(name: str, test: Callable[[bytes], bool]) -> Kind:
    """`name` where the head passes `test`."""
    return lambda _source, head: name if test(head) else None


_S = Signature

SIGNATURES: tuple[Signature, ...] = (
    # programs first: what runs wins where two could be meant
    _S(0, b"MZ", exe_kind),
    _S(0, b"ZM", exe_kind),
    _S(0, b"\x7fELF", "application/x-executable"),
    _S(0, b"\xca\xfe\xba\xbe", cafebabe_kind),
    _S(0, b"\xca\xfe\xba\xbf", "application/x-mach-binary"),
    _S(0, b"\xfe\xed\xfa\xce", "application/x-mach-binary"),
    _S(0, b"\xfe\xed\xfa\xcf", "application/x-mach-binary"),
    _S(0, b"\xce\xfa\xed\xfe", "application/x-mach-binary"),
    _S(0, b"\xcf\xfa\xed\xfe", "application/x-mach-binary"),
    _S(0, b"dex\n", "application/vnd.android.dex"),
    _S(0, b"dey\n", "application/vnd.android.dex"),
    _S(0, b"\0asm", "application/wasm"),
    _S(0, b"\x1bLua", "application/x-lua-bytecode"),
    _S(0, b"\x1bLJ", "application/x-lua-bytecode"),
    _S(2, b"\r\n", bytecode),
    _S(0, b"\x80", _if("application/x-python-pickle", is_pickle)),
    _S(0, b"L\0\0\0\x01\x14\x02\0\0\0\0\0\xc0\0\0\0\0\0\0F", "application/x-ms-shortcut"),
    _S(0, b"ITSF", "application/vnd.ms-htmlhelp"),
    _S(0, b"?_\x03\0", "application/winhlp"),
    _S(0, b"FasdUAS 1.", "application/x-applescript"),
    _S(0, b"Cr24", "application/x-chrome-extension"),
    _S(0, b"\xed\xab\xee\xdb", "application/x-rpm"),
    _S(0, b"!<arch>\n", ar_kind),
    # pictures
    _S(0, b"\x89PNG\r\n\x1a\n", "image/png"),
    _S(0, b"\x8aMNG\r\n\x1a\n", "video/x-mng"),
    _S(0, b"\xff\xd8\xff", "image/jpeg"),
    _S(0, b"GIF87a", "image/gif"),
    _S(0, b"GIF89a", "image/gif"),
    _S(0, b"BM", _if("image/bmp", is_bmp)),
    _S(0, b"(\0\0\0", _if("image/x-dib", is_dib)),
    _S(0, b"\0\0\x01\0", _if("image/vnd.microsoft.icon", is_icon)),
    _S(0, b"\0\0\x02\0", _if("image/x-win-cursor", is_icon)),
    _S(0, b"icns", "image/x-icns"),
    _S(0, b"II*\0", tiff_kind),
    _S(0, b"MM\0*", tiff_kind),
    _S(0, b"II+\0", tiff_kind),
    _S(0, b"MM\0+", tiff_kind),
    _S(0, b"IIRO", "image/x-olympus-orf"),
    _S(0, b"IIRS", "image/x-olympus-orf"),
    _S(0, b"MMOR", "image/x-olympus-orf"),
    _S(0, b"IIU\0", "image/x-panasonic-rw2"),
    _S(0, b"FUJIFILMCCD-RAW", "image/x-fuji-raf"),
    _S(0, b"II\xbc\x01", "image/jxr"),
    _S(0, b"\0\0\0\x0cjP  \r\n\x87\n", "image/jp2"),
    _S(0, b"\xff\x4f\xff\x51", "image/x-jp2-codestream"),
    _S(0, b"\0\0\0\x0cJXL \r\n\x87\n", "image/jxl"),
    _S(0, b"\xff\x0a", _if("image/jxl", is_jpeg_xl)),
    _S(0, b"8BPS\0\x01", "image/vnd.adobe.photoshop"),
    _S(0, b"8BPS\0\x02", "image/vnd.adobe.photoshop"),
    _S(0, b"DDS |\0\0\0", "image/vnd-ms.dds"),
    _S(1, b"KTX ", "image/ktx"),
    _S(0, b"qoif", "image/x-qoi"),
    *(_S(0, b"P%d" % n, _if("image/x-portable-anymap", is_pnm)) for n in range(1, 7)),
    _S(0, b"P7\nWIDTH", "image/x-portable-anymap"),
    _S(0, b"\x0a", _if("image/x-pcx", is_pcx)),
    _S(0, b"\x76\x2f\x31\x01", "image/x-exr"),
    _S(0, b"#?RADIANCE\n", "image/vnd.radiance"),
    _S(0, b"BPG\xfb", "image/bpg"),
    _S(0, b"FLIF", "image/flif"),
    _S(0, b"gimp xcf ", "image/x-xcf"),
    _S(0, b"\xd7\xcd\xc6\x9a", "image/wmf"),
    _S(0, b"\x01\0\x09\0\0\x03", "image/wmf"),
    _S(40, b" EMF", _if("image/emf", lambda head: head[:4] == b"\x01\0\0\0")),
    _S(0, b"AT&TFORM", "image/vnd.djvu"),
    # sound and video
    _S(4, b"ftyp", iso_media_kind),
    *(_S(4, box, iso_media_kind) for box in (b"free", b"skip", b"moov", b"mdat", b"wide", b"pnot", b"meta")),
    _S(0, b"RIFF", riff_kind),
    _S(0, b"RF64", riff_kind),
    _S(0, b"BW64", riff_kind),
    _S(0, b"RIFX", riff_kind),
    _S(0, b"riff\x2e\x91\xcf\x11\xa5\xd6\x28\xdb\x04\xc1\0\0", "audio/x-w64"),
    _S(0, b"\x1a\x45\xdf\xa3", ebml_kind),
    _S(0, b"OggS", ogg_kind),
    _S(0, b"\x30\x26\xb2\x75\x8e\x66\xcf\x11\xa6\xd9\0\xaa\0\x62\xce\x6c", "video/x-ms-asf"),
    _S(0, b"FLV\x01", "video/x-flv"),
    _S(0, b"\0\0\x01\xba", _if("video/mpeg", is_mpeg_program)),
    _S(0, b"\0\0\x01\xb3", "video/mpeg"),
    _S(0, b"G", _if("video/mp2t", is_transport_stream)),
    _S(4, b"G", _if("video/mp2t", is_transport_stream)),
    _S(0, b".RMF\0\0\0", "application/vnd.rn-realmedia"),
    _S(0, b".ra\xfd", "application/vnd.rn-realmedia"),
    _S(0, b"ID3", id3_kind),
    _S(0, b"fLaC", "audio/flac"),
    _S(0, b"FORM", _if("audio/aiff", lambda head: head[8:12] in (b"AIFF", b"AIFC"))),
    _S(0, b".snd\0\0", "audio/basic"),
    _S(0, b"caff\0\x01", "audio/x-caf"),
    _S(0, b"#!AMR", "audio/amr"),
    _S(0, b"\x0bw", _if("audio/ac3", is_ac3)),
    _S(0, b"\x7f\xfe\x80\x01", "audio/vnd.dts"),
    _S(0, b"MThd\0\0\0\x06", "audio/midi"),
    _S(0, b"MAC ", _if("audio/x-ape", lambda head: 3000 < u16(head, 4) < 5000)),
    _S(0, b"wvpk", "audio/x-wavpack"),
    _S(0, b"MPCK", "audio/x-musepack"),
    _S(0, b"MP+", _if("audio/x-musepack", lambda head: head[3:4] not in b" \r\n\t")),
    _S(0, b"Creative Voice File\x1a", "audio/x-voc"),
    _S(0, b"Extended Module: ", "audio/x-xm"),
    _S(0, b"IMPM", "audio/x-it"),
    _S(44, b"SCRM", "audio/x-s3m"),
    # documents
    _S(0, b"%PDF-", "application/pdf"),
    _S(0, b"%!PS", "application/postscript"),
    _S(0, b"\x04%!PS", "application/postscript"),
    _S(0, b"\xc5\xd0\xd3\xc6", "application/postscript"),
    _S(0, b"{\\rt", "text/rtf"),
    _S(0, b"ID;P", _if("text/x-sylk", is_sylk)),
    _S(0, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", ole_kind),
    _S(60, b"BOOKMOBI", "application/x-mobipocket-ebook"),
    _S(0, b"\xe4\x52\x5c\x7b\x8c\xd8\xa7\x4d\xae\xb1\x53\x78\xd0\x29\x96\xd3", "application/onenote"),
    _S(4, b"Standard Jet DB\0", "application/x-msaccess"),
    _S(4, b"Standard ACE DB\0", "application/x-msaccess"),
    _S(0, b"!BDN", "application/vnd.ms-outlook-pst"),
    _S(0, b"SQLite format 3\0", "application/vnd.sqlite3"),
    _S(0, b"d8:announce", "application/x-bittorrent"),
    _S(0, b"d7:comment", "application/x-bittorrent"),
    _S(0, b"d13:announce-list", "application/x-bittorrent"),
    _S(0, b"d10:created by", "application/x-bittorrent"),
    _S(0, b"\0\x01\0\0", _if("font/ttf", is_sfnt)),
    _S(0, b"true\0", _if("font/ttf", is_sfnt)),
    _S(0, b"ttcf\0", "font/ttf"),
    _S(0, b"OTTO", _if("font/otf", is_sfnt)),
    _S(0, b"wOFF", "font/woff"),
    _S(0, b"wOF2", "font/woff2"),
    _S(0, b"bplist0", _if("application/x-plist", lambda head: b"WebMainResource" not in head)),
    _S(0, b"bplist0", "application/x-webarchive"),
    _S(0, b"\xd4\xc3\xb2\xa1\x02\0", "application/vnd.tcpdump.pcap"),
    _S(0, b"\xa1\xb2\xc3\xd4\0\x02", "application/vnd.tcpdump.pcap"),
    _S(
        0,
        b"\x0a\x0d\x0d\x0a",
        _if("application/x-pcapng", lambda head: head[8:12] in (b"\x4d\x3c\x2b\x1a", b"\x1a\x2b\x3c\x4d")),
    ),
    *(
        _S(0, mark + b"WS", _if("application/x-shockwave-flash", lambda head: 1 <= int.from_bytes(head[3:4]) <= 50))
        for mark in (b"F", b"C", b"Z")
    ),
    # archives
    _S(0, b"\x1f\x8b", _if("application/gzip", is_gzip)),
    _S(0, b"BZh", _if("application/x-bzip2", is_bzip2)),
    _S(0, b"\xfd7zXZ\0", "application/x-xz"),
    _S(0, b"\x5d\0", _if("application/x-lzma", is_lzma)),
    _S(0, b"LZIP\x01", "application/x-lzip"),
    _S(0, b"\x89LZO\0\r\n\x1a\n", "application/x-lzop"),
    _S(0, b"\x28\xb5\x2f\xfd", "application/zstd"),
    _S(0, b"\x50\x2a\x4d\x18", "application/zstd", mask=b"\xf0\xff\xff\xff"),
    _S(0, b"\x04\x22\x4d\x18", "application/x-lz4"),
    _S(0, b"\x02\x21\x4c\x18", "application/x-lz4"),
    _S(0, b"\x1f\x9d", _if("application/x-compress", is_compress)),
    _S(0, b"7z\xbc\xaf\x27\x1c", "application/x-7z-compressed"),
    _S(0, b"Rar!\x1a\x07\x01\0", "application/vnd.rar"),
    _S(0, b"Rar!\x1a\x07\0", "application/vnd.rar"),
    _S(0, b"RE~^", "application/vnd.rar"),
    _S(0, b"07070", _if("application/x-cpio", lambda head: head[5:6] in (b"1", b"2", b"7") and head[6:12].isalnum())),
    _S(0, b"\xc7\x71", _if("application/x-cpio", lambda head: 1 <= u16(head, 20) <= 1024)),
    _S(0, b"MSCF\0\0\0\0", "application/vnd.ms-cab-compressed"),
    _S(0, b"\x60\xea", _if("application/x-arj", is_arj)),
    _S(7, b"**ACE**", "application/x-ace-compressed"),
    _S(2, b"-l", _if("application/x-lzh-compressed", is_lha)),
    _S(0, b"ALZ\x01", "application/x-alz-compressed"),
    _S(0, b"EGGA\0\x01", "application/x-egg"),
    _S(20, b"\xdc\xa7\xc4\xfd", "application/x-zoo"),
    _S(0, b"xar!", xar_kind),
    _S(0, b"SZDD\x88\xf0\x27\x33", "application/x-ms-compress"),
    _S(0, b"KWAJ\x88\xf0\x27\xd1", "application/x-ms-compress"),
    _S(0, b"\x78\x9f\x3e\x22", "application/vnd.ms-tnef"),
    _S(0, b"vhdxfile", "application/x-vhdx"),
    _S(0, b"conectix", "application/x-vhd"),  # a dynamic disk repeats its footer here
    _S(0, b"KDMV", "application/x-vmdk"),
    _S(0, b"# Disk DescriptorFile", "application/x-vmdk"),
    _S(0, b"QFI\xfb", "application/x-qcow2"),
    _S(0, b"MSWIM\0\0\0", "application/x-ms-wim"),
    _S(0, b"hsqs", _if("application/x-squashfs", lambda head: u16(head, 28) == 4)),
    _S(0, b"\xff\xe0", frame_sync, mask=b"\xff\xe0"),  # weakest of all that begin a file
    # behind what may be another file's head: that one opens it
    _S(128, b"DICM", "application/dicom"),
    _S(257, b"ustar", _if("application/x-tar", lambda head: is_tar_header(head[:512]))),
)


def _by_first_byte() -> tuple[tuple[Signature, ...], ...]:
    def may_begin(signature: Signature, byte: int) -> bool:
        mask = signature.mask[0] if signature.mask else 0xFF
        return signature.offset > 0 or byte & mask == signature.literal[0]

    return tuple(tuple(s for s in SIGNATURES if may_begin(s, byte)) for byte in range(256))


BY_FIRST_BYTE = _by_first_byte()
"""SIGNATURES, in their order, that a file with this first byte can have: a dozen of 170."""
