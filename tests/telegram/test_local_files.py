"""What a Bot API server of one's own hands over on disk: plain files below its folder, and nothing else on ours."""

from __future__ import annotations

import asyncio
import os
import socket
import threading
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
import telegram

from lazaretto.emulator import Emulator
from lazaretto.model import Claim, Part
from lazaretto.ports import FetchFailed, NotFetchable
from lazaretto.telegram import local_files
from lazaretto.telegram.download import Downloads
from lazaretto.telegram.local_files import LocalFiles

TOKEN = "7000000003:the-servers-folder-is-named-after-the-token"
DATA = bytes(range(256)) * 4000  # four pieces, about


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The server's folder, as it lays its files out, and something beside it that is none of its."""
    folder = tmp_path / "server"
    (folder / TOKEN / "documents").mkdir(parents=True)
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "key").write_bytes(b"secret")
    (tmp_path / "server-of-others").mkdir()
    (tmp_path / "server-of-others" / "file_0.bin").write_bytes(b"secret")
    return folder


@pytest.fixture
def file(folder: Path) -> Path:
    file = folder / TOKEN / "documents" / "file_0.bin"
    file.write_bytes(DATA)
    return file


async def read(folder: Path, path: object) -> bytes:
    async with asyncio.timeout(10):
        return b"".join([chunk async for chunk in LocalFiles(folder).read(str(path))])


async def refused(folder: Path, path: object) -> str:
    """The refusal's words, which tell neither the path nor the token in it."""
    with pytest.raises(NotFetchable) as refusal:
        await read(folder, path)
    return without_secrets(folder, refusal.value)


def without_secrets(folder: Path, error: Exception) -> str:
    assert error.__cause__ is None
    assert error.__suppress_context__ or error.__context__ is None
    for secret in (TOKEN, str(folder), "file_0", "documents"):
        assert secret not in str(error)
    return str(error)


async def test_a_file_below_the_folder_is_read_whole(folder: Path, file: Path) -> None:
    assert await read(folder, file) == DATA


async def test_an_empty_file_has_no_bytes(folder: Path, file: Path) -> None:
    file.write_bytes(b"")
    assert await read(folder, file) == b""


async def test_the_operators_own_path_may_be_a_link(folder: Path, file: Path, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(folder)
    assert await read(link, link / file.relative_to(folder)) == DATA


async def test_a_huge_file_is_read_piece_by_piece(folder: Path, file: Path) -> None:
    os.truncate(file, 3 << 30)
    chunks = LocalFiles(folder).read(str(file))
    pieces = [await anext(chunks) for _ in range(8)]
    await chunks.aclose()
    assert max(map(len, pieces)) <= 256 * 1024
    assert b"".join(pieces).startswith(DATA)


# ── what is no file of the server's ───────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "path",
    [
        "/etc/hostname",
        "/dev/zero",
        "{folder}",
        "{folder}/",
        "{folder}-of-others/file_0.bin",
        "{folder}/../secret/key",
        "{folder}/{token}/../../secret/key",
        "{folder}/{token}/documents/..",
        "{folder}/./{token}/documents/file_0.bin",
        "{folder}//{token}/documents/file_0.bin",
        "{folder}/{token}/documents/file_0.bin/",
        "{folder}/{token}/documents/file_0.bin\0.txt",
        "//{folder}/{token}/documents/file_0.bin",
        "{token}/documents/file_0.bin",
        "",
    ],
)
async def test_a_path_that_is_not_plainly_below_the_folder_is_refused(folder: Path, file: Path, path: str) -> None:
    assert "outside its own files" in await refused(folder, path.format(folder=folder, token=TOKEN))


async def test_a_name_that_no_system_takes_is_refused(folder: Path) -> None:
    assert "outside its own files" in await refused(folder, folder / ("x" * 300))


async def test_a_link_on_the_way_is_refused(folder: Path) -> None:
    (folder / TOKEN / "photos").symlink_to(folder.parent / "secret")
    assert "symbolic link" in await refused(folder, folder / TOKEN / "photos" / "key")


async def test_a_link_in_place_of_the_file_is_refused(folder: Path) -> None:
    link = folder / TOKEN / "documents" / "file_1.bin"
    link.symlink_to(folder.parent / "secret" / "key")
    assert "symbolic link" in await refused(folder, link)


async def test_a_link_that_stays_below_the_folder_is_refused_as_well(folder: Path, file: Path) -> None:
    link = file.with_name("file_1.bin")
    link.symlink_to(file.name)
    assert "symbolic link" in await refused(folder, link)


async def test_a_second_name_of_a_file_is_refused(folder: Path) -> None:
    """Whoever may write into the folder could link a file of ours there."""
    link = folder / TOKEN / "documents" / "file_1.bin"
    link.hardlink_to(folder.parent / "secret" / "key")
    assert "hard link" in await refused(folder, link)


