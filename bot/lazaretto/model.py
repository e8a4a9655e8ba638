"""What Lazaretto talks about: plain frozen data without behaviour of its own.

Ids of chats, messages and members are strings beside a platform's name, everywhere and for ever: the next platform's
ids are not numbers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from lazaretto_validators import Claim, Finding
from lazaretto_validators.inspect import Gap

__all__ = [
    "ALBUM",
    "DRILL",
    "Action",
    "Attachment",
    "Case",
    "CaseState",
    "Claim",
    "Decision",
    "Gap",
    "Measure",
    "Mode",
    "Outcome",
    "Part",
    "Person",
    "Place",
    "Reason",
    "Report",
    "SealedPart",
]


ALBUM = "album"
"""Kind of an attachment that joins the messages of one."""

DRILL = "drill"
"""Kind of an attachment that the bot posted itself, to see that everything works: it counts against nobody."""


class Action(StrEnum):
    """What is done about an attachment, mildest first."""

    FORWARD = "forward"  # goes on
    FLAG = "flag"  # goes on, a case is opened, a card is sent
    QUARANTINE = "quarantine"  # removed, bytes kept, case and card
    REJECT = "reject"  # removed, bytes not kept, audited, no card

    @property
    def rank(self) -> int:
        """0 for the mildest: of several actions the highest rank wins."""
        return list(Action).index(self)


class Mode(StrEnum):
    """How far Lazaretto goes in a group."""

    OBSERVE = "observe"  # judge and record, touch nothing
    GUARD = "guard"  # judge right after posting, remove what is bad


@dataclass(frozen=True, slots=True)
class Place:
    """A chat, and the topic in it if there is one."""

    platform: str
    chat: str
    thread: str | None = None
    private: bool = False  # a private chat's id is its member's id: personal
    channel: bool = False  # only its admins post there
    account: str | None = None  # the business account for which we act there, and whose rights we have


@dataclass(frozen=True, slots=True)
class Person:
    """Who sent, pressed or commanded. `name` and `username` are text that a stranger chose.

    language: a code such as `pt-br`, where the platform says what the person's own programs speak.
    """

    platform: str
    id: str
    name: str
    username: str | None = None
    language: str | None = None


@dataclass(frozen=True, slots=True)
class Part:
    """One file of an attachment.

    file_id: what the platform hands the bytes out for; only our own bot can use it. A `data:` URL where the message
    itself holds them, empty where they cannot be had.
    unique_id: the platform's id of the stored file, stable across posts; not a content hash.
    path: where in the platform's message the file stood, as a JSON path (`message.document`).
    message: id of the message that carries it; empty where that is the attachment's one message.
    """

    index: int
    file_id: str
    unique_id: str
    path: str
    claim: Claim
    message: str = ""


@dataclass(frozen=True, slots=True)
class Attachment:
    """What a message carries as one thing, or an album's messages together.

    id: derived from platform, chat, message and the parts' unique ids, so that a repeated delivery is recognised.
    message: of an album's the first.
    update: the platform's own id of the delivery; of an album's the first.
    album: what it has in common with other messages that it is to be joined with.
    members: ids of the attachments that were joined in this one.
    room, topic: the title of its chat, and the name of the topic in it, where the platform told them.
    reply_to: the message that it replies to, in the same chat.
    edited: it came with an edit of its message. Told once, when it is taken in, and not kept.
    """

    id: str
    place: Place
    message: str
    update: str
    sender: Person
    kind: str
    parts: tuple[Part, ...]
    posted_at: datetime
    caption: str | None = None
    album: str | None = None
    members: tuple[str, ...] = ()
    room: str | None = None
    topic: str | None = None
    reply_to: str | None = None
    edited: bool = field(default=False, compare=False)

    @property
    def ids(self) -> tuple[str, ...]:
        """The ids that its messages are known by, each by its own: an album's members, or itself."""
        return self.members or (self.id,)

    @property
    def messages(self) -> tuple[str, ...]:
        """The messages that carry it, in order."""
        return tuple(dict.fromkeys(part.message or self.message for part in self.parts)) or (self.message,)


