"""Strangers' text in every field at once, through everything that shows it: chats, terminal, exports, logs.

Nothing of it is executed (no link, mention, command or bold text, no escape sequence, no formula) and nothing of it
hides what stands beside it (no bidi or control character, no line that looks like one of ours).
"""

from __future__ import annotations

import asyncio
import csv
import io
import json
import logging
import re
import sys
import unicodedata
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import structlog

from cli.terminal import call
from e2e.conftest import Town, a_town
from e2e.files import PROGRAM
from e2e.host import until
from e2e.test_review_in_chat import Review, reviewing
from lazaretto.emulator import Chat, Emulator, Message, Rights, User
from lazaretto.emulator.chats.entities import Formatted, detect, parse_html, utf16_length
from lazaretto.emulator.records import Call
from lazaretto.log import configure_logging
from lazaretto.model import Attachment, CaseState, Report
from lazaretto.screening import report as reports
from lazaretto.telegram.commands.menu_choices import PAGES
from lazaretto.telegram.commands.menu_pages import CHOOSE, MAIN, SHOW, data_of
from lazaretto.telegram.report import Reports
from lazaretto_validators import Finding

MARK = "zq"
"""In every piece of a stranger's text, and in none of ours."""

FORGED = (
    "Audit: 9:zq",
    "Is: zqforged",
    "From: zqforged",
    "• zqforged",
    "✅ zqforged",
    "is image/png, zqforged",
    "2026-01-01T00:00:00.000000Z [info     ] zqforged",
)
"""What would look like lines of a card, of a command's output and of a log, if it began a line."""

_BLANKS = ("\n", "\r\n", "\x0b", "\x85", "\u2028", "\r", "\n", " " * 90, "\u00a0" * 90, "\u3000" * 90)

# They begin as the formulas of a spreadsheet do, too.
HOSTILE = {
    "html": "=zq<b>zqbold</b><a href='https://zq.example'>zq</a>&lt;i&gt;zq&#60;u&#62;</code></pre><tg-spoiler>zq&",
    "markdown": "@zqmention *zq* _zq_ [zq](https://zq.example) `zq` ||zq|| /zqcommand #zqtag $ZQ z@zq.example",
    "bidi": "+zq\u202egnp.zq\u2066zq\u200b\u200f\ufeff\u061c\u2060\u3164\U000e0041\u034f zq.exe",
    "4096 characters": "\U0001f4a3\u202e&zq" * 682 + MARK * 2,
    "newlines and blanks": "zq" + "".join(blank + line for blank, line in zip(_BLANKS, FORGED * 2, strict=False)),
    "terminal": "-zq\x1b[2J\x1b]0;zq\x07\x9b31m\x1b]8;;https://zq.example\x1b\\zq\b\x00\x7f[red]zq[/red][link=https://zq.ex]",
}
assert utf16_length(HOSTILE["4096 characters"]) == 4096

_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_INERT = frozenset({"code", "pre", "spoiler"})
_RUN_OF_BLANKS = re.compile(r"[^\S\n]{3,}(?=zq|Is: zq|From: zq|• zq)")
_LIMITS = {"text": 4096, "caption": 1024}


# ── What is promised ──────────────────────────────────────────────────────────────────────────────────────────────────


def hides_nothing(text: str, where: str, *, indented: bool = False) -> None:
    """No control, bidi or invisible character but the ends of lines, and no forged line.

    indented: may a stranger's line stand there, if it is indented as ours never are?
    """
    hidden = {c for c in text if c != "\n" and unicodedata.category(c) in _HIDDEN}
    assert not hidden, (where, hidden, text)
    for line in text.split("\n"):
        assert not (line if indented else line.lstrip()).startswith(FORGED), (where, line)


