"""The vault gives back what was sealed or says that it cannot, and leaves no plaintext behind."""

from __future__ import annotations

import asyncio
import resource
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from lazaretto.ports import VaultFull
from lazaretto.quarantine import AgeVault, ItemDamaged, VaultKeyError

BYTES = bytes(range(256)) * 1024  # several of the blocks that age authenticates


@pytest.fixture
def vault(tmp_path: Path) -> AgeVault:
    return AgeVault(tmp_path / "vault", tmp_path / "vault.key")


@pytest.fixture
def held(tmp_path: Path) -> Path:
    file = tmp_path / "held"
    file.write_bytes(BYTES)
    return file


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def sealed_file(tmp_path: Path, item: str) -> Path:
    return tmp_path / "vault" / f"{item}.age"


@contextmanager
def room_for(count: int) -> Iterator[None]:
    """Files of ours cannot grow beyond `count` bytes, as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (count, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("content", [b"", b"x", BYTES], ids=["empty", "one-byte", "blocks"])
async def test_what_was_sealed_comes_out(vault: AgeVault, held: Path, content: bytes) -> None:
    held.write_bytes(content)
    item = await vault.seal(held)
    async with vault.unsealed(item) as plain:
        assert plain.read_bytes() == content
    assert not plain.exists()
    assert await vault.items() == {item}


async def test_a_later_run_opens_what_an_earlier_one_sealed(vault: AgeVault, held: Path, tmp_path: Path) -> None:
    item = await vault.seal(held)
    async with AgeVault(tmp_path / "vault", tmp_path / "vault.key").unsealed(item) as plain:
        assert plain.read_bytes() == BYTES


async def test_the_vault_holds_no_plaintext(vault: AgeVault, held: Path, tmp_path: Path) -> None:
    held.write_bytes(b"the secret of the letter" * 100)
    item = await vault.seal(held)
    async with vault.unsealed(item):
        pass
    everything = b"".join(path.read_bytes() for path in (tmp_path / "vault").rglob("*") if path.is_file())
    assert b"secret" not in everything
    assert b"AGE-SECRET-KEY" not in everything


async def test_nobody_else_can_read_anything(vault: AgeVault, held: Path, tmp_path: Path) -> None:
    item = await vault.seal(held)
    async with vault.unsealed(item) as plain:
        files = [tmp_path / "vault.key", sealed_file(tmp_path, item), plain]
        assert [mode(file) for file in files] == [0o600] * 3
        assert [mode(folder) for folder in (tmp_path / "vault", plain.parent)] == [0o700] * 2
        assert plain.is_relative_to(tmp_path / "vault")


@pytest.mark.parametrize("place", [0, 60, 400, 100_000, -1])
async def test_one_changed_byte_is_noticed(vault: AgeVault, held: Path, tmp_path: Path, place: int) -> None:
    item = await vault.seal(held)
    changed = bytearray(sealed_file(tmp_path, item).read_bytes())
    changed[place] ^= 1
    sealed_file(tmp_path, item).write_bytes(changed)
    with pytest.raises(ItemDamaged, match=item):
        async with vault.unsealed(item):
            pytest.fail("a changed item was handed out")
    assert list((tmp_path / "vault" / "unsealed").iterdir()) == []


@pytest.mark.parametrize("kept", [0, 100, 70_000])
async def test_a_shortened_item_is_noticed(vault: AgeVault, held: Path, tmp_path: Path, kept: int) -> None:
    item = await vault.seal(held)
    sealed_file(tmp_path, item).write_bytes(sealed_file(tmp_path, item).read_bytes()[:kept])
    with pytest.raises(ItemDamaged, match="Restore it"):
        async with vault.unsealed(item):
            pytest.fail("a shortened item was handed out")


@pytest.mark.parametrize("item", ["", "../vault.key", "0" * 31, "0" * 33, "0" * 31 + "G", "A" * 32, "0" * 32 + "\n"])
async def test_what_is_no_id_never_becomes_a_path(vault: AgeVault, item: str) -> None:
    with pytest.raises(ValueError, match="no id"):
        async with vault.unsealed(item):
            pytest.fail("opened")
    with pytest.raises(ValueError, match="no id"):
        await vault.shred(item)


async def test_shredding_twice_is_no_error(vault: AgeVault, held: Path) -> None:
    item = await vault.seal(held)
    await vault.shred(item)
    await vault.shred(item)
    assert await vault.items() == frozenset()
    with pytest.raises(FileNotFoundError):
        async with vault.unsealed(item):
            pytest.fail("a shredded item was handed out")


async def test_orphans_are_the_items_that_nobody_knows(vault: AgeVault, held: Path) -> None:
    known, unknown = await vault.seal(held), await vault.seal(held)
    assert await vault.orphans([known, "0" * 32]) == {unknown}


async def test_a_full_disk_leaves_no_half_item(vault: AgeVault, held: Path, tmp_path: Path) -> None:
    await vault.items()
    before = sorted((tmp_path / "vault").rglob("*"))
    with room_for(8192), pytest.raises(OSError, match="File too large"):
        await vault.seal(held)
    assert sorted((tmp_path / "vault").rglob("*")) == before
    assert await vault.items() == frozenset()


async def test_a_full_disk_while_unsealing_is_not_taken_for_damage(vault: AgeVault, held: Path, tmp_path: Path) -> None:
    item = await vault.seal(held)
    with room_for(8192), pytest.raises(OSError, match="File too large"):
        async with vault.unsealed(item):
            pytest.fail("half an item was handed out")
    assert list((tmp_path / "vault" / "unsealed").iterdir()) == []


async def test_only_regular_files_are_sealed(vault: AgeVault, tmp_path: Path) -> None:
    with pytest.raises(IsADirectoryError):
        await vault.seal(tmp_path)
    with pytest.raises(FileNotFoundError):
        await vault.seal(tmp_path / "absent")
    assert await vault.items() == frozenset()


async def test_what_a_crash_left_behind_is_swept(vault: AgeVault, held: Path, tmp_path: Path) -> None:
    item = await vault.seal(held)
    (tmp_path / "vault" / ".00.sealing").write_bytes(b"half")
    (tmp_path / "vault" / "unsealed" / "00").write_bytes(b"plaintext")
    assert await AgeVault(tmp_path / "vault", tmp_path / "vault.key").items() == {item}
    assert not (tmp_path / "vault" / ".00.sealing").exists()
    assert not (tmp_path / "vault" / "unsealed" / "00").exists()


async def test_a_cancelled_unsealing_leaves_no_plaintext(vault: AgeVault, held: Path, tmp_path: Path) -> None:
    item = await vault.seal(held)

    async def look() -> None:
        async with vault.unsealed(item):
            await asyncio.Event().wait()

    for turns in (1, 2, 3, 5, 50, 500):
        task = asyncio.ensure_future(look())
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    async with asyncio.timeout(10):
        while list((tmp_path / "vault" / "unsealed").iterdir()):
            await asyncio.sleep(0)


async def test_many_first_uses_at_once_make_one_key(vault: AgeVault, held: Path) -> None:
    items = await asyncio.gather(*(vault.seal(held) for _ in range(8)))
    for item in items:
        async with vault.unsealed(item) as plain:
            assert plain.read_bytes() == BYTES


# ── the key file ──────────────────────────────────────────────────────────────────────────────────────────────────


async def refusal(tmp_path: Path) -> str:
    with pytest.raises(VaultKeyError) as refused:
        await AgeVault(tmp_path / "vault", tmp_path / "vault.key").items()
    return str(refused.value)


async def test_a_lost_key_is_not_silently_replaced(vault: AgeVault, held: Path, tmp_path: Path) -> None:
    await vault.seal(held)
    (tmp_path / "vault.key").unlink()
    assert "restore it from its backup" in await refusal(tmp_path)
    assert not (tmp_path / "vault.key").exists()


async def test_the_key_of_another_vault_is_refused(vault: AgeVault, held: Path, tmp_path: Path) -> None:
    await vault.seal(held)
    await AgeVault(tmp_path / "other", tmp_path / "other.key").items()
    (tmp_path / "other.key").rename(tmp_path / "vault.key")
    assert "is the key of another vault" in await refusal(tmp_path)


async def test_a_new_key_may_begin_an_empty_vault(vault: AgeVault, held: Path, tmp_path: Path) -> None:
    await vault.items()
    (tmp_path / "vault.key").unlink()
    again = AgeVault(tmp_path / "vault", tmp_path / "vault.key")
    async with again.unsealed(await again.seal(held)) as plain:
        assert plain.read_bytes() == BYTES


@pytest.mark.parametrize("content", [b"", b"hello\n", b"AGE-SECRET-KEY-1QQQ\n", b"\xff\xfe" * 10_000])
async def test_a_foreign_key_file_is_refused_and_not_quoted(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "vault.key").write_bytes(content)
    (tmp_path / "vault.key").chmod(0o600)
    message = await refusal(tmp_path)
    assert "holds no age key" in message
    assert "QQQ" not in message
    assert (tmp_path / "vault.key").read_bytes() == content


async def test_a_key_that_others_can_read_is_refused(vault: AgeVault, tmp_path: Path) -> None:
    await vault.items()
    (tmp_path / "vault.key").chmod(0o640)
    assert "chmod 600" in await refusal(tmp_path)


async def test_a_vault_that_others_can_enter_is_refused(vault: AgeVault, tmp_path: Path) -> None:
    (tmp_path / "vault").mkdir()
    (tmp_path / "vault").chmod(0o750)
    with pytest.raises(PermissionError, match="chmod 700"):
        await vault.items()


async def test_a_vault_takes_no_more_than_its_quota_and_has_room_again_after_a_shredding(
    tmp_path: Path, held: Path
) -> None:
    vault = AgeVault(tmp_path / "vault", tmp_path / "vault.key", most=600_000)  # two of 262,144 bytes
    first, _ = await vault.seal(held), await vault.seal(held)
    with pytest.raises(VaultFull, match="at most 600000 bytes"):
        await vault.seal(held)
    assert len(list((tmp_path / "vault").glob("*.age"))) == 2
    await vault.shred(first)
    await vault.shred(first)  # what is gone gives no room twice
    await vault.seal(held)
    with pytest.raises(VaultFull):
        await vault.seal(held)


async def test_a_shredding_that_could_not_be_made_durable_gives_its_room_back_all_the_same(
    tmp_path: Path, held: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    vault = AgeVault(tmp_path / "vault", tmp_path / "vault.key", most=300_000)
    item = await vault.seal(held)

    def fails(_folder: Path) -> None:
        raise OSError("the disk does not answer")

    with monkeypatch.context() as broken:
        broken.setattr("lazaretto.quarantine.vault.sync_folder", fails)
        with pytest.raises(OSError, match="does not answer"):
            await vault.shred(item)
    await vault.shred(item)
    await vault.seal(held)


async def test_a_later_run_counts_what_an_earlier_one_sealed(tmp_path: Path, held: Path) -> None:
    await AgeVault(tmp_path / "vault", tmp_path / "vault.key").seal(held)
    vault = AgeVault(tmp_path / "vault", tmp_path / "vault.key", most=300_000)
    with pytest.raises(VaultFull):
        await vault.seal(held)


async def test_a_sealing_that_failed_takes_no_room(tmp_path: Path, held: Path) -> None:
    vault = AgeVault(tmp_path / "vault", tmp_path / "vault.key", most=300_000)
    await vault.items()  # folder and key are there
    with room_for(10_000), pytest.raises(OSError, match="File too large"):
        await vault.seal(held)
    await vault.seal(held)


async def test_a_sealing_that_could_not_be_made_durable_leaves_nothing_and_takes_no_room(
    tmp_path: Path, held: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody learns the id of what it leaves, and a full vault would have been full of it until the next start."""
    vault = AgeVault(tmp_path / "vault", tmp_path / "vault.key", most=300_000)

    def fails(_folder: Path) -> None:
        raise OSError("the disk does not answer")

    with monkeypatch.context() as broken:
        broken.setattr("lazaretto.quarantine.vault.sync_folder", fails)
        with pytest.raises(OSError, match="does not answer"):
            await vault.seal(held)
    assert await vault.items() == frozenset()
    await vault.seal(held)
