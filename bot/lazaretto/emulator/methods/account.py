"""The bot itself: who it is, its updates, its files, its list of commands."""

import json
import re
from collections.abc import Mapping
from typing import Any

from lazaretto.emulator.errors import bad_request
from lazaretto.emulator.files import DOWNLOAD_LIMIT
from lazaretto.emulator.methods.table import Method
from lazaretto.emulator.params import Params
from lazaretto.emulator.world import World

__all__ = ["METHODS"]

_COMMAND = re.compile(r"[a-z0-9_]{1,32}")
_MOST_COMMANDS = 100
_LONGEST_DESCRIPTION = 256


async def get_me(world: World, _: Params) -> dict[str, Any]:
    return {
        **world.bot.json(),
        "can_join_groups": True,
        "can_read_all_group_messages": not world.privacy_mode,
        "supports_inline_queries": False,
        "can_connect_to_business": False,
        "has_main_web_app": False,
    }


async def get_updates(world: World, params: Params) -> list[dict[str, Any]]:
    world.updates.allow(params.items("allowed_updates"))
    return await world.updates.poll(params.integer("offset"), params.integer("limit", 100), params.integer("timeout"))


async def set_webhook(world: World, params: Params) -> bool:
    """Remembered only: nothing is delivered to the address."""
    url = params.text("url") or ""
    if url and not url.startswith("https://"):
        raise bad_request("bad webhook: An HTTPS URL must be provided for webhook")
    world.updates.allow(params.items("allowed_updates"))
    return _webhook(world, url, params)


async def delete_webhook(world: World, params: Params) -> bool:
    return _webhook(world, "", params)


def _webhook(world: World, url: str, params: Params) -> bool:
    world.updates.webhook_url = url
    if params.flag("drop_pending_updates"):
        world.updates.forget()
    return True


async def get_webhook_info(world: World, _: Params) -> dict[str, Any]:
    info: dict[str, Any] = {
        "url": world.updates.webhook_url,
        "has_custom_certificate": False,
        "pending_update_count": len(world.updates.pending),
    }
    return info | ({"allowed_updates": list(world.updates.allowed)} if world.updates.allowed else {})


async def get_file(world: World, params: Params) -> dict[str, Any]:
    """Decided by the declared size, as the server does; without one by the true size."""
    file_id = params.text("file_id")
    if not file_id:
        raise bad_request("file_id not specified")
    stored = world.files.file(file_id)
    if stored is None:
        raise bad_request("invalid file_id")
    if (len(stored.data) if stored.size is None else stored.size) > DOWNLOAD_LIMIT:
        raise bad_request("file is too big")
    size = {} if stored.size is None else {"file_size": stored.size}
    return {"file_id": file_id, "file_unique_id": stored.unique_id, **size, "file_path": stored.path}


async def set_my_commands(world: World, params: Params) -> bool:
    commands = params.items("commands")
    if commands is None:
        raise bad_request('parameter "commands" is required')
    if len(commands) > _MOST_COMMANDS:
        raise bad_request("BOT_COMMANDS_TOO_MUCH")
    world.commands[_scope(params)] = [_command(command) for command in commands]
    return True


def _command(sent: Any) -> dict[str, str]:
    if not isinstance(sent, dict) or not {"command", "description"} <= sent.keys():
        raise bad_request("can't parse BotCommand: expected an Object with command and description")
    command, description = str(sent["command"]).removeprefix("/"), str(sent["description"])
    if not _COMMAND.fullmatch(command):
        raise bad_request("BOT_COMMAND_INVALID")
    if not 1 <= len(description) <= _LONGEST_DESCRIPTION:
        raise bad_request("BOT_COMMAND_DESCRIPTION_INVALID")
    return {"command": command, "description": description}


async def get_my_commands(world: World, params: Params) -> list[dict[str, Any]]:
    return world.commands.get(_scope(params), [])


async def delete_my_commands(world: World, params: Params) -> bool:
    world.commands.pop(_scope(params), None)
    return True


def _scope(params: Params) -> str:
    scope = params.record("scope") or {"type": "default"}
    return json.dumps([scope, params.text("language_code") or ""], sort_keys=True)


METHODS: Mapping[str, Method] = {
    "getMe": get_me,
    "getUpdates": get_updates,
    "setWebhook": set_webhook,
    "deleteWebhook": delete_webhook,
    "getWebhookInfo": get_webhook_info,
    "getFile": get_file,
    "setMyCommands": set_my_commands,
    "getMyCommands": get_my_commands,
    "deleteMyCommands": delete_my_commands,
}
