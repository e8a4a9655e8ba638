"""The bot speaks every language that it says it does, and what strangers wrote is text in all of them."""

from __future__ import annotations

import re
import runpy
from collections import Counter
from dataclasses import replace
from functools import cache
from html import escape
from pathlib import Path
from string import Formatter
from typing import Any

import pytest
from babel.messages.catalog import Message
from hypothesis import given
from hypothesis import strategies as st

from audit.samples import ANN, attachment, report
from lazaretto.emulator.chats.entities import parse_html
from lazaretto.languages import LANGUAGES, LOCALES, N_, Html, Language, language_of
from lazaretto.model import Action, Case, CaseState, Claim, Part, Raid, Reason
from lazaretto.rules import all_rules
from lazaretto.telegram.card_buttons import buttons
from lazaretto.telegram.cards import card_text, publication_caption
from lazaretto_validators import Finding

ROOT = Path(__file__).parents[1]
MAKER = runpy.run_path(str(ROOT / "docs" / "update_messages.py"))
TRANSLATED = LANGUAGES[1:]
UPDATE = "run `make messages`, and translate what is empty"

UNTRANSLATED_RULES = {"de": 0, "es": 0, "fr": 0, "pt": 0, "ru": 0}
"""Rules whose sentence a language has not; they are told in English there. Goes down, never up."""

translated = pytest.mark.parametrize("code", TRANSLATED)


# ── catalogues ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_every_language_has_a_catalogue_and_there_is_no_other() -> None:
    assert {path.name for path in LOCALES.iterdir() if path.suffix == ".po"} == {f"{code}.po" for code in TRANSLATED}
    assert {path.suffix for path in LOCALES.iterdir()} == {".po"}


@translated
def test_a_catalogue_holds_exactly_what_the_code_says(code: str) -> None:
    assert (LOCALES / f"{code}.po").read_bytes() == MAKER["updated"](code), UPDATE


@translated
def test_every_text_is_translated(code: str) -> None:
    missing = set(MAKER["missing"](code)) - MAKER["rule_messages"]()
    assert missing == set(), UPDATE


@translated
def test_as_many_rules_are_translated_as_are_said_to_be(code: str) -> None:
    missing = set(MAKER["missing"](code)) & MAKER["rule_messages"]()
    assert len(missing) == UNTRANSLATED_RULES[code]


@cache
def texts(code: str) -> tuple[Message, ...]:
    return tuple(message for message in MAKER["read"](code) if message.id and any(_forms(message.string)))


def _forms(strings: Any) -> tuple[str, ...]:
    return (strings,) if isinstance(strings, str) else tuple(strings or ())


def _places(text: str) -> Counter[tuple[str, str]]:
    """The places for values, with what is said of their format."""
    return Counter((name, spec or "") for _, name, spec, _ in Formatter().parse(text) if name is not None)


def _tags(text: str) -> Counter[str]:
    return Counter(re.findall(r"<[^<>]*>", text))


@translated
def test_translations_have_the_places_tags_and_lines_of_the_english(code: str) -> None:
    wrong = []
    for message in texts(code):
        english = _forms(message.id)
        for form in _forms(message.string):
            alike = any(set(_places(form)) == set(_places(text)) and _tags(form) == _tags(text) for text in english)
            ends = (form[:1] == "\n", form[-1:] == "\n", form[:1] == " ", form[-1:] == " ")
            same = ends == tuple(
                edge == sign for edge, sign in zip((english[0][:1], english[0][-1:]) * 2, "\n\n  ", strict=True)
            )
            if not (alike and same):
                wrong.append((english[0], form))
    assert wrong == []


@translated
def test_translations_hide_nothing_and_escape_nothing_twice(code: str) -> None:
    for message in texts(code):
        for form in _forms(message.string):
            assert not re.search("[\u0000-\u0009\u000b-\u001f\u200b-\u200f\u202a-\u202e\u2066-\u2069]", form), form
            assert "&" not in form or "&" in _forms(message.id)[0], form


@translated
def test_no_translation_is_marked_as_a_guess(code: str) -> None:
    assert [message.id for message in MAKER["read"](code) if message.fuzzy and message.id] == []


def test_an_untranslated_text_is_told_in_english() -> None:
    assert language_of("de")("There is no such text in any catalogue") == "There is no such text in any catalogue"
    assert language_of("de")("") == ""


def test_everything_can_be_filled_in_every_language() -> None:
    for code in LANGUAGES:
        say = language_of(code)
        for message in MAKER["spoken"]():
            english = _forms(message.id)
            values = {name: 7 for text in english for name, _ in _places(text)}
            if len(english) == 2:
                values.pop("count", None)
                said = say.many(english[0], english[1], 7, **values)
            else:
                said = say(english[0], **values)
            assert said if english[0] else not said


def test_every_rule_is_in_the_catalogue() -> None:
    spoken = {message.id for message in MAKER["spoken"]()}
    assert {rule.message for rule in all_rules().values()} <= spoken


