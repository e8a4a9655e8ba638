"""What waits is counted, and bounded."""

from __future__ import annotations

from dataclasses import replace

from fakes import an_attachment
from lazaretto.model import Attachment, Person
from lazaretto.quotas import Quotas, Waiting


def of(member: str, number: int = 1, chat: str | None = None) -> Attachment:
    posted = replace(an_attachment("note", name=f"{member}{number}"), sender=Person("courier", member, member))
    return posted if chat is None else replace(posted, place=replace(posted.place, chat=chat))


def test_within_the_quotas_nothing_is_too_much() -> None:
    waiting = Waiting(Quotas(waiting=5, per_member=2))
    assert [waiting.add(of(member, number)) for member in ("eve", "bob") for number in (1, 2)] == [""] * 4


def test_one_more_of_a_member_or_in_all_is_too_much_until_another_is_done() -> None:
    waiting = Waiting(Quotas(waiting=3, per_member=2))
    assert [waiting.add(of("eve", number)) for number in (1, 2, 3)] == ["", "", "2 of the same member waiting"]
    assert waiting.add(of("bob")) == "3 waiting"
    waiting.remove(of("eve", 1))
    waiting.remove(of("eve", 2))
    assert waiting.add(of("bob", 2)) == ""
    assert len(waiting) == 3


def test_a_raid_of_many_members_in_one_chat_leaves_room_for_the_files_of_others() -> None:
    waiting = Waiting(Quotas(waiting=8, per_member=2))
    raid = [of(f"eve{number}", chat="raided") for number in range(7)]
    assert [waiting.add(each) for each in raid] == [*[""] * 6, "6 of the same chat waiting"]
    waiting.remove(raid[6])
    assert [waiting.add(of("bob", number, chat="quiet")) for number in (1, 2)] == ["", ""]
    waiting.remove(raid[0])
    assert waiting.add(of("eve0", chat="raided")) == ""


def test_how_long_the_oldest_waits_is_known() -> None:
    now = [10.0]
    waiting = Waiting(Quotas(), lambda: now[0])
    assert waiting.longest() == 0
    waiting.add(of("eve"))
    now[0] = 25.0
    waiting.add(of("bob"))
    assert waiting.longest() == 15
    waiting.remove(of("eve"))
    assert waiting.longest() == 0
