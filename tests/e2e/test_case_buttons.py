"""The buttons of a card beside release and confirm, over HTTP: what they do, for whom, and when something got in
between."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from e2e.conftest import Town
from e2e.files import post_program
from e2e.host import Host, build, emptied, events, polling, until
from lazaretto.emulator import Chat, Message, Rights, User
from lazaretto.emulator.chats.accounts import GROUP_ANONYMOUS_BOT
from lazaretto.model import CaseState

CARD = ["✅ Release", "⛔ Confirm", "Mute ▸", "Ban ▸", "Details", "Tell sender"]
CHOICES = ["1 hour", "1 day", "7 days", "for ever", "◂ Back"]


async def shown(town: Town, sender: User | None = None, **post: Any) -> Message:
    await post_program(town.group, sender or town.eve, **post)
    return await town.moderators.wait_for(lambda m: "Opens with" in (m.text or ""))


async def press(town: Town, user: User, message: Message, label: str) -> str:
    return (await (await town.tg.press(user, message, label)).answered()).text


async def raw_press(town: Town, user: User, message: Message, data: str) -> str:
    """A press whose data no button there has: as a hostile client sends it, or as Telegram repeats it."""
    answers = len(town.tg.calls_of("answerCallbackQuery"))
    query = {"id": f"forged-{answers}-{data}", "from": user.json(), "message": message.json(), "chat_instance": "1"}
    await town.tg.inject({"callback_query": {**query, "data": data}})
    await town.tg.wait_until(lambda: len(town.tg.calls_of("answerCallbackQuery")) > answers)
    return str(town.tg.calls_of("answerCallbackQuery")[answers].params.get("text", ""))


async def says(card: Message, words: str) -> None:
    await until(lambda: words in (card.text or ""))


# -- mute and ban ----------------------------------------------------------------------------------------------------


async def test_a_choice_of_durations_takes_the_place_of_the_buttons_and_back(town: Town, host: Host) -> None:
    card = await shown(town)
    assert card.buttons == CARD
    assert await press(town, town.mila, card, "Mute") == ""
    assert card.buttons == CHOICES
    assert await press(town, town.mila, card, "Back") == ""
    assert card.buttons == CARD


async def test_a_mute_is_done_and_said_on_the_card(town: Town, host: Host) -> None:
    card = await shown(town)
    await press(town, town.mila, card, "Mute")
    assert "is being muted, 1 day" in await press(town, town.mila, card, "1 day")
    await says(card, "Sender: muted, 1 day")
    standing = town.group.standing(town.eve)
    assert (standing.status, standing.present) == ("restricted", True)
    assert card.buttons == CARD
    record = await host.done(event="penalty")
    assert record["data"] == {"penalty": "mute", "seconds": 86_400, "cause": "moderator"}


async def test_a_ban_for_ever(town: Town, host: Host) -> None:
    card = await shown(town)
    await press(town, town.mila, card, "Ban")
    await press(town, town.mila, card, "for ever")
    await says(card, "Sender: banned, for ever")
    assert (town.group.standing(town.eve).status, town.group.standing(town.eve).until_date) == ("kicked", 0)


async def test_a_press_that_is_repeated_bans_once(town: Town, host: Host) -> None:
    card = await shown(town)
    await press(town, town.mila, card, "Ban")
    await press(town, town.mila, card, "1 hour")
    await says(card, "Sender: banned, 1 hour")
    assert "nothing was changed" in await raw_press(town, town.mila, card, "lz:ban:1:3600:0")
    assert len(town.tg.calls_of("banChatMember")) == 1


async def test_who_left_meanwhile_is_banned_all_the_same(town: Town, host: Host) -> None:
    card = await shown(town)
    await town.group.leave(town.eve)
    await press(town, town.mila, card, "Ban")
    await press(town, town.mila, card, "7 days")
    await says(card, "Sender: banned, 7 days")
    assert town.group.standing(town.eve).status == "kicked"


async def test_who_became_an_administrator_meanwhile_stays_and_the_card_says_why(town: Town, host: Host) -> None:
    card = await shown(town)
    town.group.set_standing(town.eve, "administrator", Rights())
    await press(town, town.mila, card, "Mute")
    await press(town, town.mila, card, "1 hour")
    await says(card, "Sender: not muted, because no bot can do that to an administrator")


async def test_rights_that_the_bot_lost_meanwhile_are_said_on_the_card(town: Town, host: Host) -> None:
    card = await shown(town)
    town.group.set_bot_rights(Rights(can_delete_messages=True))
    await press(town, town.mila, card, "Ban")
    await press(town, town.mila, card, "1 hour")
    await says(card, "Sender: not banned, because the bot lacks the right to ban users in the group")


async def test_a_channel_that_writes_in_the_group_is_banned_from_doing_so(town: Town, host: Host) -> None:
    channel = town.tg.channel("News", admins=[town.eve])
    card = await shown(town, as_chat=channel)
    await press(town, town.mila, card, "Ban")
    assert card.buttons == ["for ever", "◂ Back"]
    await press(town, town.mila, card, "for ever")
    await says(card, "Sender: banned, for ever")
    assert str(town.tg.calls_of("banChatSenderChat")[0].params["sender_chat_id"]) == str(channel.id)


async def test_a_card_that_is_too_old_to_be_changed_says_so(town: Town, host: Host) -> None:
    card = await shown(town)
    town.tg.faults.fail("editMessageReplyMarkup", error_code=400, description="Bad Request: message can't be edited")
    assert "Use /case 1" in await press(town, town.mila, card, "Ban")


async def test_under_another_cases_card_no_buttons_of_a_case_are_put(town: Town, host: Host) -> None:
    first = await shown(town)
    await post_program(town.group, town.eve, "other.jpg", data=b"MZ" + bytes(2000))
    second = await town.moderators.wait_for(lambda m: "case 2" in (m.text or "") and bool(m.buttons))
    elsewhere = await town.group.post_text(town.mila, "a copy of the card")
    for message in (second, elsewhere):
        for data in ("lz:mute:1", "lz:card:1"):
            assert "Use /case 1" in await raw_press(town, town.mila, message, data)
    assert not town.tg.calls_of("editMessageReplyMarkup")
    assert "being muted" in await raw_press(town, town.mila, second, "lz:mute:1:3600:0")
    await says(first, "Sender: muted, 1 hour")
    assert not town.tg.calls_of("editMessageReplyMarkup")


# -- who may ---------------------------------------------------------------------------------------------------------

BAN, REVIEW = Rights(can_restrict_members=True), Rights(can_delete_messages=True)
PRESSES = {
    "lz:mute:1": BAN,
    "lz:mute:1:3600:0": BAN,
    "lz:ban:1": BAN,
    "lz:ban:1:0:0": BAN,
    "lz:card:1": REVIEW,
    "lz:details:1": REVIEW,
    "lz:tell:1:0": REVIEW,
    "lz:release:1": REVIEW,
    "lz:confirm:1": REVIEW,
}
"""The data of every button of a card that is open, with the right that it takes."""


REFUSALS = ("Only administrators of the group of origin", "Your rights in the group could not be checked")


def _nobody(town: Town, _right: Rights) -> User:
    return town.tg.user("Oscar")


def _member(town: Town, _right: Rights) -> User:
    return town.ann


def _admin_without(town: Town, right: Rights) -> User:
    town.group.set_standing(town.ann, "administrator", REVIEW if right is BAN else BAN)
    return town.ann


def _admin_elsewhere(town: Town, _right: Rights) -> User:
    return _full(town, town.other_group("Bridge club"))


def _moderator_alone(town: Town, _right: Rights) -> User:
    return _full(town, town.moderators)


def _anonymous(_town: Town, _right: Rights) -> User:
    """Whose press may be told as the group's own: which administrator it is nobody can tell."""
    return GROUP_ANONYMOUS_BOT


