"""The bot itself: who it is, its files, and its leaving of a server."""

from collections.abc import Mapping
from typing import Any

from lazaretto.emulator.errors import bad_request
from lazaretto.emulator.files.store import DOWNLOAD_LIMIT
from lazaretto.emulator.methods.params import Params
from lazaretto.emulator.methods.table import Method
from lazaretto.emulator.world import World

__all__ = ["METHODS"]


async def get_me(world: World, _: Params) -> dict[str, Any]:
    return {
        **world.bot.json(),
        "can_join_groups": True,
        "can_read_all_group_messages": not world.privacy_mode,
        "supports_inline_queries": False,
        "can_connect_to_business": bool(world.connections),
        "has_main_web_app": False,
    }


async def get_file(world: World, params: Params) -> dict[str, Any]:
    """Decided by the declared size, as the server does; without one by the true size. A local server has no limit."""
    file_id = params.text("file_id") or ""
    stored = world.files.file(file_id)
    if stored is None:
        raise bad_request("invalid file_id")
    size = {} if stored.size is None else {"file_size": stored.size}
    path = stored.path
    if world.local is not None:
        path = await world.local.write(path, stored.data)
    elif (len(stored.data) if stored.size is None else stored.size) > DOWNLOAD_LIMIT:
        raise bad_request("file is too big")
    world.paths.grant(stored.path)
    return {"file_id": file_id, "file_unique_id": stored.unique_id, **size, "file_path": path}


async def leave_server(_: World, __: Params) -> bool:
    """logOut and close. The emulator goes on answering, so that a test may start the bot again at once."""
    return True


METHODS: Mapping[str, Method] = {
    "getMe": Method(get_me),
    "logOut": Method(leave_server),
    "close": Method(leave_server),
    "getFile": Method(get_file, ("file_id",)),
}
