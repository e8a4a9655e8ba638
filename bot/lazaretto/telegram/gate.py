"""The gate: first in line for every update, and if it breaks, the attachment is held.

The library runs handler groups in ascending order, and *goes on to the next group when a handler raises*. Only
`ApplicationHandlerStop` ends an update. So nothing may leave this module as another exception, and `block=True` is
passed explicitly: with `block=False` (or a host's `Defaults(block=False)`) the stop would be ignored.

A bolt stands behind the gate, and stops what the gate wanted and never got (`handler_order`).

An update whose attachment has to wait is parked: its processing ends here, other chats go on, and it is put back into
the application's queue when it is cleared.

A reply or a pin shows another message again, files included. One that was never judged (it was posted before we came)
is judged now. While such a file waits, the update waits with it; where it is held, the update goes on without the file.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Protocol

import structlog
from telegram import Update
from telegram.ext import Application, ApplicationHandlerStop, BaseHandler, CallbackContext

from lazaretto.coverage import Outcome
from lazaretto.model import Attachment, Decision, Mode, Place
from lazaretto.tasks import spawn
from lazaretto.telegram.attachments import attachment_in, is_under_a_button, shown_again, without_shown_again
from lazaretto.telegram.journal import TRIES, is_shortage, json_of
from lazaretto.telegram.parking import Parking
from lazaretto.telegram.walker import Json

__all__ = ["AnyApplication", "AnyContext", "Gate", "GateService"]

_FIRST_PAUSE = 1.0  # seconds before what could not be taken in is tried again; doubled each time
_LONGEST_PAUSE = 60.0
_log = structlog.get_logger("lazaretto.gate")

AnyApplication = Application[Any, Any, Any, Any, Any, Any]
AnyContext = CallbackContext[Any, Any, Any, Any]


class GateService(Protocol):
    """What the gate needs from behind it."""

    async def ready(self) -> None:
        """Wait until the policy of every chat is known: the first update may be what starts everything."""

    async def take(self, attachment: Attachment, update: Update) -> None:
        """Write the attachment down and begin to judge it."""

    async def known(self, attachments: Collection[str]) -> Mapping[str, bool]:
        """Those of these ids that were taken in at any time, each with whether it is held."""

    def when_handled(self, do: Callable[[], None]) -> None:
        """Do it when the host's handlers have ended with the update that is in the gate, or now if nobody can tell."""

    def passed_on(self, attachment: Attachment) -> None:
        """The cleared attachment's updates have been through the host's handlers."""

    async def set_aside(self, update: object, why: str) -> None:
        """Keep an update (JSON) that cannot be judged as it came, durably. Nobody handles it."""

    async def put_back(self, update: Update) -> None:
        """Have the host handle a cleared update, as it handles others."""

    def mode_of(self, place: Place) -> Mode:
        """How far we go in this chat."""

    def previews(self, place: Place) -> bool:
        """Are the pictures that the server derives from posted files judged, too?"""

    def skips(self, place: Place) -> Outcome | None:
        """Why nothing is screened in this chat; None where it is."""

    def count(self, outcome: Outcome) -> None:
        """An update that carries a file came to this end."""

    def arrived(self) -> None:
        """An update has come."""


@dataclass(frozen=True, slots=True)
class _Broken:
    """The walker failed on this update: it is held."""

    why: str


@dataclass(frozen=True, slots=True)
class _Shows:
    """The update brings no file that is judged as its own, but shows these. outcome: how it is counted."""

    attachments: tuple[Attachment, ...]
    outcome: Outcome


_Wanted = Attachment | _Broken | _Shows


