"""The vault's key: one age X25519 identity in a file of its own, outside the vault.

Without the file, the vault is noise: back the two up in different places.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

from pyrage import IdentityError
from pyrage.x25519 import Identity

from lazaretto.private_files import READING, new_private_file, sync_folder

__all__ = ["VaultError", "VaultKeyError", "identity_in"]

_LONGEST = 4096  # bytes; a key file of age-keygen has some 200


class VaultError(Exception):
    """The vault cannot do what was asked. The text says why and what to do."""


class VaultKeyError(VaultError):
    """The key file is missing, foreign, or open to others."""


def identity_in(key_file: Path, *, may_make: bool) -> Identity:
    """The identity in the file, made now if there is none and `may_make`. Blocks. Raises VaultKeyError, OSError.

    The file is what age-keygen writes: comment lines with `#`, one line with the secret key.
    """
    try:
        descriptor = os.open(key_file, READING)
    except FileNotFoundError:
        if may_make:
            return _made(key_file)
        raise VaultKeyError(
            f"{key_file} is missing, and the vault holds files that only this key opens: restore it from its backup, "
            "or, if it is lost, move the vault's folder away to begin with an empty one"
        ) from None
    with os.fdopen(descriptor, "rb") as file:
        mode = stat.S_IMODE(os.fstat(descriptor).st_mode)
        text = file.read(_LONGEST).decode("ascii", errors="replace")
    if mode & 0o077:
        raise VaultKeyError(f"{key_file} can be read by other accounts (mode {mode:o}): run chmod 600 on it")
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#")]
    try:
        (secret,) = lines
        return Identity.from_str(secret)
    except (ValueError, IdentityError):
        # The text of the error could quote the key: not chained, not shown.
        raise VaultKeyError(
            f"{key_file} holds no age key (one line beginning with AGE-SECRET-KEY-1): restore it from its backup, "
            "or configure another file"
        ) from None


def _made(key_file: Path) -> Identity:
    identity = Identity.generate()
    key_file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    # Written whole before it gets its name: half a key would stop every later start.
    unfinished = key_file.with_name(f".{key_file.name}.{os.getpid()}")
    try:
        with os.fdopen(new_private_file(unfinished), "w", encoding="ascii") as file:
            file.write(f"# The key of a Lazaretto vault. Public key: {identity.to_public()}\n{identity}\n")
            file.flush()
            os.fsync(file.fileno())
        unfinished.rename(key_file)
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise
    sync_folder(key_file.parent)
    return identity
