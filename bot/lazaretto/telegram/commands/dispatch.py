"""Finds the command that a message calls, checks who may, and lets nobody else have the message."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import suppress
from typing import Any, NamedTuple

import structlog
from telegram import Bot, InlineKeyboardButton, InlineKeyboardMarkup, Message, MessageEntity, Update
from telegram.ext import ApplicationHandlerStop, BaseHandler, CallbackContext

from lazaretto.languages import N_, Language
from lazaretto.model import Person, Place
from lazaretto.telegram.attachments import PLATFORM
from lazaretto.telegram.authority import Authority
from lazaretto.telegram.commands.asked import Asked, Command, Scope

__all__ = ["PREFIX", "START", "Commands", "deep_link"]

PREFIX = "lazaretto"
START = "lz_"
"""What the parameter of a deep link into the private chat begins with: `/start lz_cases_-1001234`."""

_WORDS = re.compile(r"\S+")
_MOST_WORDS = 64
_LINKED = re.compile(r"-?[A-Za-z0-9]{1,20}")
"""Words that a deep link can carry as they are: others would come out as something else."""
_ANONYMOUS = N_("You write as the group, so your rights cannot be told. Open this in the private chat with me.")
_NOT_HERE = N_("This works in a group only.")
_NOT_IN_GROUPS = N_("This works in the private chat with me only.")
_FAILED = N_("That did not work. Please try again.")
_log = structlog.get_logger("lazaretto.commands")

AnyContext = CallbackContext[Any, Any, Any, Any]


class Called(NamedTuple):
    """A command that a message calls, with the words behind it. by_link: as in `Asked`."""

    command: Command
    words: tuple[str, ...]
    by_link: bool = False


class Commands(BaseHandler[Update, AnyContext, None]):
    """Handler of our commands.

    ready: the bot that answers, once everything is open. language: of what is said in a place. alone: every command is
    ours under its own name, too. works_in: does the operator let the bot work there?
    """

    def __init__(
        self,
        commands: Iterable[Command],
        ready: Callable[[], Awaitable[Bot]],
        authority: Authority,
        language: Callable[[Place, str | None], Language],
        works_in: Callable[[Place], bool],
    ) -> None:
        super().__init__(self._never_called, block=True)
        self.commands: Mapping[str, Command] = {command.name: command for command in commands}
        self._ready = ready
        self._authority = authority
        self._language = language
        self._works_in = works_in
        self.alone = False

    @staticmethod
    async def _never_called(_update: Update, _context: AnyContext) -> None:
        """BaseHandler wants a callback; this class answers in `handle_update` itself."""

    def check_update(self, update: object) -> Called | None:
        """The command that it calls. Edits call none: they would be carried out twice."""
        message = update.message if isinstance(update, Update) else None
        if message is None or not message.text or not message.entities:
            return None
        if message.forward_origin is not None or message.via_bot is not None:  # whoever sent it did not write it
            return None
        entity = message.entities[0]
        if entity.type != MessageEntity.BOT_COMMAND or entity.offset:
            return None
        name, _, whose = message.parse_entity(entity)[1:].lower().partition("@")
        if whose and whose != (message.get_bot().username or "").lower():
            return None
        words = tuple(word[0] for word in _WORDS.finditer(message.text[entity.length :]))[:_MOST_WORDS]
        return self._named(name, words)

    def _named(self, name: str, words: tuple[str, ...]) -> Called | None:
        if name == "start" and words and words[0].startswith(START):
            name, *rest = words[0].removeprefix(START).split("_")
            return self._called(name, (*rest, *words[1:]), by_link=True)
        if name == PREFIX and words and words[0].lower() in self.commands:
            return self._called(words[0].lower(), words[1:])
        return self._called(name, words) if self.alone or name == PREFIX else None

    def _called(self, name: str, words: tuple[str, ...], *, by_link: bool = False) -> Called | None:
        command = self.commands.get(name)
        return None if command is None else Called(command, words, by_link)

    async def handle_update(self, update: Update, application: object, check_result: Any, context: AnyContext) -> None:  # noqa: ARG002 - the library's signature
        """Carry it out, and let nobody else have it."""
        with suppress(Exception):  # whatever it is, and be it the log's: it would hand the message on to the host
            await self._carry_out(check_result, update.message)
        raise ApplicationHandlerStop

    async def _carry_out(self, called: Called, message: Message | None) -> None:
        if message is None or not self._works_in(place := _place(message)):
            return
        command, words, by_link = called
        asked = Asked(
            await self._ready(),
            message,
            place,
            _person(message),
            _user(message),
            words,
            self._spoken(message, place),
            by_link,
        )
        try:
            why = await self._refusal(asked, command)
            if why is None:
                await command.run(asked)
            elif why == _ANONYMOUS:
                await asked.answer(asked.say.html(why), _in_private(asked, command))
            else:
                await asked.answer(asked.say.html(why))
        except Exception:
            _log.exception("a command failed", command=command.name)
            await asked.answer(asked.say.html(_FAILED))

    def _spoken(self, message: Message, place: Place) -> Language:
        code = message.from_user.language_code if message.from_user is not None else None
        return self._language(place, code)

    async def _refusal(self, asked: Asked, command: Command) -> str | None:
        private = asked.place.private
        if command.scope == (Scope.GROUP if private else Scope.PRIVATE):
            return _NOT_HERE if private else _NOT_IN_GROUPS
        if command.right is None or private:  # in private the command itself asks, for the chat that it is about
            return None
        if asked.user is None:
            return _ANONYMOUS
        return await self._authority.refusal(asked.bot, asked.place.chat, asked.user, command.right)


def _in_private(asked: Asked, command: Command) -> InlineKeyboardMarkup:
    words = asked.words if all(_LINKED.fullmatch(word) for word in asked.words) else ()
    link = deep_link(asked.bot, command.name, asked.place.chat, *words)
    return InlineKeyboardMarkup([[InlineKeyboardButton(asked.say("Open in private"), url=link)]])


def deep_link(bot: Bot, command: str, *words: str) -> str:
    """Opens the private chat with a command in it. At most 64 characters of A-Z, a-z, 0-9, _ and - (Bot API, Deep
    linking): ids of chats fit."""
    parameter = START + "_".join((command, *words))
    return f"https://t.me/{bot.username}?start={parameter[:64]}"


def _place(message: Message) -> Place:
    return Place(PLATFORM, str(message.chat.id), private=message.chat.type == "private")


def _person(message: Message) -> Person:
    user = message.from_user
    if user is None:
        return Person(PLATFORM, str(message.chat.id), "")
    return Person(PLATFORM, str(user.id), user.full_name, user.username)


def _user(message: Message) -> int | None:
    """Who typed it; None for whoever writes as a group or channel."""
    return None if message.from_user is None or message.sender_chat is not None else message.from_user.id
