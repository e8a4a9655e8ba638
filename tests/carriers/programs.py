"""Inert programs: headers that are sound, or unsound in one field, around nothing that could run."""

from __future__ import annotations

import struct

from carriers.zip import Member, archive
from lazaretto_validators.programs.dex import sealed
from lazaretto_validators.testing import Case

HARMLESS = b"This is a note about nothing in particular.\n"


def a_pe(
    *,
    lfanew: int = 64,
    machine: int = 0x14C,
    magic: int = 0x10B,
    optional_size: int = 224,
    alignment: tuple[int, int] = (0x1000, 512),
    directories: int = 16,
    section_count: int | None = None,
    raw: tuple[int, int] = (512, 512),
    size: int = 1024,
) -> bytes:
    """A PE32 file with one section; `raw` is (start, length) of its data, `size` the length of the file."""
    count = 1 if section_count is None else section_count
    dos = struct.pack("<2s58xI", b"MZ", lfanew).ljust(lfanew, b"\0")
    coff = struct.pack("<4sHHIIIHH", b"PE\0\0", machine, count, 0, 0, 0, optional_size, 0x102)
    optional = struct.pack("<H30xII52xI", magic, *alignment, directories)[:optional_size].ljust(optional_size, b"\0")
    section = struct.pack("<8sIIIIIIHHI", b".text", 1, 0x1000, raw[1], raw[0], 0, 0, 0, 0, 0x60000020)
    headers = dos + coff + optional + section + bytes(40) * (count - 1)
    return headers.ljust(max(size, len(headers)), b"\0")


def a_dos_program(*, pages: int = 2, last: int = 100, size: int = 612) -> bytes:
    """An MZ file without a PE header: the DOS header promises `pages` of 512 bytes, the last one of `last`."""
    return struct.pack("<2sHH", b"MZ", last, pages).ljust(size, b"\0")


def a_tiny_pe() -> bytes:
    """A PE whose header begins inside the DOS header, so that e_lfanew lies within the COFF fields."""
    data = bytearray(a_pe()[64:].ljust(1024, b"\0"))
    data = bytearray(b"MZ\0\0" + bytes(data[: 1024 - 4]))
    struct.pack_into("<I", data, 60, 4)  # is SectionAlignment as well: 4, so FileAlignment must be 4
    struct.pack_into("<I", data, 64, 4)
    return bytes(data)


def an_elf(
    *,
    ident: tuple[int, int, int] = (2, 1, 1),
    header_size: int | None = None,
    segment: tuple[int, int] = (0, 100),
    segments: int = 1,
    segments_at: int | None = None,
    names: int = 0,
) -> bytes:
    """An ELF file of either class and byte order with one loaded segment, `segment` its (start, length)."""
    wide, order = ident[0] != 1, ">" if ident[1] == 2 else "<"
    size, entry = (64, 56) if wide else (52, 32)
    start = size if segments_at is None else segments_at
    header = struct.pack(
        order + ("HHIQQQIHHHHHH" if wide else "HHIIIIIHHHHHH"),
        *(2, 62 if wide else 3, 1, 0, start, 0, 0, header_size or size, entry, segments, 64 if wide else 40, 0, names),
    )
    if wide:
        table = struct.pack(order + "IIQQQQQQ", 1, 5, segment[0], 0, 0, segment[1], segment[1], 4096)
    else:
        table = struct.pack(order + "8I", 1, segment[0], 0, 0, segment[1], segment[1], 5, 4096)
    return b"\x7fELF" + bytes(ident).ljust(12, b"\0") + header + table + bytes(16)


def a_macho(
    *,
    wide: bool = True,
    order: str = "<",
    commands: int = 1,
    room: int | None = None,
    command_size: int | None = None,
    sections: int = 0,
    segment: tuple[int, int] = (0, 100),
) -> bytes:
    """A thin Mach-O file with one segment, `segment` its (start, length)."""
    size = (72 if wide else 56) if command_size is None else command_size
    header = struct.pack(order + "7I", 0xFEEDFACF if wide else 0xFEEDFACE, 7, 3, 2, commands, room or size, 0)
    pattern, kind = ("II16sQQQQiiII", 0x19) if wide else ("II16sIIIIiiII", 0x1)
    command = struct.pack(order + pattern, kind, size, b"__TEXT", 0, 4096, *segment, 5, 5, sections, 0)
    return header + bytes(4 if wide else 0) + command + bytes(16)


