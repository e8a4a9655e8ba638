"""How a bot presents itself: names and descriptions by language, commands by scope, rights that it asks for."""

import json
import re
from collections.abc import Mapping
from typing import Any

from lazaretto.emulator.chats.people import Rights
from lazaretto.emulator.errors import bad_request
from lazaretto.emulator.methods.params import Params, read_values
from lazaretto.emulator.methods.rights import member_named
from lazaretto.emulator.methods.table import Method
from lazaretto.emulator.world import World

__all__ = ["METHODS"]

_LANGUAGE = re.compile(r"(?:[a-z]{2})?")
_COMMAND = re.compile(r"[a-z0-9_]{1,32}")
_MOST_COMMANDS = 100
_LONGEST_COMMAND_DESCRIPTION = 256
_MOST_PHOTOS = 100

# Bot API, setMyName and its like: how long each text may be, and the refusal of a longer one.
_TEXTS = {"name": (64, "BOT_TITLE_INVALID"), "description": (512, "BOT_DESCRIPTION_INVALID")} | {
    "short_description": (120, "BOT_SHORT_DESCRIPTION_INVALID")
}

# What a BotCommandScope names beside its type, and the types of chats that it fits.
_SCOPES: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "default": ((), ()),
    "all_private_chats": ((), ()),
    "all_group_chats": ((), ()),
    "all_chat_administrators": ((), ()),
    "chat": (("chat_id",), ("private", "group", "supergroup")),
    "chat_administrators": (("chat_id",), ("group", "supergroup")),
    "chat_member": (("chat_id", "user_id"), ("group", "supergroup")),
}


def _setter_of(kind: str) -> Method:
    async def set_text(world: World, params: Params) -> bool:
        longest, refusal = _TEXTS[kind]
        text = params.text(kind) or ""
        if len(text) > longest:
            raise bad_request(refusal)
        world.profile.texts.setdefault(kind, {})[_language(params)] = text
        return True

    return Method(set_text)


def _getter_of(kind: str) -> Method:
    async def get_text(world: World, params: Params) -> dict[str, str]:
        return {kind: world.profile.text(kind, _language(params))}

    return Method(get_text)


def _language(params: Params) -> str:
    language = params.text("language_code") or ""
    if not _LANGUAGE.fullmatch(language):
        raise bad_request("invalid language code specified")
    return language


# -- commands ---------------------------------------------------------------------------------------------------


async def set_my_commands(world: World, params: Params) -> bool:
    commands = params.items("commands") or []
    if len(commands) > _MOST_COMMANDS:
        raise bad_request("BOT_COMMANDS_TOO_MUCH")
    world.profile.commands[_scope(world, params)] = [_command(command) for command in commands]
    return True


def _command(sent: Any) -> dict[str, str]:
    if not isinstance(sent, dict) or not {"command", "description"} <= sent.keys():
        raise bad_request("can't parse BotCommand: expected an Object with command and description")
    command, description = str(sent["command"]).removeprefix("/"), str(sent["description"])
    if not _COMMAND.fullmatch(command):
        raise bad_request("BOT_COMMAND_INVALID")
    if not 1 <= len(description) <= _LONGEST_COMMAND_DESCRIPTION:
        raise bad_request("BOT_COMMAND_DESCRIPTION_INVALID")
    return {"command": command, "description": description}


async def get_my_commands(world: World, params: Params) -> list[dict[str, Any]]:
    return world.profile.commands.get(_scope(world, params), [])


async def delete_my_commands(world: World, params: Params) -> bool:
    world.profile.commands.pop(_scope(world, params), None)
    return True


def _scope(world: World, params: Params) -> str:
    """A key for scope and language. A scope that names a chat or a user names one that is there."""
    scope = params.record("scope")
    sent = Params(read_values({"type": "default"} if scope is None else scope))
    kind = sent.text("type") or ""
    if kind not in _SCOPES:
        raise bad_request("can't parse BotCommandScope: unsupported type specified")
    names, chat_types = _SCOPES[kind]
    named: list[int] = []
    if "chat_id" in names:
        chat = world.chat(sent.chat())
        if chat.type not in chat_types:
            raise bad_request(f"can't change commands of scope {kind} in {chat.type} chats")
        named.append(chat.id)
        if "user_id" in names:
            named.append(member_named(world, chat, sent.integer("user_id")).user.id)
    return json.dumps([kind, *named, _language(params)])


# -- rights and photos ------------------------------------------------------------------------------------------


async def set_my_default_administrator_rights(world: World, params: Params) -> bool:
    """Without `rights` they are cleared."""
    sent = params.record("rights")
    rights = Rights(can_manage_chat=False) if sent is None else Rights.of({"can_manage_chat": False, **sent})
    world.profile.default_rights[params.flag("for_channels")] = rights
    return True


async def get_my_default_administrator_rights(world: World, params: Params) -> dict[str, Any]:
    none = Rights(can_manage_chat=False)
    return world.profile.default_rights.get(params.flag("for_channels"), none).json()


async def get_user_profile_photos(world: World, params: Params) -> dict[str, Any]:
    user_id = params.integer("user_id")
    if user_id not in world.users:
        raise bad_request("user not found")
    photos = world.profile_photos.get(user_id, [])
    limit = params.integer("limit") or _MOST_PHOTOS
    shown = photos[max(params.integer("offset"), 0) :][: min(max(limit, 1), _MOST_PHOTOS)]
    return {"total_count": len(photos), "photos": [world.files.issue(photo)["photo"] for photo in shown]}


METHODS: Mapping[str, Method] = {
    "setMyCommands": Method(set_my_commands, ("commands",)),
    "getMyCommands": Method(get_my_commands),
    "deleteMyCommands": Method(delete_my_commands),
    "setMyName": _setter_of("name"),
    "getMyName": _getter_of("name"),
    "setMyDescription": _setter_of("description"),
    "getMyDescription": _getter_of("description"),
    "setMyShortDescription": _setter_of("short_description"),
    "getMyShortDescription": _getter_of("short_description"),
    "setMyDefaultAdministratorRights": Method(set_my_default_administrator_rights),
    "getMyDefaultAdministratorRights": Method(get_my_default_administrator_rights),
    "getUserProfilePhotos": Method(get_user_profile_photos, ("user_id",)),
}
