"""parse_mode=HTML and the entities that the server adds: https://core.telegram.org/bots/api#html-style"""

import html
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lazaretto.emulator.chats.entities import Formatted, detect, parse_html, utf16_length
from lazaretto.emulator.errors import ApiError


def entity(kind: str, offset: int, length: int, **fields: str) -> dict[str, Any]:
    return {"type": kind, "offset": offset, "length": length, **fields}


@pytest.mark.parametrize(
    ("source", "text", "entities"),
    [
        ("plain", "plain", []),
        ("<b>bold</b> and <strong>strong</strong>", "bold and strong", [entity("bold", 0, 4), entity("bold", 9, 6)]),
        ("<i>a</i><em>b</em>", "ab", [entity("italic", 0, 1), entity("italic", 1, 1)]),
        ("<u>a</u><ins>b</ins>", "ab", [entity("underline", 0, 1), entity("underline", 1, 1)]),
        ("<s>a</s><del>b</del>", "ab", [entity("strikethrough", 0, 1), entity("strikethrough", 1, 1)]),
        ("<code>x</code>", "x", [entity("code", 0, 1)]),
        ("<pre>x</pre>", "x", [entity("pre", 0, 1)]),
        (
            '<pre><code class="language-python">x</code></pre>',
            "x",
            [entity("pre", 0, 1, language="python")],
        ),
        ('<a href="https://example.org/?a=1&amp;b">here</a>', "here", [
            entity("text_link", 0, 4, url="https://example.org/?a=1&b")
        ]),
        ("<a>no address</a>", "no address", []),
        ("<blockquote>q</blockquote>", "q", [entity("blockquote", 0, 1)]),
        ("<blockquote expandable>q</blockquote>", "q", [entity("expandable_blockquote", 0, 1)]),
        ("<tg-spoiler>x</tg-spoiler>", "x", [entity("spoiler", 0, 1)]),
        ('<span class="tg-spoiler">x</span>', "x", [entity("spoiler", 0, 1)]),
        ("<b>a<i>b</i></b>", "ab", [entity("bold", 0, 2), entity("italic", 1, 1)]),
        ("<B>shout</B>", "shout", [entity("bold", 0, 5)]),
        ("a &lt;b&gt; &amp;amp; &quot;&#33;", 'a <b> &amp; "!', []),
        ("&copy; stays, for it is unknown", "&copy; stays, for it is unknown", []),
        ("<b></b>x", "x", []),
        ("😀<b>x</b>", "😀x", [entity("bold", 2, 1)]),
        ("  <b> x </b>  ", "x", [entity("bold", 0, 1)]),
    ],
)  # fmt: skip
def test_html_becomes_text_and_entities(source: str, text: str, entities: list[dict[str, Any]]) -> None:
    assert parse_html(source) == Formatted(text, tuple(entities))


@pytest.mark.parametrize(
    ("source", "complaint"),
    [
        ("<b>x", 'Can\'t find end tag corresponding to start tag "b"'),
        ("x</b>", "Unexpected end tag at byte offset 1"),
        ("<b><i>x</b></i>", 'Unmatched end tag at byte offset 7, expected "</i>", found "</b>"'),
        ("<script>x</script>", 'Unsupported start tag "script" at byte offset 0'),
        ("é<h1>x</h1>", 'Unsupported start tag "h1" at byte offset 2'),
        ("1 < 2", 'Unsupported start tag "" at byte offset 2'),
        ("<b", 'Unsupported start tag "" at byte offset 0'),
        ("<br/>", 'Unsupported start tag "" at byte offset 0'),
        ("<span>x</span>", 'Tag "span" must have class "tg-spoiler" at byte offset 0'),
    ],
)
def test_html_that_telegram_refuses(source: str, complaint: str) -> None:
    with pytest.raises(ApiError) as refused:
        parse_html(source)
    assert refused.value.json() == {
        "ok": False,
        "error_code": 400,
        "description": f"Bad Request: can't parse entities: {complaint}",
    }


@settings(deadline=None)
@given(st.text())
def test_escaped_text_comes_back_as_it_was(text: str) -> None:
    assert parse_html(html.escape(text, quote=False)) == Formatted(text.strip())


@settings(deadline=None)
@given(st.text(alphabet="<>/&;b i=\"'a-z\U0001f600"))
def test_any_source_is_parsed_or_refused_and_entities_lie_within_the_text(source: str) -> None:
    with suppress(ApiError):
        parsed = parse_html(source)
        assert utf16_length(parsed.text) <= utf16_length(source)
        for found in parsed.entities:
            assert 0 <= found["offset"] < found["offset"] + found["length"] <= utf16_length(parsed.text)


@pytest.mark.parametrize(
    ("text", "entities"),
    [
        ("/start now", [entity("bot_command", 0, 6)]),
        ("😀 /help@some_bot", [entity("bot_command", 3, 14)]),
        ("and/or, a//b", []),
        ("ask @annabel", [entity("mention", 4, 8)]),
        ("mail ann@example.org", [entity("email", 5, 15)]),
        ("see https://example.org/a", [entity("url", 4, 21)]),
        ("see https://example.org/#part", [entity("url", 4, 25)]),
        ("#e4 and #12, a#b", [entity("hashtag", 0, 3)]),
        ("#schön", [entity("hashtag", 0, 6)]),
        ("$USD, $usd, a$USD", [entity("cashtag", 0, 4)]),
    ],
)
def test_commands_mentions_addresses_and_tags_are_marked(text: str, entities: list[dict[str, Any]]) -> None:
    assert list(detect(Formatted(text)).entities) == entities


def test_nothing_is_marked_inside_code() -> None:
    parsed = parse_html("<code>/start</code> /help")
    assert [(e["type"], e["offset"]) for e in detect(parsed).entities] == [("code", 0), ("bot_command", 7)]
