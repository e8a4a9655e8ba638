"""Cards show what a moderator needs, and whatever a stranger wrote stays text."""

from dataclasses import replace
from datetime import timedelta

import pytest
import telegram
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lazaretto.emulator import Chat
from lazaretto.emulator.chats.entities import parse_html
from lazaretto.model import Action, Case, CaseState, Claim, Measure, Part, Person, Raid, Reason, Report
from lazaretto.ports import DeedKind
from lazaretto.rules import all_rules
from lazaretto.telegram.card_buttons import buttons, durations
from lazaretto.telegram.cards import card_text, publication_caption
from lazaretto_validators import Finding

ANN = Person("telegram", "3", "Ann", "ann")
HEAD = f"12:{'ab' * 32}"
HOSTILE = [
    "<b>bold</b></code></i>",
    "</code><a href='tg://user?id=1'>you</a>",
    "&lt;&amp;&#60;&",
    "invoice\u202efdp.exe",
    "two\nlines\nFrom: Somebody else",
    "😀" * 4000,
    "<" * 4000,
    "\U0001f469\u200d" * 2000,
    "half\ud83d",
    "\x00\x1b[31m",
]
LONGEST_TOLD = sorted(all_rules(), key=lambda name: len(name) + len(all_rules()[name].message))[-9:]
hostile = pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))


def units(html: str) -> int:
    return len(parse_html(html).text.encode("utf-16-le")) // 2


def everywhere(case: Case, text: str, parts: int = 12, reasons: int = 64) -> Case:
    """The case with a stranger's text in every place that a stranger can write to."""
    claims = [Part(i, "f", "u", "p", Claim(text, text, 4, text)) for i in range(parts)]
    findings = tuple(Finding("png.chunk-crc", 2**63, text, text, text) for _ in range(reasons))
    report = Report(text, 2**63, "ab" * 32, findings, len(findings))
    place = replace(case.attachment.place, chat=text, thread=text)
    attachment = replace(
        case.attachment, parts=tuple(claims), place=place, caption=text, room=text, topic=text, reply_to=text
    )
    why = tuple(Reason("png.chunk-crc", Action.QUARANTINE, "malformed", i % parts) for i in range(reasons))
    return replace(
        case,
        attachment=attachment,
        reports=(report,) * parts,
        reasons=why,
        removed_at=attachment.posted_at + timedelta(days=9999),
        raid=Raid(tuple(range(10**17, 10**17 + 4000, 2)), waiting=2000, reasons={frozenset(LONGEST_TOLD): 2000}),
        second=True,
        closed_by=text,
        appealed_at=attachment.posted_at,
        measures=tuple(Measure(2**63, kind, "failed", "99999999", text) for kind in ("remove", "mute", "ban", "tell")),
    )


def alike(case: Case, count: int) -> dict[frozenset[str], int]:
    """All that follow were decided for what their first one was."""
    return {frozenset(reason.rule for reason in case.reasons): count}


@hostile
def test_a_strangers_text_breaks_no_card_and_makes_none_too_long(case: Case, text: str) -> None:
    person = Person("telegram", "3", text, text)
    html = card_text(everywhere(case, text), person, HEAD, repeated=True, note=text)
    assert units(html) <= 4096
    parsed = parse_html(html)
    assert {entity["type"] for entity in parsed.entities} <= {"bold", "italic", "code"}
    assert not {"\u202e", "\u200d", "\x00", "\x1b"} & set(parsed.text)
    assert "\nFrom: Somebody else" not in parsed.text


@hostile
async def test_telegram_takes_the_card(bot: telegram.Bot, group: Chat, case: Case, text: str) -> None:
    html = card_text(everywhere(case, text), Person("telegram", "3", text, text), HEAD, note=text)
    await bot.send_message(group.id, html, parse_mode="HTML")


