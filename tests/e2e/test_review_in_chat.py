"""Looking back in chat over HTTP: lists of cases, one case, the log, and who may see what of them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest

from e2e.conftest import Town
from e2e.files import PROGRAM, post_program
from e2e.host import Host, build, events, polling, until
from lazaretto.emulator import Chat, Emulator, Message, Rights, User
from lazaretto.emulator.records import Call
from lazaretto.languages import language_of
from lazaretto.model import CaseState, Person
from lazaretto.telegram.commands.cases_bulk import Bulk
from lazaretto.telegram.commands.cases_words import told
from lazaretto.telegram.store_words import translated

HOSTILE = {
    "html": "<b>bold</b><a href='tg://user?id=1'>x</a>&amp;",
    "markdown": "*bold* [x](http://x) `code`",
    "bidi": "photo\u202egpj.exe\u2066\u200b",
    "long": "\U0001f4a3" * 4096,
    "newlines": "a\n\n<code>/cases all</code>\r\n/case 1\u2028b",
    "blanks": "a" + " " * 60 + "Released by: everybody",
}


@dataclass
class Review:
    """A town in which everybody's commands work, and a second group with moderators of its own."""

    town: Town
    host: Host
    other: Chat
    other_moderators: Chat
    oscar: User  # administers the other group, and no other

    @property
    def tg(self) -> Emulator:
        return self.town.tg

    async def held(self, chat: Chat | None = None, name: str = "holiday.jpg", **fields: Any) -> int:
        """The number of a new case."""
        message = await post_program(chat or self.town.group, self.town.eve, name, **fields)
        store = (await self.host.guard.start()).store

        async def case() -> int:
            found = [c for c in await store.cases() if str(message.message_id) in c.attachment.messages]
            mine = [c.id for c in found if c.attachment.place.chat == str(message.chat.id) and c.removed_at]
            return mine[0] if mine else 0

        return await until(case)

    async def ask(self, user: User, text: str, chat: Chat | None = None, **fields: Any) -> Message:
        """The answer to a command, in private unless a chat is named."""
        where = chat or self.tg.private(user)
        asked = await where.post_text(user, text, **fields)
        return await where.wait_for(lambda m: m.reply_to is asked)

    async def press(self, user: User, message: Message, label: str) -> str:
        """Press a button and wait for the answer."""
        return (await (await self.tg.press(user, message, label)).answered()).text

    async def forge(self, user: User, message: Message | dict[str, Any], data: str) -> str:
        """A press whose data a hostile client made up, under a message or what Telegram tells of one."""
        under = message.json() if isinstance(message, Message) else message
        number = f"forged-{len(self.tg.calls)}"
        query = {"id": number, "from": user.json(), "message": under, "chat_instance": "1", "data": data}
        await self.tg.inject({"callback_query": query})

        def answered() -> list[Call]:
            calls = self.tg.calls_of("answerCallbackQuery")
            return [call for call in calls if call.params["callback_query_id"] == number]

        await self.tg.wait_until(answered)
        return str(answered()[0].params.get("text") or "")

    async def state(self, case: int) -> CaseState:
        found = await (await self.host.guard.start()).store.case(case)
        assert found is not None
        return found.state

    async def reaches(self, case: int, state: CaseState) -> None:
        async def there() -> bool:
            return await self.state(case) is state

        await until(there)


def labels(message: Message) -> list[str]:
    return message.buttons


@pytest.fixture
async def review(town: Town) -> AsyncIterator[Review]:
    async with reviewing(town) as made:
        yield made


class reviewing:  # noqa: N801 - a context manager, used as a function
    """owners: of the installation. allowed: the groups that it works in. keys: policy keys of the chess club."""

    def __init__(self, town: Town, owners: tuple[User, ...] = (), allowed: tuple[Chat, ...] = (), **keys: Any) -> None:
        self.town = town
        oscar = town.tg.user("Oscar", username="oscar")
        self.other = town.tg.group("Go club", members=[town.eve], admins=[oscar], bot_rights=Rights.full())
        self.theirs = town.tg.group("Go club, moderators", admins=[oscar, town.mila], bot_rights=Rights.full())
        config = town.config(**keys)
        config["groups"]["policies"][str(self.other.id)] = {"moderators": str(self.theirs.id), "mode": "guard"}
        if allowed:
            config["groups"]["allowed"] = [str(chat.id) for chat in allowed]
        config["owners"] = [str(owner.id) for owner in owners]
        host = build(town.tg, config)
        host.guard.uninstall()
        host.guard.attach(alone=True)
        self.running = polling(host)
        self.oscar = oscar

    async def __aenter__(self) -> Review:
        host = await self.running.__aenter__()
        return Review(self.town, host, self.other, self.theirs, self.oscar)

    async def __aexit__(self, *error: Any) -> None:
        await self.running.__aexit__(*error)


