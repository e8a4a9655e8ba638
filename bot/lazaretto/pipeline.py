"""The whole story: attachment -> reports -> decision -> carried out, audited.

    taken in      the store has the attachment and its update on disk; an album's messages are joined first
    fetched       its bytes stream into a spool and, at the same time, through a screening worker
    judged        policy turns the reports into a decision; what is quarantined is sealed in the vault first
    written down  decision, case, audit records and what is to be done, in one transaction
    done          the outbox removes and notifies (`deeds`); what may go on goes on

Every step may be the last before a crash: a restart takes the unfinished from the store and goes through them again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import AsyncExitStack
from time import monotonic
from typing import Protocol, TypeVar

import structlog
from structlog.contextvars import bind_contextvars

from lazaretto import rules
from lazaretto.alarms import Cause
from lazaretto.albums import Albums, OnComplete, joined
from lazaretto.conditions import Conditions
from lazaretto.deeds import Deeds
from lazaretto.fetching import Fetching, Wanted, not_looked_at
from lazaretto.model import Action, Attachment, Decision, Mode, Part, Place, Report, SealedPart
from lazaretto.policy import Policy, decide
from lazaretto.ports import (
    MEMBER,
    Job,
    Pending,
    Platform,
    Screener,
    Standing,
    Store,
    Unavailable,
    Vault,
    VaultFull,
)
from lazaretto.quotas import Waiting
from lazaretto.shortage import Lack, NotSealed, cause_of, is_shortage
from lazaretto.tasks import spawn
from lazaretto.turns import NoRoom

__all__ = ["Members", "OnSettled", "Pipeline", "Policies"]

_POISON_TRIES = 3
_FIRST_PAUSE = 0.5  # seconds before the second try; doubled each time
_LONGEST_PAUSE = 30.0
_log = structlog.get_logger("lazaretto.pipeline")

T = TypeVar("T")

OnSettled = Callable[[Attachment, Decision | None, Sequence[Report]], Awaitable[None]]
"""Told of every attachment that is decided. No decision: handling it failed, it is held."""


class Policies(Protocol):
    """Where the policy of a chat comes from."""

    def policy_of(self, place: Place) -> Policy:
        """The effective policy of a chat, now."""


class Members(Protocol):
    """Knows what is particular about a sender."""

    async def standing(self, attachment: Attachment, policy: Policy) -> Standing:
        """By the policy of its chat."""


Screened = tuple[Job | None, Report]
"""A part's report, and the job whose spool has its bytes, where they all came."""


