"""The bot's updates: numbered, kept in order until confirmed, fetched by one long poll at a time.

Semantics: https://core.telegram.org/bots/api#getupdates
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from lazaretto.emulator.changes import Changes, Clock
from lazaretto.emulator.errors import ApiError

if TYPE_CHECKING:
    from lazaretto.emulator.updates.deliveries import Webhook

__all__ = ["UpdateQueue"]

_FIRST_ID = 700_000_001
_KEPT_SECONDS = 24 * 3600  # "Incoming updates are stored on the server ... not longer than 24 hours"
_LONGEST_POLL = 50  # seconds; tdlib/telegram-bot-api cuts longer ones down to this
_BATCH = 100  # "Values between 1-100 are accepted. Defaults to 100"
_OPT_IN = frozenset({"chat_member", "message_reaction", "message_reaction_count"})

_TERMINATED = "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running"
_TERMINATED_BY_WEBHOOK = "Conflict: terminated by setWebhook request"
_WEBHOOK = (
    "Conflict: can't use getUpdates method while webhook is active; use deleteWebhook to delete the webhook first"
)


@dataclass(eq=False, slots=True)
class _Poll:
    woken: asyncio.Event = field(default_factory=asyncio.Event)
    terminated: str | None = None  # why


class UpdateQueue:
    """What the bot has not confirmed yet. It goes out by getUpdates or, while there is a `webhook`, by delivery.

    `arrived` is set when there may be something to deliver. `lost_confirmations` is how often the bot's confirmation
    is to be forgotten: a fault.
    """

    def __init__(self, clock: Clock, changes: Changes) -> None:
        self._clock = clock
        self._changes = changes
        self._kept: list[tuple[int, dict[str, Any]]] = []
        self._next_id = _FIRST_ID
        self._poll: _Poll | None = None
        self._closed = False
        self.allowed: tuple[str, ...] = ()
        self.webhook: Webhook | None = None
        self.arrived = asyncio.Event()
        self.lost_confirmations = 0

    @property
    def pending(self) -> list[dict[str, Any]]:
        """What the bot has not confirmed yet, oldest first."""
        horizon = self._clock.now() - _KEPT_SECONDS
        self._kept = [(at, update) for at, update in self._kept if at >= horizon]
        return [update for _, update in self._kept]

    def allow(self, kinds: Sequence[Any] | None) -> None:
        """`allowed_updates` as sent: None keeps the last list, an empty one means the default. Only names count."""
        if kinds is not None:
            self.allowed = tuple(kind for kind in kinds if isinstance(kind, str))

    def add(self, kind: str, payload: dict[str, Any]) -> None:
        """Queue an update, unless the bot did not ask for its kind."""
        wanted = kind in self.allowed if self.allowed else kind not in _OPT_IN
        if wanted:
            self.inject({kind: payload})

    def inject(self, raw: dict[str, Any]) -> dict[str, Any]:
        """Queue an update as it is, whatever was asked for; an `update_id` is put in unless it brings one."""
        update = {"update_id": self._next_id, **raw}
        self._next_id = max(self._next_id, int(update["update_id"])) + 1
        self._kept.append((self._clock.now(), update))
        self._wake()
        self._changes.announce()
        return update

    def forget(self) -> None:
        """drop_pending_updates."""
        self._kept.clear()
        self._changes.announce()

    async def poll(self, offset: int, limit: int, seconds: int) -> list[dict[str, Any]]:
        """One getUpdates. Confirms everything below `offset`; waits up to `seconds` for the first update."""
        if self.webhook is not None:
            raise ApiError(409, _WEBHOOK)
        self._terminate_poll(_TERMINATED)
        self._confirm(offset)
        mine = self._poll = _Poll()
        try:
            return await self._wait(mine, min(max(limit, 1), _BATCH), min(seconds, _LONGEST_POLL))
        finally:
            if self._poll is mine:
                self._poll = None

    async def _wait(self, mine: _Poll, limit: int, seconds: int) -> list[dict[str, Any]]:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + seconds
        while not (batch := self.pending[:limit]) and not self._closed:
            left = deadline - loop.time()
            if left <= 0:
                break
            mine.woken.clear()
            try:
                await asyncio.wait_for(mine.woken.wait(), left)
            except TimeoutError:
                break
            if mine.terminated:
                raise ApiError(409, mine.terminated)
        return batch

    def _terminate_poll(self, why: str) -> None:
        if self._poll is not None:
            self._poll.terminated = why
            self._poll.woken.set()

    def switch(self, webhook: "Webhook | None") -> None:
        """Deliver to this address from now on, or (None) nowhere. A poll that waits ends when there is one."""
        self.webhook = webhook
        if webhook is not None:
            self._terminate_poll(_TERMINATED_BY_WEBHOOK)
        self._wake()
        self._changes.announce()

    def taken(self, update: dict[str, Any]) -> None:
        """An update was delivered."""
        self._keep([(at, kept) for at, kept in self._kept if kept is not update])

    def _confirm(self, offset: int) -> None:
        """Forget what `offset` confirms; a negative one keeps only that many from the end."""
        known = self.pending
        kept = self._kept
        if offset < 0:
            kept = kept[offset:]
        elif offset > 0:
            kept = [(at, update) for at, update in kept if update["update_id"] >= offset]
        if len(kept) != len(known):
            self._keep(kept)

    def _keep(self, kept: list[tuple[int, dict[str, Any]]]) -> None:
        if self.lost_confirmations:
            self.lost_confirmations -= 1
            return
        self._kept = kept
        self._changes.announce()

    def close(self) -> None:
        """End the running poll with nothing: the server goes down."""
        self._closed = True
        self._wake()

    def open(self) -> None:
        """Polls may wait again."""
        self._closed = False

    def _wake(self) -> None:
        self.arrived.set()
        if self._poll is not None:
            self._poll.woken.set()
