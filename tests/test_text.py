"""What a stranger wrote is shown on one line, of bounded length, with nothing hidden in it."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lazaretto.text import fitting, shown


@pytest.mark.parametrize(
    ("written", "seen"),
    [
        ("invoice\u202efdp.exe", "invoice\\u202efdp.exe"),
        ("two\nlines\r\n", "two\\nlines\\r\\n"),
        ("\x1b[31mred", "\\x1b[31mred"),
        ("nul\x00", "nul\\x00"),
        ("zero\u200bwidth\u2060joiner\ufeff", "zero\\u200bwidth\\u2060joiner\\ufeff"),
        ("isolate\u2066", "isolate\\u2066"),
        ("line\u2028separator", "line\\u2028separator"),
        ("tag\U000e0041", "tag\\U000e0041"),
        ("filler\u3164", "filler\\u3164"),
        ("annotated\ufff9", "annotated\\ufff9"),
        ("half\ud83d", "half\\ud83d"),
        ("private\ue000", "private\\ue000"),
    ],
)
def test_what_hides_or_turns_text_is_shown_as_an_escape(written: str, seen: str) -> None:
    assert shown(written) == seen


@pytest.mark.parametrize("plain", ["Отчёт за май.pdf", "報告書.docx", 'a & <b> "c"', "naïve 😀.png", "ملف.pdf"])
def test_honest_names_stay_as_they_are(plain: str) -> None:
    assert shown(plain) == plain


def test_nothing_is_shown_as_nothing() -> None:
    assert (shown(None), shown("")) == ("", "")


def test_of_a_long_text_both_ends_are_kept() -> None:
    assert shown("a" * 10, 10) == "a" * 10
    assert shown("a" * 11, 10) == "a" * 6 + "…" + "a" * 3
    assert shown("invoice " * 1000 + ".pdf.exe", 20) == "invoice invoi….exe"[:13] + "…df.exe"


@given(st.text(st.characters()), st.integers(1, 200))
def test_it_is_one_printable_line_within_its_limit(written: str, limit: int) -> None:
    seen = shown(written, limit)
    assert len(seen) <= limit
    assert len(seen.splitlines()) <= 1
    assert not any(unicodedata.category(character) in ("Cc", "Cf", "Cs", "Zl", "Zp") for character in seen)


@given(st.text(st.characters(exclude_categories=["Cs"])), st.integers(0, 50))
def test_the_fitting_beginning_is_counted_in_code_units(text: str, units: int) -> None:
    kept = fitting(text, units)
    assert text.startswith(kept)
    assert len(kept.encode("utf-16-le")) // 2 <= units
    assert kept == text or len(kept.encode("utf-16-le")) // 2 >= units - 1


def test_half_a_pair_does_not_break_the_fitting() -> None:
    assert fitting("a\ud83d", 10) == "a?"
