"""A part's bytes stream into the spool and, at the same time, through a screening worker; what cannot be had is said.

Chats and their members take turns at it. A download that breaks off is tried again; one that is too large, or that the
platform will never hand out, leaves a report that says so and is judged by its claims alone.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass, replace

import structlog

from lazaretto import rules
from lazaretto.alarms import Cause
from lazaretto.backoff import Backoff
from lazaretto.conditions import Conditions
from lazaretto.model import Attachment, Part, Report
from lazaretto.ports import FetchFailed, Job, NotFetchable, Platform, Screener, TooDeep
from lazaretto.text import shown
from lazaretto.turns import NoRoom, Stay, Turns
from lazaretto_validators import Rule, judge_claims, unscannable

__all__ = ["Fetching", "Wanted", "not_looked_at"]

_TRIES = 3
_FIRST_PAUSE = 0.5  # seconds before the second try; doubled each time
# A download holds a worker. One that neither ends nor breaks off would hold it for ever, and a few of them all workers.
_LONGEST = 300.0  # seconds, of which the platform may take 120 before the first byte, more for large files
_SLOWEST = 128 * 1024  # bytes per second that large files get more time for
_WHY = 200  # characters of a reason that are kept
_log = structlog.get_logger("lazaretto.fetching")


_Outcome = tuple[Job | None, Report]


class _TooMuch(Exception):
    """More bytes came than are allowed."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What holds for all parts of an attachment. most: bytes that a part may have. decisive: rules after one of which
    nobody needs the rest of a part. stay: its places and its room."""

    attachment: Attachment
    most: int
    decisive: frozenset[str]
    stay: Stay


class Fetching:
    """Fetches and screens parts, as many at once as the quotas allow."""

    def __init__(
        self,
        screener: Screener,
        platform: Platform,
        conditions: Conditions,
    ) -> None:
        self._screener = screener
        self._platform = platform
        self._metrics = conditions.metrics
        self._alarms = conditions.alarms
        self._sleep = conditions.sleep
        self._quotas = conditions.quotas
        self._turns = Turns(self._quotas.at_once, self._quotas.spool)
        self._backoff = Backoff()

    @contextmanager
    def wanted(self, attachment: Attachment, most: int, decisive: frozenset[str]) -> Iterator[Wanted]:
        """What all its parts are fetched with. Their room is theirs until this context is left."""
        most = min(most, self._quotas.spool)
        rooms = _rooms(attachment, most, self._quotas.spool)
        with self._turns.stay(attachment.place.chat, attachment.sender.id, rooms) as stay:
            yield Wanted(attachment, most, decisive, stay)

    async def part(self, wanted: Wanted, part: Part, spools: AsyncExitStack) -> _Outcome:
        """Fetch and screen one part. A job that has all the bytes stays open in `spools`, because they may be wanted.

        Raises OSError when there is no room for the bytes on the disk, and NoRoom when the spool had none for so long
        that it is not waited for any longer.
        """
        if (part.claim.size or 0) > wanted.most:
            return None, not_looked_at(part, rules.TOO_LARGE, part.claim.size, wanted.most)
        if part.index not in wanted.stay.rooms:
            return None, not_looked_at(part, rules.OVERLOADED, "all files together", f"{self._quotas.spool} bytes")
        pause = _FIRST_PAUSE
        broke_off: list[str] = []
        for attempt in range(1, _TRIES + 1):
            async with self._turns.turn(wanted.stay):
                outcome = await self._try(wanted, part, spools, broke_off, last=attempt == _TRIES)
            if outcome is not None:
                job, report = outcome
                return job, replace(report, broke_off=tuple(broke_off))
            await self._sleep(pause)  # others have their turn meanwhile
            pause *= 2
        raise AssertionError("the last try always answers")

    async def _try(
        self, wanted: Wanted, part: Part, spools: AsyncExitStack, broke_off: list[str], *, last: bool
    ) -> _Outcome | None:
        """None where the download broke off and may be tried again. broke_off: one more where it does, and why."""
        attachment = wanted.attachment
        async with AsyncExitStack() as this_try:
            job = await this_try.enter_async_context(self._screener.open(part.claim, wanted.decisive))
            if left := self._backoff.left(attachment):  # asked only now: others may have crashed while it waited
                return None, not_looked_at(part, rules.BACKED_OFF, f"{left:.0f} s to go")
            try:
                await self._stream(wanted, part, job)
            except FetchFailed as failure:
                self._metrics.fetch_failures.inc()
                broke_off.append(shown(str(failure), _WHY))
                _log.warning("download broke off", why=str(failure))
                report = await job.abort()
                # A worker that crashed over what came is not given the same again.
                if not self._crashed(attachment, report) and not last:
                    return None
            except _TooMuch as more:
                self._crashed(attachment, await job.abort())
                return None, not_looked_at(part, rules.TOO_LARGE, str(more), wanted.most)
            except NotFetchable as refusal:
                self._crashed(attachment, await job.abort())
                rule = unscannable.BUDGET if isinstance(refusal, TooDeep) else rules.NOT_FETCHABLE
                return None, not_looked_at(part, rule, refusal)
            except (OSError, NoRoom):  # the bytes may come again, and a worker may have crashed over these
                self._crashed(attachment, await job.abort())
                raise
            else:
                report = await job.finish()  # not above: what it lacks is waited for, and nothing is left to abort
                self._crashed(attachment, report)
                self._sound(report)
            if report.sha256 is None:  # nobody wants half a file, and others want its room
                return None, report
            spools.push_async_callback(_let_go, this_try.pop_all())
            return job, report

    def _sound(self, report: Report) -> None:
        """Raise the alarm where no process could look, and end it where one did."""
        failed = next((finding for finding in report.findings if finding.rule == rules.WORKER.id), None)
        if failed is not None:
            self._alarms.on(Cause.SANDBOX, failed.seen)
        else:
            self._alarms.off(Cause.SANDBOX)

    def _crashed(self, attachment: Attachment, report: Report) -> bool:
        """Did a worker crash over it? Then its sender waits."""
        if not any(finding.rule == rules.CRASHED.id for finding in report.findings):
            return False
        waits = self._backoff.crashed(attachment)
        _log.error("a file crashed the check", sender_waits=waits)
        return True

    async def _stream(self, wanted: Wanted, part: Part, job: Job) -> None:
        received, most, stay = 0, wanted.most, wanted.stay
        # Where all that are fetched at once share such a line, this one has its share of it.
        longest = _LONGEST + (part.claim.size or most) * self._quotas.at_once / _SLOWEST
        try:
            async with asyncio.timeout(longest):
                async for chunk in self._platform.fetch(part):
                    received += len(chunk)
                    if received > most:  # counted on what came, never on what was declared
                        raise _TooMuch(f"more than {most}")
                    if received > stay.rooms[part.index]:
                        self._turns.grow(stay, part.index, received)
                    await job.feed(chunk)
                    if job.decided:
                        break
        except TimeoutError:
            raise FetchFailed(f"{received} bytes came in {longest:.0f} s") from None


def _rooms(attachment: Attachment, most: int, spool: int) -> Mapping[int, int]:
    """Bytes to set aside for each part, by its index. Those for which there never is room beside the others are left
    out. A claim may be wrong: more is asked for as it comes."""
    rooms: dict[int, int] = {}
    left = spool
    for part in attachment.parts:
        claimed = part.claim.size
        # Telegram nearly always tells the size; a tenth, because an album has ten files at most.
        room = min(most, spool // 10) if claimed is None else max(claimed, 0)
        if room > most:
            room = 0  # it is too large, and never fetched
        if room <= left:
            rooms[part.index] = room
            left -= room
    return rooms


async def _let_go(job: AsyncExitStack) -> None:
    """End a job whose report is there. What was decided by then stays decided, whatever goes wrong here."""
    try:
        await job.aclose()
    except Exception:
        _log.exception("a file that was looked at cannot be closed")


def not_looked_at(part: Part, rule: Rule, seen: object, allowed: object = "") -> Report:
    """The report of a part whose bytes we do not have: only its claims can be judged."""
    findings = (rule.found(at=None, seen=seen, allowed=allowed), *judge_claims(part.claim, None))
    return Report(None, None, None, findings, len(findings), partial=True)
