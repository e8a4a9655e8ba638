"""What a Bot API method is to the server."""

from collections.abc import Awaitable, Callable
from typing import Any

from lazaretto.emulator.params import Params
from lazaretto.emulator.world import World

__all__ = ["Method"]

Method = Callable[[World, Params], Awaitable[Any]]
