"""What people do in a chat, as data: one step after the other, each with the number of calls that the bot makes then.

A step is over when the bot has made them, so that nothing depends on how long anything takes.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from e2e.conftest import Town
from e2e.files import NOTE, PROGRAM
from lazaretto.emulator import Message

__all__ = ["HELD", "NAME_OF_HELD", "Step", "bad_file", "joins", "leaves", "posts", "presses", "restarts", "says"]

NAME_OF_HELD = "holiday.jpg"


@dataclass(frozen=True, slots=True)
class Step:
    """act: what somebody does. calls: how many the bot makes because of it."""

    act: Callable[[Town], Awaitable[Any]]
    calls: int = 1


RESTART = Step(act=lambda town: _nothing(), calls=0)
"""The bot ends and starts again."""

HELD = Step(act=lambda town: bad_file(town), calls=0)
"""A file is posted that is held."""


def says(text: str, calls: int = 1) -> Step:
    """Ann writes."""
    return Step(lambda town: town.group.post_text(town.ann, text), calls)


def posts(name: str, data: bytes = NOTE, calls: int = 1) -> Step:
    """Ann posts a clean document."""
    return Step(lambda town: town.group.post_document(town.ann, data, name=name, mime="text/plain"), calls)


def presses(label: str, calls: int = 2) -> Step:
    """Ann presses a button of the newest message that has it."""

    async def act(town: Town) -> None:
        menu = next(m for m in reversed(town.group.messages) if any(label in button for button in m.buttons))
        await town.tg.press(town.ann, menu, label)

    return Step(act, calls)


def joins(name: str, calls: int = 1) -> Step:
    """Somebody new comes in."""
    return Step(lambda town: town.group.join(town.tg.user(name, user_id=_number(name))), calls)


def leaves(name: str, calls: int = 1) -> Step:
    """Somebody leaves, who came in by an earlier step."""
    return Step(lambda town: town.group.leave(town.group.members[_number(name)].user), calls)


def restarts() -> Step:
    return RESTART


async def bad_file(town: Town, *, told: bool = True) -> Message:
    """Ann posts a program that says it is a picture. told: whether the bot hears of it, as a bot does."""
    attached = town.tg.attach("document", PROGRAM, name=NAME_OF_HELD, mime="image/jpeg")
    if told:
        return await town.group.post(town.ann, **attached)
    return town.group.append(town.ann, attached)


def with_held(script: Sequence[Step]) -> list[Step]:
    """The script, with a file that is held after every step."""
    return [each for step in script for each in (step, HELD)]


def _number(name: str) -> int:
    """An account's id, the same in every town."""
    return 900_000_000 + sum(name.encode())


async def _nothing() -> None:
    """A step that is done by whoever plays the script."""
