"""Inert SVG drawings: a valid default, and one deviation for each rule."""

from __future__ import annotations

import base64

from lazaretto_validators.testing import Case

__all__ = ["CASES", "data_link", "svg"]

_SPACES = b'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'


def svg(content: bytes = b'<path d="M0 0h1"/>', *, before: bytes = b"", attributes: bytes = b"") -> bytes:
    """A drawing; `before` stands in front of the root element."""
    return before + b"<svg " + _SPACES + attributes + b">" + content + b"</svg>"


def data_link(media_type: str, content: bytes) -> bytes:
    """A `data:` address."""
    return f"data:{media_type};base64,".encode() + base64.b64encode(content)


def _copies(levels: int, each: int) -> bytes:
    rows = [b'<g id="a0"><path d="M0 0"/></g>']
    for level in range(1, levels + 1):
        copies = f'<use href="#a{level - 1}"/>'.encode() * each
        rows.append(f'<g id="a{level}">'.encode() + copies + b"</g>")
    return b"".join(rows)


def _case(rule: str, broken: bytes, repaired: bytes, allowed: tuple[str, ...] = ()) -> Case:
    return Case(f"svg.{rule}", broken=broken, repaired=repaired, allowed=frozenset(allowed))


CASES = (
    _case("script", svg(b"<script/>"), svg(b"<g/>")),
    _case("event-handler", svg(attributes=b' onload="x()"'), svg(attributes=b' class="x()"')),
    _case(
        "script",
        svg(before=b'<?xml-stylesheet type="text/xsl" href="#s"?>'),
        svg(before=b'<?xml-stylesheet href="a.css"?>'),
    ),
    _case(
        "event-handler",
        svg(before=b'<!DOCTYPE svg [<!ATTLIST svg onload CDATA "x()">]>'),
        svg(before=b'<!DOCTYPE svg [<!ATTLIST svg onload CDATA #IMPLIED xmlns:xlink CDATA #FIXED "x">]>'),
    ),
    _case(
        "encoded-link",
        svg(b'<a href="&ns_a;"/>', before=b'<!DOCTYPE svg [<!ENTITY ns_a "inert">]>'),
        svg(b'<a style="&st0;" href="?a&amp;b"/>', before=b'<!DOCTYPE svg [<!ENTITY st0 "fill:none;">]>'),
    ),
    _case("script-link", svg(b'<a href="javascript:x()"/>'), svg(b'<a href="#x"/>')),
    _case(
        "animated-link",
        svg(b'<set attributeName="xlink:href" to="#a"/>'),
        svg(b'<set attributeName="fill" to="#aaa"/>'),
    ),
    _case("handler-link", svg(b'<a href="search-ms:query=x"/>'), svg(b'<a href="https://example.invalid/"/>')),
    _case(
        "data-link",
        svg(b'<a href="' + data_link("text/plain", b"inert") + b'"/>'),
        svg(b'<a href="#inert"/>'),
    ),
    _case(
        "encoded-link",
        svg(b'<a href="&#104;&#116;&#116;&#112;&#58;//example.invalid"/>'),
        svg(b'<a href="http://example.invalid"/>'),
    ),
    _case("code", svg(b"<?php inert ?>"), svg(b"<?note inert ?>")),
    _case("external", svg(b'<image href="http://example.invalid/a.png"/>'), svg(b'<image href="a.png"/>')),
    _case("html", svg(b"<iframe/>"), svg(b"<g/>")),
    _case("foreign-object", svg(b"<foreignObject/>"), svg(b"<g/>")),
    _case(
        "entity",
        svg(before=b'<!DOCTYPE svg [<!ENTITY a "x">]>'),
        svg(before=b"<!DOCTYPE svg [<!-- x -->]>"),
    ),
    _case(
        "doctype",
        svg(before=b'<!DOCTYPE svg SYSTEM "file:///inert">'),
        svg(
            before=b'<!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "http://www.w3.org/Graphics/SVG/1.1/DTD/svg11.dtd">'
        ),
    ),
    _case(
        "encoding",
        svg(before=b'<?xml version="1.0" encoding="UTF-7"?>'),
        svg(before=b'<?xml version="1.0" encoding="UTF-8"?>'),
    ),
    _case("growth", svg(_copies(6, 10)), svg(_copies(5, 10))),
    _case("use-loop", svg(b'<g id="a"><use href="#a"/></g>'), svg(b'<g id="a"><use href="#b"/></g>')),
    _case("unbalanced", svg(b"<g></h></g>"), svg(b"<g><h></h></g>")),
    _case("truncated", svg()[:-1], svg()),
)
