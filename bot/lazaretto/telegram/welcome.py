"""First contact: what the bot says in a group that it was added to. One message, once."""

from __future__ import annotations

from collections import deque
from time import monotonic

import structlog
from telegram import Bot, ChatMember, ChatMemberAdministrator, ChatMemberUpdated, InlineKeyboardButton
from telegram import InlineKeyboardMarkup as Keyboard
from telegram.constants import ChatType, ParseMode
from telegram.error import TelegramError

from lazaretto.audit.chats import Chats
from lazaretto.languages import Html, Language
from lazaretto.model import Mode, Place
from lazaretto.policy import Policy
from lazaretto.tasks import spawn
from lazaretto.telegram.attachments import PLATFORM
from lazaretto.telegram.commands.desk import Desk
from lazaretto.telegram.commands.dispatch import deep_link

__all__ = ["Budget", "Welcome", "greeting", "rights_link"]

_ABSENT = (ChatMember.LEFT, ChatMember.BANNED, ChatMember.RESTRICTED)
_PRESENT = (ChatMember.MEMBER, ChatMember.ADMINISTRATOR)
_GROUPS = (ChatType.GROUP, ChatType.SUPERGROUP)
_HOUR = 3600.0  # seconds
_PER_PERSON = 5
_IN_ALL = 30
_log = structlog.get_logger("lazaretto.welcome")


class Budget:
    """So many an hour. Anybody can add a bot to a thousand groups, and throw it out and add it again."""

    def __init__(self, most: int) -> None:
        self._times: deque[float] = deque(maxlen=most)

    def take(self) -> bool:
        """Take one, if there is one left."""
        now = monotonic()
        if len(self._times) == self._times.maxlen and now - self._times[0] < _HOUR:
            return False
        self._times.append(now)
        return True


class Welcome:
    """Greets groups. Where the operator does not let the bot work, it says that, and nothing else: it does not leave,
    because the chat may be one that cards are to be sent to, and the bot somebody else's."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._in_all = {True: Budget(_IN_ALL), False: Budget(_IN_ALL)}  # by: is the group allowed?
        self._by_person: dict[int, Budget] = {}

    def told(self, change: ChatMemberUpdated) -> None:
        """What became of the bot in a chat. Greets in the background: the host's updates do not wait for it."""
        if change.chat.type in _GROUPS and _is_new(change):
            spawn(self._greet(change), "greeting")

    async def _greet(self, change: ChatMemberUpdated) -> None:
        chat = change.chat.id
        place = Place(PLATFORM, str(chat))
        desk = self._desk
        if place.chat in desk.policies.moderator_chats:  # where people know what it is for
            return
        allowed = desk.policies.configuration.admits(place)
        runtime = await desk.open()
        if not self._may(change.from_user.id, allowed=allowed) or not await Chats(runtime.store).greet(place):
            return
        say = desk.language(place)
        try:
            if allowed:
                policy = desk.policies.policy_of(place)
                text, buttons = await greeting(runtime.bot, place, change.new_chat_member, policy, say)
            else:
                text, buttons = _not_allowed(say, place), None
            await runtime.bot.send_message(
                chat, text, parse_mode=ParseMode.HTML, reply_markup=buttons, disable_web_page_preview=True
            )
        except TelegramError as error:
            _log.info("a group could not be greeted", chat=place.chat, why=type(error).__name__)

    def _may(self, person: int, *, allowed: bool) -> bool:
        if self._desk.authority.is_owner(person):
            return True
        if len(self._by_person) > 1000:  # people; forgetting them lets each have five more
            self._by_person.clear()
        return self._by_person.setdefault(person, Budget(_PER_PERSON)).take() and self._in_all[allowed].take()


def _is_new(change: ChatMemberUpdated) -> bool:
    return change.old_chat_member.status in _ABSENT and change.new_chat_member.status in _PRESENT


def _not_allowed(say: Language, place: Place) -> Html:
    return say.html(
        "I work only in the groups that my operator allows, and this one ({chat}) is not among them.", chat=place.chat
    )


async def greeting(bot: Bot, place: Place, me: ChatMember, policy: Policy, say: Language) -> tuple[Html, Keyboard]:
    """What the bot sees, may and does here, with the buttons for what is missing."""
    admin = isinstance(me, ChatMemberAdministrator)
    sees = admin or bool((await bot.get_me()).can_read_all_group_messages)
    lacks = _lacks(me, say)
    lines = [
        say.html("<b>I look at the files that are posted here, before anybody has to open them.</b>"),
        say.html("👁 I see every message here, and look at nothing but files.")
        if sees
        else say.html("👁 I do not see files here yet: make me an administrator."),
        *(lacks or [say.html("🔑 I have the rights that I need.")]),
        say.html("🛡 Guard mode: what the rules of this group hold back is removed.")
        if policy.mode is Mode.GUARD
        else say.html("🔍 Observe mode: I judge and record, and touch nothing, until you say so in the settings."),
        say.html("📨 Moderators get a card in their own chat for what is held or flagged.")
        if policy.moderators
        else say.html("📨 No moderators' chat is set yet, so nobody gets a card."),
    ]
    rows = [[InlineKeyboardButton(say("Settings"), url=deep_link(bot, "lazaretto", place.chat))]]
    if lacks:
        rows.insert(0, [InlineKeyboardButton(say("Give me these rights"), url=rights_link(bot))])
    return Html("\n").join(lines), Keyboard(rows)


def _lacks(me: ChatMember, say: Language) -> list[Html]:
    admin = me if isinstance(me, ChatMemberAdministrator) else None
    lacks = []
    if admin is None or not admin.can_delete_messages:
        lacks.append(say.html("🔑 I may not delete messages, so I could remove nothing."))
    if admin is None or not admin.can_restrict_members:
        lacks.append(say.html("🔑 I may not ban users, so I could mute or ban nobody."))
    return lacks


def rights_link(bot: Bot) -> str:
    """Asks whoever opens it for a group, this one for instance, and offers the rights that the bot needs there (Bot
    API, Deep linking)."""
    return f"https://t.me/{bot.username}?startgroup=lz&admin=delete_messages+restrict_members"
