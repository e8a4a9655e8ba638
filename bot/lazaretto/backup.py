"""A backup: a folder from which the state can go on, made beside the running bot, and what is checked in one.

    BACKUP/
        lazaretto.db    a consistent copy of one moment, without what was deleted before
        vault/          the items that this copy names, encrypted as they are, and `recipient`
        vault.key       only if asked for
        manifest.json   size and SHA-256 of each file, and the head of the audit log

It is the shape of a state folder, so that restoring is putting it in the place of one. The database is copied first:
an item is sealed before a row names it, and is gone before the row forgets it, so what a copied row names either is
there or was deleted meanwhile.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, create_engine, func, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import NullPool

from lazaretto.audit import AuditedStore, Event, Head, verify_connection
from lazaretto.audit.chain import Ledger
from lazaretto.ports import DeedKind
from lazaretto.private_files import new_private_file, open_regular, sync_folder
from lazaretto.quarantine.key import VaultError, identity_in
from lazaretto.state import DATABASE, StateError, StateMissing
from lazaretto.state.migrate import require_current
from lazaretto.state.outbox import DeedState
from lazaretto.state.schema import cases, outbox, parts

__all__ = ["KEY", "MANIFEST", "Backup", "BackupError", "check", "make", "take_over"]

MANIFEST = "manifest.json"
KEY = "vault.key"
_VAULT = "vault"
_RECIPIENT = f"{_VAULT}/recipient"
_FORMAT = 1
_PIECE = 1 << 20
_NUMBERS = 10_000  # more cases than are opened between two backups
_BUSY_SECONDS = 10.0
_NAMES = re.compile(rf"{re.escape(DATABASE)}|{re.escape(KEY)}|{_VAULT}/(recipient|[0-9a-f]{{32}}\.age)", re.ASCII)
_LONGEST_MANIFEST = 1 << 28  # bytes; an item takes some 130 of them

Tell = Callable[[str], None]


class BackupError(StateError):
    """A backup cannot be made, or is not one. The text says why and what to do."""


@dataclass(frozen=True, slots=True)
class Backup:
    """What is in a backup. head: `SEQ:HASH` of its audit log. problems: what is wrong with it, each in a sentence.

    gone: items that the database names and that were deleted while it was copied.
    """

    made_at: str
    head: str
    files: Mapping[str, Mapping[str, Any]]
    gone: tuple[str, ...] = ()
    problems: tuple[str, ...] = field(default=())

    @property
    def bytes(self) -> int:
        return sum(int(file["bytes"]) for file in self.files.values())


# ── Making one ────────────────────────────────────────────────────────────────────────────────────────────────────────


def make(state: Path, target: Path, *, with_key: bool, version: str, tell: Tell) -> Backup:
    """Back `state` up into the new folder `target`, durably: it has its name only once it is whole.

    version: of the program that makes it. tell: hears of the progress.
    Raises BackupError, StateError, OSError; then nothing is left of the try.
    """
    state, target = state.absolute(), target.absolute()
    _must_be_free(state, target)
    require_current(state / DATABASE)
    unfinished = target.with_name(f".{target.name}.unfinished")
    try:
        unfinished.mkdir(mode=0o700)
    except FileExistsError:
        raise BackupError(
            f"{unfinished} is there: another backup of this name is being made, or was interrupted. "
            "Remove that folder if none is"
        ) from None
    try:
        made = _fill(unfinished, state, with_key, version, tell)
        if target.exists():
            raise BackupError(f"{target} came into being meanwhile: give the backup another name")
        unfinished.rename(target)
    except BaseException:
        shutil.rmtree(unfinished, ignore_errors=True)
        raise
    sync_folder(target.parent)
    return made


def _must_be_free(state: Path, target: Path) -> None:
    if not (state / DATABASE).is_file():
        raise StateMissing(f"there is no state in {state}: name the folder that the bot uses")
    if target.exists() or target.is_symlink():
        raise BackupError(f"{target} exists, and a backup never overwrites anything: give it another name")
    if not target.parent.is_dir():
        raise BackupError(f"there is no folder {target.parent} to put the backup in: make it first")
    if target.is_relative_to(state):
        raise BackupError(f"{target} is within the state folder: a backup belongs on another disk")


def _fill(folder: Path, state: Path, with_key: bool, version: str, tell: Tell) -> Backup:
    made_at = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    tell("copying the database")
    _copy_database(state / DATABASE, folder / DATABASE)
    files = {DATABASE: _measured(folder / DATABASE)}
    with _reading(folder / DATABASE) as connection:
        items = sorted(connection.scalars(select(parts.c.item).where(parts.c.item.is_not(None)).distinct()))
        tell("verifying the audit log")
        verdict = verify_connection(connection)
    (folder / _VAULT).mkdir(mode=0o700)
    gone = []
    for number, item in enumerate(items, 1):
        name = f"{_VAULT}/{item}.age"
        if not _NAMES.fullmatch(name):  # out of a database that others may have written: never a path
            raise BackupError(f"{state / DATABASE} names {item[:40]!r} as an item of the vault, which is no id of one")
        try:
            files[name] = _copied(state / name, folder / name)
        except FileNotFoundError:
            gone.append(item)
        if number % 100 == 0 or number == len(items):
            tell(f"copied {number:,} of {len(items):,} files of the vault")
    for name in (_RECIPIENT, *((KEY,) if with_key else ())):
        if (state / name).exists():
            files[name] = _copied(state / name, folder / name)
    if with_key and items and KEY not in files:
        raise BackupError(f"{state / KEY} is missing: leave out --with-key, or restore the key first")
    head = str(verdict.head)
    problems = [f"the audit log is broken at record {verdict.fault.seq}: {verdict.fault.what}"] if verdict.fault else []
    problems += _lost(state / DATABASE, gone)
    manifest = {"format": _FORMAT, "lazaretto": version, "made_at": made_at, "audit_head": head, "files": files}
    _write(folder / MANIFEST, json.dumps({**manifest, "gone": gone}, indent=1, sort_keys=True).encode())
    sync_folder(folder / _VAULT)
    sync_folder(folder)
    return Backup(made_at, head, files, tuple(gone), tuple(problems))


def _copy_database(database: Path, copy: Path) -> None:
    """VACUUM INTO: one read transaction, so the bot goes on writing; deleted content is not in the copy."""
    os.close(new_private_file(copy))
    try:
        with closing(sqlite3.connect(database, timeout=_BUSY_SECONDS, isolation_level=None)) as origin:
            origin.execute("VACUUM INTO ?", (str(copy),))
    except sqlite3.Error as error:
        raise StateError(
            f"the state database {database} cannot be copied ({error}): see that there is room for the copy, and that "
            "this is run as the bot's user"
        ) from error
    _sync(copy)  # SQLite does not: https://www.sqlite.org/lang_vacuum.html#vacuuminto


def _lost(database: Path, gone: list[str]) -> list[str]:
    """Items that are named still, and are not there: not deleted meanwhile, but lost before."""
    with closing(sqlite3.connect(database, timeout=_BUSY_SECONDS)) as origin:
        named = {item for (item,) in origin.execute("SELECT item FROM parts WHERE item IS NOT NULL")}
    return [f"the vault lacks the file {item}, which the database names" for item in gone if item in named]


def _copied(source: Path, copy: Path) -> dict[str, Any]:
    """Copy a file durably. Answers its size and digest."""
    descriptor, _ = open_regular(source)
    digest, count = hashlib.sha256(), 0
    with os.fdopen(descriptor, "rb") as reader, os.fdopen(new_private_file(copy), "wb") as writer:
        while piece := reader.read(_PIECE):
            digest.update(piece)
            count += writer.write(piece)
        writer.flush()
        os.fsync(writer.fileno())
    return {"bytes": count, "sha256": digest.hexdigest()}


def _write(path: Path, data: bytes) -> None:
    with os.fdopen(new_private_file(path), "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _sync(path: Path) -> None:
    descriptor, _ = open_regular(path)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _measured(path: Path) -> dict[str, Any]:
    descriptor, status = open_regular(path)
    with os.fdopen(descriptor, "rb") as file:
        return {"bytes": status.st_size, "sha256": hashlib.file_digest(file, "sha256").hexdigest()}


@contextmanager
def _reading(database: Path) -> Iterator[Connection]:
    """A database at rest, of which nothing is written, not even its log."""
    address = f"{database.as_uri()}?immutable=1&mode=ro"
    engine = create_engine("sqlite://", creator=lambda: sqlite3.connect(address, uri=True), poolclass=NullPool)
    try:
        with engine.connect() as connection:
            yield connection
    finally:
        engine.dispose()


# ── Checking one ──────────────────────────────────────────────────────────────────────────────────────────────────────


def check(folder: Path, tell: Tell) -> Backup:
    """Read all of a backup. What is wrong with it is in its `problems`. Raises BackupError for what is no backup."""
    folder = folder.absolute()
    manifest = _manifest_in(folder)
    files: Mapping[str, Mapping[str, Any]] = manifest["files"]
    problems = []
    for number, (name, said) in enumerate(sorted(files.items()), 1):
        problems += _differs(folder, name, said)
        if number % 100 == 0 or number == len(files):
            tell(f"read {number:,} of {len(files):,} files")
    there = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir()}
    problems += [f"{name} is not in the manifest" for name in sorted(there - files.keys() - {MANIFEST})]
    if not problems:
        try:
            problems += _wrong_inside(folder, manifest)
        except SQLAlchemyError as error:
            problems += [f"{DATABASE} cannot be read: {getattr(error, 'orig', error)}"]
    return Backup(manifest["made_at"], manifest["audit_head"], files, tuple(manifest["gone"]), tuple(problems))


def _manifest_in(folder: Path) -> dict[str, Any]:
    try:
        with (folder / MANIFEST).open("rb") as file:
            manifest = json.loads(file.read(_LONGEST_MANIFEST))
        if manifest["format"] != _FORMAT:
            raise BackupError(f"{folder} is a backup of another format, {manifest['format']!r}: use a newer Lazaretto")
        Head.parse(manifest["audit_head"])
        names = [*manifest["files"], *(f"{_VAULT}/{item}.age" for item in manifest["gone"])]
        if not all(_NAMES.fullmatch(name) for name in names) or DATABASE not in names:
            raise ValueError("it names other files than those of a backup")
        datetime.fromisoformat(manifest["made_at"])
    except OSError as error:
        raise BackupError(f"{folder} is no backup: {MANIFEST} cannot be read ({error.strerror})") from None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise BackupError(f"{folder / MANIFEST} is not what a backup has ({error}): take another one") from None
    return dict(manifest)


def _differs(folder: Path, name: str, said: Mapping[str, Any]) -> list[str]:
    try:
        found = _measured(folder / name)
    except OSError as error:
        return [f"{name} cannot be read: {error.strerror}"]
    return [] if found == said else [f"{name} is not as it was copied: {found['bytes']:,} bytes, changed"]


def _wrong_inside(folder: Path, manifest: Mapping[str, Any]) -> Iterator[str]:
    with _reading(folder / DATABASE) as connection:
        sound = connection.exec_driver_sql("PRAGMA quick_check(1)").scalar()
        if sound != "ok":
            yield f"{DATABASE} is damaged: {sound}"
            return
        fault = verify_connection(connection, Head.parse(manifest["audit_head"])).fault
        if fault is not None:
            yield f"the audit log is broken at record {fault.seq}: {fault.what}"
        items = connection.scalars(select(parts.c.item).where(parts.c.item.is_not(None)))
        named = {f"{_VAULT}/{item}.age" for item in items} - {f"{_VAULT}/{item}.age" for item in manifest["gone"]}
    for name in sorted(named - manifest["files"].keys()):
        yield f"{name} is missing, and the database names it"
    if KEY in manifest["files"] and _RECIPIENT in manifest["files"]:
        try:
            public = str(identity_in(folder / KEY, may_make=False).to_public())
        except VaultError as error:
            yield str(error)
            return
        if public != (folder / _RECIPIENT).read_text(encoding="ascii", errors="replace").strip():
            yield f"{KEY} is the key of another vault"


# ── Going on from one ─────────────────────────────────────────────────────────────────────────────────────────────────


async def take_over(store: AuditedStore) -> bool:
    """Begin on a state that was restored, which its manifest shows. Answers whether it was.

    What was still to be done when the backup was made may have been done since: as after a crash, a card says that it
    may have been seen before, and of a release a moderator is asked. Cases opened since are lost, but their cards are
    not: numbers go on far behind them, so that no old card speaks of a new case.
    """
    folder = store.state.folder
    if not (folder / MANIFEST).is_file():
        return False
    manifest = _manifest_in(folder)

    def mark(ledger: Ledger) -> None:
        intended = outbox.c.state == DeedState.INTENDED
        uncertain = intended & outbox.c.kind.in_((DeedKind.PUBLISH, DeedKind.CARD))
        ledger.connection.execute(outbox.update().where(uncertain).values(state=DeedState.ATTEMPTED))
        last = ledger.connection.scalar(select(func.max(cases.c.id))) or 0
        ledger.connection.exec_driver_sql("DELETE FROM sqlite_sequence WHERE name = 'cases'")
        ledger.connection.exec_driver_sql("INSERT INTO sqlite_sequence VALUES ('cases', ?)", (last + _NUMBERS,))
        ledger.append(Event.RESTORED, {"made_at": manifest["made_at"], "head": manifest["audit_head"]})

    await store.write(mark)
    (folder / MANIFEST).unlink()
    sync_folder(folder)
    return True
