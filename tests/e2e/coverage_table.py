"""What happens to every kind of thing that a message can carry, in every place where it can stand.

Each cell is a message over HTTP to a host with the plugin installed, and the outcome is read from what came of it.
Run as a program it writes the table in docs/coverage.md; a test holds the page against what happens.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from telegram import Update

from carriers.programs import a_pe
from e2e.files import PICTURE
from e2e.host import PATIENCE, Host, Verdict, build, emptied, policies, polling
from e2e.table_page import column_of, with_table
from lazaretto.emulator import KINDS, Chat, Emulator, Rights, User
from lazaretto.emulator import Message as Posted

__all__ = ["FLAGGED", "HELD", "NEVER", "NOTHING", "PLACES", "REPLACED", "column", "recorded"]

PAGE = Path(__file__).parents[2] / "docs" / "coverage.md"

_HEADING = "| kind |"

# What the balanced policy holds, in whatever it comes. A contact carries text.
_PROGRAM = a_pe()
_SCRIPT = b"#!/bin/sh\nrm -rf ~\n"

HELD, REPLACED = "held", "held, the reply goes on without it"
FLAGGED, NOTHING, NEVER = "flagged: cannot be fetched", "no file", "–"

Fields = dict[str, Any]


@dataclass
class Square:
    """Where the messages are posted."""

    tg: Emulator
    ann: User
    group: Chat
    channel: Chat


@dataclass(frozen=True)
class Cell:
    """One message under way. carrier: the message with the file. shown: is this the update that brings or shows it?"""

    carrier: Posted
    shown: Callable[[Update], bool]


def _is(posted: Posted, *, edited: bool = False) -> Callable[[Update], bool]:
    def is_it(update: Update) -> bool:
        message = update.effective_message
        same = message is not None and (message.chat_id, message.message_id) == (posted.chat.id, posted.message_id)
        return same and (update.edited_message is not None) is edited

    return is_it


async def _own(square: Square, fields: Fields) -> Cell:
    posted = await square.group.post(square.ann, **fields)
    return Cell(posted, _is(posted))


async def _edit(square: Square, fields: Fields) -> Cell:
    posted = await square.group.post_text(square.ann, "first a text")
    await square.group.edit(posted, text=None, entities=None, **fields)
    return Cell(posted, _is(posted, edited=True))


async def _album(square: Square, fields: Fields) -> Cell:
    picture = await square.group.post(square.ann, **square.tg.attach("photo", PICTURE))
    together = f"album with {picture.message_id}"
    await square.group.post(square.ann, media_group_id=together, **square.tg.attach("photo", PICTURE))
    posted = await square.group.post(square.ann, media_group_id=together, **fields)
    return Cell(posted, _is(posted))


async def _reply(square: Square, fields: Fields) -> Cell:
    """To a message that the bot never saw."""
    before = square.group.append(square.ann, fields)
    reply = await square.group.post_text(square.ann, "look at this", reply_to=before)
    return Cell(before, _is(reply))


async def _pin_in_a_reply(square: Square, fields: Fields) -> Cell:
    """The notice that something was pinned, which the bot never saw either; somebody replies to the notice."""
    before = square.group.append(square.ann, fields)
    notice = square.group.append(square.ann, {"pinned_message": before.json(nested=True)})
    reply = await square.group.post_text(square.ann, "look at this", reply_to=notice)
    return Cell(before, _is(reply))


async def _external_reply(square: Square, fields: Fields) -> Cell:
    elsewhere = {"id": -1_009_999, "type": "channel", "title": "Elsewhere"}
    origin = {"type": "channel", "chat": elsewhere, "message_id": 3, "date": 1_700_000_000}
    external = fields.pop("external_reply", {}) | {"origin": origin, "chat": elsewhere, "message_id": 3} | fields
    posted = await square.group.post_text(square.ann, "look at this", external_reply=external)
    return Cell(posted, _is(posted))


async def _forward(square: Square, fields: Fields) -> Cell:
    origin = {"type": "hidden_user", "sender_user_name": "Somebody", "date": 1_700_000_000}
    posted = await square.group.post(square.ann, forward_origin=origin, **fields)
    return Cell(posted, _is(posted))


async def _channel_copy(square: Square, fields: Fields) -> Cell | None:
    before = len(square.group.messages)
    await square.channel.post(square.ann, **fields)
    copies = square.group.messages[before:]
    if not copies or not fields.keys() & copies[0].content.keys():
        return None
    return Cell(copies[0], _is(copies[0]))


async def _unknown_field(square: Square, fields: Fields) -> Cell:
    posted = await square.group.post(square.ann, diorama={"scenes": [{"props": fields}]})
    return Cell(posted, _is(posted))


PLACES: Mapping[str, Callable[[Square, Fields], Awaitable[Cell | None]]] = {
    "own message": _own,
    "edit": _edit,
    "album": _album,
    "reply": _reply,
    "pin in a reply": _pin_in_a_reply,
    "external reply": _external_reply,
    "forward": _forward,
    "channel copy": _channel_copy,
    "unknown field": _unknown_field,
}


def _outcome(host: Host, cell: Cell) -> str:
    """What became of it, in words. Anything that is not foreseen is told as it is."""
    place, number = str(cell.carrier.chat.id), str(cell.carrier.message_id)
    verdicts = [
        verdict
        for verdict in host.verdicts.all
        if verdict.attachment.place.chat == place and number in verdict.attachment.messages
    ]
    seen = [update for update in host.updates.all if cell.shown(update)]
    if not verdicts:
        return NOTHING if seen else "lost"
    (verdict,) = verdicts
    if verdict.decision.holds and cell.carrier.deleted:
        return HELD if not seen else REPLACED if _shows_no_file(seen) else "held too late"
    if _could_not_be_fetched(verdict) and seen:
        return FLAGGED
    return f"{verdict.decision.action}: {', '.join(verdict.rules)}"


def _shows_no_file(seen: list[Update]) -> bool:
    return "file_id" not in "".join(update.to_json() for update in seen)


def _could_not_be_fetched(verdict: Verdict) -> bool:
    return verdict.decision.action == "flag" and set(verdict.rules) == {"unscannable.not-fetchable"}


async def column(tg: Emulator, state: Path, place: str) -> dict[str, str]:
    """What happens to each kind in one place."""
    ann, mila = tg.user("Ann"), tg.user("Mila")
    everything = Rights.full()
    group = tg.group("Chess club", members=[ann], admins=[mila], bot_rights=everything)
    channel = tg.channel("Chess news", admins=[ann], bot_rights=everything, discussion=group)
    moderators = tg.group("Moderators", admins=[mila], bot_rights=everything)
    guarded = {"mode": "guard", "moderators": str(moderators.id)}
    config = policies(state, {}, defaults=guarded, channels=guarded, screening={"workers": 8})
    square = Square(tg, ann, group, channel)
    async with polling(build(tg, config)) as host:
        cells: dict[str, Cell | None] = {}
        for kind in KINDS:
            data = _SCRIPT if kind == "contact" else _PROGRAM
            cells[kind] = await PLACES[place](square, tg.attach(kind, data))
        await host.saw(await group.post_text(ann, "Has everything arrived?"))
        await host.settled(group, ann)
        store = (await host.guard.start()).store
        await emptied(store.due, 4 * PATIENCE)
        return {kind: _outcome(host, cell) if cell else NEVER for kind, cell in cells.items()}


async def tried() -> dict[str, dict[str, str]]:
    """Every column, tried anew."""
    columns = {}
    for place in PLACES:
        with tempfile.TemporaryDirectory() as folder:
            async with Emulator() as tg:
                columns[place] = await column(tg, Path(folder) / "state", place)
    return columns


def written(columns: Mapping[str, Mapping[str, str]]) -> str:
    """The page with this table in it."""
    told = {place: {_told(kind): cell for kind, cell in cells.items()} for place, cells in columns.items()}
    return with_table(PAGE, _HEADING, told, map(_told, KINDS))


def recorded(place: str) -> dict[str, str]:
    """What the page says of one place."""
    return {row.replace(" ", "_"): cell for row, cell in column_of(PAGE, _HEADING, place).items()}


def _told(kind: str) -> str:
    return kind.replace("_", " ")


if __name__ == "__main__":
    PAGE.write_text(written(asyncio.run(tried())), encoding="utf-8")
