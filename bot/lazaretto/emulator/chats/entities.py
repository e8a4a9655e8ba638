"""Formatted text: parse_mode=HTML, the entities the server finds by itself, lengths in UTF-16 code units.

https://core.telegram.org/bots/api#html-style
"""

import html
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from lazaretto.emulator.errors import ApiError, bad_request

__all__ = ["Formatted", "detect", "parse_html", "utf16_length"]

_TYPES = {
    "b": "bold",
    "strong": "bold",
    "i": "italic",
    "em": "italic",
    "u": "underline",
    "ins": "underline",
    "s": "strikethrough",
    "strike": "strikethrough",
    "del": "strikethrough",
    "code": "code",
    "pre": "pre",
    "a": "text_link",
    "blockquote": "blockquote",
    "tg-spoiler": "spoiler",
    "span": "spoiler",
}
_TAG = re.compile(r"<(/?)([A-Za-z][A-Za-z0-9-]*)((?:\s+[^<>]*)?)>")
_ATTRIBUTE = re.compile(r"""([A-Za-z-]+)\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+))""")
# Only these references are known to the server; others stay as they were written.
_REFERENCE = re.compile(r"&(?:lt|gt|amp|quot|#[0-9]{1,7}|#x[0-9A-Fa-f]{1,6});")
_PIECE = re.compile(r"[^<]+|<")
# In the order of precedence: what lies in something that was found already is part of that.
_DETECTED = (
    ("url", re.compile(r"\bhttps?://[^\s<>\"]+")),
    ("email", re.compile(r"(?<![\w.+-])[A-Za-z0-9_.+-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63})+\b")),
    ("bot_command", re.compile(r"(?<![\w/])/[A-Za-z0-9_]{1,64}(?:@[A-Za-z0-9_]{3,32})?(?![\w/])")),
    ("mention", re.compile(r"(?<![\w@])@[A-Za-z][A-Za-z0-9_]{3,31}\b")),
    ("hashtag", re.compile(r"(?<![\w#])#(?=\d*[^\W\d])\w{1,256}")),
    ("cashtag", re.compile(r"(?<![\w$])\$[A-Z]{1,8}\b")),
)
_OPAQUE = frozenset({"code", "pre", "text_link"})


@dataclass(frozen=True, slots=True)
class Formatted:
    """A text and its entities, as a message carries them."""

    text: str
    entities: tuple[dict[str, Any], ...] = ()


@dataclass(slots=True)
class _Open:
    tag: str
    offset: int
    fields: dict[str, Any]


@dataclass(slots=True)
class _Parser:
    source: str
    text: str = ""
    length: int = 0
    opened: list[_Open] = field(default_factory=list)
    entities: list[dict[str, Any]] = field(default_factory=list)

    def run(self) -> Formatted:
        position = 0
        while position < len(self.source):
            tag = _TAG.match(self.source, position)
            if tag is not None:
                self._tag(tag)
                position = tag.end()
                continue
            piece = _PIECE.match(self.source, position)
            if piece is None or piece[0] == "<":
                raise _cannot_parse(f'Unsupported start tag "" at byte offset {self._at(position)}')
            self._append(_REFERENCE.sub(lambda found: html.unescape(found[0]), piece[0]))
            position = piece.end()
        if self.opened:
            raise _cannot_parse(f'Can\'t find end tag corresponding to start tag "{self.opened[-1].tag}"')
        return _trimmed(self.text, sorted(self.entities, key=lambda e: (e["offset"], -e["length"])))

    def _append(self, text: str) -> None:
        self.text += text
        self.length += utf16_length(text)

    def _tag(self, found: re.Match[str]) -> None:
        closing, name, attributes = found[1], found[2].lower(), found[3]
        at = self._at(found.start())
        if closing:
            self._close(name, at)
            return
        if name not in _TYPES:
            raise _cannot_parse(f'Unsupported start tag "{name}" at byte offset {at}')
        values = {a[1].lower(): html.unescape(a[2] or a[3] or a[4] or "") for a in _ATTRIBUTE.finditer(attributes)}
        if name == "span" and values.get("class") != "tg-spoiler":
            raise _cannot_parse(f'Tag "span" must have class "tg-spoiler" at byte offset {at}')
        if name == "code" and self.opened and self.opened[-1].tag == "pre":
            # <pre><code class="language-x"> is one entity, a block in that language
            self.opened[-1].fields |= _language(values)
            self.opened.append(_Open(name, self.length, {}))
            return
        self.opened.append(_Open(name, self.length, _fields(name, attributes, values)))

    def _close(self, name: str, at: int) -> None:
        if not self.opened:
            raise _cannot_parse(f"Unexpected end tag at byte offset {at}")
        last = self.opened.pop()
        if last.tag != name:
            raise _cannot_parse(f'Unmatched end tag at byte offset {at}, expected "</{last.tag}>", found "</{name}>"')
        length = self.length - last.offset
        if length and last.fields:
            self.entities.append({"offset": last.offset, "length": length, **last.fields})

    def _at(self, position: int) -> int:
        return len(self.source[:position].encode())


def parse_html(source: str) -> Formatted:
    """The text without its tags. 400 "can't parse entities" for tags that are unknown or unbalanced."""
    return _Parser(source).run()


def detect(formatted: Formatted) -> Formatted:
    """Add what the server marks in any text, outside code and links: commands, mentions, addresses, tags."""
    taken = [(e["offset"], e["offset"] + e["length"]) for e in formatted.entities if e["type"] in _OPAQUE]
    found = []
    for kind, pattern in _DETECTED:
        for match in pattern.finditer(formatted.text):
            offset, length = utf16_length(formatted.text[: match.start()]), utf16_length(match[0])
            if not any(start <= offset < end for start, end in taken):
                found.append({"type": kind, "offset": offset, "length": length})
                taken.append((offset, offset + length))
    entities = sorted([*formatted.entities, *found], key=lambda e: (e["offset"], -e["length"]))
    return Formatted(formatted.text, tuple(entities))


def utf16_length(text: str) -> int:
    """Length as entities count it."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def _fields(name: str, attributes: str, values: dict[str, str]) -> dict[str, Any]:
    """The entity of a tag; empty for one that marks nothing, as a link without an address does."""
    if name == "a":
        return {"type": "text_link", "url": values["href"]} if values.get("href") else {}
    if name == "blockquote" and "expandable" in attributes:
        return {"type": "expandable_blockquote"}
    return {"type": _TYPES[name]}


def _language(values: dict[str, str]) -> dict[str, str]:
    language = values.get("class", "").removeprefix("language-")
    return {"language": language} if language else {}


def _trimmed(text: str, entities: Sequence[dict[str, Any]]) -> Formatted:
    """White space around a message is not sent; entities shrink with it."""
    cut = utf16_length(text) - utf16_length(text.lstrip())
    end = utf16_length(text.strip())
    kept = []
    for entity in entities:
        start = max(entity["offset"] - cut, 0)
        stop = min(entity["offset"] - cut + entity["length"], end)
        if stop > start:
            kept.append(entity | {"offset": start, "length": stop - start})
    return Formatted(text.strip(), tuple(kept))


def _cannot_parse(what: str) -> ApiError:
    return bad_request(f"can't parse entities: {what}")
