"""A released attachment is posted again: in its kind and topic, by Telegram's own copy; by our bytes where that fails.

An album goes back as an album and a live photo as one; of anything else each file is a message of its own, the first
with the caption. Pictures that Telegram derived from a file are not sent: it derives them again.
"""

from __future__ import annotations

import os
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from telegram import (
    Bot,
    InputFile,
    InputMediaAudio,
    InputMediaDocument,
    InputMediaLivePhoto,
    InputMediaPhoto,
    InputMediaVideo,
    Message,
    ReplyParameters,
)
from telegram.constants import ParseMode

from lazaretto.languages import Html, Language, language_of
from lazaretto.model import Attachment, Case, Part, Person
from lazaretto.ports import Later, Refused, Unsure
from lazaretto.telegram.answers import asked, chat_id
from lazaretto.telegram.attachments import DIRECT
from lazaretto.telegram.cards import publication_caption
from lazaretto.telegram.walker import PREVIEWS

__all__ = ["Publication"]

T = TypeVar("T")
Kinds = tuple[str, ...]
Sources = Callable[[Part], str | InputFile]
"""Where a part's bytes come from: the id of Telegram's copy, or an upload."""

# What file ids are made of: base64url. Whatever else a server calls one may be a path, or a URL.
_FILE_ID = re.compile(r"[A-Za-z0-9_-]+")

# One message with two files; kinds stand in alphabetical order.
_LIVE_PHOTO = ("live_photo", "photo")
_COVERED = ("cover", "video")

# By the kinds of a message's files: the method that sends them again, and under which names it takes them. Everything
# else goes file by file, as documents.
_SEND: Mapping[Kinds, tuple[str, Kinds]] = {
    ("photo",): ("send_photo", ("photo",)),
    ("video",): ("send_video", ("video",)),
    ("animation",): ("send_animation", ("animation",)),
    ("audio",): ("send_audio", ("audio",)),
    ("voice",): ("send_voice", ("voice",)),
    ("document",): ("send_document", ("document",)),
    _LIVE_PHOTO: ("send_live_photo", _LIVE_PHOTO),
    _COVERED: ("send_video", _COVERED),
}
_DOCUMENT = _SEND["document",]

# What an album's item is made of, and with which others it may stand: Bot API, sendMediaGroup.
_ITEMS: Mapping[Kinds, tuple[Callable[..., Any], Kinds, str]] = {
    ("photo",): (InputMediaPhoto, ("media",), "picture"),
    ("video",): (InputMediaVideo, ("media",), "picture"),
    _LIVE_PHOTO: (InputMediaLivePhoto, ("media", "photo"), "picture"),
    _COVERED: (InputMediaVideo, ("cover", "media"), "picture"),
    ("audio",): (InputMediaAudio, ("media",), "audio"),
    ("document",): (InputMediaDocument, ("media",), "document"),
}


