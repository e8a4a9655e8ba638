"""The journal: what Telegram delivers is durable before Telegram is told that we have it.

Polling and the webhook go the same way. A delivery is read update by update, because the library reads a batch in one
go or not at all. What it cannot read is judged without it. What nobody can read or keep is tried a few times, then set
aside as it came, so that one odd update never stands in the way of the others. Whatever fails for want of something (a
full disk) is waited for: the answer is a NetworkError, after which polling asks again and the webhook answers 503.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import Any, NamedTuple, Protocol, TypeVar

import structlog
from telegram import Bot, Update
from telegram.error import NetworkError

from lazaretto.ports import Unavailable
from lazaretto.state import StateClosed
from lazaretto.telegram.walker import is_number

__all__ = [
    "TRIES",
    "Journal",
    "Keeper",
    "Moment",
    "Placeholder",
    "Unreadable",
    "is_shortage",
    "json_of",
    "now",
    "number_of",
]

TRIES = 3
"""After so many an update that cannot be taken in is set aside."""

_FIRST_PAUSE = 0.5  # seconds before the second try; doubled each time
_REMEMBERED = 10_000  # deliveries. Of one poll 100 can come again; the rest is for webhooks that were slow to answer
_MOST_COMING = 1000  # a poll brings 100, and a webhook 40 at a time
_DAY = timedelta(hours=24)  # for which Telegram keeps what it cannot deliver: Bot API, getting updates
_log = structlog.get_logger("lazaretto.journal")

K = TypeVar("K")
V = TypeVar("V")


class Moment(NamedTuple):
    """By the wall's clock, which can be set, and in seconds of one that only goes on."""

    wall: datetime
    steady: float


def now() -> Moment:
    """This moment."""
    return Moment(datetime.now(UTC), monotonic())


class Keeper(Protocol):
    """Who keeps what is delivered."""

    async def write_down(self, update: Update, *, delivered: bool) -> bool:
        """Make it durable. Answers whether handlers are to get it: not what they had in an earlier run.

        delivered: Telegram has just brought it. Otherwise it is the host's own doing that it comes.
        """

    async def take_unreadable(self, update: Mapping[str, Any], why: str) -> None:
        """Write down what an update carries that the library cannot read, and judge it. why: the kind of its error."""

    def came_again(self, update: object) -> None:
        """Telegram brings an update again that was taken in before. Never raises."""

    async def set_aside(self, update: object, why: str) -> None:
        """Keep an update as it came, with an audit record. Nobody handles it."""

    async def note_gap(self, since: datetime, until: datetime) -> None:
        """What was posted in this time may not have been seen."""


class Placeholder(Update):
    """Stands for an update that came before: its number is acknowledged, and no handler gets it."""

    __slots__ = ()


class Unreadable(Placeholder):
    """Stands for one that the library cannot read: it was judged without it, or set aside."""

    __slots__ = ()


def is_shortage(error: BaseException) -> bool:
    """Does the disk or the system lack something, so that waiting helps and the update is not to blame?"""
    if isinstance(error, TimeoutError | ConnectionError):
        return False  # system errors by name only: no file and no database gives these
    return isinstance(error, OSError | Unavailable | StateClosed)


def number_of(raw: object) -> int | None:
    """The number of an update as it came, if it has one that can be acknowledged."""
    number = raw.get("update_id") if isinstance(raw, Mapping) else None
    return number if is_number(number) else None


@dataclass(slots=True)
class _Coming:
    """An update that was read. wanted: whether handlers are to get it, once it is written down."""

    update: Update
    wanted: bool | None = None