def is_inert(said: Formatted, where: str) -> None:
    """No entity but code is of a stranger's text; and the text hides nothing."""
    hides_nothing(said.text, where)
    units = said.text.encode("utf-16-le")
    outside = bytearray(units)
    for entity in said.entities:
        begin, end = 2 * entity["offset"], 2 * (entity["offset"] + entity["length"])
        if entity["type"] == "pre":
            outside[begin:end] = "_".encode("utf-16-le") * entity["length"]
        if entity["type"] not in _INERT and not _around_code(entity, said.entities):
            # Somebody's own username, which Telegram lets nobody choose so, is a link to them on purpose.
            told = units[begin:end].decode("utf-16-le") + str(entity.get("url", ""))
            assert MARK not in told.lower(), (where, entity, told)
    assert not _RUN_OF_BLANKS.search(outside.decode("utf-16-le")), (where, said.text)


def _around_code(entity: dict[str, Any], entities: tuple[dict[str, Any], ...]) -> bool:
    """Is it bold around a stranger's text as code? Telegram shows that as code."""
    return entity["type"] == "bold" and any(
        inner["type"] == "code"
        and entity["offset"] <= inner["offset"]
        and inner["offset"] + inner["length"] <= entity["offset"] + entity["length"]
        for inner in entities
    )


def check_call(made: Call) -> int:
    """Everything that a call shows to people. Answers in how many texts a stranger's was."""
    found = 0
    for name in _LIMITS:
        source = made.params.get(name)
        if not isinstance(source, str):
            continue
        where = f"{made.method} {name}"
        html = str(made.params.get("parse_mode", "")).lower() == "html"
        said = detect(parse_html(source) if html else Formatted(source))
        assert utf16_length(said.text) <= (200 if made.method == "answerCallbackQuery" else _LIMITS[name]), where
        found += MARK in said.text
        if made.method == "sendDocument" or made.method == "copyMessage":
            re_posted(said, where)
        else:
            is_inert(said, where)
    markup = made.params.get("reply_markup") or {}
    for row in (json.loads(markup) if isinstance(markup, str) else markup).get("inline_keyboard", ()):
        for button in row:
            hides_nothing(button["text"], f"{made.method} button")
            assert "\n" not in button["text"]
            assert MARK not in button.get("url", "") + button.get("callback_data", "")
            found += MARK in button["text"]
    return found


def re_posted(said: Formatted, where: str) -> None:
    """Of what is released the caption is as its sender wrote it: Telegram marks the addresses in it, as it did before.
    Nothing else of it is marked."""
    lines = said.text.split("\n")
    of_head = tuple(entity for entity in said.entities if entity["offset"] < utf16_length(lines[0]))
    is_inert(Formatted(lines[0], of_head), where)
    assert not {c for c in said.text if c != "\n" and unicodedata.category(c) in _HIDDEN}, (where, said.text)
    assert not {e["type"] for e in said.entities} & {"text_link", "text_mention", "italic", "underline"}, where


# ── Where it is put ───────────────────────────────────────────────────────────────────────────────────────────────────


@contextmanager
def both_logs(level: str = "DEBUG") -> Iterator[Callable[[], tuple[str, str]]]:
    """What is logged, for people and for collectors."""
    root, kept = logging.getLogger(), (list(logging.getLogger().handlers), logging.getLogger().level)
    error, streams, handlers = sys.stderr, (io.StringIO(), io.StringIO()), []
    try:
        for style, stream in zip(("console", "json"), streams, strict=True):
            sys.stderr = stream
            configure_logging(level, style)
            handlers += root.handlers
    finally:
        sys.stderr = error
    root.handlers[:] = handlers
    try:
        yield lambda: (streams[0].getvalue(), streams[1].getvalue())
    finally:
        root.handlers[:], root.level = kept
        structlog.reset_defaults()


def with_evidence(monkeypatch: pytest.MonkeyPatch, hostile: str) -> None:
    """Every report holds what a validator would say that escapes nothing."""
    real = reports.report_from

    def report_from(*args: Any, **fields: Any) -> Report:
        report = real(*args, **fields)
        assert report.findings
        worst = replace(report.findings[0], where=hostile, seen=hostile, allowed=hostile)
        more = Finding(worst.rule, 4, hostile, hostile, hostile)
        return replace(report, findings=(worst, *report.findings[1:], more))

    monkeypatch.setattr(reports, "report_from", report_from)


@pytest.fixture
def town(telegram_emulator: Emulator, tmp_path: Path) -> Town:
    return a_town(telegram_emulator, tmp_path)


