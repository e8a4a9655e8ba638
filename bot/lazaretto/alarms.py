"""The owners' alarm: told when the bot has gone blind or its hands are tied, and when that is over.

An alarm goes straight to the platform and not through the outbox: the database may be what is broken. Each cause is
told once, again every few hours while it lasts, and never more often than every ten minutes if it comes and goes. Where
many chats have the same trouble the first few are told by themselves, and the rest in one message a minute.
What nothing tells the end of is over a day after it was last so, without a word to the owners.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from time import monotonic

import structlog

from lazaretto.metrics import Metrics
from lazaretto.state.codec import rfc3339
from lazaretto.tasks import spawn
from lazaretto.text import shown

__all__ = ["Alarms", "Cause"]

_AGAIN = 6 * 3600.0
_CALM = 600.0
"""Seconds after which a cause that lasts, or one that came back, is told again."""

_PASSES = 86_400.0
"""Seconds after which what has no end of its own is over."""

_LAST_WORDS = 2.0  # seconds in which a stop tells what was not told yet: a platform that answers takes one

_BY_THEMSELVES = 3
_GATHERED = 60.0
"""Messages about one cause that are sent at once, and the seconds for which further ones are gathered after them."""

_NAMED = 5  # chats that one message names
_LONGEST = 300  # characters of a reason
_MOST = 1000  # causes and places that are remembered; those that are over go first
_log = structlog.get_logger("lazaretto.alarms")

Tell = Callable[[str], Awaitable[None]]
"""Says a text to the owners. Raises when none of them could be told."""

Record = Callable[[Mapping[str, object]], Awaitable[None]]


class Cause(StrEnum):
    """Why nothing is seen, or nothing can be done about it."""

    RIGHTS = "rights"
    MODERATORS = "moderators"
    DISK = "disk"
    DATABASE = "database"
    SANDBOX = "sandbox"
    VAULT = "vault"
    SEALING = "sealing"
    OVERLOAD = "overload"
    DOCTOR = "doctor"
    FAULT = "fault"


_WORDS: Mapping[Cause, tuple[str, str]] = {
    Cause.RIGHTS: (
        "Files that should be removed stay visible",
        "Make the bot an administrator there, with the right to delete messages.",
    ),
    Cause.MODERATORS: (
        "Cards do not reach the moderators' chat",
        "Add the bot to that chat again, and let it send messages.",
    ),
    Cause.DISK: ("There is no room for files, so they wait unseen", "Make room on the disk of the state folder."),
    Cause.DATABASE: (
        "The state database cannot be written or read, so nothing new is taken in",
        "Make room on its disk, and see that it is not read-only and that the bot may open enough files.",
    ),
    Cause.SANDBOX: (
        "No process could look at a file, so it counts as unscannable",
        "Run `lazaretto doctor` on the machine: it says which layer of the sandbox is missing.",
    ),
    Cause.VAULT: (
        "The vault is full: what is removed now is not kept",
        "Raise vault.max_bytes, or keep quarantined files for a shorter time.",
    ),
    Cause.SEALING: (
        "Files cannot be written into the vault: what is removed now may not be kept",
        "Look at the disk of the vault: at its room, its rights and its health.",
    ),
    Cause.OVERLOAD: (
        "So many files wait that some are not looked at",
        "Look for a raid; raise screening.workers if the machine is idle.",
    ),
    Cause.DOCTOR: ("The daily look at everything found what is not well", "Send /doctor to the bot for the remedies."),
    Cause.FAULT: (
        "A removal or a card was given up after many tries, by a fault of the bot's own",
        "Look at `lazaretto audit tail --event failed` and at the bot's log, and report it.",
    ),
}


_PASSING = frozenset({Cause.FAULT})
"""What was given up is not undone by what goes well afterwards, and each further one is news."""


@dataclass(slots=True)
class _State:
    on: bool = False
    until: float | None = None  # when it is over by itself
    told: float | None = None  # when it was last told that it is on
    told_on: bool = False  # the last that was told is that it is on


@dataclass(slots=True)
class _Said:
    """What is to be audited. late: it could not be when it was said."""

    data: Mapping[str, object]
    at: str
    late: bool = False


@dataclass(slots=True)
class _Gathered:
    """What is to be told about one cause in one message: by place, why it is so, and where it is over."""

    told: int = 0  # since it was last quiet
    pause: asyncio.TimerHandle | None = None
    on: dict[str, str] = field(default_factory=dict)
    off: dict[str, str] = field(default_factory=dict)

    def add(self, where: str, why: str, *, on: bool) -> None:
        """Of what began and ended unsaid nothing is left to say."""
        mine, other = (self.on, self.off) if on else (self.off, self.on)
        if other.pop(where, None) is None:
            mine[where] = why


class Alarms:
    """What is wrong now. tell: None where there are no owners to tell; it is logged and audited all the same.

    clean: takes out of a reason what must not be in the log or in a message.
    """

    def __init__(
        self,
        metrics: Metrics,
        tell: Tell | None = None,
        record: Record | None = None,
        clock: Callable[[], float] = monotonic,
        clean: Callable[[str], str] = str,
    ) -> None:
        self._metrics = metrics
        self._tell = tell
        self._record = record
        self._clock = clock
        self._clean = clean
        self._gathered: dict[Cause, _Gathered] = {}
        self._states: dict[tuple[Cause, str], _State] = {}
        self._unrecorded: deque[_Said] = deque(maxlen=_MOST)
        self._recording = asyncio.Lock()
        self._telling: set[asyncio.Task[None]] = set()
        self._closed = False

    def on(self, cause: Cause, why: str, where: str = "", *, passing: bool = False) -> None:
        """It is so. where: the chat, for what concerns one. passing: nothing will tell that it is over, because the bot
        is not there any more."""
        state, now = self._states.setdefault((cause, where), _State()), self._clock()
        began, state.on = not state.on, True
        state.until = now + _PASSES if passing or cause in _PASSING else None
        self._metrics.errors.labels(cause).inc()
        self._metrics.alarms.labels(cause).set(self._count(cause))
        calm = _CALM if began or not state.told_on or cause in _PASSING else _AGAIN
        if state.told is not None and now - state.told < calm:
            return
        state.told, state.told_on = now, True
        self._forget_some()
        self._say(cause, on=True, why=shown(self._clean(why), _LONGEST), where=where)

    def off(self, cause: Cause, where: str = "") -> None:
        """It is not so, or no longer."""
        if self._end(cause, where):
            self._say(cause, on=False, why="", where=where)

    def pass_over(self, cause: Cause, why: str, where: str = "") -> None:
        """It means nothing any more, for a reason that is no news to the owners, who are not told."""
        if self._end(cause, where):
            self._note(cause, on=False, why=why, where=where)
            if (gathered := self._gathered.get(cause)) is not None:
                gathered.on.pop(where, None)  # should it not even have been told yet

    def _end(self, cause: Cause, where: str) -> bool:
        """It is over. Answers whether that it was so had been told last."""
        state = self._states.get((cause, where))
        if state is None or not state.on:
            return False
        state.on = False
        self._metrics.alarms.labels(cause).set(self._count(cause))
        told, state.told_on = state.told_on, False
        return told

    async def beat(self) -> None:
        """From time to time, while the database can be written: end what is over by itself, audit what could not be
        when it was said."""
        now = self._clock()
        for (cause, where), state in list(self._states.items()):
            if state.on and state.until is not None and state.until <= now:
                self.pass_over(cause, "not again for a day", where)
        await self._write_down()

    async def aclose(self) -> None:
        """At a stop: tell and audit what waits for that, within a bound. What comes later is only logged."""
        for cause, gathered in self._gathered.items():
            if gathered.pause is not None:
                gathered.pause.cancel()
            self._tell_gathered(cause)
        self._closed = True
        if self._telling:
            _, untold = await asyncio.wait(self._telling, timeout=_LAST_WORDS)
            for task in untold:
                task.cancel()
        await self._write_down()

    def _count(self, cause: Cause) -> int:
        return sum(state.on for (other, _), state in self._states.items() if other is cause)

    def _forget_some(self) -> None:
        if len(self._states) > _MOST:
            over = [key for key, state in self._states.items() if not state.on]
            for key in over[: len(self._states) - _MOST]:
                del self._states[key]

    def _note(self, cause: Cause, *, on: bool, why: str, where: str) -> None:
        """Log and audit it."""
        (_log.error if on else _log.info)("alarm", cause=cause.value, on=on, why=why, chat=where)
        if self._record is not None and not self._closed:
            data: dict[str, object] = {"cause": cause.value, "on": on, "why": why}
            self._unrecorded.append(_Said(data, rfc3339(datetime.now(UTC))))
            spawn(self._write_down(), "alarm record")

    def _say(self, cause: Cause, *, on: bool, why: str, where: str) -> None:
        self._note(cause, on=on, why=why, where=where)
        if self._closed:
            return
        gathered = self._gathered.setdefault(cause, _Gathered())
        gathered.add(where, why, on=on)
        if gathered.told < _BY_THEMSELVES:
            self._tell_gathered(cause)
        if gathered.pause is None:
            gathered.pause = self._begin_pause(cause)

    def _begin_pause(self, cause: Cause) -> asyncio.TimerHandle:
        return asyncio.get_running_loop().call_later(_GATHERED, self._pause_is_over, cause)

    def _pause_is_over(self, cause: Cause) -> None:
        gathered = self._gathered[cause]
        gathered.pause = None
        if gathered.on or gathered.off:  # it goes on, so what comes next is gathered, too
            gathered.told = _BY_THEMSELVES
            self._tell_gathered(cause)
            gathered.pause = self._begin_pause(cause)
        else:
            gathered.told = 0

    def _tell_gathered(self, cause: Cause) -> None:
        gathered, (what, remedy) = self._gathered[cause], _WORDS[cause]
        gathered.told += 1
        if gathered.on:
            why = next(iter(gathered.on.values()))
            self._begin_telling(f"⚠️ {what}{_places(gathered.on)}: {why}. {remedy}")
        if gathered.off:
            self._begin_telling(f"✅ Over: {what.lower()}{_places(gathered.off)}.")
        gathered.on, gathered.off = {}, {}

    def _begin_telling(self, text: str) -> None:
        task = spawn(self._tell_owners(text), "alarm")
        self._telling.add(task)
        task.add_done_callback(self._telling.discard)

    async def _tell_owners(self, text: str) -> None:
        if self._tell is None:
            return
        try:
            await self._tell(text)
        except Exception as error:
            _log.error("an alarm reached no owner", why=str(error) or type(error).__name__)

    async def _write_down(self) -> None:
        """Audit what was said, in order. What cannot be now, because the database is the cause, is with the next, or
        with the next beat."""
        async with self._recording:
            while self._record is not None and self._unrecorded:
                said = self._unrecorded.popleft()
                try:
                    await self._record({**said.data, "since": said.at} if said.late else said.data)
                except Exception as error:
                    _log.warning("an alarm cannot be audited yet", why=str(error))
                    self._unrecorded.appendleft(said)
                    for waiting in self._unrecorded:
                        waiting.late = True
                    return


def _places(chats: Mapping[str, str]) -> str:
    named = [chat for chat in chats if chat]
    if len(named) < 2:
        return f" (chat {named[0]})" if named else ""
    more = ", …" if len(named) > _NAMED else ""
    return f" in {len(named)} chats ({', '.join(named[:_NAMED])}{more})"
