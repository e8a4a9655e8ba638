"""getUpdates: order, confirmation by offset, the long poll, one poller at a time, what was asked for."""

import asyncio
from collections.abc import Awaitable
from datetime import timedelta
from typing import Any

import httpx

from lazaretto.emulator import Chat, Emulator, Rights, User


async def fetched(answer: Awaitable[httpx.Response]) -> list[dict[str, Any]]:
    body = (await answer).json()
    assert body["ok"] is True
    result: list[dict[str, Any]] = body["result"]
    return result


def texts(updates: list[dict[str, Any]]) -> list[str]:
    return [update["message"]["text"] for update in updates]


async def test_updates_come_in_order_with_increasing_ids(group: Chat, ann: User, api: httpx.AsyncClient) -> None:
    for text in ("one", "two", "three"):
        await group.post_text(ann, text)
    updates = await fetched(api.post("getUpdates"))
    assert texts(updates) == ["one", "two", "three"]
    first = updates[0]["update_id"]
    assert [update["update_id"] for update in updates] == [first, first + 1, first + 2]


async def test_without_an_offset_the_same_updates_come_again(group: Chat, ann: User, api: httpx.AsyncClient) -> None:
    await group.post_text(ann, "hi")
    assert await fetched(api.post("getUpdates")) == await fetched(api.post("getUpdates"))


async def test_an_offset_confirms_everything_below_it(
    tg: Emulator, group: Chat, ann: User, api: httpx.AsyncClient
) -> None:
    for text in ("one", "two", "three"):
        await group.post_text(ann, text)
    second = (await fetched(api.post("getUpdates")))[1]["update_id"]
    assert texts(await fetched(api.post("getUpdates", json={"offset": second}))) == ["two", "three"]
    assert texts(await fetched(api.post("getUpdates"))) == ["two", "three"]
    assert [update["update_id"] for update in tg.pending_updates] == [second, second + 1]


async def test_a_negative_offset_keeps_only_the_last_ones(group: Chat, ann: User, api: httpx.AsyncClient) -> None:
    for text in ("one", "two", "three"):
        await group.post_text(ann, text)
    assert texts(await fetched(api.post("getUpdates", json={"offset": -1}))) == ["three"]
    assert texts(await fetched(api.post("getUpdates"))) == ["three"]


async def test_the_limit_is_kept(group: Chat, ann: User, api: httpx.AsyncClient) -> None:
    for text in ("one", "two", "three"):
        await group.post_text(ann, text)
    assert texts(await fetched(api.post("getUpdates", json={"limit": 2}))) == ["one", "two"]


async def test_a_long_poll_waits_for_the_first_update(
    tg: Emulator, group: Chat, ann: User, api: httpx.AsyncClient
) -> None:
    async with asyncio.TaskGroup() as tasks:
        poll = tasks.create_task(fetched(api.post("getUpdates", json={"timeout": 30})))
        await tg.wait_until(lambda: tg.calls_of("getUpdates"))
        assert not poll.done()
        await group.post_text(ann, "late")
    assert texts(poll.result()) == ["late"]


async def test_a_long_poll_ends_empty_after_its_timeout(api: httpx.AsyncClient) -> None:
    assert await fetched(api.post("getUpdates", json={"timeout": 1})) == []


async def test_a_second_poller_ends_the_first_with_a_conflict(
    tg: Emulator, group: Chat, ann: User, api: httpx.AsyncClient
) -> None:
    async with asyncio.TaskGroup() as tasks:
        first = tasks.create_task(api.post("getUpdates", json={"timeout": 30}))
        await tg.wait_until(lambda: len(tg.calls_of("getUpdates")) == 1)
        second = tasks.create_task(fetched(api.post("getUpdates", json={"timeout": 30})))
        refused = await first
        await group.post_text(ann, "for the second")
    assert refused.status_code == 409
    assert refused.json() == {
        "ok": False,
        "error_code": 409,
        "description": "Conflict: terminated by other getUpdates request; "
        "make sure that only one bot instance is running",
    }
    assert texts(second.result()) == ["for the second"]


async def test_kinds_that_were_not_asked_for_do_not_arrive_and_the_list_is_remembered(
    tg: Emulator, group: Chat, ann: User, api: httpx.AsyncClient
) -> None:
    await api.post("getUpdates", json={"allowed_updates": ["edited_message"]})
    message = await group.post_text(ann, "unseen")
    await group.edit(message, text="seen")
    updates = await fetched(api.post("getUpdates"))
    assert [list(update) for update in updates] == [["update_id", "edited_message"]]
    assert (await api.post("getWebhookInfo")).json()["result"]["allowed_updates"] == ["edited_message"]


async def test_what_is_no_name_is_not_asked_for(api: httpx.AsyncClient) -> None:
    await api.post("getUpdates", json={"allowed_updates": ["message", 1, None, {}, ["poll"]]})
    assert (await api.post("getWebhookInfo")).json()["result"]["allowed_updates"] == ["message"]


