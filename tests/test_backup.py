"""A backup is of one moment, whole or not there, and a bot goes on from it."""

from __future__ import annotations

import asyncio
import hashlib
import json
import shutil
import sqlite3
import stat
from collections.abc import AsyncIterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import create_engine
from sqlalchemy.pool import NullPool

from audit.samples import ANN, MOD, Clock, attachment, decide, decision, events, kinds, only, open_case, report
from lazaretto.audit import AuditedStore, Event, Head, Ledger, head, verify_database
from lazaretto.backup import KEY, MANIFEST, Backup, BackupError, check, make, take_over
from lazaretto.model import Action, SealedPart
from lazaretto.ports import DeedKind
from lazaretto.quarantine import AgeVault
from lazaretto.state import DATABASE, StateError, StateMissing
from lazaretto.state.migrate import migrate, require_current
from state.older import OLDER, program_of

CONTENT = b"MZ held back" * 1000


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "state"


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "backup"


@pytest.fixture
async def store(folder: Path) -> AsyncIterator[AuditedStore]:
    async with AuditedStore.open(folder, clock=Clock()) as opened:
        yield opened


def vault_of(folder: Path) -> AgeVault:
    return AgeVault(folder / "vault", folder / KEY)


async def sealed_case(store: AuditedStore, number: int = 1) -> str:
    """A case with a real file in the vault. Answers the item's id."""
    held = store.state.folder.parent / "held"
    held.write_bytes(CONTENT)
    item = await vault_of(store.state.folder).seal(held)
    await store.take_in(attachment(number), "{}")
    sealed = [SealedPart(0, item, "ab" * 32, len(CONTENT))]
    await store.decided(attachment(number), [report()], decision(), sealed, moderators="-1009999", policy="p")
    return item


def back_up(folder: Path, target: Path, *, with_key: bool = False) -> Backup:
    return make(folder, target, with_key=with_key, version="1.0", tell=lambda _: None)


def problems_of(target: Path) -> tuple[str, ...]:
    return check(target, lambda _: None).problems


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


async def test_a_backup_beside_the_running_bot_is_whole_and_private(
    store: AuditedStore, folder: Path, target: Path
) -> None:
    item = await sealed_case(store)
    said: list[str] = []
    made = make(folder, target, with_key=False, version="1.0", tell=said.append)
    files = {path.relative_to(target).as_posix() for path in target.rglob("*") if path.is_file()}
    assert files == {DATABASE, f"vault/{item}.age", "vault/recipient", MANIFEST}
    assert {mode(path) for path in target.rglob("*") if path.is_file()} == {0o600}
    assert (mode(target), mode(target / "vault")) == (0o700, 0o700)
    assert (made.problems, made.gone, made.head) == ((), (), await store.head())
    assert problems_of(target) == ()
    assert any("1 of 1 files" in line for line in said)


async def test_the_bot_writes_on_while_it_is_backed_up(store: AuditedStore, folder: Path, target: Path) -> None:
    await sealed_case(store)
    writing = asyncio.gather(*(store.record(Event.STARTED, {"version": str(n)}) for n in range(200)))
    made = await asyncio.to_thread(back_up, folder, target)
    await writing
    assert made.problems == ()
    noted = Head.parse(made.head)
    assert (await verify_database(folder, noted)).fault is None  # the copy is a moment that was
    assert problems_of(target) == ()


async def test_what_was_erased_is_not_in_a_later_backup(store: AuditedStore, folder: Path, target: Path) -> None:
    await open_case(store, Action.FLAG)
    await store.erase(ANN.platform, ANN.id)
    back_up(folder, target)
    assert "Ann Überall".encode() not in (target / DATABASE).read_bytes()


@pytest.mark.parametrize("with_key", [True, False])
async def test_the_key_is_in_it_only_if_asked_for(
    store: AuditedStore, folder: Path, target: Path, with_key: bool
) -> None:
    await sealed_case(store)
    back_up(folder, target, with_key=with_key)
    assert (target / KEY).exists() is with_key
    everything = b"".join(path.read_bytes() for path in target.rglob("*") if path.is_file())
    assert (b"AGE-SECRET-KEY" in everything) is with_key
    assert problems_of(target) == ()


async def test_nothing_is_overwritten(store: AuditedStore, folder: Path, target: Path) -> None:
    target.mkdir()
    with pytest.raises(BackupError, match="never overwrites"):
        back_up(folder, target)
    target.rmdir()
    target.with_name(".backup.unfinished").mkdir()
    with pytest.raises(BackupError, match="was interrupted"):
        back_up(folder, target)
    with pytest.raises(BackupError, match="another disk"):
        back_up(folder, folder / "backup")
    with pytest.raises(BackupError, match="make it first"):
        back_up(folder, target / "far" / "away")
    with pytest.raises(StateMissing, match="no state"):
        back_up(target / "nowhere", target)


