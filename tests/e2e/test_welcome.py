"""First contact: one message that says what the bot sees, lacks and does; and groups that get another id."""

from __future__ import annotations

from typing import Any

import pytest

from e2e.conftest import Town
from e2e.files import post_program
from e2e.host import Host, build, events, policies, polling, until
from lazaretto.audit.settings import Settings
from lazaretto.emulator import Chat, Message, Rights, User
from lazaretto.model import Mode, Person, Place
from lazaretto.telegram.attachments import PLATFORM

HELLO = "I look at the files that are posted here"


def own(town: Town, chat: Chat) -> list[Message]:
    return [m for m in chat.messages if m.sender is not None and m.sender.id == town.tg.bot.id]


def add(town: Town, chat: Chat, by: User, rights: Rights | None = None) -> None:
    """Somebody adds the bot to a group."""
    chat.set_standing(town.tg.bot, "administrator" if rights else "member", rights, by=by)


def throw_out(town: Town, chat: Chat, by: User) -> None:
    chat.set_standing(town.tg.bot, "kicked", by=by)


async def settled(town: Town, host: Host) -> None:
    """Everything that was told before was handled."""
    chat = town.tg.group("The end", members=[town.ann], bot_rights=Rights.full())
    await host.saw(await chat.post_text(town.ann, "Is everybody through?"))


def a_group(town: Town, title: str = "Bridge club") -> Chat:
    return town.tg.group(title, members=[town.ann], admins=[town.mila], with_bot=False)


def host_of(town: Town, **settings: Any) -> Any:
    return polling(build(town.tg, {"state": str(town.state), **settings}))


async def test_a_plain_member_says_what_it_lacks_and_offers_it(town: Town) -> None:
    group = a_group(town)
    async with host_of(town):
        add(town, group, town.mila)
        hello = await group.wait_for(lambda m: HELLO in (m.text or ""))
        text = hello.text or ""
        assert "may not delete messages" in text
        assert "may not ban users" in text
        assert "Observe mode" in text
        assert "No moderators' chat is set yet" in text
        rights, settings = (row[0]["url"] for row in hello.keyboard)
        assert rights.endswith("?startgroup=lz&admin=delete_messages+restrict_members")
        assert settings.endswith(f"?start=lz_lazaretto_{group.id}")


@pytest.mark.parametrize(
    ("private", "said"), [(True, "I do not see files here yet"), (False, "I see every message here")]
)
async def test_privacy_mode_is_told_of(town: Town, private: bool, said: str) -> None:
    group = a_group(town)
    town.tg._world.privacy_mode = private
    async with host_of(town):
        add(town, group, town.mila)
        hello = await group.wait_for(lambda m: HELLO in (m.text or ""))
        assert said in (hello.text or "")


async def test_an_administrator_with_its_rights_needs_no_button_for_them(town: Town) -> None:
    group = a_group(town)
    async with host_of(town, defaults=town.guarded):
        add(town, group, town.mila, Rights.full())
        hello = await group.wait_for(lambda m: HELLO in (m.text or ""))
        assert "I have the rights that I need" in (hello.text or "")
        assert "Guard mode" in (hello.text or "")
        assert "Moderators get a card" in (hello.text or "")
        assert hello.buttons == ["Settings"]
        assert str(town.moderators.id) not in str(hello.json())


async def test_rights_that_change_later_and_restarts_are_no_first_contact(town: Town) -> None:
    group = a_group(town)
    async with host_of(town) as host:
        add(town, group, town.mila)
        await group.wait_for(lambda m: HELLO in (m.text or ""))
        group.set_bot_rights(Rights.full())
        group.set_bot_rights(None)
        await settled(town, host)
    async with host_of(town) as host:
        throw_out(town, group, town.mila)
        add(town, group, town.mila)
        await settled(town, host)
        assert len(own(town, group)) == 1


async def test_where_the_bot_is_not_allowed_it_says_one_line(town: Town) -> None:
    group = a_group(town)
    async with host_of(town, groups={"allowed": ["-1001"]}) as host:
        add(town, group, town.mila, Rights.full())
        line = await group.wait_for(lambda m: "operator allows" in (m.text or ""))
        assert str(group.id) in (line.text or "")
        assert line.buttons == []
        await group.post(
            town.mila, text="/lazaretto", entities=[{"type": "bot_command", "offset": 0, "length": len("/lazaretto")}]
        )
        await settled(town, host)
        assert own(town, group) == [line]


