"""What the records of one attachment say it is about: ids, and never a name."""

from __future__ import annotations

from typing import Any, TypedDict

from sqlalchemy import Connection, Row

from lazaretto.model import Place
from lazaretto.state import attachments as journal
from lazaretto.text import shown

__all__ = ["About", "about", "chat_of", "without_names"]

_WHY = 300
_SHORTEST = 3


class About(TypedDict):
    """The fields of a record that an attachment fills."""

    chat: str | None
    attachment: str
    subject: str


def about(row: Row[Any]) -> About:
    """row: of `attachments`."""
    chat = None if row.private else f"{row.platform}:{row.chat}"
    return About(chat=chat, attachment=row.id, subject=row.subject)


def chat_of(place: Place) -> str | None:
    """A chat as records name it; a private one has no name but its member's subject."""
    return None if place.private else f"{place.platform}:{place.chat}"


def without_names(connection: Connection, attachment: str, why: str) -> str:
    """An error's text for the log, on one line, without what it may repeat of its sender or the files' names."""
    known = journal.load(connection, attachment)
    if known is None:
        return shown(why, _WHY)
    sender = known.sender
    words = [sender.id, sender.name, sender.username, known.caption, *(part.claim.name for part in known.parts)]
    if known.place.private:
        words.append(known.place.chat)
    # Longest first, so that a name inside a longer one leaves nothing over. A word of one or two letters is in
    # every sentence, and tells nothing of anybody.
    for word in sorted({w for w in words if w and len(w) >= _SHORTEST}, key=len, reverse=True):
        why = why.replace(word, "…")
    return shown(why, _WHY)
