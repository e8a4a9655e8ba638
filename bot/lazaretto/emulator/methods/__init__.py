"""The Bot API's methods: small functions from the world and a request's parameters to the result.

A new method is a function and a row in the table of its module.
"""

from collections.abc import Mapping
from types import MappingProxyType

from lazaretto.emulator.methods import account, chats, editing, sending
from lazaretto.emulator.methods.table import Method

__all__ = ["METHODS", "find_method"]

METHODS: Mapping[str, Method] = MappingProxyType(
    {**account.METHODS, **chats.METHODS, **editing.METHODS, **sending.METHODS}
)

_BY_LOWER_CASE = {name.lower(): name for name in METHODS}


def find_method(name: str) -> str | None:
    """The documented spelling of a method's name ("All methods are case-insensitive"), None for an unknown one."""
    return _BY_LOWER_CASE.get(name.lower())
