"""What has to be well on this machine: clock, disk, database, sandbox, vault. Needs no chat platform.

A check is one sentence and, where something is to be done, a remedy: in English, with {named} places, so that the
terminal prints it as it is and a chat has it in its own language.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import sqlite3
from collections.abc import AsyncIterator, Mapping
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from sqlalchemy import Connection, select

from lazaretto import drill
from lazaretto.config import Settings
from lazaretto.languages import N_, Language, language_of
from lazaretto.model import Claim, Report
from lazaretto.ports import Screener
from lazaretto.quarantine import VaultError
from lazaretto.quarantine.key import identity_in
from lazaretto.screening.sandbox.lockdown import MANDATORY
from lazaretto.state import DATABASE
from lazaretto.state.schema import audit

__all__ = ["Check", "examine_clock", "examine_machine", "examine_screening", "newest_record"]

_NOTHING: Mapping[str, object] = MappingProxyType({})
_BUSY = 5.0  # seconds for which another writer is waited for; its transactions take milliseconds
_CLOCK = timedelta(seconds=30)
"""More than a platform's answer takes, and as much as times of posts, releases and purges may be wrong."""

_FILE = 20 << 20
"""Bytes: the largest file that Telegram's own server hands out (Bot API, getFile)."""

_DATABASE_ROOM = 64 << 20
"""Bytes: the database's log grows by a few MB between two checkpoints, and a sort spills less than that."""


class Check(NamedTuple):
    """Is it well, what was looked at and found, and what to do where something is to be done.

    found, remedy: English for the catalogue. values: what stands in their {named} places; may hold a stranger's text.
    """

    well: bool
    found: str
    remedy: str = ""
    values: Mapping[str, object] = _NOTHING

    def told(self, say: Language | None = None) -> tuple[str, str]:
        """What was found, and the remedy, as plain text."""
        say = say or language_of("en")
        return say(self.found, **self.values), say(self.remedy, **self.values)


async def examine_machine(settings: Settings) -> AsyncIterator[Check]:
    """Disk, database and vault of an installation. Reads, and changes nothing."""
    folder = settings.state
    # The spool may fill up to its bound. What one file for each worker takes is the least that lets work go on.
    need = min(settings.spool.max_bytes, settings.screening.workers * _FILE) + _DATABASE_ROOM
    yield await asyncio.to_thread(_disk, folder, need)
    if (folder / DATABASE).exists():
        yield await asyncio.to_thread(_database, folder / DATABASE)
    yield await asyncio.to_thread(_vault, folder, settings.vault.max_bytes)


def examine_clock(now: datetime, newest: datetime | None, server: datetime | None) -> Check:
    """newest: time of the newest record of the log. server: what the platform's clock says; None where nobody knows."""
    remedy = N_("set the clock, and let it be kept right (NTP): times in the log and all periods go by it")
    if newest is not None and newest - now > _CLOCK:
        values = {"seconds": round((newest - now).total_seconds())}
        return Check(False, N_("the clock is {seconds} s behind the newest record of the log"), remedy, values)
    if server is None:
        return Check(True, N_("the clock is not behind the log; the platform's own time could not be asked"))
    off = now - server
    if abs(off) > _CLOCK:
        values = {"seconds": round(abs(off).total_seconds())}
        if off > timedelta():
            return Check(False, N_("the clock is {seconds} s ahead of the platform's"), remedy, values)
        return Check(False, N_("the clock is {seconds} s behind the platform's"), remedy, values)
    return Check(True, N_("the clock is right: less than half a minute from the platform's"))


def newest_record(connection: Connection) -> datetime | None:
    """When the newest record of the audit log was written; None where there is none."""
    raw = connection.scalar(select(audit.c.record).order_by(audit.c.seq.desc()).limit(1))
    return None if raw is None else datetime.fromisoformat(json.loads(raw)["time"])


