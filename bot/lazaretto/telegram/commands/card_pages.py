"""What the buttons of a card do beside releasing and confirming: mute, ban, details, tell the sender; and the one
button that a sender has, to appeal. Every press is authorised, against the group of origin or as the case's sender."""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import structlog
from telegram import Bot, CallbackQuery, InlineKeyboardMarkup, MaybeInaccessibleMessage, Message
from telegram.constants import ParseMode
from telegram.error import BadRequest

from lazaretto.audit import AuditedStore
from lazaretto.audit.appeals import Appeal
from lazaretto.audit.history import History
from lazaretto.audit.moderation import Moderation
from lazaretto.languages import N_, Html, Language
from lazaretto.model import Case, CaseState, Person, Place
from lazaretto.policy.values import earlier
from lazaretto.ports import DeedKind
from lazaretto.telegram.answers import chat_id
from lazaretto.telegram.attachments import PLATFORM
from lazaretto.telegram.authority import Right
from lazaretto.telegram.card_buttons import buttons, durations, is_in_a_group
from lazaretto.telegram.card_words import PREFIX
from lazaretto.telegram.commands.asked import Command
from lazaretto.telegram.commands.cases_bytes import windows
from lazaretto.telegram.commands.cases_one import Elsewhere, blocks, filled, pages
from lazaretto.telegram.commands.desk import Desk
from lazaretto.telegram.durations import CHOICES, told_duration
from lazaretto.telegram.review import Page
from lazaretto.telegram.telling import APPEAL

__all__ = ["CardPages"]

_N = "[0-9]{1,18}"  # 18 digits fit the database's integer
_CASE = re.compile(rf"{PREFIX}(?P<verb>mute|ban|card|details):(?P<case>{_N})")
_PUNISH = re.compile(rf"{PREFIX}(?P<verb>mute|ban):(?P<case>{_N}):(?P<seconds>[0-9]{{1,9}}):(?P<after>{_N})")
_TELL = re.compile(rf"{PREFIX}(?P<verb>tell):(?P<case>{_N}):(?P<after>{_N})")
_APPEAL = re.compile(rf"{PREFIX}{APPEAL}:(?P<case>{_N})")

_NOT_OURS = N_("This button is not one of ours.")
_NONE = N_("There is no case {number}.")
_NOBODY = N_("Nobody can be muted or banned for this: it was not posted in a group.")
_TWICE = N_("That was done already, or somebody else was faster; nothing was changed.")
_NO_CHAT = N_("This case has no moderators' chat to show its details in.")
_SHOWN = N_("The details are in the moderators' chat.")
_TO_BE_TOLD = N_("The sender is told how the case stands. The card says whether that worked.")
_APPEALS = {
    Appeal.TAKEN: N_("Your appeal is noted. A moderator will take another look."),
    Appeal.NOT_THEIRS: N_("This button is not one of ours."),
    Appeal.ONCE: N_("You have appealed already. Nothing was changed."),
    Appeal.TOO_MANY: N_("You have appealed often today. Please try again tomorrow."),
    Appeal.DECIDED: N_("This is decided for good, or nothing is held any more."),
}
_MOST_SHOWN = 1000  # messages with details that are remembered, to change them instead of sending more
_log = structlog.get_logger("lazaretto.review")


@dataclass(frozen=True, slots=True)
class _Press:
    """An authorised press. form: what the button's data says."""

    bot: Bot
    query: CallbackQuery
    case: Case
    by: Person
    say: Language
    form: re.Match[str]
    store: AuditedStore

    @property
    def kind(self) -> DeedKind:
        return DeedKind(self.form["verb"])


_Do = Callable[[_Press], Awaitable[str]]


