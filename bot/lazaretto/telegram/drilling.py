"""A drill: the bot posts the test file in a group and watches it go the way of a member's file, step by step.

A bot is told of no message of its own, and its own posts are never screened. So the drill makes the update that a
member's post would have brought from what Telegram answered, and gives it to the pipeline as an attachment of the kind
`drill`. From there on nothing is played: it is fetched from Telegram, looked at in the sandbox, judged by the group's
policy, sealed, removed, shown on a card and written into the log. Its end deletes whatever is left of it.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from enum import StrEnum
from time import monotonic
from typing import Any

from sqlalchemy import Connection, select
from telegram import Message
from telegram.error import TelegramError

from lazaretto import drill
from lazaretto.audit import Event, Ledger
from lazaretto.chat_policies import ChatPolicies
from lazaretto.intents import PURGE
from lazaretto.model import DRILL, Action, Attachment, Person, Place
from lazaretto.ports import DeedKind
from lazaretto.state import people
from lazaretto.state.intents import IntentState
from lazaretto.state.schema import audit
from lazaretto.telegram.answers import chat_id
from lazaretto.telegram.attachments import attachment_in
from lazaretto.telegram.runtime import Runtime

__all__ = ["Outcome", "Run", "Step"]

_PATIENCE = 90.0  # seconds for everything: a loaded machine, and a chat that has had its share of requests
_LOOK = 0.2  # seconds between looks into the log
_CLOSING = 15.0  # seconds; the bot carries intents out every 0.3
_HELD = (Action.QUARANTINE, Action.REJECT)


class Step(StrEnum):
    """What has to happen, in this order; which of the last ones do depends on the decision."""

    POSTED = "posted"
    TAKEN = "taken"
    FETCHED = "fetched"
    SCREENED = "screened"
    DECIDED = "decided"
    KEPT = "kept"
    REMOVED = "removed"
    CARD = "card"
    CLOSED = "closed"


@dataclass(slots=True)
class Outcome:
    """How far it has come. times: milliseconds since the file was posted. why: of what failed, as Telegram or the log
    has it. head: `SEQ:HASH` of the log at the end."""

    times: dict[Step, int] = field(default_factory=dict)
    failed: Step | None = None
    why: str = ""
    found: tuple[str, ...] = ()
    layers: int = 0
    action: Action | None = None
    enforced: bool = False
    policy: str = ""
    case: int | None = None
    head: str = ""
    over: bool = False

    @property
    def passed(self) -> bool:
        """Did everything come about that had to?"""
        return self.over and self.failed is None


class _Failed(Exception):
    """A step did not come about."""

    def __init__(self, step: Step, why: str = "") -> None:
        super().__init__(why)
        self.step = step


class Run:
    """One drill. tell: called after every step."""

    def __init__(
        self, runtime: Runtime, policies: ChatPolicies, place: Place, tell: Callable[[Outcome], Awaitable[None]]
    ) -> None:
        self._runtime = runtime
        self._policy = policies.policy_of(place)
        self._place = place
        self._tell = tell
        self._file = drill.test_file(drill.new_run())
        self._began = monotonic()
        self._after = 0  # the log's newest record before it
        self.outcome = Outcome()

    async def go(self, by: Person, caption: str, thread: int | None = None) -> Outcome:
        """Carry it out. caption: said under the file. thread: the topic to post it in."""
        out = self.outcome
        attachment: Attachment | None = None
        message: Message | None = None
        try:
            message = await self._post(caption, thread)
            attachment = await self._take(message)
            await self._watch(attachment)
        except _Failed as failed:
            out.failed, out.why = failed.step, str(failed)
        try:
            await self._clear_up(message, by)
        except _Failed as failed:
            out.failed, out.why = out.failed or failed.step, out.why or str(failed)
        out.over = True
        await self._write_down(attachment, by)
        await self._tell(out)
        return out

    async def _post(self, caption: str, thread: int | None) -> Message:
        head = await self._runtime.store.head()
        self._after = int(head.partition(":")[0])
        self._began = monotonic()
        try:
            message = await self._runtime.bot.send_document(
                chat_id(self._place.chat),
                self._file,
                filename=drill.FILE_NAME,
                caption=caption,
                message_thread_id=thread,
                disable_content_type_detection=True,
                disable_notification=True,
            )
        except TelegramError as error:
            raise _Failed(Step.POSTED, error.message) from None
        await self._came(Step.POSTED)
        return message

    async def _take(self, message: Message) -> Attachment:
        attachment = attachment_in({"update_id": 0, "message": message.to_dict()})
        if attachment is None:
            raise _Failed(Step.TAKEN, "the message carries no file")
        attachment = replace(attachment, kind=DRILL)
        try:
            await self._runtime.pipeline.take(attachment, "{}")
        except Exception as error:  # of the database, the disk: each is what a drill is there to find
            raise _Failed(Step.TAKEN, type(error).__name__) from error
        await self._came(Step.TAKEN)
        return attachment

    async def _watch(self, attachment: Attachment) -> None:
        out = self.outcome
        screened = await self._record(attachment, Step.FETCHED, Event.SCREENED)
        (part,) = screened["data"]["parts"]
        out.found, out.layers = tuple(screened["rules"]), len(part["layers"])
        if part["sha256"] != hashlib.sha256(self._file).hexdigest():
            raise _Failed(Step.FETCHED, ", ".join(out.found))
        await self._came(Step.FETCHED)
        if out.found != (drill.RULE,):
            raise _Failed(Step.SCREENED, ", ".join(out.found))
        await self._came(Step.SCREENED)
        decided = (await self._record(attachment, Step.DECIDED, Event.DECIDED))["data"]
        out.action, out.enforced, out.policy = Action(decided["action"]), decided["enforced"], decided["policy"]
        if out.action is Action.FORWARD:
            raise _Failed(Step.DECIDED)
        await self._came(Step.DECIDED)
        if out.enforced:
            await self._watch_deeds(attachment, out.action)

    async def _watch_deeds(self, attachment: Attachment, action: Action) -> None:
        out = self.outcome
        if action is not Action.REJECT:
            out.case = (await self._record(attachment, Step.DECIDED, Event.OPENED))["case"]
        if action is Action.QUARANTINE and out.case is not None:
            case = await self._runtime.store.case(out.case)
            if case is None or not case.sealed:
                raise _Failed(Step.KEPT)
            await self._came(Step.KEPT)
        if action in _HELD:
            await self._deed(attachment, Step.REMOVED, DeedKind.REMOVE)
        if out.case is not None and self._policy.moderators is not None:
            await self._deed(attachment, Step.CARD, DeedKind.CARD)

    async def _deed(self, attachment: Attachment, step: Step, kind: DeedKind) -> None:
        record = await self._record(attachment, step, Event.DONE, Event.FAILED, Event.UNKNOWN, kind=kind)
        if record["event"] != Event.DONE:
            raise _Failed(step, str(record["data"]["why"]))
        await self._came(step)

    async def _record(
        self, attachment: Attachment, step: Step, *events: Event, kind: DeedKind | None = None
    ) -> Mapping[str, Any]:
        """The first record of these events about the attachment; it may have to be waited for."""

        def find(connection: Connection) -> Mapping[str, Any] | None:
            rows = connection.scalars(select(audit.c.record).where(audit.c.seq > self._after).order_by(audit.c.seq))
            for record in map(json.loads, rows):
                mine = record.get("attachment") == attachment.id and record.get("event") in events
                if mine and (kind is None or record["data"]["kind"] == kind):
                    return dict(record)
            return None

        while monotonic() - self._began < _PATIENCE:
            if (found := await self._runtime.store.state.read(find)) is not None:
                return found
            await asyncio.sleep(_LOOK)
        raise _Failed(step, f"nothing came within {_PATIENCE:.0f} s")

    async def _clear_up(self, message: Message | None, by: Person) -> None:
        """Delete the post where that was not done, and close the case, with what the vault has of it."""
        if message is None:
            return
        if Step.REMOVED not in self.outcome.times:
            with suppress(TelegramError):  # it may be gone already; its caption says that it is harmless
                await self._runtime.bot.delete_message(message.chat_id, message.message_id)
        if self.outcome.case is None:
            return
        store = self._runtime.store
        number = await store.submit_intent(PURGE, {"case": self.outcome.case}, by)
        end = monotonic() + _CLOSING
        while monotonic() < end:
            intent = await store.intent(number)
            if intent is not None and intent.state is not IntentState.WAITING:
                if intent.state is not IntentState.DONE:
                    raise _Failed(Step.CLOSED, intent.result or "")
                await self._came(Step.CLOSED)
                return
            await asyncio.sleep(_LOOK)
        raise _Failed(Step.CLOSED)

    async def _came(self, step: Step) -> None:
        self.outcome.times[step] = round(1000 * (monotonic() - self._began))
        await self._tell(self.outcome)

    async def _write_down(self, attachment: Attachment | None, by: Person) -> None:
        out = self.outcome
        data: dict[str, object] = {
            "passed": out.passed,
            "steps": {step.value: milliseconds for step, milliseconds in out.times.items()},
        }
        if out.failed is not None:
            data["failed"] = out.failed.value
        about = None if attachment is None else attachment.id
        chat = f"{self._place.platform}:{self._place.chat}"

        def work(ledger: Ledger) -> None:
            subject = people.subject_for(ledger.connection, by)
            ledger.append(Event.DRILL, data, chat=chat, case=out.case, attachment=about, subject=subject)

        await self._runtime.store.write(work)
        out.head = await self._runtime.store.head()
