"""Inert RTF documents: a valid default, and one deviation for each rule."""

from __future__ import annotations

import struct

from carriers.ole2 import compound, packaged_command
from carriers.png import png
from carriers.zip import one
from lazaretto_validators.documents.rtf import SMALLEST_RTF
from lazaretto_validators.testing import Case

__all__ = ["CASES", "as_word_writes", "document", "field", "object_data", "object_group"]


def document(body: bytes = b"inert\\par") -> bytes:
    """A document with this body."""
    return b"{\\rtf1\\ansi{\\fonttbl{\\f0 Arial;}}\\f0 " + body + b"}"


def object_data(name: bytes = b"Inert.1", native: bytes = b"", *, kind: int = 2, topic: bytes = b"") -> bytes:
    """An OLE 1 object. [MS-OLEDS] 2.2.5."""
    texts = b"".join(struct.pack("<L", len(text)) + text for text in (name + b"\0", topic, b""))
    tail = struct.pack("<L", len(native)) + native if kind == 2 else b""
    return struct.pack("<LL", 0x501, kind) + texts + tail


def object_group(text: bytes, words: bytes = b"\\objemb") -> bytes:
    """A document with an object whose data are written as `text`."""
    return document(b"{\\object" + words + b"{\\*\\objdata " + text + b"}{\\result inert}}")


def as_hex(data: bytes) -> bytes:
    """In hexadecimal, in lines as WordPad wraps them."""
    digits = data.hex().encode()
    return b"\r\n".join(digits[at : at + 128] for at in range(0, len(digits), 128))


def field(instruction: bytes) -> bytes:
    """A document with one field."""
    return document(b"{\\field{\\*\\fldinst {" + instruction + b"}}{\\fldrslt inert}}")


def as_word_writes() -> bytes:
    """A document with what Word puts around a text: styles, lists, theme, data, fields in fields, a picture twice."""
    theme, picture = as_hex(one(data=b"<a/>" * 400)), as_hex(png())
    data = as_hex(object_data(b"Msxml2.SAXXMLReader.6.0", compound({"Inert": b"inert"})))
    body = (
        b"{\\stylesheet{\\ql \\snext0 Normal;}{\\*\\cs10 \\additive Default Paragraph Font;}}"
        b"{\\*\\listtable{\\list\\listhybrid{\\listlevel\\levelnfc23{\\leveltext\\'01\\u-3913 ?;}"
        b"{\\levelnumbers;}\\f3 }"
        b"{\\listname ;}\\listid1}}{\\*\\listoverridetable{\\listoverride\\listid1\\listoverridecount0\\ls1}}"
        b"{\\*\\template C:\\\\Users\\\\Inert\\\\Normal.dotm}"
        b'{\\field\\fldedit{\\*\\fldinst { HYPERLINK "https://host.invalid/?a=1" }{{\\*\\datafield '
        b"00d0c9ea79f9bace118c8200aa004ba90b02000000}}}{\\fldrslt x}}"
        b"{\\field{\\*\\fldinst { IF {\\field{\\*\\fldinst { MERGEFIELD a }}{\\fldrslt x}} = 1 }}{\\fldrslt y}}"
        b"{\\*\\shppict{\\pict{\\*\\picprop\\shplid1026{\\sp{\\sn shapeType}{\\sv 75}}}\\pngblip\r\n" + picture + b"}}"
        b"{\\nonshppict{\\pict\\wmetafile8\\picw1 010009000003}}"
        b"{\\shp{\\*\\shpinst{\\sp{\\sn pVerticies}{\\sv 8;2;(0,0);(1,1)}}{\\sp{\\sn pFragments}{\\sv 4;1;00000000}}}}"
        b"\\u8364\\'80 \\u1055 ?\\par "
    )
    return document(body + b"{\\*\\themedata " + theme + b"}{\\*\\datastore " + data + b"}")


def _case(rule: str, broken: bytes, repaired: bytes = SMALLEST_RTF) -> Case:
    return Case(f"rtf.{rule}", broken, repaired)


_FLASH = bytes.fromhex("6edb7cd26daecf1196b8444553540000")
_7Z = bytes.fromhex("377abcaf271c0004") + bytes.fromhex("8d9bd50f") + bytes(20)


