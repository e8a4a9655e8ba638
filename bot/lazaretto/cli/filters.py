"""What every command that reads the log can be told to look for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer

from lazaretto.audit import Event
from lazaretto.audit.search import Query
from lazaretto.cli.times import moment
from lazaretto.model import Action
from lazaretto.rules import all_rules

__all__ = ["Decisions", "Events", "Group", "Member", "Rules", "Since", "Text", "Until", "query_of", "rules_beginning"]


def rules_beginning(incomplete: str) -> list[str]:
    """For the shell: the ids that begin so."""
    return [rule for rule in all_rules() if rule.startswith(incomplete)]


Since = Annotated[str | None, typer.Option(metavar="WHEN", help="From then on: 12h, 7d (ago), or a date, in UTC.")]
Until = Annotated[str | None, typer.Option(metavar="WHEN", help="Before then.")]
Group = Annotated[str | None, typer.Option(help="Only this chat's, by its id.")]
Member = Annotated[str | None, typer.Option(help="Only what this person did: a user id, or a subject.")]
Rules = Annotated[
    list[str] | None,
    typer.Option("--rule", help="A rule's id or a glob (pdf.*); may be repeated.", autocompletion=rules_beginning),
]
Decisions = Annotated[list[Action] | None, typer.Option("--decision", help="Only these; may be repeated.")]
Events = Annotated[list[Event] | None, typer.Option("--event", help="Only events of this kind; may be repeated.")]
Text = Annotated[
    str | None, typer.Option("--text", metavar="WORDS", help="Words of the record, or of names, captions, file names.")
]


def query_of(
    *,
    since: str | None = None,
    until: str | None = None,
    group: str | None = None,
    member: str | None = None,
    rules: Sequence[str] | None = None,
    decisions: Sequence[Action] | None = None,
    events: Sequence[Event] | None = None,
    text: str | None = None,
    case: int | None = None,
    limit: int | None = None,
) -> Query:
    """The options as a query. Ends the program for a moment that is none."""
    return Query(
        since=moment(since, "--since"),
        until=moment(until, "--until"),
        group=group,
        member=member,
        rules=tuple(rules or ()),
        actions=tuple(decisions or ()),
        events=tuple(events or ()),
        text=text or "",
        case=case,
        limit=limit,
    )
