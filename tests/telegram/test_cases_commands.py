"""Words of `/cases` and `/audit`, the data of their buttons, and texts that fit whatever strangers write."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from telegram import InlineKeyboardMarkup

from lazaretto.audit.history import Brief, Copy, Facts, Seen
from lazaretto.languages import LANGUAGES, language_of
from lazaretto.model import Action, Attachment, Case, CaseState, Claim, Gap, Part, Person, Place, Reason, Report
from lazaretto.telegram.card_words import units
from lazaretto.telegram.commands.audit_words import LONGEST, WrongFilter, sought_in
from lazaretto.telegram.commands.cases_bytes import HEX_UNITS, hex_told, start_of
from lazaretto.telegram.commands.cases_list import Listed, chooser, list_buttons, list_text
from lazaretto.telegram.commands.cases_one import Elsewhere, blocks, filled, pages
from lazaretto.telegram.commands.cases_text import ago
from lazaretto.telegram.commands.cases_words import (
    DATA,
    LONGEST_DATA,
    PAGE,
    Words,
    WrongWord,
    chosen,
    distances,
    number,
    told,
    words_of,
)
from lazaretto_validators import Finding

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
BOMB = "\U0001f4a3" * 4096
HOSTILE = (
    "<b>x</b>&amp;",
    "a\u202eb\u2066",
    BOMB,
    "a\n<code>/cases all</code>\r\n",
    "*x* [y](http://z)",
    "a" + " " * 99,
)
EN = language_of("en")


def a_case(text: str, number: int = 1, state: CaseState = CaseState.OPEN, findings: int = 64) -> Case:
    """A case in which a stranger wrote the same everywhere."""
    parts = tuple(Part(n, "f", "u", "document", Claim(text, text, 10**12, text)) for n in range(10))
    found = tuple(Finding(f"pdf.rule-{n}", n * 1000, text, text[:200], text[:200]) for n in range(findings))
    report = Report(text[:200], 10**12, "ab" * 32, found, findings, (Gap(text[:200], text[:200]),) * 5)
    attachment = Attachment(
        "a1", Place("telegram", "-1001"), "1", "1", Person("telegram", "1", text, text), "document", parts, NOW,
        caption=text, room=text,
    )  # fmt: skip
    reasons = tuple(Reason(f"policy.made-up-{n}", Action.QUARANTINE, "k", n) for n in range(10))
    return Case(
        number, attachment, state, Action.QUARANTINE, reasons, (report,) * 10, NOW - timedelta(days=9),
        removed_at=NOW + timedelta(seconds=1.25), closed_by=text,
    )  # fmt: skip


# ── Words ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("", Words()),
        ("all", Words(state="all")),
        ("CONFIRMED @Eve_1 pdf.*", Words("confirmed", member="@Eve_1", rule="pdf.*")),
        ("released -100123 424242", Words("released", chat="-100123", member="424242")),
        ("everywhere pdf", Words(chat="everywhere", rule="pdf.*")),
    ],
)
def test_words_are_read_and_told_so_that_they_are_read_again(typed: str, meant: Words) -> None:
    assert words_of(typed.split()) == meant
    assert words_of(str(meant).split()[1:]) == meant


@pytest.mark.parametrize("word", ["@", "<b>", "a'b", "-", "@a\u202eb", "\U0001f4a3", "a" * 65, "1" * 19 + "x" * 60])
def test_a_word_that_says_nothing_is_named(word: str) -> None:
    with pytest.raises(WrongWord):
        words_of(["all", word])


def test_the_logs_filters_are_read_and_told_so_that_they_are_read_again() -> None:
    typed = "since:7d rule:pdf.* rule:claim.runs member:@x event:decided decision:flag case:12 -100 http://x holiday"
    sought = sought_in(typed.split(), NOW)
    assert sought_in(str(sought).split()[1:], NOW) == sought
    assert sought.text == ("http://x", "holiday")
    assert (sought.rule, sought.group) == (("pdf.*", "claim.runs"), "-100")
    assert sought.moments(NOW) == (NOW - timedelta(days=7), None)


@pytest.mark.parametrize(
    "word", ["since:", "since:tomorrow", "since:7y", "until:2026-13-01", "event:x", "decision:x", "case:x",
             "member:a b'", "group:7", "rule:A'", "since:" + "9" * 100],
)  # fmt: skip
def test_a_filter_with_a_wrong_value_is_named(word: str) -> None:
    with pytest.raises(WrongFilter):
        sought_in([word], NOW)


@pytest.mark.parametrize("text", HOSTILE)
def test_a_question_is_bounded_and_shows_what_is_hidden_in_it(text: str) -> None:
    sought = str(sought_in(text.split(" "), NOW))
    assert len(sought) <= LONGEST + len("/audit ") + 1
    assert not set(sought) & set("\u202e\u2066\r\n")


# ── Data ──────────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("cases", [[], [1], [9, 8, 7], [10**6, 5], list(range(900, 908)), [60_000_000, 1]])
def test_chosen_cases_come_back_as_they_were(cases: list[int]) -> None:
    anchor = max(cases, default=1) + 1
    assert chosen(anchor, distances(anchor, cases)) == sorted(cases, reverse=True)


def test_numbers_come_back_as_they_were() -> None:
    assert [number(told(value)) for value in (0, 1, 35, 36, 10**18)] == [0, 1, 35, 36, 10**18]


@pytest.mark.parametrize("text", ["zzzzzzzzzzzz", "1.zzzzzz", "0", "0.0.0"])
def test_distances_that_lead_nowhere_name_no_case(text: str) -> None:
    assert all(case > 0 for case in chosen(5, text))


@pytest.mark.parametrize("gap", [1, 1000, 50_000_000])
def test_every_button_of_a_page_fits_and_is_understood(gap: int) -> None:
    cases = [a_case("x", 10 + gap * (PAGE - n)) for n in range(PAGE)]
    for selection in (None, frozenset(), frozenset(case.id for case in cases)):
        listed = Listed(Words(), cases, {}, newer=True, older=True, anchor=cases[0].id + 1, chosen=selection)
        data = _data(list_buttons(EN, listed))
        assert all(len(one.encode()) <= LONGEST_DATA for one in data)
        assert all(DATA.fullmatch(one) for one in data)
        assert all(len(row) <= 3 for row in list_buttons(EN, listed).inline_keyboard)


def test_cases_that_are_too_far_apart_have_a_button_that_says_so() -> None:
    cases = [a_case("x", 10**17 * (PAGE - n)) for n in range(PAGE)]
    whole = frozenset(case.id for case in cases)
    listed = Listed(Words(), cases, {}, newer=False, older=False, anchor=10**18, chosen=whole)
    assert "lz:cs:far" in _data(list_buttons(EN, listed))


def _data(markup: InlineKeyboardMarkup) -> list[str]:
    return [str(button.callback_data) for row in markup.inline_keyboard for button in row]


# ── Texts ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("code", LANGUAGES)
@pytest.mark.parametrize("text", HOSTILE)
def test_a_page_of_cases_fits_and_hides_nothing(code: str, text: str) -> None:
    cases = [a_case(text, n) for n in range(PAGE, 0, -1)]
    words = Words("all", "everywhere", "@" + "x" * 32, "a" * 60 + ".*")
    listed = Listed(
        words, cases, {"-1001": text}, newer=True, older=True, anchor=9, chosen=frozenset(), note="n" * 9999
    )
    _fits(list_text(language_of(code), listed, NOW))
    assert str(list_text(EN, listed, NOW)).count("\n") == PAGE + 3


@pytest.mark.parametrize("code", LANGUAGES)
@pytest.mark.parametrize("text", HOSTILE)
def test_every_page_of_a_case_fits_and_hides_nothing(code: str, text: str) -> None:
    say = language_of(code)
    found = pages(blocks(say, _facts(text), Elsewhere([_copy()] * 8, 99, {"-1": text}), text, NOW))
    assert len(found) > 5
    for page in found:
        places = {block.bytes_at: bytes(range(32)) for block in page if block.bytes_at}
        told_page = filled(say, page, places)
        _fits(say.html("<code>{command}</code>\n{text}", command="/case 1 /cases " + "x" * 150, text=told_page))


def _facts(text: str) -> Facts:
    case = a_case(text)
    record = {"event": "refused-press", "data": {"verb": "x", "why": text}, "subject": "s", "rules": [], "seq": 1}
    records = ({**record, "time": "2026-03-02T12:00:00.000000Z"},) * 200
    brief = Brief(7, CaseState.CONFIRMED, Action.FLAG, text, NOW - timedelta(hours=1))
    seen = Seen(10**9, 10**9, 10**9, {CaseState.RELEASED: 10**9}, 10**9, (brief,) * 5)
    return Facts(case, case.attachment.sender, records, {"s": case.attachment.sender}, seen)


def _copy() -> Copy:
    return Copy("-1", NOW - timedelta(days=1), Action.FLAG, True, 12, CaseState.OPEN)


def _fits(text: str) -> None:
    assert units(text) <= 4096
    assert not set(text) & set("\u202e\u2066\r")
    assert "<b>x</b>" not in text
    assert "<code>/cases all" not in text.split("\n", 1)[1]


@pytest.mark.parametrize("text", HOSTILE)
def test_a_hostile_title_is_a_buttons_label_and_no_more(text: str) -> None:
    asked, markup = chooser(EN, Words(), {"-1": text, "-2": ""}, everywhere=True)
    labels = [button.text for row in markup.inline_keyboard for button in row]
    assert "-2" in labels
    assert all(0 < len(label) <= 30 for label in labels)
    assert not set("".join(labels)) & set("\u202e\u2066\r\n")
    assert text[:50] not in asked


def test_an_erased_case_names_nobody() -> None:
    case = a_case("Eve", state=CaseState.ERASED)
    facts = Facts(case, None, (), {}, None)
    text = "\n".join(block.text for block in blocks(EN, facts, Elsewhere(), "", NOW))
    assert "From <i>erased</i>" in text
    assert "Wrote" not in text


# ── Bytes ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("offset", [0, 1, 7, 8, 15, 100, 103, (1 << 53)])
def test_the_byte_at_the_offset_stands_in_brackets(offset: int) -> None:
    start = start_of(offset)
    data = bytes((start + n) % 256 for n in range(32))
    assert start <= offset < start + 32
    text = str(hex_told(EN, data, offset))
    assert f"[{offset % 256:02x}]" in text
    assert units(text) <= HEX_UNITS


def test_a_window_at_the_end_of_a_file_shows_what_there_is() -> None:
    assert hex_told(EN, b"<&", 1) == "<pre>000000  3c[26]                   &lt;&amp;</pre>"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(-5, "0.0 s"), (1.25, "1.2 s"), (59, "59 s"), (60, "1 min"), (7200, "2 h"), (86400 * 9, "9 d")],
)
def test_times_are_told_in_their_largest_unit(seconds: float, text: str) -> None:
    assert ago(EN, NOW, NOW + timedelta(seconds=seconds)) == text
