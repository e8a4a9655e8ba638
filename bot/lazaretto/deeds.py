"""The outbox at work: what was decided is done to the platform, and every try is written down around it.

intended -> attempted -> done | failed | unknown. Telegram has no idempotency key, so what a crash left `attempted` is
treated by what repeating it would do: a removal is repeated, a card may appear twice and says so, a publication is
never sent again by itself but asked about.

How fast is the pacer's business: a chat that is refused, or has had its share, waits without keeping others waiting.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping
from contextlib import AsyncExitStack, suppress
from datetime import UTC, datetime
from functools import partial
from itertools import count

import structlog
from structlog.contextvars import bind_contextvars

from lazaretto.alarms import Cause
from lazaretto.conditions import Conditions
from lazaretto.model import Case
from lazaretto.ports import (
    Deed,
    DeedKind,
    Gone,
    Later,
    NotAllowed,
    NotThere,
    Platform,
    Refused,
    Store,
    Unavailable,
    Unreachable,
    Unsure,
    Vault,
)
from lazaretto.tasks import spawn

__all__ = ["Deeds"]

_AT_ONCE = 8  # removals under way together, and as many of everything else: slow cards must not delay a removal
_AT_ONCE_IN_A_CHAT = 4  # of each: where the platform is slow about one chat, others have room
_CAUSES = {
    DeedKind.REMOVE: Cause.RIGHTS,
    DeedKind.PUBLISH: Cause.RIGHTS,
    DeedKind.CARD: Cause.MODERATORS,
    DeedKind.UPDATE_CARD: Cause.MODERATORS,
}
"""What a lack of rights means. That somebody cannot be muted, or told, is the card's to say, and no alarm."""

_CARD_ALONE = 1.0
"""Seconds for which a card is the only one under way: a crash in the meantime may show it twice, and no other. A
platform that takes longer keeps the cards of its other chats waiting no longer."""

_TRIES: Mapping[DeedKind, int] = {
    kind: 24 if kind is DeedKind.REMOVE else 8 for kind in DeedKind if kind is not DeedKind.PUBLISH
}
"""After so many faults of ours a deed is given up: two minutes for a card, and more than an hour for a removal, until
which the file stays visible. A publication is never tried twice, but asked about."""

_LONGEST_REST = 300.0  # seconds, after a fault of ours; each rest is twice as long as the one before
_MOST_ORIGINS = 10_000
_GONE = "already gone"  # deleted by somebody else, or by a try of ours whose answer never came
_POLL = 1.0  # seconds between looks for postponed deeds
_LET_END = 2.0  # seconds in which what is under way may end: a platform that answers at all does so in one
_log = structlog.get_logger("lazaretto.deeds")


