"""A menu of buttons. Its press handler has no pattern: it takes every button as its own."""

# mypy: disable-error-code="union-attr"

from __future__ import annotations

from telegram import InlineKeyboardButton, InlineKeyboardMarkup, Update
from telegram.ext import CallbackQueryHandler, CommandHandler, ContextTypes, MessageHandler, filters

from hosts.shapes import AnyApplication, AnyBuilder, Install

MENU = InlineKeyboardMarkup(
    [
        [InlineKeyboardButton("Tea", callback_data="tea"), InlineKeyboardButton("Coffee", callback_data="coffee")],
        [InlineKeyboardButton("The bill", callback_data="bill")],
    ]
)


async def menu(update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
    await update.message.reply_text("What will it be?", reply_markup=MENU)


async def order(update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
    query = update.callback_query
    await query.answer()
    await query.edit_message_text(f"{update.effective_user.first_name} asks for: {query.data}")


async def show_menu_for(update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
    name = update.message.document.file_name
    await update.message.reply_text(f"{name}? We have no printer.", reply_markup=MENU)


def build(builder: AnyBuilder, install: Install) -> AnyApplication:
    application = builder.build()
    application.add_handler(CommandHandler("menu", menu))
    application.add_handler(CallbackQueryHandler(order))
    application.add_handler(MessageHandler(filters.Document.ALL, show_menu_for))
    application.add_handler(MessageHandler(filters.TEXT, menu))
    install(application)
    return application
