"""What is done to Telegram: remove, publish, show cards. Implements `ports.Platform`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path

from telegram import Bot
from telegram.constants import ParseMode

from lazaretto.languages import LANGUAGES, Language, language_of
from lazaretto.model import Case, Part, Person, Place
from lazaretto.ports import Gone, Later, Refused, Unsure
from lazaretto.telegram.answers import asked, chat_id
from lazaretto.telegram.card_buttons import buttons
from lazaretto.telegram.cards import card_text
from lazaretto.telegram.download import Downloads
from lazaretto.telegram.publication import Publication
from lazaretto.telegram.restrictions import Restrictions
from lazaretto.telegram.telling import appeal_button, sender_text

__all__ = ["TelegramPlatform"]

# What Telegram says to the edit of a card that somebody deleted; the second, of what was deleted a while ago.
_CARD_GONE = ("message to edit not found", "message_id_invalid")


class TelegramPlatform:
    """Telegram behind `ports.Platform`.

    bot: a plain Bot, not the host's: the host's may rewrite our buttons' data. language: what is spoken in a chat, a
    code.
    """

    def __init__(self, bot: Bot, downloads: Downloads, language: Callable[[Place], str] = lambda _: "en") -> None:
        self._bot = bot
        self._downloads = downloads
        self._language = language
        self._restrictions = Restrictions(bot)

    def fetch(self, part: Part) -> AsyncIterator[bytes]:
        """The bytes of a part, in pieces. Raises FetchFailed or NotFetchable."""
        return self._downloads.fetch(part)

    async def remove(self, place: Place, messages: Sequence[str]) -> bool:
        """Delete messages. One that is gone already counts as deleted. Answers whether any was still there.

        Each by itself: `deleteMessages` says yes whatever it could not delete.
        """
        numbers = [int(message) for message in messages if message.isdecimal()]
        if not numbers and any(messages):
            raise Refused("it was posted before the group became a supergroup: only a person can delete it there")
        if not numbers:
            raise Refused("the file came in no message that could be deleted")
        if place.account is not None:
            return await asked(self._bot.delete_business_messages(place.account, numbers))
        results = await asyncio.gather(*(self._delete(place, number) for number in numbers), return_exceptions=True)
        # What is to be tried again comes first: deleting what is gone already does no harm, giving up would.
        for kind in (Later, Unsure, BaseException):
            for result in results:
                if isinstance(result, kind):
                    raise result
        return any(result is True for result in results)

    async def _delete(self, place: Place, number: int) -> bool:
        try:
            await asked(self._bot.delete_message(chat_id(place.chat), number))
        except Refused as refusal:
            if "message to delete not found" not in str(refusal).lower():
                raise
            return False
        return True

    async def publish(self, case: Case, sender: Person, files: Sequence[Path]) -> str:
        """Send the attachment again; see `publication`. Answers the first message's id."""
        return await Publication(self._bot, case, sender, files, self._spoken(case)).send()

    def _spoken(self, case: Case) -> Language:
        """What the case's group speaks, and so its moderators."""
        return language_of(self._language(case.attachment.place))

    async def notify(self, case: Case, sender: Person | None, head: str, *, repeated: bool) -> str:
        """Show the case's card in its moderators' chat."""
        if case.moderators is None:
            raise Refused("no moderators' chat")
        message = await asked(
            self._bot.send_message(
                chat_id(case.moderators),
                card_text(case, sender, head, repeated=repeated, say=self._spoken(case)),
                parse_mode=ParseMode.HTML,
                reply_markup=buttons(case, self._spoken(case)),
                disable_web_page_preview=True,
            )
        )
        return str(message.message_id)

    async def update_card(self, case: Case, sender: Person | None, card: str, head: str, note: str) -> None:
        """Bring a shown card up to date."""
        if case.moderators is None:
            raise Refused("no moderators' chat")
        try:
            await asked(
                self._bot.edit_message_text(
                    card_text(case, sender, head, note=note, say=self._spoken(case)),
                    chat_id(case.moderators),
                    int(card),
                    parse_mode=ParseMode.HTML,
                    reply_markup=buttons(case, self._spoken(case)),
                    disable_web_page_preview=True,
                )
            )
        except Refused as refusal:
            said = str(refusal).lower()
            if any(words in said for words in _CARD_GONE):
                raise Gone(str(refusal)) from None
            if "message is not modified" not in said:
                raise

    async def mute(self, place: Place, member: Person, seconds: int) -> str:
        """Keep somebody from writing; see `restrictions`."""
        return await self._restrictions.mute(place, member, seconds)

    async def ban(self, place: Place, member: Person, seconds: int) -> str:
        """Throw somebody out, and keep them out."""
        return await self._restrictions.ban(place, member, seconds)

    async def tell(self, case: Case, sender: Person, *, repeated: bool) -> str:
        """Write to the sender in private, in their language, where they have ever written to the bot."""
        if not sender.id.isdecimal():
            raise Refused("what posted it is no person")
        own = (sender.language or "").partition("-")[0].lower()
        say = language_of(own) if own in LANGUAGES else self._spoken(case)
        message = await asked(
            self._bot.send_message(
                int(sender.id),
                sender_text(say, case, repeated=repeated),
                parse_mode=ParseMode.HTML,
                reply_markup=appeal_button(say, case),
                disable_web_page_preview=True,
            )
        )
        return str(message.message_id)
