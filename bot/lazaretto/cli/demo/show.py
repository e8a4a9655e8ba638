"""The show itself: members post, each file is judged, moderators decide, the audit log is verified."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

from rich.markup import escape
from rich.padding import Padding
from rich.panel import Panel
from rich.table import Table

from lazaretto.audit import verify_database
from lazaretto.cli.demo.samples import SAMPLES, Sample
from lazaretto.cli.demo.stage import Stage, open_stage
from lazaretto.cli.output import out
from lazaretto.emulator import Message
from lazaretto.model import Action, Attachment, Decision, Report
from lazaretto.rules import all_rules
from lazaretto.text import shown
from lazaretto_validators.media_types import MEDIA_TYPES

__all__ = ["run_show"]

_PATIENCE = 30.0  # seconds for anything on the stage to happen
_STYLES = {Action.FORWARD: "green", Action.FLAG: "yellow", Action.QUARANTINE: "red", Action.REJECT: "bold red"}
_WIDTHS = (6, 24, 30, 10)


@dataclass(frozen=True, slots=True)
class _Verdict:
    attachment: Attachment
    decision: Decision
    reports: tuple[Report, ...]


class _Audience:
    """Hears every decision, in order."""

    def __init__(self) -> None:
        self.heard: list[_Verdict] = []
        self._news: asyncio.Queue[_Verdict] = asyncio.Queue()

    async def hear(self, attachment: Attachment, decision: Decision, reports: Sequence[Report]) -> None:
        verdict = _Verdict(attachment, decision, tuple(reports))
        self.heard.append(verdict)
        await self._news.put(verdict)

    async def next(self) -> _Verdict:
        return await asyncio.wait_for(self._news.get(), _PATIENCE)


async def run_show(folder: Path, *, stay: bool) -> bool:
    """Run the whole show; stay up afterwards if wanted. Answers whether everything went as it should."""
    out.print(Panel.fit("[bold]Lazaretto[/]: a group chat on this machine, real files, the real bot", style="cyan"))
    async with open_stage(folder) as stage:
        audience = _Audience()
        stage.guard.on_decision(audience.hear)
        await _everybody_posts(stage, audience)
        released = await _moderators_decide(stage, audience)
        verified = await _verify(stage)
        _summary(audience.heard, released, verified)
        _next_steps(stage, stay)
        if stay:
            await asyncio.Event().wait()
    return verified and released == 1


async def _everybody_posts(stage: Stage, audience: _Audience) -> None:
    out.print("\n[bold]Members post. Each file is screened before anything else sees it.[/]\n")
    _row("who", "posts", "which really is", "decision", "dim")
    for sample in SAMPLES:
        began = monotonic()
        await _post(stage, sample)
        _show(sample, await audience.next(), monotonic() - began)


async def _post(stage: Stage, sample: Sample) -> Message:
    member = stage.members[sample.by]
    if sample.photo:
        return await stage.group.post_photo(member, sample.data, caption=sample.caption)
    return await stage.group.post_document(
        member, sample.data, name=sample.name, mime=sample.mime, caption=sample.caption or None
    )


def _show(sample: Sample, verdict: _Verdict, seconds: float) -> None:
    report, action = verdict.reports[0], verdict.decision.action
    known = MEDIA_TYPES.get(report.media_type or "")
    kind = known.label if known else ("not looked at" if report.size is None else "of no known type")
    why = "Nothing found." if not verdict.decision.reasons else _wording(verdict.decision.reasons[0].rule)
    _row(sample.by, shown(sample.name, 40), kind, action.value, _STYLES[action])
    out.print(Padding(f"[dim]{why} {seconds * 1000:.0f} ms[/]", (0, 0, 0, 7)))


def _wording(rule: str) -> str:
    known = all_rules().get(rule)
    return f"{escape(known.message if known else 'The policy of the group.')} [not dim]{rule}[/]"


def _row(who: str, posts: str, kind: str, decision: str, style: str) -> None:
    table = Table.grid(padding=(0, 1))
    for width in _WIDTHS:
        table.add_column(width=width, no_wrap=True, overflow="ellipsis")
    table.add_row(who, escape(posts), escape(kind), f"[{style}]{decision}[/]")
    out.print(table)


async def _moderators_decide(stage: Stage, audience: _Audience) -> int:
    out.print("\n[bold]In the moderators' chat a card waits for each case.[/]\n")
    card = await _card_for(stage, "agenda.docx")
    out.print(Panel(escape(card.text or ""), title="a card", width=min(out.width, 100), style="dim"))

    eve = stage.members["Eve"]
    refused = await stage.chat.press(eve, card, "Release")
    said = await refused.answered(timeout=_PATIENCE)
    out.print(f"Eve presses [bold]Release[/]: [red]{escape(said.text)}[/]")

    press = await stage.chat.press(stage.moderator, card, "Release")
    said = await press.answered(timeout=_PATIENCE)
    back = await stage.group.wait_for(
        lambda m: m.sender == stage.chat.bot and m.document is not None, timeout=_PATIENCE
    )
    out.print(f"Mila presses [bold]Release[/]: [green]{escape(said.text)}[/]")
    out.print(f"  the group reads: [green]{escape((back.caption or '').splitlines()[0])}[/]")

    agenda = next(sample for sample in SAMPLES if sample.name == "agenda.docx")
    await _post(stage, agenda)
    again = await audience.next()
    out.print(
        f"Dora posts the very same file again: [{_STYLES[again.decision.action]}]{again.decision.action.value}[/]"
    )
    await _post(stage, Sample("Eve", "agenda.exe", agenda.mime, agenda.data))
    renamed = await audience.next()
    style = _STYLES[renamed.decision.action]
    out.print(f"Eve posts the same bytes as agenda.exe: [{style}]{renamed.decision.action.value}[/]")

    confirmed = await stage.chat.press(stage.moderator, await _card_for(stage, "holiday.jpg"), "Confirm")
    said = await confirmed.answered(timeout=_PATIENCE)
    out.print(f"Mila confirms holiday.jpg: [yellow]{escape(said.text)}[/]")
    return int(again.decision.action is Action.FORWARD and renamed.decision.holds)


async def _card_for(stage: Stage, name: str) -> Message:
    return await stage.moderators.wait_for(lambda m: name in (m.text or ""), timeout=_PATIENCE)


async def _verify(stage: Stage) -> bool:
    out.print("\n[bold]The audit log is verified from its bytes.[/]\n")
    result = await verify_database(stage.state)
    if result.fault is not None:
        out.print(f"[bold red]{escape(str(result.fault))}[/]")
        return False
    out.print(f"[green]whole:[/] {result.records} records, head {result.head}", soft_wrap=True)
    return True


def _summary(heard: Sequence[_Verdict], released: int, verified: bool) -> None:
    actions = Counter(verdict.decision.action for verdict in heard)
    table = Table(title="Summary", title_style="bold", show_header=False, box=None)
    rows = [
        ("posted", str(len(heard))),
        ("forwarded", str(actions[Action.FORWARD])),
        ("flagged", str(actions[Action.FLAG])),
        ("quarantined", str(actions[Action.QUARANTINE])),
        ("rejected", str(actions[Action.REJECT])),
        ("released", str(released)),
        ("audit log", "verified" if verified else "BROKEN"),
    ]
    for name, figure in rows:
        table.add_row(name, f"[bold]{figure}[/]")
    out.print()
    out.print(table)


def _next_steps(stage: Stage, stay: bool) -> None:
    out.print("\n[bold]Next[/]")
    if stay:
        out.print("The demo stays up. In another terminal:")
        out.print(f"  export LAZARETTO_CONFIG={stage.config}", soft_wrap=True)
        for command in (
            "cases list",
            "cases show 1",
            "audit tail",
            "audit verify",
            f"policy show {stage.group.id}",
        ):
            out.print(f"  lazaretto {command}", soft_wrap=True)
        out.print("End it with Ctrl-C.")
        return
    out.print("  lazaretto scan PATH...     look at files of your own")
    out.print("  lazaretto init             set up a bot for your group")
    out.print("  make demo                  the same, and it stays up for the other commands")