def a_fat_macho(*, start: int = 64, align: int = 6, part: bytes | None = None, count: int = 1) -> bytes:
    """A fat Mach-O file with one part that lies where it declares, if that is inside the file."""
    part = a_macho() if part is None else part
    header = struct.pack(">4sIIIIII", b"\xca\xfe\xba\xbe", count, 7, 3, start, len(part), align)
    return header.ljust(64, b"\0") + part


def a_dex(
    *, version: bytes = b"035", size: int = 0x90, header_size: int = 0x70, endian: int = 0x12345678, strings: int = 0
) -> bytes:
    """A DEX file with a right checksum and signature."""
    body = bytearray(struct.pack("<III", size, header_size, endian).ljust(0x90 - 32, b"\0"))
    struct.pack_into("<II", body, 0x38 - 32, strings, 0x70 if strings else 0)
    return sealed(bytes(body), version)


def with_byte(data: bytes, at: int, change: int = 1) -> bytes:
    """`data` with one byte changed."""
    return data[:at] + bytes([data[at] ^ change]) + data[at + 1 :]


_PE, _ELF, _MACHO, _DEX = ({f"{name}.program"} for name in ("pe", "elf", "macho", "dex"))


def _sound(rule: str, broken: bytes, program: set[str], repaired: bytes) -> Case:
    return Case(rule, broken, repaired, allowed=frozenset(program))


PE_CASES = (
    Case("pe.program", a_pe(), HARMLESS),
    _sound("pe.header-offset", a_pe(lfanew=66), _PE, a_pe(lfanew=64)),
    _sound("pe.header-offset", a_tiny_pe(), _PE, a_pe()),
    _sound("pe.optional-header", a_pe(magic=0x999), _PE, a_pe(magic=0x10B)),
    _sound("pe.optional-header", a_pe(optional_size=64), _PE, a_pe()),
    _sound("pe.optional-header", a_pe(directories=17), _PE, a_pe(directories=16)),
    _sound("pe.alignment", a_pe(alignment=(0x1000, 513)), _PE, a_pe(alignment=(0x1000, 512))),
    _sound("pe.alignment", a_pe(alignment=(512, 1024)), _PE, a_pe(alignment=(512, 512))),
    _sound("pe.section-count", a_pe(section_count=97, size=8192), _PE, a_pe(section_count=96, size=8192)),
    _sound("pe.section-bounds", a_pe(raw=(512, 513)), _PE, a_pe(raw=(512, 512))),
    _sound("pe.truncated", a_pe()[:100], _PE, a_pe()),
    _sound("pe.truncated", a_pe()[:62], _PE, a_pe()),
    _sound("pe.truncated", a_dos_program(size=611), _PE, a_dos_program(size=612)),
)
ELF_CASES = (
    Case("elf.program", an_elf(), HARMLESS),
    _sound("elf.ident", an_elf(ident=(3, 1, 1)), _ELF, an_elf()),
    _sound("elf.ident", an_elf(ident=(2, 3, 1)), _ELF, an_elf()),
    _sound("elf.entry-size", an_elf(header_size=65), _ELF, an_elf(header_size=64)),
    _sound("elf.table-bounds", an_elf(segments_at=81), _ELF, an_elf(segments_at=64)),
    _sound("elf.segment-bounds", an_elf(segment=(37, 100)), _ELF, an_elf(segment=(36, 100))),
    _sound("elf.segment-bounds", an_elf(ident=(1, 2, 1), segment=(1, 100)), _ELF, an_elf(ident=(1, 2, 1))),
    _sound("elf.names-index", an_elf(names=1), _ELF, an_elf(names=0)),
    _sound("elf.truncated", an_elf()[:40], _ELF, an_elf()),
)
MACHO_CASES = (
    Case("macho.program", a_macho(), HARMLESS),
    _sound("macho.command-size", a_macho(command_size=4, room=72), _MACHO, a_macho()),
    _sound("macho.command-size", a_macho(command_size=64), _MACHO, a_macho()),
    _sound("macho.commands-size", a_macho(room=80), _MACHO, a_macho(room=72)),
    _sound("macho.commands-size", a_macho(commands=2), _MACHO, a_macho(commands=1)),
    _sound("macho.section-count", a_macho(sections=1), _MACHO, a_macho(sections=0)),
    _sound("macho.segment-bounds", a_macho(segment=(21, 100)), _MACHO, a_macho(segment=(20, 100))),
    _sound("macho.segment-bounds", a_macho(wide=False, order=">", segment=(9, 100)), _MACHO, a_macho(segment=(0, 100))),
    _sound("macho.part-bounds", a_fat_macho(start=128), _MACHO, a_fat_macho(start=64)),
    _sound("macho.part-alignment", a_fat_macho(align=7), _MACHO, a_fat_macho(align=6)),
    _sound("macho.part-kind", a_fat_macho(part=b"neither nor"), _MACHO, a_fat_macho()),
    _sound("macho.truncated", a_macho()[:40], _MACHO, a_macho()),
)
DEX_CASES = (
    Case("dex.program", a_dex(), HARMLESS),
    _sound("dex.version", a_dex(version=b"036"), _DEX, a_dex(version=b"035")),
    _sound("dex.checksum", with_byte(a_dex(), 8), _DEX, a_dex()),
    _sound("dex.signature", with_byte(a_dex(), 12), _DEX, a_dex()),
    _sound("dex.header-size", a_dex(header_size=0x6F), _DEX, a_dex(header_size=0x70)),
    _sound("dex.endian-tag", a_dex(endian=0x78563412), _DEX, a_dex()),
    _sound("dex.table-bounds", a_dex(strings=9), _DEX, a_dex(strings=8)),
    _sound("dex.truncated", a_dex()[:-1], _DEX, a_dex()),
)

