"""What other processes and chats ask for: intents, lists of cases, settings."""

from __future__ import annotations

from audit.samples import ANN, GROUP, MOD, Clock, open_case
from lazaretto.audit import AuditedStore, Event, Settings, records
from lazaretto.model import Action, CaseState, Person, Place
from lazaretto.state.intents import IntentState

ROOT = Person("local", "root", "root")


async def test_an_intent_of_another_process_is_carried_out_by_the_bot(store: AuditedStore) -> None:
    async with AuditedStore.open(store.state.folder, beside=True) as command:
        number = await command.submit_intent("release", {"case": 7, "days": 30}, ROOT)
        (intent,) = await store.pending_intents()
        assert (intent.id, intent.verb, intent.by) == (number, "release", ROOT)
        assert intent.arguments == {"case": 7, "days": 30}
        await store.finish_intent(number, True, "Case 7 is approved.")
        answer = await command.intent(number)
    assert answer is not None
    assert (answer.state, answer.result) == (IntentState.DONE, "Case 7 is approved.")
    assert await store.pending_intents() == []


async def test_a_finished_intent_forgets_its_arguments_and_is_not_finished_again(store: AuditedStore) -> None:
    number = await store.submit_intent("erase", {"subject": "abc"}, ROOT)
    await store.finish_intent(number, False, "nobody like that")
    await store.finish_intent(number, True, "done")
    intent = await store.intent(number)
    assert intent is not None
    assert (intent.state, intent.arguments, intent.result) == (IntentState.FAILED, {}, "nobody like that")


async def test_intents_wait_in_order(store: AuditedStore) -> None:
    numbers = [await store.submit_intent("release", {"case": n}, ROOT) for n in range(3)]
    assert [intent.id for intent in await store.pending_intents()] == numbers
    assert await store.intent(99) is None


async def test_cases_are_listed_newest_first_by_state_and_chat(store: AuditedStore) -> None:
    for number in (1, 2, 3):
        await open_case(store, Action.FLAG, number=number)
    await open_case(store, Action.FLAG, number=4, place=Place("telegram", "-1005"))
    await store.confirm(2, MOD)
    assert [case.id for case in await store.cases()] == [4, 3, 2, 1]
    assert [case.id for case in await store.cases(limit=2)] == [4, 3]
    assert [case.id for case in await store.cases(states=[CaseState.CONFIRMED])] == [2]
    assert [case.id for case in await store.cases(chat="-1005")] == [4]


async def test_a_chats_settings_are_kept_with_who_and_when(store: AuditedStore, clock: Clock) -> None:
    await Settings(store).change(GROUP, "max_size", "5 MB", ANN)
    clock.forward(hours=1)
    await Settings(store).change(GROUP, "max_size", ["any", {"json": 1}], MOD)
    (setting,) = (await Settings(store).of(GROUP)).values()
    assert (setting.value, setting.at) == (["any", {"json": 1}], clock.now)
    assert setting.by == await store.subject_of(MOD.platform, MOD.id)
    assert await Settings(store).of(Place("telegram", "-1005")) == {}


async def test_a_change_is_recorded_with_what_was_before(store: AuditedStore) -> None:
    await Settings(store).change(GROUP, "max_size", "5 MB", MOD)
    await Settings(store).change(GROUP, "max_size", "6 MB", MOD)
    await Settings(store).change(GROUP, "max_size", None, MOD)
    changes = await store.state.read(lambda connection: records(connection, events=[Event.SETTING_CHANGED]))
    assert [record["data"] for record in changes] == [
        {"key": "max_size", "unset": False, "new": "5 MB"},
        {"key": "max_size", "unset": False, "old": "5 MB", "new": "6 MB"},
        {"key": "max_size", "unset": True, "old": "6 MB"},
    ]


async def test_exempt_members_are_recorded_by_their_subjects_alone(store: AuditedStore) -> None:
    await Settings(store).change(GROUP, "exempt", [ANN.id, "4711", "admins"], MOD)
    (change,) = await store.state.read(lambda connection: records(connection, events=[Event.SETTING_CHANGED]))
    subjects = [await store.subject_of(ANN.platform, ANN.id), await store.subject_of(ANN.platform, "4711"), "admins"]
    assert change["data"]["new"] == subjects


async def test_an_unset_key_is_gone(store: AuditedStore) -> None:
    await Settings(store).change(GROUP, "mode", "guard", MOD)
    await Settings(store).change(GROUP, "mode", None, MOD)
    assert await Settings(store).of(GROUP) == {}


async def test_a_private_chats_settings_are_its_members(store: AuditedStore) -> None:
    private = Place("telegram", ANN.id, private=True)
    assert await Settings(store).of(private) == {}
    await Settings(store).change(private, "mode", "guard", ANN)
    assert set(await Settings(store).of(private)) == {"mode"}
    assert await Settings(store).of(Place("telegram", MOD.id, private=True)) == {}