async def test_whoever_adds_it_to_many_groups_is_answered_a_few_times(town: Town) -> None:
    groups = [a_group(town, f"Club {number}") for number in range(12)]
    last = a_group(town, "Somebody else's club")

    def greeted() -> int:
        return sum(len(own(town, group)) for group in groups)

    async with host_of(town) as host:
        for group in groups:
            add(town, group, town.eve)
        add(town, last, town.ann)
        await last.wait_for(lambda m: HELLO in (m.text or ""))
        await until(lambda: greeted() == 5)
        await settled(town, host)
        assert greeted() == 5


async def test_an_owner_of_the_installation_adds_it_wherever_they_like(town: Town) -> None:
    groups = [a_group(town, f"Club {number}") for number in range(8)]
    async with host_of(town, owners=[str(town.mila.id)]):
        for group in groups:
            add(town, group, town.mila)
        for group in groups:
            await group.wait_for(lambda m: HELLO in (m.text or ""))


async def test_moderators_chats_and_channels_are_not_greeted(town: Town) -> None:
    throw_out(town, town.moderators, town.mila)
    channel = town.tg.channel("News", admins=[town.mila], with_bot=False)
    async with host_of(town, defaults=town.guarded) as host:
        add(town, town.moderators, town.mila)
        add(town, channel, town.mila, Rights.full())
        await settled(town, host)
        assert own(town, town.moderators) == own(town, channel) == []


async def test_the_host_hears_of_it_as_well(town: Town) -> None:
    from telegram.ext import ChatMemberHandler

    group, heard = a_group(town), []
    host = build(town.tg, policies(town.state, {}))

    async def hear(update: Any, _context: Any) -> None:
        heard.append(update.my_chat_member.chat.id)

    host.application.add_handler(ChatMemberHandler(hear))
    async with polling(host):
        add(town, group, town.mila)
        await until(lambda: heard == [group.id])


# ── another id ────────────────────────────────────────────────────────────────────────────────────────────────────


async def moved_records(host: Host) -> list[dict[str, Any]]:
    store = (await host.guard.start()).store
    return [record["data"] for record in await events(store) if record["event"] == "chat-moved"]


async def test_everything_goes_with_a_group_that_becomes_a_supergroup(town: Town) -> None:
    group = town.tg.group("Old club", members=[town.eve], admins=[town.mila], bot_rights=Rights.full(), basic=True)
    config = policies(town.state, {group: {"max_size": "7 MB"}}, defaults=town.guarded)
    by = Person(PLATFORM, str(town.mila.id), "Mila")
    async with polling(build(town.tg, config)) as host:
        old = Place(PLATFORM, str(group.id))
        await host.guard.start()
        await host.guard.policies.change(old, "release_days", 5, by)
        await post_program(group, town.eve)
        card = await town.moderators.wait_for(lambda m: "holiday.jpg" in (m.text or ""))
        await host.done(event="done", kind="remove")
        new = group.migrate(town.mila)
        await until(lambda: bool(host.guard.policies.set_in(Place(PLATFORM, str(new.id)))))
        policy = host.guard.policies.policy_of(Place(PLATFORM, str(new.id)))
        assert (policy.release_days, policy.max_size, policy.mode) == (5, 7_000_000, Mode.GUARD)
        # A release goes to where the members are now.
        await (await town.tg.press(town.mila, card, "Release")).answered()
        await new.wait_for(lambda m: m.document is not None)
        [record] = await moved_records(host)
        assert (record["old"], record["new"], record["attachments"]) == (str(group.id), str(new.id), 1)
        assert own(town, new) == [m for m in own(town, new) if m.document is not None]
    async with polling(build(town.tg, config)) as host:
        await host.guard.start()
        policy = host.guard.policies.policy_of(Place(PLATFORM, str(new.id)))
        assert (policy.release_days, policy.max_size) == (5, 7_000_000)
        stored = await Settings((await host.guard.start()).store).of(old)
        assert stored == {}


