"""SVG: what honest drawings contain goes on, what runs or calls out is found however it is spelt, bounds hold."""

from __future__ import annotations

import gzip
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from carriers.png import png
from carriers.programs import a_pe
from carriers.svg import data_link, svg
from lazaretto_validators import Limits, Severity, Source, inspect
from lazaretto_validators.images import svg as module
from lazaretto_validators.registry import default_registry
from looks import rules_of

RULES = default_registry().rules


def worst_of(data: bytes) -> Severity | None:
    found = inspect(Source.of_bytes(data)).findings
    return min((RULES[finding.rule].severity for finding in found), key=lambda s: s.rank, default=None)


ORDINARY = {
    "a picture in the drawing": svg(b'<image href="' + data_link("image/png", png()) + b'"/>'),
    "a link to a page": svg(b'<a href="https://example.invalid/"><path d="M0 0"/></a>'),
    "a style sheet of its own": svg(b"<style>.a { fill: url(#g) } @media print { .a { fill: red } }</style>"),
    "a filter by reference": svg(b'<g filter="url(#blur)"/><feGaussianBlur stdDeviation="3.5"/>'),
    "text of a diagram": svg(b'<foreignObject><div xmlns="http://www.w3.org/1999/xhtml">a<br/>b</div></foreignObject>'),
    "a path of very many points": svg(b'<path d="' + b"M0 0h1 " * 40_000 + b'"/>'),
    "a picture with much space": svg(b'<image href="' + data_link("image/png", png()) + b" " * 200_000 + b'"/>'),
    "Illustrator's styles": svg(
        b'<path style="&st0;" d="M0 0"/>', before=b'<!DOCTYPE svg [<!ENTITY st0 "fill:#FFFFFF;stroke:none;">]>'
    ),
    "Graphviz's name space": svg(
        before=b'<!DOCTYPE svg [<!ATTLIST svg xmlns:xlink CDATA #FIXED "http://www.w3.org/1999/xlink">]>'
    ),
    "a picture of the own disk": svg(b'<a href="file:///C:/inert.png"/>'),
    "Illustrator's name spaces": svg(
        before=b'<!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "http://www.w3.org/Graphics/SVG/1.1/DTD/svg11.dtd" ['
        b'<!ENTITY ns_svg "http://www.w3.org/2000/svg"> <!ENTITY ns_ai "http://ns.adobe.com/AdobeIllustrator/10.0/">]>'
    ),
    "a comment about scripts": svg(b"<!-- no <script> here, and no onload -->"),
    "one element": b'<svg xmlns="http://www.w3.org/2000/svg"/>\n',
    "a byte order mark": b"\xef\xbb\xbf" + svg(),
    "UTF-16": b"\xff\xfe" + svg().decode().encode("utf-16-le"),
    "Latin-1 in a title": svg(b"<title>caf\xe9</title>"),
    "an attribute that begins like a handler": svg(b'<g one="1" on="x"/>'),
}


@pytest.mark.parametrize("name", ORDINARY)
def test_what_honest_drawings_contain_goes_on(name: str) -> None:
    assert worst_of(ORDINARY[name]) in (None, Severity.INFO), rules_of(ORDINARY[name])


SPELLINGS = {
    "a prefix": (svg(b"<s:script xmlns:s='http://www.w3.org/2000/svg'/>"), "svg.script"),
    "other case": (svg(b"<SCRIPT/>"), "svg.script"),
    "no space between attributes": (svg(b'<g id="a"onclick="x()"/>'), "svg.event-handler"),
    "numbers for letters": (svg(b'<a href="&#106;avascript&colon;x()"/>'), "svg.script-link"),
    "blanks in the scheme": (svg(b'<a href=" java&#10;script:x()"/>'), "svg.script-link"),
    "xlink": (svg(b'<a xlink:href="javascript:x()"/>'), "svg.script-link"),
    "an animation": (svg(b'<animate attributeName="href" values="#a;javascript:x()"/>'), "svg.animated-link"),
    "a prefix that begins like a declaration": (svg(b'<a xmlnsx:href="javascript:x()"/>'), "svg.script-link"),
    "the same name with another prefix": (svg(b'<a href="javascript:x()" z:href="#"/>'), "svg.script-link"),
    "an instruction with an angle bracket": (svg(b"<?a > <!-- ?><script/><!-- -->"), "svg.script"),
    "a comment in the document type": (svg(b"<script/>", before=b"<!DOCTYPE svg [<!-- ]> -->]>"), "svg.script"),
    "a text in the document type": (
        svg(b"<script/><!-- -->", before=b'<!DOCTYPE svg [<!NOTATION n SYSTEM "><!--">]>'),
        "svg.script",
    ),
    "very many comments": (svg(b"<script/>", before=b"<!-- -->" * 100), "svg.script"),
    "behind a long tag": (svg(b'<path d="' + b"M0 0" * 20_000 + b'"/><script/>'), "svg.script"),
    "slashes between attributes": (b"<svg/onload=x()></svg>", "svg.event-handler"),
    "a form's button": (
        svg(b'<foreignObject><button formaction="javascript:x()"/></foreignObject>'),
        "svg.script-link",
    ),
    "a line end in the scheme of data": (svg(b'<use href="da&#10;ta:image/svg+xml,%3Csvg/%3E"/>'), "svg.data-link"),
    "blanks before base64": (svg(b'<image href="data:text/html; base64 ,aW5lcnQ="/>'), "svg.data-link"),
    "a picture of a page": (svg(b'<foreignObject><img src="//example.invalid/a"/></foreignObject>'), "svg.external"),
    "an escape in a sheet": (svg(b"<style>a{fill:u\\72 l(//example.invalid/a)}</style>"), "svg.external"),
    "an instruction far away": (
        svg(before=b"<?xml-stylesheet " + b" " * 900 + b'href="&#104;ttp://example.invalid/a.css"?>'),
        "svg.external",
    ),
    "an encoding by another name": (svg(before=b'<?xml version="1.0" encoding="csISO2022JP"?>'), "svg.encoding"),
    "an attribute by default": (
        svg(b"<a/>", before=b'<!DOCTYPE svg [<!ATTLIST a href CDATA #FIXED "javascript:x()">]>'),
        "svg.script-link",
    ),
    "a sheet": (svg(b"<style>@import url(//example.invalid/a.css);</style>"), "svg.external"),
    "an instruction": (svg(before=b'<?xml-stylesheet href="http://example.invalid/a.xsl"?>'), "svg.external"),
    "a share": (svg(b'<image href="file://host.invalid/a.png"/>'), "svg.handler-link"),
    "UTF-16 without a mark": (svg(b"<script/>").decode().encode("utf-16-le"), "svg.script"),
    "behind a character that is no UTF-8": (svg(b"\xff<script/>"), "svg.script"),
    "after a closed element of another name": (svg(b"</g><script/>"), "svg.script"),
}