class Publication:
    """One release on its way. files: the bytes of `case.sealed`, in that order."""

    def __init__(
        self, bot: Bot, case: Case, sender: Person, files: Sequence[Path], say: Language | None = None
    ) -> None:
        self._bot = bot
        self._parts = [part for part in case.attachment.parts if part.claim.kind not in PREVIEWS]
        self._files = {sealed.part: path for sealed, path in zip(case.sealed, files, strict=False)}
        self._caption: Html = publication_caption(case, sender, say or language_of("en"))
        self._to = _address(case.attachment)

    async def send(self) -> str:
        """Answers the first message's id. Raises Refused, Later or Unsure."""
        bundles = self._bundles()
        if _is_album(bundles):
            first, *_ = await self._sent(self._parts, lambda source: self._send_album(bundles, source))
            return str(first.message_id)
        sent: list[str] = []
        for bundle in bundles:
            try:
                message = await self._sent(bundle, partial(self._send_message, bundle, None if sent else self._caption))
            except (Refused, Later) as problem:
                if not sent:
                    raise
                # Not to be tried again by itself: what is there already would come twice.
                raise Unsure(f"{len(sent)} of {len(bundles)} files are back: {problem}") from None
            sent.append(str(message.message_id))
        return sent[0] if sent else ""

    def _bundles(self) -> list[list[Part]]:
        """The files, message by message; those of a message that no method takes together, one by one."""
        by_message: dict[str, list[Part]] = {}
        for part in self._parts:
            by_message.setdefault(part.message, []).append(part)
        bundles: list[list[Part]] = []
        for bundle in by_message.values():
            bundles += [bundle] if _kinds(bundle) in _SEND else [[part] for part in bundle]
        return bundles

    async def _sent(self, parts: Sequence[Part], send: Callable[[Sources], Awaitable[T]]) -> T:
        """What Telegram answers to its own copies of the files; to our bytes, where it has those no longer."""
        try:
            return await asked(send(_telegrams_copy))
        except Refused:
            if not all(part.index in self._files for part in parts):
                raise
        with ExitStack() as opened:
            return await asked(send(lambda part: self._bytes_of(part, opened)))

    def _bytes_of(self, part: Part, opened: ExitStack) -> InputFile:
        handle = opened.enter_context(self._files[part.index].open("rb"))
        return InputFile(handle, filename=part.claim.name, attach=True, read_file_handle=False)

    def _send_message(self, bundle: Sequence[Part], caption: Html | None, source: Sources) -> Awaitable[Message]:
        method, names = _SEND.get(_kinds(bundle), _DOCUMENT)
        send: Callable[..., Awaitable[Message]] = getattr(self._bot, method)
        files = {name: source(part) for name, part in zip(names, _in_order(bundle), strict=True)}
        return send(**files, caption=caption, parse_mode=ParseMode.HTML, **self._to)

    def _send_album(self, bundles: Sequence[Sequence[Part]], source: Sources) -> Awaitable[tuple[Message, ...]]:
        items = []
        stills: dict[str, Any] = {}
        for index, bundle in enumerate(bundles):
            make, names, _ = _ITEMS[_kinds(bundle)]
            files = {name: source(part) for name, part in zip(names, _in_order(bundle), strict=True)}
            for name in files.keys() - {"media"}:
                if isinstance(still := files[name], InputFile):
                    # Of an item the library uploads only `media` (22.8): this goes along, and the item refers to it.
                    stills[f"still{index}"] = _unattached(still)
                    files[name] = f"attach://still{index}"
            items.append(make(**files, caption=None if index else self._caption, parse_mode=ParseMode.HTML))
        return self._bot.send_media_group(media=items, api_kwargs=stills or None, **self._to)


def _telegrams_copy(part: Part) -> str:
    """Its id, where it can be nothing else: the library opens and uploads what has the name of a file of ours."""
    if not _FILE_ID.fullmatch(part.file_id) or os.path.exists(part.file_id):  # noqa: PTH110 - never raises
        raise Refused("Telegram has no copy of the file that could be sent")
    return part.file_id


def _address(attachment: Attachment) -> dict[str, Any]:
    """Where it goes: into its chat and topic, and under the message that it replied to, if that is still there.

    One that came before its group got another id replied to a number that is another message's there.
    """
    place, replied = attachment.place, attachment.reply_to or ""
    replies = replied.isdecimal() and attachment.message.isdecimal()
    reply = ReplyParameters(int(replied), allow_sending_without_reply=True) if replies else None
    thread = place.thread or ""
    direct = thread.startswith(DIRECT)
    return {
        "chat_id": chat_id(place.chat),
        "message_thread_id": int(thread) if thread and not direct else None,
        "direct_messages_topic_id": int(thread.removeprefix(DIRECT)) if direct else None,
        "business_connection_id": place.account,
        "reply_parameters": reply,
    }


def _unattached(file: InputFile) -> InputFile:
    """The same upload, under the name of its parameter."""
    return InputFile(file.input_file_content, file.filename, read_file_handle=False)


def _is_album(bundles: Sequence[Sequence[Part]]) -> bool:
    """Several messages that may stand in one album."""
    messages = {bundle[0].message for bundle in bundles}
    families = {_ITEMS[kinds][2] if (kinds := _kinds(bundle)) in _ITEMS else "" for bundle in bundles}
    return len(messages) == len(bundles) > 1 and len(families) == 1 and "" not in families


def _in_order(bundle: Sequence[Part]) -> list[Part]:
    return sorted(bundle, key=lambda part: part.claim.kind or "")


def _kinds(bundle: Sequence[Part]) -> Kinds:
    return tuple(part.claim.kind or "" for part in _in_order(bundle))
