"""The gate: first in line for every update, and if it breaks, the attachment is held.

The library runs handler groups in ascending order, and *goes on to the next group when a handler raises*. Only
`ApplicationHandlerStop` ends an update. So nothing may leave this module as another exception, and `block=True` is
passed explicitly: with `block=False` (or a host's `Defaults(block=False)`) the stop would be ignored.

Before the first handler that wants an update the library also reloads the host's stored data, and when that fails it
goes on to the next group as well. So a bolt stands behind the gate: what the gate wanted and never got is its to stop.

An update whose attachment has to wait is parked: its processing ends here, other chats go on, and it is put back into
the application's queue when it is cleared.

A reply or a pin shows another message again, files included. While such a file waits, the update waits with it; where
it is held, the update goes on without the file.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import structlog
from telegram import Update
from telegram.ext import Application, ApplicationHandlerStop, BaseHandler, CallbackContext

from lazaretto.model import Attachment, Decision, Mode, Place
from lazaretto.tasks import spawn
from lazaretto.telegram.attachments import TooDeep, attachment_in, shown_again, without_shown_again

__all__ = ["Gate", "GateService", "below", "insert_first", "take_out"]

_FIRST_PAUSE = 1.0  # seconds before an attachment that could not be taken in is tried again; doubled each time
_LONGEST_PAUSE = 60.0
_REMEMBERED = 10_000  # held attachments whose files replies must not show; by then their messages are long removed
_log = structlog.get_logger("lazaretto.gate")

AnyApplication = Application[Any, Any, Any, Any, Any, Any]
AnyContext = CallbackContext[Any, Any, Any, Any]


class GateService(Protocol):
    """What the gate needs from behind it."""

    async def take(self, attachment: Attachment, update: str) -> None:
        """Write the attachment down and begin to judge it."""

    async def passed_on(self, attachment: Attachment) -> None:
        """The cleared attachment's update is now on its way through the host's handlers."""

    def mode_of(self, place: Place) -> Mode:
        """How far we go in this chat."""

    def exempt(self, place: Place) -> bool:
        """Is this chat never screened (a moderators' chat)?"""

    async def put_back(self, update: Update) -> None:
        """Have the host handle a cleared update, as it handles others."""


@dataclass(frozen=True, slots=True)
class _Broken:
    """The walker failed on this update: it is held."""

    why: str


@dataclass(frozen=True, slots=True)
class _Shows:
    """The update brings no file of its own, but shows one that waits or is held."""


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
        self._wanted: dict[int, _Wanted] = {}
        self._parked: dict[str, dict[int, Update]] = {}
        self._showing: dict[str, list[Update]] = {}  # with them, and let go with them
        self._held: OrderedDict[str, None] = OrderedDict()
        self._cleared: dict[int, Attachment] = {}
        # The account's id stands before the token's colon; until the first call to Telegram nothing else tells it.
        self._own = application.bot.token.partition(":")[0]

    @staticmethod
    async def _never_called(_update: Update, _context: AnyContext) -> None:
        """BaseHandler wants a callback; this class answers in `handle_update` itself."""

    def check_update(self, update: object) -> _Wanted | None:
        """The update's attachment if it is to be screened. Never raises: that would let the update through."""
        if not isinstance(update, Update):
            return None
        found: _Wanted | None
        try:
            data = update.to_dict()
            found = attachment_in(data)
            if found is None or found.sender.id == self._own or self._service.exempt(found.place):
                found = _Shows() if self._withheld(data) else None
            if found is None:
                return None
        except TooDeep as error:  # the world's doing, and no fault of ours that needs a traceback
            _log.error("the update nests too deep, it is held", update=update.update_id)
            found = _Broken(str(error))
        except Exception as error:
            _log.exception("the walker failed, the update is held", update=update.update_id)
            found = _Broken(type(error).__name__)
        self._wanted[update.update_id] = found
        return found

    def missed(self, update: object) -> _Wanted | None:
        """What `check_update` wanted of this update, if it never came to `handle_update`."""
        installed = any(self in handlers for handlers in self._application.handlers.values())
        return self._wanted.get(update.update_id) if installed and isinstance(update, Update) else None

    async def handle_update(
        self,
        update: Update,
        application: AnyApplication,  # noqa: ARG002 - the library's signature
        check_result: object,
        context: AnyContext,  # noqa: ARG002 - the library's signature
    ) -> None:
        """Let a cleared update pass, park any other. Leaves by return or by ApplicationHandlerStop, never otherwise."""
        self._wanted.pop(update.update_id, None)
        try:
            if isinstance(check_result, Attachment) and await self._may_pass(update, check_result):
                return
            if isinstance(check_result, _Shows) and not await self._keep_back(update):
                return
        except Exception:
            # A gate that is broken is closed. The update is kept and tried again, so that nothing is lost while we run.
            _log.exception("the gate failed, the attachment is held", update=update.update_id)
            if isinstance(check_result, Attachment):
                spawn(self._take_later(update, check_result), f"take update {update.update_id} later")
        raise ApplicationHandlerStop

    async def _may_pass(self, update: Update, attachment: Attachment) -> bool:
        cleared = self._cleared.get(update.update_id)
        # By both ids: hosts make updates of their own, all of them with the same number.
        if cleared is not None and cleared.id == attachment.id:
            if await self._keep_back(update):
                return False  # and is still cleared when it comes again
            del self._cleared[update.update_id]
            spawn(self._service.passed_on(attachment), "passed on")
            return True
        parked = self.park(attachment, update)
        await self._service.take(attachment, update.to_json())
        return not parked

    def _withheld(self, data: Mapping[str, Any]) -> list[str]:
        """What an update, as JSON, shows again that waits or is held."""
        if not (self._parked or self._held):
            return []
        return [name for name in shown_again(data) if name in self._parked or name in self._held]

    async def _keep_back(self, update: Update) -> bool:
        """See to it that the host gets no file through a message that the update shows again. Answers whether this
        update ends here: it comes again once that file is judged, or comes without it now."""
        data = update.to_dict()
        withheld = self._withheld(data)
        waiting = next((name for name in withheld if name in self._parked), None)
        if waiting is not None:
            self._showing.setdefault(waiting, []).append(update)
        elif withheld:
            less = Update.de_json(without_shown_again(data), self._application.bot)
            await self._service.put_back(less)
        return bool(withheld)

    async def _take_later(self, update: Update, attachment: Attachment) -> None:
        pause = _FIRST_PAUSE
        while True:
            await self._sleep(pause)
            try:
                self._parked.setdefault(attachment.id, {}).setdefault(update.update_id, update)
                await self._service.take(attachment, update.to_json())
            except Exception as error:
                _log.error("the attachment still cannot be taken in", update=update.update_id, why=str(error))
                pause = min(2 * pause, _LONGEST_PAUSE)
            else:
                return

    def park(self, attachment: Attachment, update: Update) -> bool:
        """Keep an update until its attachment is judged, where we go that far. Answers whether it is kept.

        An attachment may have several: the message and its edits, as long as they carry the same files.
        """
        if self._service.mode_of(attachment.place) is Mode.OBSERVE:
            return False
        self._parked.setdefault(attachment.id, {}).setdefault(update.update_id, update)
        return True

    def is_cleared(self, update: object) -> bool:
        """Is this update on its way back from us?"""
        return isinstance(update, Update) and update.update_id in self._cleared

    async def settled(self, attachment: Attachment, decision: Decision | None) -> bool:
        """Put the cleared updates back into the host's queue. Answers whether any went back."""
        went_back = False
        holds = decision is None or decision.holds
        if holds:
            self._held[attachment.id] = None
            while len(self._held) > _REMEMBERED:
                self._held.popitem(last=False)
        while updates := self._parked.pop(attachment.id, None):  # more may be parked while the queue is full
            for update in () if holds else updates.values():
                self._cleared[update.update_id] = attachment
                await self._service.put_back(update)
                went_back = True
        for update in self._showing.pop(attachment.id, ()):
            await self._service.put_back(update)
        return went_back


class _Bolt(BaseHandler[Update, AnyContext, None]):
    """Behind the gate: hands it what it wanted and did not get."""

    def __init__(self, gate: Gate) -> None:
        super().__init__(gate.callback, block=True)
        self.gate = gate

    def check_update(self, update: object) -> _Wanted | None:
        return self.gate.missed(update)

    async def handle_update(
        self, update: Update, application: AnyApplication, check_result: object, context: AnyContext
    ) -> None:
        await self.gate.handle_update(update, application, check_result, context)


def insert_first(application: AnyApplication, *handlers: BaseHandler[Any, Any, Any]) -> int:
    """Add handlers in a group below all others, and answer its number. A gate gets its bolt in the next group."""
    group = min(application.handlers, default=0) - 2
    for handler in handlers:
        application.add_handler(handler, group=group)
        if isinstance(handler, Gate):
            application.add_handler(_Bolt(handler), group=group + 1)
    return group


def take_out(application: AnyApplication, *handlers: BaseHandler[Any, Any, Any]) -> None:
    """Remove what `insert_first` added, bolts included, wherever it stands."""
    for group, there in list(application.handlers.items()):
        for handler in list(there):
            if handler in handlers or (isinstance(handler, _Bolt) and handler.gate in handlers):
                application.remove_handler(handler, group)


def below(application: AnyApplication, group: int) -> list[str]:
    """Names of handlers that run before ours: each of them sees attachments that nobody has judged."""
    return [
        getattr(handler.callback, "__qualname__", repr(handler))
        for number, handlers in application.handlers.items()
        if number < group
        for handler in handlers
    ]
