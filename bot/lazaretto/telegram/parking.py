"""Where updates wait for the verdict on their attachments, and what is remembered of it afterwards.

Everything is kept by the ids of attachments as their messages bring them: of an album, by those of its members.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from telegram import Update

from lazaretto.model import Attachment

__all__ = ["Parking"]

_REMEMBERED = 10_000  # attachments whose outcome is remembered; by then their messages are long removed or old


class _Cleared(NamedTuple):
    """An update on its way back. whole: what was judged: its attachment, or the album that it is a member of."""

    attachment: str
    whole: Attachment


class Parking:
    """Updates that wait, are held, or are on their way back to the host."""

    def __init__(self) -> None:
        self._parked: dict[str, dict[int, Update]] = {}
        self._showing: dict[str, list[Update]] = {}  # they show an attachment that waits, and go when it does
        self._held: OrderedDict[str, None] = OrderedDict()
        self._taken: OrderedDict[str, None] = OrderedDict()
        self._cleared: dict[int, _Cleared] = {}
        self._out: Counter[str] = Counter()  # cleared updates of an attachment whose handlers have not ended yet

    def park(self, attachment: str, update: Update) -> None:
        """Keep an update. An attachment may have several: the message and its edits, as long as they carry the same
        files."""
        self._parked.setdefault(attachment, {}).setdefault(update.update_id, update)

    def expect(self, attachment: str) -> None:
        """It waits, though no update of its own has come."""
        self._parked.setdefault(attachment, {})

    def forget(self, attachment: str) -> None:
        """It does not wait after all, unless an update of its own has come meanwhile."""
        if not self._parked.get(attachment):
            self._parked.pop(attachment, None)

    def park_showing(self, attachment: str, update: Update) -> None:
        """Keep an update that only shows the attachment, which waits."""
        self.expect(attachment)
        self._showing.setdefault(attachment, []).append(update)

    def taken(self, attachments: Iterable[str]) -> None:
        """These are known: they were taken in."""
        for name in attachments:
            _remember(self._taken, name)

    def hold(self, attachments: Iterable[str]) -> None:
        """These are held."""
        for name in attachments:
            _remember(self._held, name)

    def unknown(self, attachments: Sequence[Attachment]) -> list[Attachment]:
        """Those of which nothing is remembered here."""
        return [a for a in attachments if not (a.id in self._taken or a.id in self._parked or a.id in self._held)]

    def first_waiting(self, attachments: Iterable[Attachment]) -> str | None:
        """The id of one that is still being judged."""
        return next((attachment.id for attachment in attachments if attachment.id in self._parked), None)

    def any_held(self, attachments: Iterable[Attachment]) -> bool:
        """Is one of them held?"""
        return any(attachment.id in self._held for attachment in attachments)

    def is_cleared(self, update: Update) -> bool:
        """Is this update on its way back from here?"""
        return update.update_id in self._cleared

    def cleared(self, update: Update, attachment: Attachment) -> bool:
        """Is it on its way back with this attachment? Both ids count: hosts make updates of their own, all of them
        with the same number."""
        cleared = self._cleared.get(update.update_id)
        return cleared is not None and cleared.attachment == attachment.id

    def passed(self, update: Update) -> Attachment:
        """A cleared update has come through, and is cleared no longer. What was judged."""
        return self._cleared.pop(update.update_id).whole

    def handled(self, whole: Attachment) -> bool:
        """The handlers of such an update have ended. Was it the last one that waited for what was judged?"""
        self._out[whole.id] -= 1
        if self._out[whole.id] > 0:
            return False
        del self._out[whole.id]
        return True

    def leave(self, whole: Attachment, *, held: bool) -> list[Update]:
        """What was judged waits no longer. The updates that are to go back to the host, if any; ask until none is
        left, because more may come while they go."""
        going: list[Update] = []
        self.taken(whole.ids)
        self.hold(whole.ids if held else ())
        for name in whole.ids:
            for number, update in self._parked.pop(name, {}).items():
                if not held:
                    self._cleared[number] = _Cleared(name, whole)
                    self._out[whole.id] += 1
                    going.append(update)
        return going

    def leave_showing(self, whole: Attachment) -> list[Update]:
        """The updates that only show what was judged."""
        return [update for name in whole.ids for update in self._showing.pop(name, ())]


def _remember(names: OrderedDict[str, None], name: str) -> None:
    names[name] = None
    names.move_to_end(name)  # what is spoken of again is remembered anew
    while len(names) > _REMEMBERED:
        names.popitem(last=False)
