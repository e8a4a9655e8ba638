"""What the store says reaches moderators in their language."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import lazaretto.audit
from lazaretto.languages import Language, language_of
from lazaretto.telegram.store_words import translated

MODULES = ("approvals", "appeals", "deeds", "intake", "purge", "review")
PIECES = {"also", "what", "decided", "note"}
"""Names of sentences that are put together from others."""


class Loud(Language):
    """Says everything in capitals, so that one can tell what was looked up."""

    def __init__(self) -> None:
        english = language_of("en")
        self.code, self.name = english.code, english.name

    def __call__(self, message: str, /, **values: object) -> str:
        return message.upper().format(**{name.upper(): value for name, value in values.items()})

    def many(self, one: str, more: str, count: int, /, **values: object) -> str:
        return self(one if count == 1 else more, count=count, **values)


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("There is no case 7.", "THERE IS NO CASE 7."),
        ("Case 7 is released already; nothing was changed.", "CASE 7 IS RELEASED ALREADY; NOTHING WAS CHANGED."),
        (
            "Case 7 is confirmed: it is being removed, and the same file is blocked here from now on. If it was posted"
            " again, remove it by hand: nobody knows its message. Its sender has as many strikes as there may be here,"
            " and is muted.",
            "CASE 7 IS CONFIRMED: IT IS BEING REMOVED, AND THE SAME FILE IS BLOCKED HERE FROM NOW ON. IF IT WAS POSTED"
            " AGAIN, REMOVE IT BY HAND: NOBODY KNOWS ITS MESSAGE. ITS SENDER HAS AS MANY STRIKES AS THERE MAY BE HERE,"
            " AND IS MUTED.",
        ),
        ("Case 7: Confirmed as bad.", "CASE 7: CONFIRMED AS BAD."),
        ("12 cases are approved. 3 are left: press again.", "12 CASES ARE APPROVED. 3 ARE LEFT: PRESS AGAIN."),
        ("1 case is approved. 1 are left: press again.", "1 CASE IS APPROVED. 1 IS LEFT: PRESS AGAIN."),
        (
            "1 case is approved; 1 of them wait for a second moderator.",
            "1 CASE IS APPROVED, AND WAITS FOR A SECOND MODERATOR.",
        ),
        ("5 cases are confirmed as bad.", "5 CASES ARE CONFIRMED AS BAD."),
        (
            "3 cases are approved; 2 of them wait for a second moderator.",
            "3 CASES ARE APPROVED; 2 OF THEM WAIT FOR A SECOND MODERATOR.",
        ),
        (
            "It could not be removed: Forbidden {odd} <b>\n",
            "IT COULD NOT BE REMOVED: Forbidden {odd} <b>\n",
        ),
        ("Something new.", "Something new."),
        ("", ""),
    ],
)
def test_a_sentence_is_looked_up_by_its_form(said: str, told: str) -> None:
    assert translated(Loud(), said) == told
    assert translated(language_of("en"), said).upper() == told.upper()


def sentences() -> Iterator[str]:
    """What the audit's modules return, or write on cards, with a number for whatever stands in it."""
    folder = Path(lazaretto.audit.__file__).parent
    for module in MODULES:
        for node in ast.walk(ast.parse((folder / f"{module}.py").read_text())):
            if isinstance(node, ast.Return):
                yield from said_by(node.value)
            elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "tell_card":
                yield from said_by(node.args[2])


def said_by(node: ast.expr | None) -> Iterator[str]:
    if isinstance(node, ast.Constant) and isinstance(node.value, str) and " " in node.value:
        yield node.value
    elif isinstance(node, ast.JoinedStr) and not PIECES & {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}:
        parts = (str(piece.value) if isinstance(piece, ast.Constant) else "7" for piece in node.values)
        sentence = "".join(parts).replace("is 7 already", "is released already")
        if " " in sentence:
            yield sentence
    elif isinstance(node, ast.IfExp):
        yield from said_by(node.body)
        yield from said_by(node.orelse)


@pytest.mark.parametrize("sentence", sorted(set(sentences())))
def test_every_sentence_of_the_stores_has_its_form(sentence: str) -> None:
    if sentence.startswith("Case 7 is erased"):
        return  # answered to commands at the terminal alone
    assert translated(Loud(), sentence) == sentence.upper()


def test_there_are_sentences() -> None:
    assert len(set(sentences())) > 20
