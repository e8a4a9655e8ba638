"""A server of one's own in local mode: absolute paths below its folder, no limit to a file, uploads by `file://`."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import telegram

from lazaretto.emulator import Chat, Emulator, Rights, User
from lazaretto.emulator.files.local_folder import LOCAL_UPLOAD_LIMIT, UPLOAD_LIMIT
from lazaretto.emulator.files.store import DOWNLOAD_LIMIT


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "server"


@pytest.fixture
async def tg(folder: Path) -> AsyncIterator[Emulator]:
    async with Emulator(local_files=folder) as emulator:
        yield emulator


@pytest.fixture
def group(tg: Emulator, ann: User) -> Chat:
    return tg.group("Chess club", members=[ann], bot_rights=Rights())


async def path_of(api: httpx.AsyncClient, document: dict[str, Any] | None) -> str:
    answer = await api.post("getFile", json={"file_id": (document or {})["file_id"]})
    return str(answer.json()["result"]["file_path"])


async def test_a_file_lies_at_an_absolute_path_below_the_folder(
    tg: Emulator, folder: Path, group: Chat, ann: User, api: httpx.AsyncClient
) -> None:
    posted = await group.post_document(ann, b"%PDF-1.7", name="a.pdf")
    path = await path_of(api, posted.document)
    assert path == str(folder / tg.token / "documents" / "file_0.pdf")
    assert Path(path).read_bytes() == b"%PDF-1.7"
    assert [file.name for file in Path(path).parent.iterdir()] == ["file_0.pdf"]


async def test_the_library_reads_it_there(group: Chat, ann: User, tg: Emulator) -> None:
    posted = await group.post_document(ann, b"data", name="a.bin")
    bot = telegram.Bot(tg.token, tg.base_url, tg.base_file_url, local_mode=True)
    async with bot:
        file = await bot.get_file((posted.document or {})["file_id"])
        assert bytes(await file.download_as_bytearray()) == b"data"


async def test_files_are_not_served(tg: Emulator, group: Chat, ann: User, api: httpx.AsyncClient) -> None:
    posted = await group.post_document(ann, b"data")
    path = await path_of(api, posted.document)
    for asked in (path.lstrip("/"), posted.file.path if posted.file else ""):
        assert (await api.get(f"{tg.base_file_url}{tg.token}/{asked}")).status_code == 404


async def test_a_file_over_the_clouds_limit_is_to_be_had(group: Chat, ann: User, api: httpx.AsyncClient) -> None:
    posted = await group.post_document(ann, bytes(DOWNLOAD_LIMIT + 1))
    assert Path(await path_of(api, posted.document)).stat().st_size == DOWNLOAD_LIMIT + 1


async def test_a_file_lost_on_disk_is_there_again_after_the_next_get_file(
    group: Chat, ann: User, api: httpx.AsyncClient
) -> None:
    posted = await group.post_document(ann, b"data")
    path = Path(await path_of(api, posted.document))
    path.unlink()
    assert Path(await path_of(api, posted.document)).read_bytes() == b"data"


async def test_an_upload_over_the_clouds_limit_is_taken(group: Chat, api: httpx.AsyncClient) -> None:
    form = {"chat_id": str(group.id)}
    answer = await api.post("sendDocument", data=form, files={"document": ("a", bytes(UPLOAD_LIMIT + (1 << 20) + 1))})
    assert answer.status_code == 200
    assert LOCAL_UPLOAD_LIMIT == 2000 << 20


async def test_an_upload_may_be_a_file_of_the_servers(folder: Path, group: Chat, api: httpx.AsyncClient) -> None:
    file = folder / "out" / "a b.txt"
    file.parent.mkdir(parents=True)
    file.write_bytes(b"text")
    answer = await api.post("sendDocument", json={"chat_id": group.id, "document": file.as_uri()})
    assert answer.json()["result"]["document"]["file_name"] == "a b.txt"
    assert group.messages[-1].data == b"text"


async def test_nothing_outside_the_folder_is_uploaded(
    folder: Path, tmp_path: Path, group: Chat, api: httpx.AsyncClient
) -> None:
    folder.mkdir()
    secret = tmp_path / "secret.txt"
    secret.write_bytes(b"secret")
    (folder / "link").symlink_to(secret)
    outside = (secret.as_uri(), (folder / "link").as_uri(), f"{folder.as_uri()}/../secret.txt", folder.as_uri())
    for uri in (*outside, "file:///absent", "file://", "file://[x", "file:///%00"):
        answer = await api.post("sendDocument", json={"chat_id": group.id, "document": uri})
        assert answer.status_code == 400, uri
    assert group.messages == []


async def test_without_local_mode_no_file_is_read(tmp_path: Path) -> None:
    file = tmp_path / "a.txt"
    file.write_bytes(b"text")
    async with Emulator() as cloud, httpx.AsyncClient(trust_env=False) as client:
        ben = cloud.user("Ben")
        cloud.private(ben)
        said = {"chat_id": ben.id, "document": file.as_uri()}
        answer = await client.post(f"{cloud.base_url}{cloud.token}/sendDocument", json=said)
    assert answer.json()["description"] == "Bad Request: invalid file HTTP URL specified: URL host is empty"
