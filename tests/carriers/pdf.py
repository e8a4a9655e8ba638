"""Inert PDF documents: a builder that counts offsets right by default, and one case for every rule."""

from __future__ import annotations

import base64
import hashlib
import struct
import zlib
from collections.abc import Callable, Mapping

from lazaretto_validators.documents.pdf import SMALLEST_PDF
from lazaretto_validators.documents.pdf_ciphers import aes_encrypt, rc4
from lazaretto_validators.testing import Case

__all__ = [
    "BASE", "CASES", "HEADER", "PACKINGS", "SEALS", "WRAPPED", "catalog", "document", "encrypted", "filtered", "lzw",
    "object_stream", "packed", "page", "pages", "predicted", "sealed", "segment", "stream", "table", "updated",
    "xref_stream",
]  # fmt: skip

HEADER = b"%PDF-1.7\n"


def catalog(extra: bytes = b"") -> bytes:
    """The root, which leads to the pages in object 2."""
    return b"<</Type/Catalog/Pages 2 0 R" + extra + b">>"


def pages(kids: bytes = b"3 0 R", count: int = 1) -> bytes:
    """The top of the page tree."""
    return b"<</Type/Pages/Kids[%s]/Count %d>>" % (kids, count)


def page(extra: bytes = b"") -> bytes:
    """An empty page."""
    return b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]" + extra + b">>"


def stream(data: bytes, extra: bytes = b"", length: int | bytes | None = None) -> bytes:
    """A stream whose length is right unless another is given."""
    told = b"%d" % len(data) if length is None else length if isinstance(length, bytes) else b"%d" % length
    return b"<</Length " + told + extra + b">>stream\n" + data + b"\nendstream"


def packed(data: bytes, extra: bytes = b"") -> bytes:
    """The same, deflated."""
    return stream(zlib.compress(data, 9), b"/Filter/FlateDecode" + extra)


def object_stream(objects: Mapping[int, bytes], *, count: int | None = None, first: int | None = None) -> bytes:
    """A stream of objects: 7.5.7."""
    head, body = b"", b""
    for number, value in objects.items():
        head += b"%d %d " % (number, len(body))
        body += value + b" "
    told = (len(objects) if count is None else count, len(head) if first is None else first)
    return packed(head + body, b"/Type/ObjStm/N %d/First %d" % told)


def table(offsets: Mapping[int, int]) -> bytes:
    """One cross-reference table for the objects, numbered without gaps."""
    lines = [b"%010d 00000 n \n" % offsets[n] if n in offsets else b"0000000000 00000 f \n" for n in _upto(offsets)]
    return b"xref\n0 %d\n0000000000 65535 f \n" % (len(lines) + 1) + b"".join(lines)


def _upto(offsets: Mapping[int, int]) -> range:
    return range(1, max(offsets) + 1)


BASE: dict[int, bytes] = {1: catalog(), 2: pages(), 3: page()}


def document(
    changes: Mapping[int, bytes] | None = None,
    *,
    header: bytes = HEADER,
    lead: bytes = b"",
    between: bytes = b"",
    trailer: bytes = b"",
    astray: Mapping[int, int] | None = None,
    told: int | None = None,
    size: bytes | None = None,
    end: bytes = b"%%EOF\n",
    closing: Mapping[int, bytes] | None = None,
    root: bytes = b"/Root 1 0 R",
) -> bytes:
    """One page, and objects changed or added.

    lead: in front of the header. between: behind the objects, in front of the table. astray: offsets that the table
    tells wrongly. told: the offset behind `startxref`. closing: what stands for `endobj`.
    """
    objects = {**BASE, **(changes or {})}
    out, offsets = lead + header, {}
    for number, value in objects.items():
        offsets[number] = len(out)
        out += b"%d 0 obj\n%s\n%s\n" % (number, value, (closing or {}).get(number, b"endobj"))
    out += between
    at = len(out)
    declared = b"%d" % (max(offsets) + 1) if size is None else size
    last = b"trailer\n<</Size %s%s%s>>\nstartxref\n%d\n" % (declared, root, trailer, at if told is None else told)
    return out + table({**offsets, **(astray or {})}) + last + end


