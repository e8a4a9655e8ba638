"""Web pages: each is told, one that brings a file along is high, and what honest pages contain is not."""

from __future__ import annotations

import base64
import time

import pytest

from carriers.html import PICTURE_LINK, html
from carriers.svg import data_link
from carriers.zip import one
from lazaretto_validators.documents import html as module
from looks import rules_of

ORDINARY = {
    "a link": html(b"<a href='https://example.invalid/?q=data:text'>x</a>"),
    "a picture in the page": html(b"<img src='" + data_link("image/png", bytes(9000)) + b"'>"),
    "a link to a picture in the page": PICTURE_LINK,
    "a font": html(b"<style>@font-face { src: url(" + data_link("font/woff2", bytes(9000)) + b") }</style>"),
    "a chart's library": html(b"<script>var u = URL.createObjectURL(new Blob([atob(x)]))</script>"),
    "a download of the same site": html(b"<a download href='report.pdf'>x</a>"),
    "an upper-case page": html().upper(),
}


@pytest.mark.parametrize("name", ORDINARY)
def test_an_honest_page_is_told_as_a_page_and_no_more(name: str) -> None:
    assert rules_of(ORDINARY[name]) == {"html.page"}


@pytest.mark.parametrize("payload", [one(data=bytes(5000)), b"#!/bin/sh\n" * 1000, b"%PDF-1.4\n" + bytes(9000)])
def test_another_file_in_base64_is_smuggling_whatever_the_script_does(payload: bytes) -> None:
    assert "html.smuggling" in rules_of(html(b"<script>x='" + base64.b64encode(payload) + b"'</script>"))


@pytest.mark.parametrize(
    ("link", "rule"),
    [
        (b"<a href='data:application/zip;base64,UEsDBA=='>", "html.download"),
        (b"<A DOWNLOAD=a HREF='data:,inert'>", "html.download"),
        (b"<a href=' search-ms:query=a&crumb=location:\\\\host.invalid\\a'>", "html.handler-link"),
        (b"<img src='file://host.invalid/a.png'>", "html.handler-link"),
        (b"<meta http-equiv=refresh content='0; url=ms-msdt:/id'>", "html.handler-link"),
        (b"<iframe src='javascript:x()'>", "html.script-link"),
    ],
)
def test_a_link_that_does_more_than_lead_on_is_found(link: bytes, rule: str) -> None:
    assert rule in rules_of(html(link))


def test_a_longer_page_than_is_read_is_not_passed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_TEXT", 1000)
    assert "unscannable.budget" in rules_of(html(b"<p>" * 1000))


@pytest.mark.parametrize("part", [b"<a href='data:,'>", b"A" * 5000 + b" ", b"<", b"<a b='"])
def test_a_page_that_is_built_to_waste_time_is_bounded(part: bytes) -> None:
    began = time.process_time()
    rules_of(html(part * (2_000_000 // len(part))))
    assert time.process_time() - began < 5