def _full(town: Town, chat: Chat) -> User:
    user = town.tg.user("Olaf")
    chat.set_standing(user, "administrator", Rights.full())
    return user


@pytest.mark.parametrize("who", [_nobody, _member, _admin_without, _admin_elsewhere, _moderator_alone, _anonymous])
async def test_nobody_without_the_right_in_the_group_of_origin_gets_anything_done(
    town: Town, host: Host, who: Any
) -> None:
    card = await shown(town)
    before = card.buttons
    for data, right in PRESSES.items():
        user = who(town, right)
        assert (await raw_press(town, user, card, data)).startswith(REFUSALS), data
    store = (await host.guard.start()).store
    said = [record["event"] for record in await events(store)]
    assert said.count("refused-press") == len(PRESSES)
    assert not {"penalty", "reported-back", "approved", "released", "confirmed"} & set(said)
    assert card.buttons == before
    assert town.moderators.messages[-1] is card
    for method in ("restrictChatMember", "banChatMember", "editMessageReplyMarkup"):
        assert not town.tg.calls_of(method)


def _creator(town: Town) -> User:
    town.group.set_standing(town.ann, "creator")
    return town.ann


def _admin_with(town: Town) -> User:
    town.group.set_standing(town.ann, "administrator", Rights(can_restrict_members=True, can_delete_messages=True))
    return town.ann