async def test_what_was_recorded_before_a_move_is_found_under_the_new_id_and_by_the_old(town: Town) -> None:
    """Telegram knows nobody's rights under the old one any more."""
    group = town.tg.group("Old club", members=[town.eve], admins=[town.mila], bot_rights=Rights.full(), basic=True)
    made = build(town.tg, policies(town.state, {}, defaults=town.guarded))
    made.guard.uninstall()
    made.guard.attach(alone=True)
    async with polling(made) as host:
        await post_program(group, town.eve)
        await host.done(event="done", kind="remove")
        new = group.migrate(town.mila)
        await until(lambda: _has_moved(host, group, new))
        private = town.tg.private(town.mila)
        for chat in (new, group):
            for command, found in (
                ("/audit event:decided", "pe.program"),
                ("/audit event:opened", "case 1"),
                ("/cases all", "holiday.jpg"),
            ):
                where = str(chat.id) if command.startswith("/cases") else f"group:{chat.id}"
                asked = await private.post_text(town.mila, f"{command} {where}")
                answer = await private.wait_for(lambda m, asked=asked: m.reply_to is asked)  # type: ignore[misc]
                assert found in (answer.text or ""), (command, answer.text)
        asked = await private.post_text(town.mila, "/case 1")
        answer = await private.wait_for(lambda m: m.reply_to is asked)
        assert "holiday.jpg" in (answer.text or "")
        assert "held" in (answer.text or "")  # its time line begins before the move


async def test_a_message_from_before_is_never_deleted_by_its_number_in_the_new_chat(town: Town) -> None:
    """There it is somebody else's."""
    group = town.tg.group("Old club", members=[town.eve], admins=[town.mila], bot_rights=Rights.full(), basic=True)
    async with polling(build(town.tg, policies(town.state, {}, defaults=town.guarded))) as host:
        hold = town.tg.faults.hold("deleteMessage")
        posted = await post_program(group, town.eve)
        await hold.reached()
        new = group.migrate(town.mila)
        innocent = [await new.post_text(town.eve, f"Hello {n}") for n in range(posted.message_id + 3)]
        assert posted.message_id in [m.message_id for m in new.messages]
        await until(lambda: _has_moved(host, group, new))
        hold.release()
        await host.done(event="failed", kind="remove")
        assert not [m for m in innocent if m.deleted]


def _has_moved(host: Host, group: Chat, new: Chat) -> bool:
    return host.guard.policies.configuration._moved == {str(group.id): str(new.id)}


async def test_a_moderators_chat_that_moves_gets_its_cards_and_keeps_its_place(town: Town) -> None:
    cards = town.tg.group("Old moderators", admins=[town.mila], bot_rights=Rights.full(), basic=True)
    config = policies(town.state, {town.group: {"mode": "guard", "moderators": str(cards.id)}})
    async with polling(build(town.tg, config)) as host:
        await post_program(town.group, town.eve)
        await cards.wait_for(lambda m: "holiday.jpg" in (m.text or ""))
        new = cards.migrate(town.mila)
        again = await new.wait_for(lambda m: "holiday.jpg" in (m.text or ""))
        await (await town.tg.press(town.mila, again, "Confirm")).answered()
        await host.done(event="confirmed")
        await post_program(town.group, town.eve, name="other.jpg")
        await new.wait_for(lambda m: "other.jpg" in (m.text or ""))
        assert str(new.id) in host.guard.policies.moderator_chats
        assert len(await moved_records(host)) == 1


async def test_a_move_that_nobody_told_of_is_noticed_when_something_is_sent(town: Town) -> None:
    """The bot was away while Telegram kept the news."""
    cards = town.tg.group("Old moderators", admins=[town.mila], bot_rights=Rights.full(), basic=True)
    config = policies(town.state, {town.group: {"mode": "guard", "moderators": str(cards.id)}})
    new = cards.migrate(town.mila)
    town.tg._world.updates.forget()
    async with polling(build(town.tg, config)) as host:
        await post_program(town.group, town.eve)
        await new.wait_for(lambda m: "holiday.jpg" in (m.text or ""))
        assert len(await moved_records(host)) == 1


@pytest.mark.parametrize("kind", ["reply_to_message", "pinned_message"])
async def test_a_move_inside_another_message_is_none(town: Town, kind: str) -> None:
    async with host_of(town) as host:
        await town.tg.inject(
            {
                "message": {
                    "message_id": 77,
                    "date": 1,
                    "chat": town.group.json(),
                    "from": town.eve.json(),
                    kind: {"message_id": 70, "date": 1, "chat": town.group.json(), "migrate_to_chat_id": -100666},
                }
            }
        )
        await settled(town, host)
        assert await moved_records(host) == []
