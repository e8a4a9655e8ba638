"""`/privacy` and `/erase` over HTTP: what is told, who may have whom forgotten, and that nothing is left."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from audit.samples import MOD
from e2e.conftest import Town
from e2e.files import post_note, post_program
from e2e.host import events, until
from e2e.test_review_in_chat import Review, reviewing
from lazaretto.audit import Settings
from lazaretto.emulator import Message, User
from lazaretto.model import CaseState, Place
from lazaretto.state.schema import chat_settings

TRACES = ("Zenobia", "Quillfeather", "zq_plume", "51515151", "the-secret-plan", "meet me at midnight")


@pytest.fixture
async def review(town: Town) -> AsyncIterator[Review]:
    async with reviewing(town) as made:
        yield made


def _files(folder: Path) -> bytes:
    return b"\n".join(path.name.encode() + path.read_bytes() for path in folder.rglob("*") if path.is_file())


def _left(town: Town) -> list[str]:
    return [trace for trace in TRACES if trace.encode() in _files(town.state)]


async def _zenobia(town: Town) -> User:
    somebody = town.tg.user("Zenobia", last_name="Quillfeather", username="zq_plume", user_id=51515151)
    await town.group.join(somebody)
    return somebody


async def _note(review: Review, user: User) -> None:
    name, caption = "the-secret-plan.txt", "meet me at midnight"
    await review.host.saw(await post_note(review.town.group, user, name, caption=caption))


async def _forgotten(answer: Message) -> str:
    await until(lambda: "Forgotten." in (answer.text or ""))
    return answer.text or ""


# ── What is told ──────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_in_a_group_anybody_is_told_what_is_kept_for_how_long(town: Town) -> None:
    async with reviewing(town, keep={"files": "5 days", "personal": "50 days", "events": "100 days"}) as review:
        answer = await review.ask(town.ann, "/privacy", town.group)
        for period in ("5 days", "50 days", "100 days"):
            assert period in (answer.text or "")
        assert town.ann.first_name not in (answer.text or "")


async def test_in_private_somebody_is_told_of_their_own_groups_alone(review: Review) -> None:
    town = review.town
    assert "I hold nothing about you" in ((await review.ask(town.ann, "/privacy")).text or "")
    await review.host.saw(await post_note(town.group, town.ann))
    await review.held(review.other, "theirs.jpg")
    text = (await review.ask(town.ann, "/privacy")).text or ""
    assert "Chess club: files 1, cases 0" in text
    assert "Go club" not in text
    assert "theirs.jpg" not in text


async def test_hostile_titles_and_names_do_nothing(review: Review) -> None:
    town = review.town
    hostile = town.tg.user("<b>x</b>\u202e&amp;", last_name="\n" * 20, username="hx")
    await town.group.join(hostile)
    await review.host.saw(await post_note(town.group, hostile))
    answer = await review.ask(hostile, "/privacy")
    assert "<b>x</b>\\u202e&amp;" in (answer.text or "")


# ── Forget me ─────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_whoever_asks_is_forgotten_down_to_the_bytes(review: Review) -> None:
    town, somebody = review.town, await _zenobia(review.town)
    store = (await review.host.guard.start()).store
    await _note(review, somebody)
    place = Place("telegram", str(town.group.id))
    await review.host.guard.policies.change(place, "exempt", ["51515151", "777001"], MOD)
    assert set(TRACES) == set(_left(town))
    answer = await review.ask(somebody, "/privacy")
    await review.press(somebody, answer, "Forget me")
    await review.press(somebody, answer, "Yes, forget me")
    text = await _forgotten(answer)
    assert "nothing is left" in text
    (erased,) = [record for record in await events(store) if record["event"] == "erased"]
    assert f"Record {erased['seq']} of" in text
    assert erased["data"]["attachments"] == 1
    assert _left(town) == []
    assert review.host.guard.policies.policy_of(place).exempt == ("777001",)  # nor in memory, to be written again
    assert (await Settings(store).of(place))["exempt"].value == ["777001"]
    assert "I hold nothing about you" in ((await review.ask(somebody, "/privacy")).text or "")


async def test_it_takes_a_second_press_and_can_be_left(review: Review) -> None:
    town, somebody = review.town, await _zenobia(review.town)
    await _note(review, somebody)
    answer = await review.ask(somebody, "/privacy")
    await review.press(somebody, answer, "Forget me")
    assert "cannot be undone" in (answer.text or "")
    await review.press(somebody, answer, "No")
    assert "Nothing was changed" in (answer.text or "")
    assert set(_left(town)) == set(TRACES)


async def test_nobody_gets_rid_of_a_case_by_being_forgotten(review: Review) -> None:
    town, somebody = review.town, await _zenobia(review.town)
    await review.host.verdict(await post_program(town.group, somebody, "the-secret-plan.jpg"))
    answer = await review.ask(somebody, "/privacy")
    await review.press(somebody, answer, "Forget me")
    assert "have not decided: 1" in (answer.text or "")
    await review.forge(somebody, answer, "lz:privacy:yes")  # past the question
    assert "I cannot forget you yet" in (answer.text or "")
    store = (await review.host.guard.start()).store
    assert await store.subject_of("telegram", "51515151")


@pytest.mark.parametrize("within", ["30 days", "forever"])
async def test_nor_of_a_strike_while_it_counts(town: Town, within: str) -> None:
    async with reviewing(town, strikes={"limit": 3, "within": within}) as review:
        number = await review.held()
        store = (await review.host.guard.start()).store
        await store.confirm(number, MOD)
        answer = await review.ask(town.eve, "/privacy")
        await review.press(town.eve, answer, "Forget me")
        assert "count as strikes until" in (answer.text or "")
        assert "holiday.jpg" in ((await review.ask(town.mila, f"/case {number}")).text or "")


async def test_what_a_moderator_decided_holds_after_they_are_forgotten(review: Review) -> None:
    town = review.town
    number = await review.held()
    card = await town.moderators.wait_for(lambda m: "holiday.jpg" in (m.text or ""))
    await review.press(town.mila, card, "Confirm")
    await review.reaches(number, CaseState.CONFIRMED)
    answer = await review.ask(town.mila, "/privacy")
    assert "Cases that you decided about: 1" in (answer.text or "")
    await review.press(town.mila, answer, "Forget me")
    await review.press(town.mila, answer, "Yes, forget me")
    await _forgotten(answer)
    again = await review.host.verdict(await post_program(town.group, town.ann, "again.jpg"))
    assert "precedent.confirmed" in again.rules


async def test_a_press_forgets_only_the_presser_and_only_in_their_private_chat(review: Review) -> None:
    town, somebody = review.town, await _zenobia(review.town)
    await _note(review, somebody)
    answer = await review.ask(somebody, "/privacy")
    assert "not one of ours" in await review.forge(town.eve, answer, "lz:privacy:yes")  # somebody else's message
    shown = await review.ask(somebody, "/privacy", town.group)
    assert "not one of ours" in await review.forge(somebody, shown, "lz:privacy:yes")  # in the group
    for data in ("lz:privacy:", "lz:privacy:yes:51515151", "lz:privacy:erase", "lz:privacy:\u202e"):
        assert "not one of ours" in await review.forge(somebody, answer, data)
    assert set(_left(town)) == set(TRACES)


# ── /erase ────────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_an_owner_has_somebody_forgotten_even_with_open_cases(town: Town) -> None:
    async with reviewing(town, owners=(town.ann,)) as review:
        somebody = await _zenobia(town)
        await review.host.verdict(
            await post_program(town.group, somebody, "the-secret-plan.jpg", caption="meet me at midnight")
        )
        card = await town.moderators.wait_for(lambda m: "the-secret-plan" in (m.text or ""))
        await review.host.done(event="done", kind="card")
        answer = await review.ask(town.ann, "/erase 51515151")
        assert "nobody could any more: 1" in (answer.text or "")
        await review.press(town.ann, answer, "Yes, forget them")
        text = await _forgotten(answer)
        assert "files in the vault: 1" in text
        assert "nothing is left" in text
        assert not list((town.state / "vault").glob("*.age"))
        assert _left(town) == []
        await until(lambda: "erased" in (card.text or ""))


@pytest.mark.parametrize("who", ["ann", "mila", "oscar", "stranger"])
async def test_nobody_but_an_owner_may(review: Review, who: str) -> None:
    town, somebody = review.town, await _zenobia(review.town)
    await _note(review, somebody)
    people = {"ann": town.ann, "mila": town.mila, "oscar": review.oscar, "stranger": town.tg.user("Sam")}
    answer = await review.ask(people[who], "/erase 51515151")
    assert "Only the owners" in (answer.text or "")
    assert "Only the owners" in await review.forge(people[who], answer, "lz:erase:51515151")
    assert set(_left(town)) == set(TRACES)


async def test_an_owners_old_button_does_nothing_twice_nor_in_a_group(town: Town) -> None:
    async with reviewing(town, owners=(town.ann,)) as review:
        somebody = await _zenobia(town)
        await _note(review, somebody)
        answer = await review.ask(town.ann, "/erase 51515151")
        in_group = await town.group.post_text(town.ann, "hello")
        assert "not one of ours" in await review.forge(town.ann, in_group, "lz:erase:51515151")
        await review.press(town.ann, answer, "Yes, forget them")
        await _forgotten(answer)
        await review.forge(town.ann, answer, "lz:erase:51515151")
        assert "I hold nothing about 51515151" in (answer.text or "")
        store = (await review.host.guard.start()).store
        assert len([record for record in await events(store) if record["event"] == "erased"]) == 1


@pytest.mark.parametrize("words", ["", "Zenobia", "-1", "<b>1</b>", "1 OR 1=1;", "9" * 40])
async def test_it_wants_a_user_id(town: Town, words: str) -> None:
    async with reviewing(town, owners=(town.ann,)) as review:
        answer = await review.ask(town.ann, f"/erase {words}")
        assert "Write the user id" in (answer.text or "") or "I hold nothing about 1" in (answer.text or "")


async def test_a_list_that_holds_nobody_else_goes_with_them(review: Review) -> None:
    town, somebody = review.town, await _zenobia(review.town)
    await _note(review, somebody)
    store = (await review.host.guard.start()).store
    await Settings(store).change(Place("telegram", str(town.group.id)), "exempt", ["51515151"], MOD)
    erasure = await store.erase("telegram", "51515151")
    assert erasure is not None
    assert erasure.deleted["chat_settings"] == 1
    assert not await store.state.read(lambda connection: connection.execute(chat_settings.select()).all())