@pytest.mark.parametrize("who", [_creator, _admin_with])
async def test_whoever_has_the_right_gets_it_done(town: Town, host: Host, who: Any) -> None:
    card = await shown(town)
    user = who(town)
    assert "being muted" in await raw_press(town, user, card, "lz:mute:1:3600:0")
    assert "in the moderators' chat" in await raw_press(town, user, card, "lz:details:1")
    assert "is told" in await raw_press(town, user, card, "lz:tell:1:0")


async def test_an_owner_of_the_installation_may_in_every_group(town: Town) -> None:
    owner = town.tg.user("Olga")
    config = town.config() | {"owners": [str(owner.id)]}
    async with polling(build(town.tg, config)):
        card = await shown(town)
        assert "being banned" in await raw_press(town, owner, card, "lz:ban:1:0:0")


@pytest.mark.parametrize(
    "data",
    [
        "lz:mute:1:5:0",  # no length that a button has
        "lz:mute:1:3600",
        "lz:mute:1:3600:0:0",
        "lz:ban:-1",
        "lz:ban:1:3600:x",
        "lz:tell:1",
        "lz:details:1:2",
        "lz:card:",
        "lz:appeal:1:1",
        "lz:mute:" + "9" * 40,
        "lz:details:\u0661",
    ],
)
async def test_forged_data_changes_nothing(town: Town, host: Host, data: str) -> None:
    card = await shown(town)
    assert await raw_press(town, town.mila, card, data) == "This button is not one of ours."
    said = {record["event"] for record in await events((await host.guard.start()).store)}
    assert not {"penalty", "reported-back", "appealed"} & said
    assert card.buttons == CARD


async def test_a_case_that_there_is_not(town: Town, host: Host) -> None:
    card = await shown(town)
    assert await raw_press(town, town.mila, card, "lz:ban:99:0:0") == "There is no case 99."


# -- details ---------------------------------------------------------------------------------------------------------


async def test_details_come_into_the_moderators_chat_with_bytes_and_once(town: Town, host: Host) -> None:
    card = await shown(town)
    assert "in the moderators' chat" in await press(town, town.mila, card, "Details")
    details = town.moderators.messages[-1]
    assert "<pre>" not in (details.text or "")
    assert "4d" in (details.text or "")  # MZ, at the beginning of the program
    assert details.reply_to is card
    count = len(town.moderators.messages)
    await press(town, town.mila, card, "Details")
    assert len(town.moderators.messages) == count


async def test_details_go_to_the_moderators_wherever_the_button_is_pressed(town: Town, host: Host) -> None:
    card = await shown(town)
    in_the_group = await town.group.post_text(town.eve, "a copy of the card")
    assert "in the moderators' chat" in await raw_press(town, town.mila, in_the_group, "lz:details:1")
    assert town.moderators.messages[-1] is not card
    assert not [m for m in town.group.messages if m.sender == town.tg.bot]


# -- the sender ------------------------------------------------------------------------------------------------------


