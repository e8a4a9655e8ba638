"""The tags of a web page as browsers find them. WHATWG HTML 13.2.5, https://html.spec.whatwg.org/#tokenization.

    tag       = "<" letter ... (blank | "/" | name ["=" value])* ">"      value in quotes or without
    comment   = "<!--" ... ("-->" | "--!>"), at once closed by ">" or "->"; and all else behind "<!", "<?", "</"
    raw text  = what stands in <script>, <style>, <title> ... up to their own end tag

Nothing is malformed here: every text is a page. What XML would make of the same text is another matter, which those
know who hide a link from checks.

Not done: in a drawing or a formula inside the page, no raw text and CDATA instead (13.2.6.5) apply until an element of
the page breaks out of it. The tree that decides so is not built: with `drawn`, all of the page is read so.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator

from lazaretto_validators.documents.xml_tokens import Tag
from lazaretto_validators.names import words

__all__ = ["html_tags"]

_OPENING = re.compile(r"<(?:(!--)|(!\[CDATA\[)|(/?)([a-zA-Z][^\s/>]*+)|[!?/])")
_ABRUPT = re.compile(r"-?>")
_COMMENT_END = re.compile(r"--!?>")
_ATTRIBUTE = re.compile(
    r"""[\s/]*+(?!>)(=?[^\s/>=]*+)(?:\s*+(=)\s*+(?:"([^"]*+)"|'([^']*+)'|(?!["'])([^\s>]*+)|(["'])))?""", re.DOTALL
)
_TAG_END = re.compile(r"[\s/]*+>")
_RAW = words("style title textarea xmp iframe noembed noframes noscript")
_RAW_END = {name: re.compile(rf"</{name}(?=[\s/>])", re.IGNORECASE) for name in _RAW}
_IN_SCRIPT = re.compile(r"(<!--(?!-?>))|(-->)|<(/?)script(?=[\s/>])", re.IGNORECASE)


def html_tags(text: str, *, drawn: bool = False) -> Iterator[Tag]:
    """The start tags, names and attributes in lower case, of attributes of one name the first."""
    position = 0
    while position >= 0 and (opening := _OPENING.search(text, position)):
        behind = opening.end()
        if opening[1]:
            abrupt = _ABRUPT.match(text, behind)
            closed = abrupt or _COMMENT_END.search(text, behind)
            position = closed.end() if closed else -1
        elif opening[2] and drawn:
            position = text.find("]]>", behind)
        elif not opening[4]:
            position = text.find(">", behind)
        else:
            attributes, position = _attributes(text, behind)
            if position >= 0 and not opening[3]:
                name, at = opening[4].lower(), opening.start()
                yield Tag(name, False, attributes, tuple(attributes.items()), at, text[at : position - 1])
                position = _behind_raw_text(text, name, position, drawn)


def _attributes(text: str, position: int) -> tuple[dict[str, str], int]:
    """The attributes of a tag, and the place behind it: -1 where it is not closed, and so no tag."""
    attributes: dict[str, str] = {}
    while not (end := _TAG_END.match(text, position)):
        found = _ATTRIBUTE.match(text, position)
        if found is None or found.end() == position or found[6]:
            return attributes, -1
        name, position = found[1].lower(), found.end()
        if name:
            attributes.setdefault(name, html.unescape(found[3] or found[4] or found[5] or ""))
    return attributes, end.end()


def _behind_raw_text(text: str, name: str, position: int, drawn: bool) -> int:
    """Where tags are looked for again behind a start tag; -1 where its text goes on to the end."""
    if name == "plaintext" and not drawn:
        return -1
    if name == "script":
        return _end_of_script(text, position)
    if name in _RAW and not drawn:
        end = _RAW_END[name].search(text, position)
        return end.start() if end else -1
    return position


def _end_of_script(text: str, position: int) -> int:
    """The end tag of a script. 13.2.5.20 to 27: within `<!--`, a `<script>` and its end tag are text."""
    escaped = doubly = False
    for mark in _IN_SCRIPT.finditer(text, position):
        if mark[1]:
            escaped = True
        elif mark[2]:
            escaped = doubly = False
        elif not mark[3]:
            doubly = escaped
        elif doubly:
            doubly = False
        else:
            return mark.start()
    return -1
