"""Inert ZIP archives: a builder that is right by default, and one case for every rule."""

from __future__ import annotations

import bz2
import struct
import zlib
from dataclasses import dataclass, field, replace

from lazaretto_validators.limits import Limits
from lazaretto_validators.testing import Case

TEXT = b"Nothing to see here, only a few plain words.\n"

STORED, DEFLATED, BZIP2 = 0, 8, 12
ENCRYPTED, STREAMED, UTF8 = 1, 8, 1 << 11
UNIX = 3
LINK, PIPE = 0o120777, 0o010644


@dataclass(frozen=True)
class Member:
    """One member. What begins with `local_` overrides the local header alone; `crc`, `packed`, `size` override both."""

    name: str | bytes = "a.txt"
    data: bytes = TEXT
    method: int = STORED
    flags: int = 0
    mode: int = 0
    extra: bytes = b""
    local_extra: bytes = b""
    crc: int | None = None
    size: int | None = None
    packed: bytes | None = None
    packed_size: int | None = None
    local_name: str | bytes | None = None
    local_method: int | None = None
    local_flags: int | None = None
    local_size: int | None = None
    offset: int | None = None
    gap: bytes = b""
    listed: bool = True

    @property
    def raw_name(self) -> bytes:
        return _raw(self.name)

    @property
    def body(self) -> bytes:
        if self.packed is not None:
            return self.packed
        if self.method == BZIP2:
            return bz2.compress(self.data)
        return deflate(self.data) if self.method == DEFLATED else self.data

    def sizes(self) -> tuple[int, int, int]:
        crc = zlib.crc32(self.data) if self.crc is None else self.crc
        packed = len(self.body) if self.packed_size is None else self.packed_size
        return crc, packed, len(self.data) if self.size is None else self.size

    def local(self) -> bytes:
        name = self.raw_name if self.local_name is None else _raw(self.local_name)
        method = self.method if self.local_method is None else self.local_method
        flags = self.flags if self.local_flags is None else self.local_flags
        crc, packed, size = (0, 0, 0) if flags & STREAMED else self.sizes()
        size = size if self.local_size is None else self.local_size
        numbers = (20, flags, method, 0, 0x21, crc, packed, size, len(name), len(self.local_extra))
        header = struct.pack("<4s5H3L2H", b"PK\x03\x04", *numbers) + name + self.local_extra
        descriptor = struct.pack("<4s3L", b"PK\x07\x08", *self.sizes()) if flags & STREAMED else b""
        return header + self.body + descriptor + self.gap

    def central(self, offset: int) -> bytes:
        name = self.raw_name
        numbers = (UNIX << 8 | 20, 20, self.flags, self.method, 0, 0x21, *self.sizes(), len(name), len(self.extra))
        rest = (0, 0, 0, self.mode << 16, offset if self.offset is None else self.offset)
        return struct.pack("<4s6H3L5H2L", b"PK\x01\x02", *numbers, *rest) + name + self.extra


@dataclass(frozen=True)
class Archive:
    """A whole ZIP. shift: what the recorded offsets are too small by, as if a prefix had been put in front later."""

    members: tuple[Member, ...] = (Member(),)
    prefix: bytes = b""
    before_directory: bytes = b""
    after_directory: bytes = b""
    comment: bytes = b""
    tail: bytes = b""
    shift: int = 0
    disk: int = 0
    count: int | None = None
    directory_offset: int | None = None
    comment_length: int | None = None
    wide_end: bytes = field(default=b"")

    def build(self) -> bytes:
        body, directory, count = self.prefix, b"", 0
        for member in self.members:
            if member.listed:
                directory += member.central(len(body) - self.shift)
                count += 1
            body += member.local()
        body += self.before_directory
        offset = len(body) - self.shift if self.directory_offset is None else self.directory_offset
        length = len(self.comment) if self.comment_length is None else self.comment_length
        counts = (self.disk, self.disk, count if self.count is None else self.count)
        end = struct.pack("<4s4H2LH", b"PK\x05\x06", *counts, counts[2], len(directory), offset, length)
        return body + directory + self.after_directory + self.wide_end + end + self.comment + self.tail


def _raw(name: str | bytes) -> bytes:
    return name if isinstance(name, bytes) else name.encode()


