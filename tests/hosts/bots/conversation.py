"""Takes applications for the club: asks for a name, for a letter as a file, and for an age."""

# mypy: disable-error-code="union-attr,index"

from __future__ import annotations

from telegram import ReplyKeyboardMarkup, ReplyKeyboardRemove, Update
from telegram.ext import CommandHandler, ContextTypes, ConversationHandler, MessageHandler, filters

from hosts.shapes import AnyApplication, AnyBuilder, Install

NAME, LETTER, AGE = range(3)
AGES = ReplyKeyboardMarkup([["Under 18", "Over 18"]], one_time_keyboard=True)


async def begin(update: Update, context: ContextTypes.DEFAULT_TYPE) -> int:
    await update.message.reply_text("You want to join? What is your name?")
    return NAME


async def name(update: Update, context: ContextTypes.DEFAULT_TYPE) -> int:
    context.user_data["name"] = update.message.text
    await update.message.reply_text("Now send us your letter, or /skip that.")
    return LETTER


async def letter(update: Update, context: ContextTypes.DEFAULT_TYPE) -> int:
    context.user_data["letter"] = update.message.document.file_name
    await update.message.reply_text("We shall read it. How old are you?", reply_markup=AGES)
    return AGE


async def skip(update: Update, context: ContextTypes.DEFAULT_TYPE) -> int:
    await update.message.reply_text("No letter, then. How old are you?", reply_markup=AGES)
    return AGE


async def remind(update: Update, context: ContextTypes.DEFAULT_TYPE) -> int:
    await update.message.reply_text("That is no letter.")
    return LETTER


async def age(update: Update, context: ContextTypes.DEFAULT_TYPE) -> int:
    said = f"{context.user_data['name']}, {update.message.text}, {context.user_data.get('letter', 'no letter')}"
    await update.message.reply_text(f"Noted: {said}.", reply_markup=ReplyKeyboardRemove())
    return ConversationHandler.END


async def cancel(update: Update, context: ContextTypes.DEFAULT_TYPE) -> int:
    await update.message.reply_text("Another time, then.", reply_markup=ReplyKeyboardRemove())
    return ConversationHandler.END


async def stray(update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
    await update.message.reply_text("To join, say /join.")


def build(builder: AnyBuilder, install: Install) -> AnyApplication:
    application = builder.build()
    application.add_handler(
        ConversationHandler(
            entry_points=[CommandHandler("join", begin)],
            states={
                NAME: [MessageHandler(filters.TEXT & ~filters.COMMAND, name)],
                LETTER: [
                    MessageHandler(filters.Document.ALL, letter),
                    CommandHandler("skip", skip),
                    MessageHandler(filters.TEXT & ~filters.COMMAND, remind),
                ],
                AGE: [MessageHandler(filters.Regex("^(Under|Over) 18$"), age)],
            },
            fallbacks=[CommandHandler("cancel", cancel)],
        )
    )
    application.add_handler(MessageHandler(filters.ALL, stray))
    install(application)
    return application
