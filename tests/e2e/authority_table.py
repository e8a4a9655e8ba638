"""Who may do what: every command and every button, tried over HTTP by everybody who might.

What came of a press is read from what changed, and not from what was answered. Run as a program it writes the table in
docs/authority.md; a test holds the page against what happens.
"""

from __future__ import annotations

import asyncio
import json
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from e2e.files import PROGRAM, post_program
from e2e.host import PATIENCE, Host, build, emptied, events, policies, polling, until
from e2e.table_page import column_of, with_table
from lazaretto.audit import Settings
from lazaretto.audit.moderation import Moderation
from lazaretto.emulator import Chat, Emulator, Message, Rights, User
from lazaretto.model import Person, Place
from lazaretto.telegram.commands.cases_words import told

__all__ = ["BUTTONS", "COMMANDS", "ROLES", "SECRET", "Stage", "column", "recorded", "replayed", "staged"]

PAGE = Path(__file__).parents[2] / "docs" / "authority.md"
SECRET = "plan-b"
"""Stands in the name of every held file: whoever may not look must never be told."""

YES, NO, LINK, SILENCE = "yes", "no", "link", "–"
_HEADING = "| command or button |"
_NO_RIGHTS = Rights(can_pin_messages=True)
_NOT_CHANGES = frozenset({"getUpdates", "answerCallbackQuery", "getChatMember", "getChat", "getMe", "getFile"})
_SHOWING = frozenset({"editMessageText", "editMessageReplyMarkup", "sendMessage"})
_REFUSALS = (
    *("Only ", "There is no case", "You may not", "I know no ", "I do not work"),
    *("works in a group only", "cannot be told"),
)


@dataclass
class Stage:
    """One role, the group that everything is about, and a held file of another member's for each button."""

    tg: Emulator
    host: Host
    group: Chat
    moderators: Chat
    actor: User
    as_group: bool
    sender: User  # of the files; may appeal, and nothing else
    answers: dict[str, Message] = field(default_factory=dict)  # to the commands, by their rows
    forged: int = 0


Row = str
COMMANDS: Mapping[Row, tuple[bool, str]] = {
    "`/lazaretto` in the group": (True, "/lazaretto"),
    "`/lazaretto set` in the group": (True, "/lazaretto set max_size 7MB"),
    "`/cases` in the group": (True, "/cases"),
    "`/case` in the group": (True, "/case 1"),
    "`/audit` in the group": (True, "/audit"),
    "`/doctor` in the group": (True, "/doctor"),
    "`/drill` in the group": (True, "/drill"),
    "`/privacy` in the group": (True, "/privacy"),
    "`/help` in the group": (True, "/help"),
    "settings of the group, in private": (False, "/start lz_lazaretto_{group}"),
    "cases of the group, in private": (False, "/start lz_cases_{group}"),
    "`/case` in private": (False, "/case 1"),
    "`/audit` in private": (False, "/audit {group}"),
    "checks of the group, in private": (False, "/start lz_doctor_{group}"),
    "`/drill` in private": (False, "/drill {group}"),
    "`/privacy` in private": (False, "/privacy"),
    "`/erase` in private": (False, "/erase {sender}"),
    "`/help` and `/start` in private": (False, "/start"),
}
"""Where it is typed (in the group?) and what."""

DECIDING = (
    *("release", "confirm", "release all", "confirm all", "mute", "ban", "tell sender", "appeal"),
    *("cases, bulk release", "cases, bulk confirm"),
)
"""Each has a case of its own; the others look at the first."""

BUTTONS: Mapping[Row, str] = {
    "release": "lz:release:{case}",
    "confirm": "lz:confirm:{case}",
    "release all": "lz:release-all-{case}:{case}",
    "confirm all": "lz:confirm-all-{case}:{case}",
    "mute, the choice": "lz:mute:{case}",
    "mute": "lz:mute:{case}:3600:0",
    "ban, the choice": "lz:ban:{case}",
    "ban": "lz:ban:{case}:3600:0",
    "back to the card": "lz:card:{case}",
    "it is back, where nothing is in doubt": "lz:there:{case}",
    "send it again, where nothing is in doubt": "lz:again-1:{case}",
    "details": "lz:details:{case}",
    "tell sender": "lz:tell:{case}:0",
    "appeal": "lz:appeal:{case}",
    "one case": "lz:case:{case}:0",
    "list of cases": "lz:cs:n",
    "cases, bulk release": "lz:cs:r:{told}:{told}",
    "cases, bulk confirm": "lz:cs:c:{told}:{told}",
    "audit": "lz:audit:n",
    "checks": "lz:doctor:{group}",
    "settings, a page": "lz:m:{group}:main",
    "settings, a trial": "lz:m:{group}:try.strict",
    "settings, a change": "lz:m:{group}:=weekly_report:on",
    "forget me, the question": "lz:privacy:ask",
    "forget somebody": "lz:erase:{sender}",
}
"""What each button sends. `sender` is a member who has nothing but what was held."""