async def test_a_backup_that_fails_leaves_nothing(
    store: AuditedStore, folder: Path, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await sealed_case(store)
    before = sorted(folder.parent.iterdir())

    def full(_path: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("lazaretto.backup._sync", full)
    with pytest.raises(OSError, match="No space"):
        back_up(folder, target)
    assert sorted(folder.parent.iterdir()) == before


async def test_a_file_that_was_shredded_meanwhile_is_told_of_and_one_that_is_lost_is_a_problem(
    store: AuditedStore, folder: Path, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shredded, lost = await sealed_case(store, 1), await sealed_case(store, 2)

    def meanwhile(progress: str) -> None:
        if progress == "verifying the audit log":
            for item in (shredded, lost):
                (folder / "vault" / f"{item}.age").unlink()
            with closing(sqlite3.connect(folder / DATABASE)) as other, other:
                other.execute("UPDATE parts SET item = NULL WHERE item = ?", (shredded,))

    made = make(folder, target, with_key=False, version="1.0", tell=meanwhile)
    assert set(made.gone) == {shredded, lost}
    assert made.problems == (f"the vault lacks the file {lost}, which the database names",)


@pytest.mark.parametrize(
    ("harm", "word"),
    [
        (lambda b: (b / DATABASE).write_bytes((b / DATABASE).read_bytes()[:-1] + b"x"), "is not as it was copied"),
        (lambda b: (b / "vault" / "recipient").unlink(), "cannot be read"),
        (lambda b: next(b.glob("vault/*.age")).write_bytes(b""), "is not as it was copied"),
        (lambda b: (b / "stranger").write_bytes(b""), "is not in the manifest"),
        (lambda b: (b / KEY).write_text("AGE-SECRET-KEY-1"), "is not as it was copied"),
    ],
    ids=["database", "recipient", "item", "stranger", "key"],
)
async def test_a_changed_backup_is_noticed(
    store: AuditedStore, folder: Path, target: Path, harm: object, word: str
) -> None:
    await sealed_case(store)
    back_up(folder, target, with_key=True)
    harm(target)  # type: ignore[operator]
    assert any(word in problem for problem in problems_of(target))


async def test_a_backup_with_another_vaults_key_or_a_broken_log_is_noticed(
    store: AuditedStore, folder: Path, target: Path, tmp_path: Path
) -> None:
    await sealed_case(store)
    await vault_of(tmp_path / "other").items()
    shutil.copy(tmp_path / "other" / KEY, folder / KEY)
    made = back_up(folder, target, with_key=True)
    assert problems_of(target) == (f"{KEY} is the key of another vault",)
    manifest = json.loads((target / MANIFEST).read_text())
    assert manifest["audit_head"] == made.head
    manifest["audit_head"] = f"1:{'0' * 64}"
    (target / MANIFEST).write_text(json.dumps(manifest))
    assert any("the audit log is broken at record 1" in problem for problem in problems_of(target))


async def test_a_path_may_be_odd_or_relative(
    store: AuditedStore, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    odd = Path("100%s of #it? 'x'")
    assert back_up(folder, odd).problems == ()
    assert problems_of(odd) == ()


async def test_a_file_that_is_no_database_is_told_of(store: AuditedStore, folder: Path, target: Path) -> None:
    back_up(folder, target)
    manifest = json.loads((target / MANIFEST).read_text())
    (target / DATABASE).write_bytes(b"holiday pictures " * 100)
    content = b"holiday pictures " * 100
    manifest["files"][DATABASE] = {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    (target / MANIFEST).write_text(json.dumps(manifest))
    assert problems_of(target) == (f"{DATABASE} cannot be read: file is not a database",)


@pytest.mark.parametrize(
    "manifest",
    [
        "",
        "[]",
        "null",
        '{"format": 1}',
        '{"format": 2}',
        '{"format":1,"made_at":"2026-01-01","audit_head":"0:%s","gone":[],"files":{"../state":{}}}' % ("0" * 64),
        '{"format":1,"made_at":"x","audit_head":"0:%s","gone":[],"files":{"lazaretto.db":{}}}' % ("0" * 64),
        "[" * 100_000,
    ],
)
def test_what_is_no_backup_is_said_to_be_none(target: Path, manifest: str) -> None:
    target.mkdir()
    (target / MANIFEST).write_text(manifest)
    with pytest.raises(BackupError):
        problems_of(target)
    with pytest.raises(BackupError, match="cannot be read"):
        problems_of(target / "nothing")


async def test_a_database_that_names_a_path_takes_nothing_along(
    store: AuditedStore, folder: Path, target: Path, tmp_path: Path
) -> None:
    (tmp_path / "secret.age").write_bytes(b"not ours")
    await decide(store)
    with closing(sqlite3.connect(folder / DATABASE)) as other, other:
        other.execute("UPDATE parts SET item = '../../secret'")
    with pytest.raises(BackupError, match="no id of one"):
        back_up(folder, target)
    assert not target.exists()


# ── Going on ──────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_restored_state_goes_on_where_the_backup_was_made(
    store: AuditedStore, folder: Path, target: Path
) -> None:
    item = await sealed_case(store)
    await store.take_in(attachment(2), '{"update_id": 7}')
    made = back_up(folder, target, with_key=True)
    await store.record(Event.STOPPED, {})
    assert (await verify_database(target, Head.parse(made.head))).fault is None
    async with AuditedStore.open(target, clock=Clock()) as again:
        assert await take_over(again)
        assert not await take_over(again)
        assert [pending.attachment.id for pending in await again.pending()] == ["att-1", "att-2"]
        assert (await events(again))[-1] == "restored"
        async with vault_of(target).unsealed(item) as plain:
            assert plain.read_bytes() == CONTENT


@pytest.mark.parametrize("version", OLDER)
async def test_a_backup_of_an_older_version_is_checked_restored_and_upgraded(
    folder: Path, target: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: int
) -> None:
    scripts = program_of(version, tmp_path)
    folder.mkdir(mode=0o700)
    (folder / DATABASE).touch(mode=0o600)
    migrate(folder / DATABASE, scripts)
    (tmp_path / "held").write_bytes(CONTENT)
    item = await vault_of(folder).seal(tmp_path / "held")
    noted = older_case(folder / DATABASE, item)
    with monkeypatch.context() as older:
        older.setattr("lazaretto.backup.require_current", lambda database: require_current(database, scripts))
        made = back_up(folder, target, with_key=True)
    assert (made.head, problems_of(target)) == (noted, ())
    async with AuditedStore.open(target, clock=Clock()) as again:
        assert await take_over(again)
        assert (await events(again))[-1] == "restored"
        assert [pending.attachment.id for pending in await again.pending()] == ["a"]
        async with vault_of(target).unsealed(item) as plain:
            assert plain.read_bytes() == CONTENT
    assert (await verify_database(target, Head.parse(noted))).fault is None
    assert list(target.glob(f"{DATABASE}.before-*"))  # and there is a way back


def older_case(database: Path, item: str) -> str:
    """An attachment with a file in the vault, in columns that every version has. Answers the audit log's head."""
    with create_engine(f"sqlite:///{database}", poolclass=NullPool).begin() as connection:
        connection.exec_driver_sql(
            "INSERT INTO attachments (id, platform, chat, message, private, channel, update_id, kind, subject,"
            " posted_at, received_at, state) VALUES ('a', 'telegram', '-1', '5', 0, 0, '9', 'document', 's',"
            " '2026-01-01T00:00:00.000000Z', '2026-01-01T00:00:00.000000Z', 'received')"
        )
        connection.exec_driver_sql(
            "INSERT INTO parts (attachment, part, file_id, unique_id, path, item) VALUES ('a', 0, 'f', 'u', 'p', ?)",
            (item,),
        )
        connection.exec_driver_sql("INSERT INTO updates (attachment, json) VALUES ('a', '{}')")
        Ledger(connection, datetime(2026, 1, 1, tzinfo=UTC)).append(Event.STOPPED)
        return str(head(connection))


async def test_what_may_have_been_done_since_is_not_done_twice_unasked(
    store: AuditedStore, folder: Path, target: Path
) -> None:
    await sealed_case(store)
    for deed in await store.due():
        await store.done(deed, "900")
    await store.release(1, MOD, days=1)
    await decide(store, Action.FLAG, number=2)
    back_up(folder, target)
    assert not (await only(store, DeedKind.PUBLISH)).attempted
    async with AuditedStore.open(target, clock=Clock()) as again:
        await take_over(again)
        due = {deed.kind: deed.attempted for deed in await again.due()}
    assert due[DeedKind.PUBLISH]  # a moderator is asked
    assert due[DeedKind.CARD]  # it says that it may have been seen before
    assert DeedKind.PUBLISH in await kinds(store)


async def test_no_card_of_a_lost_case_speaks_of_a_new_one(store: AuditedStore, folder: Path, target: Path) -> None:
    await decide(store, Action.FLAG, number=1)
    back_up(folder, target)
    lost = await decide(store, Action.FLAG, number=2)
    async with AuditedStore.open(target, clock=Clock()) as again:
        await take_over(again)
        new = await decide(again, Action.FLAG, number=3)
        assert lost is not None
        assert await again.release(lost.id, MOD, days=1) == f"There is no case {lost.id}."
    assert new is not None
    assert new.id == 10_002


async def test_a_state_that_was_never_restored_is_left_alone(store: AuditedStore) -> None:
    assert not await take_over(store)
    assert await events(store) == []


async def test_a_state_with_a_foreign_manifest_does_not_start(store: AuditedStore, folder: Path) -> None:
    (folder / MANIFEST).write_text("{}")
    with pytest.raises(StateError, match="not what a backup has"):
        await take_over(store)
