"""A guarded group in the emulator and a host bot that polls it, with the plugin or without; and what happens when."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter

from telegram import Update
from telegram.ext import Application, MessageHandler, filters

import lazaretto
from benchmarks.posts import Post
from benchmarks.reports import WrongReport
from e2e.host import polled
from lazaretto.emulator import Chat, Emulator, Rights, User
from lazaretto.model import Action, Attachment, Decision, Report
from lazaretto.telegram.gate import AnyApplication, AnyContext

__all__ = ["Town", "open_town"]

os.environ.setdefault("PTB_TIMEDELTA", "1")  # the library's opt-in to time spans; without it, it warns

_PATIENCE = 120.0


@dataclass
class Town:
    """When each message was posted, judged, seen by the host's handler, and gone; by message id, in seconds."""

    tg: Emulator
    group: Chat
    ann: User
    posts: dict[int, Post] = field(default_factory=dict)
    posted: dict[int, float] = field(default_factory=dict)
    judged: dict[int, float] = field(default_factory=dict)
    seen: dict[int, float] = field(default_factory=dict)
    gone: dict[int, float] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)

    async def post(self, posts: Sequence[Post]) -> list[int]:
        """Put them into the chat, one right after the other."""
        ids = []
        for post in posts:
            began = perf_counter()
            message = await self.group.post_document(self.ann, post.data, name=post.name, mime=post.mime)
            self.posts[message.message_id], self.posted[message.message_id] = post, began
            ids.append(message.message_id)
        return ids

    async def settled(self, ids: Sequence[int], *, guarded: bool) -> None:
        """Wait until every one has met its fate: a bad one is gone where there is a guard, all others are seen."""
        bad = {n for n in ids if guarded and self.posts[n].bad}
        good = set(ids) - bad

        def done() -> bool:
            now = perf_counter()
            left = {message.message_id for message in self.group.messages}
            for number in bad - left - self.gone.keys():
                self.gone[number] = now
            return (
                bad <= self.gone.keys() and good <= self.seen.keys() and (not guarded or {*ids} <= self.judged.keys())
            )

        await self.tg.wait_until(lambda: done() or bool(self.wrong) or None, _PATIENCE)
        if self.wrong:
            raise WrongReport(self.wrong[0])

    async def see(self, update: Update, _context: AnyContext) -> None:
        """The host's handler."""
        if update.effective_message is not None:
            self.seen[update.effective_message.message_id] = perf_counter()

    async def hear(self, attachment: Attachment, decision: Decision, reports: Sequence[Report]) -> None:
        """The host's listener: is every one judged as it was made?"""
        number = int(attachment.message)
        self.judged[number] = perf_counter()
        post, rules = self.posts[number], {finding.rule for report in reports for finding in report.findings}
        held = decision.action is not Action.FORWARD
        if held != post.bad or reports[0].sha256 != post.sha256 or any(r.startswith("unscannable.") for r in rules):
            self.wrong.append(f"{post.name}: {decision.action}, {sorted(rules)}")


@asynccontextmanager
async def open_town(folder: Path, *, guarded: bool) -> AsyncIterator[Town]:
    """The emulator, a group with its moderators' chat, and a host that polls, all on this loop."""
    async with Emulator() as tg:
        ann, mila = tg.user("Ann", username="ann"), tg.user("Mila", username="mila")
        group = tg.group("Chess club", members=[ann], admins=[mila], bot_rights=Rights.full())
        moderators = tg.group("Chess club, moderators", admins=[mila], bot_rights=Rights.full())
        town = Town(tg, group, ann)
        builder = Application.builder().token(tg.token).base_url(tg.base_url).base_file_url(tg.base_file_url)
        application: AnyApplication = builder.build()
        application.add_handler(MessageHandler(filters.ALL, town.see))
        if guarded:
            config = {
                "state": str(folder),
                "defaults": {"mode": "guard", "moderators": str(moderators.id)},
            }
            lazaretto.install(application, config).on_decision(town.hear)
        async with polled(application):
            yield town