@dataclass(frozen=True, slots=True)
class Report:
    """Everything that screening learned of one part.

    media_type: name of the detected type, None where none fits.
    size, sha256: of the bytes as they arrived; None when they did not all arrive.
    findings: at most 64, worst first; `total` counts all.
    coverage: what was not looked at, and why.
    layers: the sandbox layers that held while the bytes were parsed.
    partial: the rest was not fetched, because the decision could not change any more.
    broke_off: why downloads of it broke off, in order; the last try may have gone well.
    """

    media_type: str | None
    size: int | None
    sha256: str | None
    findings: tuple[Finding, ...] = ()
    total: int = 0
    coverage: tuple[Gap, ...] = ()
    rule_set: str = ""
    layers: tuple[str, ...] = ()
    partial: bool = False
    broke_off: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a decision was taken: a rule (of a validator, or one of policy's own), the action that the policy has for
    it, the key of the policy that said so, and the part concerned."""

    rule: str
    action: Action
    key: str
    part: int = 0


@dataclass(frozen=True, slots=True)
class Decision:
    """Policy applied to the reports. Always recorded; `enforced` tells whether it is carried out.

    reasons: worst first. Empty for a clean attachment.
    """

    action: Action
    enforced: bool
    reasons: tuple[Reason, ...] = ()

    @property
    def holds(self) -> bool:
        """Is the attachment kept from going on?"""
        return self.enforced and self.action in (Action.QUARANTINE, Action.REJECT)


@dataclass(frozen=True, slots=True)
class SealedPart:
    """A part's bytes in the vault."""

    part: int
    item: str
    sha256: str
    size: int


class Outcome(StrEnum):
    """What was done with an update that carries a file."""

    SCREENED = "screened"  # taken in, and so judged
    REPEATED = "repeated"  # its attachment was taken in before: delivered again, or edited without another file
    UNREADABLE = "unreadable"  # held as it is, because nobody can tell what it carries
    OWN = "skipped-own"  # the bot posted it itself
    MODERATORS = "skipped-moderators"  # posted in a moderators' chat
    NOT_ALLOWED = "skipped-not-allowed"  # posted where the operator does not let the bot work
    SHOWN_AGAIN = "skipped-shown-again"  # it only shows files of messages that are judged as themselves
    UNDER_A_BUTTON = "skipped-under-a-button"  # a press under a message of the bot's own


class CaseState(StrEnum):
    """Where a case is on its way through review. The legal steps are a table in the database."""

    OPEN = "open"
    RELEASE_PENDING = "release-pending"  # approved and under way, or its outcome is unknown
    RELEASED = "released"
    CONFIRMED = "confirmed"
    EXPIRED = "expired"
    APPEALED = "appealed"
    ERASED = "erased"


@dataclass(frozen=True, slots=True)
class Raid:
    """What follows a case: the same file, or more of the same member. waiting: how many of the cases are open.

    reasons: how many of those were decided for exactly these rules. Not of all, where they are very different.
    """

    cases: tuple[int, ...]
    waiting: int
    reasons: Mapping[frozenset[str], int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Measure:
    """What was done, or tried, about a case: a deed that its card tells of.

    number: the deed. kind, state: as the outbox has them. asked: what was asked for; of a mute or ban for how many
    seconds, 0 for ever. result: what came of it; of a failed one, the platform's reason. follower: the case that it is
    about, where that has no card of its own and this one's stands for it.
    """

    number: int
    kind: str
    state: str
    asked: str = ""
    result: str = ""
    follower: int | None = None


@dataclass(frozen=True, slots=True)
class Case:
    """One flagged or quarantined attachment on its way through review.

    second: its release was approved by `closed_by`, and waits for a second moderator. appealed_at: when its sender
    asked for another look. measures: the newest of each kind.
    """

    id: int
    attachment: Attachment
    state: CaseState
    action: Action
    reasons: tuple[Reason, ...]
    reports: tuple[Report, ...]
    opened_at: datetime
    removed_at: datetime | None = None
    closed_by: str | None = None
    moderators: str | None = None
    sealed: tuple[SealedPart, ...] = field(default=())
    uncertain: int | None = None  # the deed that sent it back, whose answer never came: a moderator has to look
    raid: Raid | None = None  # the cases without a card of their own that its card stands for
    second: bool = False
    appealed_at: datetime | None = None
    measures: tuple[Measure, ...] = ()