# ── speaking ──────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("code", "language"),
    [
        ("de", "de"),
        ("pt-BR", "pt"),
        ("pt_PT", "pt"),
        ("RU", "ru"),
        ("en-GB", "en"),
        ("xx", "en"),
        ("", "en"),
        (None, "en"),
    ],
)
def test_the_language_of_a_code(code: str | None, language: str) -> None:
    assert language_of(code).code == language


def test_a_language_is_named_in_itself() -> None:
    assert [language_of(code).name for code in ("en", "de", "ru")] == ["English", "Deutsch", "Русский"]


@given(st.text())
def test_a_value_in_html_stays_text(value: str) -> None:
    said = language_of("en").html("<b>{value}</b>", value=value)
    assert isinstance(said, Html)
    assert said == f"<b>{escape(value)}</b>"


def test_html_in_html_is_escaped_once() -> None:
    say = language_of("en")
    inner = say.html("<i>{value}</i>", value="<&>")
    assert say.html("<b>{inner}</b>", inner=inner) == "<b><i>&lt;&amp;&gt;</i></b>"
    assert Html(", ").join([inner, inner]) == f"{inner}, {inner}"
    assert isinstance(Html(", ").join([inner]), Html)


def test_a_value_is_not_read_as_a_message() -> None:
    say = language_of("en")
    assert say("{value}", value="{other} {0.__class__}") == "{other} {0.__class__}"
    assert say.html("{value}", value="{other}") == "{other}"
    assert say("{not a place") == "{not a place"


def test_each_language_has_its_own_forms_for_numbers() -> None:
    one, more = "… and {count} more file", "… and {count} more files"
    forms = {
        code: {language_of(code).many(one, more, n).replace(str(n), "#") for n in (1, 2, 5, 21)} for code in LANGUAGES
    }
    assert {code: len(found) for code, found in forms.items()} == {"en": 2, "de": 2, "es": 2, "fr": 2, "pt": 2, "ru": 3}


def test_numbers_are_written_as_the_language_does() -> None:
    said = [language_of(code)("{n:,} {x:.1f} {name}", n=1234567, x=2.5, name="1,000.5") for code in ("en", "de", "ru")]
    assert said == ["1,234,567 2.5 1,000.5", "1.234.567 2,5 1,000.5", "1\u00a0234\u00a0567 2,5 1,000.5"]


def test_a_marked_constant_is_itself() -> None:
    assert N_("waiting") == "waiting"


# ── cards ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def a_case(text: str = "1") -> Case:
    """A card's case with everything that a card can tell, and `text` wherever a stranger's may stand."""
    findings = tuple(Finding("png.chunk-crc", 2**40, text, text, text) for _ in range(4))
    parts = tuple(Part(i, "f", "u", "p", Claim(text, text, 4, text)) for i in range(4))
    why = tuple(Reason(rule, Action.QUARANTINE, "x", 0) for rule in ("png.chunk-crc", "gone.rule", "a", "b", "c"))
    posted = attachment(parts=parts, caption=text)
    return Case(
        7,
        posted,
        CaseState.OPEN,
        Action.QUARANTINE,
        why,
        (report(media_type=text, size=2**40, sha256=None, findings=findings),) * 4,
        posted.posted_at,
        removed_at=posted.posted_at,
        raid=Raid((8, 9), 2),
    )


@pytest.mark.parametrize("code", LANGUAGES)
@pytest.mark.parametrize("text", ["<b>&amp;</b></code>", "😀" * 4000, "\u202egpj.exe\n\x1b[31m", ""])
def test_cards_fit_and_stay_whole_in_every_language(code: str, text: str) -> None:
    say = language_of(code)
    sender = replace(ANN, name=text, username=text)
    for message, most in (
        (card_text(a_case(text), sender, text, repeated=True, note=text, say=say), 4096),
        (publication_caption(a_case(text), sender, say), 1024),
    ):
        plain = parse_html(message).text
        assert len(plain.encode("utf-16-le")) // 2 <= most
        assert not {"\u202e", "\x1b"} & set(plain)


class _Silent(Language):
    """Says of every text only its places and tags: whatever else is said does not go through a catalogue."""

    def __init__(self) -> None:
        super().__init__("en", language_of("en")._catalogue)

    def __call__(self, message: str, /, **values: object) -> str:
        return super().__call__("".join(re.findall(r"\{[^{}]*\}|<[^<>]*>|[^\w]", message)), **values)

    def many(self, one: str, more: str, count: int, /, **values: object) -> str:
        return self(more, count=count, **values)


def test_a_card_has_no_word_that_is_not_translated() -> None:
    say = _Silent()
    sender = replace(ANN, name="1", username=None)
    case = a_case()
    case = replace(case, reasons=tuple(replace(reason, rule="7") for reason in case.reasons))
    for message in (
        card_text(case, sender, "1", repeated=True, note="1", say=say),
        publication_caption(case, replace(sender, name=""), say),
    ):
        assert not re.search(r"[A-Za-z]", re.sub(r"<[^<>]*>", "", message)), message
    keyboard = buttons(case, say)
    assert keyboard is not None
    assert not any(re.search(r"[A-Za-z]", key.text) for row in keyboard.inline_keyboard for key in row)