class Gate(BaseHandler[Update, AnyContext, None]):
    """Handler of every update that carries a file. Public for hosts that build their own handler order."""

    def __init__(
        self,
        application: AnyApplication,
        service: GateService,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        super().__init__(self._never_called, block=True)
        self._application = application
        self._service = service
        self._sleep = sleep
        self._wanted: dict[int | None, _Wanted] = {}
        self._parking = Parking()
        # The account's id stands before the token's colon; until the first call to Telegram nothing else tells it.
        self._own = application.bot.token.partition(":")[0]

    @staticmethod
    async def _never_called(_update: Update, _context: AnyContext) -> None:
        """BaseHandler wants a callback; this class answers in `handle_update` itself."""

    # -- what an update is -------------------------------------------------------------------------------------------

    def check_update(self, update: object) -> _Wanted | None:
        """What the gate wants of an update; None if it may pass. Never raises: that would let the update through."""
        if not isinstance(update, Update):
            return None
        found: _Wanted | None
        try:
            self._service.arrived()
            found = self._look(update)
        except Exception as error:
            found = _Broken(type(error).__name__)
            _tell(_log.exception, "the walker failed, the update is held", update=update.update_id)
        if found is not None:
            self._wanted[_number(update)] = found
        return found

    def _look(self, update: Update) -> _Wanted | None:
        if _number(update) is None:
            raise TypeError("the update has no number")  # by which it could be parked
        data = update.to_dict()
        attachment = self._attachment_in(data)
        skipped = None if attachment is None else self._skips(attachment)
        if attachment is not None and skipped is None:
            return attachment
        every = tuple(shown_again(data))
        shown = tuple(one for one in every if self._skips(one) is None)
        if shown:
            return _Shows(shown, skipped or Outcome.SHOWN_AGAIN)
        if skipped is None and every:
            skipped = Outcome.SHOWN_AGAIN
        elif skipped is None and is_under_a_button(data):
            skipped = Outcome.UNDER_A_BUTTON
        if skipped is not None:
            self._service.count(skipped)
        return None

    def _attachment_in(self, data: Json) -> Attachment | None:
        attachment = attachment_in(data)
        if attachment is not None and self._service.previews(attachment.place):
            return attachment_in(data, previews=True)
        return attachment

    def _skips(self, attachment: Attachment) -> Outcome | None:
        return Outcome.OWN if attachment.sender.id == self._own else self._service.skips(attachment.place)

    def attachment_of(self, data: Json) -> Attachment | None:
        """The attachment that an update, as JSON, brings, if it is to be judged."""
        attachment = self._attachment_in(data)
        return None if attachment is None or self._skips(attachment) is not None else attachment

    def is_cleared(self, update: Update) -> bool:
        """Is this update on its way back from us?"""
        return self._parking.is_cleared(update)

    def missed(self, update: object) -> _Wanted | None:
        """What `check_update` wanted of this update, if it never came to `handle_update`."""
        installed = any(self in handlers for handlers in self._application.handlers.values())
        return self._wanted.get(_number(update)) if installed and isinstance(update, Update) else None

    # -- what is done with it ----------------------------------------------------------------------------------------

    async def handle_update(
        self,
        update: Update,
        application: AnyApplication,  # noqa: ARG002 - the library's signature
        check_result: object,
        context: AnyContext,  # noqa: ARG002 - the library's signature
    ) -> None:
        """Let a cleared update pass, park any other. Leaves by return or by ApplicationHandlerStop, never otherwise."""
        self._wanted.pop(_number(update), None)
        try:
            if await self._may_pass(update, check_result):
                return
        except Exception:
            # A gate that is broken is closed. The update is kept and tried again, so that nothing is lost while we run.
            spawn(self._try_later(update, check_result), "an update later")
            _tell(_log.exception, "the gate failed, the update is held", update=update.update_id)
        raise ApplicationHandlerStop

    async def _may_pass(self, update: Update, wanted: object) -> bool:
        if isinstance(wanted, _Shows):
            if await self._keep_back(update, wanted.attachments):
                return False
            self._service.count(wanted.outcome)
            return True
        if not isinstance(wanted, Attachment):
            why = wanted.why if isinstance(wanted, _Broken) else "nobody knows what it carries"
            await self._service.set_aside(json_of(update), why)
            return False
        await self._service.ready()
        cleared = self._parking.cleared(update, wanted)
        if not cleared and await self._take(update, wanted):
            return False
        if await self._keep_back(update, tuple(shown_again(update.to_dict()))):
            return False  # and is still cleared when it comes again
        if cleared:
            whole = self._parking.passed(update)
            self._service.when_handled(lambda: self._handled(whole))
        return True

    def _handled(self, whole: Attachment) -> None:
        if self._parking.handled(whole):
            self._service.passed_on(whole)

    async def _take(self, update: Update, attachment: Attachment) -> bool:
        """Begin to judge it. Answers whether its update is kept meanwhile."""
        parked = self._waits(attachment)
        if parked:
            self._parking.park(attachment.id, update)
        await self._service.take(attachment, update)
        self._parking.taken([attachment.id])
        return parked

    def _waits(self, attachment: Attachment) -> bool:
        return self._service.mode_of(attachment.place) is not Mode.OBSERVE

    async def _keep_back(self, update: Update, shown: Sequence[Attachment]) -> bool:
        """See to it that the host gets no file through a message that the update shows again. Answers whether this
        update ends here: it comes again once that file is judged, or comes without it now."""
        await self._take_unknown(update, [one for one in shown if self._skips(one) is None])
        waiting = self._parking.first_waiting(shown)
        if waiting is not None:
            self._parking.park_showing(waiting, update)
            return True
        if not self._parking.any_held(shown):
            return False
        without = Update.de_json(without_shown_again(update.to_dict()), self._application.bot)
        # Not waited for: where a queue is full, nobody empties it before this handler has ended.
        spawn(self._service.put_back(without), "an update without what it shows")
        self._service.count(Outcome.SHOWN_AGAIN)
        return True

    async def _take_unknown(self, update: Update, shown: Sequence[Attachment]) -> None:
        """Judge what was posted where or when we did not see it."""
        unknown = {one.id: one for one in self._parking.unknown(shown)}
        if not unknown:
            return
        known = await self._service.known(unknown.keys())
        self._parking.taken(known)
        self._parking.hold(name for name, held in known.items() if held)
        for name in unknown.keys() - known.keys():
            self.expect(unknown[name])
            try:
                await self._service.take(unknown[name], update)
            except BaseException:
                self._parking.forget(name)  # nobody would ever settle it
                raise
            self._parking.taken([name])

    async def _try_later(self, update: Update, wanted: object) -> None:
        pause, failures = _FIRST_PAUSE, 1
        while True:
            await self._sleep(pause)
            try:
                return await self._again(update, wanted, poisonous=failures >= TRIES)
            except Exception as error:
                failures += not is_shortage(error)
                _tell(_log.error, "the update still cannot be taken in", update=update.update_id, why=str(error))
                pause = min(2 * pause, _LONGEST_PAUSE)

    async def _again(self, update: Update, wanted: object, *, poisonous: bool) -> None:
        if isinstance(wanted, Attachment) and poisonous:
            await self._service.set_aside(json_of(update), "cannot be kept")
            self._parking.leave(wanted, held=True)
        elif isinstance(wanted, Attachment):
            self._parking.park(wanted.id, update)
            await self._service.take(wanted, update)
        elif isinstance(wanted, _Broken):
            await self._service.set_aside(json_of(update), wanted.why)
        else:
            await self._service.put_back(update)

    # -- what comes of it --------------------------------------------------------------------------------------------

    def expect(self, attachment: Attachment) -> None:
        """It is being judged, whether or not an update waits for it."""
        for name in attachment.ids if self._waits(attachment) else ():
            self._parking.expect(name)

    def park_again(self, attachment: Attachment, update: Update) -> None:
        """An update of an earlier run, which waits for this attachment."""
        if not self._waits(attachment):
            return
        own = attachment_in(update.to_dict())
        if own is not None and own.id in attachment.ids:
            self._parking.park(own.id, update)
        else:
            self._parking.park_showing(attachment.id, update)

    async def settled(self, attachment: Attachment, decision: Decision | None) -> bool:
        """Put the cleared updates back into the host's queue. Answers whether any went back."""
        went_back = False
        holds = decision is None or decision.holds
        while updates := self._parking.leave(attachment, held=holds):  # more may be parked while the queue is full
            went_back = True
            for update in updates:
                await self._service.put_back(update)
        for update in self._parking.leave_showing(attachment):
            await self._service.put_back(update)
        return went_back


def _number(update: Update) -> int | None:
    """The update's number; the library takes anything for one."""
    number: object = update.update_id
    return number if isinstance(number, int) else None


def _tell(log: Callable[..., object], event: str, **about: object) -> None:
    """Log. That it fails, as on a full disk, must not let an update through."""
    with suppress(Exception):
        log(event, **about)
