"""An attachment's way through the store: nothing is lost, nothing happens twice."""

from __future__ import annotations

from dataclasses import replace

import pytest
from structlog.testing import capture_logs

from audit.samples import (
    ANN,
    GROUP,
    MOD,
    MODERATORS,
    UPDATE,
    attachment,
    decide,
    decision,
    events,
    kinds,
    only,
    open_case,
    report,
)
from lazaretto.albums import joined
from lazaretto.audit import AuditedStore
from lazaretto.model import Action, Attachment, CaseState, Claim, Part, Place, SealedPart
from lazaretto.ports import DeedKind, Store


def test_it_is_the_pipelines_store(store: AuditedStore) -> None:
    port: Store = store
    assert port is store


async def test_what_was_taken_in_comes_back_unchanged(store: AuditedStore) -> None:
    posted = attachment(
        parts=(
            Part(0, "f0", "u0", "message.live_photo.photo", Claim("a\ud800.heic", "image/heic", 2**70, "photo")),
            Part(1, "f1", "u1", "message.live_photo.video", Claim()),
        ),
        caption="\u202egnp.exe\x00",
    )
    assert await store.take_in(posted, UPDATE) is None
    (pending,) = await store.pending()
    assert (pending.attachment, pending.updates, pending.decision) == (posted, (UPDATE,), None)


async def test_a_private_chat_comes_back_unchanged(store: AuditedStore) -> None:
    posted = attachment(place=Place("telegram", ANN.id, private=True))
    await store.take_in(posted, UPDATE)
    (pending,) = await store.pending()
    assert pending.attachment == posted


async def test_a_repeated_delivery_is_recognised(store: AuditedStore) -> None:
    await store.take_in(attachment(), UPDATE)
    again = await store.take_in(attachment(), UPDATE)
    assert again is not None
    assert again.attachment == attachment()
    assert len(await store.pending()) == 1
    assert await events(store) == ["received"]


async def test_pending_is_oldest_first_and_ends_with_finished_or_set_aside(store: AuditedStore) -> None:
    for number in (3, 1, 2, 4):
        await store.take_in(attachment(number), UPDATE)
    await store.finished("att-1")
    await store.set_aside("att-4", "a fault")
    assert [pending.attachment.id for pending in await store.pending()] == ["att-3", "att-2"]


async def test_a_finished_attachments_update_is_forgotten(store: AuditedStore) -> None:
    await decide(store, Action.FORWARD)
    await store.finished("att-1")
    await store.finished("att-1")
    known = await store.take_in(attachment(), UPDATE)
    assert known is not None
    assert known.updates == ()
    assert known.decision == decision(Action.FORWARD)
    assert await events(store) == ["received", "screened", "decided", "finished"]


@pytest.mark.parametrize(
    ("action", "enforced", "deeds"),
    [
        (Action.FORWARD, True, []),
        (Action.FLAG, True, [DeedKind.CARD]),
        (Action.QUARANTINE, True, [DeedKind.REMOVE, DeedKind.CARD]),
        (Action.REJECT, True, [DeedKind.REMOVE]),
        (Action.FLAG, False, []),
        (Action.QUARANTINE, False, []),
        (Action.REJECT, False, []),
    ],
)
async def test_a_decision_intends_its_deeds(
    store: AuditedStore, action: Action, enforced: bool, deeds: list[DeedKind]
) -> None:
    case = await decide(store, action, enforced=enforced)
    assert await kinds(store) == deeds
    assert (case is not None) == (enforced and action in (Action.FLAG, Action.QUARANTINE))


async def test_without_a_moderators_chat_no_card_is_intended(store: AuditedStore) -> None:
    assert await decide(store, moderators=None) is not None
    assert await kinds(store) == [DeedKind.REMOVE]


async def test_a_case_holds_all_that_its_card_shows(store: AuditedStore) -> None:
    case = await decide(store)
    assert case is not None
    assert case == await store.case(case.id)
    assert case.attachment == attachment()
    assert case.reports == (report(),)
    assert case.reasons == decision().reasons
    assert (case.state, case.action, case.moderators) == (CaseState.OPEN, Action.QUARANTINE, MODERATORS)
    assert case.sealed == (SealedPart(0, "item-1", "ab" * 32, 1234),)
    assert await store.sender_of(case) == ANN
    assert await store.card_of(case) is None


async def test_deciding_twice_is_deciding_once(store: AuditedStore) -> None:
    first = await decide(store)
    second = await decide(store, Action.REJECT)
    assert second == first
    assert await kinds(store) == [DeedKind.REMOVE, DeedKind.CARD]
    assert (await events(store)).count("decided") == 1


async def test_removals_come_before_older_cards(store: AuditedStore) -> None:
    await decide(store, Action.FLAG, number=1)
    await decide(store, Action.QUARANTINE, number=2)
    assert await kinds(store) == [DeedKind.REMOVE, DeedKind.CARD, DeedKind.CARD]


