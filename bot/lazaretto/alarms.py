"""The owners' alarm: told when the bot has gone blind or its hands are tied, and when that is over.

An alarm goes straight to the platform and not through the outbox: the database may be what is broken. Each cause is
told once, again every few hours while it lasts, and never more often than every ten minutes if it comes and goes.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from time import monotonic

import structlog

from lazaretto.metrics import Metrics
from lazaretto.tasks import spawn
from lazaretto.text import shown

__all__ = ["Alarms", "Cause"]

_AGAIN = 6 * 3600.0
_CALM = 600.0
"""Seconds after which a cause that lasts, or one that came back, is told again."""

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
}


@dataclass(slots=True)
class _State:
    on: bool = False
    told: float | None = None  # when it was last told that it is on
    told_on: bool = False  # the last that was told is that it is on


class Alarms:
    """What is wrong now. tell: None where there are no owners to tell; it is logged and audited all the same."""

    def __init__(
        self,
        metrics: Metrics,
        tell: Tell | None = None,
        record: Record | None = None,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._metrics = metrics
        self._tell = tell
        self._record = record
        self._clock = clock
        self._states: dict[tuple[Cause, str], _State] = {}

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
        what, remedy = _WORDS[cause]
        place = f" (chat {where})" if where else ""
        self._say(cause, f"⚠️ {what}{place}: {shown(why, 300)}. {remedy}", on=True, why=why, where=where)

    def off(self, cause: Cause, where: str = "") -> None:
        """It is not so, or no longer."""
        state = self._states.get((cause, where))
        if state is None or not state.on:
            return
        state.on = False
        self._metrics.alarms.labels(cause).set(self._count(cause))
        if state.told_on:
            state.told_on = False
            place = f" (chat {where})" if where else ""
            self._say(cause, f"✅ Over: {_WORDS[cause][0].lower()}{place}.", on=False, why="", where=where)

    def _count(self, cause: Cause) -> int:
        return sum(state.on for (other, _), state in self._states.items() if other is cause)

    def _forget_some(self) -> None:
        if len(self._states) > _MOST:
            over = [key for key, state in self._states.items() if not state.on]
            for key in over[: len(self._states) - _MOST]:
                del self._states[key]

    def _say(self, cause: Cause, text: str, *, on: bool, why: str, where: str) -> None:
        (_log.error if on else _log.info)("alarm", cause=cause.value, on=on, why=why, chat=where)
        spawn(self._say_it(text, {"cause": cause.value, "on": on, "why": shown(why, 300)}), "alarm")

    async def _say_it(self, text: str, data: Mapping[str, object]) -> None:
        if self._record is not None:
            try:
                await self._record(data)
            except Exception as error:  # the database may be the cause
                _log.warning("an alarm could not be audited", why=str(error))
        if self._tell is None:
            return
        try:
            await self._tell(text)
        except Exception as error:
            _log.error("an alarm reached no owner", why=str(error) or type(error).__name__)
