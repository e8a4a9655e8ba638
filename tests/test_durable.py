"""What gets its name by a rename is on the disk before it, and the rename itself right after.

A file that is named before its bytes are on the disk may be empty after a power cut; a rename that is not synced may be
undone by one.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cli.terminal import call
from lazaretto.audit import AuditedStore
from lazaretto.backup import KEY, MANIFEST, make
from lazaretto.quarantine import AgeVault
from lazaretto.state import DATABASE
from lazaretto.state.migrate import SCRIPTS, migrate

ROOT = Path(__file__).parents[1]
KNOWN = {"backup.py", "quarantine/key.py", "quarantine/vault.py"}
"""Modules that rename, each tested below. `cli/init.py` replaces."""


class Disk:
    """What was synced and renamed, in order."""

    def __init__(self) -> None:
        self.steps: list[str] = []

    def record(self, patch: pytest.MonkeyPatch) -> None:
        real_fsync = os.fsync
        for name in ("rename", "replace"):
            patch.setattr(Path, name, self._renaming(getattr(Path, name)))

        def fsync(descriptor: int) -> None:
            self.steps.append(f"sync {Path(f'/proc/self/fd/{descriptor}').readlink()}")
            real_fsync(descriptor)

        patch.setattr(os, "fsync", fsync)

    def _renaming(self, real: Callable[[Path, Any], Path]) -> Callable[[Path, Any], Path]:
        def rename(origin: Path, target: Any) -> Path:
            self.steps.append(f"rename {origin} {target}")
            return real(origin, target)

        return rename

    def durable(self, target: Path) -> list[str]:
        """Asserts that `target` was synced, renamed, and its folder synced at once. Answers what came before."""
        (index,) = [
            n for n, step in enumerate(self.steps) if step.startswith("rename ") and step.endswith(f" {target}")
        ]
        origin = self.steps[index].split()[1]
        assert f"sync {origin}" in self.steps[:index]
        assert self.steps[index + 1] == f"sync {target.parent}"
        return self.steps[:index]


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    disk = Disk()
    disk.record(monkeypatch)
    return disk


async def test_a_sealed_item_and_the_vaults_key(tmp_path: Path, disk: Disk) -> None:
    (tmp_path / "held").write_bytes(b"x" * 100_000)
    vault = AgeVault(tmp_path / "vault", tmp_path / KEY)
    item = await vault.seal(tmp_path / "held")
    before = disk.durable(tmp_path / "vault" / f"{item}.age")
    disk.durable(tmp_path / KEY)
    assert f"sync {tmp_path}" in before  # the key is durable before anything is sealed to it
    await vault.shred(item)
    assert disk.steps[-1] == f"sync {tmp_path / 'vault'}"


async def test_a_backup(tmp_path: Path, disk: Disk) -> None:
    async with AuditedStore.open(tmp_path / "state") as store:
        await AgeVault(store.state.folder / "vault", store.state.folder / KEY).items()
    make(tmp_path / "state", tmp_path / "backup", with_key=True, version="1", tell=lambda _: None)
    unfinished = tmp_path / ".backup.unfinished"
    before = disk.durable(tmp_path / "backup")
    files = (DATABASE, "vault/recipient", KEY, MANIFEST, "vault")
    assert [name for name in files if f"sync {unfinished / name}" not in before] == []
    assert before.index(f"sync {unfinished}") > before.index(f"sync {unfinished / MANIFEST}")


def test_a_configuration(tmp_path: Path, disk: Disk) -> None:
    target = tmp_path / "config" / "lazaretto.toml"
    assert call("init", "--config", target.parent, "--owners", "1", "--moderators", "-5", stdin="\n").returncode == 0
    disk.durable(target)


def test_the_copy_before_a_migration_is_on_the_disk_before_anything_is_changed(tmp_path: Path, disk: Disk) -> None:
    database, older = tmp_path / DATABASE, tmp_path / "older"
    database.touch()
    shutil.copytree(SCRIPTS, older, ignore=shutil.ignore_patterns("__pycache__", "v000[2-9]*", "v00[1-9]*"))
    migrate(database, older)
    migrate(database)
    (copy,) = tmp_path.glob(f"{DATABASE}.before-*")
    assert disk.steps == [f"sync {copy}", f"sync {tmp_path}"]


def test_nothing_else_renames() -> None:
    source = ROOT / "bot" / "lazaretto"
    renaming = re.compile(r"\.rename\(|os\.(replace|rename)|shutil\.move")
    found = {
        path.relative_to(source).as_posix() for path in source.rglob("*.py") if renaming.search(path.read_text("utf-8"))
    }
    assert found - {path for path in found if path.startswith("emulator/")} == KNOWN
