"""The Bot API's methods: small functions from the world and a request's parameters to the result.

A new method is a function and a row in the table of its module, which names the parameters that it requires.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from lazaretto.emulator.methods import (
    answers,
    appearance,
    bot,
    chats,
    copying,
    deleting,
    editing,
    invites,
    members,
    plain,
    profile,
    sending,
    topics,
    updates,
)
from lazaretto.emulator.methods.params import Params
from lazaretto.emulator.methods.table import Method
from lazaretto.emulator.world import World

__all__ = ["METHODS", "find_method", "run"]

_MODULES = (
    answers,
    appearance,
    bot,
    chats,
    copying,
    deleting,
    editing,
    invites,
    members,
    plain,
    profile,
    sending,
    topics,
    updates,
)

METHODS: Mapping[str, Method] = MappingProxyType(
    {name: method for module in _MODULES for name, method in module.METHODS.items()}
)

_BY_LOWER_CASE = {name.lower(): name for name in METHODS}


def find_method(name: str) -> str | None:
    """The documented spelling of a method's name ("All methods are case-insensitive"), None for an unknown one."""
    return _BY_LOWER_CASE.get(name.lower())


async def run(world: World, name: str, params: Params) -> Any:
    """Carry out the method with this documented name. Its result as JSON values; ApiError is the refusal."""
    world.lift_expired()
    return await METHODS[name](world, params)
