"""The four things that the pipeline needs from outside. Whoever offers them may live anywhere."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from lazaretto.model import Attachment, Case, Claim, Decision, Part, Person, Place, Report, SealedPart

__all__ = [
    "MEMBER",
    "NO_STRIKES",
    "ONE",
    "Approval",
    "Deed",
    "DeedKind",
    "FetchFailed",
    "Job",
    "Later",
    "NotAllowed",
    "NotFetchable",
    "NotThere",
    "Pending",
    "Platform",
    "Precedents",
    "Refused",
    "Screener",
    "Standing",
    "Store",
    "Strikes",
    "TooDeep",
    "Unavailable",
    "Unreachable",
    "Unsure",
    "Vault",
    "VaultFull",
]


# ── Screener ──────────────────────────────────────────────────────────────────────────────────────────────────────


class Job(Protocol):
    """One part being screened while it arrives. Its spooled bytes exist until the context that made it is left."""

    @property
    def spool(self) -> Path:
        """The file that the bytes are written to; only to be read by others after `finish`."""

    @property
    def decided(self) -> bool:
        """Was a decisive rule broken? Then the rest needs not be fed: `finish` answers a partial report."""

    async def feed(self, chunk: bytes) -> None:
        """Write the next bytes to the spool, hash them, tell the worker. Raises OSError when the disk is full."""

    async def finish(self) -> Report:
        """All bytes were fed. Never raises for a worker's death: that is a finding."""

    async def abort(self) -> Report:
        """The bytes broke off: a report with `unscannable.incomplete`."""


class Screener(Protocol):
    """Judges bytes and claims in a process that cannot hurt us."""

    def open(self, claim: Claim, decisive: frozenset[str] = frozenset()) -> AbstractAsyncContextManager[Job]:
        """A job for one part. Waits for a free place; leaving the context frees it and removes the spool.

        decisive: ids of rules after one of which nobody needs the rest of the file.
        """

    async def screen_file(self, path: Path, claim: Claim) -> Report:
        """Screen a file that is already on disk. Raises OSError when it cannot be read."""


# ── Platform ──────────────────────────────────────────────────────────────────────────────────────────────────────


class FetchFailed(Exception):
    """The download broke off or could not be begun; trying again may help."""


class NotFetchable(Exception):
    """The platform will never hand this file out to us."""


class TooDeep(NotFetchable):
    """It stands deeper in its message than anything that the platform's members can make, and we do not look there."""


class Refused(Exception):
    """The platform said no, for good: nothing was done. The text is the platform's reason."""


class NotAllowed(Refused):
    """The platform said no because we lack the right there: it will say so to whatever we ask next."""


class NotThere(NotAllowed):
    """The platform said no because we are not in that chat any more, or it is another one now."""


class Gone(Refused):
    """The platform said no because what was to be changed is not there any more."""


class Unsure(Exception):
    """The request left us and no answer came: it may have been done."""


class Later(Exception):
    """The platform asks us to come again after `seconds`; nothing was done."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"again in {seconds} s")
        self.seconds = seconds


class Unreachable(Later):
    """The platform could not be reached, whatever it would have been asked about; nothing was done."""


class Unavailable(Exception):
    """The store can neither be read nor written now (the disk is full or failed): nothing was kept of this call, and it
    may work later."""


class Platform(Protocol):
    """The chat platform. Every method that changes something raises Refused, Unsure or Later."""

    def fetch(self, part: Part) -> AsyncIterator[bytes]:
        """The bytes of a part, in pieces. Raises FetchFailed or NotFetchable."""

    async def remove(self, place: Place, messages: Sequence[str]) -> bool:
        """Take messages out of their chat, all of them. One that is already gone counts as removed; answers False where
        all of them were, as far as the platform tells."""

    async def publish(self, case: Case, sender: Person, files: Sequence[Path]) -> str:
        """Put a released attachment back, with its sender's name and caption. Answers the first new message's id.

        files: the parts' bytes, for when the platform's own copy cannot be sent again.
        """

    async def notify(self, case: Case, sender: Person | None, head: str, *, repeated: bool) -> str:
        """Show a case's card in its moderators' chat. Answers the card's message id.

        head: `SEQ:HASH` of the audit log, printed on the card. repeated: it may have been shown before.
        """

    async def update_card(self, case: Case, sender: Person | None, card: str, head: str, note: str) -> None:
        """Bring a shown card up to date with its case; `note` says what happened last, in one line."""

    async def mute(self, place: Place, member: Person, seconds: int) -> str:
        """Keep somebody from writing in a chat; 0 for ever. Answers until when (RFC 3339), empty for ever."""

    async def ban(self, place: Place, member: Person, seconds: int) -> str:
        """Throw somebody out of a chat, and keep them out; 0 for ever. Answers as `mute`."""

    async def tell(self, case: Case, sender: Person, *, repeated: bool) -> str:
        """Tell the sender in private how their case stands. Answers the message's id. repeated: as for `notify`."""


