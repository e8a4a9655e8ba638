"""Whom the policy treats otherwise: exempt members and administrators, and new members."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from e2e.conftest import Town
from e2e.files import post_note, post_program
from lazaretto.model import Action, Person


async def test_what_administrators_post_is_recorded_and_not_removed_where_they_are_exempt(town: Town) -> None:
    async with town.host(exempt=["admins", str(town.ann.id)]) as host:
        spared = [await post_program(town.group, sender) for sender in (town.mila, town.ann)]
        bad = await post_program(town.group, town.eve)
        for message in spared:
            verdict = await host.verdict(message)
            assert (verdict.decision.action, verdict.decision.enforced) == (Action.QUARANTINE, False)
            await host.saw(message)
        await town.tg.wait_until(lambda: bad.deleted)
        assert not any(message.deleted for message in spared)


async def test_who_administers_is_asked_once_and_not_for_every_file(town: Town) -> None:
    async with town.host(exempt=["admins"]) as host:
        for _ in range(3):
            await host.saw(await post_note(town.group, town.eve))
        assert len([call for call in town.tg.calls if call.method == "getChatAdministrators"]) == 1


async def test_a_new_member_is_judged_by_the_stricter_preset_until_the_time_is_over(town: Town) -> None:
    rules = {"actions": {"*": "forward"}, "newcomers.period": "7 days", "newcomers.preset": "balanced"}
    async with town.host(**rules) as host:
        store = (await host.guard.start()).store
        early = await post_program(town.group, town.eve, "one.jpg")
        assert (await host.verdict(early)).decision.action is Action.QUARANTINE
        first = await store.first_post((await host.verdict(early)).attachment.place, _eve(town))
        assert first is not None
        assert datetime.now(UTC) - first < timedelta(minutes=1)
        await store.state.writer.do(
            lambda connection: connection.exec_driver_sql(
                "UPDATE attachments SET received_at = '2026-01-01T00:00:00.000000Z'"
            )
        )
        late = await post_program(town.group, town.eve, "two.jpg")
        assert (await host.verdict(late)).decision.action is Action.FORWARD


def _eve(town: Town) -> Person:
    return Person("telegram", str(town.eve.id), "Eve")
