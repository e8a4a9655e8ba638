"""Inert web pages: one deviation for each rule. A page is always told as one, so twins keep that rule."""

from __future__ import annotations

import base64

from carriers.svg import data_link
from lazaretto_validators.documents.html import LEAST_PAYLOAD
from lazaretto_validators.testing import Case

__all__ = ["CASES", "html"]

_PAGE = frozenset({"html.page"})


def html(content: bytes = b"<p>inert</p>") -> bytes:
    """A page."""
    return b"<!DOCTYPE html><html><head><title>x</title></head><body>" + content + b"</body></html>\n"


_PROGRAM = base64.b64encode(b"#!/bin/sh\n" + b"echo inert\n" * (LEAST_PAYLOAD // 8))
_TEXT = base64.b64encode(b"inert words\n" * (LEAST_PAYLOAD // 8))
_SAVER = b"var b = new Blob([atob(p)]); a.href = URL.createObjectURL(b); a.download = 'a.txt'; "


def _script(code: bytes, payload: bytes = _TEXT) -> bytes:
    return html(b"<script>" + code + b"var p = '" + payload + b"';</script>")


def _case(rule: str, broken: bytes, repaired: bytes) -> Case:
    return Case(f"html.{rule}", broken=broken, repaired=repaired, allowed=_PAGE)


CASES = (
    Case("html.page", broken=html(), repaired=b"just a text\n"),
    _case("smuggling", _script(b"", _PROGRAM), _script(b"")),
    _case(
        "download",
        html(b"<a download='a.txt' href='data:text/plain,inert'>x</a>"),
        html(b"<a download='a.txt' href='a.txt'>x</a>"),
    ),
    _case("saves", _script(_SAVER), _script(_SAVER.replace(b"createObjectURL", b"inert"))),
    _case("handler-link", html(b"<a href='ms-msdt:/id x'>x</a>"), html(b"<a href='https://example.invalid/'>x</a>")),
    _case("script-link", html(b"<a href='javascript:x()'>x</a>"), html(b"<a href='#x'>x</a>")),
)

PICTURE_LINK = html(b"<a href='" + data_link("image/png", b"") + b"'>x</a>")