# ── Store ─────────────────────────────────────────────────────────────────────────────────────────────────────────


class DeedKind(StrEnum):
    """Something done to the platform. Written down before it is tried."""

    REMOVE = "remove"
    CARD = "card"
    PUBLISH = "publish"
    UPDATE_CARD = "update-card"
    MUTE = "mute"
    BAN = "ban"
    TELL = "tell"


@dataclass(frozen=True, slots=True)
class Deed:
    """One row of the outbox: intended -> attempted -> done | failed | unknown.

    attempted: an earlier try left no result, so it may have been done.
    note: for UPDATE_CARD, the line to show; for MUTE and BAN, for how many seconds.
    room: the chat that it is done in; of a private chat its member's subject.
    origin: the chat that it is about, likewise.
    requests: how many the platform will be sent for it; an album is removed message by message.
    """

    id: int
    kind: DeedKind
    attachment: str
    case: int | None
    attempted: bool
    note: str = ""
    room: str = ""
    requests: int = 1
    origin: str = ""


@dataclass(frozen=True, slots=True)
class Pending:
    """An attachment that was taken in and is not finished. `decision` is None until it was judged.

    updates: the platform's deliveries as JSON, one for each message; none once it is finished.
    """

    attachment: Attachment
    updates: tuple[str, ...]
    decision: Decision | None


@dataclass(frozen=True, slots=True)
class Precedents:
    """What the moderators of a chat decided before about the same bytes.

    confirmed: digests confirmed as bad. granted: (digest, claimed risk class) pairs that were released and are valid.
    """

    confirmed: frozenset[str] = frozenset()
    granted: frozenset[tuple[str, str]] = frozenset()


@dataclass(frozen=True, slots=True)
class Standing:
    """What is particular about a sender, by the policy of the chat. new: stricter rules hold. exempt: nothing that they
    post is removed."""

    new: bool = False
    exempt: bool = False


MEMBER = Standing()
"""Nothing is particular."""


@dataclass(frozen=True, slots=True)
class Approval:
    """Whose word a release needs.

    two: the categories of findings for which two people have to approve. owners: ids of those who count as one
    person, because they answer to each other and not to the group.
    """

    two: frozenset[str] = frozenset()
    owners: frozenset[str] = frozenset()


ONE = Approval()
"""One moderator's is enough."""


@dataclass(frozen=True, slots=True)
class Strikes:
    """What confirmed cases come to for their sender. limit: so many of them within a time lead to the deed, a mute or a
    ban for so many seconds, 0 for ever; a limit of 0, and none do."""

    limit: int = 0
    within: timedelta = timedelta(days=30)
    kind: DeedKind = DeedKind.MUTE
    seconds: int = 0


NO_STRIKES = Strikes()
"""None have a consequence."""