async def test_a_sender_who_may_be_written_to_is_told_on_a_press(town: Town, host: Host) -> None:
    private = town.tg.private(town.eve)
    card = await shown(town)
    await press(town, town.mila, card, "Tell sender")
    told = await private.wait_for(lambda m: "is held" in (m.text or ""))
    assert "holiday.jpg, which you posted in Chess club, is held." in (told.text or "")
    await says(card, "Sender: was told in private")


async def test_a_sender_who_never_wrote_to_the_bot_cannot_be_told_and_the_card_says_so(town: Town, host: Host) -> None:
    card = await shown(town)
    await press(town, town.mila, card, "Tell sender")
    await says(card, "Sender: could not be told, because they have never opened a chat with the bot")


async def test_the_policy_has_senders_told_and_they_appeal_once(town: Town) -> None:
    private = town.tg.private(town.eve)
    async with town.host(inform_sender=True) as host:
        card = await shown(town)
        told = await private.wait_for(lambda m: "is held" in (m.text or ""))
        assert told.buttons == ["Appeal"]
        assert "Your appeal is noted" in await press(town, town.eve, told, "Appeal")
        await says(card, "The sender asks for another look")
        assert "appealed already" in await press(town, town.eve, told, "Appeal")
        await host.done(event="appealed")


async def test_nobody_appeals_for_somebody_else(town: Town) -> None:
    private = town.tg.private(town.eve)
    async with town.host(inform_sender=True) as host:
        await shown(town)
        told = await private.wait_for(lambda m: "is held" in (m.text or ""))
        for user in (town.ann, town.mila, town.tg.user("Oscar")):
            assert await raw_press(town, user, told, "lz:appeal:1") == "This button is not one of ours."
            assert await raw_press(town, user, told, "lz:appeal:99") == "This button is not one of ours."
        said = [record["event"] for record in await events((await host.guard.start()).store)]
        assert "appealed" not in said
        assert said.count("refused-press") == 6


async def test_a_confirmed_case_that_is_appealed_can_be_released_after_all(town: Town) -> None:
    private = town.tg.private(town.eve)
    async with town.host(inform_sender=True) as host:
        card = await shown(town)
        told = await private.wait_for(lambda m: "is held" in (m.text or ""))
        await press(town, town.mila, card, "Confirm")
        await says(card, "confirmed as bad")
        await press(town, town.eve, told, "Appeal")
        await says(card, "appealed")
        await until(lambda: "✅ Release" in card.buttons)
        await press(town, town.mila, card, "Release")
        await host.done(event="released")
        assert "holiday.jpg" in str(town.group.messages[-1].document)


async def test_a_sender_is_told_in_their_own_language_where_the_bot_speaks_it(town: Town) -> None:
    paul = town.tg.user("Paul", language_code="de-AT")
    town.group.set_standing(paul, "member")
    town.tg.private(paul)
    async with town.host(inform_sender=True) as host:
        await shown(town, paul)
        await host.done(event="done", kind="tell")
        case = await (await host.guard.start()).store.case(1)
        assert case is not None
        assert case.attachment.sender.language == "de-AT"


# -- two persons, strikes ---------------------------------------------------------------------------------------------


async def test_two_moderators_release_what_the_policy_wants_two_for(town: Town) -> None:
    max_ = town.tg.user("Max")
    town.group.set_standing(max_, "administrator", Rights.full())
    async with town.host(two_person=["spoofed", "dangerous"]) as host:
        card = await shown(town)
        assert "when a second moderator approves" in await press(town, town.mila, card, "Release")
        await says(card, "Release approved by Mila; another moderator has to approve, too")
        await until(lambda: "✅ Approve, too" in card.buttons)
        assert "Nothing was changed" in await press(town, town.mila, card, "Approve")
        assert not town.tg.calls_of("sendDocument")
        assert "posted again" in await press(town, max_, card, "Approve")
        record = await host.done(event="approved")
        assert "first" in record["data"]
        await says(card, "released")


