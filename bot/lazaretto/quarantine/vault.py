"""The vault: quarantined files, each encrypted with age into a file of its own (https://age-encryption.org/v1).

An item is `<id>.age`, 32 random hexadecimal digits, mode 0600 in a folder 0700. Sealing needs the public key alone,
unsealing the identity in the key file. age authenticates every 64 KiB, so a changed or shortened item is noticed.

    vault/
        0f3a... .age        an item
        .0f3a... .sealing   one that is being written, or that a crash left behind
        unsealed/           plaintext for as long as somebody looks at it
        recipient           the public key that all items are sealed to
"""

from __future__ import annotations

import asyncio
import os
import re
import secrets
import threading
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from io import RawIOBase
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import pyrage
from pyrage.x25519 import Identity

from lazaretto.ports import VaultFull
from lazaretto.private_files import new_private_file, open_regular, private_folder, sync_folder
from lazaretto.quarantine.key import VaultError, VaultKeyError, identity_in

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

__all__ = ["AgeVault", "ItemDamaged", "VaultError", "VaultKeyError"]

T = TypeVar("T")

_ID = re.compile(r"[0-9a-f]{32}", re.ASCII)
_ITEM = ".age"
_SEALING = ".sealing"


class ItemDamaged(VaultError):
    """An item is not what was sealed."""


class AgeVault:
    """`ports.Vault` in a folder. The key is made on first use.

    folder: private, of this instance alone. key_file: kept elsewhere, with a backup elsewhere again.
    most: bytes that all items together may have; None for as many as the disk holds.
    """

    def __init__(self, folder: Path, key_file: Path, most: int | None = None) -> None:
        self._folder = folder
        self._key_file = key_file
        self._most = most
        self._unsealed = folder / "unsealed"
        self._held = 0
        self._counting = threading.Lock()  # items are sealed and shredded in threads
        self._opening = asyncio.Lock()
        self._identity: Identity | None = None

    async def seal(self, path: Path) -> str:
        """Encrypt a file into the vault. Once the id is answered, the item survives a power cut.

        Raises VaultFull when it would be more than the vault may hold, OSError when the file cannot be read or the disk
        has no room; then nothing is left of the try.
        """
        recipient = (await self._open()).to_public()
        item = secrets.token_hex(16)

        def work() -> str:
            unfinished, kept = self._folder / f".{item}{_SEALING}", self._path_of(item)
            source, status = open_regular(path)
            with os.fdopen(source, "rb") as reader:
                self._take_room(status.st_size)
                try:
                    with _Disk(new_private_file(unfinished)) as writer:
                        writer.through(lambda: pyrage.encrypt_io(reader, writer, [recipient]))
                        writer.sync()
                    sealed = unfinished.stat().st_size
                    unfinished.rename(kept)
                    sync_folder(self._folder)
                except BaseException:
                    for left in (unfinished, kept):  # nobody would ever learn the name of what stays
                        left.unlink(missing_ok=True)
                    self._give_room(status.st_size)
                    raise
            self._give_room(status.st_size - sealed)  # it has grown a little
            return item

        return await asyncio.to_thread(work)

    def unsealed(self, item: str) -> AbstractAsyncContextManager[Path]:
        """The item decrypted into a private file, which goes when the context is left.

        Raises ValueError for what is no id, FileNotFoundError, ItemDamaged, OSError when there is no room.
        """
        return self._unsealing(self._path_of(item))

    async def shred(self, item: str) -> None:
        """Remove an item for good. One that is gone already is no error. Raises ValueError, OSError.

        It is unlinked, not overwritten: journals, snapshots and flash translation keep old blocks whatever one writes
        over them. What such a block still holds is ciphertext, and worth nothing without the key file.
        """
        path = self._path_of(item)

        def work() -> None:
            try:
                size = path.stat().st_size
                path.unlink()
            except FileNotFoundError:
                size = 0
            self._give_room(size)  # first: it is free whether or not that is durable
            sync_folder(self._folder)

        await self._open()
        await asyncio.to_thread(work)

    async def items(self) -> frozenset[str]:
        """Ids of all items."""
        await self._open()
        return await asyncio.to_thread(self._items)

    async def orphans(self, known: Collection[str]) -> frozenset[str]:
        """Items that nobody knows: their sealing ended, and the record of it was never written."""
        return await self.items() - frozenset(known)

    def _take_room(self, size: int) -> None:
        with self._counting:
            if self._most is not None and self._held + size > self._most:
                raise VaultFull(f"the vault holds {self._held} of at most {self._most} bytes, {size} more do not fit")
            self._held += size

    def _give_room(self, size: int) -> None:
        with self._counting:
            self._held -= size

    async def _open(self) -> Identity:
        """Folder and key, once; what a crash left behind goes. Raises OSError, VaultKeyError."""
        async with self._opening:
            if self._identity is None:
                self._identity = await asyncio.to_thread(self._prepare)
            return self._identity

    def _prepare(self) -> Identity:
        private_folder(self._folder)
        private_folder(self._unsealed)
        for leftover in (*self._folder.glob(f".*{_SEALING}"), *self._unsealed.iterdir()):
            leftover.unlink()
        identity = identity_in(self._key_file, may_make=not self._items())
        self._must_fit(str(identity.to_public()))
        self._held = sum(path.stat().st_size for path in self._folder.glob(f"*{_ITEM}"))
        return identity

    def _must_fit(self, public: str) -> None:
        """A valid key of another vault would seal on, and open nothing that is here."""
        note = self._folder / "recipient"
        noted = note.read_text(encoding="ascii", errors="replace").strip() if note.exists() else None
        if noted == public:
            return
        if noted and self._items():
            raise VaultKeyError(
                f"{self._key_file} is the key of another vault: its public key is {public}, the items in "
                f"{self._folder} are sealed to {noted}. Restore the key that belongs to them"
            )
        note.unlink(missing_ok=True)
        with _Disk(new_private_file(note)) as file:
            file.write(f"{public}\n".encode())
            file.sync()

    def _items(self) -> frozenset[str]:
        return frozenset(path.stem for path in self._folder.glob(f"*{_ITEM}") if _ID.fullmatch(path.stem))

    def _path_of(self, item: str) -> Path:
        # Ids come back from a database, and from commands: never a path.
        if not _ID.fullmatch(item):
            raise ValueError(f"{item[:40]!r} is no id of a vault item: 32 hexadecimal digits")
        return self._folder / f"{item}{_ITEM}"

    @asynccontextmanager
    async def _unsealing(self, sealed: Path) -> AsyncIterator[Path]:
        identity = await self._open()
        plain = self._unsealed / secrets.token_hex(16)
        try:
            await _to_its_end(lambda: _decrypt(sealed, plain, identity), lambda: plain.unlink(missing_ok=True))
            yield plain
        finally:
            plain.unlink(missing_ok=True)  # in place: a hop to a thread could be cancelled, and the plaintext stay


