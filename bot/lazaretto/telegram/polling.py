"""The library's bot, but one that no update can stall."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog
from telegram import Update
from telegram.error import Conflict, EndPointNotFound, NetworkError
from telegram.ext import ExtBot
from telegram.request import BaseRequest, HTTPXRequest

from lazaretto.telegram.journal import Journal, Placeholder

__all__ = ["JournalBot"]

# The library's name for it chooses the connection that polls, and its warning to call `get_updates` instead is for
# those who would lose something by it.
_GET_UPDATES = "get__updates"
_MOST = 100  # updates of one answer: Bot API, getUpdates, limit. What a server sends beyond that comes again
_log = structlog.get_logger("lazaretto.bot")


class JournalBot(ExtBot[None]):
    """The library's bot, which reads what it polls update by update.

    The library reads all of them in one go: one that it cannot read, and it asks for the same ones again for ever.
    In an application of your own: `ApplicationBuilder().bot(JournalBot(token))`, with `install(..., journal=True)`.
    """

    def __init__(
        self,
        token: str,
        *,
        request: BaseRequest | None = None,
        get_updates_request: BaseRequest | None = None,
        **settings: Any,
    ) -> None:
        """settings: as `telegram.ext.ExtBot` has them."""
        # One poll at a time, and as many other requests as the library's builder allows.
        polling = get_updates_request or HTTPXRequest(connection_pool_size=1)
        super().__init__(token, request=request, get_updates_request=polling, **settings)
        self._journal = Journal()
        self._patience = polling.read_timeout or 0.0
        self._conflict: datetime | None = None
        self._last: tuple[int | None, bool] = (None, False)  # the offset of the last poll, and whether anything came

    @property
    def journal(self) -> Journal:
        """Takes in what comes."""
        return self._journal

    @property
    def conflict(self) -> datetime | None:
        """When Telegram last said that somebody else asks for our updates, too; None where it never did."""
        return self._conflict

    async def get_updates(
        self,
        offset: int | None = None,
        limit: int | None = None,
        timeout: float | timedelta | None = None,  # noqa: ASYNC109 - the server's, and the library's signature
        allowed_updates: Sequence[str] | None = None,
        *,
        read_timeout: Any = None,
        api_kwargs: dict[str, Any] | None = None,
        **timeouts: Any,
    ) -> tuple[Update, ...]:
        """As the library's, but that no update makes it fail.

        What cannot be read, or came before, is a `Placeholder` with its number. Raises NetworkError, for which polling
        pauses, for want of something, and where it would be asked for the same again at once, and for ever.
        """
        seconds = timeout.total_seconds() if isinstance(timeout, timedelta) else timeout or 0
        asked = {"offset": offset, "limit": limit, "timeout": timeout, "allowed_updates": allowed_updates}
        patience = read_timeout if isinstance(read_timeout, int | float) else self._patience
        try:
            answer = await self.do_api_request(
                _GET_UPDATES,
                {name: value for name, value in {**asked, **(api_kwargs or {})}.items() if value is not None},
                read_timeout=patience + seconds,  # as the library counts it
                **timeouts,
            )
        except Conflict:
            self._conflict = datetime.now(UTC)
            raise
        except EndPointNotFound as error:  # with the library's own call this would end polling, and silently
            raise NetworkError("Telegram does not know this bot's token any more") from error
        except RecursionError as error:  # of the JSON: not even the library's own error
            raise NetworkError("the answer to getUpdates nests too deep to be read") from error
        if not isinstance(answer, list):
            raise NetworkError("the answer to getUpdates is no list of updates")
        await self._note(offset, bool(answer))
        updates = await self._read(answer[:_MOST])
        if offset is not None and updates and all(_came_before(update, offset) for update in updates):
            raise NetworkError("the answer to getUpdates holds nothing but what was acknowledged")
        return updates

    async def _note(self, offset: int | None, any_came: bool) -> None:
        """Telegram is reached, and all that came before was taken in: else it would come again."""
        before, something = self._last
        if not something or offset != before:
            await self._journal.reached()
        self._last = offset, any_came

    async def _read(self, answer: Sequence[object]) -> tuple[Update, ...]:
        updates: list[Update] = []
        for raw in answer:
            try:
                update = await self._journal.read(raw, self)
            except NetworkError:
                if updates:
                    break  # those before it can be acknowledged; it comes again
                raise
            if update is not None:
                self._put_callback_data_in(update)
                updates.append(update)
        if answer and not updates:
            raise NetworkError("no update in the answer to getUpdates has a number that can be acknowledged")
        real = [update for update in updates if not isinstance(update, Placeholder)]
        durable = await self._journal.write_ahead(real)
        if durable < len(real):  # what comes before can be acknowledged; the rest comes again
            updates = updates[: updates.index(real[durable])]
        return tuple(updates)

    def _put_callback_data_in(self, update: Update) -> None:
        try:
            self.insert_callback_data(update)
        except Exception as error:  # the library's own error here would keep the whole answer from being read
            _log.warning("a button's data cannot be put back", update=update.update_id, why=type(error).__name__)


def _came_before(update: Update, offset: int) -> bool:
    return isinstance(update, Placeholder) and update.update_id < offset