def _disk(folder: Path, need: int) -> Check:
    """Room for state, spool and vault, on each file system that they lie on."""
    remedy = N_("make room on that disk, or move the state folder: without it files wait unseen")
    while not folder.exists():
        folder = folder.parent
    places = [place for place in (folder, folder / "spool", folder / "vault") if place.exists()]
    free = {place.stat().st_dev: (shutil.disk_usage(place).free, place) for place in places}
    least, place = min(free.values(), key=lambda found: found[0])
    values = {"free": least >> 20, "need": need >> 20, "folder": place}
    if least < need:
        return Check(False, N_("{free} MiB are free in {folder}, and {need} MiB may be needed"), remedy, values)
    return Check(True, N_("{free} MiB are free in {folder}"), "", values)


def _database(database: Path) -> Check:
    try:
        # By a URI, so that a file that went away meanwhile is not made anew. A `?` or `#` in a path would end it.
        with closing(sqlite3.connect(f"{database.absolute().as_uri()}?mode=rw", timeout=_BUSY, uri=True)) as connection:
            connection.isolation_level = None
            connection.execute("BEGIN IMMEDIATE")  # what cannot be written refuses this already
            connection.execute("ROLLBACK")
            (verdict,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    except sqlite3.Error as error:
        remedy = N_("make room on its disk, and see that the folder belongs to the bot's user and is not read-only")
        return Check(False, N_("the state database cannot be used: {error}"), remedy, {"error": error})
    if verdict != "ok":
        remedy = N_("stop the bot, keep a copy of the state folder, and restore a backup: lazaretto restore")
        return Check(False, N_("the state database is damaged: {error}"), remedy, {"error": verdict})
    return Check(True, N_("the state database can be written, and its pages are whole"))


def _vault(folder: Path, most: int) -> Check:
    key = folder / "vault.key"
    try:
        items = [item.stat().st_size for item in (folder / "vault").glob("*.age")]
    except OSError as error:
        remedy = N_("give the state folder to the bot's user")
        return Check(False, N_("the vault cannot be read: {error}"), remedy, {"error": error.strerror or error})
    if not key.exists() and not items:
        return Check(True, N_("the vault is empty; its key is made with the first file"))
    try:
        identity_in(key, may_make=False)
    except VaultError as error:
        remedy = N_("do what it says: until then nothing can be held back or released")
        return Check(False, N_("the vault has no usable key: {error}"), remedy, {"error": error})
    except OSError as error:
        remedy = N_("give the state folder to the bot's user")
        return Check(False, N_("the vault's key cannot be read: {error}"), remedy, {"error": error.strerror or error})
    values = {"count": len(items), "used": sum(items) >> 20, "most": most >> 20}
    if sum(items) > most * 9 // 10:
        remedy = N_("raise vault.max_bytes, or keep files for a shorter time (keep.files): what no longer fits is lost")
        return Check(False, N_("the vault is nearly full: {used} of {most} MiB"), remedy, values)
    return Check(True, N_("the vault's key can be read; {count} files, {used} of {most} MiB"), "", values)


async def examine_screening(screener: Screener) -> Check:
    """Have a worker of a running screener look at the test file, which is broken in one known place."""
    remedy = N_("run lazaretto doctor on the machine: it says which layer of the sandbox is missing")
    file = drill.test_file(drill.new_run())
    claim = Claim(name=drill.FILE_NAME, media_type=drill.MEDIA_TYPE, size=len(file))
    try:
        async with screener.open(claim) as job:
            await job.feed(file)
            report = await job.finish()
    except (OSError, RuntimeError) as error:
        return Check(False, N_("no file can be looked at: {error}"), remedy, {"error": error})
    found = [finding.rule for finding in report.findings]
    if found != [drill.RULE]:
        values = {"found": ", ".join(found) or "-", "rule": drill.RULE}
        return Check(False, N_("screening finds {found} in the test file, where {rule} belongs"), remedy, values)
    return _lock(report)


def _lock(report: Report) -> Check:
    values = {"count": len(report.layers), "layers": ", ".join(report.layers)}
    missing = ", ".join(sorted(MANDATORY - {*report.layers}))
    held = N_("{count} layers hold around a worker: {layers}")
    if missing and os.name == "posix":
        remedy = N_("sandbox.require = false does without {missing}: set it to true where the system has them")
        return Check(True, held, remedy, {**values, "missing": missing})
    return Check(True, held, "", values)
