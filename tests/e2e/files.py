"""What members post: clean files, and inert ones that a balanced policy holds."""

from __future__ import annotations

from typing import Any

from carriers.png import chunk, png
from carriers.programs import a_pe
from lazaretto.emulator import Chat, Message, User

__all__ = ["NOTE", "PICTURE", "PROGRAM", "post_note", "post_program"]

NOTE = b"Present: everybody.\nNext meeting: Tuesday.\n"
PICTURE = png()
PROGRAM = a_pe()


def picture(number: int) -> bytes:
    """A clean picture, different for each number."""
    return png(chunk(b"tEXt", b"Comment\0picture %d" % number))


async def post_note(chat: Chat, sender: User, name: str = "minutes.txt", **fields: Any) -> Message:
    """A clean text."""
    return await chat.post_document(sender, NOTE, name=name, mime="text/plain", **fields)


async def post_program(chat: Chat, sender: User, name: str = "holiday.jpg", **fields: Any) -> Message:
    """A program that says it is a picture."""
    return await chat.post_document(sender, fields.pop("data", PROGRAM), name=name, mime="image/jpeg", **fields)