# ── The list ──────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_in_private_a_moderator_of_one_group_sees_its_waiting_cases_and_opens_one(review: Review) -> None:
    number = await review.held()
    elsewhere = await review.held(review.other, "theirs.jpg")
    answer = await review.ask(review.town.mila, "/cases")
    assert f"{number} waiting" in (answer.text or "")
    assert "holiday.jpg" in (answer.text or "")
    assert "theirs.jpg" not in (answer.text or "")
    await review.press(review.town.mila, answer, str(number))
    assert f"Case {number} waiting" in (answer.text or "")
    assert f"Case {elsewhere}" not in (answer.text or "")
    await review.press(review.town.mila, answer, "Back to the list")
    assert "Cases that wait" in (answer.text or "")


async def test_whoever_moderates_several_groups_chooses_one(review: Review) -> None:
    number = await review.held(review.other, "theirs.jpg")
    review.other.set_standing(review.town.mila, "administrator", Rights(can_delete_messages=True))
    answer = await review.ask(review.town.mila, "/cases")
    assert labels(answer) == ["Chess club", "Go club", "All of these"]
    await review.press(review.town.mila, answer, "Go club")
    assert f"{number} waiting" in (answer.text or "")
    assert f"/cases open {review.other.id}" in (answer.text or "")


async def test_pages_filters_and_the_way_back(review: Review) -> None:
    numbers = [await review.held(name=f"n{n}.jpg", data=PROGRAM + bytes([n])) for n in range(10)]
    answer = await review.ask(review.town.mila, "/cases")
    assert all(f"{number} waiting" in (answer.text or "") for number in numbers[2:])
    assert f"n{1}.jpg" not in (answer.text or "")
    await review.press(review.town.mila, answer, "Older")
    assert "n0.jpg" in (answer.text or "")
    assert "n2.jpg" not in (answer.text or "")
    await review.press(review.town.mila, answer, "Newer")
    assert "n9.jpg" in (answer.text or "")
    await review.press(review.town.mila, answer, "Released")
    assert "There are none." in (answer.text or "")
    assert "• Released" in labels(answer)
    narrowed = await review.ask(review.town.mila, "/cases all @eve spoofed")
    assert "There are none." in (narrowed.text or "")
    rule = await review.ask(review.town.mila, "/cases all @EVE claim")
    assert f"{numbers[-1]} waiting" in (rule.text or "")
    nobody = await review.ask(review.town.mila, "/cases all @ann")
    assert "There are none." in (nobody.text or "")


async def test_in_the_moderators_chat_only_groups_whose_cards_go_there_are_shown(review: Review) -> None:
    mine, theirs = await review.held(), await review.held(review.other, "theirs.jpg")
    review.other.set_standing(review.town.mila, "administrator", Rights(can_delete_messages=True))
    answer = await review.ask(review.town.mila, "/cases", review.town.moderators)
    assert f"{mine} waiting" in (answer.text or "")
    assert "theirs.jpg" not in (answer.text or "")
    one = await review.ask(review.town.mila, f"/case {theirs}", review.town.moderators)
    assert one.text == f"There is no case {theirs}."
    forged = await review.forge(review.town.mila, answer, f"lz:cs:g:{review.other.id}")
    assert "theirs.jpg" not in (answer.text or "") + forged


async def test_a_moderators_chat_need_not_be_one_of_the_groups_that_are_allowed(town: Town) -> None:
    async with reviewing(town, allowed=(town.group,)) as review:
        number = await review.held()
        answer = await review.ask(town.mila, "/cases", town.moderators)
        assert f"{number} waiting" in (answer.text or "")


async def test_in_a_group_there_is_a_line_and_a_link(review: Review) -> None:
    number = await review.held()
    answer = await review.ask(review.town.mila, "/cases all", review.town.group)
    assert answer.text == "This is shown in the private chat with me."
    ((button,),) = answer.keyboard
    parameter = button["url"].partition("?start=")[2]
    shown = await review.ask(review.town.mila, f"/start {parameter}")
    assert f"{number} waiting" in (shown.text or "")
    one = await review.ask(review.town.mila, f"/case {number}", review.town.group)
    parameter = one.keyboard[0][0]["url"].partition("?start=")[2]
    assert f"Case {number}" in ((await review.ask(review.town.mila, f"/start {parameter}")).text or "")