class CardPages:
    """`Section` of a card's buttons."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._details: OrderedDict[int, int] = OrderedDict()  # the message that shows a case's

    @property
    def commands(self) -> Sequence[Command]:
        """None: it is all buttons."""
        return ()

    @property
    def pages(self) -> Mapping[str, Page]:
        """By the first word of their data."""
        return {
            "mute": self._penalty,
            "ban": self._penalty,
            "card": self._page(_CASE, Right.REVIEW, self._back),
            "details": self._page(_CASE, Right.REVIEW, self._show),
            "tell": self._page(_TELL, Right.REVIEW, self._tell),
            APPEAL: self._appeal,
        }

    async def _penalty(self, bot: Bot, query: CallbackQuery, data: str) -> str:
        if _CASE.fullmatch(data):
            return await self._page(_CASE, Right.BAN, self._choose)(bot, query, data)
        return await self._page(_PUNISH, Right.BAN, self._punish)(bot, query, data)

    def _page(self, pattern: re.Pattern[str], right: Right, do: _Do) -> Page:
        """What does it, once the press is known to be ours, and its presser to have the right."""

        async def page(bot: Bot, query: CallbackQuery, data: str) -> str:
            spoken = self._desk.language(Place(PLATFORM, "", private=True), query.from_user.language_code)
            form = pattern.fullmatch(data)
            if form is None:
                return spoken(_NOT_OURS)
            store = (await self._desk.open()).store
            case = await store.case(int(form["case"]))
            if case is None:
                return spoken(_NONE, number=form["case"])
            place, by = case.attachment.place, _person(query)
            why = await self._desk.authority.refusal(bot, place.chat, query.from_user.id, right)
            if why is not None:
                await store.refused_press(case.id, by, form["verb"], why)
                return spoken(why)
            return await do(_Press(bot, query, case, by, self._desk.language(place), form, store))

        return page

    # ── Mute and ban ──────────────────────────────────────────────────────────────────────────────────────────────

    async def _choose(self, press: _Press) -> str:
        if not is_in_a_group(press.case) or press.case.state is CaseState.ERASED:
            return press.say(_NOBODY)
        return await _show_keyboard(press, durations(press.case, press.kind, press.say))

    async def _back(self, press: _Press) -> str:
        return await _show_keyboard(press, buttons(press.case, press.say))

    async def _punish(self, press: _Press) -> str:
        case, seconds = press.case, int(press.form["seconds"])
        if seconds not in CHOICES:
            return press.say(_NOT_OURS)
        if not is_in_a_group(case) or case.state is CaseState.ERASED:
            return press.say(_NOBODY)
        after = int(press.form["after"])
        if not await Moderation(press.store).punish(case.id, press.kind, seconds, press.by, after=after):
            return press.say(_TWICE)
        await _show_keyboard(press, buttons(case, press.say))
        how_long = told_duration(press.say, seconds)
        if press.kind is DeedKind.MUTE:
            return press.say(
                "The sender is being muted, {how_long}. The card says whether that worked.", how_long=how_long
            )
        return press.say(
            "The sender is being banned, {how_long}. The card says whether that worked.", how_long=how_long
        )

    # ── Details ───────────────────────────────────────────────────────────────────────────────────────────────────

    async def _show(self, press: _Press) -> str:
        """Into the moderators' chat, wherever the button was pressed. Of a case they are shown once, and renewed."""
        if press.case.moderators is None:
            return press.say(_NO_CHAT)
        text = await self._told(press)
        if text is None:
            return press.say(_NONE, number=press.case.id)
        chat, known = chat_id(press.case.moderators), self._details.get(press.case.id)
        if known is None or not await _renewed(press.bot, chat, known, text):
            message = await press.bot.send_message(
                chat,
                text,
                parse_mode=ParseMode.HTML,
                reply_to_message_id=await _card(press),
                allow_sending_without_reply=True,
                disable_web_page_preview=True,
            )
            self._details[press.case.id] = message.message_id
            if len(self._details) > _MOST_SHOWN:
                self._details.popitem(last=False)
        return press.say(_SHOWN)

    async def _told(self, press: _Press) -> Html | None:
        """The first page of what `/case` tells, without what was posted in other groups: not everybody in the
        moderators' chat need be a moderator of those."""
        policies, now = self._desk.policies, datetime.now(UTC)
        since = earlier(now, policies.policy_of(press.case.attachment.place).strikes.within)
        facts = await History(press.store).facts(press.case.id, since)
        if facts is None:
            return None
        every = pages(blocks(press.say, facts, Elsewhere(), facts.case.attachment.room or "", now))
        places = [block.bytes_at for block in every[0] if block.bytes_at is not None]
        text = filled(press.say, every[0], await windows(policies.configuration.settings.state, facts.case, places))
        if len(every) == 1:
            return text
        more = press.say.html("… more with <code>/case {number}</code>", number=press.case.id)
        return Html("\n").join([text, more])

    # ── The sender ────────────────────────────────────────────────────────────────────────────────────────────────

    async def _tell(self, press: _Press) -> str:
        after = int(press.form["after"])
        told = await Moderation(press.store).tell(press.case.id, press.by, after=after)
        return press.say(_TO_BE_TOLD if told else _TWICE)

    async def _appeal(self, bot: Bot, query: CallbackQuery, data: str) -> str:  # noqa: ARG002 - as every page
        """Only the case's sender may; nobody else is told that there is one."""
        say = self._desk.language(Place(PLATFORM, "", private=True), query.from_user.language_code)
        form = _APPEAL.fullmatch(data)
        if form is None:
            return say(_NOT_OURS)
        store, by = (await self._desk.open()).store, _person(query)
        outcome = await Moderation(store).appeal(int(form["case"]), by)
        if outcome is Appeal.NOT_THEIRS:
            await store.refused_press(int(form["case"]), by, APPEAL, "not the sender of this case")
        return say(_APPEALS[outcome])


