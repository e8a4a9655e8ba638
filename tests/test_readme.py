"""Whoever follows README.md gets what it shows: every block runs, or says why it cannot."""

from __future__ import annotations

import ast
import asyncio
import contextlib
import re
import signal
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from carriers.programs import a_pe
from lazaretto.config import Configuration
from lazaretto.emulator import Emulator, Rights
from lazaretto.model import Action, Mode, Place
from lazaretto.rules import all_rules
from markdown_blocks import ROOT, Block, Reader, blocks_of, virtual_environment

README = ROOT / "README.md"
BLOCKS = blocks_of(README)

_PATIENCE = 40.0  # seconds, for a busy machine: nothing takes longer than two on an idle one

GROUP, MODERATORS = "-1001234567890", "-1009876543210"
RUNS_THE_BOT = ("Plug it into your bot", "Run it as a bot", "Write a policy for a group", "Review what is held")
ON_THEIR_OWN = (
    "Watch it work",
    "Webhook, health and metrics",
    "Scan files",
    "Measure how right it is",
    "Write a validator in ten minutes",
)


def in_sections(*sections: str) -> list[Block]:
    return [block for block in BLOCKS if block.section in sections and block.not_run is None]


def where(block: Block) -> str:
    return f"README.md:{block.line}"


@pytest.fixture
def scripts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return virtual_environment(tmp_path_factory.mktemp("reader") / "venv")


@pytest.fixture
def reader(tmp_path: Path, scripts: Path) -> Reader:
    return Reader(tmp_path, scripts, {})


def test_every_block_is_run_or_says_why_it_is_not() -> None:
    run = Counter(block.language for block in BLOCKS if block.not_run is None)
    not_run = Counter(block.language for block in BLOCKS if block.not_run is not None)
    assert run == {"console": 11, "python": 4, "toml": 3}
    assert not_run == {"sh": 1, "console": 2}
    assert {block.section for block in BLOCKS} == {*RUNS_THE_BOT, *ON_THEIR_OWN}, "a section that no test follows"


def test_every_file_in_it_is_named() -> None:
    assert [where(block) for block in BLOCKS if block.language in ("python", "toml") and block.file is None] == []


@pytest.mark.parametrize("block", [block for block in BLOCKS if block.language == "python"], ids=where)
def test_python_is_python(block: Block) -> None:
    ast.parse(block.text, filename=where(block))


@pytest.mark.parametrize("section", ON_THEIR_OWN)
async def test_following_a_section_does_what_it_shows(section: str, reader: Reader) -> None:
    for block in in_sections(section):
        if block.file is not None:
            reader.write(block)
        else:
            await reader.follow(block)


@contextlib.asynccontextmanager
async def running(reader: Reader, tg: Emulator) -> AsyncIterator[asyncio.subprocess.Process]:
    """The README's bot in a process of its own, talking to the emulator instead of Telegram."""
    launcher = reader.folder / "launch.py"
    launcher.write_text(
        "import bot\n"
        f"builder = bot.ApplicationBuilder().token({tg.token!r})\n"
        f"builder = builder.base_url({tg.base_url!r}).base_file_url({tg.base_file_url!r})\n"
        "bot.build(builder).run_polling()\n"
    )
    process = await asyncio.create_subprocess_exec(
        reader.scripts / "python",
        launcher,
        cwd=reader.folder,
        env=reader.environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGINT)
        await asyncio.wait_for(process.wait(), _PATIENCE)


async def test_the_bot_of_the_readme_guards_a_group(telegram_emulator: Emulator, tmp_path: Path, scripts: Path) -> None:
    tg = telegram_emulator
    ann, mila = tg.user("Ann"), tg.user("Mila")
    group = tg.group("Chess club", members=[ann], admins=[mila], bot_rights=Rights(can_delete_messages=True))
    moderators = tg.group("Moderators", members=[mila], bot_rights=Rights())
    reader = Reader(tmp_path, scripts, {GROUP: str(group.id), MODERATORS: str(moderators.id)})
    review = in_sections("Review what is held")
    for block in in_sections(*RUNS_THE_BOT):
        if block.file is not None:
            reader.write(block)
        elif block not in review:
            await reader.follow(block)

    async with running(reader, tg) as bot:
        await group.post_document(ann, b"Dear all, see you on Monday.", name="letter.txt", mime="text/plain")
        thanks = await group.wait_for(lambda m: m.sender == tg.bot, timeout=_PATIENCE)
        bad = await group.post_document(ann, a_pe(), name="holiday.jpg", mime="image/jpeg")
        await moderators.wait_for(lambda m: m.sender == tg.bot, timeout=_PATIENCE)
        for block in review:
            await reader.follow(block)
        await group.wait_for(lambda m: m.sender == tg.bot and m is not thanks, timeout=_PATIENCE)

    assert thanks.text == "Thank you for the file."
    assert bad.deleted
    assert bot.stdout is not None
    said = (await bot.stdout.read()).decode()
    assert "forward ['text/plain']" in said
    assert "quarantine ['application/vnd.microsoft.portable-executable']" in said
    assert bot.returncode == 0, said


def test_the_policy_of_the_readme_means_what_its_comments_say(reader: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LAZARETTO_TOKEN", raising=False)
    (block,) = [block for block in BLOCKS if block.file and block.file.startswith("config/groups/")]
    reader.write(block)
    (reader.folder / "config/lazaretto.toml").write_text("")
    policy = Configuration.load(reader.folder / "config").policy_of(Place("telegram", GROUP))
    rules = all_rules()
    assert (policy.mode, policy.moderators, policy.max_size) == (Mode.GUARD, MODERATORS, 20_000_000)
    assert policy.action_for(rules["ooxml.macro"])[0] is Action.QUARANTINE
    assert policy.action_for(rules["zip.bomb"])[0] is Action.FLAG
    assert policy.action_for(rules["unscannable.encrypted"])[0] is Action.QUARANTINE
    assert not policy.types.permit("application/x-iso9660-image")


def links() -> Iterator[str]:
    for target in re.findall(r"\]\(([^)]+)\)", README.read_text(encoding="utf-8")):
        if not target.startswith("https://"):
            yield target.partition("#")[0]


def test_links_lead_somewhere() -> None:
    # The wheel is tested with docs and configuration beside it and without the rest of the checkout.
    there = [link for link in links() if (ROOT / ".github").exists() or link.startswith(("docs/", "config/"))]
    assert there
    assert [link for link in there if not (ROOT / link).exists()] == []
