"""What a method requires is never made up: missing or of another type, it is refused in Telegram's words."""

import inspect
import json
import re
from typing import Any

import httpx
import pytest
import telegram

from lazaretto.emulator import Chat, Emulator, Rights, User
from lazaretto.emulator.methods import METHODS
from lazaretto.emulator.methods.table import REQUIREMENTS

VALID: dict[str, Any] = dict.fromkeys(REQUIREMENTS, "x") | {
    "user_id": 1,
    "sender_chat_id": -1001,
    "message_id": 1,
    "message_thread_id": 1,
    "star_count": 1,
    "latitude": 1.5,
    "longitude": 1.5,
    "message_ids": [1],
    "options": ["a", "b"],
    "commands": [],
    "results": [],
    "media": [{}],
    "permissions": {},
    "result": {},
}
CASES = [(method, name) for method, row in METHODS.items() for name in row.required]

# setWebhook takes an empty address for none.
OPTIONAL = {("setWebhook", "url")}

# What the library does not insist on, because it takes an object in its place, or a message sent by inline mode.
REQUIRED = {
    "sendLocation": ("chat_id", "latitude", "longitude"),
    "sendVenue": ("chat_id", "latitude", "longitude", "title", "address"),
    "sendContact": ("chat_id", "phone_number", "first_name"),
    "editMessageText": ("chat_id", "message_id", "text"),
    "editMessageCaption": ("chat_id", "message_id"),
    "editMessageMedia": ("chat_id", "message_id", "media"),
    "editMessageReplyMarkup": ("chat_id", "message_id"),
}


@pytest.mark.parametrize("method", METHODS)
def test_what_the_library_requires_is_required(method: str) -> None:
    call = getattr(telegram.Bot, re.sub(r"(?<=[a-z])([A-Z])", r"_\1", method).lower())
    wanted = {p.name for p in inspect.signature(call).parameters.values() if p.default is p.empty} - {"self"}
    assert wanted - set(METHODS[method].required) == {name for row, name in OPTIONAL if row == method}


@pytest.mark.parametrize("method", REQUIRED)
def test_what_telegram_requires_is_required(method: str) -> None:
    assert METHODS[method].required == REQUIRED[method]


def up_to(method: str, name: str) -> dict[str, Any]:
    """Good values for everything that is asked for before this."""
    required = METHODS[method].required
    return {earlier: VALID[earlier] for earlier in required[: required.index(name)]}


@pytest.mark.parametrize(("method", "name"), CASES)
async def test_a_missing_parameter_is_refused(api: httpx.AsyncClient, method: str, name: str) -> None:
    answer = await api.post(method, json=up_to(method, name))
    assert (answer.status_code, answer.json()["description"]) == (400, f"Bad Request: {REQUIREMENTS[name].absent}")


WRONG: dict[str, Any] = {name: {"an": "object"} for name in REQUIREMENTS} | {
    "permissions": "x",
    "result": "x",
    "chat_id": [],
}


@pytest.mark.parametrize(("method", "name"), [case for case in CASES if case[1] != "media"])
async def test_a_parameter_of_another_type_is_refused(
    group: Chat, api: httpx.AsyncClient, method: str, name: str
) -> None:
    said = [REQUIREMENTS[name].absent, f'field "{name}" must be of type String', f'can\'t parse "{name}" JSON ']
    answer = await api.post(method, json=up_to(method, name) | {name: WRONG[name]})
    assert answer.status_code == 400
    assert answer.json()["description"].removeprefix("Bad Request: ").startswith(tuple(said))


@pytest.mark.parametrize("text", ["", None])
async def test_nothing_at_all_is_missing_as_well(group: Chat, api: httpx.AsyncClient, text: str | None) -> None:
    answer = await api.post("sendMessage", json={"chat_id": group.id, "text": text})
    assert answer.json()["description"] == "Bad Request: message text is empty"


NAMES = sorted(
    {*REQUIREMENTS, "reply_parameters", "reply_markup", "entities", "caption", "caption_entities", "scope"}
    | {"parse_mode", "allowed_updates", "rights", "reaction", "limit", "offset", "until_date", "link_preview_options"}
    | {"type", "explanation", "correct_option_ids", "language_code", "secret_token", "url", "certificate", "thumbnail"}
)
ODD: list[Any] = [
    [],
    {},
    [[]],
    [{}],
    [None],
    {"inline_keyboard": [[1]]},
    "x",
    "",
    "\0",
    "\ud800",
    -1,
    0,
    1,
    2**70,
    1.5,
    True,
]
ODD += [
    {"message_id": [], "chat_id": {}, "quote": 1},
    {"type": [], "chat_id": [], "user_id": {}},
    [{"type": [], "media": []}],
]


@pytest.mark.parametrize("method", sorted(METHODS.keys() - {"getUpdates"}))
async def test_odd_values_are_refused_or_ignored_and_break_nothing(
    tg: Emulator, group: Chat, ann: User, api: httpx.AsyncClient, method: str
) -> None:
    """With good values for all that is required, and odd ones for everything else or for one of it."""
    group.set_bot_rights(Rights.full())
    await group.post_document(ann, b"x")
    good = {**{name: VALID[name] for name in METHODS[method].required}, "chat_id": group.id, "from_chat_id": group.id}
    good |= {"user_id": ann.id, "message_id": 1}
    requests = [dict.fromkeys(NAMES, odd) | {"chat_id": group.id} for odd in ODD]
    requests += [dict.fromkeys(NAMES, odd) | good for odd in ODD]
    requests += [good | {name: odd} for name in METHODS[method].required for odd in ODD]
    for request in requests:
        body = json.dumps(request).encode()
        answer = await api.post(method, content=body, headers={"content-type": "application/json"})
        assert answer.status_code in (200, 400, 403, 404), request
        group.set_bot_rights(Rights.full())
        await group.join(ann)