def fragments(held: int) -> bytes:
    """A drawing property of one element of four bytes, and so many bytes."""
    return document(b"{\\shp{\\*\\shpinst{\\sp{\\sn pFragments}{\\sv 4;1;" + b"00" * held + b"}}}}")


CASES: tuple[Case, ...] = (
    _case("header", SMALLEST_RTF.replace(b"rtf1", b"rt0")),
    _case("leading", b"\n" + SMALLEST_RTF),
    _case("version", SMALLEST_RTF.replace(b"rtf1", b"rtf")),
    _case("unbalanced", SMALLEST_RTF[:-1]),
    _case("truncated", SMALLEST_RTF[:20]),
    _case("depth", document(b"{" * 100 + b"}" * 100), document(b"{" * 99 + b"}" * 99)),
    _case("control-word", document(b"\\" + b"a" * 33 + b" inert"), document(b"\\" + b"a" * 32 + b" inert")),
    _case("binary-data", document(b"in\0ert"), document(b"in\tert")),
    _case(
        "table-flood",
        b"{\\rtf1{\\fonttbl" + b"".join(b"{\\f%d A;}" % n for n in range(1001)) + b"}}",
        b"{\\rtf1{\\fonttbl" + b"".join(b"{\\f%d A;}" % n for n in range(1000)) + b"}}",
    ),
    _case(
        "list-override",
        document(b"{\\*\\listoverridetable{\\listoverride\\listoverridecount2}}"),
        document(b"{\\*\\listoverridetable{\\listoverride\\listoverridecount1}}"),
    ),
    _case("fragments", fragments(5), fragments(4)),
    _case("object", object_group(as_hex(object_data()))),
    _case("object-update", object_group(as_hex(object_data()), b"\\objemb\\objupdate")),
    _case("obfuscated", object_group(as_hex(object_data()).replace(b"0", b"0{\\x}", 1))),
    _case("binary-object", object_group(b"\\bin4 \1\5\0\0" + as_hex(object_data()[4:]))),
    _case("object-header", object_group(as_hex(object_data()[:12]))),
    _case("link-object", object_group(as_hex(object_data(b"OLE2Link")))),
    _case("link-object", object_group(as_hex(object_data(b"Package", packaged_command()[4:])))),
    _case("hidden-file", object_group(as_hex(object_data(native=b"inert") + bytes(40) + _7Z))),
    _case("obfuscated", object_group(b"\\bin0 " + as_hex(object_data()).replace(b"0", b"0{\\x}", 1))),
    _case("control-word", document(b"{\\pict\\bin000000000004 {{{{}"), document(b"{\\pict\\bin4 {{{{}")),
    _case("dde", field(b"\\u68x\\u68x\\u69xAUTO inert"), field(b"\\u80xAGE")),
    _case("equation", object_group(as_hex(object_data(b"Equation.3")))),
    _case("dangerous-class", object_group(as_hex(object_data(native=_FLASH)))),
    _case("dde", field(b"DDEAUTO inert inert"), as_word_writes()),
    _case(
        "remote-template",
        document(b"{\\*\\template http://host.invalid/a.dotm}"),
        document(b"{\\*\\template C:\\\\Users\\\\Inert\\\\Normal.dotm}"),
    ),
    _case(
        "remote-picture",
        field(b'INCLUDEPICTURE "http://host.invalid/a.png" \\\\d'),
        field(b'INCLUDEPICTURE "http://host.invalid/a.png" \\\\* MERGEFORMATINET'),
    ),
    _case(
        "remote-field",
        field(b'INCLUDETEXT "\\\\\\\\\\\\\\\\host.invalid\\\\\\\\a.doc"'),
        field(b'INCLUDETEXT "C:\\\\\\\\a.doc"'),
    ),
    _case("hidden-file", document(b"{\\pict\\bin32 " + _7Z + b"}"), document(b"{\\pict\\bin32 " + bytes(32) + b"}")),
    _case(
        "code-in-data",
        document(b"{\\pict\\bin32 " + b"\1<script>/**/</script>".ljust(32, b"\1") + b"}"),
        document(b"{\\pict\\bin32 " + b"inert".ljust(32, b"\1") + b"}"),
    ),
)
