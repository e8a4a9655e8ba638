"""Reading a bot's state from another process, and asking the bot to change something."""

from __future__ import annotations

import asyncio
import getpass
import os
import sys
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from pathlib import Path
from time import monotonic
from typing import Annotated, Any, TypeVar

import typer
from rich.markup import escape
from sqlalchemy.exc import SQLAlchemyError

from lazaretto.audit import AuditedStore
from lazaretto.cli.output import errors, fail, out, print_json
from lazaretto.cli.policies import configuration
from lazaretto.model import Person
from lazaretto.state import StateError
from lazaretto.state.intents import IntentState
from lazaretto.text import shown

__all__ = ["StateFolder", "ask_bot", "reading_state", "state_folder", "with_store"]

T = TypeVar("T")

StateFolder = Annotated[
    Path | None,
    typer.Option("--state", help="The bot's state folder. [env: LAZARETTO_STATE; default: the configuration's]"),
]
_PATIENCE = 8.0  # seconds: a running bot answers within one; without one the command is kept


def state_folder(given: Path | None, config: Path | None = None) -> Path:
    """The folder that the options or the configuration name."""
    return given or configuration(config).settings.state


def with_store(folder: Path, work: Callable[[AuditedStore], Awaitable[T]]) -> T:
    """Run `work` on the state beside a running bot. Ends the program where there is no state."""

    async def opened() -> T:
        async with AuditedStore.open(folder, beside=True) as store:
            return await work(store)

    return reading_state(folder, opened)


def reading_state(folder: Path, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Run `work`, which reads the state in `folder`. Ends the program where that cannot be read."""
    try:
        return asyncio.run(work())
    except StateError as error:
        fail(str(error))
    except (SQLAlchemyError, PermissionError) as error:
        cause = getattr(error, "orig", None) or error
        remedy = "run this as the bot's user, with room on the disk; lazaretto doctor looks closer"
        fail(f"the state in {folder} cannot be used: {cause}", remedy)


def ask_bot(folder: Path, verb: str, arguments: Mapping[str, Any], *, json: bool) -> None:
    """Write an intent and wait for the bot's answer. Exit status 1 where it could not be done, 3 while nobody runs."""

    async def ask(store: AuditedStore) -> tuple[int, str | None, bool]:
        number = await store.submit_intent(verb, arguments, _operator())
        end = monotonic() + _PATIENCE
        while monotonic() < end:
            intent = await store.intent(number)
            if intent is not None and intent.state is not IntentState.WAITING:
                return number, intent.result or "", intent.state is IntentState.DONE
            await asyncio.sleep(0.1)
        return number, None, True

    number, result, ok = with_store(folder, ask)
    if json:
        print_json({"intent": number, "ok": ok if result is not None else None, "result": result})
    elif result is None:
        errors.print("[yellow]Written down.[/] No bot answers on this state; it is done when one runs.")
    else:
        (out if ok else errors).print(escape(shown(result, 500)), soft_wrap=True)
    raise typer.Exit(3 if result is None else 0 if ok else 1)


def _operator() -> Person:
    """Who types. The audit log knows them by a random id, as it does everybody."""
    try:
        name = getpass.getuser()
    except (KeyError, OSError):  # a container's user without an entry in passwd
        name = ""
    if sys.platform == "win32":
        return Person("local", name, name)
    user = str(os.getuid())
    return Person("local", user, name or user)
