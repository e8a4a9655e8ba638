"""Audit records as people read them: one a line, as a table, and as the story of one attachment."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from rich.markup import escape
from rich.table import Table

from lazaretto.audit import Event
from lazaretto.cli.output import out, print_json, table
from lazaretto.text import shown

__all__ = ["as_table", "print_records", "print_story", "said"]

_Data = Mapping[str, Any]
_LONGEST = 120


def said(record: Mapping[str, Any]) -> str:
    """What a record says beside its event, on one line, as plain text that a terminal can take."""
    data = record["data"]
    try:
        return shown(_SAID[record["event"]](data), _LONGEST)
    except (KeyError, TypeError, ValueError):  # an event without words of its own, or a record that is not as it was
        return shown(" ".join(f"{key}={value}" for key, value in data.items()), _LONGEST)


def _received(data: _Data) -> str:
    return f"{data['kind']} of {data['parts']} file{'s' if data['parts'] != 1 else ''}, message {data['message']}"


def _screened(data: _Data) -> str:
    return "; ".join(
        f"{part['media_type'] or 'unknown type'}, "
        f"{'unknown size' if part['size'] is None else format(part['size'], ',') + ' bytes'}, "
        f"{part['findings']} finding{'s' if part['findings'] != 1 else ''}"
        for part in data["parts"]
    )


def _decided(data: _Data) -> str:
    because = ", ".join(f"{rule} by {key}" for rule, _, key, _ in data["reasons"])
    return str(data["action"]) + ("" if data["enforced"] else " (not enforced)") + (f": {because}" if because else "")


def _deed(data: _Data) -> str:
    return f"{data['kind']}: {data['why']}" if data.get("why") else str(data["kind"])


def _until(data: _Data) -> str:
    return f"the same may be posted until {data['until'][:16].replace('T', ' ')} UTC" if data.get("until") else ""


_SAID: Mapping[str, Callable[[_Data], str]] = {
    Event.RECEIVED: _received,
    Event.SCREENED: _screened,
    Event.DECIDED: _decided,
    Event.OPENED: lambda data: str(data["action"]),
    Event.ATTEMPTED: lambda data: data["kind"] + ("" if data["attempt"] == 1 else f", attempt {data['attempt']}"),
    Event.DONE: _deed,
    Event.FAILED: _deed,
    Event.UNKNOWN: _deed,
    Event.APPROVED: _until,
    Event.RELEASED: _until,
    Event.CONFIRMED: lambda data: f"{len(data['digests'])} digest{'s' if len(data['digests']) != 1 else ''} blocked",
    Event.REFUSED_PRESS: lambda data: f"{data['verb']}: {data['why']}",
    Event.SET_ASIDE: lambda data: str(data["why"]),
    Event.REOPENED: lambda data: str(data["why"]),
}
"""Events of attachments and cases, whose story people read. Of all others the data is shown as it is."""


def print_records(found: Sequence[Mapping[str, Any]], *, json: bool) -> None:
    """One record a line."""
    for record in found:
        if json:
            print_json(record)
            continue
        rules = f" [yellow]{escape(shown(', '.join(record['rules']), 200))}[/]" if record["rules"] else ""
        out.print(
            f"[dim]{record['seq']:>6} {escape(shown(record['time'], 40))}[/] [bold]{record['event']:<15}[/]{rules} "
            f"{escape(_about(record, ' '))} [dim]{escape(said(record))}[/]",
            soft_wrap=True,
        )


def _about(record: Mapping[str, Any], between: str) -> str:
    fields = ("chat", "case", "attachment", "subject")
    return between.join(f"{key}={shown(str(record[key]), 80)}" for key in fields if record[key])


def as_table(found: Sequence[Mapping[str, Any]]) -> Table:
    """Rows that fold to the window; ids are whole, because they are copied."""
    made = table("record", "event", "what", "about")
    made.columns[2].min_width = 22
    for record in found:
        rules = [f"[yellow]{escape(shown(rule, 60))}[/]" for rule in record["rules"]]
        made.add_row(
            f"{record['seq']}\n[dim]{_day(record)}[/]\n[dim]{_clock(record)}[/]",
            escape(record["event"]),
            "\n".join([*rules, escape(said(record))]),
            escape(_about(record, "\n")),
        )
    return made


def _day(record: Mapping[str, Any]) -> str:
    return escape(shown(record["time"][:10], 10))


def _clock(record: Mapping[str, Any]) -> str:
    return escape(shown(record["time"][11:19], 8))


def print_story(found: Sequence[Mapping[str, Any]]) -> None:
    """The records of one attachment as a timeline: when, how long after the first, what happened, and by whom.

    People are numbered by their first appearance: their subjects stand below.
    """
    people: dict[str, str] = {}
    began = datetime.fromisoformat(found[0]["time"])
    chat = shown(found[0]["chat"], 80) or "a private chat"
    out.print(f"attachment {escape(shown(found[0]['attachment'], 80))} in {escape(chat)}")
    made = table("UTC", "after", "event", "what", "by")
    for record in found:
        rules = [f"[yellow]{escape(shown(rule, 60))}[/]" for rule in record["rules"]]
        subject = record["subject"]
        by = "" if subject is None else people.setdefault(subject, f"person {len(people) + 1}")
        case = f"case {record['case']}" if record["event"] == Event.OPENED else ""
        what = [line for line in (case, *rules, escape(said(record))) if line]
        made.add_row(
            f"{_day(record)}\n[dim]{_clock(record)}[/]",
            _after(datetime.fromisoformat(record["time"]) - began),
            f"[bold]{escape(record['event'])}[/]\n[dim]{record['seq']}[/]",
            "\n".join(what),
            by,
        )
    out.print(made)
    for subject, name in people.items():
        out.print(f"[dim]{name}: {escape(shown(subject, 80))}[/]", soft_wrap=True)


def _after(passed: timedelta) -> str:
    seconds = passed.total_seconds()
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, hours = seconds / 60, seconds / 3600
    return f"{minutes:.0f} min" if minutes < 60 else f"{hours:.0f} h" if hours < 48 else f"{hours / 24:.0f} d"
