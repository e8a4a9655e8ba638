"""The fenced blocks of a Markdown page, and running the console ones as a reader would.

<!-- not run: why -->          on the line above a block: nothing runs it
<!-- file: bot.py -->          on the line above a block: its text is that file
$ command                      in a console block: run by bash in the reader's folder, and must succeed
...                            in a console block: any output; every other line must occur, in this order
"""

from __future__ import annotations

import asyncio
import os
import re
import sysconfig
import venv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

__all__ = ["ROOT", "Block", "Reader", "blocks_of", "virtual_environment"]

ROOT = Path(__file__).parent.parent
_MARK = re.compile(r"<!-- (not run|file): (.+) -->")
_STEP = "=== the next command ==="
_SECONDS = 90.0


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block. section: the heading that it stands under. line: of its fence, from 1."""

    language: str
    text: str
    section: str
    line: int
    not_run: str | None = None
    file: str | None = None


def blocks_of(page: Path) -> list[Block]:
    """The page's blocks, in order. Raises ValueError for a fence that is not closed."""
    return list(_blocks(page.read_text(encoding="utf-8").splitlines(), page))


def _blocks(lines: list[str], page: Path) -> Iterator[Block]:
    section, fence = "", 0
    mark: re.Match[str] | None = None
    for number, line in enumerate(lines, 1):
        if fence:
            if line == "```":
                kind, value = (mark[1], mark[2]) if mark else ("", None)
                text = "".join(f"{inner}\n" for inner in lines[fence : number - 1])
                reason, file = (value if kind == "not run" else None), (value if kind == "file" else None)
                yield Block(lines[fence - 1].removeprefix("```"), text, section, fence, reason, file)
                fence = 0
        elif line.startswith("```"):
            fence, mark = number, _MARK.fullmatch(lines[number - 2]) if number > 1 else None
        elif line.startswith("## "):
            section = line.removeprefix("## ")
    if fence:
        raise ValueError(f"{page.name}, line {fence}: the block is not closed")


def virtual_environment(folder: Path) -> Path:
    """A reader's environment in `folder`: all that is installed here, and room for packages of theirs. Its bin/."""
    venv.create(folder, with_pip=False, symlinks=True)
    scripts = folder / "bin"
    (packages,) = (folder / "lib").glob("python*/site-packages")
    ours = sysconfig.get_path("purelib")
    # addsitedir and not a path alone: an editable install is itself a .pth file over there.
    (packages / "installed.pth").write_text(f"import site; site.addsitedir({ours!r})\n")
    for name, call in {
        "lazaretto": "from lazaretto.cli import main; main()",
        "pip": "from pip._internal.cli.main import main; raise SystemExit(main())",
        "pytest": "import pytest; raise SystemExit(pytest.console_main())",
    }.items():
        script = scripts / name
        script.write_text(f"#!{scripts / 'python'}\n{call}\n")
        script.chmod(0o755)
    return scripts


@dataclass(frozen=True)
class Reader:
    """Somebody who follows a page: a folder, an environment, and real ids in the place of the page's made-up ones."""

    folder: Path
    scripts: Path
    ids: Mapping[str, str]

    @property
    def environment(self) -> dict[str, str]:
        """No configuration of this machine's, nothing from a package index, and no colours."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("LAZARETTO_", "PYTEST_"))}
        # What pip calls PIP_NO_BUILD_ISOLATION is the value of --build-isolation: 0 turns it off.
        pip = {"PIP_NO_INDEX": "1", "PIP_NO_BUILD_ISOLATION": "0", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
        path = f"{self.scripts}{os.pathsep}{os.environ['PATH']}"
        return {**kept, **pip, "PATH": path, "COLUMNS": "200", "NO_COLOR": "1", "TERM": "dumb"}

    def real(self, text: str) -> str:
        """`text` with real ids."""
        for made_up, real in self.ids.items():
            text = text.replace(made_up, real)
        return text

    def write(self, block: Block) -> Path:
        """Write a block that is a file."""
        assert block.file is not None
        path = self.folder / self.real(block.file)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(self.real(block.text), encoding="utf-8")
        return path

    async def follow(self, block: Block) -> None:
        """Run a console block's commands in one shell. AssertionError for a command that fails or says otherwise."""
        steps = _steps(self.real(block.text), block)
        script = "".join(f"{command}\nstatus=$?\necho\necho '{_STEP}' $status\n" for command, _ in steps)
        process = await asyncio.create_subprocess_exec(
            "bash",
            "-c",
            script,
            cwd=self.folder,
            env=self.environment,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        try:
            output, _ = await asyncio.wait_for(process.communicate(), _SECONDS)
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        _compare(steps, output.decode(), block)


def _steps(text: str, block: Block) -> list[tuple[str, list[str]]]:
    """Commands, and the lines shown below each."""
    steps: list[tuple[str, list[str]]] = []
    for line in text.splitlines():
        if line.startswith("$ "):
            steps.append((line.removeprefix("$ "), []))
        elif not steps:
            raise AssertionError(f"line {block.line}: the console block begins with output, not with a command")
        else:
            steps[-1][1].append(line)
    return steps


def _compare(steps: list[tuple[str, list[str]]], output: str, block: Block) -> None:
    answers = re.split(rf"^{_STEP} (\d+)\n", output, flags=re.MULTILINE)
    said = dict(enumerate(zip(answers[0::2], answers[1::2], strict=False)))
    for number, (command, shown) in enumerate(steps):
        where = f"line {block.line}, `{command}`"
        assert number in said, f"{where} was never run: {output}"
        text, status = said[number]
        assert status == "0", f"{where} ended with status {status}:\n{text}"
        lines = iter([" ".join(line.split()) for line in text.splitlines()])
        for line in shown:
            wanted = " ".join(line.split()).removesuffix("...").rstrip()
            if not wanted:
                continue
            assert any(found.startswith(wanted) for found in lines), f"{where} does not say {line!r}:\n{text}"
