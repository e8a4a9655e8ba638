"""How any author of a bot uses the emulator. This echo bot is the whole example: nothing of Lazaretto is in it."""

from typing import Any

from telegram import Update
from telegram.ext import Application, CommandHandler, ContextTypes, MessageHandler, filters

from lazaretto.emulator import Emulator


async def start(update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
    assert update.message is not None
    await update.message.reply_text("Say something.")


async def echo(update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
    assert update.message is not None
    assert update.message.text is not None
    await update.message.reply_text(update.message.text)


def echo_bot(token: str, base_url: str) -> Application[Any, Any, Any, Any, Any, Any]:
    app = Application.builder().token(token).base_url(base_url).build()
    app.add_handler(CommandHandler("start", start))
    app.add_handler(MessageHandler(filters.TEXT, echo))
    return app


async def test_echo_bot_repeats_what_it_is_told(telegram_emulator: Emulator) -> None:
    tg = telegram_emulator
    ann = tg.user("Ann")
    chat = tg.private(ann)
    app = echo_bot(tg.token, tg.base_url)
    async with app:
        await app.start()
        assert app.updater is not None
        await app.updater.start_polling()

        await chat.post_text(ann, "/start")
        greeting = await chat.wait_for(lambda m: m.sender == tg.bot)
        await chat.post_text(ann, "Is anybody there?")
        reply = await chat.wait_for(lambda m: m.sender == tg.bot and m is not greeting)

        await app.updater.stop()
        await app.stop()

    assert greeting.text == "Say something."
    assert reply.text == "Is anybody there?"
    assert tg.pending_updates == ()
