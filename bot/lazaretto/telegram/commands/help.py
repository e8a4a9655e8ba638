"""What the bot is and what it understands: for whoever asks, and for Telegram's list of commands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import structlog
from telegram import (
    Bot,
    BotCommand,
    BotCommandScope,
    BotCommandScopeAllChatAdministrators,
    BotCommandScopeAllGroupChats,
    BotCommandScopeAllPrivateChats,
)
from telegram.error import TelegramError

from lazaretto.languages import LANGUAGES, N_, Html, Language, language_of
from lazaretto.telegram.commands.asked import Asked, Command, Scope
from lazaretto.telegram.review import Page

__all__ = ["Help", "list_commands"]

_LONGEST = 256  # characters of a description: Bot API, BotCommand
_log = structlog.get_logger("lazaretto.commands")


class Help:
    """`/help`, and `/start` without a parameter. listed: every command there is."""

    pages: Mapping[str, Page] = {}

    def __init__(self, listed: Sequence[Command]) -> None:
        about = N_("What this bot does, and what it understands")
        mine = (Command("help", about, self._help, None), Command("start", about, self._help, None))
        self.commands: Sequence[Command] = mine
        self._listed = (*listed, mine[0])

    async def _help(self, asked: Asked) -> None:
        if not asked.place.private and asked.words:  # sent by the client that added the bot by a link: it greets anyway
            return
        say = asked.say
        what = say.html(
            "I look at every file that is posted in groups where I am an administrator, before anybody has to open it. "
            "Moderators get a card for what I hold back and decide with two taps."
        )
        lines = [_line(say, command) for command in self._listed]
        await asked.answer(Html("\n").join((what, Html(""), *lines)))


def _line(say: Language, command: Command) -> Html:
    return say.html("/{name}: {about}", name=command.name, about=say(command.about))


async def list_commands(bot: Bot, commands: Sequence[Command]) -> None:
    """Tell Telegram what to offer, by language and by who sees it. What is offered is no permission."""
    everybody = [command for command in commands if command.right is None and command.name != "start"]
    groups = [command for command in everybody if command.scope != Scope.PRIVATE]
    admins = [command for command in commands if command.scope != Scope.PRIVATE and command.name != "start"]
    private = [command for command in commands if command.scope != Scope.GROUP and command.name != "start"]
    scopes: Sequence[tuple[BotCommandScope, Sequence[Command]]] = (
        (BotCommandScopeAllGroupChats(), groups),
        (BotCommandScopeAllChatAdministrators(), admins),
        (BotCommandScopeAllPrivateChats(), private),
    )
    try:
        for code in LANGUAGES:
            say = language_of(code)
            for scope, some in scopes:
                listed = [BotCommand(command.name, say(command.about)[:_LONGEST]) for command in some]
                # English is for every language that has no list of its own.
                await bot.set_my_commands(listed, scope, None if code == "en" else code)
    except TelegramError as error:
        _log.warning("the list of commands could not be set", why=type(error).__name__)
