"""Files that are built to cost more than they weigh: each ends within the limits, with a finding, within seconds."""

from __future__ import annotations

import bz2
import gzip
import io
import struct
import tarfile
import time
import zipfile
import zlib
from collections.abc import Callable

import pytest

from carriers.png import chunk, ihdr
from carriers.quine import quine
from carriers.zip import Member, archive
from lazaretto_validators import Limits, Source, default_registry, inspect
from lazaretto_validators.images.png import SIGNATURE

MIB = 1 << 20
SECONDS = 5.0
ZEROS = bytes(MIB)


def _deflated(mib: int) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    return b"".join(packer.compress(ZEROS) for _ in range(mib)) + packer.flush()


def overlapping_members() -> bytes:
    """Thousands of directory entries that lead to one packed member: Fifield's bomb, without its quoting."""
    packed, crc = _deflated(4), zlib.crc32(ZEROS * 4)
    fields = struct.pack("<HHHHHLLLHH", 20, 0, 8, 0, 0x21, crc, len(packed), 4 * MIB, 1, 0)
    local = b"PK\3\4" + fields + b"a" + packed
    entry = b"PK\1\2" + struct.pack("<H", 20) + fields + struct.pack("<HHHLL", 0, 0, 0, 0, 0) + b"a"
    count = 20_000
    end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, count, count, count * len(entry), len(local), 0)
    return local + entry * count + end


def _nested(wrap: Callable[[bytes], bytes], core: bytes, levels: int) -> bytes:
    for _ in range(levels):
        core = wrap(core)
    return core


def _zipped(data: bytes) -> bytes:
    return archive(Member("a.zip", data))


def _tarred(data: bytes) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as made:
        info = tarfile.TarInfo("a.tar")
        info.size = len(data)
        made.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


def wide_and_deep() -> bytes:
    """Sixteen copies in each of six levels: 42.zip."""
    core = _zipped(b"\0" * MIB)
    for _ in range(6):
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as made:
            for number in range(16):
                made.writestr(f"{number}.zip", core)
        core = buffer.getvalue()
    return core


def many_members(kind: str) -> bytes:
    """More members than are looked at."""
    if kind == "zip":
        return archive(*(Member(f"{number}.txt", b"x") for number in range(10_050)))
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as made:
        for number in range(10_050):
            info = tarfile.TarInfo(f"{number}.txt")
            info.size = 1
            made.addfile(info, io.BytesIO(b"x"))
    return buffer.getvalue()


def _pdf(*objects: bytes) -> bytes:
    out, offsets = bytearray(b"%PDF-1.7\n"), []
    for number, body in enumerate(objects, 1):
        offsets.append(len(out))
        out += b"%d 0 obj\n" % number + body + b"\nendobj\n"
    start = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    out += b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    return bytes(out) + b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, start)


def deep_pages() -> bytes:
    """A page tree with one kid a level."""
    levels = 50_000
    tree = (b"<< /Type /Pages /Count 1 /Kids [%d 0 R] >>" % number for number in range(3, levels + 3))
    return _pdf(b"<< /Type /Catalog /Pages 2 0 R >>", *tree, b"<< /Type /Page /Parent %d 0 R >>" % (levels + 1))


def deep_arrays() -> bytes:
    """An array in an array in an array."""
    return _pdf(b"<< /Type /Catalog /Pages 2 0 R >>", b"<< /Type /Pages /Kids [] /Count 0 >>", b"[" * 500_000)


def pdf_stream_bomb() -> bytes:
    """A stream of three filters, each a thousand times the other."""
    data = _nested(zlib.compress, zlib.compress(ZEROS * 64, 9), 2)
    stream = b"<< /Type /ObjStm /N 1 /First 5 /Filter [/FlateDecode /FlateDecode /FlateDecode] /Length %d >>\nstream\n"
    pages = b"<< /Type /Pages /Kids [] /Count 0 >>"
    return _pdf(b"<< /Type /Catalog /Pages 2 0 R >>", pages, stream % len(data) + data + b"\nendstream")


def huge_picture() -> bytes:
    """A picture of 2^62 pixels."""
    return SIGNATURE + ihdr(0x7FFFFFFF, 0x7FFFFFFF) + chunk(b"IDAT", zlib.compress(b"\0")) + chunk(b"IEND")


def _box(kind: bytes, *body: bytes) -> bytes:
    data = b"".join(body)
    return struct.pack(">L4s", 8 + len(data), kind) + data


def deep_boxes() -> bytes:
    """Boxes in boxes: a parser that calls itself runs out of stack."""
    core = b""
    for _ in range(2000):
        core = _box(b"moov", core)
    return _box(b"ftyp", b"isom", bytes(4), b"isom") + core


def huge_table() -> bytes:
    """A table of sample sizes with four thousand million entries."""
    table = _box(b"stsz", bytes(4), bytes(4), b"\xff\xff\xff\xff")
    tree = _box(b"trak", _box(b"mdia", _box(b"minf", _box(b"stbl", table))))
    return _box(b"ftyp", b"isom", bytes(4), b"isom") + _box(b"moov", tree)


def laughs() -> bytes:
    """A thousand million laughs."""
    lines = [b'<!ENTITY l0 "lol">', *(b'<!ENTITY l%d "%s">' % (n, b"&l%d;" % (n - 1) * 10) for n in range(1, 10))]
    return b"<!DOCTYPE svg [" + b"".join(lines) + b']><svg xmlns="http://www.w3.org/2000/svg"><text>&l9;</text></svg>'


BOMBS: dict[str, Callable[[], bytes]] = {
    "one member in every entry": overlapping_members,
    "a deflated bomb": lambda: gzip.compress(ZEROS * 200, 9, mtime=0),
    "a bomb in a bomb": lambda: _nested(lambda data: gzip.compress(data, mtime=0), gzip.compress(ZEROS * 64), 3),
    "a file that unpacks to itself": quine,
    "a hundred archives in each other": lambda: _nested(_zipped, b"PK\5\6" + bytes(18), 100),
    "a hundred tars in each other": lambda: _nested(_tarred, b"words", 100),
    "sixteen to the sixth": wide_and_deep,
    "many members of a ZIP": lambda: many_members("zip"),
    "many members of a tar": lambda: many_members("tar"),
    "a deep page tree": deep_pages,
    "arrays in arrays": deep_arrays,
    "filters on filters": pdf_stream_bomb,
    "a huge picture": huge_picture,
    "boxes in boxes": deep_boxes,
    "a huge table": huge_table,
    "a thousand million laughs": laughs,
}


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_ends_within_the_limits_with_a_finding(name: str) -> None:
    data, rules = BOMBS[name](), default_registry().rules
    began = time.process_time()
    found = inspect(Source.of_bytes(data), Limits()).findings
    took = time.process_time() - began
    assert {rules[finding.rule].severity.value for finding in found} & {"high", "medium"}, found
    assert not [finding for finding in found if finding.rule == "unscannable.validator-failed"]
    assert took < SECONDS


def test_the_quine_is_one() -> None:
    assert gzip.decompress(quine()) == quine()


def test_what_bzip2_holds_is_not_claimed_to_be_looked_at() -> None:
    gaps = inspect(Source.of_bytes(bz2.compress(ZEROS))).coverage
    assert [gap.why for gap in gaps] == ["no validator for application/x-bzip2"]
