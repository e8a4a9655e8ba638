"""Several cases decided about with one press: each as if its own card had been pressed, and told one by one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from telegram import Bot

from lazaretto.audit import AuditedStore
from lazaretto.languages import N_, Language
from lazaretto.model import Case, CaseState, Person, Place
from lazaretto.rules import all_rules
from lazaretto.telegram.authority import Right
from lazaretto.telegram.commands.cases_text import STATES
from lazaretto.telegram.commands.desk import Desk
from lazaretto.telegram.store_words import translated
from lazaretto.terms import approval_of, strikes_of
from lazaretto.text import shown

__all__ = ["CONFIRM", "RELEASE", "Bulk", "Decided"]

RELEASE, CONFIRM = "release", "confirm"
_DONE = {
    RELEASE: (CaseState.RELEASE_PENDING, CaseState.RELEASED),
    CONFIRM: (CaseState.CONFIRMED,),
}
_NONE = N_("there is no such case")
_UNCERTAIN = N_("nobody knows whether it was posted again: decide on its card")
_TWO = N_("its release needs two moderators: decide on its card")
_FAILED = N_("a fault of ours")


@dataclass(slots=True)
class Decided:
    """What came of it. left: cases that were not decided about, each with the reason, as it is told."""

    done: list[int] = field(default_factory=list)
    left: list[tuple[int, str]] = field(default_factory=list)

    def told(self, say: Language, verb: str) -> str:
        """In as few words as it takes."""
        return "\n".join(self._lines(say, verb))

    def _lines(self, say: Language, verb: str) -> Iterator[str]:
        count = len(self.done)
        if verb == RELEASE:
            yield say.many("{count} case released.", "{count} cases released.", count)
        else:
            yield say.many("{count} case confirmed as bad.", "{count} cases confirmed as bad.", count)
        if self.left:
            yield say.many("{count} was left as it is:", "{count} were left as they are:", len(self.left))
        for number, why in self.left:
            yield f"{number}: {why}"


class Bulk:
    """Decides in a person's name, as far as they may. shows: may a place be spoken of where they press?"""

    def __init__(
        self, desk: Desk, bot: Bot, store: AuditedStore, by: Person, say: Language, shows: Callable[[Place], bool]
    ) -> None:
        self._desk = desk
        self._bot = bot
        self._store = store
        self._by = by
        self._say = say
        self._shows = shows
        self._may: dict[str, str | None] = {}  # by chat, for this one press

    async def decide(self, verb: str, numbers: Sequence[int]) -> Decided:
        """One after the other, each in a transaction of its own."""
        decided = Decided()
        for number in numbers:
            try:
                why = await self._one(verb, number)
            except Exception:  # the others have been decided about, and whoever pressed has to be told
                why = self._say(_FAILED)
            if why is None:
                decided.done.append(number)
            else:
                decided.left.append((number, why))
        return decided

    async def _one(self, verb: str, number: int) -> str | None:
        """Why it was not decided about; None where it was."""
        case = await self._store.case(number)
        if case is None or not self._shows(case.attachment.place):
            return self._say(_NONE)
        if (refusal := await self._refusal(case)) is not None:
            await self._store.refused_press(number, self._by, verb, refusal)
            return self._say(_NONE)
        if (why := self._unfit(verb, case)) is not None:
            return why
        policy = self._desk.policies.policy_of(case.attachment.place)
        if verb == RELEASE:
            owners = self._desk.policies.configuration.settings.owners
            approval = approval_of(policy, owners)
            said = await self._store.release(number, self._by, days=policy.release_days, approval=approval)
        else:
            said = await self._store.confirm(number, self._by, strikes=strikes_of(policy))
        after = await self._store.case(number)
        if after is not None and after.state in _DONE[verb]:
            return None
        return shown(translated(self._say, said), 120)

    async def _refusal(self, case: Case) -> str | None:
        chat = case.attachment.place.chat
        if chat not in self._may:
            user = int(self._by.id)
            self._may[chat] = await self._desk.authority.refusal(self._bot, chat, user, Right.REVIEW)
        return self._may[chat]

    def _unfit(self, verb: str, case: Case) -> str | None:
        """Why this case is not for several at once. A second approval is given with the case before one's eyes."""
        if case.uncertain is not None:
            return self._say(_UNCERTAIN)
        if verb == RELEASE and (case.second or self._needs_two(case)):
            return self._say(_TWO)
        if case.state not in (CaseState.OPEN, CaseState.APPEALED) and not case.second:
            return self._say(STATES[case.state])
        return None

    def _needs_two(self, case: Case) -> bool:
        known, two = all_rules(), self._desk.policies.policy_of(case.attachment.place).two_person
        return any(reason.rule in known and known[reason.rule].category in two for reason in case.reasons)
