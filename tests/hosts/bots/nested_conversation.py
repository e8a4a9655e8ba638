"""A conversation within a conversation: describes a family, one person after the other."""

# mypy: disable-error-code="union-attr,index"

from __future__ import annotations

import warnings

from telegram import InlineKeyboardButton, InlineKeyboardMarkup, Update
from telegram.ext import (
    CallbackQueryHandler,
    CommandHandler,
    ContextTypes,
    ConversationHandler,
    MessageHandler,
    filters,
)
from telegram.warnings import PTBUserWarning

from hosts.shapes import AnyApplication, AnyBuilder, Install

CHOOSING, PORTRAIT = "choosing", "portrait"
MENU = InlineKeyboardMarkup(
    [[InlineKeyboardButton("Add somebody", callback_data="add"), InlineKeyboardButton("Done", callback_data="done")]]
)


async def begin(update: Update, context: ContextTypes.DEFAULT_TYPE) -> str:
    context.user_data["people"] = []
    await update.message.reply_text("Your family:", reply_markup=MENU)
    return CHOOSING


async def add(update: Update, context: ContextTypes.DEFAULT_TYPE) -> str:
    await update.callback_query.answer()
    await update.callback_query.edit_message_text("Send a portrait, or a name.")
    return PORTRAIT


async def portrait(update: Update, context: ContextTypes.DEFAULT_TYPE) -> int:
    context.user_data["people"].append(update.message.document.file_name)
    return await _back(update)


async def named(update: Update, context: ContextTypes.DEFAULT_TYPE) -> int:
    context.user_data["people"].append(update.message.text)
    return await _back(update)


async def _back(update: Update) -> int:
    await update.message.reply_text("Nice. Your family:", reply_markup=MENU)
    return ConversationHandler.END


async def done(update: Update, context: ContextTypes.DEFAULT_TYPE) -> int:
    await update.callback_query.answer("Lovely!")
    await update.callback_query.edit_message_text(f"Your family: {', '.join(context.user_data['people'])}.")
    return ConversationHandler.END


async def stop(update: Update, context: ContextTypes.DEFAULT_TYPE) -> int:
    await update.message.reply_text("Good bye.")
    return ConversationHandler.END


async def stray(update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
    await update.message.reply_text("Say /family.")


def build(builder: AnyBuilder, install: Install) -> AnyApplication:
    # A member has one family at a time, whichever message the button is on, and the library asks whether we mean it.
    warnings.filterwarnings("ignore", r".*CallbackQueryHandler", PTBUserWarning)
    somebody = ConversationHandler(
        entry_points=[CallbackQueryHandler(add, pattern="^add$")],
        states={
            PORTRAIT: [
                MessageHandler(filters.Document.ALL, portrait),
                MessageHandler(filters.TEXT & ~filters.COMMAND, named),
            ]
        },
        fallbacks=[CommandHandler("stop", stop)],
        map_to_parent={ConversationHandler.END: CHOOSING},
    )
    family = ConversationHandler(
        entry_points=[CommandHandler("family", begin)],
        states={CHOOSING: [somebody, CallbackQueryHandler(done, pattern="^done$")]},
        fallbacks=[CommandHandler("stop", stop)],
    )
    application = builder.build()
    application.add_handler(family)
    application.add_handler(MessageHandler(filters.ALL, stray))
    install(application)
    return application