async def test_an_empty_list_means_the_default_which_leaves_out_chat_member(
    tg: Emulator, group: Chat, api: httpx.AsyncClient
) -> None:
    await api.post("getUpdates", json={"allowed_updates": ["chat_member"]})
    await api.post("getUpdates", json={"allowed_updates": []})
    await group.join(tg.user("Ben"))
    assert [list(u)[1] for u in await fetched(api.post("getUpdates"))] == ["message"]


async def test_chat_member_comes_when_asked_for(tg: Emulator, group: Chat, api: httpx.AsyncClient) -> None:
    await api.post("getUpdates", json={"allowed_updates": ["chat_member"]})
    ben = tg.user("Ben")
    await group.join(ben)
    update = (await fetched(api.post("getUpdates")))[0]["chat_member"]
    assert (update["old_chat_member"]["status"], update["new_chat_member"]["status"]) == ("left", "member")
    assert update["new_chat_member"]["user"]["id"] == ben.id


async def test_the_bot_is_told_of_its_own_rights(group: Chat, api: httpx.AsyncClient) -> None:
    group.set_bot_rights(None)
    update = (await fetched(api.post("getUpdates")))[0]["my_chat_member"]
    assert update["old_chat_member"]["can_delete_messages"] is True
    assert update["new_chat_member"]["status"] == "member"


async def test_updates_are_kept_for_a_day(tg: Emulator, group: Chat, ann: User, api: httpx.AsyncClient) -> None:
    await group.post_text(ann, "old")
    tg.advance(timedelta(hours=24, minutes=1))
    await group.post_text(ann, "new")
    assert texts(await fetched(api.post("getUpdates"))) == ["new"]


async def test_injected_updates_arrive_as_they_are_and_are_numbered(tg: Emulator, api: httpx.AsyncClient) -> None:
    await tg.inject({"message_from_the_future": {"file": 1}})
    await tg.inject({"update_id": 900_000_000, "message": "not an object"})
    await tg.inject({"another": None})
    updates = await fetched(api.post("getUpdates"))
    assert updates[0]["message_from_the_future"] == {"file": 1}
    assert [update["update_id"] for update in updates][1:] == [900_000_000, 900_000_001]


async def test_a_webhook_forbids_polling_until_it_is_deleted(group: Chat, ann: User, api: httpx.AsyncClient) -> None:
    await api.post("setWebhook", json={"url": "https://example.org/hook"})
    assert (await api.post("getWebhookInfo")).json()["result"]["url"] == "https://example.org/hook"
    assert (await api.post("getUpdates")).status_code == 409
    await group.post_text(ann, "dropped")
    await api.post("deleteWebhook", json={"drop_pending_updates": True})
    assert await fetched(api.post("getUpdates")) == []


async def test_a_webhook_must_be_https(api: httpx.AsyncClient) -> None:
    answer = await api.post("setWebhook", json={"url": "http://example.org"})
    assert answer.json()["description"] == "Bad Request: bad webhook: An HTTPS URL must be provided for webhook"


async def test_privacy_mode_hides_ordinary_messages_from_a_plain_member(
    tg: Emulator, ann: User, api: httpx.AsyncClient
) -> None:
    club = tg.group("Tea club", members=[ann])
    await club.post_text(ann, "gossip")
    await club.post_text(ann, "/help")
    await club.post_text(ann, "/help@another_bot")
    await club.post_text(ann, "/help@lazaretto_demo_bot now")
    assert texts(await fetched(api.post("getUpdates"))) == ["/help", "/help@lazaretto_demo_bot now"]


async def test_privacy_mode_lets_replies_to_the_bot_through(tg: Emulator, ann: User, api: httpx.AsyncClient) -> None:
    club = tg.group("Tea club", members=[ann])
    await api.post("sendMessage", json={"chat_id": club.id, "text": "Tea?"})
    await club.post_text(ann, "Yes", reply_to=club.messages[0])
    updates = await fetched(api.post("getUpdates"))
    assert texts(updates) == ["Yes"]
    assert updates[0]["message"]["reply_to_message"]["text"] == "Tea?"


async def test_without_privacy_mode_a_plain_member_hears_everything() -> None:
    async with Emulator(privacy_mode=False) as tg, httpx.AsyncClient(trust_env=False) as client:
        ann = tg.user("Ann")
        await tg.group("Tea club", members=[ann]).post_text(ann, "gossip")
        assert texts(await fetched(client.post(f"{tg.base_url}{tg.token}/getUpdates"))) == ["gossip"]


async def test_bots_hear_neither_themselves_nor_other_bots(tg: Emulator, ann: User, api: httpx.AsyncClient) -> None:
    other = tg.user("Robot", is_bot=True)
    club = tg.group("Robots", members=[ann, other], bot_rights=Rights())
    await club.post_text(other, "beep")
    await api.post("sendMessage", json={"chat_id": club.id, "text": "boop"})
    assert [message.text for message in club.messages] == ["beep", "boop"]
    assert tg.pending_updates == ()


async def test_a_bot_that_was_removed_hears_only_of_its_removal(group: Chat, ann: User, api: httpx.AsyncClient) -> None:
    group.remove_bot()
    await group.post_text(ann, "alone at last")
    assert [list(u)[1] for u in await fetched(api.post("getUpdates"))] == ["my_chat_member"]
