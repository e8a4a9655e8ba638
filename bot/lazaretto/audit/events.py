"""What the audit log records: the events, the fields of a record, and what each event says in `data`.

Published as `docs/audit-events.schema.json`; a test holds the two together. Within version 1 events and optional
fields may be added, nothing is renamed or removed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

__all__ = ["DATA", "FIELDS", "VERSION", "Event", "Fields"]

VERSION = 1

FIELDS = ("v", "seq", "time", "event", "chat", "case", "attachment", "subject", "rules", "data", "prev")
"""Every record has exactly these. chat: `PLATFORM:CHAT`, null for private chats. subject: the random id of the person
whose doing it is: the sender, or who pressed or commanded. rules: ids. prev: SHA-256 of the record before."""


class Event(StrEnum):
    """What happened."""

    STARTED = "started"  # the bot runs
    STOPPED = "stopped"  # the bot was stopped in good order
    RESTORED = "restored"  # the state was put back from a backup
    GAP = "gap"  # what was posted in this time may not have been seen
    CLOCK_SET = "clock-set"  # the clock was set while the bot ran, or the machine slept
    ALARM = "alarm"  # the owners were told that the bot has gone blind, or sees again
    COVERAGE = "coverage"  # how many updates with files came, and what was done with them
    RECEIVED = "received"  # an attachment was taken in
    JOINED = "joined"  # the messages of an album are one attachment from here on
    SCREENED = "screened"  # its parts were looked at
    DECIDED = "decided"  # policy was applied to the reports
    FINISHED = "finished"  # nothing is left to do for it
    SET_ASIDE = "set-aside"  # handling it failed by a fault of ours
    OPENED = "opened"  # a case was opened
    ATTEMPTED = "attempted"  # the platform was about to be asked
    DONE = "done"  # the platform did it
    FAILED = "failed"  # the platform refused for good
    UNKNOWN = "unknown"  # nobody knows whether it was done
    POSTPONED = "postponed"  # nothing was done: the platform asked for time, or could not be reached; the first time
    APPROVED = "approved"  # a moderator approved a release
    RELEASED = "released"
    REOPENED = "reopened"  # a release did not come about
    CONFIRMED = "confirmed"
    FIRST_APPROVAL = "first-approval"  # a moderator approved a release that needs two
    APPEALED = "appealed"  # the sender asks for another look
    PENALTY = "penalty"  # a sender is to be muted or banned
    REPORTED_BACK = "reported-back"  # a moderator has the sender told how their case stands
    REFUSED_PRESS = "refused-press"  # somebody pressed a button without the right to
    DRILL = "drill"  # somebody had the whole path tried with the test file
    ERASED = "erased"  # a person's data was deleted
    EXPIRED = "expired"  # nobody decided about a case in its time
    PURGED = "purged"  # files, personal fields or records were deleted, because their time was over
    POLICY_CHANGED = "policy-changed"  # an operator's file was read anew
    SETTING_CHANGED = "setting-changed"  # a chat's admin set or unset a policy key
    CHAT_MOVED = "chat-moved"  # a group became a supergroup, which has another id
    WEEKLY_REPORT = "weekly-report"  # a chat's moderators are sent the figures of a week, or more
    INTENT_FINISHED = "intent-finished"  # a command was carried out, or not
    UPDATE_UNREADABLE = "update-unreadable"  # the library cannot read it: it is judged without it, no handler sees it
    UPDATE_SET_ASIDE = "update-set-aside"  # nobody could read or keep it: it is held as it came


@dataclass(frozen=True, slots=True)
class Fields:
    """The keys of an event's `data`."""

    required: frozenset[str]
    optional: frozenset[str] = frozenset()


def _fields(required: str = "", optional: str = "") -> Fields:
    return Fields(frozenset(required.split()), frozenset(optional.split()))


_DEED = "deed kind"

DATA: Mapping[Event, Fields] = MappingProxyType(
    {
        Event.STARTED: _fields("version"),
        Event.STOPPED: _fields(),
        Event.RESTORED: _fields("made_at head"),
        Event.GAP: _fields("since until"),
        Event.CLOCK_SET: _fields("by"),
        Event.ALARM: _fields("cause on why", "since"),
        Event.COVERAGE: _fields("since until updates"),
        Event.RECEIVED: _fields("kind message parts posted_at private personal", "edited"),
        Event.JOINED: _fields("members parts personal"),
        Event.SCREENED: _fields("parts"),
        Event.DECIDED: _fields("action enforced policy reasons", "not_kept"),
        Event.FINISHED: _fields(),
        Event.SET_ASIDE: _fields("why"),
        Event.OPENED: _fields("action", "lead"),
        Event.ATTEMPTED: _fields(f"{_DEED} attempt"),
        Event.DONE: _fields(_DEED, "result tries"),
        Event.FAILED: _fields(f"{_DEED} why", "tries"),
        Event.UNKNOWN: _fields(f"{_DEED} why", "tries"),
        Event.POSTPONED: _fields(f"{_DEED} seconds"),
        Event.APPROVED: _fields("grants until", "first"),
        Event.RELEASED: _fields("", "grants until first"),
        Event.REOPENED: _fields("why"),
        Event.CONFIRMED: _fields("digests"),
        Event.FIRST_APPROVAL: _fields(),
        Event.APPEALED: _fields(),
        Event.PENALTY: _fields("penalty seconds cause", "strikes"),
        Event.REPORTED_BACK: _fields(),
        Event.REFUSED_PRESS: _fields("verb why"),
        Event.DRILL: _fields("passed steps", "failed"),
        Event.ERASED: _fields("attachments cases items", "withdrawn"),
        Event.EXPIRED: _fields("items"),
        Event.PURGED: _fields(
            "kind until", "attachments cases items people updates records ranges digest received counted"
        ),
        Event.POLICY_CHANGED: _fields("policy", "keys"),
        Event.SETTING_CHANGED: _fields("key unset", "old new"),
        Event.CHAT_MOVED: _fields("old new attachments cards"),
        Event.WEEKLY_REPORT: _fields("since until"),
        Event.INTENT_FINISHED: _fields("intent verb ok"),
        Event.UPDATE_UNREADABLE: _fields("update why judged"),
        Event.UPDATE_SET_ASIDE: _fields("update why personal"),
    }
)