# ── Several at once ───────────────────────────────────────────────────────────────────────────────────────────────────


async def test_several_cases_are_confirmed_with_one_press_after_a_restart(town: Town) -> None:
    async with reviewing(town) as review:
        first, second, third = [await review.held(name=f"n{n}.jpg", data=PROGRAM + bytes([n])) for n in range(3)]
        answer = await review.ask(town.mila, "/cases")
        await review.press(town.mila, answer, "Select")
        await review.press(town.mila, answer, f"☐ {first}")
        await review.press(town.mila, answer, f"☐ {third}")
        assert f"☑ {first}" in labels(answer)
        config = town.config()
    host = build(town.tg, config)
    host.guard.uninstall()
    host.guard.attach(alone=True)
    async with polling(host) as again:
        review = Review(town, again, review.other, review.other_moderators, review.oscar)
        said = await review.press(town.mila, answer, "⛔ Confirm 2")
        assert said == "2 cases confirmed as bad."
        assert [await review.state(n) for n in (first, second, third)] == [
            CaseState.CONFIRMED,
            CaseState.OPEN,
            CaseState.CONFIRMED,
        ]
        assert "2 cases confirmed as bad." in (answer.text or "")


async def test_what_cannot_be_decided_along_is_left_with_the_reason(town: Town) -> None:
    async with reviewing(town, two_person=["spoofed", "dangerous"]) as review:
        two = await review.held()
        said = await choose_all(review, town.mila, "Release")
        assert said.startswith("0 cases released.")
        assert f"{two}: its release needs two moderators" in said
        assert await review.state(two) is CaseState.OPEN


async def test_who_lost_the_right_between_choosing_and_pressing_decides_nothing(review: Review) -> None:
    number = await review.held()
    answer = await review.ask(review.town.mila, "/cases")
    await review.press(review.town.mila, answer, "Select")
    await review.press(review.town.mila, answer, f"☐ {number}")
    review.town.group.set_standing(review.town.mila, "administrator", Rights(can_pin_messages=True))
    said = await review.press(review.town.mila, answer, "✅ Release 1")
    assert said == f"0 cases released.\n1 was left as it is:\n{number}: there is no such case"
    assert await review.state(number) is CaseState.OPEN
    record = await review.host.done(event="refused-press")
    assert (record["case"], record["data"]["verb"]) == (number, "release")


async def test_cases_that_were_decided_meanwhile_are_told(review: Review) -> None:
    one, two = [await review.held(name=f"n{n}.jpg", data=PROGRAM + bytes([n])) for n in range(2)]
    answer = await review.ask(review.town.mila, "/cases")
    await review.press(review.town.mila, answer, "Select")
    await review.press(review.town.mila, answer, "All of these")
    await review.forge(review.town.mila, answer, f"lz:confirm:{one}")
    said = await review.press(review.town.mila, answer, "✅ Release 2")
    assert "1 case released." in said
    assert f"{one}: confirmed as bad" in said
    await review.reaches(two, CaseState.RELEASED)


