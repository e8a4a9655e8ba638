"""What the bot's library makes of the updates: fetched over HTTP, parsed, and without a field that it does not know."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import telegram

__all__ = ["message_in", "received", "unknown_fields"]


async def received(bot: telegram.Bot, *, unknown: tuple[str, ...] = ()) -> list[telegram.Update]:
    """Every update that waits, which are confirmed. They may hold the `unknown` fields and no others."""
    updates = list(await bot.get_updates(allowed_updates=telegram.Update.ALL_TYPES))
    if updates:
        await bot.get_updates(offset=updates[-1].update_id + 1)
    assert sorted({field for update in updates for field in unknown_fields(update)}) == sorted(unknown)
    return updates


async def message_in(bot: telegram.Bot, kind: str = "message", *, unknown: tuple[str, ...] = ()) -> telegram.Message:
    """The message of the one update that waits, which is of this kind."""
    (update,) = await received(bot, unknown=unknown)
    found = getattr(update, kind)
    assert isinstance(found, telegram.Message), update
    return found


def unknown_fields(parsed: object) -> Iterator[str]:
    """The names of all fields that the library put aside because it does not know them."""
    if isinstance(parsed, list | tuple):
        for inner in parsed:
            yield from unknown_fields(inner)
    elif isinstance(parsed, telegram.TelegramObject):
        yield from parsed.api_kwargs
        for value in _attributes(parsed):
            yield from unknown_fields(value)


def _attributes(parsed: telegram.TelegramObject) -> Iterator[Any]:
    for base in type(parsed).__mro__:
        slots = getattr(base, "__slots__", ())
        yield from (getattr(parsed, name, None) for name in slots if not name.startswith("_") and name != "api_kwargs")