SCRIPTS: dict[str, bytes] = {
    "shell": b"#!/bin/sh\ntrue\n",
    "batch": b"@echo off\r\nrem nothing\r\n",
    "powershell": b"param($Name)\nWrite-Host $Name\n$home = $env:HOME\n",
    "registry": b"Windows Registry Editor Version 5.00\r\n\r\n",
    "vbscript": b'Option Explicit\r\nDim shell\r\nSet shell = CreateObject("Inert.Nothing")\r\n',
    "jscript": b'var shell = new ActiveXObject("Inert.Nothing");\nWScript.Echo(shell);\n',
    "encoded": b"#@~^AAAAAA==\r\n",
    "hta": b'<html><head><HTA:APPLICATION ID="inert"></head></html>\n',
    "windows-script": b'<job id="inert"><script language="JScript">// nothing\n</script></job>\n',
    "shortcut": b"[InternetShortcut]\r\nURL=http://host.invalid/\r\n",
    "library": b'<?xml version="1.0"?>\n<libraryDescription/>\n',
    "console": b'<?xml version="1.0"?>\n<MMC_ConsoleFile ConsoleVersion="3.0"/>\n',
    "remote-desktop": b"full address:s:host.invalid\r\nredirectclipboard:i:0\r\n",
    "applescript": b'tell application "Finder"\n    activate\nend tell\n',
    "desktop": b"[Desktop Entry]\nType=Application\nExec=true\n",
    "autoit": b'#NoTrayIcon\nLocal $nothing = 0\nMsgBox(0, "", "inert")\n',
    "python": b"import sys\n\n\ndef main() -> None:\n    return None\n",
    "perl": b"use strict;\nmy $nothing = 0;\nprint $nothing;\n",
    "ruby": b'require "json"\n\nclass Inert\n  def nothing\n  end\nend\n',
    "lua": b'local nothing = require("inert")\nlocal function f(a)\n  return a\nend\n',
    "php": b"<?php\n// nothing\n",
    "javascript": b'const fs = require("fs");\nconst f = (a) => a;\nconsole.log(f(fs));\n',
    "unknown": b"#!/opt/inert/interpreter\nnothing\n",
}

SCRIPT_CASES = (
    *(Case(f"script.{name}", data, HARMLESS) for name, data in SCRIPTS.items()),
    Case(
        "script.shell-source",
        archive(Member("build.sh", b"#!/bin/sh\nmake\n"), Member("readme.txt", HARMLESS)),
        archive(Member("build.txt", HARMLESS), Member("readme.txt", HARMLESS)),
    ),
)

CASES = (*PE_CASES, *ELF_CASES, *MACHO_CASES, *DEX_CASES, *SCRIPT_CASES)