async def test_what_the_store_answers_in_bulk_is_told_in_the_askers_language(
    review: Review, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where a case is decided between the look at it and the decision."""
    number = await review.held()
    store = (await review.host.guard.start()).store

    async def late(_store: object, case: int, *_args: Any, **_kwargs: Any) -> str:
        return f"Case {case} is released already; nothing was changed."

    monkeypatch.setattr(type(store), "release", late)
    by = Person("telegram", str(review.town.mila.id), "Mila")
    bulk = Bulk(
        review.host.guard._desk, review.host.guard._application.bot, store, by, language_of("de"), lambda _: True
    )
    decided = await bulk.decide("release", [number])
    assert decided.done == []
    assert decided.left == [
        (number, translated(language_of("de"), f"Case {number} is released already; nothing was changed."))
    ]
    assert "already" not in decided.told(language_of("de"), "release")


async def choose_all(review: Review, user: User, verb: str) -> str:
    answer = await review.ask(user, "/cases")
    await review.press(user, answer, "Select")
    if "All of these" in labels(answer):
        await review.press(user, answer, "All of these")
    return await review.press(user, answer, verb)


# ── One case ──────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_case_is_told_with_its_time_line_bytes_sender_and_copies_elsewhere(review: Review) -> None:
    await review.held(review.other, "earlier.jpg")
    number = await review.held(caption="look at this")
    answer = await review.ask(review.town.mila, f"/case {number}")
    text = await whole(review, review.town.mila, answer)
    for part in (
        f"Case {number} waiting, held",
        "Chess club",
        "look at this",
        "holiday.jpg",
        "SHA-256",
        "What happened",
    ):
        assert part in text
    assert "came in" in text
    assert "done: delete the message" in text
    assert "Posted 1, held 1, flagged 0" in text
    assert "Go club" not in text  # Mila may not review there
    review.other.set_standing(review.oscar, "administrator", Rights(can_delete_messages=True))
    review.town.group.set_standing(review.oscar, "administrator", Rights(can_delete_messages=True))
    theirs = await whole(review, review.oscar, await review.ask(review.oscar, f"/case {number}"))
    assert "The same file elsewhere" in theirs
    assert "Go club" in theirs


async def test_bytes_are_shown_around_a_findings_offset_and_said_to_be_gone(review: Review) -> None:
    store = (await review.host.guard.start()).store
    data = PROGRAM
    number = await review.held(data=data)
    case = await store.case(number)
    assert case is not None
    places = [finding.offset for finding in case.reports[0].findings if finding.offset is not None]
    text = await whole(review, review.town.mila, await review.ask(review.town.mila, f"/case {number}"))
    assert places
    assert f"[{data[places[0]]:02x}]" in text
    await store.state.writer.do(lambda c: c.exec_driver_sql("UPDATE parts SET item = NULL, item_size = NULL").rowcount)
    gone = await whole(review, review.town.mila, await review.ask(review.town.mila, f"/case {number}"))
    assert "The file is not kept any more" in gone
    assert f"[{data[places[0]]:02x}]" not in gone


async def whole(review: Review, user: User, answer: Message) -> str:
    """All pages, each within a message."""
    text = [answer.text or ""]
    while "More ▶" in labels(answer):
        await review.press(user, answer, "More ▶")
        text.append(answer.text or "")
    assert all(len(page.encode("utf-16-le")) // 2 <= 4096 for page in text)
    return "\n".join(text)


# ── The log ───────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_the_log_is_searched_within_the_chats_of_the_asker(review: Review) -> None:
    await review.held()
    await review.held(review.other, "theirs.jpg")
    mine = await review.ask(review.town.mila, "/audit event:decided")
    assert (mine.text or "").count("decided: held") == 1
    owned = await review.ask(review.town.mila, "/audit since:1h rule:claim.* member:@eve holiday")
    assert "Eve" in (owned.text or "")
    nothing = await review.ask(review.town.mila, "/audit theirs")
    assert "Nothing is found." in (nothing.text or "")
    wrong = await review.ask(review.town.mila, "/audit event:nonsense")
    assert "I do not understand event:nonsense" in (wrong.text or "")


async def test_the_log_has_pages(review: Review) -> None:
    for n in range(2):
        await review.held(name=f"n{n}.jpg", data=PROGRAM + bytes([n]))
    answer = await review.ask(review.town.mila, "/audit")
    first = answer.text
    await review.press(review.town.mila, answer, "Older")
    assert answer.text != first
    assert (answer.text or "").startswith("/audit")
    await review.press(review.town.mila, answer, "Newer")
    assert answer.text == first


async def test_the_installations_owner_sees_records_without_a_chat(town: Town) -> None:
    async with reviewing(town, owners=(town.ann,)) as review:
        await review.held(review.other, "theirs.jpg")
        answer = await review.ask(town.ann, "/audit event:started")
        assert "started" in (answer.text or "").splitlines()[1]
        everywhere = await review.ask(town.ann, "/cases")
        await review.press(town.ann, everywhere, "Everywhere")
        assert "theirs.jpg" in (everywhere.text or "")
        nothing = await review.ask(town.mila, "/audit event:started")
        assert "Nothing is found." in (nothing.text or "")


# ── Who may ───────────────────────────────────────────────────────────────────────────────────────────────────────────


async def somebody(review: Review, who: str) -> User:
    town = review.town
    if who == "member":
        return town.ann
    if who == "admin without the right":
        town.group.set_standing(town.ann, "administrator", Rights(can_pin_messages=True))
        return town.ann
    if who == "admin of another group":
        return review.oscar
    return town.tg.user("Otto")


@pytest.mark.parametrize("who", ["member", "admin without the right", "admin of another group", "outsider"])
async def test_whoever_may_not_review_learns_nothing_in_private(review: Review, who: str) -> None:
    number = await review.held()
    user = await somebody(review, who)
    for asked in ("/cases", "/cases everywhere", f"/cases {review.town.group.id}", "/audit", "/audit holiday"):
        answer = await review.ask(user, asked)
        assert "holiday.jpg" not in (answer.text or ""), asked
        assert "Chess club" not in (answer.text or ""), asked
        assert "decided" not in (answer.text or ""), asked
    one, none = await review.ask(user, f"/case {number}"), await review.ask(user, "/case 4711")
    assert (one.text or "").replace(str(number), "N") == (none.text or "").replace("4711", "N")


@pytest.mark.parametrize("who", ["member", "admin without the right", "admin of another group", "outsider"])
async def test_forged_and_replayed_presses_show_and_change_nothing(review: Review, who: str) -> None:
    number = await review.held()
    theirs = await review.ask(review.town.mila, "/cases")
    listed = await review.ask(review.town.mila, "/cases", review.town.moderators)
    user = await somebody(review, who)
    own = await review.ask(user, "/cases")
    one = told(number)
    for message in (theirs, listed, own):
        before = message.text
        for data in (
            f"lz:cs:o:{one}",
            f"lz:cs:g:{review.town.group.id}",
            f"lz:cs:r:{told(number + 1)}:1",
            f"lz:cs:c:{told(number + 1)}:1",
            f"lz:case:{number}:0",
            "lz:audit:n",
        ):
            said = await review.forge(user, message, data)
            assert "holiday" not in said
        # Nor do they take it from those who may.
        assert message.text == before or message is own
    refused = [record for record in await events((await review.host.guard.start()).store) if record["case"] == number]
    assert {r["data"]["verb"] for r in refused if r["event"] == "refused-press"} == {"release", "confirm"}
    assert await review.state(number) is CaseState.OPEN
    assert "holiday.jpg" not in (own.text or "")


async def test_an_anonymous_admin_is_sent_to_the_private_chat(review: Review) -> None:
    await review.held()
    anonymous = review.tg.user("Anna")
    for chat in (review.town.group, review.town.moderators):
        chat.set_standing(anonymous, "administrator", Rights(is_anonymous=True, can_delete_messages=True))
        for command in ("/cases", "/case 1", "/audit"):
            answer = await review.ask(anonymous, command, chat)
            assert answer.text == "This is shown in the private chat with me."


async def test_a_member_of_the_group_gets_one_line_that_says_why_not(review: Review) -> None:
    await review.held()
    answer = await review.ask(review.town.ann, "/cases", review.town.group)
    assert (answer.text or "").startswith("Only administrators")
    assert answer.buttons == []


@pytest.mark.parametrize(
    "data",
    ["lz:cs:", "lz:cs:x", "lz:cs:o:", "lz:cs:b:" + "z" * 40, "lz:cs:r:1:zzzzzzzzzzzz", "lz:case:1:9999", "lz:audit:b:"],
)
async def test_buttons_of_nobodys_do_nothing(review: Review, data: str) -> None:
    number = await review.held()
    answer = await review.ask(review.town.mila, "/cases")
    before = answer.text
    await review.forge(review.town.mila, answer, data)
    assert answer.text == before or "0 cases" in (answer.text or "")
    assert await review.state(number) is CaseState.OPEN


async def test_a_cards_own_message_cannot_be_turned_into_a_list(review: Review) -> None:
    await review.held(name="/cases all")
    card = await review.town.moderators.wait_for(lambda m: "/cases all" in (m.text or ""))
    before = card.text
    for data in ("lz:cs:n", "lz:cs:f:all", "lz:case:1:0", "lz:audit:n"):
        assert await review.forge(review.town.mila, card, data) == "This button is not one of ours."
    assert card.text == before


async def test_a_press_under_a_message_that_telegram_does_not_show_any_more_says_so(review: Review) -> None:
    number = await review.held()
    answer = await review.ask(review.town.mila, "/cases")
    gone = {"chat": answer.chat.json(), "message_id": answer.message_id, "date": 0}
    for data in (f"lz:cs:c:{told(number + 1)}:1", f"lz:case:{number}:0", "lz:audit:n"):
        assert "does not show me this message" in await review.forge(review.town.mila, gone, data), data
    assert await review.state(number) is CaseState.OPEN


async def test_a_case_of_a_private_chat_is_the_installations_owners_alone(town: Town) -> None:
    async with reviewing(town, owners=(town.ann,)) as review:
        number = await review.held(town.tg.private(town.eve))
        for chat in (None, town.moderators):
            none = await review.ask(town.mila, f"/case {number}", chat)
            assert none.text == f"There is no case {number}."
        theirs = await review.ask(town.ann, f"/case {number}")
        assert f"Case {number} waiting" in (theirs.text or "")
        listed = await review.ask(town.ann, "/cases everywhere")
        assert "holiday.jpg" in (listed.text or "")
        hers = await review.ask(town.mila, "/cases everywhere")
        assert "holiday.jpg" not in (hers.text or "")


async def test_texts_come_in_the_moderators_own_language_in_private(review: Review) -> None:
    number = await review.held()
    said = await review.ask(review.tg.user("Otto", language_code="xx"), f"/case {number}")
    assert said.text == f"There is no case {number}."


# ── The weekly report ─────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_report_that_was_missed_is_sent_at_the_next_start_and_at_no_other(town: Town) -> None:
    def reports() -> int:
        return sum("Report for Chess club" in (message.text or "") for message in town.moderators.messages)

    async with town.host(weekly_report=True) as host:
        await host.verdict(await post_program(town.group, town.eve))
    async with town.host(weekly_report=True) as host:
        store = (await host.guard.start()).store

        async def begun() -> list[Any]:
            return await store.state.read(lambda c: list(c.exec_driver_sql("SELECT * FROM weekly")))

        await until(begun)
        assert reports() == 0
        await store.state.writer.do(
            lambda c: c.exec_driver_sql("UPDATE weekly SET until = '2026-01-05T00:00:00.000000Z'").rowcount
        )
    for _ in range(2):
        async with town.host(weekly_report=True) as host:
            await town.moderators.wait_for(lambda m: "Report for Chess club" in (m.text or ""))
            await host.settled(town.group, town.ann)
    assert reports() == 1


# ── What strangers write ──────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("hostile", HOSTILE.values(), ids=HOSTILE)
async def test_what_strangers_write_is_shown_and_does_nothing(town: Town, hostile: str) -> None:
    title = hostile[:255]
    eve = town.tg.user(hostile[:64] or "x", username="eve_two")
    town.eve = eve
    group = town.tg.group(title, members=[eve], admins=[town.mila], bot_rights=Rights.full())
    town.group = group
    async with reviewing(town) as review:
        review.other.set_standing(town.mila, "administrator", Rights(can_delete_messages=True))
        review.other.set_standing(eve, "member")
        numbers = [
            await review.held(name=f"{hostile[:200]}.jpg", caption=hostile[:1024], data=PROGRAM + bytes([n]))
            for n in range(3)
        ]
        await review.held(review.other, name=f"{hostile[:200]}.jpg", data=PROGRAM + bytes([0]))
        chooser = await review.ask(town.mila, "/cases")
        everywhere = await review.ask(town.mila, "/cases everywhere all")
        one = await review.ask(town.mila, f"/case {numbers[0]}")
        log = await review.ask(town.mila, "/audit event:received")
        weird = await review.ask(town.mila, f"/audit {hostile[:3000]}")
        wrong = await review.ask(town.mila, f"/cases {hostile[:3000]}")
        await whole(review, town.mila, one)
        for message in (chooser, everywhere, one, log, weird, wrong):
            said = message.text or ""
            assert len(said.encode("utf-16-le")) // 2 <= 4096
            assert not set(said) & set("\u202e\u2066\u200b\u2028\r")
            kinds = {entity["type"] for entity in message.content.get("entities", ())}
            assert kinds <= {"code", "pre", "bold", "italic", "bot_command"}, kinds
        for label in labels(chooser):
            assert not set(label) & set("\u202e\u2066\u200b\u2028\r\n")
        # Nothing that they wrote stands at the beginning of a line, where ours begin.
        for line in (everywhere.text or "").splitlines()[2:]:
            assert line.split(" ")[0].isdecimal() or line.startswith("There")
        assert len([e for e in await events((await review.host.guard.start()).store) if e["event"] == "opened"]) == 4
