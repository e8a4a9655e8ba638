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
from typing import NamedTuple, Protocol, TypeVar

import structlog

from lazaretto import rules
from lazaretto.albums import Albums, OnComplete, joined
from lazaretto.backoff import Backoff
from lazaretto.deeds import Deeds
from lazaretto.metrics import Metrics
from lazaretto.model import Action, Attachment, Decision, Mode, Part, Place, Report, SealedPart
from lazaretto.pace import Pacer
from lazaretto.policy import Policy, decide
from lazaretto.ports import (
    FetchFailed,
    Job,
    NotFetchable,
    Pending,
    Platform,
    Screener,
    Store,
    TooDeep,
    Unavailable,
    Vault,
)
from lazaretto.tasks import spawn
from lazaretto_validators import Rule, judge_claims, unscannable

__all__ = ["OnSettled", "Pipeline", "Policies"]

_FETCH_TRIES = 3
_POISON_TRIES = 3
_FIRST_PAUSE = 0.5  # seconds before the second try; doubled each time
_LONGEST_PAUSE = 30.0
# A download holds a worker. One that neither ends nor breaks off would hold it for ever, and a few of them all workers.
_LONGEST_FETCH = 300.0  # seconds, of which the platform may take 120 before the first byte, more for large files
_SLOWEST = 128 * 1024  # bytes per second that large files get more time for
_log = structlog.get_logger("lazaretto.pipeline")

T = TypeVar("T")

OnSettled = Callable[[Attachment, Decision | None, Sequence[Report]], Awaitable[None]]
"""Told of every attachment that is decided. No decision: handling it failed, it is held."""


class Policies(Protocol):
    """Where the policy of a chat comes from."""

    def policy_of(self, place: Place) -> Policy:
        """The effective policy of a chat, now."""


class _TooMuch(Exception):
    """More bytes came than the policy allows."""


class _Judging(NamedTuple):
    """What holds for all parts of an attachment. decisive: rules after one of which nobody needs the rest of a part."""

    attachment: Attachment
    policy: Policy
    decisive: frozenset[str]


