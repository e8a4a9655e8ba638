"""`/cases` and `/case ID`: what waits, what was decided, and everything about one case.

In private, and in a moderators' chat about the groups whose cards go there; anywhere else a line and a link. Whoever
may not review in a case's group is told the same of it as of one that there is not.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial

import structlog
from telegram import Bot, CallbackQuery, InlineKeyboardButton, InlineKeyboardMarkup, Message

from lazaretto.audit.history import History, Wanted
from lazaretto.languages import N_, Html, Language
from lazaretto.model import Case, CaseState, Person, Place
from lazaretto.policy.values import earlier
from lazaretto.telegram.attachments import PLATFORM
from lazaretto.telegram.authority import Right
from lazaretto.telegram.card_words import PREFIX
from lazaretto.telegram.commands import cases_words
from lazaretto.telegram.commands.asked import Asked, Command
from lazaretto.telegram.commands.cases_bulk import CONFIRM, RELEASE, Bulk
from lazaretto.telegram.commands.cases_bytes import windows
from lazaretto.telegram.commands.cases_list import Listed, chooser, list_buttons, list_text
from lazaretto.telegram.commands.cases_one import Elsewhere, blocks, filled, pages
from lazaretto.telegram.commands.cases_reach import Reach, Reaches
from lazaretto.telegram.commands.cases_where import NOT_OURS, TOO_OLD, edit, elsewhere_link, pressed_in
from lazaretto.telegram.commands.cases_words import DATA, PAGE, STATES, Words, WrongWord, chosen, command_above, number
from lazaretto.telegram.commands.desk import Desk
from lazaretto.telegram.review import Page
from lazaretto.text import shown

__all__ = ["Cases"]

_ABOUT_LIST = N_("Cases: what waits, and what was decided")
_ABOUT_ONE = N_("Everything about one case")
_USAGE = N_(
    "I do not understand <code>{word}</code>. Write /cases, and behind it one of "
    "<code>open all released confirmed</code>, and whom or what you look for, such as <code>@name</code> or "
    "<code>pdf.*</code>"
)
_USAGE_ONE = N_("Write /case and its number, such as /case 12.")
_NONE = N_("There is no case {number}.")
_FAR = N_("These cases are too far apart to be chosen together.")
_MOST_COPIES = 8
_NUMBER = re.compile(r"#?([0-9]{1,18})")
_CASE = re.compile(rf"{PREFIX}case:(?P<number>[0-9]{{1,18}}):(?P<page>[0-9]{{1,3}})")
_FAR_DATA = f"{PREFIX}{cases_words.WORD}:far"
_VERBS = {"r": RELEASE, "c": CONFIRM}
_log = structlog.get_logger("lazaretto.commands")


@dataclass(frozen=True, slots=True)
class _Who:
    """Who asks, where, and in which language they are answered."""

    bot: Bot
    place: Place
    user: int
    say: Language


@dataclass(frozen=True, slots=True)
class _Step:
    """Which page. before, after: of these cases. chosen: None while nothing is being chosen. note: what happened."""

    before: int | None = None
    after: int | None = None
    chosen: frozenset[int] | None = None
    note: str = ""


class Cases:
    """`Section` of the cases."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._reaches = Reaches(desk)

    @property
    def commands(self) -> Sequence[Command]:
        """No rights here: whose they are depends on the cases, and not on where it is typed."""
        return (
            Command("cases", _ABOUT_LIST, self._list_asked, None),
            Command("case", _ABOUT_ONE, self._one_asked, None),
        )

    @property
    def pages(self) -> Mapping[str, Page]:
        """The list's buttons, and those of one case."""
        return {cases_words.WORD: self._list_pressed, "case": self._one_pressed}

    # ── As commands ───────────────────────────────────────────────────────────────────────────────────────────────

    async def _list_asked(self, asked: Asked) -> None:
        if await elsewhere_link(self._desk, asked, "cases"):
            return
        try:
            words = cases_words.words_of(asked.words)
        except WrongWord as wrong:
            await asked.answer(asked.say.html(_USAGE, word=shown(str(wrong), 60)))
            return
        answer = await self._list(_who(asked), words, _Step())
        await asked.answer(*((asked.say.html(answer),) if isinstance(answer, str) else answer))

    async def _one_asked(self, asked: Asked) -> None:
        if await elsewhere_link(self._desk, asked, "case"):
            return
        form = _NUMBER.fullmatch(asked.words[0]) if asked.words else None
        if form is None:
            await asked.answer(asked.say.html(_USAGE_ONE))
            return
        answer = await self._one(_who(asked), int(form[1]), 0, None)
        if answer is None:
            await asked.answer(asked.say.html(_NONE, number=form[1]))
        else:
            await asked.answer(*answer)

    # ── As buttons ────────────────────────────────────────────────────────────────────────────────────────────────

    async def _list_pressed(self, bot: Bot, query: CallbackQuery, data: str) -> str:
        pressed = self._pressed(bot, query, "/cases", "/case")
        if isinstance(pressed, str):
            return pressed
        asking, message, words = pressed
        form = DATA.fullmatch(data)
        if form is None:
            return asking.say(_FAR if data == _FAR_DATA else NOT_OURS)
        if form["way"] == "o":
            return await self._show_one(asking, message, number(form["at"]), 0, words)
        if form["verb"] in _VERBS:
            return await self._decide(asking, message, words, query, form)
        anchor = None if form["anchor"] is None else number(form["anchor"])
        step = _Step()
        if form["way"] is not None:
            at = number(form["at"])
            step = _Step(before=at) if form["way"] == "b" else _Step(after=at)
        elif anchor is not None:
            step = _Step(before=anchor, chosen=frozenset(chosen(anchor, form["cases"])))
        words = replace(words, state=form["state"] or words.state, chat=form["chat"] or words.chat)
        answer = await self._list(asking, words, step)
        if isinstance(answer, str):  # whoever may not must not take it from those who may
            return asking.say(answer)
        await edit(bot, message, *answer)
        return ""

    async def _one_pressed(self, bot: Bot, query: CallbackQuery, data: str) -> str:
        pressed = self._pressed(bot, query, "/case")
        form = _CASE.fullmatch(data)
        if isinstance(pressed, str):
            return pressed
        asking, message, words = pressed
        if form is None:
            return asking.say(NOT_OURS)
        back = words if "/cases" in (command_above(message, "/case") or ()) else None
        return await self._show_one(asking, message, int(form["number"]), int(form["page"]), back)

    def _pressed(self, bot: Bot, query: CallbackQuery, *names: str) -> tuple[_Who, Message, Words] | str:
        """Who pressed where, and the list that the message is or came from; why there is none, where it is not ours."""
        where = pressed_in(self._desk, query)
        message = query.message
        say = self._desk.language(where or Place(PLATFORM, "", private=True), query.from_user.language_code)
        if where is None or not isinstance(message, Message):
            return say(TOO_OLD)
        command = command_above(message, *names)
        if command is None:
            return say(NOT_OURS)
        words = command[command.index("/cases") + 1 :] if "/cases" in command else []
        try:
            return _Who(bot, where, query.from_user.id, say), message, cases_words.words_of(words)
        except WrongWord:
            return say(NOT_OURS)

    async def _show_one(self, asking: _Who, message: Message, case: int, page: int, back: Words | None) -> str:
        answer = await self._one(asking, case, page, back)
        if answer is None:
            return asking.say(_NONE, number=case)
        await edit(asking.bot, message, *answer)
        return ""

    async def _decide(
        self, asking: _Who, message: Message, words: Words, query: CallbackQuery, form: re.Match[str]
    ) -> str:
        anchor, user = number(form["anchor"]), query.from_user
        store = (await self._desk.open()).store
        by = Person(PLATFORM, str(user.id), user.full_name, user.username)
        shows = partial(self._reaches.shows, asking.place)
        bulk = Bulk(self._desk, asking.bot, store, by, asking.say, shows)
        verb = _VERBS[form["verb"]]
        decided = await bulk.decide(verb, chosen(anchor, form["cases"])[:PAGE])
        note = decided.told(asking.say, verb)
        try:
            answer = await self._list(asking, words, _Step(before=anchor, note=note))
            if not isinstance(answer, str):
                await edit(asking.bot, message, *answer)
        except Exception:  # whatever becomes of the message, cases were decided about: the answer says so
            _log.exception("a list could not be brought up to date")
        return note

    # ── A page of cases ───────────────────────────────────────────────────────────────────────────────────────────

    async def _list(self, asking: _Who, words: Words, step: _Step) -> tuple[Html, InlineKeyboardMarkup] | str:
        """Or why there is none, for the catalogue."""
        reach = await self._reaches.of(asking.bot, asking.place, asking.user, words.chat)
        if isinstance(reach, str):
            return reach
        if reach.undecided:
            return chooser(asking.say, words, reach.titles, everywhere=reach.owner)
        if words.chat is None and reach.chats is not None and len(reach.chats) == 1 and asking.place.private:
            words = replace(words, chat=next(iter(reach.chats)))
        listed = await self._listed(asking, words, reach, step)
        return list_text(asking.say, listed, datetime.now(UTC)), list_buttons(asking.say, listed)

    async def _listed(self, asking: _Who, words: Words, reach: Reach, step: _Step) -> Listed:
        history = History((await self._desk.open()).store)
        wanted = Wanted(PLATFORM, reach.chats, STATES[words.state], words.member, words.rule or "")
        found = await history.listing(wanted, before=step.before, after=step.after, limit=PAGE)
        chats = {case.attachment.place.chat for case in found.cases}
        may = await self._reaches.allowed(asking.bot, asking.user, chats)
        some = [case for case in found.cases if case.attachment.place.chat in may]
        waiting = {case.id for case in some if case.state in STATES["open"]}
        first = found.cases[0].id + 1 if found.cases else 1
        return Listed(
            words=words,
            cases=some,
            titles={case.attachment.place.chat: case.attachment.room or "" for case in some} | dict(reach.titles),
            newer=found.newer,
            older=found.older,
            anchor=step.before or first,
            chosen=None if step.chosen is None else step.chosen & waiting,
            note=step.note,
        )

    # ── One case ──────────────────────────────────────────────────────────────────────────────────────────────────

    async def _one(
        self, asking: _Who, case: int, page: int, back: Words | None
    ) -> tuple[Html, InlineKeyboardMarkup | None] | None:
        """None where the asker may not know of it, or there is none."""
        store = (await self._desk.open()).store
        known = await store.case(case)
        if known is None or not await self._may_see(asking, known):
            return None
        now, history = datetime.now(UTC), History(store)
        strikes = self._desk.policies.policy_of(known.attachment.place).strikes
        facts = await history.facts(case, earlier(now, strikes.within))
        if facts is None:
            return None
        found = await self._elsewhere(asking, history, facts.case)
        every = pages(blocks(asking.say, facts, found, facts.case.attachment.room or "", now))
        page = min(page, len(every) - 1)
        places = [block.bytes_at for block in every[page] if block.bytes_at is not None]
        state = self._desk.policies.configuration.settings.state
        text = filled(asking.say, every[page], await windows(state, facts.case, places))
        head = f"/case {case}" + (f" {back}" if back else "")
        return (
            asking.say.html("<code>{command}</code>\n{text}", command=head, text=text),
            _case_buttons(asking.say, facts.case, page, len(every), back),
        )

    async def _may_see(self, asking: _Who, case: Case) -> bool:
        place = case.attachment.place
        if not self._reaches.shows(asking.place, place):
            return False
        return await self._desk.authority.refusal(asking.bot, place.chat, asking.user, Right.REVIEW) is None

    async def _elsewhere(self, asking: _Who, history: History, case: Case) -> Elsewhere:
        """Only where the asker may see: of all other chats not even the number is told."""
        name = case.attachment.id
        posted = await history.chats_of_copies(name)
        seen = await self._reaches.among(asking.bot, asking.place, asking.user, posted)
        if not seen:
            return Elsewhere()
        copies, count = await history.copies(name, seen, _MOST_COPIES)
        return Elsewhere(copies, count, seen)


def _who(asked: Asked) -> _Who:
    return _Who(asked.bot, asked.place, asked.user or 0, asked.say)


def _case_buttons(say: Language, case: Case, page: int, of: int, back: Words | None) -> InlineKeyboardMarkup | None:
    def button(text: str, data: str) -> InlineKeyboardButton:
        return InlineKeyboardButton(text, callback_data=f"{PREFIX}{data}")

    turning = [button("◀", f"case:{case.id}:{page - 1}")] if page else []
    turning += [button(say("More ▶"), f"case:{case.id}:{page + 1}")] if page + 1 < of else []
    deciding = []
    if case.state in (CaseState.OPEN, CaseState.APPEALED):
        deciding = [
            button(say("✅ Release"), f"release:{case.id}"),
            button(say("⛔ Confirm"), f"confirm:{case.id}"),
        ]
    around = [button(say("Look again"), f"case:{case.id}:{page}")]
    if back is not None:
        around.append(button(say("Back to the list"), f"{cases_words.WORD}:b:{cases_words.told(case.id + 1)}"))
    return InlineKeyboardMarkup([row for row in (turning, deciding, around) if row])