@dataclass
class Stage:
    """A group with a topic, its moderators' chat and three people; every name there is a stranger's text."""

    review: Review
    hostile: str
    olga: User  # owns the installation

    @property
    def town(self) -> Town:
        return self.review.town

    async def case(self) -> int:
        """The number of a new case, in a topic."""
        message = await self.town.group.post_document(
            self.town.eve,
            PROGRAM + str(len(self.town.group.messages)).encode(),
            name=self.hostile,
            mime=self.hostile,
            caption=self.hostile,
            topic=self.town.group.open_topic(self.hostile),
        )
        store = (await self.review.host.guard.start()).store

        async def opened() -> int:
            cases = [case for case in await store.cases() if case.attachment.messages == (str(message.message_id),)]
            return cases[0].id if cases and cases[0].removed_at else 0

        return await until(opened)

    async def ask(self, user: User, text: str, chat: Chat | None = None) -> Message:
        """The answer to what somebody writes, in private unless a chat is named."""
        where, bot = chat or self.review.tg.private(user), self.review.tg.bot

        def answers() -> list[Message]:
            return [message for message in where.messages if message.sender == bot]

        before = len(answers())
        await where.post_text(user, text)
        await until(lambda: len(answers()) > before)
        return answers()[-1]

    async def asked_about(self, case: int) -> None:
        """Every command of everybody, with and without a stranger's words."""
        review, mila, group = self.review, self.town.mila, self.town.group
        one = await self.ask(mila, f"/case {case}")
        while "More ▶" in one.buttons:
            await review.press(mila, one, "More ▶")
        listed = await self.ask(mila, "/cases all")
        await review.press(mila, listed, "Select")
        for command in ("/audit", "/audit event:received", "/privacy", "/doctor", f"/drill {group.id}", "/help"):
            await self.ask(mila, command)
        for command in ("/cases everywhere all", "/audit", "/doctor", f"/erase {self.town.eve.id}"):
            await self.ask(self.olga, command)
        for command in ("/cases", "/case", "/audit", "/privacy", "/doctor", "/lazaretto", "/start", "/erase"):
            await self.ask(self.olga, f"{command} {self.hostile[:4000]}")
            await self.ask(self.town.eve, command)
        for command in (f"/case {case}", "/cases", "/audit", "/privacy", "/doctor", "/lazaretto"):
            await self.ask(mila, command, group)

    async def set_up(self) -> None:
        """Every page of the settings menu, and values that are none."""
        review, mila, group = self.review, self.town.mila, self.town.group
        await self.ask(mila, "/lazaretto")
        menu = await self.ask(mila, f"/start lz_lazaretto_{group.id}")
        for name in (*PAGES, MAIN, SHOW, CHOOSE):
            await review.forge(mila, menu, data_of(str(group.id), name))
        await self.ask(mila, "/lazaretto set mode guard", group)
        for key in ("mode", "types.allow", "moderators", "language", self.hostile[:300]):
            await self.ask(mila, f"/lazaretto set {key} {self.hostile[:3000]}", group)

    async def decided(self, case: int) -> None:
        """Each button of the card; the sender appeals; it is released."""
        review, mila, moderators = self.review, self.town.mila, self.town.moderators
        card = await moderators.wait_for(lambda m: f"case {case}" in (m.text or "") and "Mute ▸" in m.buttons)
        for label in ("Details", "Tell sender", "Mute ▸", "1 hour"):
            await review.press(mila, card, label)
        private = self.review.tg.private(self.town.eve)
        told = await private.wait_for(lambda m: "Appeal" in m.buttons)
        await review.press(self.town.eve, told, "Appeal")
        await until(lambda: "asks for another look" in (card.text or ""))
        await review.press(mila, card, "Release")
        await review.reaches(case, CaseState.RELEASED)

    async def moved(self) -> None:
        """The cards go to another moderators' chat from now on, which is told so."""
        chat = self.review.other_moderators
        await self.ask(self.town.mila, f"/lazaretto here {self.town.group.id}", chat)
        assert any("Cards of" in (m.text or "") for m in chat.messages)

    async def weekly(self) -> None:
        """The report of a week, at once."""
        runtime = await self.review.host.guard.start()
        policies = self.review.host.guard.policies
        for passed in (timedelta(), timedelta(days=8)):
            clock = partial(datetime.fromtimestamp, (datetime.now(UTC) + passed).timestamp(), UTC)
            await Reports(runtime.bot, runtime.store, policies, clock).look()
        assert any("Report for" in (m.text or "") for m in self.town.moderators.messages)