def deflate(data: bytes) -> bytes:
    """Raw deflate (RFC 1951)."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    return packer.compress(data) + packer.flush()


def archive(*members: Member) -> bytes:
    """A sound archive of the members; of one text if none are given."""
    return Archive(members or (Member(),)).build()


def one(**changes: object) -> bytes:
    """An archive of one text with this deviation."""
    return archive(replace(Member(), **changes))  # type: ignore[arg-type]


def wide_end(entries: int, directory_size: int, directory_offset: int, at: int) -> bytes:
    """A ZIP64 end record that stands at `at`, and its locator."""
    record = struct.pack(
        "<4sQ2H2L4Q", b"PK\x06\x06", 44, 45, 45, 0, 0, entries, entries, directory_size, directory_offset
    )
    return record + struct.pack("<4sLQL", b"PK\x06\x07", 0, at, 1)


def signing_block(*pairs: tuple[int, bytes], size_off_by: int = 0) -> bytes:
    """An APK Signing Block."""
    body = b"".join(struct.pack("<QL", 4 + len(value), kind) + value for kind, value in pairs)
    size = len(body) + 24
    return struct.pack("<Q", size + size_off_by) + body + struct.pack("<Q", size) + b"APK Sig Block 42"


def unicode_path(name: str, header_name: str) -> bytes:
    """The extra field 0x7075."""
    value = b"\x01" + struct.pack("<L", zlib.crc32(header_name.encode())) + name.encode()
    return struct.pack("<2H", 0x7075, len(value)) + value


PLAIN = archive()
ZIPPED = one(method=DEFLATED)
_PLAIN_BODY, _PLAIN_DIRECTORY = len(Member().local()), len(Member().central(0))
_INSIDE = 30 + len("a.txt")  # where the first member's data begins
_AXML = b"\x03\x00\x08\x00"
_APK = frozenset({"zip.program-apk"})  # untampered, it is still an app
_EPUB = b"application/epub+zip"
_SMALL = Limits(ratio_floor=1000)
_ZEROS = bytes(100_000)

_STRUCTURE = (
    Case("zip.truncated", PLAIN[:50], PLAIN),
    Case("zip.no-directory", PLAIN[:-22], PLAIN),
    Case("zip.directory", Archive(after_directory=b"junk").build(), PLAIN),
    Case("zip.directory-offset", Archive(directory_offset=70_000).build(), PLAIN),
    Case(
        "zip.rival-directory",
        Archive(before_directory=Member().central(0), directory_offset=_PLAIN_BODY).build(),
        PLAIN,
    ),
    Case("zip.several-ends", Archive(before_directory=archive(Member("b.txt"))).build(), PLAIN),
    Case("zip.entry-count", Archive(count=2).build(), PLAIN),
    Case(
        "zip.zip64",
        Archive(wide_end=wide_end(9, _PLAIN_DIRECTORY, _PLAIN_BODY, _PLAIN_BODY + _PLAIN_DIRECTORY)).build(),
        Archive(wide_end=wide_end(1, _PLAIN_DIRECTORY, _PLAIN_BODY, _PLAIN_BODY + _PLAIN_DIRECTORY)).build(),
    ),
    Case("zip.split", Archive(disk=1).build(), PLAIN),
    Case("zip.second-archive", PLAIN + archive(Member("b.txt")), PLAIN),
    Case(
        "zip.prefix", Archive(prefix=b"PK00" + b"stub of a program", shift=21).build(), Archive(prefix=b"PK00").build()
    ),
    Case("zip.trailing-data", Archive(tail=b"something more").build(), Archive(tail=b"\r\n\0\0").build()),
    Case("zip.comment-length", Archive(comment_length=5).build(), Archive(comment=b"12345").build()),
)

_LAYOUT = (
    Case(
        "zip.overlap",
        archive(Member(data=Member("b.txt").local()), Member("b.txt", offset=_INSIDE)),
        PLAIN,
    ),
    Case("zip.out-of-bounds", one(packed_size=900, size=900), PLAIN),
    Case("zip.no-local-header", one(offset=7), PLAIN),
    Case("zip.unlisted-member", archive(Member(), Member("b.txt", listed=False)), archive(Member(), Member("b.txt"))),
    Case("zip.gap", one(gap=b"inertinertinert!"), one(gap=bytes(16))),
    Case(
        "zip.signing-block",
        Archive(before_directory=signing_block((0x7109871A, b"sig"), size_off_by=1)).build(),
        Archive(before_directory=signing_block((0x7109871A, b"sig"))).build(),
    ),
    Case("zip.local-name", one(local_name="b.txt"), PLAIN),
    Case("zip.local-method", one(local_method=8), PLAIN),
    Case("zip.local-encrypted", one(local_flags=ENCRYPTED), PLAIN),
    Case("zip.local-sizes", one(local_size=1), one(flags=STREAMED)),
)

_NAMES = (
    Case("zip.name-utf8", one(name=b"\xff.txt", flags=UTF8), one(name=b"\xff.txt")),
    Case("zip.name-control", one(name="a\0b.txt"), PLAIN),
    Case("zip.traversal", one(name="../a.txt"), one(name="..a/a..txt")),
    Case("zip.drive-name", one(name="C:\\a.txt"), one(name="C\\a.txt")),
    Case("zip.absolute-name", one(name="/a.txt"), PLAIN),
    Case(
        "zip.unicode-name",
        one(name="a.txt", extra=unicode_path("a.log", "a.txt")),
        one(name="a.txt", extra=unicode_path("ä.txt", "a.txt")),
    ),
    Case("zip.duplicate", archive(Member(), Member()), archive(Member(), Member("b.txt"))),
    Case("zip.duplicate-conflict", archive(Member(), Member(data=b"other words")), archive(Member(), Member("b.txt"))),
    Case("zip.name-collision", archive(Member(), Member("A.TXT")), archive(Member(), Member("b.txt"))),
    Case("zip.symlink", one(name="b/a", data=b"../../x", mode=LINK), one(name="b/a", data=b"../x", mode=LINK)),
    Case(
        "zip.through-link",
        archive(Member("b", b"c", mode=LINK), Member("b/a.txt")),
        archive(Member("b", b"c", mode=LINK), Member("c/a.txt")),
    ),
    Case("zip.special-file", one(mode=PIPE), PLAIN),
    Case("zip.extra-field", one(extra=b"\x99\x99\xff\x00abc"), one(extra=b"\x99\x99\x03\x00abc\0\0\0")),
)

_CONTENT = (
    Case("zip.method-unknown", one(method=0x4444), PLAIN),
    Case("zip.method-unread", one(method=98), PLAIN),
    Case(
        "zip.apk-tampered",
        archive(Member("AndroidManifest.xml", _AXML, method=0x4444), Member()),
        archive(Member("AndroidManifest.xml", _AXML), Member()),
        allowed=_APK,
    ),
    Case("zip.stored-size", one(size=3), PLAIN),
    Case("zip.corrupt-data", one(method=DEFLATED, packed=b"\xff" * 40), ZIPPED),
    Case("zip.size", one(method=DEFLATED, size=3), ZIPPED),
    Case("zip.crc", one(method=DEFLATED, crc=1), ZIPPED),
    Case("zip.bomb", one(method=DEFLATED, data=_ZEROS), ZIPPED, _SMALL),
    Case(
        "zip.mimetype-first",
        archive(Member(), Member("mimetype", _EPUB)),
        archive(Member("mimetype", _EPUB), Member()),
    ),
)

_PROGRAMS = (
    Case("zip.program-apk", archive(Member("AndroidManifest.xml", _AXML)), PLAIN),
    Case("zip.program-ipa", one(name="Payload/A.app/Info.txt"), one(name="Payload/A/Info.txt")),
    Case("zip.program-msix", one(name="AppxManifest.xml"), PLAIN),
    Case("zip.program-xpi", one(name="META-INF/mozilla.rsa"), PLAIN),
    Case("zip.program-wheel", one(name="a-1.dist-info/WHEEL"), PLAIN),
    Case("zip.program-zipapp", one(name="__main__.py"), PLAIN),
    Case(
        "zip.program-jar",
        one(name="META-INF/MANIFEST.MF", data=b"Manifest-Version: 1.0\r\nMain-Class: A\r\n"),
        one(name="META-INF/MANIFEST.MF", data=b"Manifest-Version: 1.0\r\n"),
    ),
)

CASES: tuple[Case, ...] = (*_STRUCTURE, *_LAYOUT, *_NAMES, *_CONTENT, *_PROGRAMS)
