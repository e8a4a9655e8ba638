"""A bot for a photo contest, and its tests with the emulator: nothing else of Lazaretto is in it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from telegram import Update
from telegram.error import NetworkError
from telegram.ext import Application, CommandHandler, ContextTypes, MessageHandler, filters

from lazaretto.emulator import Emulator, Message, Rights


async def enter(update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
    """A photo is an entry, an album is one as well, and an edited photo takes the place of the old one."""
    message, entries = update.effective_message, context.chat_data
    assert message is not None
    assert entries is not None
    try:
        file = await message.photo[-1].get_file()
        picture = bytes(await file.download_as_bytearray())
    except NetworkError:
        await message.reply_text("Your photo did not arrive: please post it again.")
        return
    number = message.media_group_id or message.message_id
    known = number in entries
    entries[number] = picture
    if not known:
        await message.reply_text(f"This is entry {len(entries)}.")


async def count(update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
    assert update.message is not None
    await update.message.reply_text(f"There are {len(context.chat_data or {})} entries.")


def contest_bot(token: str, base_url: str, base_file_url: str) -> Application[Any, Any, Any, Any, Any, Any]:
    app = Application.builder().token(token).base_url(base_url).base_file_url(base_file_url).build()
    app.add_handler(MessageHandler(filters.PHOTO, enter))
    app.add_handler(CommandHandler("count", count))
    return app


# -- the tests -------------------------------------------------------------------------------------------------------


@asynccontextmanager
async def contest(tg: Emulator) -> AsyncIterator[Application[Any, Any, Any, Any, Any, Any]]:
    """The bot, polling the emulator."""
    async with contest_bot(tg.token, tg.base_url, tg.base_file_url) as app:
        await app.start()
        assert app.updater is not None
        await app.updater.start_polling()
        yield app
        await app.updater.stop()
        await app.stop()


def says(tg: Emulator, text: str) -> Any:
    def said(message: Message) -> bool:
        return message.sender == tg.bot and message.text == text

    return said


async def test_an_album_is_one_entry(telegram_emulator: Emulator) -> None:
    tg = telegram_emulator
    ann = tg.user("Ann")
    club = tg.group("Photo club", members=[ann], bot_rights=Rights())  # as an administrator it sees every message
    async with contest(tg):
        await club.post_photo(ann, b"a boat")
        await club.post_album(ann, [tg.attach("photo", b"a pier"), tg.attach("photo", b"a gull")], caption="Harbour")
        await club.wait_for(says(tg, "This is entry 2."))
        await club.post_text(ann, "/count")
        await club.wait_for(says(tg, "There are 2 entries."))
    assert tg.pending_updates == ()


async def test_an_edited_photo_takes_the_place_of_the_old_one(telegram_emulator: Emulator) -> None:
    tg = telegram_emulator
    ann = tg.user("Ann")
    chat = tg.private(ann)
    async with contest(tg) as app:
        entry = await chat.post_photo(ann, b"a boat")
        await chat.wait_for(says(tg, "This is entry 1."))
        await chat.edit(entry, **tg.attach("photo", b"a better boat"))
        await tg.wait_until(lambda: app.chat_data[chat.id] == {entry.message_id: b"a better boat"})


async def test_a_photo_that_does_not_arrive_is_asked_for_again(telegram_emulator: Emulator) -> None:
    tg = telegram_emulator
    ann = tg.user("Ann")
    chat = tg.private(ann)
    async with contest(tg):
        tg.faults.cut_download(after=3)
        await chat.post_photo(ann, b"a boat")
        await chat.wait_for(says(tg, "Your photo did not arrive: please post it again."))
        await chat.post_photo(ann, b"a boat")
        await chat.wait_for(says(tg, "This is entry 1."))