def xref_stream(
    objects: Mapping[int, bytes],
    inside: Mapping[int, tuple[int, int]] | None = None,
    *,
    widths: bytes = b"[1 2 1]",
    index: bytes = b"",
    size: int | None = None,
) -> bytes:
    """A document whose table is a stream. inside: (stream of objects, index) of each object that is packed."""
    out, entries = HEADER, {0: (0, 0, 255)}
    for number, value in objects.items():
        entries[number] = (1, len(out), 0)
        out += b"%d 0 obj\n%s\nendobj\n" % (number, value)
    entries.update({number: (2, *place) for number, place in (inside or {}).items()})
    own = max(entries) + 1
    entries[own] = (1, len(out), 0)
    rows = b"".join(struct.pack(">BHB", *entries.get(n, (0, 0, 0))) for n in range(own + 1))
    extra = b"/Type/XRef/W%s%s/Size %d/Root 1 0 R" % (widths, index, own + 1 if size is None else size)
    body = packed(rows, extra)
    return out + b"%d 0 obj\n%s\nendobj\nstartxref\n%d\n%%%%EOF\n" % (own, body, len(out))


def encrypted(user: bytes = bytes(32)) -> bytes:
    """A document with a standard security handler whose user password nobody knows."""
    values = (b"(" + b"o" * 32 + b")", b"<" + user.hex().encode() + b">")
    handler = b"<</Filter/Standard/V 2/R 3/Length 128/P -4/O%s/U%s>>" % values
    return document({4: handler}, trailer=b"/Encrypt 4 0 R/ID[(a)(a)]")


SEALS = ("RC4-40", "RC4-128", "V2", "AESV2", "AESV3-5", "AESV3-6", "Identity")
"""How `sealed` encrypts: revisions 2 and 3, revision 4 with both ciphers, 5 and 6, and nothing but strings."""

_PADDING = bytes.fromhex("28bf4e5e4e758a4164004e56fffa01082e2e00b6d0683e802f0ca9fe6453697a")
_FILTERS = b"/CF<</StdCF<</CFM/%s/AuthEvent/DocOpen/Length %d>>>>/StmF/%s/StrF/StdCF"


def sealed(kind: str, value: bytes) -> bytes:
    """A document that is encrypted, opens without a password, and holds `value` in a stream of objects: 7.6."""
    if kind.startswith("AESV3"):
        key, handler = _new_handler(int(kind[-1]))
    else:
        key, handler = _old_handler(kind)
    head = b"5 0 "
    data = zlib.compress(head + value)
    if kind != "Identity":
        data = _encrypted(kind, key, 4, data)
    inner = stream(data, b"/Filter/FlateDecode/Type/ObjStm/N 1/First %d" % len(head))
    return document({4: inner, 6: handler}, trailer=b"/Encrypt 6 0 R/ID[<61><61>]")


def _encrypted(kind: str, key: bytes, number: int, data: bytes) -> bytes:
    padded, start = data + bytes([16 - len(data) % 16]) * (16 - len(data) % 16), b"i" * 16
    if kind.startswith("AESV3"):
        return start + aes_encrypt(key, start, padded)
    salt = b"sAlT" if kind == "AESV2" else b""
    own = hashlib.md5(key + number.to_bytes(3, "little") + b"\0\0" + salt, usedforsecurity=False).digest()
    own = own[: min(16, len(key) + 5)]
    return start + aes_encrypt(own, start, padded) if kind == "AESV2" else rc4(own, data)