async def _card(press: _Press) -> int | None:
    """The card's message. The store may not know it yet, when it is pressed at once."""
    pressed = press.query.message
    if pressed is not None and str(pressed.chat.id) == press.case.moderators:
        return pressed.message_id
    card = await press.store.card_of(press.case)
    return int(card) if card is not None and card.isdecimal() else None


def _person(query: CallbackQuery) -> Person:
    user = query.from_user
    return Person(PLATFORM, str(user.id), user.full_name, user.username)


async def _show_keyboard(press: _Press, keyboard: InlineKeyboardMarkup | None) -> str:
    """Under the message that was pressed, where that is the case's card."""
    message = press.query.message
    if message is None:
        return press.say("Telegram does not show me this message any more. Please ask again; nothing was changed.")
    fixed = press.say("The buttons of this card cannot be changed any more. Use /case {number}.", number=press.case.id)
    if not await _is_the_card(press, message):
        return fixed
    try:
        await press.bot.edit_message_reply_markup(message.chat.id, message.message_id, reply_markup=keyboard)
    except BadRequest as refusal:
        if "not modified" not in refusal.message.lower():
            _log.info("a card's buttons could not be changed", why=refusal.message)
            return fixed
    return ""


async def _is_the_card(press: _Press, message: MaybeInaccessibleMessage) -> bool:
    """Is it this case's? A client may name any case: under another's card, this one's buttons would be taken for the
    other's. The store may not know the card yet; what is under it tells then."""
    if str(message.chat.id) != press.case.moderators:
        return False
    card = await press.store.card_of(press.case)
    if card is not None:
        return card == str(message.message_id)
    keyboard = message.reply_markup if isinstance(message, Message) else None
    rows = keyboard.inline_keyboard if keyboard is not None else ()
    return any(button.callback_data == press.query.data for row in rows for button in row)


async def _renewed(bot: Bot, chat: int | str, message: int, text: Html) -> bool:
    """Is it there, and says this?"""
    try:
        await bot.edit_message_text(text, chat, message, parse_mode=ParseMode.HTML, disable_web_page_preview=True)
    except BadRequest as refusal:
        return "not modified" in refusal.message.lower()
    return True
