"""What the store answers and notes, in other languages: it speaks English, because it serves terminals and logs, too.

A sentence of the store's is looked up by its form, and what stood in it is put into the translation.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import cache

from lazaretto.languages import N_, Language
from lazaretto.model import CaseState

__all__ = ["STATES", "translated"]

STATES = {
    CaseState.OPEN: N_("waiting for you"),
    CaseState.RELEASE_PENDING: N_("release under way"),
    CaseState.RELEASED: N_("released"),
    CaseState.CONFIRMED: N_("confirmed as bad"),
    CaseState.EXPIRED: N_("expired"),
    CaseState.APPEALED: N_("appealed"),
    CaseState.ERASED: N_("erased"),
}

_FORMS = (
    # answers to whoever pressed
    N_("There is no case {number}."),
    N_("Case {number} is being released already; nothing was changed."),
    N_("Case {number} is being released right now; nothing was changed."),
    N_("Nobody knows yet whether case {number} was posted again, and its card asks; nothing was changed."),
    N_("Case {number} is {state} already; nothing was changed."),
    N_("Case {number} is approved: its attachment will be posted again."),
    N_("Case {number} is released: its attachment stays, and may be posted again for {days} days."),
    N_("Case {number} is released."),
    N_("Case {number} is confirmed: it is being removed, and the same file is blocked here from now on."),
    N_("Case {number} is confirmed: it is being removed, and its file was never read to its end."),
    N_("Case {number} is confirmed: the same file is blocked here from now on."),
    N_("Case {number} is confirmed: its file was never read to its end."),
    N_("If it was posted again, remove it by hand: nobody knows its message."),
    N_("Case {number} does not wait for this answer; nothing was changed."),
    N_("Case {number} was a drill: it is closed, and nothing follows from it."),
    N_("You approved case {number} already: another moderator has to, too. Nothing was changed."),
    N_("Your approval of case {number} is noted: it is released when a second moderator approves, too."),
    N_("None of these cases waits for a decision; nothing was changed."),
    # both answers and notes
    N_("Its sender has as many strikes as there may be here, and is muted."),
    N_("Its sender has as many strikes as there may be here, and is banned."),
    # notes on cards
    N_("Release approved."),
    N_("Released: it stays where it is."),
    N_("Released: it was posted again."),
    N_("Confirmed as bad."),
    N_("It was removed."),
    N_("It was a drill, and is closed."),
    N_("Its files were deleted for good."),
    N_("The sender's data was erased."),
    N_("The sender asks for another look."),
    N_("Approved by one: a second moderator has to approve the release, too."),
    N_("Nobody knows whether it was posted again: look into the chat. If it is not there, press Send it again."),
    N_("Nobody decided in time: its file was deleted."),
    N_("Its time is over: the sender's data was deleted."),
    N_("It could not be posted again, so the case is open: {why}"),
    N_("It could not be removed: {why}"),
    N_("Case {number} is like it."),
    N_("Case {number}: {rest}"),
)
_COUNTED: tuple[tuple[str, Callable[[Language, int, str], str]], ...] = (
    (
        r"(?P<count>[0-9]+) case(?:s are| is) approved\.",
        lambda say, count, _: say.many("{count} case is approved.", "{count} cases are approved.", count),
    ),
    (
        r"(?P<count>[0-9]+) case(?:s are| is) confirmed as bad\.",
        lambda say, count, _: say.many(
            "{count} case is confirmed as bad.", "{count} cases are confirmed as bad.", count
        ),
    ),
    (
        r"(?P<count>[0-9]+) case(?:s are| is) approved; (?P<waiting>[0-9]+) of them wait for a second moderator\.",
        lambda say, count, waiting: say.many(
            "{count} case is approved, and waits for a second moderator.",
            "{count} cases are approved; {waiting} of them wait for a second moderator.",
            count,
            waiting=waiting,
        ),
    ),
    (
        r"(?P<count>[0-9]+) are left: press again\.",
        lambda say, count, _: say.many("{count} is left: press again.", "{count} are left: press again.", count),
    ),
)
"""Sentences with a number that decides the form of the words around it."""
_ENDS = ("{why}", "{rest}")
_PLACE = re.compile(r"\\\{(\w+)\\\}")
_ALLOWED = {"number": "[0-9]+", "days": "[0-9]+", "state": "[a-z-]+"}


def translated(say: Language, sentence: str) -> str:
    """One or more of the store's sentences. What has no form that is known stays as it is."""
    for form, pattern in _patterns():
        match = pattern.fullmatch(sentence)
        if match is None:
            continue
        values = match.groupdict()
        more = values.pop("more", None)
        if "state" in values:
            values["state"] = say(STATES[CaseState(values["state"])]) if values["state"] in STATES else values["state"]
        if "rest" in values:
            values["rest"] = translated(say, values["rest"])
        told = say(form, **values)
        return told if more is None else f"{told} {translated(say, more)}"
    for counted, tell in _counted():
        if match := counted.fullmatch(sentence):
            told = tell(say, int(match["count"]), match.groupdict().get("waiting", ""))
            return told if match["more"] is None else f"{told} {translated(say, match['more'])}"
    return sentence


@cache
def _patterns() -> tuple[tuple[str, re.Pattern[str]], ...]:
    return tuple(_compiled())


@cache
def _counted() -> tuple[tuple[re.Pattern[str], Callable[[Language, int, str], str]], ...]:
    return tuple((re.compile(rf"{text}(?: (?P<more>.+))?", re.DOTALL), tell) for text, tell in _COUNTED)


def _compiled() -> Iterator[tuple[str, re.Pattern[str]]]:
    for form in _FORMS:
        text = _PLACE.sub(lambda place: f"(?P<{place[1]}>{_ALLOWED.get(place[1], '.*')})", re.escape(form))
        yield form, re.compile(text if form.endswith(_ENDS) else rf"{text}(?: (?P<more>.+))?", re.DOTALL)
