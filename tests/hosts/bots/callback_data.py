"""Buttons with any objects as their data: the library keeps them, and sends keys in their place."""

# mypy: disable-error-code="union-attr,arg-type,str-unpack,misc"

from __future__ import annotations

from telegram import InlineKeyboardButton, InlineKeyboardMarkup, Update
from telegram.ext import (
    CallbackQueryHandler,
    CommandHandler,
    ContextTypes,
    InvalidCallbackData,
    MessageHandler,
    filters,
)

from hosts.shapes import AnyApplication, AnyBuilder, Install

Picked = tuple[int, list[int]]


def _keyboard(picked: list[int]) -> InlineKeyboardMarkup:
    return InlineKeyboardMarkup.from_row(
        [InlineKeyboardButton(str(number), callback_data=(number, picked)) for number in range(1, 4)]
    )


async def begin(update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
    await update.message.reply_text("Pick numbers.", reply_markup=_keyboard([]))


async def pick(update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
    query = update.callback_query
    await query.answer()
    number, before = query.data
    picked = [*before, number]
    await query.edit_message_text(f"Picked: {picked}", reply_markup=_keyboard(picked))
    context.drop_callback_data(query)


async def expired(update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
    await update.callback_query.answer("This button is too old.")


async def count(update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
    await update.message.reply_text(f"{update.message.document.file_size} bytes.", reply_markup=_keyboard([]))


def build(builder: AnyBuilder, install: Install) -> AnyApplication:
    application = builder.arbitrary_callback_data(True).build()
    application.add_handler(CommandHandler("pick", begin))
    application.add_handler(CallbackQueryHandler(expired, pattern=InvalidCallbackData))
    application.add_handler(CallbackQueryHandler(pick))
    application.add_handler(MessageHandler(filters.Document.ALL, count))
    application.add_handler(MessageHandler(filters.TEXT, begin))
    install(application)
    return application