@hostile
async def test_telegram_takes_the_caption_of_a_release(bot: telegram.Bot, group: Chat, case: Case, text: str) -> None:
    html = publication_caption(everywhere(case, text), Person("telegram", "3", text))
    assert units(html) <= 1024
    await bot.send_document(group.id, b"x", caption=html, parse_mode="HTML")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])  # the case is frozen: it may serve many runs
@given(text=st.text(st.characters(), max_size=300))
def test_any_name_and_caption_fit_a_release(case: Case, text: str) -> None:
    written = replace(case, attachment=replace(case.attachment, caption=text))
    assert units(publication_caption(written, Person("telegram", "3", text))) <= 1024


def test_the_card_tells_what_it_claims_and_what_it_is_and_where_it_is_wrong(case: Case) -> None:
    finding = Finding("png.chunk-crc", 1234, "IDAT[2]", "0xdeadbeef", "0x12345678")
    report = Report("image/png", 4096, "ab" * 32, (finding,), 1)
    removed = case.attachment.posted_at + timedelta(seconds=2.5)
    full = replace(
        case,
        reports=(report,),
        reasons=(Reason("png.chunk-crc", Action.QUARANTINE, "malformed"),),
        removed_at=removed,
    )
    text = parse_html(card_text(full, ANN, HEAD)).text
    for fact in (
        "Quarantined · case 12 · waiting for you",
        "Claims to be: a.png (image/png)",
        "image/png), 4,096 bytes",
        "png.chunk-crc",
        "in IDAT[2], at byte 1,234, seen 0xdeadbeef, allowed 0x12345678",
        "From: Ann (@ann) in -100",
        "Visible for 2.5 s",
        "SHA-256: " + "ab" * 32,
        f"Audit: {HEAD}",
    ):
        assert fact in text


def test_telegram_makes_no_links_of_what_a_file_holds(case: Case) -> None:
    told = "https://evil.example @all /start"
    finding = Finding("png.chunk-crc", 5, told, told, told)
    broken = replace(
        case,
        reports=(Report(told, 1, None, (finding,), 1),),
        reasons=(Reason("png.chunk-crc", Action.QUARANTINE, "malformed"),),
    )
    html = card_text(broken, None, HEAD)
    assert html.count(told) == html.count(f"<code>{told}</code>") == 4


def test_what_is_not_known_is_said_so(case: Case) -> None:
    part = replace(case.attachment.parts[0], claim=Claim(None, None, None, "voice"))
    bare = replace(
        case, attachment=replace(case.attachment, parts=(part,)), reports=(Report(None, None, None),), removed_at=None
    )
    text = parse_html(card_text(bare, None, HEAD)).text
    assert "Claims to be: a voice without a name" in text
    assert "Is: of no known type" in text
    assert "From: erased in" in text
    assert "Visible" not in text
    assert "SHA-256" not in text


def test_a_card_that_may_have_been_shown_says_so(case: Case) -> None:
    assert "you may have seen this card" in card_text(case, ANN, HEAD, repeated=True)
    assert "you may have seen this card" not in card_text(case, ANN, HEAD)


def test_what_is_left_out_is_counted(case: Case) -> None:
    text = card_text(everywhere(case, "a", parts=5, reasons=7), ANN, HEAD)
    assert "… and 4 more files" in text
    assert "… and 5 more reasons" in text


def test_a_rule_that_is_not_in_the_table_is_shown_all_the_same(case: Case) -> None:
    strange = replace(case, reasons=(Reason("gone.rule", Action.FLAG, "x", part=9),))
    assert "gone.rule" in card_text(strange, ANN, HEAD)


@pytest.mark.parametrize(
    ("state", "unknown", "verbs"),
    [
        (CaseState.OPEN, None, ["release", "confirm"]),
        (CaseState.APPEALED, None, ["release", "confirm"]),
        (CaseState.RELEASE_PENDING, None, []),
        (CaseState.RELEASE_PENDING, 7, ["there", "again-7", "confirm"]),
        (CaseState.RELEASED, None, []),
        (CaseState.CONFIRMED, None, []),
        (CaseState.EXPIRED, 7, []),
        (CaseState.ERASED, None, []),
    ],
)
def test_buttons_are_what_can_be_done_now(case: Case, state: CaseState, unknown: int | None, verbs: list[str]) -> None:
    assert data_of(replace(case, state=state, uncertain=unknown), *DECIDE) == [f"lz:{verb}:12" for verb in verbs]


