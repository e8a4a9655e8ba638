"""PDF syntax: the values that objects are made of. ISO 32000-2, 7.2 (lexical conventions) and 7.3 (objects).

    value  = null | true | false | number | (string) | <hex string> | /name | [ value* ] | << (/name value)* >> | n g R
    object = n g "obj" value ["stream" bytes "endstream"] "endobj"

Readers repair nearly everything here, so this one does, too, and keeps what it repaired as `faults`. Two ways lead
through an object: `sound_end` answers in one regular expression how far it is written as the specification says;
`parse` takes it apart. Most objects of a file need the first alone.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import NamedTuple, TypeAlias

from lazaretto_validators.names import words

__all__ = [
    "BETWEEN", "BLANKS", "FIRST", "HEAD", "KEYWORDS", "MAX_DEPTH", "STRING", "WHITE", "Name", "Parsed", "Ref",
    "Value", "name_of", "parse", "sound_end", "text_of",
]  # fmt: skip

WHITE = b"\0\t\n\f\r "
"""White-space characters (7.2.3, table 1); between brackets, the class of them in a regular expression."""

MAX_DEPTH = 256
"""Arrays and dictionaries inside each other. Readers recurse; honest documents stay below twenty."""

FIRST = " (first)"
"""What is added to a key that another value follows for, as no name of ours is written."""

MAX_FAULTS = 16  # repairs in one object, after which it is no object (readers give up, too)


class Name(str):
    """A name, escapes resolved (7.3.5)."""

    __slots__ = ()


class Ref(NamedTuple):
    """A reference to an indirect object (7.3.10)."""

    number: int
    generation: int


Value: TypeAlias = "bool | int | float | bytes | Name | Ref | list[Value] | dict[str, Value] | None"

KEYWORDS = words(
    "JS JavaScript OpenAction AA Launch EmbeddedFile EmbeddedFiles EF RichMedia XFA JBIG2Decode FlateDecode "
    "ASCIIHexDecode ASCII85Decode LZWDecode RunLengthDecode DCTDecode JPXDecode CCITTFaxDecode Crypt Filter "
    "DecodeParms Length Type Subtype S A F UF URI SubmitForm ImportData GoToR GoToE GoTo Rendition Movie Sound Action "
    "AcroForm ObjStm XRef Catalog Pages Page Kids Names Encrypt Root Win Annots Annot Widget Link FileAttachment 3D "
    "Contents Next FontMatrix ByteRange"
)
"""Names that readers act on: whoever writes one with escapes hides it (threats PDF-13)."""

_REGULAR = rb"[^" + WHITE + rb"()<>\[\]{}/%]"
_NUMBER = rb"[+-]?(?:\d++\.?\d*+|\.\d++)(?!" + _REGULAR + rb")"
_STRING = rb"\((?:[^()\\]++|\\.|\((?:[^()\\]++|\\.)*+\))*+\)"  # parentheses inside are rarely nested deeper

STRING = re.compile(_STRING, re.DOTALL)
"""A literal string (7.3.4.2)."""

BLANKS = re.compile(rb"[" + WHITE + rb"]*+")

BETWEEN = rb"(?:[" + WHITE + rb"]++|%[^\r\n]*+[\r\n])"
"""What may stand between tokens: blanks, comments (7.2.4)."""

HEAD = re.compile(rb"(\d{1,10})" + BETWEEN + rb"++(\d{1,10})" + BETWEEN + rb"*+obj(?!" + _REGULAR + rb")")
"""The head of an indirect object (7.3.10)."""

_SOUND = re.compile(
    rb"(?:[" + WHITE + rb"]++|/" + _REGULAR + rb"*+|" + _NUMBER + rb"|" + _STRING + rb"|<<|>>|[\[\]]"
    rb"|<[0-9A-Fa-f" + WHITE + rb"]*+>|(?:true|false|null|R)(?!" + _REGULAR + rb"))*+",
    re.DOTALL,
)
_TOKEN = re.compile(
    rb"[" + WHITE + rb"]*+(?:%[^\r\n]*+[" + WHITE + rb"]*+)*+(?:"
    rb"(" + _NUMBER + rb")|(/" + _REGULAR + rb"*+)|(<<|\[)|(>>|\])|(" + _STRING + rb")|(<[0-9A-Fa-f" + WHITE + rb"]*+>)"
    rb"|(" + _REGULAR + rb"++)|(.))",
    re.DOTALL,
)
_NUMBER_GROUP, _NAME, _OPEN, _CLOSE, _SIMPLE, _HEX, _WORD, _OTHER = range(1, 9)
_ESCAPE = re.compile(rb"#([0-9A-Fa-f]{2})")
_IN_STRING = re.compile(rb"[()]|\\.", re.DOTALL)
_BACKSLASH = re.compile(rb"\\(?:([0-7]{1,3})|(\r\n|.))", re.DOTALL)
_CONTROLS = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"b": b"\b", b"f": b"\f", b"\n": b"", b"\r": b"", b"\r\n": b""}
_LOOSE_NUMBER = re.compile(rb"[+-]*[\d.]*(?:[eE][+-]?\d+)?-?[\d.]*|[+-]?(?i:nan|inf(?:inity)?)|undefined")
_WORDS: dict[bytes, Value] = {b"null": None, b"true": True, b"false": False}
_ENDS = frozenset((b"endobj", b"stream", b"endstream", b"xref", b"trailer", b"startxref"))


@dataclass(slots=True)
class Parsed:
    """One object taken apart.

    value: None where there is none. end: behind its last token; where the word `ending` begins, if one ended it.
    faults: (offset, what) of what had to be repaired. hidden: keywords written with escapes.
    tokens: how many there were. too_deep: it is nested beyond MAX_DEPTH.
    """

    value: Value = None
    end: int = 0
    ending: bytes = b""
    faults: list[tuple[int, str]] = field(default_factory=list)
    hidden: list[str] = field(default_factory=list)
    tokens: int = 0
    too_deep: bool = False


def sound_end(data: bytes, at: int, until: int = 1 << 62) -> int:
    """Where a sequence of well-formed tokens ends that begins at `at`.

    -1 - that place if more brackets are opened than closed, or so many that they could be nested too deeply. What stops
    it need not be wrong: comments, parentheses in strings and other rare things need `parse`.
    """
    found = _SOUND.match(data, at, min(until, len(data)))
    end = found.end() if found else at
    dictionaries, arrays = data.count(b"<<", at, end), data.count(b"[", at, end)
    balanced = dictionaries == data.count(b">>", at, end) and arrays == data.count(b"]", at, end)
    return end if balanced and dictionaries + arrays <= MAX_DEPTH else -1 - end


def parse(data: bytes, at: int = 0, *, one: bool = False) -> Parsed:
    """The value at `at`, to the word that ends the object, or to the end of the data (then `ending` is empty).

    one: only to the end of the first value, as in a stream of objects, where no word ends it.
    """
    parsed = Parsed()
    parser = _Parser(data, parsed)
    parser.one = one
    parser.run(at)
    return parsed


class _Parser:
    """The containers that are open, innermost last; `items` are those of the innermost."""

    def __init__(self, data: bytes, parsed: Parsed) -> None:
        self.data = data
        self.parsed = parsed
        self.items: list[Value] = []
        self.starts: list[int] = []  # of the items outside any container
        self.stack: list[tuple[bytes, list[Value]]] = []
        self.one = False
        self.names: dict[bytes, Name] = {}

    def run(self, at: int) -> None:
        data, parsed, names = self.data, self.parsed, self.names
        size, match, tokens = len(data), _TOKEN.match, 0
        parsed.end = size
        while (found := match(data, at)) and (group := found.lastindex):
            tokens += 1
            text = found[group]
            start, at = found.start(group), found.end()
            if group == _NAME and self.stack:
                if (name := names.get(text)) is None:
                    name = self._name(text)
                self.items.append(name)
                continue
            parsed.end = 0
            if self._take(group, text, start):
                break
            at = max(at, parsed.end)
            parsed.end = size
            if len(parsed.faults) > MAX_FAULTS or parsed.too_deep or (self.one and self._is_complete()):
                parsed.end = at
                break
        parsed.tokens += tokens
        self._close_all(parsed.end)

    def _is_complete(self) -> bool:
        """Is there a value? A number may still become a reference."""
        return not self.stack and bool(self.items) and (len(self.items) > 2 or type(self.items[0]) is not int)

    def _take(self, group: int, text: bytes, start: int) -> bool:
        """One token. True where it ends the object."""
        if not self.stack:
            self.starts.append(start)
        if group == _NUMBER_GROUP:
            self.items.append(float(text) if b"." in text else int(text[:20]))
        elif group == _NAME:
            self.items.append(self._name(text))
        elif group == _SIMPLE:
            self.items.append(_unescaped(text[1:-1]))
        elif group == _HEX:
            self.items.append(_from_hex(text[1:-1]))
        elif group == _OPEN:
            self.stack.append((text, self.items))
            self.items = []
            self.parsed.too_deep = len(self.stack) > MAX_DEPTH
        elif group == _CLOSE:
            self._close(text, start)
        elif group == _WORD:
            return self._word(text, start)
        else:
            self._other(text, start)
        return False

    def _word(self, text: bytes, start: int) -> bool:
        if text == b"R" and len(self.items) >= 2 and type(self.items[-1]) is type(self.items[-2]) is int:
            generation, number = self.items.pop(), self.items.pop()
            assert isinstance(number, int) and isinstance(generation, int)  # noqa: S101, PT018 - told to the type checker
            self.items.append(Ref(number, generation))
        elif text in _WORDS:
            self.items.append(_WORDS[text])
        elif text in _ENDS or (text == b"obj" and not self.stack and len(self.starts) >= 3):
            self.parsed.end = self.starts[-3] if text == b"obj" else start
            self.parsed.ending = text
            if text == b"obj":
                del self.items[-2:]
            return True
        elif text.startswith((b"endobj", b"endstream")):  # the next token runs into it
            self.parsed.end, self.parsed.ending = start, b"endobj"
            return True
        else:
            if not _LOOSE_NUMBER.fullmatch(text):
                self.parsed.faults.append((start, f"word {text[:20]!r}"))
            self.items.append(0)
        return False

    def _other(self, text: bytes, start: int) -> None:
        if text == b"(":
            end = _end_of_string(self.data, start)
            if end < 0:
                self.parsed.faults.append((start, "string without end"))
                end = len(self.data)
            self.items.append(_unescaped(self.data[start + 1 : end - 1]))
            self.parsed.end = end
        elif text == b"<":
            end = self.data.find(b">", start, start + 65536) + 1 or start + 1
            self.parsed.faults.append((start, "hexadecimal string"))
            self.items.append(b"")
            self.parsed.end = end
        else:
            self.parsed.faults.append((start, f"character {text!r}"))

    def _name(self, text: bytes) -> Name:
        if b"#" not in text:
            name = self.names[text] = Name(text[1:].decode("latin-1"))
            return name
        name = Name(_ESCAPE.sub(lambda code: bytes((int(code[1], 16),)), text[1:]).decode("latin-1"))
        if name in KEYWORDS:
            self.parsed.hidden.append(name)
        return name

    def _close(self, text: bytes, start: int) -> None:
        if not self.stack or (self.stack[-1][0] == b"[") != (text == b"]"):
            self.parsed.faults.append((start, f"{text.decode()} without its beginning"))
            return
        self._fold(start)

    def _fold(self, at: int) -> None:
        kind, outer = self.stack.pop()
        outer.append(self.items if kind == b"[" else self._paired(at))
        self.items = outer

    def _paired(self, at: int) -> dict[str, Value]:
        """A dictionary. Of a key that stands there twice some readers take the first value: it is kept as FIRST."""
        pairs: dict[str, Value] = {}
        items, index = self.items, 0
        while index < len(items):
            key = items[index]
            if not isinstance(key, Name):
                self.parsed.faults.append((at, "dictionary key that is no name"))
                index += 1
                continue
            if index + 1 == len(items):
                self.parsed.faults.append((at, f"key {key[:40]!r} without a value"))
            else:
                if key in pairs and pairs[key] != items[index + 1]:
                    pairs.setdefault(key + FIRST, pairs[key])
                pairs[key] = items[index + 1]
            index += 2
        return pairs

    def _close_all(self, at: int) -> None:
        if self.stack and self.parsed.ending:
            self.parsed.faults.append((at, "array or dictionary without end"))
        while self.stack:
            self._fold(at)
        self.parsed.value = self.items[0] if self.items else None
        if len(self.items) > 1 and self.parsed.ending:
            self.parsed.faults.append((at, "more than one value"))


def _end_of_string(data: bytes, start: int) -> int:
    """Behind the parenthesis that closes the string opened at `start`; -1 if there is none."""
    depth = 0
    for found in _IN_STRING.finditer(data, start):
        if found[0] == b"(":
            depth += 1
        elif found[0] == b")":
            depth -= 1
            if not depth:
                return found.end()
    return -1


def _unescaped(body: bytes) -> bytes:
    return _BACKSLASH.sub(_escape, body) if b"\\" in body else body


def _escape(found: re.Match[bytes]) -> bytes:
    """7.3.4.2, table 3: an unknown one stands for its character."""
    if found[1]:
        return bytes((int(found[1], 8) & 0xFF,))
    return _CONTROLS.get(found[2], found[2])


def _from_hex(digits: bytes) -> bytes:
    digits = digits.translate(None, WHITE)
    return bytes.fromhex((digits + b"0" * (len(digits) & 1)).decode("ascii"))


def name_of(value: Value) -> str:
    """A name, "" for anything else: what is asked of sets must be hashable."""
    return value if isinstance(value, Name) else ""


def text_of(value: Value) -> str:
    """A text string (7.9.2.2): UTF-16 or UTF-8 by its mark, else taken as Latin-1, which ASCII is the same in."""
    if not isinstance(value, bytes):
        return ""
    if value[:2] in (b"\xfe\xff", b"\xff\xfe"):
        return value.decode("utf-16", errors="replace")
    return value.removeprefix(b"\xef\xbb\xbf").decode("utf-8" if value[:3] == b"\xef\xbb\xbf" else "latin-1", "replace")
