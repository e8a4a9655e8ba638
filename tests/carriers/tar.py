"""Inert tar archives, built block by block: a valid default, and one deviation for each rule."""

from __future__ import annotations

from dataclasses import dataclass, field

from lazaretto_validators.limits import Limits
from lazaretto_validators.testing import Case

__all__ = ["CASES", "END", "Member", "pax", "record", "summed", "tar"]

TEXT = b"Nothing to see here, only a few plain words.\n"
BLOCK = 512
END = bytes(2 * BLOCK)


def summed(block: bytes) -> bytes:
    """The block with its checksum put in."""
    blank = block[:148] + b" " * 8 + block[156:]
    return block[:148] + b"%06o\0 " % sum(blank) + block[156:]


def filled(data: bytes, padding: bytes = b"") -> bytes:
    """Data up to the end of a block."""
    return data + padding.ljust(-len(data) % BLOCK, b"\0")


@dataclass(frozen=True)
class Member:
    """One member. size: as text or bytes of the field; by default that of the data."""

    name: bytes = b"a.txt"
    data: bytes = TEXT
    kind: bytes = b"0"
    link: bytes = b""
    mode: int = 0o644
    size: bytes | None = None
    uid: bytes = b"0000000\0"
    magic: bytes = b"ustar\x0000"
    prefix: bytes = b""
    padding: bytes = b""
    patches: dict[int, bytes] = field(default_factory=dict)
    broken_sum: bool = False

    def build(self) -> bytes:
        size = b"%011o\0" % len(self.data) if self.size is None else self.size
        block = bytearray(BLOCK)
        for at, value in (
            (0, self.name),
            (100, b"%07o\0" % self.mode),
            (108, self.uid),
            (116, b"0000000\0"),
            (124, size),
            (136, b"00000000000\0"),
            (156, self.kind),
            (157, self.link),
            (257, self.magic),
            (345, self.prefix),
            *self.patches.items(),
        ):
            block[at : at + len(value)] = value
        header = summed(bytes(block))
        if self.broken_sum:
            header = header[:148] + b"000001\0 " + header[156:]
        return header + filled(self.data, self.padding)


def record(key: bytes, value: bytes) -> bytes:
    """One pax record: its length counts itself."""
    rest = len(key) + len(value) + 3
    length = rest + len(str(rest))
    length = rest + len(str(length))
    return b"%d %s=%s\n" % (length, key, value)


def pax(*records: tuple[bytes, bytes], kind: bytes = b"x", raw: bytes | None = None) -> Member:
    """An extended header."""
    data = b"".join(record(key, value) for key, value in records) if raw is None else raw
    return Member(b"PaxHeaders/a", data, kind)


def tar(*members: Member, end: bytes = END) -> bytes:
    """An archive of these members; of one text if there are none."""
    return b"".join(member.build() for member in members or (Member(),)) + end


def sparse(*pieces: tuple[int, int], real: int, data: bytes = TEXT) -> Member:
    """A file with holes in GNU's old format."""
    numbers = b"".join(b"%011o\0%011o\0" % piece for piece in pieces)
    return Member(data=data, kind=b"S", magic=b"ustar  \0", patches={386: numbers, 483: b"%011o\0" % real})


def _case(rule: str, broken: bytes, repaired: bytes | None = None, limits: Limits | None = None) -> Case:
    return Case(f"tar.{rule}", broken, tar() if repaired is None else repaired, limits)


def one(**changes: object) -> bytes:
    """An archive of one text with this deviation."""
    return tar(Member(**changes))  # type: ignore[arg-type]


_RAR = b"Rar!\x1a\x07\x00\xcf\x90s\x00\x00\x0d\x00\x00\x00\x00\x00\x00\x00"
_SIZE = b"%d" % len(TEXT)

