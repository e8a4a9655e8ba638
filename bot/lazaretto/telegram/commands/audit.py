"""`/audit`: searches the log, in the chats where the asker may review; the installation's owners search everywhere.

The question stands above its answer, from where the buttons read it again: it does not fit into their 64 bytes.

    lz:audit:n              the newest records
    lz:audit:b:ID           those before a record, lz:audit:a:ID those after it
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection
from telegram import Bot, CallbackQuery, InlineKeyboardButton, InlineKeyboardMarkup, Message

from lazaretto.audit import Event
from lazaretto.audit.history import named, user_named
from lazaretto.audit.search import Query, matching
from lazaretto.languages import N_, Html, Language
from lazaretto.model import Action, Person, Place
from lazaretto.telegram.attachments import PLATFORM
from lazaretto.telegram.card_words import PREFIX, units
from lazaretto.telegram.commands.asked import Asked, Command
from lazaretto.telegram.commands.audit_words import Sought, WrongFilter, sought_in
from lazaretto.telegram.commands.cases_reach import Reach, Reaches
from lazaretto.telegram.commands.cases_text import code, who
from lazaretto.telegram.commands.cases_timeline import event_told
from lazaretto.telegram.commands.cases_where import NOT_OURS, TOO_OLD, edit, elsewhere_link, pressed_in
from lazaretto.telegram.commands.cases_words import EVERYWHERE, command_above, number, told
from lazaretto.telegram.commands.desk import Desk
from lazaretto.telegram.review import Page
from lazaretto.text import shown

__all__ = ["AuditLog"]

_ABOUT = N_("Search the log")
_USAGE = N_(
    "I do not understand <code>{word}</code>. Write /audit, and behind it words to look for, or filters such as "
    "<code>since:7d until:2026-03-01 rule:pdf.* member:@name case:12 decision:quarantine event:decided</code>"
)
PAGE = 10
_ROOM = 3600  # code units of the records on a page, of 4,096: the question takes at most 410
_DATA = re.compile(rf"{PREFIX}audit:(?:n|(?P<way>[ab]):(?P<at>[0-9a-z]{{1,12}}))")


@dataclass(frozen=True, slots=True)
class _Found:
    """Records, newest first, who they speak of, and whether there are newer and older ones."""

    records: Sequence[Mapping[str, Any]] = ()
    people: Mapping[str, Person] | None = None
    newer: bool = False
    older: bool = False


class AuditLog:
    """`Section` of the log."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._reaches = Reaches(desk)

    @property
    def commands(self) -> Sequence[Command]:
        """No right here: what is shown is what the asker may see."""
        return (Command("audit", _ABOUT, self._asked, None),)

    @property
    def pages(self) -> Mapping[str, Page]:
        """Turning pages."""
        return {"audit": self._pressed}

    async def _asked(self, asked: Asked) -> None:
        if await elsewhere_link(self._desk, asked, "audit"):
            return
        try:
            sought = sought_in(asked.words, datetime.now(UTC))
        except WrongFilter as wrong:
            await asked.answer(asked.say.html(_USAGE, word=shown(str(wrong), 60)))
            return
        answer = await self._answer(asked.bot, asked.place, asked.user or 0, asked.say, sought)
        await asked.answer(*((asked.say.html(answer),) if isinstance(answer, str) else answer))

    async def _pressed(self, bot: Bot, query: CallbackQuery, data: str) -> str:
        where, message = pressed_in(self._desk, query), query.message
        say = self._desk.language(where or Place(PLATFORM, "", private=True), query.from_user.language_code)
        if where is None or not isinstance(message, Message):
            return say(TOO_OLD)
        form, command = _DATA.fullmatch(data), command_above(message, "/audit")
        if form is None or command is None:
            return say(NOT_OURS)
        try:
            sought = sought_in(command[1:], datetime.now(UTC))
        except WrongFilter:
            return say(NOT_OURS)
        at = None if form["at"] is None else number(form["at"])
        span = {"before": at} if form["way"] == "b" else {"after": at}
        answer = await self._answer(bot, where, query.from_user.id, say, sought, **span)
        if isinstance(answer, str):  # whoever may not must not take it from those who may
            return say(answer)
        await edit(bot, message, *answer)
        return ""

    async def _answer(
        self,
        bot: Bot,
        where: Place,
        user: int,
        say: Language,
        sought: Sought,
        *,
        before: int | None = None,
        after: int | None = None,
    ) -> tuple[Html, InlineKeyboardMarkup | None] | str:
        """Or why there is none, for the catalogue."""
        reach = await self._reaches.of(bot, where, user, sought.group or EVERYWHERE)
        if isinstance(reach, str):
            return reach
        found = await self._find(sought, reach, before, after)
        if reach.chats is not None:  # asked anew: the list of somebody's chats may be some minutes old
            may = await self._reaches.allowed(bot, user, filter(None, map(_chat, found.records)))
            kept = [record for record in found.records if _chat(record) in may]
            found = _Found(kept, found.people, found.newer, found.older)
        return _told(say, sought, found, reach.titles)

    async def _find(self, sought: Sought, reach: Reach, before: int | None, after: int | None) -> _Found:
        store = (await self._desk.open()).store
        now = datetime.now(UTC)

        def look(connection: Connection) -> _Found:
            query = _query(connection, sought, reach, now, before, after)
            hits = [record for _, record in matching(connection, query, oldest_first=after is not None)]
            page = sorted(hits[:PAGE], key=lambda record: int(record["seq"]), reverse=True)
            more = len(hits) > PAGE
            subjects = {str(record["subject"]) for record in page if record.get("subject")}
            newer = more if after is not None else before is not None
            of_now = [self._of_now(record) for record in page]
            return _Found(of_now, named(connection, subjects), newer, after is not None or more)

        return await store.state.read(look)

    def _of_now(self, record: Mapping[str, Any]) -> Mapping[str, Any]:
        """With the id that its chat has by now: nobody has rights under the one from before a move."""
        chat = _chat(record)
        now = self._desk.policies.now(chat)
        return record if now == chat else {**record, "chat": f"{PLATFORM}:{now}"}


