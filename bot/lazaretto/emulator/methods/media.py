"""Attachments that a bot sends: uploads, file ids, `attach://` parts, and the InputMedia of albums."""

from collections.abc import Mapping
from typing import Any

from lazaretto.emulator.errors import ApiError, bad_request
from lazaretto.emulator.files.store import KINDS, Attachment, Kind
from lazaretto.emulator.methods.compose import caption_fields
from lazaretto.emulator.methods.params import Params, read_values
from lazaretto.emulator.records import Upload
from lazaretto.emulator.world import World

__all__ = ["attachment_fields", "media_item", "media_items"]

_NUMBERS = ("width", "height", "duration", "length")
_WITH_THUMBNAIL = frozenset({"animation", "audio", "document", "video", "video_note"})


async def attachment_fields(world: World, kind: Kind, params: Params, name: str | None = None) -> dict[str, Any]:
    """The message fields of the attachment that the parameter `name` (else the kind's) holds: uploaded or known."""
    caption = caption_fields(params) if kind.captioned else {}
    attachment = await _attachment(world, kind, params, name or kind.name)
    spoiler = {"has_media_spoiler": True} if params.flag("has_spoiler") else {}
    above = {"show_caption_above_media": True} if caption and params.flag("show_caption_above_media") else {}
    return {**world.files.issue(attachment), **caption, **spoiler, **above}


async def _attachment(world: World, kind: Kind, params: Params, name: str) -> Attachment:
    sent = await _fetched(world, params.upload(name))
    if not sent:
        raise bad_request(f"there is no {kind.name.replace('_', ' ')} in the request")
    beside = await _beside(world, kind, params)
    if not isinstance(sent, Upload):
        known = world.files.for_sending(sent, kind.name)
        return Attachment(kind, {kind.name: known.fields[kind.name] | beside, **beside}) if beside else known
    if not sent.data:
        raise bad_request("file must be non-empty")
    if len(sent.data) > world.upload_limit:
        raise ApiError(413, "Request Entity Too Large")
    said = _declared(kind, params) | await _thumbnail(world, kind, params) | beside
    return world.files.add(kind.name, sent.data, name=sent.name, mime=sent.mime, extra=said)


async def _beside(world: World, kind: Kind, params: Params) -> dict[str, Any]:
    """The file that a kind is sent with, uploaded or known as well: the still of a live photo."""
    if kind.beside is None:
        return {}
    return (await _attachment(world, KINDS[kind.beside], params, kind.beside)).fields


async def _fetched(world: World, sent: Upload | str | None) -> Upload | str | None:
    """A server of one's own reads `file://` itself. No emulator fetches anything from the network."""
    if not isinstance(sent, str) or "://" not in sent:
        return sent
    if sent.lower().startswith("file://") and world.local is not None:
        return await world.local.read(sent)
    if sent.lower().startswith("file://"):
        raise bad_request("invalid file HTTP URL specified: URL host is empty")
    raise bad_request("failed to get HTTP URL content")


def _declared(kind: Kind, params: Params) -> dict[str, Any]:
    """What the bot says of a file that it uploads, and the message then shows; other kinds ignore it."""
    numbers = [name for name in _NUMBERS if name in kind.required and name in params]
    texts = [name for name in kind.declared if name in params]
    return {name: params.integer(name) for name in numbers} | {name: params.text(name) for name in texts}


async def _thumbnail(world: World, kind: Kind, params: Params) -> dict[str, bytes]:
    """A thumbnail is uploaded with its file; one that is not is ignored."""
    if kind.name not in _WITH_THUMBNAIL:
        return {}
    sent = await _fetched(world, params.upload("thumbnail"))
    return {"thumbnail": sent.data} if isinstance(sent, Upload) else {}


async def media_item(world: World, params: Params, sent: Any, allowed: tuple[str, ...], refused: str) -> dict[str, Any]:
    """The message fields of one InputMedia. `refused` is said of a type that is not `allowed` here."""
    if not isinstance(sent, Mapping):
        raise bad_request("can't parse InputMedia: expected an Object")
    item = Params(read_values(sent), params.files)
    sort = item.text("type") or ""
    if sort not in KINDS or sort not in allowed:
        raise bad_request(f'can\'t parse InputMedia: type "{sort}" {refused}')
    if not item.text("media"):
        raise bad_request("can't parse InputMedia: media not found")
    return await attachment_fields(world, KINDS[sort], item, "media")


async def media_items(
    world: World, params: Params, allowed: tuple[str, ...], refused: str, most: int
) -> list[dict[str, Any]]:
    """The message fields of every InputMedia in `media`."""
    sent = params.items("media") or []
    if len(sent) > most:
        raise bad_request("too many messages to send as an album")
    return [await media_item(world, params, item, allowed, refused) for item in sent]
