"""The owners' alarm: told when the bot has gone blind or its hands are tied, and when that is over.

An alarm goes straight to the platform and not through the outbox: the database may be what is broken. Each cause is
told once, again every few hours while it lasts, and never more often than every ten minutes if it comes and goes. Where
many chats have the same trouble the first few are told by themselves, and the rest in one message a minute.
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
    OVERLOAD = "overload"
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
        "The state database cannot be written, so nothing new is taken in",
        "Make room on its disk, and see that it is not read-only.",
    ),
    Cause.SANDBOX: (
        "No process could look at a file, so it counts as unscannable",
        "Run `lazaretto doctor` on the machine: it says which layer of the sandbox is missing.",
    ),
    Cause.VAULT: (
        "The vault is full: what is removed now is not kept",
        "Raise vault.max_bytes, or keep quarantined files for a shorter time.",
    ),
    Cause.OVERLOAD: (
        "So many files wait that some are not looked at",
        "Look for a raid; raise screening.workers if the machine is idle.",
    ),
    Cause.FAULT: (
        "A removal or a card was given up after many tries, by a fault of the bot's own",
        "Look at `lazaretto audit tail --event failed` and at the bot's log, and report it.",
    ),
}


@dataclass(slots=True)
class _State:
    on: bool = False
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
    waits: bool = False
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

    def on(self, cause: Cause, why: str, where: str = "") -> None:
        """It is so. where: the chat, for what concerns one."""
        state = self._states.setdefault((cause, where), _State())
        began, state.on = not state.on, True
        self._metrics.errors.labels(cause).inc()
        self._metrics.alarms.labels(cause).set(self._count(cause))
        now = self._clock()
        if state.told is not None and now - state.told < (_CALM if began or not state.told_on else _AGAIN):
            return
        state.told, state.told_on = now, True
        self._forget_some()
        self._say(cause, on=True, why=shown(self._clean(why), _LONGEST), where=where)

    def off(self, cause: Cause, where: str = "") -> None:
        """It is not so, or no longer."""
        state = self._states.get((cause, where))
        if state is None or not state.on:
            return
        state.on = False
        self._metrics.alarms.labels(cause).set(self._count(cause))
        if state.told_on:
            state.told_on = False
            self._say(cause, on=False, why="", where=where)

    def _count(self, cause: Cause) -> int:
        return sum(state.on for (other, _), state in self._states.items() if other is cause)

    def _forget_some(self) -> None:
        if len(self._states) > _MOST:
            over = [key for key, state in self._states.items() if not state.on]
            for key in over[: len(self._states) - _MOST]:
                del self._states[key]

    def _say(self, cause: Cause, *, on: bool, why: str, where: str) -> None:
        (_log.error if on else _log.info)("alarm", cause=cause.value, on=on, why=why, chat=where)
        if self._record is not None:
            data: dict[str, object] = {"cause": cause.value, "on": on, "why": why}
            self._unrecorded.append(_Said(data, rfc3339(datetime.now(UTC))))
            spawn(self._write_down(self._record), "alarm record")
        gathered = self._gathered.setdefault(cause, _Gathered())
        gathered.add(where, why, on=on)
        if gathered.told < _BY_THEMSELVES:
            self._tell_gathered(cause)
        if not gathered.waits:
            gathered.waits = True
            asyncio.get_running_loop().call_later(_GATHERED, self._pause_is_over, cause)

    def _pause_is_over(self, cause: Cause) -> None:
        gathered = self._gathered[cause]
        gathered.waits = False
        if gathered.on or gathered.off:  # it goes on, so what comes next is gathered, too
            gathered.told, gathered.waits = _BY_THEMSELVES, True
            self._tell_gathered(cause)
            asyncio.get_running_loop().call_later(_GATHERED, self._pause_is_over, cause)
        else:
            gathered.told = 0

    def _tell_gathered(self, cause: Cause) -> None:
        gathered, (what, remedy) = self._gathered[cause], _WORDS[cause]
        gathered.told += 1
        if gathered.on:
            why = next(iter(gathered.on.values()))
            spawn(self._tell_owners(f"⚠️ {what}{_places(gathered.on)}: {why}. {remedy}"), "alarm")
        if gathered.off:
            spawn(self._tell_owners(f"✅ Over: {what.lower()}{_places(gathered.off)}."), "alarm")
        gathered.on, gathered.off = {}, {}

    async def _tell_owners(self, text: str) -> None:
        if self._tell is None:
            return
        try:
            await self._tell(text)
        except Exception as error:
            _log.error("an alarm reached no owner", why=str(error) or type(error).__name__)

    async def _write_down(self, record: Record) -> None:
        """Audit what was said, in order. What cannot be now, because the database is the cause, is with the next: at
        the latest when it is over."""
        async with self._recording:
            while self._unrecorded:
                said = self._unrecorded.popleft()
                try:
                    await record({**said.data, "since": said.at} if said.late else said.data)
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
