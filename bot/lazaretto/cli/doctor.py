"""`lazaretto doctor`: what has to be well before the bot can be relied on, with the remedy where it is not."""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape
from sqlalchemy.exc import SQLAlchemyError
from telegram import Bot

from lazaretto.audit import AuditedStore, verify_database
from lazaretto.cli.output import JSON, out, print_json
from lazaretto.cli.policies import ConfigFolder, load_configuration
from lazaretto.config import ConfigError, Configuration, Sandbox, Web
from lazaretto.health import Check, examine_clock, examine_machine, newest_record
from lazaretto.model import Claim, Place, Report
from lazaretto.screening import WorkerScreener
from lazaretto.screening.sandbox.lockdown import MANDATORY
from lazaretto.state import DATABASE, StateError
from lazaretto.telegram.doctor import examine, examine_server
from lazaretto.telegram.server_clock import TimedRequest, server_time
from lazaretto.text import shown
from lazaretto_validators import Limits, Registry, Source, default_registry, screen
from lazaretto_validators.registry import RegistryError

__all__ = ["doctor"]


def doctor(
    config: ConfigFolder = None,
    offline: Annotated[bool, typer.Option("--offline", help="Do not ask Telegram.")] = False,
    json: Annotated[bool, JSON] = False,
) -> None:
    """Check configuration, validators, screening, state, disk, clock, vault and, with a
    token, what Telegram says of the bot, its updates and its groups.

    Exit status 1 for any fault.
    """
    raise typer.Exit(asyncio.run(_examine(config, offline, json)))


async def _examine(config: Path | None, offline: bool, json: bool) -> int:
    faults = 0
    async for check in _checks(config, offline):
        faults += not check.well
        found, remedy = check.told()
        if json:
            print_json({"ok": check.well, "found": found, "remedy": remedy})
            continue
        mark = "[green]well [/]" if check.well else "[bold red]fault[/]"
        to_do = f"\n      [bold]do:[/] {escape(shown(remedy, 500))}" if remedy else ""
        out.print(f"{mark} {escape(shown(found, 500))}{to_do}", soft_wrap=True)
    return 1 if faults else 0


async def _checks(config: Path | None, offline: bool) -> AsyncIterator[Check]:
    yield Check(True, f"Python {sys.version.split()[0]} on {sys.platform}")
    try:
        registry = default_registry()
    except RegistryError as error:
        yield Check(False, str(error), "mend or remove the distribution named")
        return
    counts = f"{len(registry.validators)} validators, {len(registry.rules)} rules"
    yield Check(True, f"{counts}, rule set {registry.rule_set}")
    if sys.platform != "linux":
        yield Check(True, f"the sandbox is untested on this system ({sys.platform}), and weaker than on Linux")
    try:
        chosen = load_configuration(config)
    except ConfigError as error:
        yield await _screening(registry, Sandbox())
        for problem in error.problems:
            where = f"{problem.file}: {problem.key}" if problem.key else problem.file
            yield Check(False, f"{where}: {problem.problem}", problem.remedy)
        return
    yield await _screening(registry, chosen.settings.sandbox)
    yield Check(True, "the configuration is right")
    yield examine_server(chosen.settings.base_url, chosen.settings.local_files)
    if chosen.settings.web.port is not None:
        yield _web(chosen.settings.web)
    yield await _state(chosen.settings.state)
    async for check in examine_machine(chosen.settings):
        yield check
    token = chosen.settings.token
    if token is None:
        yield Check(offline, "no bot token", "set LAZARETTO_TOKEN, or run lazaretto init")
    if token is None or offline:
        yield await _clock(chosen)
    else:
        async for check in _telegram(chosen, token.get_secret_value()):
            yield check