def _old_handler(kind: str) -> tuple[bytes, bytes]:
    """7.6.4.3.2, 7.6.4.4.3, 7.6.4.4.4: the key, and the dictionary that the empty password agrees with."""
    version, revision, size = {"RC4-40": (1, 2, 5), "RC4-128": (2, 3, 16)}.get(kind, (4, 4, 16))
    key = hashlib.md5(_PADDING + b"o" * 32 + b"\xfc\xff\xff\xff" + b"a", usedforsecurity=False).digest()
    for _ in range(50 if revision > 2 else 0):
        key = hashlib.md5(key[:size], usedforsecurity=False).digest()
    key = key[:size]
    user = rc4(key, _PADDING)
    if revision > 2:
        user = hashlib.md5(_PADDING + b"a", usedforsecurity=False).digest()
        for turn in range(20):
            user = rc4(bytes(byte ^ turn for byte in key), user)
        user += bytes(16)
    method, streams = (b"V2", b"Identity") if kind == "Identity" else (kind.encode(), b"StdCF")
    named = _FILTERS % (method, 16, streams) if version == 4 else b""
    return key, b"<</Filter/Standard/V %d/R %d/Length %d/P -4/O(%s)/U<%s>%s>>" % (
        version, revision, 8 * size, b"o" * 32, user.hex().encode(), named,
    )  # fmt: skip


def _new_handler(revision: int) -> tuple[bytes, bytes]:
    """7.6.4.3.3, 7.6.4.4.7: the key is kept sealed by a digest of the empty password."""
    key, check, seal = b"k" * 32, b"validate", b"seal-key"
    user = _digest(check, revision) + check + seal
    kept = aes_encrypt(_digest(seal, revision), bytes(16), key)
    named = _FILTERS % (b"AESV3", 32, b"StdCF")
    return key, b"<</Filter/Standard/V 5/R %d/Length 256/P -4/O<%s>/U<%s>/OE<%s>/UE<%s>/Perms<%s>%s>>" % (
        revision, bytes(48).hex().encode(), user.hex().encode(), bytes(32).hex().encode(), kept.hex().encode(),
        bytes(16).hex().encode(), named,
    )  # fmt: skip


def _digest(salt: bytes, revision: int) -> bytes:
    """Algorithm 2.B (7.6.4.3.4) for the empty password; revision 5 has its first line alone."""
    key, turn, last = hashlib.sha256(salt).digest(), 0, 0
    while revision == 6 and (turn < 64 or last > turn - 32):
        mixed = aes_encrypt(key[:16], key[16:32], key * 64)
        kinds = (hashlib.sha256, hashlib.sha384, hashlib.sha512)
        key, last, turn = kinds[sum(mixed[:16]) % 3](mixed).digest(), mixed[-1], turn + 1
    return key[:32]