class Pipeline:
    """Handles attachments, each in a task of its own; how many are looked at at once is the quotas' business."""

    def __init__(
        self,
        screener: Screener,
        platform: Platform,
        store: Store,
        vault: Vault,
        policies: Policies,
        on_settled: OnSettled,
        conditions: Conditions | None = None,
        members: Members | None = None,
        albums: Callable[[OnComplete], Albums] = Albums,
    ) -> None:
        conditions = conditions or Conditions()
        self._store = store
        self._vault = vault
        self._policies = policies
        self._on_settled = on_settled
        self._members = members
        self.metrics = conditions.metrics
        self.alarms = conditions.alarms
        self._sleep = conditions.sleep
        self._clock = conditions.clock
        self._quotas = conditions.quotas
        self._waiting = Waiting(self._quotas)
        self.metrics.oldest_waiting.set_function(self._waiting.longest)
        self._fetching = Fetching(screener, platform, conditions)
        self.deeds = Deeds(store, platform, vault, conditions)
        self._albums = albums(self._complete)
        self._under_way: dict[str, asyncio.Task[None]] = {}

    async def start(self) -> None:
        """Go on with everything that an earlier run left unfinished."""
        self.deeds.start()
        for pending in await self._store.pending():
            self._go_on(pending, restarted=True)

    async def stop(self) -> None:
        """Stop at once. What is unfinished is on disk and is gone on with at the next start."""
        await self._albums.stop()
        for task in self._under_way.values():
            task.cancel()
        await asyncio.gather(*self._under_way.values(), return_exceptions=True)
        await self.deeds.stop()

    async def write_down(self, attachment: Attachment, update: str) -> Pending | None:
        """Write an arrived attachment down. When this returns, a crash loses nothing. What is known if it came before.

        update: the platform's delivery as JSON, to be given back to the host once the attachment is cleared.
        """
        try:
            known = await self._store.take_in(attachment, update)
        except Unavailable as error:
            self.alarms.on(Cause.DATABASE, str(error))
            raise
        self.alarms.off(Cause.DATABASE)
        if known is None:
            self.metrics.received.labels(attachment.kind).inc()
        return known

    async def take(self, attachment: Attachment, update: str) -> bool:
        """Write an arrived attachment down and begin to handle it. Answers whether it is new."""
        known = await self.write_down(attachment, update)
        self._go_on(known or Pending(attachment, (update,), None))
        return known is None

    def _go_on(self, pending: Pending, *, restarted: bool = False) -> None:
        """Handle it; one that is to be joined with others waits for them."""
        attachment = pending.attachment
        if attachment.album is not None and pending.decision is None and attachment.id not in self._under_way:
            self._albums.add(attachment, restarted=restarted)
        else:
            self._begin(pending)

    async def _complete(self, members: Sequence[Attachment]) -> None:
        """An album is complete: from here on it is one attachment. Its members are safe where they are."""
        pause = _FIRST_PAUSE
        while len(members) > 1:
            try:
                album = joined(members)
                self._begin(await self._store.join(album, album.members))
            except Exception as error:
                _log.error("an album cannot be joined, trying again", error=str(error), again_in=pause)
                await self._sleep(pause)
                pause = min(2 * pause, _LONGEST_PAUSE)
            else:
                return
        self._begin(Pending(members[0], (), None))

    def _begin(self, pending: Pending) -> None:
        attachment = pending.attachment
        if attachment.id in self._under_way:
            return
        too_much = self._waiting.add(attachment)
        if too_much:
            self.alarms.on(Cause.OVERLOAD, f"{len(self._waiting)} files wait, and more than {too_much} is too much")
        task = spawn(self._handle(pending, too_much), f"attachment {attachment.id}")
        self._under_way[attachment.id] = task
        task.add_done_callback(lambda _: self._ended(attachment))
        self.metrics.waiting.set(len(self._waiting))

    def _ended(self, attachment: Attachment) -> None:
        del self._under_way[attachment.id]
        self._waiting.remove(attachment)
        self.metrics.waiting.set(len(self._waiting))
        if len(self._waiting) < min(self._quotas.waiting, self._quotas.per_member) / 2:
            self.alarms.off(Cause.OVERLOAD)

    async def _handle(self, pending: Pending, too_much: str) -> None:
        """Judge until it succeeds or proves poisonous. What is lacking is waited for: it is safe where it is. Room for
        its bytes is waited for only so long; then it is judged without them.

        too_much: the quota that it is beyond; empty where it is within all."""
        attachment, judged = pending.attachment, None
        bind_contextvars(attachment=attachment.id, update=attachment.update)
        failures, lack, pause, began = 0, Lack(self._clock), _FIRST_PAUSE, monotonic()
        while True:
            try:
                if failures >= _POISON_TRIES:
                    await self._set_aside(attachment, failures)
                    return
                judged = judged or await self._judged(pending, too_much, began, lack)
                await self._on_settled(attachment, *judged)
            except Exception as error:
                if is_shortage(error):
                    _log.error("cannot work, waiting", error=str(error), again_in=pause)
                    self.alarms.on(cause_of(error), str(error))
                else:
                    failures += 1
                    _log.exception("handling failed", failures=failures)
                    self.metrics.errors.labels("handling").inc()
            else:
                self.alarms.off(Cause.DATABASE)
                return
            await self._sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)

    async def _set_aside(self, attachment: Attachment, failures: int) -> None:
        await self._store.set_aside(attachment.id, f"handling failed {failures} times")
        self.metrics.set_aside.inc()
        await self._on_settled(attachment, None, ())

    async def _judged(
        self, pending: Pending, too_much: str, began: float, lack: Lack
    ) -> tuple[Decision, Sequence[Report]]:
        if pending.decision is not None:
            self.deeds.wake()
            return pending.decision, ()
        attachment = pending.attachment
        lack.borne.clear()
        policy = self._policies.policy_of(attachment.place)
        sender = MEMBER if self._members is None else await self._members.standing(attachment, policy)
        policy = policy.for_newcomers() if sender.new else policy
        async with AsyncExitStack() as spools:
            if too_much:
                screened: list[Screened] = [(None, _beyond(part, too_much)) for part in attachment.parts]
            else:
                decisive = frozenset() if sender.exempt else await self._decisive(attachment.place, policy)
                wanted = spools.enter_context(self._fetching.wanted(attachment, policy.max_size, decisive))
                screened = await _all(self._screened(wanted, part, spools, lack) for part in attachment.parts)
            reports = [report for _, report in screened]
            digests = [report.sha256 for report in reports if report.sha256]
            precedents = await self._store.precedents(attachment.place, digests)
            decision = decide(attachment, reports, policy, precedents, sender)
            await self._write_down(attachment, screened, decision, policy, lack)
        self._sound(lack, screened)
        if decision.enforced and decision.action is not Action.FORWARD:
            self.deeds.wake()
        self.metrics.decided.labels(attachment.kind, decision.action, str(decision.enforced).lower()).inc()
        self.metrics.verdict_seconds.observe(monotonic() - began)
        return decision, reports

    async def _screened(self, wanted: Wanted, part: Part, spools: AsyncExitStack, lack: Lack) -> Screened:
        """Fetch and screen one part. Where room is not waited for any longer, it is not looked at. Raises OSError."""
        try:
            return await self._fetching.part(wanted, part, spools)
        except NoRoom as none:
            lack.done_without(Cause.DISK, str(none))
            return None, not_looked_at(part, rules.OVERLOADED, "no room in the spool")
        except OSError as error:
            return None, not_looked_at(part, rules.OVERLOADED, lack.bear(error))

    def _sound(self, lack: Lack, screened: Sequence[Screened]) -> None:
        """Go on with the alarm where it was judged without room, and end it where there was some."""
        for cause, why in lack.borne.items():
            self.alarms.on(cause, why)
        if Cause.DISK not in lack.borne and any(job is not None for job, _ in screened):
            self.alarms.off(Cause.DISK)

    async def _decisive(self, place: Place, policy: Policy) -> frozenset[str]:
        """The rules after one of which a part is rejected, whatever else is in it.

        None where nothing is carried out anyway, and none where moderators have released anything: the whole file's
        digest may be among it, and then it goes on.
        """
        if policy.mode is not Mode.GUARD or not policy.rejected_rules or await self._store.has_grants(place):
            return frozenset()
        return policy.rejected_rules

    async def _write_down(
        self, attachment: Attachment, screened: Sequence[Screened], decision: Decision, policy: Policy, lack: Lack
    ) -> None:
        sealed: list[SealedPart] = []
        try:
            held = decision.enforced and decision.action is Action.QUARANTINE
            not_kept = await self._keep(screened, sealed, lack) if held else ""
            reports = [report for _, report in screened]
            await self._store.decided(
                attachment,
                reports,
                decision,
                sealed,
                moderators=policy.moderators,
                policy=policy.id,
                not_kept=not_kept,
                inform=policy.inform_sender,
            )
        except Exception:
            # Nothing of the decision was kept, so nobody would ever name these items; the next try seals again.
            for part in sealed:
                await self._vault.shred(part.item)
            raise

    async def _keep(self, screened: Sequence[Screened], sealed: list[SealedPart], lack: Lack) -> str:
        """Evidence before deletion: once the message is gone nobody else has the bytes. Answers why some are not kept.

        Where the bytes never came to an end, the platform's own copy is the only evidence there is; where the vault is
        full, too, or its disk for longer than we wait: what must go is not left standing for that.
        """
        for index, (job, report) in enumerate(screened):
            if job is None or report.sha256 is None or report.size is None:
                continue
            try:
                sealed.append(SealedPart(index, await self._vault.seal(job.spool), report.sha256, report.size))
            except VaultFull as full:
                self.metrics.not_kept.inc()
                self.alarms.on(Cause.VAULT, str(full))
                return str(full)
            except OSError as error:
                why = lack.bear(NotSealed.because(error))
                self.metrics.not_kept.inc()
                return why
            self.alarms.off(Cause.VAULT)
            self.alarms.off(Cause.SEALING)
        return ""


async def _all(work: Iterable[Awaitable[T]]) -> list[T]:
    """What everything comes to, done at the same time. Raises the first error once all is over."""
    results = await asyncio.gather(*work, return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException):
            raise result
    return [result for result in results if not isinstance(result, BaseException)]


def _beyond(part: Part, quota: str) -> Report:
    return not_looked_at(part, rules.OVERLOADED, "one more", quota)
