"""Chats that are greeted once, and what goes with one that gets another id."""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy import Connection, select

from audit.samples import ANN, DIGEST, GROUP, MOD, MODERATORS, Clock, attachment, events, kinds, only, open_case
from lazaretto.audit import AuditedStore, Settings, records
from lazaretto.audit.chats import Chats
from lazaretto.model import Action, Place
from lazaretto.ports import DeedKind
from lazaretto.state import retention
from lazaretto.state.schema import cases, confirmed, grants, parts

OLD, NEW = "-4001", "-1004001"
HERE, THERE = Place("telegram", OLD), Place("telegram", NEW)


async def move(store: AuditedStore) -> bool:
    return await Chats(store).move("telegram", OLD, NEW)


async def test_a_group_is_greeted_once_a_day(store: AuditedStore, clock: Clock) -> None:
    chats = Chats(store)
    assert await chats.greet(HERE)
    assert not await chats.greet(HERE)
    clock.forward(hours=23)
    assert not await chats.greet(HERE)
    clock.forward(hours=2)
    assert await chats.greet(HERE)


async def test_a_clock_that_was_ahead_silences_nobody(store: AuditedStore, clock: Clock) -> None:
    clock.forward(days=1000)
    assert await Chats(store).greet(HERE)
    clock.forward(days=-1000)
    assert await Chats(store).greet(HERE)


async def test_a_group_is_not_greeted_again_under_its_new_id(store: AuditedStore) -> None:
    await Chats(store).greet(HERE)
    await move(store)
    assert not await Chats(store).greet(THERE)


async def test_known_chats_are_the_liveliest_first_and_no_private_ones(store: AuditedStore, clock: Clock) -> None:
    chats = Chats(store)
    await chats.greet(Place("telegram", "-3"))
    await Settings(store).change(Place("telegram", "-2"), "language", "de", MOD)
    await Settings(store).change(Place("telegram", MOD.id, private=True), "language", "de", MOD)
    for number, chat in enumerate(("-1", OLD, "-5", "-1")):
        clock.forward(minutes=1)
        await store.take_in(attachment(number, place=Place("telegram", chat)), "{}")
    await store.take_in(attachment(9, place=Place("telegram", ANN.id, private=True)), "{}")
    await store.take_in(attachment(10, place=Place("other", "-77")), "{}")
    assert await chats.known("telegram", 10) == ["-1", "-5", OLD, "-2", "-3"]
    assert await chats.known("telegram", 2) == ["-1", "-5"]
    await move(store)
    assert OLD not in await chats.known("telegram", 10)
    assert NEW in await chats.known("telegram", 10)


async def test_a_move_is_one_record_however_often_it_is_told(store: AuditedStore) -> None:
    await Settings(store).change(HERE, "language", "de", MOD)
    await open_case(store, number=1, place=HERE)
    assert await move(store)
    assert not await move(store)
    assert not await Chats(store).move("telegram", NEW, NEW)
    [record] = [r for r in await store.state.read(records) if r["event"] == "chat-moved"]
    assert (record["chat"], record["data"]) == (
        f"telegram:{NEW}",
        {"old": OLD, "new": NEW, "attachments": 1, "cards": 0},
    )


async def test_settings_grants_and_blocks_go_along_and_a_newer_word_stays(store: AuditedStore) -> None:
    settings = Settings(store)
    await settings.change(HERE, "language", "de", MOD)
    await settings.change(HERE, "max_size", "5 MB", MOD)
    await settings.change(THERE, "max_size", "6 MB", MOD)
    blocked = await open_case(store, Action.FLAG, number=1, place=HERE)
    await store.confirm(blocked.id, MOD)
    released = await open_case(store, number=2, place=HERE, sha256="cd" * 32)
    await store.release(released.id, MOD, days=30)
    await store.done(await only(store, DeedKind.PUBLISH), "1000")
    await move(store)
    assert {key: one.value for key, one in (await settings.of(THERE)).items()} == {
        "language": "de",
        "max_size": "6 MB",
    }
    assert await settings.of(HERE) == {}
    found = await store.precedents(THERE, [DIGEST, "cd" * 32])
    assert found.confirmed == {DIGEST}
    assert {digest for digest, _ in found.granted} == {"cd" * 32}

    def left(connection: Connection) -> list[str]:
        return [*connection.scalars(select(grants.c.room)), *connection.scalars(select(confirmed.c.room))]

    assert set(await store.state.read(left)) == {NEW}


async def test_a_moved_attachment_is_released_in_the_new_chat_and_its_message_is_nobodys(store: AuditedStore) -> None:
    case = await open_case(store, number=57, place=HERE)
    await move(store)
    await store.release(case.id, MOD, days=30)
    publication = await only(store, DeedKind.PUBLISH)
    assert publication.room == NEW
    moved = await store.case(case.id)
    assert moved is not None
    assert moved.attachment.place == replace(HERE, chat=NEW)
    assert moved.attachment.messages == (f"{OLD}/57",)


async def test_an_albums_messages_are_told_apart_after_a_move(store: AuditedStore) -> None:
    case = await open_case(store, number=1, place=HERE)

    def as_album(connection: Connection) -> int:
        return connection.execute(parts.update().values(message="2")).rowcount

    await store.state.writer.do(as_album)
    await move(store)
    moved = await store.case(case.id)
    assert moved is not None
    assert moved.attachment.parts[0].message == f"{OLD}/2"


async def test_cards_in_a_moderators_chat_that_moves_are_shown_there_anew(store: AuditedStore) -> None:
    still_open = await open_case(store, number=1)
    closed = await open_case(store, Action.FLAG, number=2, sha256="cd" * 32)
    await store.confirm(closed.id, MOD)
    await Settings(store).change(GROUP, "moderators", MODERATORS, MOD)
    assert await Chats(store).move("telegram", MODERATORS, "-100777")
    due = [deed for deed in await store.due() if deed.kind in (DeedKind.CARD, DeedKind.UPDATE_CARD)]
    assert [(deed.kind, deed.case, deed.room) for deed in due] == [(DeedKind.CARD, still_open.id, "-100777")]

    def cards(connection: Connection) -> list[tuple[str, str | None]]:
        return [(row.moderators, row.card) for row in connection.execute(select(cases).order_by(cases.c.id))]

    assert await store.state.read(cards) == [("-100777", None), ("-100777", None)]
    assert (await Settings(store).of(GROUP))["moderators"].value == "-100777"
    assert DeedKind.CARD in await kinds(store)


async def test_records_under_the_old_id_are_still_purged_in_their_time(store: AuditedStore) -> None:
    await open_case(store, number=1, place=HERE)
    await move(store)
    rooms = {room.chat for room in await store.state.read(retention.rooms)}
    assert rooms == {OLD, NEW}


async def test_a_move_of_a_chat_that_nothing_is_known_of_is_remembered(store: AuditedStore) -> None:
    """Its file may go by the old id."""
    assert await move(store)
    assert await Chats(store).moved("telegram") == {OLD: NEW}
    assert await events(store) == ["chat-moved"]
