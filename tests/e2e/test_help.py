"""A bot of our own tells what it is and what it understands, and has Telegram offer it."""

from __future__ import annotations

from functools import partial

from e2e.conftest import Town
from e2e.host import Host, build, polling, until
from lazaretto.emulator import Message
from lazaretto.emulator.records import Call
from lazaretto.languages import LANGUAGES


def alone(town: Town) -> Host:
    """A host that is nothing but ours."""
    host = build(town.tg, town.config())
    host.guard.uninstall()
    host.guard.attach(alone=True)
    return host


async def test_start_and_help_are_answered_in_private_and_list_every_command(town: Town) -> None:
    async with polling(alone(town)) as host:
        private = town.tg.private(town.ann)
        for asked in ("/start", "/help"):
            message = await private.post_text(town.ann, asked)
            answer = await private.wait_for(partial(_answers, message))
            assert "I look at every file" in (answer.text or "")
            assert "/help: " in (answer.text or "")
        listed = [name for name in host.guard._commands.commands if name != "start"]
        assert all(f"/{name}: " in (answer.text or "") for name in listed)


async def test_telegram_is_told_of_the_commands_in_every_language(town: Town) -> None:
    async with polling(alone(town)):
        await until(lambda: len(_told(town)) == 3 * len(LANGUAGES))
        codes = {call.params.get("language_code", "en") for call in _told(town)}
        assert codes == set(LANGUAGES)


async def test_in_somebody_elses_application_start_and_the_list_of_commands_are_theirs(town: Town) -> None:
    async with town.host() as host:
        private = town.tg.private(town.ann)
        await host.saw(await private.post_text(town.ann, "/start"))
        await host.saw(await private.post_text(town.ann, "/help"))
        assert not _told(town)


def _answers(asked: Message, message: Message) -> bool:
    return message.reply_to is asked


def _told(town: Town) -> list[Call]:
    return [call for call in town.tg.calls if call.method == "setMyCommands"]