async def _screening(registry: Registry, sandbox: Sandbox) -> Check:
    """Have every validator look at its own example behind the lock: whatever it lacks in there shows here."""
    try:
        reports = await _reports_of_examples(registry, sandbox)
    except (OSError, RuntimeError) as error:
        remedy = "put that right: until then nothing is screened, and the bot does not start"
        return Check(False, f"a screening worker cannot be started: {error}", remedy)
    for validator, report in zip(registry.validators, reports, strict=True):
        outside = screen(Source.of_bytes(validator.example), Claim())
        if (report.findings, report.coverage) != (outside.findings, outside.coverage):
            inside = [finding.rule for finding in report.findings]
            found = (
                f"the validator {validator.name} finds {inside} in its example behind the lock, and "
                f"{[finding.rule for finding in outside.findings]} outside of it"
            )
            return Check(False, found, "reinstall lazaretto, or mend the package that brings the validator")
    return _lock(reports[0].layers)


def _lock(layers: tuple[str, ...]) -> Check:
    held = f"{len(layers)} layers hold around a worker: {', '.join(layers)}"
    missing = sorted(MANDATORY - {*layers})
    # Where the lock is required a worker without them has not come up.
    return Check(True, f"{held}; sandbox.require = false does without {', '.join(missing)}" if missing else held)


async def _reports_of_examples(registry: Registry, sandbox: Sandbox) -> list[Report]:
    with tempfile.TemporaryDirectory(prefix="lazaretto-") as folder:
        limits = Limits(memory=sandbox.memory)
        screener = WorkerScreener(Path(folder, "spool"), workers=1, limits=limits, require=sandbox.require)
        async with screener:
            return [await _report_of(validator.example, screener) for validator in registry.validators]


async def _report_of(example: bytes, screener: WorkerScreener) -> Report:
    async with screener.open(Claim()) as job:
        await job.feed(example)
        return await job.finish()


def _web(web: Web) -> Check:
    try:
        import lazaretto.telegram.web  # noqa: F401 - can it be?
    except ImportError as error:
        return Check(False, str(error), "install the extra [web], or take web.port out of lazaretto.toml")
    found = f"lazaretto run listens on {web.listen}, port {web.port}"
    if web.beyond:
        return Check(True, f"{found}: other machines may reach the pages, which are not for the public", web.REMEDY)
    return Check(True, found)


async def _state(folder: Path) -> Check:
    if not folder.exists():  # noqa: ASYNC240
        return Check(True, f"no state yet; it will be made in {folder}")
    if not os.access(folder, os.W_OK | os.X_OK):
        return Check(False, f"the state folder {folder} cannot be written", "give it to the bot's user")
    if not (folder / DATABASE).exists():
        return Check(True, f"the state folder {folder} is empty")
    try:
        verdict = await verify_database(folder)
    except (StateError, SQLAlchemyError) as error:
        return Check(False, str(error), "put the state folder right, or name another")
    if verdict.fault is not None:
        remedy = "keep a copy of the state folder, and find out who wrote to it"
        return Check(False, f"the audit log is broken at record {verdict.fault.seq}: {verdict.fault.what}", remedy)
    return Check(True, f"the audit log is whole: {verdict.records} records, head {verdict.head}")


async def _clock(chosen: Configuration, bot: Bot | None = None) -> Check:
    newest = None
    with suppress(StateError, SQLAlchemyError, PermissionError):  # that it cannot be read is said already
        async with AuditedStore.open(chosen.settings.state, beside=True) as store:
            newest = await store.state.read(newest_record)
    now = datetime.now(UTC)
    return examine_clock(now, newest, None if bot is None else server_time(bot, now))


async def _telegram(chosen: Configuration, token: str) -> AsyncIterator[Check]:
    settings = chosen.settings
    groups = [(group, chosen.policy_of(Place("telegram", group))) for group in chosen.group_ids]
    addresses: dict[str, Any] = {"base_url": settings.base_url, "base_file_url": settings.base_file_url}
    bot = Bot(token, request=TimedRequest(), **{name: address for name, address in addresses.items() if address})
    try:
        async for check in examine(bot, groups, settings.web.webhook):
            yield check
        yield await _clock(chosen, bot)
    finally:
        await bot.shutdown()
