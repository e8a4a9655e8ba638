"""An object in an RTF document: its data out of the hexadecimal text, however it is written, then what it is.

    data = 8-digit version, format, class, topic, item, size, native data      [MS-OLEDS] 2.2.4, 2.2.5

Word skips whatever is no digit, which those who hide from checks make use of: so does this.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass

from lazaretto_validators.documents import rtf_rules as rules
from lazaretto_validators.documents.ole2_objects import (
    ATTACKED,
    EQUATIONS,
    REMOTE_MONIKERS,
    SHELL_EXPLORER,
    native_file,
)
from lazaretto_validators.documents.ole2_structure import SIGNATURE
from lazaretto_validators.embedded import search
from lazaretto_validators.finding import Finding
from lazaretto_validators.media_types import MEDIA_TYPES
from lazaretto_validators.source import Source
from lazaretto_validators.validator import Screening

__all__ = ["MAX_DATA", "Embedded", "decoded", "judge_object"]

MAX_DATA = 16 << 20
"""Bytes of text of one object or picture that are decoded. Spreadsheets embedded by hand have a few MiB at most."""

_NOT_HEX = bytes(set(range(256)) - set(b"0123456789abcdefABCDEF"))
_BIN = re.compile(rb"\\bin(\d{1,20}+)[ \r\n]?")
_WORD = re.compile(rb"\\(?:[a-zA-Z]{1,64}-?\d{0,20} ?|'[0-9a-fA-F]{0,2}|.)", re.DOTALL)
_CLEAN = re.compile(rb"[0-9a-fA-F\s\0]*")
_MAX_NAME = 1024  # bytes of a class or topic


@dataclass(frozen=True, slots=True)
class Embedded:
    """The text of one object's data. clean: digits and blanks alone, but for a \\bin. binary: there was one."""

    at: int
    data: bytes
    clean: bool
    binary: bool


def decoded(text: bytes, at: int, screening: Screening) -> Embedded:
    """The bytes that a text stands for."""
    texts: list[bytes] = []  # what stands in front of, between and behind the binary stretches
    out: list[bytes] = []
    begin = 0
    while match := _BIN.search(text, begin):
        texts.append(text[begin : match.start()])
        begin = match.end() + int(match[1])
        out += (_hex(texts[-1]), text[match.end() : begin])
        screening.spend()
    texts.append(text[begin:])
    data = b"".join([*out, _hex(texts[-1])])
    screening.expand(len(data))
    return Embedded(at, data, all(map(_CLEAN.fullmatch, texts)), len(texts) > 1)


def _hex(text: bytes) -> bytes:
    digits = _WORD.sub(b"", text).translate(None, _NOT_HEX) if b"\\" in text else text.translate(None, _NOT_HEX)
    return bytes.fromhex(digits[: len(digits) & ~1].decode("ascii"))


def judge_object(
    embedded: Embedded, words: frozenset[bytes], classes: list[str], screening: Screening
) -> Iterator[Finding]:
    """words: the control words of the object. classes: what its class is said to be."""
    at = embedded.at
    starting = sorted(words & {b"objupdate", b"objautlink", b"objlink", b"objocx"})
    rule = rules.OBJECT_UPDATE if starting else rules.OBJECT
    yield rule.found(at=at, where="objdata", seen=b" ".join(starting) or b"objemb")
    if embedded.binary or not embedded.clean:
        only_binary = embedded.clean and b"objupdate" not in words
        rule = rules.BINARY_OBJECT if only_binary else rules.OBFUSCATED
        yield rule.found(at=at, where="objdata", seen="other things between the digits", allowed="digits and blanks")
    yield from _judge_data(embedded, classes, screening)


def _judge_data(embedded: Embedded, classes: list[str], screening: Screening) -> Iterator[Finding]:
    at, data = embedded.at, embedded.data
    header = _Header.read(data)
    names = [name.strip().strip("\0").lower() for name in (*classes, header.name)]
    if any(name.startswith("equation") for name in names) or any(c in data for c in EQUATIONS):
        yield rules.EQUATION.found(at=at, where="objdata", seen=", ".join(filter(None, names)))
    if any(name in ("ole2link", "stdolelink") for name in names) or any(m in data for m in REMOTE_MONIKERS):
        yield rules.LINK_OBJECT.found(at=at, where="objdata", seen=", ".join(filter(None, names)))
    elif header.format == 1 and re.match(r"(?:\\\\|//|\w{2,10}:)", header.topic):
        yield rules.LINK_OBJECT.found(at=at, where="objdata", seen=header.topic)
    if attacked := next((c for c in (SHELL_EXPLORER, *ATTACKED) if c in data), None):
        yield rules.DANGEROUS_CLASS.found(at=at, where="objdata", seen=attacked.hex())
    if header.fault:
        yield rules.OBJECT_HEADER.found(at=at, where="objdata", seen=header.fault, allowed=f"{len(data)} bytes")
    yield from _hand_over(embedded, header, screening)


@dataclass(frozen=True, slots=True)
class _Header:
    """The header of an OLE 1 object. end: where the native data begin, and of what length they are."""

    format: int = 0
    name: str = ""
    topic: str = ""
    end: int = 0
    length: int = 0
    fault: str = ""

    @classmethod
    def read(cls, data: bytes) -> _Header:
        """Of the bytes as they are: each length is believed only as far as there are bytes."""
        if len(data) < 8:
            return cls(fault=f"{len(data)} bytes") if data else cls()
        kind, at, texts = struct.unpack_from("<L", data, 4)[0], 8, ["", "", ""]
        for index in range(3):
            length = struct.unpack_from("<L", data, at)[0] if at + 4 <= len(data) else len(data)
            texts[index] = data[at + 4 : at + 4 + min(length, _MAX_NAME)].rstrip(b"\0").decode("latin-1")
            at += 4 + length
            if at > len(data):
                return cls(kind, texts[0], texts[1], fault=f"a name ends at {at}")
        if kind != 2 or at + 4 > len(data):
            return cls(kind, texts[0], texts[1], at)
        length = struct.unpack_from("<L", data, at)[0]
        over = at + 4 + length > len(data)
        return cls(kind, texts[0], texts[1], at + 4, length, f"data end at {at + 4 + length}" if over else "")


def _hand_over(embedded: Embedded, header: _Header, screening: Screening) -> Iterator[Finding]:
    """The object as a member: a compound file, a packaged file, or what its bytes are. Then what stands behind it."""
    data = embedded.data
    end = header.end + header.length if header.end and not header.fault else len(data)
    if (compound := data.find(SIGNATURE)) >= 0:
        end = end if compound == header.end else len(data)
        screening.member("object", Source.of_bytes(data[compound:end]), nameless=True)
    else:
        native = data[header.end : header.end + header.length] if header.end else data
        if header.name.strip("\0").lower() == "package" and native[:2] == b"\2\0":
            file = native_file(Source.of_bytes(bytes(4) + native))
            if file.command:
                yield rules.LINK_OBJECT.found(at=embedded.at, where="objdata", seen=file.command)
            else:
                screening.member(file.name or "package", file.content, nameless=not file.name)
        elif native.strip(b"\0"):
            screening.member("object", Source.of_bytes(native.lstrip(b"\0")), nameless=True)
    # Word writes how the object looks behind it: a metafile, in which no other file stands.
    if hit := search(Source.of_bytes(data[end:]), 0, scripts=False):
        yield rules.HIDDEN_FILE.found(at=embedded.at, where="objdata", seen=MEDIA_TYPES[hit[1]].label)