_UNDER: Mapping[Row, Row] = {
    "one case": "`/case` in private",
    "list of cases": "cases of the group, in private",
    "cases, bulk release": "cases of the group, in private",
    "cases, bulk confirm": "cases of the group, in private",
    "audit": "`/audit` in private",
}
"""Buttons that know by the message over them what they are about: the answer to this command, or what there is."""

_UNDER_THE_CARD = ("mute, the choice", "ban, the choice", "back to the card")
"""They change the buttons of the message that they are under, and only where that is their case's card."""

ROLES: Mapping[str, str] = {
    "member": "is in the group",
    "sender": "posted what is held",
    "admin without rights": "administers the group, and may neither delete, nor ban, nor change its info",
    "admin elsewhere": "administers another guarded group with all rights",
    "anonymous admin": "writes as the group itself",
    "admin": "administers the group with all rights",
    "creator": "made the group",
    "owner": "owns the installation, and is in no group",
    "outsider": "is in no group; sends made-up data",
}


def _told(stage: Stage, row: Row, template: str) -> str:
    case = 2 + DECIDING.index(row) if row in DECIDING else 1
    return template.format(case=case, told=told(case), group=stage.group.id, sender=stage.sender.id)


async def _snapshot(stage: Stage, *, decided: bool = False) -> str:
    """Everything that an unauthorised press must leave as it is. decided: but for what is only shown."""
    store = (await stage.host.guard.start()).store
    log = [record["event"] for record in await events(store)]
    chats = [stage.group, stage.moderators, stage.tg.private(stage.actor), stage.tg.private(stage.sender)]
    shown = [[(m.message_id, m.text, m.buttons, m.deleted) for m in chat.messages] for chat in chats]
    settings = await Settings(store).of(Place("telegram", str(stage.group.id)))
    asked = [call.method for call in stage.tg.calls if call.method not in _NOT_CHANGES]
    log = [event for event in log if event not in ("refused-press", "coverage")]
    if decided:
        return json.dumps([log, sorted(settings), [method for method in asked if method not in _SHOWING]])
    return json.dumps([log, shown, sorted(settings), asked])


async def press(stage: Stage, row: Row, *, decided: bool = False) -> str:
    """A press whose data the presser made up, or that is repeated: under whatever message of ours they have. decided:
    what is only shown does not count."""
    stage.forged += 1
    name, own = f"forged-{stage.forged}", stage.tg.private(stage.actor).messages[-1]
    under = stage.answers.get(_UNDER.get(row, ""), own) if row not in _UNDER_THE_CARD else await _card(stage, 1)
    query = {"id": name, "from": stage.actor.json(), "message": under.json(), "chat_instance": "1"}
    before = await _snapshot(stage, decided=decided)
    await stage.tg.inject({"callback_query": {**query, "data": _told(stage, row, BUTTONS[row])}})

    def answers() -> list[str]:
        calls = stage.tg.calls_of("answerCallbackQuery")
        return [str(call.params.get("text", "")) for call in calls if call.params["callback_query_id"] == name]

    await until(lambda: bool(answers()))
    store = (await stage.host.guard.start()).store
    await emptied(store.due, PATIENCE)
    return YES if await _snapshot(stage, decided=decided) != before else NO if answers()[0] else SILENCE


async def _card(stage: Stage, number: int) -> Message:
    store = (await stage.host.guard.start()).store
    case = await store.case(number)
    shown = None if case is None else await store.card_of(case)
    return next(message for message in stage.moderators.messages if str(message.message_id) == shown)


async def _type(stage: Stage, row: Row) -> str:
    in_group, template = COMMANDS[row]
    chat = stage.group if in_group else stage.tg.private(stage.actor)
    fields: dict[str, Any] = {"as_chat": stage.group} if stage.as_group else {}
    asked = await chat.post_text(stage.actor, _told(stage, row, template), **fields)
    found: list[Message] = []

    def answered() -> bool:
        new = [m for m in chat.messages if m.message_id > asked.message_id and m.sender is stage.tg.bot]
        found[:] = new if "drill" in row else [m for m in new if m.reply_to is asked]
        return bool(found)

    await until(answered)
    if "drill" in row:  # it goes on behind its answer
        store = (await stage.host.guard.start()).store
        await until(lambda: _is_over(found[0]))
        await emptied(store.due, PATIENCE)
    answer = stage.answers[row] = found[0]
    if any(text in (answer.text or "") for text in _REFUSALS):
        return LINK if _leads_into_private(answer) else NO
    return LINK if _leads_into_private(answer) else YES


def _is_over(answer: Message) -> bool:
    return not any(text in (answer.text or "") for text in ("it begins", "under way"))


