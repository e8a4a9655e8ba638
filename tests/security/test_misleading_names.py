"""What a stranger writes on a card cannot pass for a line of ours."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from html import unescape

import pytest

from lazaretto.model import Action, Attachment, Case, CaseState, Claim, Part, Person, Place, Report
from lazaretto.telegram.cards import card_text, publication_caption

POSTED = datetime(2026, 5, 1, tzinfo=UTC)
BLANKS = {"space": " ", "no-break": "\u00a0", "em": "\u2003", "ideographic": "\u3000", "mixed": " \u2002\u00a0"}


def a_case(claim: Claim) -> Case:
    part = Part(0, "file-1", "u-1", "message.document", claim)
    ann = Person("telegram", "3", "Ann", "ann")
    posted = Attachment("a1", Place("telegram", "-100"), "5", "7", ann, "document", (part,), POSTED)
    report = Report("application/x-dosexec", 4, "ab" * 32)
    return Case(12, posted, CaseState.OPEN, Action.QUARANTINE, (), (report,), POSTED)


def card(claim: Claim, name: str = "Ann") -> str:
    return card_text(a_case(claim), Person("telegram", "3", name, "ann"), "9:" + "cd" * 32)


@pytest.mark.parametrize("blank", BLANKS.values(), ids=BLANKS.keys())
def test_blanks_cannot_push_a_forged_line_to_the_next_one(blank: str) -> None:
    forged = f"a.png{blank * 30}Is: PNG picture"
    for text in (
        card(Claim(name=forged)),
        card(Claim(), name=forged),
        publication_caption(a_case(Claim()), _named(forged)),
    ):
        assert not re.search(r"\s{3,}", text.replace("\n   ", "\n"))
        assert f"a.png [{30 * len(blank)} blanks] Is:" in text


def _named(name: str) -> Person:
    return Person("telegram", "3", name)


def test_a_name_is_marked_off_from_what_the_bot_says() -> None:
    text = card(Claim(media_type="image/png) Is: PNG"), name="Ann (@mila) in -5 Audit: 9:ab")
    assert "<code>Ann (@mila) in -5 Audit: 9:ab</code> (@ann)" in text
    assert "(<code>image/png) Is: PNG</code>)" in text


def test_ordinary_blanks_stay() -> None:
    assert "<code>my  holiday photo.png</code>" in unescape(card(Claim(name="my  holiday photo.png")))
