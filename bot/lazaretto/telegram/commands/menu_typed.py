"""`/lazaretto WORD ...`: the settings by text. The caller has authorised the person.

Each command answers what to say; None where it was said.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace

from telegram import Message

from lazaretto.languages import N_, Html, Language
from lazaretto.model import Place
from lazaretto.policy import ConfigError
from lazaretto.telegram.authority import Right
from lazaretto.telegram.commands.asked import Asked
from lazaretto.telegram.commands.desk import Desk
from lazaretto.telegram.commands.menu_change import Refused, Who, change, problem_text
from lazaretto.telegram.commands.menu_pages import effective
from lazaretto.telegram.commands.settings_words import key_of, value_of
from lazaretto.text import shown

__all__ = ["TYPED", "Typed"]

_GROUP = re.compile(r"-[0-9]{1,19}")
_MOST_EXEMPT = 200
_LINKED_CHANNEL = 777000
"""Telegram's own account, in whose name posts of the linked channel come. It is no bot."""

_USAGE = N_("Write it like this: {example}")
_DONE = N_("{key} is {value} from now on.")
_UNSET_DONE = N_("{key} is as the operator says again: {value}.")
_AS_IT_WAS = N_("It is so already.")


@dataclass(frozen=True, slots=True)
class Typed:
    """A command about a chat. words: what stands behind its first word."""

    desk: Desk
    asked: Asked
    who: Who
    place: Place
    words: tuple[str, ...]

    def usage(self, example: str) -> Html:
        """How it is written."""
        return self.asked.say.html(_USAGE, example=example)

    async def set(self, key: str, value: object) -> Html:
        """Change a key, and tell."""
        say = self.asked.say
        try:
            changed = await change(self.desk, self.who, self.place, key, value)
        except Refused as refusal:
            return _because(say, str(refusal))
        if not changed:
            return say.html(_AS_IT_WAS)
        return say.html(_UNSET_DONE if value is None else _DONE, key=key, value=self.shown_value(key))

    def shown_value(self, key: str) -> str:
        """The value that holds now, as `policy show` prints it."""
        rows = {row.key: row.value for row in self.desk.policies.explain(self.place)}
        if key in rows:
            return shown(rows[key], 200)
        value = effective(self.desk.policies.merged(self.place), key)
        return self.asked.say("by severity") if value is None else str(value)


def _because(say: Language, why: str) -> Html:
    """What was refused, in which words of whoever asked may stand: as code, in which Telegram makes no links."""
    return say.html("<code>{text}</code>", text=why)


async def _set(typed: Typed) -> Html:
    if len(typed.words) < 2:
        return typed.usage("/lazaretto set max_size 20mb")
    key = key_of(typed.words[0])
    try:
        value = value_of(key, " ".join(typed.words[1:]))
    except ConfigError as error:
        return _because(typed.asked.say, problem_text(error))
    return await typed.set(key, value)


async def _unset(typed: Typed) -> Html:
    if len(typed.words) != 1:
        return typed.usage("/lazaretto unset max_size")
    key = key_of(typed.words[0])
    if key not in typed.desk.policies.set_in(typed.place):
        return typed.asked.say.html("{key} is not set here.", key=shown(key, 60))
    return await typed.set(key, None)


async def _here(typed: Typed) -> Html | None:
    """Cards of a group come into the chat where this is typed."""
    say, asked = typed.asked.say, typed.asked
    if len(typed.words) != 1 or not _GROUP.fullmatch(typed.words[0]) or asked.place.private:
        return typed.usage("/lazaretto here -1001234567890")
    group = Place(asked.place.platform, typed.words[0])
    refusal = await typed.desk.authority.refusal(asked.bot, group.chat, typed.who.user, Right.SETTINGS)
    if refusal is not None:
        return say.html(refusal)
    if not typed.desk.policies.configuration.admits(group):
        return say.html("I do not work in that group.")
    try:
        about = await asked.bot.get_chat(group.chat)
        who = replace(typed.who, title=about.title or "")
        changed = await change(typed.desk, who, group, "moderators", asked.place.chat)
    except Refused as refused:
        return _because(say, str(refused))
    return None if changed else say.html(_AS_IT_WAS)  # the chat was told already


async def _exempt(typed: Typed) -> Html:
    return await _exempt_member(typed, exempt=True)


async def _unexempt(typed: Typed) -> Html:
    return await _exempt_member(typed, exempt=False)


async def _exempt_member(typed: Typed, *, exempt: bool) -> Html:
    say, member = typed.asked.say, _replied_to(typed.asked.message, typed.place)
    if member is None:
        return say.html("Answer a message of the member with this command.")
    await typed.desk.policies.refresh(typed.place)
    now = [str(one) for one in typed.desk.policies.policy_of(typed.place).exempt]
    if (member in now) is exempt:
        return say.html(_AS_IT_WAS)
    if exempt and len(now) >= _MOST_EXEMPT:
        return say.html("There are {count} exempt members already, which is the most.", count=len(now))
    wanted = [*now, member] if exempt else [one for one in now if one != member]
    try:
        await change(typed.desk, typed.who, typed.place, "exempt", wanted)
    except Refused as refusal:
        return _because(say, str(refusal))
    if exempt:
        return say.html("Files of this member are judged and recorded from now on, and never removed.")
    return say.html("Files of this member are treated like everybody's again.")


def _replied_to(message: Message, place: Place) -> str | None:
    """The member whose message was answered; None for the group itself, a channel, or nobody."""
    replied = message.reply_to_message
    if replied is None or str(message.chat.id) != place.chat or replied.sender_chat is not None:
        return None
    if replied.forum_topic_created is not None:  # what stands in a topic answers its beginning, unless it answers more
        return None
    # A bot, too, stands for whoever writes as the group, as a channel, or from the linked channel.
    user = replied.from_user
    return None if user is None or user.is_bot or user.id == _LINKED_CHANNEL else str(user.id)


TYPED: Mapping[str, Callable[[Typed], Awaitable[Html | None]]] = {
    "set": _set,
    "unset": _unset,
    "here": _here,
    "exempt": _exempt,
    "unexempt": _unexempt,
}
