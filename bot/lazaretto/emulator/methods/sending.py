"""Sending. Nothing is ever deduplicated: sent twice is posted twice, as on the real server."""

from collections.abc import Mapping
from typing import Any

from lazaretto.emulator.chats.room import LARGEST_ALBUM, SMALLEST_ALBUM
from lazaretto.emulator.errors import bad_request
from lazaretto.emulator.files.store import KINDS, Kind, kind_of
from lazaretto.emulator.methods.compose import caption_fields, chat_of, place, place_album, text_fields
from lazaretto.emulator.methods.media import attachment_fields, media_items
from lazaretto.emulator.methods.params import Params
from lazaretto.emulator.methods.table import Method
from lazaretto.emulator.world import World

__all__ = ["METHODS"]

_IN_ALBUMS = ("photo", "live_photo", "video", "audio", "document")
_UNMIXED = ("audio", "document")
_PAID = ("photo", "live_photo", "video")
_MOST_STARS = 25_000
_ACTIONS = frozenset(
    {"typing", "upload_photo", "record_video", "upload_video", "record_voice", "upload_voice", "upload_document"}
    | {"choose_sticker", "find_location", "record_video_note", "upload_video_note"}
)


async def send_message(world: World, params: Params) -> dict[str, Any]:
    preview = params.record("link_preview_options")
    shown = {"link_preview_options": preview} if preview else {}
    return place(world, params, {**text_fields(params), **shown})


def _sender_of(kind: Kind) -> Method:
    async def send(world: World, params: Params) -> dict[str, Any]:
        return place(world, params, await attachment_fields(world, kind, params))

    return Method(send, ("chat_id", kind.name, *([kind.beside] if kind.beside else [])))


async def send_media_group(world: World, params: Params) -> list[dict[str, Any]]:
    """Strict about the documented 2 to 10 items, documents and audio each among their own."""
    contents = await media_items(world, params, _IN_ALBUMS, "can't be used in sendMediaGroup", LARGEST_ALBUM)
    if len(contents) < SMALLEST_ALBUM:
        raise bad_request("there are too few messages to send as an album")
    for kind in _UNMIXED:
        if 0 < sum(kind in content for content in contents) < len(contents):
            raise bad_request(f"{kind} can't be mixed with other media types")
    return place_album(world, params, contents)


async def send_paid_media(world: World, params: Params) -> dict[str, Any]:
    contents = await media_items(world, params, _PAID, "is unsupported", LARGEST_ALBUM)
    stars = params.integer("star_count")
    if not contents:
        raise bad_request("there are no media to send")
    if stars > _MOST_STARS:
        raise bad_request("invalid paid media price specified")
    kinds = [kind_of(content) or "" for content in contents]
    shown = [{"type": kind, kind: content[kind]} for kind, content in zip(kinds, contents, strict=True)]
    return place(world, params, {"paid_media": {"star_count": stars, "paid_media": shown}, **caption_fields(params)})


async def send_chat_action(world: World, params: Params) -> bool:
    chat_of(world, params)
    if params.text("action") not in _ACTIONS:
        raise bad_request("wrong parameter action in request")
    return True


METHODS: Mapping[str, Method] = {
    "sendMessage": Method(send_message, ("chat_id", "text")),
    "sendMediaGroup": Method(send_media_group, ("chat_id", "media")),
    "sendPaidMedia": Method(send_paid_media, ("chat_id", "star_count", "media")),
    "sendChatAction": Method(send_chat_action, ("chat_id", "action")),
    **{f"send{kind.title}": _sender_of(kind) for kind in KINDS.values()},
}
