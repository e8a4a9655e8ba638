"""Runs beside other things on one event loop: `async with application`, and no `run_polling`."""

# mypy: disable-error-code="union-attr"

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from telegram import Update
from telegram.ext import MessageHandler, filters

from hosts.bots import echo
from hosts.shapes import AnyApplication, AnyBuilder, Install, Plugin


def build(builder: AnyBuilder, install: Install) -> AnyApplication:
    application = builder.build()
    application.add_handler(MessageHandler(filters.TEXT, echo.echo))
    application.add_handler(MessageHandler(filters.Document.ALL, echo.thank))
    install(application)
    return application


@asynccontextmanager
async def running(application: AnyApplication, guard: Plugin | None) -> AsyncIterator[None]:
    """With the two lines that the plugin asks for where nobody calls `run_polling`."""
    async with application:
        if guard is not None:
            await guard.start()
        try:
            async with _polling(application):
                yield
        finally:
            if guard is not None:
                await guard.stop()


@asynccontextmanager
async def forgetful(application: AnyApplication, guard: Plugin | None) -> AsyncIterator[None]:
    """Without the first of them: the first update starts the plugin."""
    async with application:
        try:
            async with _polling(application):
                yield
        finally:
            if guard is not None:
                await guard.stop()


@asynccontextmanager
async def _polling(application: AnyApplication) -> AsyncIterator[None]:
    await application.start()
    await application.updater.start_polling(allowed_updates=Update.ALL_TYPES)
    try:
        yield
    finally:
        await application.updater.stop()
        await application.stop()