DECIDE = ("release", "confirm", "there:1", "again-7")
"""What the data of buttons that decide about a case begins with."""


def data_of(case: Case, *begin: str) -> list[str]:
    keyboard = buttons(case)
    rows = keyboard.inline_keyboard if keyboard else ()
    every = [str(button.callback_data) for row in rows for button in row]
    return [data for data in every if data.removeprefix("lz:").startswith(begin)]


@pytest.mark.parametrize(
    ("state", "verbs"),
    [
        (CaseState.OPEN, ["mute", "ban", "details", "tell"]),
        (CaseState.APPEALED, ["mute", "ban", "details", "tell"]),
        (CaseState.CONFIRMED, ["mute", "ban", "details", "tell"]),
        (CaseState.RELEASE_PENDING, ["mute", "ban", "details", "tell"]),
        (CaseState.RELEASED, ["details", "tell"]),
        (CaseState.EXPIRED, ["details", "tell"]),
        (CaseState.ERASED, []),
    ],
)
def test_who_was_right_is_not_offered_to_be_muted_or_banned(case: Case, state: CaseState, verbs: list[str]) -> None:
    data = data_of(replace(case, state=state), "mute", "ban", "details", "tell")
    assert [one.split(":")[1] for one in data] == verbs


def test_whoever_writes_in_private_can_be_banned_from_nothing(case: Case) -> None:
    place = replace(case.attachment.place, private=True)
    private = replace(case, attachment=replace(case.attachment, place=place))
    assert data_of(private, "mute", "ban", "tell") == []
    assert data_of(private, "details") == ["lz:details:12"]


def test_a_channel_that_is_banned_is_so_for_ever(case: Case) -> None:
    channel = Person("telegram", "-1005", "News")
    keyboard = durations(replace(case, attachment=replace(case.attachment, sender=channel)), DeedKind.BAN)
    assert keyboard is not None
    assert [button.text for row in keyboard.inline_keyboard for button in row] == ["for ever", "◂ Back"]


def test_what_was_done_before_is_named_so_that_a_press_counts_once(case: Case) -> None:
    done = (Measure(3, "mute", "done", "3600"), Measure(9, "tell", "failed"), Measure(5, "ban", "failed", "0"))
    keyboard = durations(replace(case, measures=done), DeedKind.MUTE)
    assert keyboard is not None
    assert keyboard.inline_keyboard[0][0].callback_data == "lz:mute:12:3600:5"
    assert data_of(replace(case, measures=done), "tell") == ["lz:tell:12:9"]


def test_a_second_approval_is_asked_for(case: Case) -> None:
    half = replace(case, state=CaseState.RELEASE_PENDING, second=True, closed_by="Mila")
    text = parse_html(card_text(half, ANN, HEAD)).text
    assert "a second approval is needed" in text
    assert "Release approved by Mila; another moderator has to approve, too" in text
    assert data_of(half, *DECIDE) == ["lz:release:12", "lz:confirm:12"]


def test_an_appeal_stays_on_the_card(case: Case) -> None:
    text = parse_html(card_text(replace(case, appealed_at=case.opened_at), ANN, HEAD)).text
    assert "The sender asks for another look, 2026-05-01 00:00 UTC" in text


def test_the_group_is_shown_by_its_title_and_the_topic_by_its_name(case: Case) -> None:
    known = replace(case, attachment=replace(case.attachment, room="Chess club", topic="Openings"))
    assert (
        f"in Chess club ({case.attachment.place.chat}), topic Openings" in parse_html(card_text(known, ANN, HEAD)).text
    )
    numbered = replace(case.attachment, place=replace(case.attachment.place, thread="44"))
    assert "topic 44" in parse_html(card_text(replace(case, attachment=numbered), ANN, HEAD)).text