class Journal:
    """Takes deliveries in. `keeper` is there while the plugin is installed; without it nothing is written down."""

    def __init__(
        self, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep, clock: Callable[[], Moment] = now
    ) -> None:
        self.keeper: Keeper | None = None
        self._sleep = sleep
        self._clock = clock
        self._reached = clock()
        self._put_off: OrderedDict[int | None, Moment] = OrderedDict()  # deliveries that we sent away, since when
        self._coming: OrderedDict[int, _Coming] = OrderedDict()  # read, and not in the queue yet; by identity
        self._taken: OrderedDict[int | str, None] = OrderedDict()  # in the queue, or seen to: numbers, else digests

    async def read(self, raw: object, bot: Bot) -> Update | None:
        """A delivery's update: a `Placeholder` where nothing is left to do for it, None where it has no number.

        Raises NetworkError: it has to come again later.
        """
        name = number_of(raw)
        if name is not None and name in self._taken:
            if self.keeper is not None:
                self.keeper.came_again(raw)
            return Placeholder(name)
        if name is None:
            await self._see_to(raw, "no number that can be acknowledged")
            return None
        try:
            update = Update.de_json(dict(raw), bot)  # type: ignore[call-overload] # it has a number: it is a mapping
        except Exception as error:
            await self._see_to(raw, type(error).__name__)
            _remember(self._taken, name, None)
            return Unreadable(name)
        _remember(self._coming, id(update), _Coming(update), _MOST_COMING)
        return update

    async def write_ahead(self, updates: Sequence[Update]) -> int:
        """Make updates that were read durable, all together: one by one, each waits for the disk before the next.

        Answers how many are, from the first on. Raises NetworkError where not even the first is.
        """
        work = (self._written_down(update, delivered=True) for update in updates)
        for number, result in enumerate(await asyncio.gather(*work, return_exceptions=True)):
            if isinstance(result, BaseException):
                if number == 0 or not isinstance(result, NetworkError):
                    raise result
                return number
            if (coming := self._coming.get(id(updates[number]))) is not None:
                coming.wanted = result
        return len(updates)

    async def _see_to(self, raw: object, why: str) -> None:
        """Take in what the library cannot read."""
        number = number_of(raw)
        mark = None if number is not None else _digest(raw)
        if mark is not None and mark in self._taken:
            return  # nothing tells Telegram that we have it, so it comes for as long as Telegram likes

        async def take() -> None:
            if not isinstance(raw, Mapping):
                raise TypeError("not an object")
            if self.keeper is not None:
                await self.keeper.take_unreadable(raw, why)

        if await self._in_a_few_tries(take, lambda: raw, f"unreadable ({why})"):
            told = "an update cannot be read: its files are judged, and no handler sees it"
            _log.error(told if self.keeper else "an update cannot be read: no handler sees it", update=number, why=why)
        if mark is not None:
            _remember(self._taken, mark, None)

    async def take(self, update: Update, put: Callable[[Update], Awaitable[None]]) -> None:
        """Make an update durable, then `put` it into the queue, unless it is there already. Raises NetworkError."""
        # Only deliveries are told from each other: a host may queue one of its own as often as it likes.
        coming = self._coming.pop(id(update), None)
        delivered = coming is not None and coming.update is update
        wanted = coming.wanted if coming is not None and delivered else None
        if wanted is None:  # nobody wrote it down ahead
            wanted = await self._written_down(update, delivered=delivered)
        name = update.update_id if is_number(update.update_id) else None
        wanted = wanted and not (delivered and name in self._taken)  # asked only now: two may come at the same time
        if name is not None:
            _remember(self._taken, name, None)
        try:
            if wanted:
                await put(update)
        except BaseException:
            if name is not None:
                self._taken.pop(name, None)
            raise

    async def _written_down(self, update: Update, *, delivered: bool) -> bool:
        wanted = False

        async def write() -> None:
            nonlocal wanted
            wanted = self.keeper is None or await self.keeper.write_down(update, delivered=delivered)

        return await self._in_a_few_tries(write, lambda: json_of(update), "cannot be kept") and wanted

    # -- what Telegram gave up --------------------------------------------------------------------------------------

    async def reached(self) -> None:
        """Polling reached Telegram, and everything before was taken in."""
        since, self._reached = self._reached, self._clock()
        await self._note_gap(since)

    def put_off(self, raw: object) -> None:
        """The webhook sent a delivery away; Telegram tries it again."""
        if len(self._put_off) < _REMEMBERED:
            self._put_off.setdefault(number_of(raw), self._clock())

    async def came(self, raw: object) -> None:
        """The webhook took a delivery. Others that it once sent away may never come again."""
        self._put_off.pop(number_of(raw), None)
        if self._put_off and await self._note_gap(next(iter(self._put_off.values()))):
            self._put_off.clear()

    async def _note_gap(self, since: Moment) -> bool:
        """Was it so long ago that Telegram has given up what it kept?"""
        there = self._clock()
        # The wall's clock may have been set back meanwhile; the steady one stands still while a machine sleeps.
        passed = max(there.wall - since.wall, timedelta(seconds=there.steady - since.steady))
        if passed <= _DAY:
            return False
        try:
            if self.keeper is not None:
                await self.keeper.note_gap(there.wall - passed, there.wall)
        except Exception as error:
            _log.error("a gap of more than a day cannot be recorded", since=str(since.wall), error=str(error))
        return True

    # -- inside ------------------------------------------------------------------------------------------------------

    async def _in_a_few_tries(self, work: Callable[[], Awaitable[None]], raw: Callable[[], object], why: str) -> bool:
        """Do it, or set aside what it cannot be done with. Answers whether it was done."""
        failure: Exception | None = None
        for attempt in range(TRIES):
            if attempt:
                await self._sleep(_FIRST_PAUSE * 2 ** (attempt - 1))
            try:
                await work()
            except Exception as error:
                if is_shortage(error):
                    raise _later(error) from error
                failure = error
                _log.warning("an update cannot be taken in", attempt=attempt + 1, why=type(error).__name__)
            else:
                return True
        try:  # the types of the errors alone: their texts may repeat what somebody wrote
            if self.keeper is not None:
                await self.keeper.set_aside(raw(), f"{why}; {type(failure).__name__}")
        except Exception as error:
            raise _later(error) from error
        return False


def _later(error: Exception) -> NetworkError:
    return NetworkError(f"the update could not be written down: {error}")


def json_of(update: Update) -> object:
    """An update as it came, as far as that can be had."""
    try:
        return update.to_dict()
    except Exception:  # this may be what it cannot be handled for
        return {"update_id": update.update_id}


def _digest(raw: object) -> str:
    """Tells an update without a number from others."""
    try:
        return hashlib.sha256(json.dumps(raw, sort_keys=True).encode()).hexdigest()
    except RecursionError:
        return "nested too deep"


def _remember(names: OrderedDict[K, V], name: K, value: V, most: int = _REMEMBERED) -> None:
    names[name] = value
    names.move_to_end(name)
    while len(names) > most:
        names.popitem(last=False)