def lzw(data: bytes, *, early: bool = True) -> bytes:
    """LZW as 7.4.4.2 has it, with the codes growing one early or not."""
    table: dict[bytes, int] = {bytes((n,)): n for n in range(256)}
    codes, current, following = [(256, 9)], b"", 258
    for byte in data:
        longer = current + bytes((byte,))
        if longer in table:
            current = longer
            continue
        codes.append((table[current], (following - 1 + early).bit_length()))
        table[longer], current, following = following, longer[-1:], following + 1
    codes += [(table[current], (following - 1 + early).bit_length()), (257, (following + early).bit_length())]
    bits = "".join(f"{code:0{max(9, width)}b}" for code, width in codes)
    return int(bits.ljust(-(-len(bits) // 8) * 8, "0"), 2).to_bytes(-(-len(bits) // 8), "big")


def predicted(data: bytes, kind: int, columns: int) -> bytes:
    """Rows of bytes after a predictor: 2 is TIFF's, 10 to 14 are PNG's filters (7.4.4.4)."""
    out, above = b"", bytes(columns)
    for at in range(0, len(data), columns):
        row = data[at : at + columns]
        left, corner = b"\0" + row, b"\0" + above
        guesses = {
            10: bytes(columns), 2: left, 11: left, 12: above,
            13: bytes((a + b) // 2 for a, b in zip(left, above, strict=False)),
            14: bytes(map(_nearest, left, above, corner)),
        }[kind]  # fmt: skip
        out += b"" if kind == 2 else bytes((kind - 10,))
        out += bytes((n - guess) & 0xFF for n, guess in zip(row, guesses, strict=False))
        above = row.ljust(columns, b"\0")
    return out


def _nearest(left: int, above: int, corner: int) -> int:
    return min((left, above, corner), key=lambda n: abs(left + above - corner - n))


def _run_lengths(data: bytes) -> bytes:
    pieces = (data[at : at + 100] for at in range(0, len(data), 100))
    return b"".join(bytes((len(piece) - 1,)) + piece for piece in pieces) + b"\x80"


PACKINGS: dict[str, Callable[[bytes], bytes]] = {
    "ASCIIHexDecode": lambda data: data.hex().encode() + b">",
    "ASCII85Decode": lambda data: base64.a85encode(data) + b"~>",
    "RunLengthDecode": _run_lengths,
    "LZWDecode": lzw,
    "FlateDecode": zlib.compress,
}
"""What each filter of 7.4 undoes."""


def filtered(value: bytes, *names: str, predictor: int = 1, early: bool = True) -> bytes:
    """A document that holds `value` in a stream of objects, packed by these filters, the first undone first."""
    parameters = b"<</Predictor %d/Columns 7%s>>" % (predictor, b"" if early else b"/EarlyChange 0")
    parameters = parameters if names[-1] in ("FlateDecode", "LZWDecode") else b"null"
    data = b"5 0 " + value
    data = predicted(data, predictor, 7) if predictor > 1 else data
    for name in reversed(names):
        data = lzw(data, early=early) if name == "LZWDecode" else PACKINGS[name](data)
    chain = b" ".join(b"/" + name.encode() for name in names)
    others = b"null " * (len(names) - 1)
    extra = b"/Type/ObjStm/N 1/First 4/Filter[%s]/DecodeParms[%s%s]" % (chain, others, parameters)
    return xref_stream({**BASE, 4: stream(data, extra)}, {5: (4, 0)})


def updated(first: bytes, changes: Mapping[int, bytes], size: int) -> bytes:
    """The document with a second revision that defines the objects anew: 7.5.6."""
    out, lines = first, b"xref\n"
    for number, value in changes.items():
        lines += b"%d 1\n%010d 00000 n \n" % (number, len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, value)
    before = int(first.rsplit(b"startxref\n", 1)[1].split(b"\n")[0])
    last = b"trailer\n<</Size %d/Root 1 0 R/Prev %d>>\nstartxref\n%d\n%%%%EOF\n" % (size, before, len(out))
    return out + lines + last


def _case(rule: str, broken: bytes, repaired: bytes | None = None) -> Case:
    return Case(f"pdf.{rule}", broken, document() if repaired is None else repaired)


def _on_page(extra: bytes) -> bytes:
    return document({3: page(extra)})


def _action(kind: bytes, extra: bytes = b"") -> bytes:
    """A link on the page with an action."""
    return _on_page(b"/Annots[<</Type/Annot/Subtype/Link/Rect[0 0 1 1]/A<</S/" + kind + extra + b">>>>]")


def attachment(name: bytes, data: bytes) -> bytes:
    """A document that carries a file."""
    specification = b"<</Type/Filespec/F(%s)/UF(%s)/EF<</F 5 0 R>>>>" % (name, name)
    names = b"/Names<</EmbeddedFiles<</Names[(%s)4 0 R]>>>>" % name
    return document({1: catalog(names), 4: specification, 5: packed(data, b"/Type/EmbeddedFile")})


def jbig2(*segments: bytes) -> bytes:
    """A picture in JBIG2 of these segments."""
    return document({4: stream(b"".join(segments), b"/Subtype/Image/Width 8/Height 8/Filter/JBIG2Decode")})


def segment(number: int, kind: int, references: bytes = b"", data: bytes = b"", length: int | None = None) -> bytes:
    """One segment of page 1, its number long if `kind` says so: T.88, 7.2. length: what it tells of its data."""
    count = len(references) // (1 if number <= 256 else 2)
    told = bytes((count << 5,)) if count < 5 else struct.pack(">I", 7 << 29 | count) + bytes((count + 8) // 8)
    page_number = struct.pack(">I", 1) if kind & 64 else b"\1"
    size = struct.pack(">I", len(data) if length is None else length)
    return struct.pack(">IB", number, kind) + told + references + page_number + size + data


def symbols(number: int, exported: int) -> bytes:
    """A symbol dictionary that claims to export so many: T.88, 7.4.2."""
    return segment(number, 0, data=bytes(10) + struct.pack(">II", exported, exported))


_ODD_SEGMENTS = (
    symbols(0, 9),
    segment(
        1, 0, data=struct.pack(">H", 0x0002) + bytes(12) + struct.pack(">II", 9, 9)
    ),  # refined: more template pixels
    segment(2, 0, data=struct.pack(">HII", 0x0001, 9, 9)),  # Huffman: none
    segment(3, 0, data=b"\0"),
    segment(8, 64 | 48, data=struct.pack(">II", 8, 0xFFFFFFFF) + bytes(11)),
    segment(9, 6, b"\0\1\2\3\0", bytes(17)),
    segment(300, 7, b"\0\1\0\2", bytes(17)),
    segment(301, 38, data=bytes(30), length=0xFFFFFFFF),
)
"""What is rare and sound: long references, long page numbers, tables, data of unknown length."""

_BAD_SEGMENTS = (
    segment(0, 48, data=bytes(19), length=20),
    segment(0, 6, b"\1", bytes(17)),
    struct.pack(">IBI", 0, 6, 7 << 29 | 99) + bytes(14),
    segment(0, 48, data=struct.pack(">II", 8, 1 << 31) + bytes(11)),
    b"".join(segment(number, 40, data=bytes(18)) for number in range(1001)),
    b"".join(segment(number, 49) for number in range(5001)),
)


def _kids(levels: int) -> bytes:
    nodes = {number: pages(b"%d 0 R" % (number + 1)) for number in range(2, 2 + levels)}
    return document({**nodes, 2 + levels: page()})


_SCRIPT = b"/S/JavaScript/JS(inert)"
_SIGNED = b"<</Type/Sig/ByteRange[0 10 20 %d]>>"
_SHORT = len(document({3: page(b"/Contents 4 0 R"), 4: stream(b"BT ET"), 5: _SIGNED % 0}))
_SIGNED_PAGE = {3: page(b"/Contents 4 0 R"), 4: stream(b"BT ET"), 5: _SIGNED % (_SHORT - 20)}
_NESTED = b"[" * 300 + b"]" * 300
_LONG = b"9jqo^" * 40
_PLAIN = stream(b"BT ET")
_HALVES = document({4: _PLAIN}), document({4: _PLAIN}, told=99_999)
_NO_END = document(end=b"")

_STRUCTURE = (
    _case("truncated", SMALLEST_PDF[:100], SMALLEST_PDF),
    _case("leading-bytes", document(lead=b"\xef\xbb\xbf\n")),
    _case("version", document(header=b"%PDF-3.7\n")),
    _case("second-header", document(header=HEADER * 2)),
    _case("no-end-mark", _NO_END),
    _case("xref-lost", _HALVES[1], _HALVES[0]),
    _case("xref-shifted", document(told=len(document().split(b"xref\n")[0]) - 3)),
    _case("xref-loop", document(trailer=b"/Prev %d" % len(document().split(b"xref\n")[0]))),
    _case("xref-numbers", document(size=b"99999999")),
    _case("xref-entries", document().replace(b"xref\n0 4\n", b"xref\n0 9\n")),
    _case("xref-stream", xref_stream(BASE, widths=b"[0 0 0]"), xref_stream(BASE)),
    _case("trailer", document(size=b"(h)")),
    _case("no-catalog", document(root=b"", changes={1: b"<</Pages 2 0 R>>"})),
    _case("no-pages", document({2: b"null"})),
)

_OBJECTS = (
    _case("object-offset", document(astray={3: 12})),
    _case("object-number", document(astray={3: 9})),
    _case("object-twice", document(between=b"3 0 obj\n" + page(b"/Rotate 0") + b"\nendobj\n", astray={3: 0})),
    _case("object-swapped", document(between=b"1 0 obj\n" + catalog(b"/Lang(en)") + b"\nendobj\n")),
    _case("object-syntax", document({3: page(b"/Rotate zzz")})),
    _case("object-open", document(closing={3: b""})),
    _case("hidden-object", document({4: stream(b"\n5 0 obj\n<</Type/XObject>>\nendobj")}, astray={5: 0}), document()),
    _case("nesting", document({4: _NESTED}), document({4: b"[" * 20 + b"]" * 20})),
    _case("gap", document(between=b"inert " * 300)),
    _case("stream-length", document({4: stream(b"inert", length=99)}), document({4: stream(b"inert")})),
    _case("stream-open", document({4: b"<<>>stream\ninert\nendstream"}), document({4: stream(b"inert")})),
    _case(
        "stream-data",
        document({4: stream(b"no deflate at all", b"/Filter/FlateDecode")}),
        document({4: packed(b"BT ET")}),
    ),
    _case("filter", document({4: stream(b"", b"/Filter/InertDecode")}), document({4: stream(b"")})),
    _case(
        "filter-chain",
        document({4: stream(b">" * 9, b"/Filter[" + b"/ASCIIHexDecode" * 9 + b"]")}),
        document({4: stream(b">", b"/Filter[/ASCIIHexDecode]")}),
    ),
    _case(
        "object-stream",
        xref_stream({**BASE, 4: object_stream({5: b"null"}, count=9)}, {5: (4, 0)}),
        xref_stream({**BASE, 4: object_stream({5: b"null"})}, {5: (4, 0)}),
    ),
    _case(
        "bomb",
        document({4: stream(zlib.compress(zlib.compress(bytes(9 << 20))), b"/Filter[/FlateDecode/FlateDecode]")}),
        document({4: stream(zlib.compress(zlib.compress(bytes(900))), b"/Filter[/FlateDecode/FlateDecode]")}),
    ),
    _case(
        "many-objects",
        document({2: pages(b"3 0 R " * 10_001, 10_001)}),
        document({2: pages(b"3 0 R " * 100, 100)}),
    ),
    _case(
        "picture-numbers",
        document({4: packed(b"", b"/DecodeParms<</Colors 16777217>>")}),
        document({4: packed(b"", b"/DecodeParms<</Colors 3>>")}),
    ),
    _case("repairs", document({2: pages(count=9), 4: stream(b"inert", length=99)}, lead=b"\n", end=b"")),
    _case("tree-loop", document({2: pages(b"3 0 R 2 0 R", 1)})),
    _case("tree-depth", _kids(300), _kids(30)),
    _case("outline-loop", document({4: b"<</Title(a)/Next 4 0 R>>"}), document({4: b"<</Title(a)/Next 5 0 R>>"})),
    _case("page-count", document({2: pages(count=7)})),
)

_ACTIONS = (
    _case("open-script", document({1: catalog(b"/OpenAction<<" + _SCRIPT + b">>")})),
    _case("script", document({1: catalog(b"/Names<</JavaScript<</Names[(a)<<" + _SCRIPT + b">>]>>>>")})),
    _case("form-script", _on_page(b'/AA<</F<</S/JavaScript/JS(AFNumber_Format\\(2, 0, 0, 0, "", true\\);)>>>>')),
    _case("print-script", document({1: catalog(b"/OpenAction<</S/JavaScript/JS(this.print\\(true\\);)>>")})),
    _case("launch", _action(b"Launch", b"/F(inert.txt)"), _action(b"GoToR", b"/F(inert.pdf)")),
    _case("automatic-action", _on_page(b"/AA<</O<</S/URI/URI(http://example.invalid/)>>>>")),
    _case("remote-file", _action(b"GoToE", b"/F(\\\\\\\\host.invalid\\\\x)"), _action(b"GoToE", b"/F(x.pdf)")),
    _case(
        "external-stream",
        document({4: stream(b"", b"/F(inert.bin)")}),
        document({4: stream(b"")}),
    ),
    _case("submit", _action(b"SubmitForm", b"/F(http://example.invalid/)"), _action(b"ResetForm")),
    _case(
        "address", _action(b"URI", b"/URI(search-ms:query=inert)"), _action(b"URI", b"/URI(https://example.invalid)")
    ),
    _case("local-address", _action(b"URI", b"/URI(file:///C:/inert.docx)"), _action(b"URI", b"/URI(inert.docx)")),
    _case(
        "disguised-address",
        _action(b"URI", b"/URI(https://bank.example@example.invalid/)"),
        _action(b"URI", b"/URI(https://example.invalid/@name)"),
    ),
    _case("rich-media", _on_page(b"/Annots[<</Subtype/RichMedia>>]")),
    _case("media", _on_page(b"/Annots[<</Subtype/3D>>]")),
    _case("xfa", document({1: catalog(b"/AcroForm<</XFA()>>")}), document({1: catalog(b"/AcroForm<</Fields[]>>")})),
    _case(
        "xfa-exploit",
        document({1: catalog(b"/AcroForm<</XFA 4 0 R>>"), 4: packed(b"<script>x.keep.previous = 'inert'</script>")}),
    ),
    _case("attachment", attachment(b"note.txt", b"inert words")),
    _case("risky-attachment", attachment(b"inert.xyz", b"\xfe\x01\x02\x03inert")),
    _case("exported-attachment", _on_page(b"/AA<</O<</S/JavaScript/JS(this.exportDataObject\\(1\\))>>>>")),
    _case("hidden-name", document({3: page(b"/A#41<<>>")}), document({3: page(b"/Inert#20Name 1")})),
    _case(
        "font-matrix",
        document({4: b"<</Type/Font/FontMatrix[1 0 0 1 0(0)]>>"}),
        document({4: b"<</Type/Font/FontMatrix[1 0 0 1 0 0]>>"}),
    ),
    _case("jbig2", jbig2(segment(0, 49))),
    *(_case("jbig2-segments", jbig2(bad), document({4: stream(b"")})) for bad in _BAD_SEGMENTS),
    _case("jbig2", jbig2(*_ODD_SEGMENTS)),
    _case("jbig2-segments", jbig2(symbols(0, 40_000), symbols(1, 40_000), segment(2, 6, b"\0\1", bytes(17)))),
    _case(
        "shadow",
        updated(document(_SIGNED_PAGE), {4: stream(b"BT ET Q")}, 6),
        document({3: page(b"/Contents 4 0 R"), 4: stream(b"BT ET")}),
    ),
)

_INERT = b"<<" + _SCRIPT + b">>"
_LONG_TEXT = b"(" + bytes(65 + n % 26 for n in range(2000)) + b")"

WRAPPED = (
    *(_case("script", sealed(kind, _INERT), sealed(kind, b"(inert)")) for kind in SEALS),
    *(_case("script", filtered(_INERT, name), filtered(b"(inert)", name)) for name in PACKINGS),
    *(
        _case("script", filtered(_INERT, name, predictor=kind), filtered(b"(inert)", name, predictor=kind))
        for kind in (2, 10, 11, 12, 13, 14)
        for name in ("FlateDecode", "LZWDecode")
    ),
    *(
        _case(
            "script",
            filtered(b"[" + _LONG_TEXT + _INERT + b"]", "ASCII85Decode", "LZWDecode", early=early),
            filtered(b"[" + _LONG_TEXT + b"]", "ASCII85Decode", "LZWDecode", early=early),
        )
        for early in (True, False)
    ),
)

_HIDING = (
    _case("dicom", document(header=HEADER + b"%" + bytes(b"i" * 118) + b"DICM\x02\x00\x00\x00UL\x04\x00\n")),
    _case("foreign-stream", document({4: stream(b"<?php /* inert */ ?>")}), document({4: stream(b"(<?php inert) Tj")})),
    _case("code-in-gap", document(between=b"%<script >inert</script>\n"), document(between=b"%inert\n")),
    _case(
        "code-in-metadata",
        document({4: b"<</Title(<?php inert ?>)>>"}, trailer=b"/Info 4 0 R"),
        document({4: b"<</Title(inert)>>"}, trailer=b"/Info 4 0 R"),
    ),
)


def _hidden() -> Case:
    """The table leads to an object that stands inside a stream."""
    inside = stream(b"\n5 0 obj\n<</Type/XObject>>\nendobj")
    at = document({4: inside}).find(b"5 0 obj")
    return _case("hidden-object", document({4: inside}, astray={5: at}), document({4: _PLAIN}))


CASES: tuple[Case, ...] = (
    *_STRUCTURE,
    *(case for case in _OBJECTS if case.rule != "pdf.hidden-object"),
    _hidden(),
    *_ACTIONS,
    *WRAPPED,
    *_HIDING,
)
