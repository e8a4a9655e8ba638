"""Sending what holds no file: places, contacts, polls, dice."""

import secrets
from collections.abc import Mapping
from typing import Any

from lazaretto.emulator.chats.entities import Formatted, detect
from lazaretto.emulator.errors import bad_request
from lazaretto.emulator.methods.compose import formatted, place
from lazaretto.emulator.methods.params import Params, read_values
from lazaretto.emulator.methods.table import Method
from lazaretto.emulator.world import World

__all__ = ["METHODS"]

_LONGEST_QUESTION = 300
_LONGEST_OPTION = 100
_FEWEST_OPTIONS, _MOST_OPTIONS = 1, 12  # Bot API, sendPoll
_DICE = {"🎲": 6, "🎯": 6, "🎳": 6, "🏀": 5, "⚽": 5, "🎰": 64}
_VENUE_IDS = ("foursquare_id", "foursquare_type", "google_place_id", "google_place_type")


async def send_location(world: World, params: Params) -> dict[str, Any]:
    return place(world, params, {"location": _location(params)})


async def send_venue(world: World, params: Params) -> dict[str, Any]:
    ids = {name: params.text(name) for name in _VENUE_IDS if name in params}
    about = {"location": _location(params), "title": params.text("title"), "address": params.text("address")}
    return place(world, params, {"venue": {**about, **ids}, "location": about["location"]})


def _location(params: Params) -> dict[str, Any]:
    latitude, longitude = params.number("latitude") or 0.0, params.number("longitude") or 0.0
    if not (-90 <= latitude <= 90 and -180 <= longitude <= 180):
        raise bad_request("wrong location specified")
    numbers = {name: params.integer(name) for name in ("live_period", "heading", "proximity_alert_radius")}
    accuracy = params.number("horizontal_accuracy")
    optional = {name: number for name, number in {**numbers, "horizontal_accuracy": accuracy}.items() if number}
    return {"latitude": latitude, "longitude": longitude, **optional}


async def send_contact(world: World, params: Params) -> dict[str, Any]:
    said = {name: params.text(name) for name in ("phone_number", "first_name", "last_name", "vcard")}
    return place(world, params, {"contact": {name: value for name, value in said.items() if value}})


async def send_poll(world: World, params: Params) -> dict[str, Any]:
    """A poll nobody has voted in yet. Media in polls are not read."""
    question = _marked("question", formatted(params, "question", "question_entities", "question_parse_mode"))
    if not 1 <= len(question["question"]) <= _LONGEST_QUESTION:
        raise bad_request(f"poll question length must not exceed {_LONGEST_QUESTION}")
    sent = params.items("options") or []
    if not _FEWEST_OPTIONS <= len(sent) <= _MOST_OPTIONS:
        raise bad_request(f"poll must have at most {_MOST_OPTIONS} options")
    sort = params.text("type") or "regular"
    if sort not in ("regular", "quiz"):
        raise bad_request("unsupported poll type specified")
    poll = {
        "id": str(secrets.randbits(62)),
        **question,
        "options": [{"persistent_id": str(number), **_option(option)} for number, option in enumerate(sent)],
        "total_voter_count": 0,
        "is_closed": params.flag("is_closed"),
        "is_anonymous": params.flag("is_anonymous") if "is_anonymous" in params else True,
        "type": sort,
        "allows_multiple_answers": params.flag("allows_multiple_answers"),
        "allows_revoting": params.flag("allows_revoting") if "allows_revoting" in params else sort == "regular",
        "members_only": params.flag("members_only"),
        **(_quiz(params, len(sent)) if sort == "quiz" else {}),
        **{name: params.integer(name) for name in ("open_period", "close_date") if params.integer(name)},
    }
    return place(world, params, {"poll": poll})


def _option(sent: Any) -> dict[str, Any]:
    option = Params(read_values({"text": sent} if isinstance(sent, str) else sent if isinstance(sent, dict) else {}))
    marked = _marked("text", formatted(option, "text", "text_entities", "text_parse_mode"))
    if not 1 <= len(marked["text"]) <= _LONGEST_OPTION:
        raise bad_request("poll options must be non-empty and at most 100 characters long")
    return {**marked, "voter_count": 0}


def _quiz(params: Params, options: int) -> dict[str, Any]:
    """Telegram tells the author of a quiz what is right."""
    right = params.items("correct_option_ids")
    right = [params.integer("correct_option_id", -1)] if right is None else right
    if not right or not all(isinstance(number, int) and 0 <= number < options for number in right):
        raise bad_request("wrong correct option ID specified")
    explained = formatted(params, "explanation", "explanation_entities", "explanation_parse_mode")
    return {"correct_option_ids": right, **(_marked("explanation", explained) if explained.text else {})}


def _marked(name: str, said: Formatted) -> dict[str, Any]:
    marked = detect(said)
    entities = "text_entities" if name == "text" else f"{name}_entities"
    return {name: marked.text} | ({entities: list(marked.entities)} if marked.entities else {})


async def send_dice(world: World, params: Params) -> dict[str, Any]:
    emoji = params.text("emoji") or "🎲"
    if emoji not in _DICE:
        raise bad_request("wrong dice emoji specified")
    return place(world, params, {"dice": {"emoji": emoji, "value": 1 + secrets.randbelow(_DICE[emoji])}})


METHODS: Mapping[str, Method] = {
    "sendLocation": Method(send_location, ("chat_id", "latitude", "longitude")),
    "sendVenue": Method(send_venue, ("chat_id", "latitude", "longitude", "title", "address")),
    "sendContact": Method(send_contact, ("chat_id", "phone_number", "first_name")),
    "sendPoll": Method(send_poll, ("chat_id", "question", "options")),
    "sendDice": Method(send_dice, ("chat_id",)),
}
