"""getFile and the bytes behind it."""

import httpx
import pytest
import telegram

from lazaretto.emulator import Chat, Emulator, User
from lazaretto.emulator.errors import ApiError
from lazaretto.emulator.files.store import DOWNLOAD_LIMIT


async def described(api: httpx.AsyncClient, file_id: str) -> httpx.Response:
    return await api.post("getFile", json={"file_id": file_id})


async def test_a_document_keeps_what_its_sender_declared(tg: Emulator, group: Chat, ann: User) -> None:
    await group.post_document(ann, b"MZ", name="holiday.jpg.exe", mime="image/jpeg", size=7)
    document = tg.pending_updates[0]["message"]["document"]
    assert (document["file_name"], document["mime_type"], document["file_size"]) == ("holiday.jpg.exe", "image/jpeg", 7)


async def test_a_size_need_not_be_declared(group: Chat, ann: User, api: httpx.AsyncClient) -> None:
    posted = await group.post_document(ann, b"abc", size="omit")
    assert posted.document is not None
    assert "file_size" not in posted.document
    assert "file_size" not in (await described(api, posted.document["file_id"])).json()["result"]


async def test_a_photo_comes_in_three_sizes_each_of_which_is_there(
    tg: Emulator, group: Chat, ann: User, bot: telegram.Bot
) -> None:
    await group.post_photo(ann, b"\xff\xd8 picture")
    sizes = [telegram.PhotoSize.de_json(size, bot) for size in tg.pending_updates[0]["message"]["photo"]]
    assert [size.width for size in sizes] == sorted(size.width for size in sizes)
    assert len({size.file_unique_id for size in sizes}) == 3
    files = [await size.get_file() for size in sizes]
    assert [bytes(await file.download_as_bytearray()) for file in files] == [b"\xff\xd8 picture"] * 3


async def test_every_send_has_its_own_file_id(group: Chat, ann: User) -> None:
    posts = [await group.post_document(ann, b"same") for _ in range(2)]
    ids = {(post.document or {})["file_id"] for post in posts}
    assert len(ids) == 2


async def test_a_file_outlives_its_message(group: Chat, ann: User, bot: telegram.Bot) -> None:
    posted = await group.post_document(ann, b"evidence")
    assert posted.document is not None
    await bot.delete_message(group.id, posted.message_id)
    file = await bot.get_file(posted.document["file_id"])
    assert bytes(await file.download_as_bytearray()) == b"evidence"


async def test_a_file_path_shows_folder_and_extension(group: Chat, ann: User, api: httpx.AsyncClient) -> None:
    names = {"minutes.pdf": "pdf", "../../etc/passwd": "", "x.a/b": "", "x.y?z": ""}
    for name, suffix in names.items():
        posted = await group.post_document(ann, b"x", name=name)
        path = (await described(api, (posted.document or {})["file_id"])).json()["result"]["file_path"]
        folder, _, rest = path.partition("/file_")
        assert (folder, rest.partition(".")[2]) == ("documents", suffix)


@pytest.mark.parametrize(
    ("size", "allowed"), [(DOWNLOAD_LIMIT, True), (DOWNLOAD_LIMIT + 1, False)], ids=["at the limit", "one byte over"]
)
async def test_the_download_limit_is_twenty_mebibytes(
    group: Chat, ann: User, api: httpx.AsyncClient, size: int, allowed: bool
) -> None:
    posted = await group.post_document(ann, b"x", size=size)
    answer = await described(api, (posted.document or {})["file_id"])
    assert answer.json()["ok"] is allowed
    if not allowed:
        assert (answer.status_code, answer.json()["description"]) == (400, "Bad Request: file is too big")


async def test_an_undeclared_size_does_not_get_round_the_limit(group: Chat, ann: User, api: httpx.AsyncClient) -> None:
    posted = await group.post_document(ann, bytes(DOWNLOAD_LIMIT + 1), size="omit")
    answer = await described(api, (posted.document or {})["file_id"])
    assert answer.json()["description"] == "Bad Request: file is too big"


async def test_a_wrong_file_id_is_refused(api: httpx.AsyncClient) -> None:
    answer = await described(api, "nonsense")
    expected = (400, "Bad Request: invalid file_id")
    assert (answer.status_code, answer.json()["description"]) == expected
    assert (await api.post("getFile")).json()["description"] == "Bad Request: file_id not specified"


async def test_a_path_that_is_not_there_is_not_found(tg: Emulator, api: httpx.AsyncClient) -> None:
    answer = await api.get(f"{tg.base_file_url}{tg.token}/documents/../../etc/passwd")
    assert (answer.status_code, answer.json()["description"]) == (404, "Not Found")


async def test_downloads_are_counted(tg: Emulator, group: Chat, ann: User, bot: telegram.Bot) -> None:
    posted = await group.post_document(ann, b"x" * 100_000)
    await (await bot.get_file((posted.document or {})["file_id"])).download_as_bytearray()
    (download,) = tg.downloads
    assert (download.sent, download.complete) == (100_000, True)


async def test_the_newest_profile_photo_is_the_first(tg: Emulator, ann: User, bot: telegram.Bot) -> None:
    tg.add_profile_photo(ann, b"old")
    tg.add_profile_photo(ann, b"new")
    shown = await bot.get_user_profile_photos(ann.id)
    assert shown is not None
    assert shown.total_count == 2
    file = await shown.photos[0][-1].get_file()
    assert bytes(await file.download_as_bytearray()) == b"new"


async def test_a_file_is_the_same_under_its_old_and_its_new_id(group: Chat, ann: User) -> None:
    posted = await group.post_document(ann, b"data")
    files = group.world.files
    renewed = files.renewed({"deep": [posted.document, posted.document]})["deep"]
    assert renewed[0]["file_id"] == renewed[1]["file_id"] != (posted.document or {})["file_id"]
    assert files.file(renewed[0]["file_id"]) is posted.file


def test_a_thumbnail_is_not_sent_as_a_photo(tg: Emulator, group: Chat) -> None:
    thumbnail = tg.attach("video", b"data")["video"]["thumbnail"]
    with pytest.raises(ApiError, match="can't use file of type Thumbnail as Photo"):
        group.world.files.for_sending(thumbnail["file_id"], "photo")