async def test_a_file_used_as_a_folder_is_refused(folder: Path, file: Path) -> None:
    assert "no folder" in await refused(folder, file / "key")


def a_fifo(path: Path) -> None:
    os.mkfifo(path)


def a_folder(path: Path) -> None:
    path.mkdir()


def a_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(os.path.relpath(path))  # shorter: the system takes about a hundred characters


@pytest.mark.parametrize("make", [a_fifo, a_folder, a_socket])
async def test_what_is_no_plain_file_is_refused_at_once(
    folder: Path, make: Callable[[Path], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    path = folder / TOKEN / "documents" / "file_2.bin"
    make(path)
    try:
        assert "no plain file" in await refused(folder, path)
    finally:
        if path.is_fifo():  # lets go of whoever waits for a writer, or the failure could not be told
            os.close(os.open(path, os.O_RDWR | os.O_NONBLOCK))


async def test_a_device_is_refused_without_being_read() -> None:
    assert "no plain file" in await refused(Path("/dev"), "/dev/zero")


async def test_a_system_without_descriptors_of_folders_is_told(
    folder: Path, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local_files, "_FROM_A_FOLDER", False)
    assert "such as Linux" in await refused(folder, file)


# ── what changes meanwhile ────────────────────────────────────────────────────────────────────────────────────────


def between_opens(monkeypatch: pytest.MonkeyPatch, name: str, change: Callable[[], object]) -> None:
    """Have `change` happen in the moment before `name` is opened."""
    opened, waiting = os.open, [change]

    def open_then(path: Any, flags: int, mode: int = 0o777, *, dir_fd: int | None = None) -> int:
        if path == name and waiting:
            waiting.pop()()
        return opened(path, flags, mode, dir_fd=dir_fd)

    monkeypatch.setattr(os, "open", open_then)


@pytest.mark.parametrize("step", ["documents", "file_0.bin"])
async def test_a_step_that_becomes_a_link_before_it_is_opened_is_refused(
    folder: Path, file: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    target = file if step == file.name else file.parent

    def swap() -> None:
        target.rename(folder / "away")
        target.symlink_to(folder.parent / "secret")

    between_opens(monkeypatch, step, swap)
    assert "symbolic link" in await refused(folder, file)


async def test_a_step_that_becomes_a_link_after_it_was_opened_leads_nowhere_else(
    folder: Path, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    planted = folder.parent / "secret" / file.name
    planted.write_bytes(b"secret")

    def swap() -> None:
        file.parent.rename(folder / "away")
        file.parent.symlink_to(planted.parent)

    between_opens(monkeypatch, file.name, swap)
    assert await read(folder, file) == DATA


async def test_a_file_that_we_may_not_read_says_what_to_do(
    folder: Path, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def forbidden() -> None:  # as everybody but root would find it
        raise PermissionError(13, "Permission denied", file.name)

    between_opens(monkeypatch, file.name, forbidden)
    assert "give it the right" in await refused(folder, file)


async def test_a_file_that_is_gone_may_come_again(folder: Path, file: Path) -> None:
    file.unlink()
    with pytest.raises(FetchFailed) as failure:
        await read(folder, file)
    without_secrets(folder, failure.value)


async def test_a_folder_that_is_not_there_yet_may_come(folder: Path) -> None:
    with pytest.raises(FetchFailed):
        await read(folder / "later", folder / "later" / "file_0.bin")


def shrink(file: Path) -> None:
    os.truncate(file, 700_000)


def empty(file: Path) -> None:
    os.truncate(file, 0)


def grow(file: Path) -> None:
    with file.open("ab") as end:
        end.write(b"more")


def grow_for_ever(file: Path) -> None:
    os.truncate(file, 1 << 40)


def rewrite(file: Path) -> None:
    with file.open("r+b") as start:
        start.write(b"otherwise")
    status = file.stat()
    os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns + 1))  # a clock may be too coarse to tell


async def the_rest(chunks: AsyncIterator[bytes], pieces: list[bytes]) -> None:
    async for chunk in chunks:
        pieces.append(chunk)  # noqa: PERF401 - what came before a failure counts


@pytest.mark.parametrize("change", [shrink, empty, grow, grow_for_ever, rewrite, Path.unlink])
async def test_a_file_that_changes_while_it_is_read_is_not_taken_for_whole(
    folder: Path, file: Path, change: Callable[[Path], None]
) -> None:
    chunks = LocalFiles(folder).read(str(file))
    pieces = [await anext(chunks)]
    change(file)
    with pytest.raises(FetchFailed) as failure:
        await the_rest(chunks, pieces)
    assert "changed while it was read" in without_secrets(folder, failure.value)
    assert sum(map(len, pieces)) <= len(DATA) + 256 * 1024


async def test_an_end_that_comes_too_early_is_not_taken_for_the_files(
    folder: Path, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "read", lambda descriptor, size: b"")
    with pytest.raises(FetchFailed):
        await read(folder, file)


async def test_a_disk_that_fails_is_told_without_the_path(
    folder: Path, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(descriptor: int, size: int) -> bytes:
        raise OSError(5, "Input/output error", str(file))

    monkeypatch.setattr(os, "read", fails)
    with pytest.raises(FetchFailed) as failure:
        await read(folder, file)
    assert "Input/output error" in without_secrets(folder, failure.value)


# ── threads ───────────────────────────────────────────────────────────────────────────────────────────────────────


def open_descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


async def test_whoever_stops_in_the_middle_leaves_no_descriptor_open(folder: Path, file: Path) -> None:
    before = open_descriptors()
    chunks = LocalFiles(folder).read(str(file))
    await anext(chunks)
    await chunks.aclose()
    assert open_descriptors() == before


async def test_a_descriptor_is_not_closed_while_a_thread_still_reads_from_it(
    folder: Path, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    began, go_on, order = threading.Event(), threading.Event(), list[str]()
    actual, close = os.read, os.close

    def slow(descriptor: int, size: int) -> bytes:
        began.set()
        go_on.wait(10)
        order.append("read")
        return actual(descriptor, size)

    def noted(descriptor: int) -> None:
        order.append("closed")
        close(descriptor)

    reading = asyncio.ensure_future(read(folder, file))
    monkeypatch.setattr(os, "read", slow)
    await asyncio.to_thread(began.wait, 10)
    monkeypatch.setattr(os, "close", noted)
    reading.cancel()
    await asyncio.gather(reading, return_exceptions=True)
    assert order == []
    go_on.set()
    async with asyncio.timeout(10):
        while len(order) < 2:
            await asyncio.sleep(0.01)
    assert order == ["read", "closed"]


# ── through the downloads ─────────────────────────────────────────────────────────────────────────────────────────


class OwnServer(telegram.Bot):
    """Answers getFile as a server of one's own does, and remembers how long it might have taken."""

    _path = ""
    _patience = 0.0

    async def do_api_request(self, endpoint: str, *_: Any, read_timeout: Any = None, **__: Any) -> Any:
        self._patience = read_timeout
        return {"file_path": self._path}


async def fetched(tg: Emulator, path: object, folder: Path | None, size: int | None = None) -> tuple[bytes, float]:
    bot = OwnServer(tg.token, base_url=tg.base_url, base_file_url=tg.base_file_url)
    bot._path = str(path)
    downloads = Downloads(bot, bot.base_file_url, local_files=folder)
    part = Part(0, "x", "u", "message.document", Claim(size=size))
    try:
        return b"".join([chunk async for chunk in downloads.fetch(part)]), bot._patience
    finally:
        await downloads.close()


async def test_downloads_read_the_servers_file(tg: Emulator, folder: Path, file: Path) -> None:
    data, _ = await fetched(tg, file, folder)
    assert data == DATA
    assert tg.downloads == ()


async def test_files_over_the_limit_come_from_a_server_of_ones_own(tmp_path: Path) -> None:
    data = os.urandom(1024) * (21 * 1024)
    async with Emulator(local_files=tmp_path) as tg:
        ann = tg.user("Ann")
        posted = await tg.group("Chess club", members=[ann]).post_document(ann, data, name="film.mkv")
        bot = telegram.Bot(tg.token, base_url=tg.base_url, base_file_url=tg.base_file_url)
        downloads = Downloads(bot, bot.base_file_url, local_files=tmp_path)
        document = posted.document or {}
        part = Part(0, document["file_id"], "u", "message.document", Claim(size=len(data)))
        async with bot:
            assert b"".join([chunk async for chunk in downloads.fetch(part)]) == data
        await downloads.close()
        assert tg.downloads == ()


async def test_a_path_on_the_servers_disk_is_refused_where_its_folder_is_not_set(
    tg: Emulator, folder: Path, file: Path
) -> None:
    with pytest.raises(NotFetchable, match="set local_files") as refusal:
        await fetched(tg, file, None)
    without_secrets(folder, refusal.value)


async def test_a_path_elsewhere_is_refused_where_the_folder_is_set(tg: Emulator, folder: Path) -> None:
    with pytest.raises(NotFetchable):
        await fetched(tg, "/etc/hostname", folder)


async def test_a_relative_path_is_asked_over_http_all_the_same(tg: Emulator, folder: Path) -> None:
    with pytest.raises(FetchFailed, match="404"):
        await fetched(tg, "documents/file_9.bin", folder)


@pytest.mark.parametrize(
    ("size", "seconds"), [(None, 120), (0, 120), (512 * 1024 * 60, 180), (2_000_000_000, 3934), (1 << 60, 3934)]
)
async def test_a_large_file_may_take_its_server_longer(
    tg: Emulator, folder: Path, file: Path, size: int | None, seconds: int
) -> None:
    _, patience = await fetched(tg, file, folder, size)
    assert int(patience) == seconds