async def test_as_many_confirmed_cases_as_there_may_be_mute_their_sender(town: Town) -> None:
    strikes = {"limit": 2, "within": "7 days", "consequence": "mute", "mute": "3 days"}
    async with town.host(strikes=strikes) as host:
        first = await shown(town)
        await press(town, town.mila, first, "Confirm")
        await host.done(event="confirmed", case=1)
        assert town.group.standing(town.eve).status == "member"
        await post_program(town.group, town.eve, "other.jpg", data=b"MZ" + bytes(2000))
        second = await town.moderators.wait_for(lambda m: "case 2" in (m.text or "") and bool(m.buttons))
        answer = await press(town, town.mila, second, "Confirm")
        assert "as many strikes as there may be here, and is muted" in answer
        await says(second, "Sender: muted, 3 days")
        assert town.group.standing(town.eve).status == "restricted"
        record = await host.done(event="penalty")
        assert record["data"]["strikes"] == [1, 2]


async def test_where_strikes_count_for_ever_cases_are_confirmed_and_shown(town: Town) -> None:
    async with town.host(strikes={"limit": 3, "within": "forever"}) as host:
        card = await shown(town)
        await press(town, town.mila, card, "Confirm")
        await host.done(event="confirmed", case=1)
        assert "in the moderators' chat" in await raw_press(town, town.mila, card, "lz:details:1")


# -- what gets in between ---------------------------------------------------------------------------------------------


async def test_what_is_too_old_to_be_deleted_is_said_so(town: Town) -> None:
    await town.group.post_text(town.ann, "hello")
    old = await post_program(town.group, town.eve)
    town.tg.advance(timedelta(hours=23))
    town.tg.faults.fail(
        "deleteMessage", error_code=400, description="Bad Request: message can't be deleted", times=None
    )
    async with town.host():
        card = await town.moderators.wait_for(lambda m: "Still there" in (m.text or ""))
        assert "remove it by hand" in (card.text or "")
        assert not old.deleted


async def test_what_was_flagged_two_days_ago_is_confirmed_but_stays_and_the_card_says_so(town: Town) -> None:
    categories = ("spoofed", "concealed", "dangerous", "malformed", "active", "exploit", "unscannable")
    async with town.host(actions=dict.fromkeys(categories, "flag")) as host:
        posted = await post_program(town.group, town.eve)
        card = await town.moderators.wait_for(lambda m: "Flagged" in (m.text or ""))
        town.tg.advance(timedelta(hours=49))
        assert "it is being removed" in await raw_press(town, town.mila, card, "lz:confirm:1")
        await host.done(event="failed", kind="remove")
        known = await (await host.guard.start()).store.case(1)
        assert known is not None
        assert known.state is CaseState.CONFIRMED
        assert not posted.deleted


async def test_what_its_sender_deleted_first_counts_as_removed(town: Town) -> None:
    hold = town.tg.faults.hold("deleteMessage")
    async with town.host() as host:
        posted = await post_program(town.group, town.eve)
        await hold.reached()
        town.group.strike(posted)
        hold.release()
        await host.done(event="done", kind="remove")
        card = await town.moderators.wait_for(lambda m: "Opens with" in (m.text or ""))
        await emptied((await host.guard.start()).store.due)
        assert "Still there" not in (card.text or "")


async def test_a_release_goes_back_into_its_topic_and_under_what_it_replied_to(town: Town) -> None:
    async with town.host() as host:
        asked = await town.group.post_text(town.ann, "Who has the minutes?")
        card = await shown(town, reply_to=asked, caption="here")
        assert "in Chess club (" in (card.text or "")
        await press(town, town.mila, card, "Release")
        await host.done(event="released")
        back = town.group.messages[-1]
        assert back.reply_to is asked
        assert back.caption == "From Eve, released by a moderator\nhere"


async def test_a_release_whose_question_is_gone_comes_back_without_it(town: Town) -> None:
    async with town.host() as host:
        asked = await town.group.post_text(town.ann, "Who has the minutes?")
        card = await shown(town, reply_to=asked)
        town.group.strike(asked)
        await press(town, town.mila, card, "Release")
        await host.done(event="released")
        assert town.group.messages[-1].document is not None
