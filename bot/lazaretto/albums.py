"""Albums: several messages that are one thing to the people who see them, and so to us.

Platforms deliver an album message by message and never say which is the last. So it is complete when it is full, or
when nothing more has come for a while. What comes later still is judged by itself.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace

from lazaretto.model import ALBUM, Attachment
from lazaretto.tasks import spawn

__all__ = ["Albums", "OnComplete", "joined"]

_MOST = 10  # messages of an album: Telegram Bot API, sendMediaGroup
_QUIET = 1.0  # seconds without a further message; usually all of them come in one delivery
_AFTER_A_RESTART = 5  # times as long: the platform has to be asked first for what it holds back

Key = tuple[str, str, str, str | None]
OnComplete = Callable[[Sequence[Attachment]], Awaitable[None]]


@dataclass(slots=True)
class _Open:
    """An album that may still grow. quiet: seconds without a further message after which it is complete."""

    quiet: float
    members: dict[str, Attachment] = field(default_factory=dict)
    news: asyncio.Event = field(default_factory=asyncio.Event)


class Albums:
    """Collects members until an album is complete, and hands them over. Keeps nothing that is not on disk already."""

    def __init__(self, on_complete: OnComplete, quiet: float = _QUIET) -> None:
        self._on_complete = on_complete
        self._quiet = quiet
        self._open: dict[Key, _Open] = {}
        self._collecting: set[asyncio.Task[None]] = set()

    def add(self, member: Attachment, *, restarted: bool = False) -> None:
        """One more message; `restarted`: of an earlier run. The same one again counts once, and puts nothing off: so an
        album waits ten times at most."""
        quiet = self._quiet * _AFTER_A_RESTART if restarted else self._quiet
        key = (member.place.platform, member.place.chat, member.sender.id, member.album)
        album = self._open.get(key)
        if album is None:
            album = self._open[key] = _Open(quiet)
            task = spawn(self._collect(key, album), f"album {member.album}")
            self._collecting.add(task)
            task.add_done_callback(self._collecting.discard)
        if member.id not in album.members:
            album.members[member.id] = member
            album.quiet = quiet
            album.news.set()

    async def _collect(self, key: Key, album: _Open) -> None:
        try:
            while len(album.members) < _MOST:
                album.news.clear()
                async with asyncio.timeout(album.quiet):
                    await album.news.wait()
        except TimeoutError:
            pass  # nothing more came: it is complete
        finally:
            del self._open[key]
        await self._on_complete(tuple(album.members.values()))

    async def stop(self) -> None:
        """Forget the incomplete ones."""
        for task in self._collecting:
            task.cancel()
        await asyncio.gather(*self._collecting, return_exceptions=True)


def joined(members: Sequence[Attachment]) -> Attachment:
    """The album that its members make: all their parts, in the order of the messages."""
    # Ids of messages are text; those of one platform that count them grow longer as they grow.
    ordered = sorted(members, key=lambda member: (len(member.message), member.message))
    ids = tuple(member.id for member in ordered)
    parts = [replace(part, message=member.message) for member in ordered for part in member.parts]
    return replace(
        ordered[0],
        id=hashlib.sha256(json.dumps([ALBUM, *ids]).encode()).hexdigest()[:32],
        kind=ALBUM,
        parts=tuple(replace(part, index=index) for index, part in enumerate(parts)),
        posted_at=min(member.posted_at for member in ordered),
        caption=next((member.caption for member in ordered if member.caption), None),
        album=None,
        members=ids,
    )