class Pipeline:
    """Handles attachments, each in a task of its own; how many are screened at once is the screener's business."""

    def __init__(
        self,
        screener: Screener,
        platform: Platform,
        store: Store,
        vault: Vault,
        policies: Policies,
        on_settled: OnSettled,
        metrics: Metrics | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        albums: Callable[[OnComplete], Albums] = Albums,
        pacer: Pacer | None = None,
    ) -> None:
        self._screener = screener
        self._platform = platform
        self._store = store
        self._vault = vault
        self._policies = policies
        self._on_settled = on_settled
        self.metrics = metrics or Metrics()
        self._sleep = sleep
        self._backoff = Backoff()
        self.deeds = Deeds(store, platform, vault, self.metrics, sleep, pacer)
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
        known = await self._store.take_in(attachment, update)
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
        name = pending.attachment.id
        if name not in self._under_way:
            task = spawn(self._handle(pending), f"attachment {name}")
            self._under_way[name] = task
            task.add_done_callback(lambda _: self._ended(name))
            self.metrics.waiting.set(len(self._under_way))

    def _ended(self, name: str) -> None:
        del self._under_way[name]
        self.metrics.waiting.set(len(self._under_way))

    async def _handle(self, pending: Pending) -> None:
        """Judge until it succeeds or proves poisonous. Room is waited for: the attachment is safe where it is."""
        attachment, judged = pending.attachment, None
        failures, pause = 0, _FIRST_PAUSE
        while True:
            try:
                if failures >= _POISON_TRIES:
                    await self._set_aside(attachment, failures)
                    return
                judged = judged or await self._judged(pending)
                await self._on_settled(attachment, *judged)
            except Exception as error:
                if _is_shortage(error):
                    _log.error("cannot work, waiting", attachment=attachment.id, error=str(error), again_in=pause)
                else:
                    failures += 1
                    _log.exception("handling failed", attachment=attachment.id, failures=failures)
            else:
                return
            await self._sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)

    async def _set_aside(self, attachment: Attachment, failures: int) -> None:
        await self._store.set_aside(attachment.id, f"handling failed {failures} times")
        self.metrics.set_aside.inc()
        await self._on_settled(attachment, None, ())

    async def _judged(self, pending: Pending) -> tuple[Decision, Sequence[Report]]:
        if pending.decision is not None:
            self.deeds.wake()
            return pending.decision, ()
        attachment, began = pending.attachment, monotonic()
        policy = self._policies.policy_of(attachment.place)
        async with AsyncExitStack() as spools:
            judging = _Judging(attachment, policy, await self._decisive(attachment.place, policy))
            screened = await _all(self._screen(judging, part, spools) for part in attachment.parts)
            reports = [report for _, report in screened]
            digests = [report.sha256 for report in reports if report.sha256]
            decision = decide(attachment, reports, policy, await self._store.precedents(attachment.place, digests))
            await self._write_down(attachment, screened, decision, policy)
        self.deeds.wake()
        self.metrics.decided.labels(decision.action, str(decision.enforced).lower()).inc()
        self.metrics.verdict_seconds.observe(monotonic() - began)
        return decision, reports

    async def _decisive(self, place: Place, policy: Policy) -> frozenset[str]:
        """The rules after one of which a part is rejected, whatever else is in it.

        None where nothing is carried out anyway, and none where moderators have released anything: the whole file's
        digest may be among it, and then it goes on.
        """
        if policy.mode is not Mode.GUARD or not policy.rejected_rules or await self._store.has_grants(place):
            return frozenset()
        return policy.rejected_rules

    async def _screen(self, judging: _Judging, part: Part, spools: AsyncExitStack) -> tuple[Job | None, Report]:
        """Fetch and screen one part. The last job stays open in `spools`, because its bytes may be wanted."""
        attachment, policy, decisive = judging
        if (part.claim.size or 0) > policy.max_size:
            return None, _not_looked_at(part, rules.TOO_LARGE, part.claim.size, policy.max_size)
        pause = _FIRST_PAUSE
        for attempt in range(1, _FETCH_TRIES + 1):
            async with AsyncExitStack() as this_try:
                job = await this_try.enter_async_context(self._screener.open(part.claim, decisive))
                if left := self._backoff.left(attachment):  # asked only now: others may have crashed while it waited
                    return None, _not_looked_at(part, rules.BACKED_OFF, f"{left:.0f} s to go")
                try:
                    report = await self._stream(part, job, policy.max_size)
                except FetchFailed as failure:
                    self.metrics.fetch_failures.inc()
                    _log.warning("download broke off", attempt=attempt, why=str(failure))
                    report = await job.abort()
                    # A worker that crashed over what came is not given the same again.
                    if not self._crashed(attachment, report) and attempt < _FETCH_TRIES:
                        await self._sleep(pause)
                        pause *= 2
                        continue
                except _TooMuch as more:
                    self._crashed(attachment, await job.abort())
                    return None, _not_looked_at(part, rules.TOO_LARGE, str(more), policy.max_size)
                except NotFetchable as refusal:
                    self._crashed(attachment, await job.abort())
                    rule = unscannable.BUDGET if isinstance(refusal, TooDeep) else rules.NOT_FETCHABLE
                    return None, _not_looked_at(part, rule, refusal)
                except OSError:  # no room for the bytes: they come again, and a worker may have crashed over these
                    self._crashed(attachment, await job.abort())
                    raise
                else:
                    self._crashed(attachment, report)
                spools.push_async_exit(this_try.pop_all())
                return job, report
        raise AssertionError("the last try always answers")

    def _crashed(self, attachment: Attachment, report: Report) -> bool:
        """Did a worker crash over it? Then its sender waits."""
        if not any(finding.rule == rules.CRASHED.id for finding in report.findings):
            return False
        waits = self._backoff.crashed(attachment)
        _log.error("a file crashed the check", attachment=attachment.id, sender_waits=waits)
        return True

    async def _stream(self, part: Part, job: Job, most: int) -> Report:
        received, longest = 0, _LONGEST_FETCH + most / _SLOWEST
        try:
            async with asyncio.timeout(longest):
                async for chunk in self._platform.fetch(part):
                    received += len(chunk)
                    if received > most:  # counted on what came, never on what was declared
                        raise _TooMuch(f"more than {most}")
                    await job.feed(chunk)
                    if job.decided:
                        break
        except TimeoutError:
            raise FetchFailed(f"{received} bytes came in {longest:.0f} s") from None
        return await job.finish()

    async def _write_down(
        self, attachment: Attachment, screened: Sequence[tuple[Job | None, Report]], decision: Decision, policy: Policy
    ) -> None:
        sealed: list[SealedPart] = []
        try:
            if decision.enforced and decision.action is Action.QUARANTINE:
                # Evidence before deletion: once the message is gone nobody else has the bytes.
                for index, (job, report) in enumerate(screened):
                    sealed += await self._seal(index, job, report)
            reports = [report for _, report in screened]
            await self._store.decided(
                attachment, reports, decision, sealed, moderators=policy.moderators, policy=policy.id
            )
        except Exception:
            # Nothing of the decision was kept, so nobody would ever name these items; the next try seals again.
            for part in sealed:
                await self._vault.shred(part.item)
            raise

    async def _seal(self, index: int, job: Job | None, report: Report) -> list[SealedPart]:
        if job is None or report.sha256 is None or report.size is None:
            return []  # the bytes never came to an end: the platform's own copy is the only evidence there is
        return [SealedPart(index, await self._vault.seal(job.spool), report.sha256, report.size)]


async def _all(work: Iterable[Awaitable[T]]) -> list[T]:
    """What everything comes to, done at the same time. Raises the first error once all is over."""
    results = await asyncio.gather(*work, return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException):
            raise result
    return [result for result in results if not isinstance(result, BaseException)]


def _is_shortage(error: Exception) -> bool:
    """Does the disk or the system lack something, so that waiting helps and the attachment is not to blame?"""
    if isinstance(error, TimeoutError | ConnectionError):
        return False  # system errors by name only: no file and no database gives these
    return isinstance(error, OSError | Unavailable)


def _not_looked_at(part: Part, rule: Rule, seen: object, allowed: object = "") -> Report:
    """The report of a part whose bytes we do not have: only its claims can be judged."""
    findings = (rule.found(at=None, seen=seen, allowed=allowed), *judge_claims(part.claim, None))
    return Report(None, None, None, findings, len(findings), partial=True)