async def test_an_error_text_is_recorded_without_names(store: AuditedStore) -> None:
    await store.take_in(attachment(), UPDATE)
    with capture_logs() as logs:
        await store.set_aside("att-1", "cannot write 'Ann's diary.pdf' of @ann_u (424242)\nat all")
    assert logs[0]["data"] == {"why": "cannot write '…' of @… (…)\\nat all"}


async def test_the_log_mirror_tells_ids_only(store: AuditedStore) -> None:
    with capture_logs() as logs:
        await decide(store)
    assert [log["event"] for log in logs] == ["received", "screened", "decided", "opened"]
    assert {log["chat"] for log in logs} == {f"telegram:{GROUP.chat}"}
    for secret in (ANN.name, ANN.id, "ann_u", "diary", "dear friends", "app.alert"):
        assert secret not in str(logs)


async def test_a_private_chat_has_no_name_in_the_log(store: AuditedStore) -> None:
    with capture_logs() as logs:
        await decide(store, place=Place("telegram", ANN.id, private=True))
    assert {log["chat"] for log in logs} == {None}
    assert ANN.id not in str(logs)


# -- albums ----------------------------------------------------------------------------------------------------------


async def join_two(store: AuditedStore) -> Attachment:
    """An album of two messages, each with an update of its own."""
    members = attachment(1, album="7"), attachment(2, album="7", place=replace(GROUP, account="bc-1"))
    for member in members:
        await store.take_in(member, f'{{"update_id": {member.message}}}')
    album = joined(members)
    await store.join(album, album.members)
    return album


async def test_a_joined_album_comes_back_unchanged_with_the_updates_of_its_messages(store: AuditedStore) -> None:
    album = await join_two(store)
    (pending,) = await store.pending()
    assert pending.attachment == album
    assert pending.updates == ('{"update_id": 1}', '{"update_id": 2}')
    assert await events(store) == ["received", "received", "joined"]


async def test_an_album_comes_back_in_the_order_of_its_messages_whichever_came_first(store: AuditedStore) -> None:
    members = [attachment(number, album="7") for number in (10, 11, 9)]
    for member in members:
        await store.take_in(member, UPDATE)
    album = joined(members)
    assert (await store.join(album, album.members)).attachment.members == ("att-9", "att-10", "att-11")


async def test_a_message_that_waits_for_its_album_comes_back_as_it_was(store: AuditedStore) -> None:
    waiting = attachment(1, album="7", place=replace(GROUP, account="bc-1"))
    await store.take_in(waiting, UPDATE)
    assert [pending.attachment for pending in await store.pending()] == [waiting]


async def test_an_album_is_joined_once(store: AuditedStore) -> None:
    album = await join_two(store)
    again = await store.join(album, album.members)
    assert again.attachment == album
    assert await events(store) == ["received", "received", "joined"]


async def test_a_message_that_comes_again_is_answered_with_its_album(store: AuditedStore) -> None:
    album = await join_two(store)
    known = await store.take_in(attachment(2, album="7"), UPDATE)
    assert known is not None
    assert known.attachment == album


async def test_with_its_album_each_message_s_update_is_forgotten(store: AuditedStore) -> None:
    album = await join_two(store)
    await store.finished(album.id)
    assert await store.pending() == []
    known = await store.take_in(attachment(1, album="7"), UPDATE)
    assert known is not None
    assert known.updates == ()


async def test_of_an_erased_person_no_album_is_left(store: AuditedStore) -> None:
    album = await join_two(store)
    await store.erase(ANN.platform, ANN.id)
    assert await store.pending() == []
    left = await store.attachment(album.id)
    assert left is not None
    assert {part.file_id for part in left.parts} == {""}
    assert left.caption is None


async def test_what_was_taken_in_is_known(store: AuditedStore) -> None:
    album = await join_two(store)
    assert await store.known(["att-1", album.id, "att-9"]) == {"att-1": False, album.id: False}


@pytest.mark.parametrize(
    ("action", "enforced", "held"),
    [
        (Action.QUARANTINE, True, True),
        (Action.REJECT, True, True),
        (Action.QUARANTINE, False, False),
        (Action.FLAG, True, False),
    ],
)
async def test_what_is_held_is_known_as_held(store: AuditedStore, action: Action, enforced: bool, held: bool) -> None:
    await decide(store, action, enforced=enforced)
    assert await store.known(["att-1"]) == {"att-1": held}


async def test_a_message_of_a_held_album_is_held(store: AuditedStore) -> None:
    album = await join_two(store)
    reports = [report(), report()]
    await store.decided(album, reports, decision(), [], moderators=MODERATORS, policy="p")
    assert await store.known(["att-2"]) == {"att-2": True}


async def test_what_was_set_aside_is_held(store: AuditedStore) -> None:
    await store.take_in(attachment(), UPDATE)
    await store.set_aside("att-1", "a fault")
    assert await store.known(["att-1"]) == {"att-1": True}


async def test_what_was_released_is_not_held(store: AuditedStore) -> None:
    case = await open_case(store)
    await store.release(case.id, MOD, days=1)
    await store.done(await only(store, DeedKind.PUBLISH), "1000")
    assert await store.known([case.attachment.id]) == {case.attachment.id: False}