def _decrypt(sealed: Path, plain: Path, identity: Identity) -> None:
    source, _ = open_regular(sealed)
    with os.fdopen(source, "rb") as reader, _Disk(new_private_file(plain)) as writer:
        try:
            writer.through(lambda: pyrage.decrypt_io(reader, writer, [identity]))
        except (pyrage.DecryptError, OSError) as error:
            if isinstance(error, OSError) and error.errno is not None:
                raise  # the disk's error; age's own has no number
            raise ItemDamaged(
                f"{sealed} is not what was sealed ({error}): it was changed, cut short, or sealed with another key. "
                "Restore it from a backup"
            ) from error


async def _to_its_end(work: Callable[[], T], undo: Callable[[], None]) -> T:
    """Run `work` in a thread; for a caller who is cancelled meanwhile, `undo` follows when the thread is through."""

    def over(done: asyncio.Future[T]) -> None:
        if not done.cancelled():
            done.exception()  # seen: the caller is gone
        undo()

    future = asyncio.get_running_loop().run_in_executor(None, work)
    try:
        return await asyncio.shield(future)
    except asyncio.CancelledError:
        future.add_done_callback(over)
        raise


class _Disk(RawIOBase):
    """A file being written. Remembers the disk's error, of which pyrage passes on the text alone."""

    def __init__(self, descriptor: int) -> None:
        super().__init__()
        self._descriptor = descriptor
        self._error: OSError | None = None

    def writable(self) -> bool:
        return True

    def write(self, data: ReadableBuffer, /) -> int:
        rest = memoryview(data)
        count = len(rest)
        try:
            while rest:
                rest = rest[os.write(self._descriptor, rest) :]
        except OSError as error:
            self._error = error
            raise
        return count

    def through(self, work: Callable[[], object]) -> None:
        """Run `work`, which writes to this file; a disk's error comes out as itself."""
        try:
            work()
        except Exception:
            if self._error is not None:
                raise self._error from None
            raise

    def sync(self) -> None:
        """Make the bytes durable."""
        os.fsync(self._descriptor)

    def close(self) -> None:
        if not self.closed:
            os.close(self._descriptor)
        super().close()
