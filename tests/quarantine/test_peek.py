"""A few bytes of a sealed file: the right ones, and nothing of the vault is touched."""

from __future__ import annotations

from pathlib import Path

import pytest

from lazaretto.quarantine import AgeVault, VaultError
from lazaretto.quarantine.peek import hex_lines, peek

CONTENT = bytes(range(251)) * 1200  # several of age's pieces of 64 KiB


@pytest.fixture
async def sealed(tmp_path: Path) -> tuple[Path, Path, str]:
    """Vault, key file, item."""
    (tmp_path / "file").write_bytes(CONTENT)
    vault, key = tmp_path / "vault", tmp_path / "vault.key"
    return vault, key, await AgeVault(vault, key).seal(tmp_path / "file")


@pytest.mark.parametrize("offset", [0, 1, 65_530, 65_536, 200_000, len(CONTENT) - 10, len(CONTENT), 10**9])
async def test_the_bytes_are_those_that_were_sealed(sealed: tuple[Path, Path, str], offset: int) -> None:
    assert peek(*sealed, offset, 48) == CONTENT[offset : offset + 48]


async def test_what_the_running_bot_is_busy_with_is_left_alone(sealed: tuple[Path, Path, str]) -> None:
    vault = sealed[0]
    busy = [vault / "unsealed" / "plain", vault / f".{'0' * 32}.sealing"]
    for file in busy:
        file.write_bytes(b"under way")
    before = sorted(vault.rglob("*"))
    peek(*sealed, 100, 16)
    assert sorted(vault.rglob("*")) == before


async def test_without_item_or_key_it_says_which(sealed: tuple[Path, Path, str]) -> None:
    vault, key, item = sealed
    with pytest.raises(FileNotFoundError):
        peek(vault, key, "0" * 32, 0, 16)
    with pytest.raises(ValueError, match="no id"):
        peek(vault, key, "../secret", 0, 16)
    key.unlink()
    with pytest.raises(VaultError, match="is missing"):
        peek(vault, key, item, 0, 16)
    assert not key.exists(), "no new key is made"


async def test_a_changed_item_is_told_and_not_shown(sealed: tuple[Path, Path, str]) -> None:
    vault, _, item = sealed
    file = vault / f"{item}.age"
    file.write_bytes(file.read_bytes()[:-40_000])
    with pytest.raises(VaultError, match="not what was sealed"):
        peek(*sealed, len(CONTENT) - 50, 48)


def test_lines_of_hex_have_offsets_and_show_no_control_characters() -> None:
    assert hex_lines(b"MZ\x90\x00\x1b[2J%PDF-1.7", 0x1230) == [
        "00001230  4d 5a 90 00 1b 5b 32 4a 25 50 44 46 2d 31 2e 37  MZ...[2J%PDF-1.7"
    ]
    assert hex_lines(b"ab", 0) == [f"00000000  {'61 62':<47}  ab"]
    assert hex_lines(b"", 5) == []