class Store(Protocol):
    """What is remembered. Every method is one transaction, the audit records of what it did included."""

    async def take_in(self, attachment: Attachment, update: str) -> Pending | None:
        """Write an arrived attachment and its update (JSON) down, durably. What is known of it if it came before: of
        a message that was joined to an album, the album."""

    async def join(self, album: Attachment, members: Sequence[str]) -> Pending:
        """From now on `album` stands for these attachments, which were taken in one by one. May be repeated."""

    async def known(self, ids: Sequence[str]) -> Mapping[str, bool]:
        """Those of these attachments that were taken in at any time, each with whether it is held."""

    async def pending(self) -> Sequence[Pending]:
        """Everything taken in and not finished, oldest first: what a restart goes on with."""

    async def precedents(self, place: Place, digests: Sequence[str]) -> Precedents:
        """Earlier decisions of this chat's moderators about these digests."""

    async def has_grants(self, place: Place) -> bool:
        """Is anything that this chat's moderators released still valid?"""

    async def decided(
        self,
        attachment: Attachment,
        reports: Sequence[Report],
        decision: Decision,
        sealed: Sequence[SealedPart],
        *,
        moderators: str | None,
        policy: str,
        not_kept: str = "",
        inform: bool = False,
    ) -> Case | None:
        """Record reports and decision; if enforced, open the case and intend the deeds, all at once. Idempotent.

        policy: id of the policy that decided. moderators: the chat that cards go to. not_kept: why bytes that should be
        in `sealed` are not. inform: the sender is told, where something of theirs is held.
        """

    async def finished(self, attachment: str) -> None:
        """The attachment went on, or was taken out: nothing is left to do for it, its update may be forgotten."""

    async def set_aside(self, attachment: str, why: str) -> None:
        """Handling it failed by a fault of ours: held, audited, not tried again by itself."""

    async def due(self) -> Sequence[Deed]:
        """Deeds to be done now, removals first, then chat by chat in turn; of each chat the oldest first. Not all of
        them, where there are very many."""

    async def attempting(self, deed: Deed) -> None:
        """About to ask the platform."""

    async def done(self, deed: Deed, result: str | None = None) -> None:
        """The platform did it. `result`: the new message's id, if there is one. A publication releases its case."""

    async def failed(self, deed: Deed, why: str, *, gone: bool = False) -> str:
        """The platform refused for good. A publication's case is open again. Answers why, without names.

        gone: the card that was to be brought up to date was deleted. Another one is shown while anything waits.
        """

    async def unsure(self, deed: Deed, why: str) -> None:
        """Nobody knows whether it was done. A publication's case waits, and its moderators are asked."""

    async def postpone(self, deed: Deed, seconds: float) -> None:
        """Not before so many seconds from now."""

    async def attachment(self, attachment: str) -> Attachment | None:
        """An attachment by its id; None when there is none. After erasure its sender is empty."""

    async def case(self, number: int) -> Case | None:
        """A case with all that its card shows."""

    async def sender_of(self, case: Case) -> Person | None:
        """Who posted it; None after erasure."""

    async def card_of(self, case: Case) -> str | None:
        """Message id of the case's card."""

    async def release(
        self, number: int, by: Person, *, days: int, again: int | None = None, approval: Approval = ONE
    ) -> str:
        """Approve a case's release: grants, and the deed that publishes it. Answers what happened, in one sentence.

        again: the publication of unknown outcome after which it is sent once more; it is not without.
        Repeating it changes nothing. A flagged case is released at once: its attachment never left.
        """

    async def confirm(self, number: int, by: Person, *, strikes: Strikes = NO_STRIKES) -> str:
        """Confirm a case as bad: its digests are blocked in its chat, and what is still posted is removed. It counts
        against its sender."""

    async def release_all(self, number: int, by: Person, *, newest: int, days: int, approval: Approval = ONE) -> str:
        """Approve the release of a case and of all open ones that follow it, up to the newest of which the presser was
        told."""

    async def confirm_all(self, number: int, by: Person, *, newest: int, strikes: Strikes = NO_STRIKES) -> str:
        """Confirm a case and all open ones that follow it as bad, up to the newest of which the presser was told."""

    async def is_back(self, number: int, by: Person) -> str:
        """A moderator saw that a publication of unknown outcome did come through: the case is released."""

    async def refused_press(self, number: int, by: Person, verb: str, why: str) -> None:
        """Somebody pressed a button without the right to."""

    async def head(self) -> str:
        """`SEQ:HASH` of the newest audit record."""


# ── Vault ─────────────────────────────────────────────────────────────────────────────────────────────────────────


class VaultFull(Exception):
    """All the room that the vault may take up is taken."""


class Vault(Protocol):
    """Where quarantined files lie, encrypted."""

    async def seal(self, path: Path) -> str:
        """Encrypt a file into the vault, durably. Answers the item's id. Raises VaultFull, and OSError where the disk
        has no room."""

    def unsealed(self, item: str) -> AbstractAsyncContextManager[Path]:
        """The item decrypted into a private temporary file, which goes when the context is left."""

    async def shred(self, item: str) -> None:
        """Remove an item for good. One that is gone already is no error."""