@pytest.mark.parametrize("name", SPELLINGS)
def test_code_is_found_however_it_is_spelt(name: str) -> None:
    data, rule = SPELLINGS[name]
    assert rule in rules_of(data)


def test_a_compressed_drawing_is_judged_as_a_drawing() -> None:
    assert "svg.script" in rules_of(gzip.compress(svg(b"<script/>"), mtime=0))


def test_what_a_drawing_carries_is_judged_by_its_own_validator() -> None:
    found = inspect(Source.of_bytes(svg(b'<image href="' + data_link("image/png", a_pe()) + b'"/>'))).findings
    assert any(finding.where.startswith("image at ") and finding.rule.startswith("pe.") for finding in found)


def test_a_finding_points_at_the_byte_of_its_tag() -> None:
    data = b"\xef\xbb\xbf" + svg("<title>grüße</title>".encode() + b"<script/>")
    [finding] = [f for f in inspect(Source.of_bytes(data)).findings if f.rule == "svg.script"]
    assert finding.offset == data.index(b"<script")


def test_a_tail_behind_the_drawing_is_classified() -> None:
    assert "concealed.appended" in rules_of(svg() + a_pe())
    assert rules_of(svg() + b"\n\n") == set()


def test_a_rule_broken_in_every_element_is_told_a_few_times() -> None:
    found = inspect(Source.of_bytes(svg(b"<script/>" * 1000)))
    assert found.total == module._EACH


def test_a_longer_drawing_than_is_read_is_not_passed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_TEXT", 1000)
    assert rules_of(svg(b"<g/>" * 1000)) == {"unscannable.budget"}


def test_data_with_bytes_that_are_no_text_are_decoded() -> None:
    assert rules_of(svg(b'<image href="data:image/png;base64,\xe9\xff%ff"/>')) == set()


HARD = {
    "deep": b"<svg>" + b"<g>" * 300_000,
    "wide": svg(b"<g/>" * 300_000),
    "closing": b"<svg>" + b"<g>" * 100_000 + b"</h>" * 100_000,
    "open quotes": b"<svg>" + b"<a b='" * 100_000,
    "angle brackets": b"<svg>" + b"<" * 1_000_000,
    "copies": svg(b'<g id="a"/>' + b"".join(b'<g id="i%d"><use href="#i%d"/></g>' % (i, i - 1) for i in range(50_000))),
    "entities": b"<svg>" + b"<!ENTITY " * 100_000,
    "defaults": b"<!DOCTYPE svg [" + b"<!ATTLIST a (b (c '" * 50_000 + b"]><svg/>",
    "sheets": b"<svg>" + b"<?xml-stylesheet " * 60_000,
    "quotes": b"<svg>" + b"<a \"'" * 100_000,
    "declarations": b"<!DOCTYPE svg [" + b"<!-- ' <? [" * 80_000,
    "references": svg(b"<a href='" + b"&amp;" * 200_000 + b"'/>"),
    "a long number": svg(b'<feGaussianBlur stdDeviation="' + b"9" * 500_000 + b'"/>'),
}


@pytest.mark.parametrize("name", HARD)
def test_a_drawing_that_is_built_to_waste_time_is_bounded(name: str) -> None:
    began = time.process_time()
    inspect(Source.of_bytes(HARD[name]), Limits())
    assert time.process_time() - began < 5


def test_a_copy_of_nothing_copies_nothing() -> None:
    """`#` alone was taken for the drawing itself, and the walk over its copies had no end."""
    assert rules_of(b"<svg><use href='#'/><use href='#'/></svg>") == set()


@given(st.lists(st.sampled_from([b"<g>", b"</g>", b"<use href='#a'/>", b"<g id='a'>", b"<!--", b"-->", b"'", b"<"])))
def test_no_arrangement_of_tags_raises(parts: list[bytes]) -> None:
    rules = rules_of(b"<svg>" + b"".join(parts) + b"</svg>")
    assert not any(rule.startswith("unscannable.") for rule in rules)
