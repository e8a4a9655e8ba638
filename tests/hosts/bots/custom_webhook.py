"""Takes its updates from an HTTP server of its own, beside its other pages, and has no updater."""

# mypy: disable-error-code="union-attr"

from __future__ import annotations

import asyncio
import hmac
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from telegram import Update
from telegram.ext import CommandHandler, ContextTypes, MessageHandler, filters

from hosts.shapes import AnyApplication, AnyBuilder, Install, Plugin

SECRET = "open-sesame"

Receive = Callable[[Update], Awaitable[None]]


async def start(update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
    await update.message.reply_text("I am on the web.")


async def answer(update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
    await update.message.reply_text(f"I have read: {update.message.text}")


async def thank(update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
    await update.message.reply_text(f"Thank you for {update.message.document.file_name}.")


def build(builder: AnyBuilder, install: Install) -> AnyApplication:
    application = builder.updater(None).build()
    application.add_handler(CommandHandler("start", start))
    application.add_handler(MessageHandler(filters.Document.ALL, thank))
    application.add_handler(MessageHandler(filters.TEXT, answer))
    install(application)
    return application


@asynccontextmanager
async def queueing(application: AnyApplication, guard: Plugin | None) -> AsyncIterator[None]:
    """Every update is put into the application's queue, and its fetcher does the rest."""
    async with application, _guarded(guard):
        await application.start()
        try:
            async with _serving(application, application.update_queue.put):
                yield
        finally:
            await application.stop()


@asynccontextmanager
async def processing(application: AnyApplication, guard: Plugin | None) -> AsyncIterator[None]:
    """Every update is handled while its request waits; the application itself is never started."""
    async with application, _guarded(guard), _serving(application, application.process_update):
        yield


@asynccontextmanager
async def _guarded(guard: Plugin | None) -> AsyncIterator[None]:
    """The two lines that the plugin asks for where nobody calls `run_webhook`."""
    if guard is not None:
        await guard.start()
    try:
        yield
    finally:
        if guard is not None:
            await guard.stop()


@asynccontextmanager
async def _serving(application: AnyApplication, receive: Receive) -> AsyncIterator[None]:
    async def telegram(request: Request) -> Response:
        said = request.headers.get("X-Telegram-Bot-Api-Secret-Token", "")
        if not hmac.compare_digest(said.encode(), SECRET.encode()):
            return Response(status_code=403)
        await receive(Update.de_json(await request.json(), application.bot))
        return Response()

    async def health(_: Request) -> Response:
        return PlainTextResponse("fine")

    pages = Starlette(
        routes=[Route("/telegram", telegram, methods=["POST"]), Route("/health", health, methods=["GET"])]
    )
    server = uvicorn.Server(uvicorn.Config(pages, log_config=None, lifespan="off", ws="none"))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        serving = asyncio.ensure_future(server.serve(sockets=[listener]))
        try:
            await application.bot.set_webhook(
                f"http://127.0.0.1:{listener.getsockname()[1]}/telegram",
                allowed_updates=Update.ALL_TYPES,
                secret_token=SECRET,
            )
            yield
        finally:
            server.should_exit = True
            await serving
