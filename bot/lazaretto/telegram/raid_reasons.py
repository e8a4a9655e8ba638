"""For what reasons the files of a raid wait, and whether its card tells them all.

Nobody releases by one press what the card did not tell; to confirm it does no harm that a release cannot undo.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from lazaretto.languages import Html, Language
from lazaretto.model import Case, Reason
from lazaretto.rules import all_rules
from lazaretto.text import shown

__all__ = ["further_lines", "sentence", "tells_all", "told_reasons"]

_MOST, _MOST_IN_A_RAID = 3, 2
_MOST_FURTHER = 4


def told_reasons(case: Case) -> Sequence[Reason]:
    """The reasons of its own case that a card tells. In a raid others need the room."""
    return case.reasons[: _MOST_IN_A_RAID if case.raid else _MOST]


def tells_all(case: Case) -> bool:
    """Does the card name every reason for which those that follow wait?"""
    raid = case.raid
    return raid is not None and sum(raid.reasons.values()) >= raid.waiting and len(_further(case)) <= _MOST_FURTHER


def further_lines(say: Language, case: Case) -> Iterator[Html]:
    """What those that follow broke beside what the card tells of its own case, the worst first."""
    known, further = all_rules(), _further(case)
    worst_first = sorted(further, key=lambda name: (known[name].severity.rank if name in known else -1, name))
    for name in worst_first[:_MOST_FURTHER]:
        told = sentence(say, name, 100)
        yield say.many_html(
            "• {count} of them: {sentence}", "• {count} of them: {sentence}", further[name], sentence=told
        )
    if not tells_all(case):
        yield say.html("… and for more reasons than fit here, so they are not released by one press")


def _further(case: Case) -> Counter[str]:
    own, told = {reason.rule for reason in case.reasons}, {reason.rule for reason in told_reasons(case)}
    found: Counter[str] = Counter()
    for rules, count in case.raid.reasons.items() if case.raid else ():
        if rules != own:
            found.update(dict.fromkeys((rules or {""}) - told, count))
    return found


def sentence(say: Language, name: str, limit: int) -> Html:
    """What a rule means, and its name."""
    rule = all_rules().get(name)
    message = say(rule.message) if rule else say("The policy of this group holds it.")
    return say.html("{message} <code>{rule}</code>", message=shown(message, limit), rule=shown(name, 60))