def a_stage(town: Town, hostile: str) -> tuple[Town, User]:
    """The town, with strangers' text as the name of everything, and the installation's owner."""
    tg = town.tg
    town.eve = tg.user(hostile, username="mallory_eve", last_name=hostile)
    town.mila = tg.user(hostile, username="mallory_mila", last_name=hostile)
    town.group = tg.group(hostile, members=[town.eve], admins=[town.mila], bot_rights=Rights.full(), forum=True)
    town.moderators = tg.group(hostile, admins=[town.mila], bot_rights=Rights.full())
    tg.private(town.eve)
    return town, tg.user(hostile, last_name=hostile)


async def _fault(attachment: Attachment, *_: object) -> None:
    """A listener of the host that fails, in whose words there are a stranger's."""
    raise RuntimeError(f"cannot take {attachment.caption}")


async def played(town: Town, hostile: str) -> None:
    """All that people do in chat, from the file that is held to its release."""
    town, olga = a_stage(town, hostile)
    async with reviewing(town, owners=(olga,), inform_sender=True, weekly_report=True) as review:
        review.host.guard.on_decision(_fault)
        stage = Stage(review, hostile, olga)
        case = await stage.case()
        await stage.case()
        await stage.asked_about(case)
        await stage.set_up()
        await stage.decided(case)
        await stage.weekly()
        await stage.moved()


# ── In chat, in the log and in the terminal ───────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("hostile", HOSTILE.values(), ids=HOSTILE)
async def test_strangers_text_is_shown_everywhere_and_does_nothing(
    town: Town, monkeypatch: pytest.MonkeyPatch, hostile: str
) -> None:
    with_evidence(monkeypatch, hostile)
    with both_logs() as logged:
        await played(town, hostile)
    told = {made.method: 0 for made in town.tg.calls}
    for made in town.tg.calls:
        told[made.method] += check_call(made)
    assert told["sendMessage"] > 15
    assert told["editMessageText"] > 5
    check_logs(*logged())
    await asyncio.to_thread(check_terminal, town.state)


def check_logs(console: str, collected: str) -> None:
    hides_nothing(console, "log", indented=True)  # lines of a traceback
    assert "cannot take" in console
    assert MARK in console
    for line in collected.splitlines():
        assert isinstance(json.loads(line), dict)
    hides_nothing(collected, "JSON log")
    assert MARK in collected


PERSONAL = [
    ("cases", "list", "--all"),
    ("cases", "show", "1"),
    ("cases", "list", "--all", "--json"),
    ("cases", "show", "1", "--json"),
    ("audit", "export", "--personal"),
]
"""What tells of files and people by their names."""

RECORDS = [
    ("audit", "search", MARK),
    ("audit", "search", "--csv"),
    ("audit", "show", "--case", "1"),
    ("audit", "show", "--case", "1", "--json"),
    ("audit", "tail", "-n", "500"),
    *(("audit", "export", "--format", form) for form in ("jsonl", "csv", "ocsf")),
]


def check_terminal(state: Path) -> None:
    for command in (*PERSONAL, *RECORDS):
        ended = call(*command, "--state", state)
        where = " ".join(command)
        assert ended.returncode == 0, (where, ended.stderr)
        said = ended.stdout.replace("\r\n", "\n") if "csv" in where else ended.stdout
        hides_nothing(said + ended.stderr, where)
        assert len(said.splitlines()) > 1 or "--json" in where, where
        assert (command not in PERSONAL) or MARK in said, where
        if "csv" in where:
            cells = [cell for row in csv.reader(io.StringIO(ended.stdout)) for cell in row]
            assert cells
            assert not [cell for cell in cells if cell[:1] in {*"=+-@\t\r"} and cell], where