class Deeds:
    """Carries out due deeds until stopped. `wake` after new ones were written down."""

    def __init__(
        self,
        store: Store,
        platform: Platform,
        vault: Vault,
        conditions: Conditions | None = None,
    ) -> None:
        self._store = store
        self._platform = platform
        self._vault = vault
        conditions = conditions or Conditions()
        self._metrics = conditions.metrics
        self._alarms = conditions.alarms
        self._pacer = conditions.pacer
        self._group_of = conditions.group_of
        self._sleep = conditions.sleep
        self._news = asyncio.Event()
        self._under_way: dict[int, tuple[Deed, asyncio.Task[None]]] = {}
        self._faults: Counter[int] = Counter()
        self._resting: set[int] = set()  # of those under way
        self._served: dict[str, int] = {}  # by group, when it last had its turn among posts
        self._turns = count(1)
        self._card_begun = 0.0  # by the loop's clock, the newest
        self._loop: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin, with what an earlier run left."""
        self._loop = spawn(self._run(), "deeds")

    def wake(self) -> None:
        """New deeds are due."""
        self._news.set()

    async def stop(self) -> None:
        """Let what is under way end, but wait for no platform that does not answer: as after a crash, nobody knows
        then what became of it. The rest waits in the outbox."""
        if self._loop is not None:
            self._loop.cancel()
            await asyncio.gather(self._loop, return_exceptions=True)
        for number in self._resting:
            self._under_way[number][1].cancel()
        tasks = [task for _, task in self._under_way.values()]
        if tasks:
            _, unanswered = await asyncio.wait(tasks, timeout=_LET_END)
            for task in unanswered:
                task.cancel()
            await asyncio.gather(*unanswered, return_exceptions=True)

    async def _run(self) -> None:
        while True:
            self._news.clear()
            try:
                pause = await self._begin_due()
            except Exception:
                # The database may be full or locked for a while. The outbox is on disk: nothing is lost by waiting.
                _log.exception("outbox cannot be read, trying again")
                await self._sleep(_POLL)
                continue
            # Not wait_for: before Python 3.12 it swallows a cancellation that comes together with the news.
            with suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._news.wait()

    async def _begin_due(self) -> float:
        """Begin what may be begun. Answers the seconds after which to look again."""
        ended, pause = set(self._under_way), _POLL  # one that ends while the outbox is read may still stand in it
        due = await self._store.due()
        self._metrics.outbox.set(len(due))
        for deed in sorted(due, key=self._turn):
            if deed.id in ended or not self._has_room(deed) or self._is_busy_with(deed):
                continue
            if deed.kind is DeedKind.CARD and (wait := self._card_under_way(deed.room)) > 0:
                pause = min(pause, wait)
                continue
            if (wait := self._pacer.admit(deed)) > 0:
                pause = min(pause, wait)
                continue
            if deed.kind is DeedKind.CARD:
                self._card_begun = asyncio.get_running_loop().time()
            self._serve(deed)
            task = spawn(self._try(deed), f"deed {deed.kind} {deed.id}")
            self._under_way[deed.id] = deed, task
            task.add_done_callback(partial(self._ended, deed.id))
        return pause

    def _turn(self, deed: Deed) -> tuple[int, bool, int]:
        """One that fails every time must not keep its place before those that were never tried. Then removals; of posts
        those of the group that has waited longest, since many may share one moderators' chat."""
        removal = deed.kind is DeedKind.REMOVE
        return self._faults[deed.id], not removal, 0 if removal else self._served.get(deed.origin, 0)

    def _serve(self, deed: Deed) -> None:
        if deed.kind is not DeedKind.REMOVE:
            if len(self._served) > _MOST_ORIGINS:
                self._served.clear()
            self._served[deed.origin] = next(self._turns)

    def _busy(self) -> list[Deed]:
        """What is under way and not at rest."""
        return [deed for deed, _ in self._under_way.values() if deed.id not in self._resting]

    def _has_room(self, deed: Deed) -> bool:
        removal = deed.kind is DeedKind.REMOVE
        alike = [other for other in self._busy() if (other.kind is DeedKind.REMOVE) is removal]
        here = sum(other.room == deed.room for other in alike)
        return len(alike) < _AT_ONCE and here < _AT_ONCE_IN_A_CHAT

    def _card_under_way(self, room: str) -> float:
        """Seconds for which no other card may be begun in this chat; nobody knows yet how long one takes."""
        cards = [deed for deed in self._busy() if deed.kind is DeedKind.CARD]
        if any(card.room == room for card in cards):
            return _POLL
        return self._card_begun + _CARD_ALONE - asyncio.get_running_loop().time() if cards else 0.0

    def _is_busy_with(self, deed: Deed) -> bool:
        """One after the other about one attachment: an older note must not be written over a newer one."""
        about = [other for other, _ in self._under_way.values() if other.attachment == deed.attachment]
        return any(other.id not in self._resting or other.kind is deed.kind for other in about)

    def _ended(self, number: int, _task: asyncio.Task[None]) -> None:
        del self._under_way[number]
        self._news.set()

    async def _try(self, deed: Deed) -> None:
        """Carry a deed out. What fails by a fault of ours is still due: it is tried later and later, and then given up.
        What cannot be written down because the store is full is no fault, and is tried for as long as that lasts."""
        bind_contextvars(attachment=deed.attachment, case=deed.case)
        try:
            await self._carry_out(deed)
            del self._faults[deed.id]
        except Unavailable as error:
            _log.error("a deed cannot be written down, trying again", deed=deed.kind, why=str(error))
            await self._rest(deed, _POLL)
        except Exception as error:
            self._faults[deed.id] += 1
            self._metrics.errors.labels("deed").inc()
            _log.exception("a deed failed by a fault of ours", deed=deed.kind, times=self._faults[deed.id])
            if not await self._given_up(deed, error):
                await self._rest(deed, min(_LONGEST_REST, _POLL * 2 ** min(self._faults[deed.id] - 1, 10)))

    async def _rest(self, deed: Deed, seconds: float) -> None:
        """Wait, and take no room from others meanwhile."""
        self._resting.add(deed.id)
        self._news.set()
        try:
            await self._sleep(seconds)
        finally:
            self._resting.discard(deed.id)

    async def _given_up(self, deed: Deed, error: Exception) -> bool:
        """Was it tried often enough, and could that be written down?"""
        if self._faults[deed.id] < _TRIES.get(deed.kind, float("inf")):
            return False
        why = f"a fault of the bot's own ({type(error).__name__})"
        try:
            await self._store.failed(deed, why)
        except Exception:
            _log.exception("a deed cannot be given up", deed=deed.kind)
            return False
        del self._faults[deed.id]
        self._metrics.deeds.labels(deed.kind, "failed").inc()
        self._alarms.on(Cause.FAULT, f"{deed.kind} failed by {why}", deed.room)
        return True

    async def _carry_out(self, deed: Deed) -> None:
        if deed.kind is DeedKind.PUBLISH and deed.attempted:
            await self._store.unsure(deed, "interrupted before the platform answered")
            return
        await self._store.attempting(deed)
        try:
            result = await self._ask(deed)
        except Later as later:
            if isinstance(later, Unreachable):
                self._pacer.unreachable(deed)
            else:
                self._pacer.refused(deed, later.seconds)
            await self._store.postpone(deed, later.seconds)
            outcome = "postponed"
        except Refused as refused:
            why = await self._store.failed(deed, str(refused), gone=isinstance(refused, Gone))
            _log.warning("refused by the platform", deed=deed.kind, why=why)
            self._metrics.errors.labels("refused").inc()
            if isinstance(refused, NotAllowed) and deed.kind in _CAUSES:
                cause = _CAUSES[deed.kind]  # a chat that cards go to is configured, and stays missed
                passing = isinstance(refused, NotThere) and cause is Cause.RIGHTS
                self._alarms.on(cause, why, deed.room, passing=passing)
            outcome = "failed"
        except Unsure as unsure:
            # The store knows what follows: a publication is asked about, anything else is due again, as attempted.
            await self._store.unsure(deed, str(unsure))
            outcome = "unknown"
        else:
            await self._store.done(deed, result)
            if deed.kind in _CAUSES:
                self._alarms.off(_CAUSES[deed.kind], deed.room)
            outcome = "done"
        if outcome != "postponed":
            self._pacer.reached()
        self._metrics.deeds.labels(deed.kind, outcome).inc()

    async def _ask(self, deed: Deed) -> str | None:
        case = await self._store.case(deed.case) if deed.case is not None else None
        match deed.kind:
            case DeedKind.REMOVE:
                return await self._remove(deed)
            case DeedKind.CARD if case:
                return await self._platform.notify(
                    case, await self._store.sender_of(case), await self._store.head(), repeated=deed.attempted
                )
            case DeedKind.PUBLISH if case:
                return await self._publish(case)
            case DeedKind.UPDATE_CARD if case:
                await self._update_card(case, deed.note)
            case DeedKind.MUTE | DeedKind.BAN | DeedKind.TELL if case:
                return await self._to_the_sender(deed, case)
            case _:
                raise Refused(f"{deed.kind} without a case")
        return None

    async def _remove(self, deed: Deed) -> str | None:
        attachment = await self._store.attachment(deed.attachment)
        if attachment is None:
            raise Refused("the attachment was erased")
        there = await self._platform.remove(attachment.place, attachment.messages)
        visible = (datetime.now(UTC) - attachment.posted_at).total_seconds()
        self._metrics.exposure_seconds.labels(self._group_of(attachment.place)).observe(max(0.0, visible))
        return None if there else _GONE

    async def _publish(self, case: Case) -> str:
        sender = await self._store.sender_of(case)
        if sender is None:
            raise Refused("the sender's data was erased")
        async with AsyncExitStack() as opened:
            files = [await opened.enter_async_context(self._vault.unsealed(part.item)) for part in case.sealed]
            return await self._platform.publish(case, sender, files)

    async def _to_the_sender(self, deed: Deed, case: Case) -> str:
        sender = await self._store.sender_of(case)
        if sender is None:
            raise Refused("the sender's data was erased")
        if deed.kind is DeedKind.TELL:
            return await self._platform.tell(case, sender, repeated=deed.attempted)
        punish = self._platform.mute if deed.kind is DeedKind.MUTE else self._platform.ban
        return await punish(case.attachment.place, sender, int(deed.note))

    async def _update_card(self, case: Case, note: str) -> None:
        card = await self._store.card_of(case)
        if card is None:
            raise Later(1)  # the card itself is still on its way
        sender, head = await self._store.sender_of(case), await self._store.head()
        await self._platform.update_card(case, sender, card, head, note)
