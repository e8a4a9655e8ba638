"""`/lazaretto`: the settings of a group, for administrators who may change its info.

In the group a short line with a link; in private one message that is edited in place. Every press and every command is
authorised against the chat that it is about.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from io import BytesIO

import structlog
from telegram import (
    Bot,
    CallbackQuery,
    ChatAdministratorRights,
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    KeyboardButton,
    KeyboardButtonRequestChat,
    Message,
    ReplyKeyboardMarkup,
    ReplyKeyboardRemove,
)
from telegram.constants import ChatType, ParseMode
from telegram.error import BadRequest, TelegramError

from lazaretto.languages import N_, Language
from lazaretto.model import Person, Place
from lazaretto.telegram.answers import chat_id
from lazaretto.telegram.attachments import PLATFORM
from lazaretto.telegram.authority import Right
from lazaretto.telegram.cards import PREFIX
from lazaretto.telegram.commands.asked import Asked, Command
from lazaretto.telegram.commands.chats import chats_of
from lazaretto.telegram.commands.desk import Desk
from lazaretto.telegram.commands.dispatch import deep_link
from lazaretto.telegram.commands.menu_change import Refused, Who, change
from lazaretto.telegram.commands.menu_choices import UNSET, choices_of, page_of
from lazaretto.telegram.commands.menu_pages import (
    CHOOSE,
    EXPORT,
    MAIN,
    TRIED,
    TRY,
    WORD,
    View,
    chooser,
    effective,
    page,
)
from lazaretto.telegram.commands.menu_try import Tries
from lazaretto.telegram.commands.menu_typed import TYPED, Typed
from lazaretto.telegram.review import Page
from lazaretto.text import shown

__all__ = ["Menu"]

_GROUP = re.compile(r"-[0-9]{1,19}")
_DATA = re.compile(
    rf"{PREFIX}{WORD}:(?P<chat>-[0-9]{{1,19}}):"
    r"(?:=(?P<key>[a-z_.]{1,40}):(?P<token>[\w .+~-]{1,24})|(?P<page>[a-z.]{1,40}))",
    re.ASCII,
)
_NOT_OURS = N_("This button is not one of ours.")
_NOWHERE = N_("I know no group in which you may change the settings. Add me to one, or write /lazaretto in it.")
_NO_GROUP = N_("I do not work in that group.")
_IN_PRIVATE = N_("The settings of this group open in the private chat with me.")
_OPEN = N_("Open the settings")
_log = structlog.get_logger("lazaretto.settings")


class Menu:
    """The section of settings."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._tries = Tries(desk)
        about = N_("Settings of this group")
        self.commands: Sequence[Command] = (Command("lazaretto", about, self._run, Right.SETTINGS),)
        self.pages: Mapping[str, Page] = {WORD: self._press}

    # ── typed ─────────────────────────────────────────────────────────────────────────────────────────────────────

    async def _run(self, asked: Asked) -> None:
        if asked.place.private:
            await self._in_private(asked)
            return
        word, *rest = asked.words or ("",)
        if word.lower() not in TYPED or asked.user is None or asked.by_link:
            # What is shown is long, and nobody else's business.
            link = deep_link(asked.bot, "lazaretto", asked.place.chat, *([word.lower()] if word.isalpha() else []))
            button = InlineKeyboardButton(asked.say(_OPEN), url=link)
            await asked.answer(asked.say.html(_IN_PRIVATE), InlineKeyboardMarkup([[button]]))
            return
        await self._typed(asked, asked.place, asked.user, asked.message.chat.title or "", word.lower(), tuple(rest))

    async def _typed(
        self, asked: Asked, place: Place, user: int, title: str, word: str, words: tuple[str, ...]
    ) -> None:
        who = Who(asked.bot, user, asked.by, asked.say, title)
        answer = await TYPED[word](Typed(self._desk, asked, who, place, words))
        if answer is not None:
            await asked.answer(answer)

    async def _in_private(self, asked: Asked) -> None:
        words = list(asked.words)
        if asked.user is None:
            return
        if not words or not _GROUP.fullmatch(words[0]):
            chats = await chats_of(self._desk, asked.bot, asked.user, Right.SETTINGS)
            if len(chats) != 1:
                text, buttons = chooser(chats, asked.say) if chats else (asked.say.html(_NOWHERE), None)
                await asked.answer(text, buttons)
                return
            words.insert(0, chats[0].id)
        view, why = await self._view(asked.bot, words[0], asked.user, asked.say)
        if view is None:
            await asked.answer(asked.say.html(why))
            return
        word = words[1].lower() if len(words) > 1 else MAIN
        if word in TYPED and not asked.by_link:
            await self._typed(asked, view.place, asked.user, view.title, word, tuple(words[2:]))
        elif word == EXPORT:
            await self._export(asked.bot, asked.user, view)
        else:
            word = TRY if word.startswith(TRIED) else word  # only a press is answered later
            shown_page = page(view, word) or page(view, MAIN)
            if shown_page is not None:
                await asked.answer(*shown_page)

    # ── pressed ───────────────────────────────────────────────────────────────────────────────────────────────────

    async def _press(self, bot: Bot, query: CallbackQuery, data: str) -> str:
        user = query.from_user
        say = self._desk.language(Place(PLATFORM, str(user.id), private=True), user.language_code)
        form, message = _DATA.fullmatch(data), query.message
        # The menu is sent to its owner alone; what is forwarded from there has no buttons.
        if form is None or message is None or message.chat.id != user.id:
            return say(_NOT_OURS)
        view, why = await self._view(bot, form["chat"], user.id, say)
        if view is None:
            return say(why)
        if form["key"] is not None:
            return await self._pressed_choice(bot, query, view, form["key"], form["token"])
        match form["page"]:
            case name if name == CHOOSE:
                return await self._ask_for_chat(bot, query, view)
            case name if name == EXPORT:
                await self._export(bot, user.id, view)
                return ""
            case name if name.startswith(TRIED):
                return await self._tries.begin(bot, message, view, name)
            case name:
                return await self._turn_to(bot, query, view, name)

    async def _pressed_choice(self, bot: Bot, query: CallbackQuery, view: View, key: str, token: str) -> str:
        choice = next((one for one in choices_of(key) if one.token == token), None)
        name = page_of(key)
        if page(view, name) is None or (choice is None and token != UNSET):
            return view.say(_NOT_OURS)
        value = None if choice is None else choice.applied(effective(view.merged, key))
        user = query.from_user
        by = Person(PLATFORM, str(user.id), user.full_name, user.username)
        try:
            await change(self._desk, Who(bot, user.id, by, view.say, view.title), view.place, key, value)
        except Refused as refusal:
            return str(refusal)
        return await self._turn_to(bot, query, self._again(view), name)

    async def _turn_to(self, bot: Bot, query: CallbackQuery, view: View, name: str) -> str:
        found, message = page(view, name), query.message
        if found is None or message is None:
            return view.say(_NOT_OURS)
        self._tries.left(message)
        text, buttons = found
        try:
            await bot.edit_message_text(
                text,
                message.chat.id,
                message.message_id,
                parse_mode=ParseMode.HTML,
                reply_markup=buttons,
                disable_web_page_preview=True,
            )
        except BadRequest as refusal:
            if "message is not modified" in str(refusal).lower():
                return ""
            _log.info("a menu could not be edited, so it is sent again", why=shown(refusal.message, 100))
            await bot.send_message(message.chat.id, text, parse_mode=ParseMode.HTML, reply_markup=buttons)
        return ""

    # ── the moderators' chat, from Telegram's list ────────────────────────────────────────────────────────────────

    async def _ask_for_chat(self, bot: Bot, query: CallbackQuery, view: View) -> str:
        if view.merged.is_locked("moderators"):
            return view.say("This is locked by the operator.")
        user, say = query.from_user, view.say

        async def chosen(message: Message) -> None:
            await self._chosen(bot, view, user.id, message)

        number = self._desk.choices.ask(user.id, chosen)
        # Telegram then lists only chats where both are, and adds the bot where it is not.
        request = KeyboardButtonRequestChat(
            number,
            chat_is_channel=False,
            user_administrator_rights=_rights(),
            bot_is_member=True,
        )
        keyboard = ReplyKeyboardMarkup(
            [[KeyboardButton(say("Choose the moderators' chat"), request_chat=request)]],
            resize_keyboard=True,
            one_time_keyboard=True,
        )
        await bot.send_message(user.id, say("Choose the chat below. I have to be in it."), reply_markup=keyboard)
        return ""

    async def _chosen(self, bot: Bot, asked_in: View, user: int, message: Message) -> None:
        """Authorised anew: the question may be old."""
        shared, sender = message.chat_shared, message.from_user
        if shared is None or sender is None or message.chat.id != user:
            return
        view, why = await self._view(bot, asked_in.place.chat, user, asked_in.say)
        if view is None:
            await bot.send_message(user, asked_in.say(why), reply_markup=ReplyKeyboardRemove())
            return
        by = Person(PLATFORM, str(user), sender.full_name, sender.username)
        told = view.say("Cards go there from now on.")
        try:
            await change(
                self._desk, Who(bot, user, by, view.say, view.title), view.place, "moderators", str(shared.chat_id)
            )
        except Refused as refusal:
            told = str(refusal)
        await bot.send_message(user, told, reply_markup=ReplyKeyboardRemove())
        found = page(self._again(view), MAIN)
        if found is not None:
            await bot.send_message(user, found[0], parse_mode=ParseMode.HTML, reply_markup=found[1])

    # ── inside ────────────────────────────────────────────────────────────────────────────────────────────────────

    async def _export(self, bot: Bot, user: int, view: View) -> None:
        say, text = view.say, self._desk.policies.export(view.place)
        if not text:
            await bot.send_message(user, say("This group has no settings of its own."))
            return
        name = f"{view.place.chat}.toml"
        about = say("What this group has of its own. The operator can save it as groups/{name}.", name=name)
        await bot.send_document(user, BytesIO(text.encode("utf-8")), filename=name, caption=about)

    async def _view(self, bot: Bot, chat: str, user: int, say: Language) -> tuple[View | None, str]:
        """What the menu shows of a chat to somebody who may change it; else None, and why not."""
        await self._desk.open()
        refusal = await self._desk.authority.refusal(bot, chat, user, Right.SETTINGS)
        if refusal is not None:  # before anything else: where the bot works is nobody's business
            return None, refusal
        if not self._desk.policies.configuration.admits(Place(PLATFORM, chat)):
            return None, _NO_GROUP
        try:
            about = await bot.get_chat(chat_id(chat))
        except TelegramError as error:
            _log.info("a chat could not be asked about", chat=chat, why=type(error).__name__)
            return None, _NO_GROUP
        self._desk.directory.meet(chat)
        place = Place(PLATFORM, chat, channel=about.type == ChatType.CHANNEL)
        policies = self._desk.policies
        await policies.refresh(place)
        return View(place, about.title or "", policies.merged(place), policies.set_in(place), say), ""

    def _again(self, view: View) -> View:
        policies = self._desk.policies
        return replace(view, merged=policies.merged(view.place), own=policies.set_in(view.place))


def _rights() -> ChatAdministratorRights:
    """An administrator who may change the info, and nothing more is asked for."""
    nothing = ChatAdministratorRights.no_rights()
    return ChatAdministratorRights(**{**nothing.to_dict(), "can_change_info": True})
