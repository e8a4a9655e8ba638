"""What is asked of Telegram to mute, ban and tell somebody, and in which words its refusals reach a card."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from lazaretto.emulator import Chat, Emulator, Permissions, Rights, User
from lazaretto.languages import language_of
from lazaretto.model import Case, CaseState, Claim, Measure, Person, Place
from lazaretto.ports import NotAllowed, Refused
from lazaretto.telegram.durations import told_duration, until
from lazaretto.telegram.measures import measure_lines, plain_refusal
from lazaretto.telegram.moderation import TelegramPlatform
from lazaretto.telegram.telling import sender_text

SAY = language_of("en")
NOW = datetime(2026, 5, 1, tzinfo=UTC)


@pytest.fixture
def club(group: Chat) -> Chat:
    group.set_bot_rights(Rights.full())
    return group


def place(chat: Chat) -> Place:
    return Place("telegram", str(chat.id))


def person(user: User) -> Person:
    return Person("telegram", str(user.id), user.first_name)


async def test_a_mute_ends(tg: Emulator, platform: TelegramPlatform, club: Chat, ann: User) -> None:
    end = await platform.mute(place(club), person(ann), 3600)
    standing = club.standing(ann)
    assert standing.status == "restricted"
    assert standing.permissions is not None
    assert not standing.permissions.can_send_documents
    assert 0 < datetime.fromisoformat(end).timestamp() - datetime.now(UTC).timestamp() <= 3600
    tg.advance(timedelta(hours=2))
    assert club.standing(ann).status == "member"


@pytest.mark.parametrize(("first", "status"), [(0, "restricted"), (7 * 86_400, "restricted"), (3600, "member")])
async def test_a_mute_that_lasts_longer_stays(
    tg: Emulator, platform: TelegramPlatform, club: Chat, ann: User, first: int, status: str
) -> None:
    stood = await platform.mute(place(club), person(ann), first)
    end = await platform.mute(place(club), person(ann), 86_400)
    assert len(tg.calls_of("restrictChatMember")) == (1 if status == "restricted" else 2)
    assert (end[:19] == stood[:19]) == (status == "restricted")
    tg.advance(timedelta(days=2))
    assert club.standing(ann).status == status


async def test_whoever_may_write_a_little_for_ever_is_muted_all_the_same(
    platform: TelegramPlatform, club: Chat, ann: User
) -> None:
    club.set_standing(ann, "restricted", permissions=replace(Permissions.none(), can_send_photos=True))
    await platform.mute(place(club), person(ann), 3600)
    standing = club.standing(ann)
    assert standing.permissions is not None
    assert not standing.permissions.can_send_photos


async def test_a_ban_for_ever_has_no_end_and_keeps_other_posts(
    platform: TelegramPlatform, club: Chat, ann: User
) -> None:
    await club.post_text(ann, "hello")
    assert await platform.ban(place(club), person(ann), 0) == ""
    assert (club.standing(ann).status, club.standing(ann).until_date) == ("kicked", 0)
    assert [message.text for message in club.messages if message.text] == ["hello"]


async def test_repeating_it_does_no_harm(platform: TelegramPlatform, club: Chat, ann: User) -> None:
    for _ in range(2):
        await platform.ban(place(club), person(ann), 0)
    assert club.standing(ann).status == "kicked"


async def test_muting_lets_nobody_in_who_is_banned(platform: TelegramPlatform, club: Chat, ann: User) -> None:
    await platform.ban(place(club), person(ann), 0)
    with pytest.raises(Refused, match="banned already"):
        await platform.mute(place(club), person(ann), 3600)
    assert club.standing(ann).status == "kicked"


async def test_who_has_left_can_be_banned(platform: TelegramPlatform, club: Chat, ann: User) -> None:
    await club.leave(ann)
    await platform.ban(place(club), person(ann), 0)
    assert club.standing(ann).status == "kicked"


async def test_a_channel_is_banned_and_cannot_be_muted(tg: Emulator, platform: TelegramPlatform, club: Chat) -> None:
    channel = Person("telegram", "-1001000000077", "News")
    with pytest.raises(Refused, match="channels cannot be muted"):
        await platform.mute(place(club), channel, 3600)
    assert await platform.ban(place(club), channel, 3600) == ""
    assert str(tg.calls_of("banChatSenderChat")[0].params["sender_chat_id"]) == channel.id


async def test_the_group_itself_is_not_banned_from_itself(platform: TelegramPlatform, club: Chat) -> None:
    with pytest.raises(Refused, match="posts as the group itself"):
        await platform.ban(place(club), Person("telegram", str(club.id), "Chess club"), 0)


async def test_an_erased_sender_is_nobody(tg: Emulator, platform: TelegramPlatform, club: Chat, case: Case) -> None:
    nobody = Person("telegram", "ab" * 16, "")
    with pytest.raises(Refused, match="erased"):
        await platform.ban(place(club), nobody, 0)
    with pytest.raises(Refused, match="no person"):
        await platform.tell(case, nobody, repeated=False)
    assert not tg.calls_of("banChatMember")


async def test_an_administrator_is_refused_in_plain_words(platform: TelegramPlatform, club: Chat, ann: User) -> None:
    club.set_standing(ann, "administrator", Rights())
    with pytest.raises(Refused) as refused:
        await platform.mute(place(club), person(ann), 3600)
    assert plain_refusal(SAY, str(refused.value)) == "no bot can do that to an administrator"


async def test_the_owner_is_refused_in_plain_words(platform: TelegramPlatform, club: Chat, ann: User) -> None:
    club.set_standing(ann, "creator")
    with pytest.raises(Refused) as refused:
        await platform.ban(place(club), person(ann), 0)
    assert plain_refusal(SAY, str(refused.value)) == "nobody can do that to the owner of the group"


async def test_lost_rights_are_told_in_plain_words(platform: TelegramPlatform, club: Chat, ann: User) -> None:
    club.set_bot_rights(Rights(can_delete_messages=True))
    with pytest.raises(NotAllowed) as refused:
        await platform.ban(place(club), person(ann), 0)
    assert plain_refusal(SAY, str(refused.value)) == "the bot lacks the right to ban users in the group"


async def test_in_a_basic_group_nobody_can_be_muted(tg: Emulator, platform: TelegramPlatform, ann: User) -> None:
    basic = tg.group("Old club", members=[ann], basic=True, bot_rights=Rights.full())
    with pytest.raises(Refused) as refused:
        await platform.mute(place(basic), person(ann), 3600)
    assert "in a basic group nobody can be muted" in plain_refusal(SAY, str(refused.value))


async def test_whoever_never_wrote_to_the_bot_cannot_be_told(platform: TelegramPlatform, case: Case, ann: User) -> None:
    with pytest.raises(Refused) as refused:
        await platform.tell(case, person(ann), repeated=False)
    assert plain_refusal(SAY, str(refused.value)) == "they have never opened a chat with the bot"


async def test_whoever_blocked_the_bot_cannot_be_told(
    tg: Emulator, platform: TelegramPlatform, case: Case, ann: User
) -> None:
    tg.private(ann).remove_bot()
    with pytest.raises(Refused) as refused:
        await platform.tell(case, person(ann), repeated=False)
    assert plain_refusal(SAY, str(refused.value)) == "they have blocked the bot"


async def test_the_sender_is_told_without_offsets_and_may_appeal(
    tg: Emulator, platform: TelegramPlatform, case: Case, ann: User
) -> None:
    private = tg.private(ann)
    held = replace(case, attachment=replace(case.attachment, room="Chess <club>"))
    await platform.tell(held, person(ann), repeated=True)
    text = private.messages[-1].text or ""
    assert text.startswith("a.png, which you posted in Chess <club>, is held.")
    assert "A moderator will look at it." in text
    assert "you may have got this message before" in text
    assert "byte" not in text
    assert private.messages[-1].buttons == ["Appeal"]
    await platform.tell(replace(held, state=CaseState.RELEASED), person(ann), repeated=False)
    assert private.messages[-1].buttons == []


async def test_a_strangers_text_breaks_no_message_to_the_sender(
    tg: Emulator, platform: TelegramPlatform, case: Case, ann: User
) -> None:
    private = tg.private(ann)
    for text in ("<b>bold</b></code>", "invoice\u202efdp.exe", "two\nlines\nWhy: because", "😀" * 4000, "half\ud83d"):
        part = replace(case.attachment.parts[0], claim=Claim(text, text, 4, text))
        odd = replace(case, attachment=replace(case.attachment, parts=(part,), room=text))
        await platform.tell(odd, person(ann), repeated=False)
        shown = private.messages[-1].text or ""
        assert {entity["type"] for entity in private.messages[-1].content["entities"]} == {"code"}
        assert "\u202e" not in shown
        assert "\nWhy: because" not in shown


@pytest.mark.parametrize(
    ("state", "told"),
    [
        (CaseState.OPEN, "is held.\n"),
        (CaseState.CONFIRMED, "it stays out of the group"),
        (CaseState.RELEASED, "was held.\n"),
        (CaseState.EXPIRED, "Nobody decided about it in time"),
    ],
)
def test_the_sender_is_told_how_it_stands(case: Case, state: CaseState, told: str) -> None:
    assert told in sender_text(SAY, replace(case, state=state), repeated=False)


@pytest.mark.parametrize(
    ("seconds", "end"),
    [(3600, NOW + timedelta(hours=1)), (0, None), (367 * 86_400, None), (5, NOW + timedelta(seconds=60))],
)
def test_nothing_short_becomes_for_ever(seconds: int, end: datetime | None) -> None:
    assert until(seconds, NOW) == end


@pytest.mark.parametrize(
    ("seconds", "told"),
    [(3600, "1 hour"), (86_400, "1 day"), (0, "for ever"), (400 * 86_400, "for ever"), (3 * 86_400, "3 days"),
     (7200, "2 hours")],
)  # fmt: skip
def test_how_long_it_lasts_is_told_in_its_largest_unit(seconds: int, told: str) -> None:
    assert told_duration(SAY, seconds) == told


@pytest.mark.parametrize(
    ("measure", "told"),
    [
        (Measure(1, "remove", "done"), []),
        (
            Measure(1, "remove", "failed", "", "Message can't be deleted"),
            ["<b>Still there</b>: it is older than 48 hours, and Telegram lets no bot delete it any more: remove it by "
             "hand"],
        ),
        (Measure(1, "mute", "intended", "3600"), ["Sender: to be muted, 1 hour"]),
        (Measure(1, "mute", "done", "3600"), ["Sender: muted, 1 hour"]),
        (Measure(1, "ban", "done", "0"), ["Sender: banned, for ever"]),
        (
            Measure(1, "ban", "failed", "0", "user is an administrator of the chat"),
            ["Sender: <b>not banned</b>, because no bot can do that to an administrator"],
        ),
        (Measure(1, "tell", "done"), ["Sender: was told in private"]),
        (
            Measure(1, "tell", "failed", "", "Forbidden: bot was blocked by the user"),
            ["Sender: could not be told, because they have blocked the bot"],
        ),
        (Measure(1, "tell", "failed", "", "<b>new words</b>"), ["Sender: could not be told, because Telegram says: "
                                                                "&lt;b&gt;new words&lt;/b&gt;"]),
    ],
)  # fmt: skip
def test_a_card_says_in_one_sentence_what_came_of_it(case: Case, measure: Measure, told: list[str]) -> None:
    assert list(measure_lines(SAY, replace(case, measures=(measure,)))) == told


def test_a_message_of_today_that_cannot_be_deleted_is_no_question_of_age(case: Case) -> None:
    today = replace(case, attachment=replace(case.attachment, posted_at=datetime.now(UTC)))
    failed = Measure(1, "remove", "failed", "", "Message can't be deleted")
    assert "may not delete it" in next(measure_lines(SAY, replace(today, measures=(failed,))))
