"""pytest fixture `telegram_emulator`: a running Emulator for each test that asks for it.

pytest loads this module in every run where lazaretto is installed, so it imports nothing that the run has not
loaded anyway: pytest-asyncio, where it is installed, is a plug-in of the same run. The emulator itself, and with it
the packages of the `emulator` extra, is imported when a test uses the fixture.
"""

from collections.abc import AsyncIterator
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from lazaretto.emulator import Emulator

fixture = pytest.fixture  # enough for pytest-asyncio's auto mode and for anyio's plug-in
if not TYPE_CHECKING:
    with suppress(ImportError):
        from pytest_asyncio import fixture  # in its strict mode, only its own decorator makes an async fixture

__all__ = ["telegram_emulator"]


@fixture
async def telegram_emulator() -> AsyncIterator["Emulator"]:
    """A Telegram Bot API server on 127.0.0.1, with nobody in it yet."""
    from lazaretto.emulator import Emulator  # lazy: see the module's docstring

    async with Emulator() as emulator:
        yield emulator