_HEADERS = (
    _case("checksum", tar(Member(), Member(b"b.txt", broken_sum=True)), tar(Member(), Member(b"b.txt"))),
    _case("number", one(uid=b"nobody!\0")),
    _case("member-size", one(size=b"0000000000x\0")),
    _case("type", one(kind=b"~")),
    _case("body-of-link", one(kind=b"2", link=b"b"), one(kind=b"2", link=b"b", data=b"")),
    _case("size-of-link", one(kind=b"2", link=b"b", data=b"", size=b"00000000777\0")),
    _case("empty", tar(pax((b"comment", b"inert"), kind=b"g")), tar(pax((b"comment", b"inert"), kind=b"g"), Member())),
    _case("no-end", tar(end=bytes(BLOCK))),
    _case("hidden-archive", tar() + b"inert".ljust(BLOCK, b"\0") + tar(), tar() + bytes(BLOCK)),
    _case("padding", one(padding=b"inert")),
    _case("parasite", one(padding=_RAR)),
    _case("truncated", tar(end=b"")[:-9]),
)

_EXTENSIONS = (
    _case("pax-record", tar(pax(raw=b"99 path=b.txt\n"), Member()), tar(pax((b"path", b"b.txt")), Member())),
    _case("pax-record-end", tar(pax(raw=b"4 x="), Member()), tar(pax((b"x", b"")), Member())),
    _case(
        "pax-size",
        tar(pax((b"size", _SIZE)), Member(size=b"00000000000\0")),
        tar(pax((b"size", _SIZE)), Member()),
    ),
    _case("pax-chain", tar(Member(), pax((b"path", b"b.txt"))), tar(Member(), pax((b"path", b"b.txt")), Member())),
    _case("pax-global", tar(pax((b"path", b"b.txt"), kind=b"g"), Member()), tar(pax((b"path", b"b.txt")), Member())),
    _case(
        "two-names",
        tar(Member(b"././@LongLink", b"b.txt\0", b"L"), pax((b"path", b"c.txt")), Member()),
        tar(Member(b"././@LongLink", b"b.txt\0", b"L"), pax((b"path", b"./b.txt")), Member()),
    ),
    _case(
        "header-bomb",
        tar(Member(b"././@LongLink", b"x" * ((1 << 20) + 1), b"L"), Member()),
        tar(Member(b"././@LongLink", b"x" * 200, b"L"), Member()),
    ),
    _case("sparse-map", tar(sparse((0, 20), (10, 25), real=100)), tar(sparse((0, 20), (50, 25), real=100))),
    _case("sparse-bomb", tar(sparse((0, 45), real=1 << 32)), tar(sparse((0, 45), real=1 << 16))),
)

_NAMES = (
    _case("name-control", one(name=b"a\x1b.txt")),
    _case("name-utf8", one(name=b"\xe4.txt"), one(name="ä.txt".encode())),
    _case("no-file-name", one(name=b".")),
    _case("traversal", one(name=b"b/../../a.txt"), one(name=b"b/..a/a.txt")),
    _case("drive-name", one(name=b"C:\\a.txt"), one(name=b"C\\a.txt")),
    _case("absolute-name", one(name=b"/a.txt")),
    _case(
        "long-path",
        tar(pax((b"path", b"abcdefg/" * 120 + b"a.txt")), Member()),
        tar(pax((b"path", b"abcdefg/" * 100 + b"a.txt")), Member()),
    ),
    _case(
        "link",
        one(name=b"b/a", kind=b"2", link=b"../../x", data=b""),
        one(name=b"b/a", kind=b"2", link=b"../x", data=b""),
    ),
    _case(
        "through-link",
        tar(Member(b"b", b"", b"2", b"c"), Member(b"b/a.txt")),
        tar(Member(b"b", b"", b"2", b"c"), Member(b"c/a.txt")),
    ),
    _case("special-file", one(kind=b"3", data=b"")),
    _case("duplicate", tar(Member(), Member()), tar(Member(), Member(b"b.txt"))),
    _case("duplicate-conflict", tar(Member(), Member(data=b"other words\n")), tar(Member(), Member(b"b.txt"))),
    _case("name-collision", tar(Member(), Member(b"A.TXT")), tar(Member(), Member(b"b.txt"))),
    _case("set-uid", one(mode=0o4755), one(mode=0o755)),
)

CASES: tuple[Case, ...] = _HEADERS + _EXTENSIONS + _NAMES