def _query(
    connection: Connection, sought: Sought, reach: Reach, now: datetime, before: int | None, after: int | None
) -> Query:
    since, until = sought.moments(now)
    member = sought.member or None
    if member is not None and member.startswith("@"):
        member = user_named(connection, member) or member
    return Query(
        since=since,
        until=until,
        chats=None if reach.chats is None else frozenset(f"{PLATFORM}:{chat}" for chat in reach.chats),
        member=member,
        rules=sought.rule,
        actions=tuple(map(Action, sought.decision)),
        events=tuple(map(Event, sought.event)),
        case=int(sought.case) if sought.case else None,
        text=" ".join(sought.text),
        after=after or 0,
        before=before,
        limit=PAGE + 1,
    )


def _chat(record: Mapping[str, Any]) -> str:
    """The id of a record's chat; empty where it has none."""
    return str(record.get("chat") or "").partition(":")[2]


def _told(
    say: Language, sought: Sought, found: _Found, titles: Mapping[str, str]
) -> tuple[Html, InlineKeyboardMarkup | None]:
    lines, room = [say.html("<code>{command}</code>", command=str(sought))], _ROOM
    last = None
    for record in found.records:
        line = _line(say, record, found.people or {}, titles)
        if (room := room - units(line) - 1) < 0:
            break
        lines.append(line)
        last = record
    if last is None:
        lines.append(say.html("Nothing is found."))
    older = found.older or (last is not None and last is not found.records[-1])
    return Html("\n").join(lines), _buttons(say, found, last, older)


def _line(say: Language, record: Mapping[str, Any], people: Mapping[str, Person], titles: Mapping[str, str]) -> Html:
    chat, person = _chat(record), people.get(record["subject"] or "")
    said = [
        say.html("<code>{number}</code> {time}", number=record["seq"], time=f"{record['time'][:19]}".replace("T", " ")),
        event_told(say, record, people),
    ]
    if person is not None and (name := who(say, person)) not in said[1]:
        said.append(name)
    if record.get("case") is not None:
        said.append(say.html("case {number}", number=record["case"]))
    if chat and len(titles) != 1:
        said.append(code(say, titles.get(chat) or chat, 30))
    if record["rules"]:
        said.append(say.html("<code>{rules}</code>", rules=shown(", ".join(record["rules"][:3]), 100)))
    return Html(" · ").join(said)


def _buttons(say: Language, found: _Found, last: Mapping[str, Any] | None, older: bool) -> InlineKeyboardMarkup | None:
    row = []
    if found.newer:
        data = f"a:{told(int(found.records[0]['seq']))}" if last is not None else "n"
        row.append(InlineKeyboardButton(say("◀ Newer"), callback_data=f"{PREFIX}audit:{data}"))
    if older and last is not None:
        row.append(InlineKeyboardButton(say("Older ▶"), callback_data=f"{PREFIX}audit:b:{told(int(last['seq']))}"))
    return InlineKeyboardMarkup([row]) if row else None
