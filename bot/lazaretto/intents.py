"""Commands that other processes wrote down for the running bot: one writer, one place that talks to the platform."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final

import structlog

from lazaretto.audit import AuditedStore
from lazaretto.deeds import Deeds
from lazaretto.model import Case
from lazaretto.pipeline import Policies
from lazaretto.ports import Unavailable, Vault
from lazaretto.state.intents import Intent
from lazaretto.tasks import spawn
from lazaretto.terms import approval_of, strikes_of

__all__ = ["CONFIRM", "ERASE", "PURGE", "RELEASE", "Intents"]

RELEASE: Final = "release"  # {case}
CONFIRM: Final = "confirm"  # {case}
PURGE: Final = "purge"  # {case}: delete its files for good
ERASE: Final = "erase"  # {subject}: forget a person

_POLL = 0.3  # seconds between looks: a person at a terminal waits for the answer
_LONGEST_REST = 300.0
"""Seconds, at most, until one that cannot be finished is tried again: twice as long each time."""

_log = structlog.get_logger("lazaretto.intents")


class Refusal(Exception):
    """The command asks for something that cannot be done; the text says why."""


class Intents:
    """Carries out intents, oldest first, until stopped."""

    def __init__(
        self,
        store: AuditedStore,
        vault: Vault,
        deeds: Deeds,
        policies: Policies,
        forgot: Callable[[], Awaitable[None]] | None = None,
        owners: Callable[[], Sequence[str]] = tuple,
    ) -> None:
        """forgot: called when somebody was erased, for what is remembered of them elsewhere. owners: ids of whoever
        counts as one person with the operator at the terminal, as they are by now."""
        self._store = store
        self._vault = vault
        self._deeds = deeds
        self._policies = policies
        self._forgot = forgot
        self._owners = owners
        self._loop: asyncio.Task[None] | None = None
        self._results: dict[int, tuple[bool, str]] = {}  # of those that were carried out, and could not be finished yet
        self._resting: dict[int, tuple[float, float]] = {}  # until when, by the loop's clock, and for how long
        self._verbs: Mapping[str, Callable[[Intent], Awaitable[str]]] = {
            RELEASE: self._release,
            CONFIRM: self._confirm,
            PURGE: self._purge,
            ERASE: self._erase,
        }

    def start(self) -> None:
        """Begin, with what was written down while nobody ran."""
        self._loop = spawn(self._run(), "intents")

    async def stop(self) -> None:
        """Stop; what is unfinished is carried out at the next start."""
        if self._loop is not None:
            self._loop.cancel()
            await asyncio.gather(self._loop, return_exceptions=True)

    async def _run(self) -> None:
        unshredded: frozenset[str] = frozenset()
        while True:
            try:
                for intent in await self._store.pending_intents():
                    await self._try(intent)
                unshredded = await self._shred_left(unshredded)
            except Exception:
                _log.exception("intents cannot be read, trying again")
            await asyncio.sleep(_POLL)

    async def _shred_left(self, known: frozenset[str]) -> frozenset[str]:
        """Shred what an erasure left: by a crash, or because it was sealed only then. Answers what cannot be, which is
        tried again at the next start, and by the next erasure."""
        left = frozenset(await self._store.to_shred())
        for item in left - known:
            try:
                await self._shred([item])
            except Exception:
                _log.exception("a file that is to go cannot be removed from the vault", item=item)
            else:
                left -= {item}
        return left

    async def _try(self, intent: Intent) -> None:
        """One that cannot be finished keeps none behind it waiting, and is tried later and later."""
        now = asyncio.get_running_loop().time()
        until, rest = self._resting.get(intent.id, (now, _POLL / 2))
        if until > now:
            return
        try:
            if intent.id not in self._results:
                self._results[intent.id] = await self._carry_out(intent)
            await self._store.finish_intent(intent.id, *self._results[intent.id])
        except Exception:
            rest = min(2 * rest, _LONGEST_REST)
            self._resting[intent.id] = now + rest, rest
            _log.exception("an intent cannot be finished, trying again", intent=intent.id, again_in=rest)
        else:
            self._results.pop(intent.id)
            self._resting.pop(intent.id, None)
        self._deeds.wake()

    async def _carry_out(self, intent: Intent) -> tuple[bool, str]:
        """Whether it went well, and what to answer. Raises Unavailable where nothing can be written now."""
        try:
            verb = self._verbs.get(intent.verb)
            if verb is None:
                raise Refusal(f"This bot does not know the command {intent.verb!r}: is it older than the terminal's?")
            return True, await verb(intent)
        except Refusal as refusal:
            return False, str(refusal)
        except Unavailable:
            raise
        except Exception as error:
            _log.exception("an intent failed", intent=intent.id, verb=intent.verb)
            return False, f"It failed ({type(error).__name__}); the bot's log says more."

    async def _case(self, intent: Intent) -> Case:
        number = intent.arguments.get("case")
        case = await self._store.case(number) if isinstance(number, int) else None
        if case is None:
            raise Refusal(f"There is no case {number}.")
        return case

    async def _release(self, intent: Intent) -> str:
        case = await self._case(intent)
        policy = self._policies.policy_of(case.attachment.place)
        approval = approval_of(policy, self._owners())
        return await self._store.release(case.id, intent.by, days=policy.release_days, approval=approval)

    async def _confirm(self, intent: Intent) -> str:
        case = await self._case(intent)
        strikes = strikes_of(self._policies.policy_of(case.attachment.place))
        return await self._store.confirm(case.id, intent.by, strikes=strikes)

    async def _purge(self, intent: Intent) -> str:
        case = await self._case(intent)
        # The files first: if we are interrupted the command is repeated, and shredding twice is no error.
        for part in case.sealed:
            await self._vault.shred(part.item)
        return await self._store.purged(case.id, intent.by)

    async def _erase(self, intent: Intent) -> str:
        subject = intent.arguments.get("subject")
        if not isinstance(subject, str):
            raise Refusal("The command names nobody.")
        erasure = await self._store.erase_subject(subject)
        await self._shred(erasure.items)
        if self._forgot is not None:
            await self._forgot()
        told = [
            f"Forgotten: {erasure.attachments} attachments, {len(erasure.cases)} cases, {len(erasure.items)} files.",
            f"Record {erasure.record} of the audit log says so.",
        ]
        if erasure.withdrawn:
            told.append(f"Given up, because nobody knows any more whose they were: {erasure.withdrawn} mutes or bans.")
        return " ".join([*told, erasure.leftover]).rstrip()

    async def _shred(self, items: Sequence[str]) -> None:
        for item in items:
            await self._vault.shred(item)
            await self._store.shredded(item)