def _leads_into_private(answer: Message) -> bool:
    return "?start=lz_" in json.dumps(answer.json())


async def staged(tg: Emulator, state: Path, role: str) -> Any:
    """A host in a town with this role in it, and its files held."""
    sender, ann, mila = tg.user("Eve"), tg.user("Ann"), tg.user("Mila")
    actor, creator = tg.user("Actor", username="actor"), tg.user("Carla")
    admins: dict[User, Rights] = {mila: Rights.full()}
    admins |= {actor: _NO_RIGHTS} if role == "admin without rights" else {}
    admins |= {actor: Rights.full()} if role in ("admin", "anonymous admin") else {}
    members = [sender, ann, *([actor] if role == "member" else [])]
    group = tg.group(
        "Chess club",
        members=members,
        admins=admins,
        creator=actor if role == "creator" else creator,
        bot_rights=Rights.full(),
    )
    moderators = tg.group("Moderators", admins=[mila], bot_rights=Rights.full())
    elsewhere = [actor] if role == "admin elsewhere" else [mila]
    tg.group("Go club", admins=elsewhere, bot_rights=Rights.full())
    config = policies(
        state,
        {},
        defaults={"mode": "guard", "moderators": str(moderators.id)},
        screening={"workers": 8},
        traffic={"chat_per_minute": 600},
        owners=[str(actor.id)] if role == "owner" else [],
    )
    host = build(tg, config)
    host.guard.uninstall()
    host.guard.attach(alone=True)
    who = sender if role == "sender" else actor
    return Stage(tg, host, group, moderators, who, role == "anonymous admin", sender)


async def _fill(stage: Stage) -> None:
    """The first case is the sender's; then one for each button that decides. Other bytes and another member each time:
    else they would be one raid. Of what is to be appealed against, the sender was told."""
    store = (await stage.host.guard.start()).store
    for number in range(1 + len(DECIDING)):
        mine = number in (0, 1 + DECIDING.index("appeal"))
        member = stage.sender if mine else stage.tg.user(f"Sender {number}")
        if not mine:
            await stage.group.join(member)
        posted = await post_program(stage.group, member, f"{SECRET}-{number}.jpg", data=PROGRAM + b"%d" % number)
        await stage.tg.wait_until(partial(getattr, posted, "deleted"), PATIENCE)  # cases are numbered as the posts are
    await Moderation(store).tell(2 + DECIDING.index("appeal"), Person("telegram", "1", "Mila"), after=0)
    await emptied(store.due, 2 * PATIENCE)


async def column(tg: Emulator, state: Path, role: str) -> dict[Row, str]:
    """What comes of each command and button for one role."""
    stage = await staged(tg, state, role)
    async with polling(stage.host):
        for somebody in {stage.actor, stage.sender}:  # a bot may write to nobody who never wrote to it
            await stage.tg.private(somebody).post_text(somebody, "/help")
            await stage.tg.private(somebody).wait_for(lambda m: "/help: " in (m.text or ""))
        await _fill(stage)
        cells: dict[Row, str] = {}
        for row, (in_group, _) in COMMANDS.items():
            can = in_group if stage.as_group else (not in_group or stage.group.standing(stage.actor).present)
            cells[row] = await _type(stage, row) if can else SILENCE
        for row in BUTTONS:
            cells[row] = SILENCE if stage.as_group else await press(stage, row)
        return cells


async def replayed(tg: Emulator, state: Path) -> dict[Row, str]:
    """What comes of each press that decides, when it comes a second time."""
    stage = await staged(tg, state, "admin")
    async with polling(stage.host):
        private = stage.tg.private(stage.actor)
        await private.post_text(stage.actor, "/help")
        await private.wait_for(lambda m: "/help: " in (m.text or ""))
        await _fill(stage)
        await _type(stage, "cases of the group, in private")
        rows = [row for row in DECIDING if row != "appeal"]
        for row in rows:
            assert await press(stage, row) == YES, row
        return {row: await press(stage, row, decided=True) for row in rows}


async def tried() -> dict[str, dict[Row, str]]:
    """Every column, tried anew."""
    columns = {}
    for role in ROLES:
        with tempfile.TemporaryDirectory() as folder:
            async with Emulator() as tg:
                columns[role] = await column(tg, Path(folder) / "state", role)
    return columns


def written(columns: Mapping[str, Mapping[Row, str]]) -> str:
    """The page with this table in it."""
    return with_table(PAGE, _HEADING, columns, (*COMMANDS, *BUTTONS))


def recorded(role: str) -> dict[Row, str]:
    """What the page says of one role."""
    return column_of(PAGE, _HEADING, role)


if __name__ == "__main__":
    PAGE.write_text(written(asyncio.run(tried())), encoding="utf-8")
