"""The bytes around a finding, as far as the vault still has them and its key can be read here."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from lazaretto.quarantine import VaultError
from lazaretto.quarantine.peek import hex_lines, peek
from lazaretto_validators import Finding

__all__ = ["Bytes"]

_BEFORE, _BEHIND = 16, 32
"""Two lines of hex before the end of the finding's own: what it is in, and what it is."""

_MOST = 8
"""Findings of one file whose bytes are shown: each decrypts the file up to there."""


class Bytes:
    """One file of a case. why_not: why its bytes are not shown, once that is known."""

    def __init__(self, state: Path, item: str | None) -> None:
        self._state = state
        self._item = item
        self._shown: set[int] = set()
        self.why_not = "" if item is not None else "the vault does not have the file"

    def around(self, finding: Finding) -> Sequence[str]:
        """Lines of hex and ASCII. None for a finding in a member, whose offset counts in the unpacked member."""
        at = finding.offset
        if self._item is None or self.why_not or at is None or "!/" in finding.where:
            return ()
        first = max(0, at - _BEFORE) // 16 * 16
        if first in self._shown or len(self._shown) == _MOST:
            return ()
        self._shown.add(first)
        try:
            found = peek(self._state / "vault", self._state / "vault.key", self._item, first, _BEFORE + _BEHIND)
        except FileNotFoundError as error:
            self.why_not = f"{error.filename} is not there"
        except (VaultError, ValueError) as error:
            self.why_not = str(error)
        except OSError as error:
            self.why_not = f"{error.filename} cannot be read: {error.strerror}"
        else:
            return hex_lines(found, first)
        return ()
