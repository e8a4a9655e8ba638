"""Greets who comes, sees off who goes, and knows the chats that it is in."""

# mypy: disable-error-code="union-attr"

from __future__ import annotations

from telegram import ChatMember, Update
from telegram.ext import ChatMemberHandler, CommandHandler, ContextTypes, MessageHandler, filters

from hosts.shapes import AnyApplication, AnyBuilder, Install

INSIDE = {ChatMember.OWNER, ChatMember.ADMINISTRATOR, ChatMember.MEMBER}


async def moved(update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
    change = update.chat_member
    was, is_now = change.old_chat_member.status in INSIDE, change.new_chat_member.status in INSIDE
    if was == is_now:
        return
    name = change.new_chat_member.user.mention_html()
    said = f"Welcome, {name}!" if is_now else f"{name} has left us."
    await update.effective_chat.send_message(said, parse_mode="HTML")


async def track(update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
    context.bot_data.setdefault("chats", set()).add(update.my_chat_member.chat.id)


async def members(update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
    names = sorted(admin.user.first_name for admin in await update.effective_chat.get_administrators())
    await update.message.reply_text(f"Administrators: {', '.join(names)}")


async def answer(update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
    await update.message.reply_text("Say /members.")


def build(builder: AnyBuilder, install: Install) -> AnyApplication:
    application = builder.build()
    application.add_handler(ChatMemberHandler(moved, ChatMemberHandler.CHAT_MEMBER))
    application.add_handler(ChatMemberHandler(track, ChatMemberHandler.MY_CHAT_MEMBER))
    application.add_handler(CommandHandler("members", members))
    application.add_handler(MessageHandler(filters.TEXT | filters.Document.ALL, answer))
    install(application)
    return application