def test_what_matters_most_is_never_left_out(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lazaretto.telegram.cards.MOST_UNITS", 2400)
    full = replace(everywhere(case, "😀" * 200), raid=None)
    text = parse_html(card_text(full, ANN, HEAD, note="Confirmed as bad.")).text
    kept = ("Quarantined · case 12", "Claims to be", "Is: ", "png.chunk-crc", "From: ", "asks for another look")
    for fact in (*kept, "Confirmed as bad.", f"Audit: {HEAD}", "more under Details"):
        assert fact in text


def test_the_data_of_a_button_is_within_64_bytes(case: Case) -> None:
    longest = 10**18 - 1
    done = tuple(Measure(longest, kind, "done") for kind in ("mute", "ban", "tell"))
    raid = Raid((longest,), 1)
    large = replace(case, id=longest, measures=done, raid=raid)
    asked = replace(large, state=CaseState.RELEASE_PENDING, uncertain=longest)
    keyboards = [buttons(large), buttons(asked), *(durations(large, kind) for kind in (DeedKind.MUTE, DeedKind.BAN))]
    every = [button for keyboard in keyboards if keyboard for row in keyboard.inline_keyboard for button in row]
    assert len(every) > 15
    assert max(len(str(button.callback_data).encode()) for button in every) <= 64


def test_a_release_without_a_caption_names_its_sender_only(case: Case) -> None:
    plain = replace(case, attachment=replace(case.attachment, caption=None))
    assert publication_caption(plain, Person("telegram", "3", "")) == "From <b>a member</b>, released by a moderator"


def test_line_breaks_of_a_caption_are_kept(case: Case) -> None:
    written = replace(case, attachment=replace(case.attachment, caption="one\n<two>\u202e"))
    assert publication_caption(written, ANN).endswith("\none\n&lt;two&gt;\\u202e")


def test_the_file_that_a_case_is_about_stands_first_on_its_card(case: Case) -> None:
    parts = tuple(Part(i, "f", "u", "p", Claim(f"file-{i}.txt", None, 4, "document")) for i in range(5))
    album = replace(case.attachment, parts=parts)
    reason = Reason("claim.runs", Action.QUARANTINE, "spoofed.high", 3)
    shown = card_text(replace(case, attachment=album, reports=case.reports * 5, reasons=(reason,)), ANN, HEAD)
    assert shown.index("file-3.txt") < shown.index("file-0.txt")


@pytest.mark.parametrize(
    ("cases", "told"),
    [
        ((2,), "And 1 more like it: cases 2; 1 of them wait"),
        ((2, 3, 4, 9), "And 4 more like it: cases 2-4, 9; 1 of them wait"),
        (tuple(range(2, 40, 2)), "cases …, 24, 26, 28, 30, 32, 34, 36, 38;"),
    ],
)
def test_a_card_names_the_cases_that_follow_it(case: Case, cases: tuple[int, ...], told: str) -> None:
    assert told in card_text(replace(case, raid=Raid(cases, waiting=1)), ANN, HEAD)


@pytest.mark.parametrize(
    ("state", "waiting", "labels"),
    [
        (CaseState.OPEN, 3, ["✅ Release", "⛔ Confirm", "✅ Release all 4", "⛔ Confirm all 4"]),
        (CaseState.APPEALED, 0, ["✅ Release", "⛔ Confirm"]),
        (CaseState.OPEN, 0, ["✅ Release", "⛔ Confirm"]),
        (CaseState.CONFIRMED, 3, ["✅ Release the other 3", "⛔ Confirm the other 3"]),
        (CaseState.ERASED, 1, ["✅ Release the other 1", "⛔ Confirm the other 1"]),
        (CaseState.RELEASED, 0, []),
    ],
)
def test_one_press_can_decide_about_all_that_wait(
    case: Case, state: CaseState, waiting: int, labels: list[str]
) -> None:
    keyboard = buttons(replace(case, state=state, raid=Raid((2, 3, 4), waiting, alike(case, waiting))))
    rows = keyboard.inline_keyboard if keyboard else ()
    about_all = [button.text for row in rows for button in row if str(button.callback_data)[3:10] in DECIDE]
    assert about_all == labels


def a_raid(case: Case, **reasons: int) -> Case:
    """Its case was decided for a broken picture; those that follow for these rules, `__` for a dot and `_` for `-`."""
    own = (Reason("png.chunk-crc", Action.QUARANTINE, "malformed"),)
    named = {frozenset({name.replace("__", ".").replace("_", "-")}): count for name, count in reasons.items()}
    waiting = sum(named.values())
    return replace(case, reasons=own, raid=Raid(tuple(range(20, 20 + waiting)), waiting, named))


def labels_of(case: Case) -> list[str]:
    keyboard = buttons(case)
    every = [button for row in keyboard.inline_keyboard for button in row] if keyboard else []
    return [button.text for button in every if str(button.callback_data)[3:10] in DECIDE]


def test_a_card_names_every_reason_for_which_one_press_would_release(case: Case) -> None:
    raid = a_raid(case, png__chunk_crc=2, script__javascript=3, name__bidi=1)
    text = parse_html(card_text(raid, ANN, HEAD)).text
    assert f"• 3 of them: {all_rules()['script.javascript'].message} script.javascript" in text
    assert f"• 1 of them: {all_rules()['name.bidi'].message} name.bidi" in text
    assert "of them: " + all_rules()["png.chunk-crc"].message not in text
    assert "✅ Release all 7" in labels_of(raid)


def test_copies_of_a_file_with_more_reasons_than_fit_are_released_by_one_press(case: Case) -> None:
    rules = sorted(all_rules())[:20]
    own = tuple(Reason(rule, Action.QUARANTINE, "x") for rule in rules)
    raid = replace(case, reasons=own, raid=Raid((20, 21), 2, {frozenset(rules): 2}))
    assert "of them:" not in card_text(raid, ANN, HEAD)
    assert "✅ Release all 3" in labels_of(raid)


def test_a_reason_that_stands_among_the_uncounted_of_the_first_case_is_named(case: Case) -> None:
    rules = sorted(all_rules())[:20]
    own = tuple(Reason(rule, Action.QUARANTINE, "x") for rule in rules)
    raid = replace(case, reasons=own, raid=Raid((20,), 1, {frozenset({rules[10]}): 1}))
    assert f"1 of them: {all_rules()[rules[10]].message}" in parse_html(card_text(raid, ANN, HEAD)).text


@pytest.mark.parametrize(
    "reasons",
    [{frozenset({name}): 1 for name in LONGEST_TOLD[:5]}, {}, {frozenset({"png.chunk-crc"}): 4}],
    ids=["more than fit", "none is known", "not all are known"],
)
def test_nobody_releases_by_one_press_what_the_card_does_not_tell(
    case: Case, reasons: dict[frozenset[str], int]
) -> None:
    own = (Reason("png.chunk-crc", Action.QUARANTINE, "malformed"),)
    raid = replace(case, reasons=own, raid=Raid((20, 21, 22, 23, 24), 5, reasons))
    assert labels_of(raid) == ["✅ Release", "⛔ Confirm", "⛔ Confirm all 6"]
    assert "they are not released by one press" in card_text(raid, ANN, HEAD)


def test_those_that_follow_for_no_reason_that_is_known_are_told_of(case: Case) -> None:
    raid = replace(case, reasons=case.reasons or (Reason("png.chunk-crc", Action.FLAG, "x"),))
    raid = replace(raid, raid=Raid((20,), 1, {frozenset(): 1}))
    assert "1 of them: The policy of this group holds it." in parse_html(card_text(raid, ANN, HEAD)).text
