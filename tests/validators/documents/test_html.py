"""Web pages: each is told, one that brings a file along is high, and what honest pages contain is not."""

from __future__ import annotations

import base64
import gzip
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
    "a picture of the own disk": html(b"<img src='file:///C:/Users/a/b.png'><img src='file://localhost/a.png'>"),
    "a map in a frame": html(b"<iframe src='" + data_link("text/html", html(b"map" * 3000)) + b"'></iframe>"),
    "compiled code": html(b"<script>x='" + base64.b64encode(b"\0asm\1\0\0\0" + bytes(9000)) + b"'</script>"),
    "packed data": html(b"<script>x='" + base64.b64encode(gzip.compress(bytes(range(256)) * 9, 0) * 3) + b"'</script>"),
    "a link in a script": html(b"<script>s='<a download href=\"data:text/csv,' + x + '\">'</script>"),
    "a link in a text area": html(b"<textarea><a href='ms-msdt:/id'></textarea>"),
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
        (b"<a href=ms-msdt:/id>", "html.handler-link"),
        (b"<a/href=ms-msdt:/id>", "html.handler-link"),
        (b"<a href = 'ms-\nmsdt:/id' href='#'>", "html.handler-link"),
        (b"<p '><a href='ms-msdt:/id'>", "html.handler-link"),
        (b"a < b \"<a href='ms-msdt:/id'>", "html.handler-link"),
        (b"<!--><a href='ms-msdt:/id'>", "html.handler-link"),
        (b"<!-- --!><a href='ms-msdt:/id'>", "html.handler-link"),
        (b"<![CDATA[><a href='ms-msdt:/id'>", "html.handler-link"),
        (b"<?x><a href='ms-msdt:/id'>", "html.handler-link"),
        (b"<title><!--</title><a href='ms-msdt:/id'>", "html.handler-link"),
        (b"<script>'<!--'</script><a href='ms-msdt:/id'>", "html.handler-link"),
        (b"<script><!--<script></script> <!-- </script><a href='ms-msdt:/id'> -->", "html.handler-link"),
        (b"<svg><style><b><a href='ms-msdt:/id'></b></style></svg>", "html.handler-link"),
        (b"<svg><![CDATA[<!--]]><a href='ms-msdt:/id'></svg>", "html.handler-link"),
        (b"<a href='file:///\\\\host.invalid\\a!x'>", "html.handler-link"),
        (b"<a href='file:////host.invalid/a'>", "html.handler-link"),
        (b"<a download href='da\nta:,inert'>", "html.download"),
    ],
)
def test_a_link_that_does_more_than_lead_on_is_found(link: bytes, rule: str) -> None:
    assert rule in rules_of(html(link))


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig"])
def test_a_page_is_read_in_its_encoding(encoding: str) -> None:
    page = html(b"<a href=ms-msdt:/id><script>x='" + base64.b64encode(one(data=bytes(5000))) + b"'</script>")
    assert rules_of(page.decode().encode(encoding)) == {"html.page", "html.handler-link", "html.smuggling"}


def test_escapes_of_a_japanese_encoding_hide_no_tag() -> None:
    page = b"<meta charset=ISO-2022-JP><body><a hr\x1b(Bef=ms-msd\x1b(Bt:/id>"
    assert rules_of(page) == {"html.page", "html.handler-link"}


def test_base64_in_many_lines_is_put_together() -> None:
    letters = base64.b64encode(one(data=bytes(9000)))
    lines = b"' +\n '".join(letters[at : at + 76] for at in range(0, len(letters), 76))
    assert "html.smuggling" in rules_of(html(b"<script>x='" + lines + b"'</script>"))


@pytest.mark.parametrize("lead", [b"<!-- " + b"x" * 70_000 + b" -->", b"\n" * 5000, b"<!-- x -->" * 100])
def test_a_page_behind_a_long_comment_is_one(lead: bytes) -> None:
    assert "html.page" in rules_of(lead + html())


def test_a_fragment_that_runs_code_is_told_as_a_page() -> None:
    assert rules_of(b"<img src=x onerror=x()>\n") == {"html.page"}
    assert rules_of(b"<p align=center>inert</p>\n") == set()


def test_xml_with_a_script_of_a_page_is_one() -> None:
    script = b"<script xmlns='http://www.w3.org/1999/xhtml'>x()</script>"
    assert "html.page" in rules_of(b"<?xml version='1.0'?><x>" + script + b"</x>")
    assert "html.page" in rules_of(b"<x xmlns:h='http://www.w3.org/2000/svg'><h:script>x()</h:script></x>")
    assert rules_of(b"<?xml version='1.0'?><x xmlns:h='http://www.w3.org/1999/xhtml'><script/></x>") == set()


def test_a_page_in_a_frame_is_judged_as_a_page() -> None:
    inner = data_link("text/html", html(b"<a href='ms-msdt:/id'>"))
    assert "html.handler-link" in rules_of(html(b"<iframe src='" + inner + b"'></iframe>"))


def test_a_longer_page_than_is_read_is_not_passed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_TEXT", 1000)
    assert "unscannable.budget" in rules_of(html(b"<p>" * 1000))


@pytest.mark.parametrize(
    "part",
    [
        b"<a href='data:,'>",
        b"A" * 5000 + b" ",
        b"<",
        b"<a b='",
        b"<a b=\"'",
        b"<!--",
        b"<script><!--",
        b"<title>",
        b"<svg ",
        b"<a=/",
        b"A" * 60 + b"+'",
        b"data:html,",
    ],
)
def test_a_page_that_is_built_to_waste_time_is_bounded(part: bytes) -> None:
    began = time.process_time()
    rules_of(html(part * (2_000_000 // len(part))))
    assert time.process_time() - began < 5
