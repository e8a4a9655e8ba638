"""The configuration's files: `lazaretto.toml`, and `groups/<id>.toml` beside it."""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lazaretto.policy.problems import ConfigError, Problem
from lazaretto.policy.values import identifier

__all__ = ["GROUPS", "MAIN", "Tree", "fingerprint", "read_file", "read_tree", "watched"]

MAIN = "lazaretto.toml"
GROUPS = "groups"
_EXAMPLE = "example.toml"
"""Shipped beside the groups' files, and no group's."""

_LINE = re.compile(r"\s*\(at line (\d+), column (\d+)\)")


@dataclass(frozen=True, slots=True)
class Tree:
    """What the files hold. main: its name and tables. groups: name and tables of each group's file, by id."""

    main: tuple[str, Mapping[str, Any]]
    groups: Mapping[str, tuple[str, Mapping[str, Any]]]


def main_file(source: Path) -> Path:
    """`lazaretto.toml`, of a path that is either itself or its folder."""
    return source / MAIN if source.is_dir() else source


def read_tree(source: Path) -> Tree:
    """Read all files. Raises ConfigError with the problems of all of them."""
    main = main_file(source)
    problems: list[Problem] = []
    tables = _table(main, problems)
    groups = {}
    for file in _group_files(main.parent / GROUPS):
        try:
            groups[identifier(file.stem)] = (str(file), _table(file, problems))
        except ValueError:
            remedy = f"name it after the group, such as {GROUPS}/-1001234567890.toml"
            problems.append(Problem(str(file), "", "the file's name is not the id of a group", remedy))
    if problems:
        raise ConfigError(problems)
    return Tree((str(main), tables), groups)


def read_file(file: Path) -> Mapping[str, Any]:
    """Read one group's file, wherever it lies. Raises ConfigError."""
    problems: list[Problem] = []
    tables = _table(file, problems)
    if problems:
        raise ConfigError(problems)
    return tables


def _group_files(folder: Path) -> Iterator[Path]:
    for file in sorted(folder.glob("*.toml")):
        if file.name != _EXAMPLE and not file.name.startswith("."):
            yield file


def _table(file: Path, problems: list[Problem]) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_bytes().decode("utf-8-sig"))
    except FileNotFoundError:
        remedy = f"write it (config/lazaretto.example.toml explains every key), or name the folder that has {MAIN}"
        problems.append(Problem(str(file), "", "there is no such file", remedy))
    except OSError as error:
        remedy = "check the path, and that the bot's user may read it"
        problems.append(Problem(str(file), "", f"cannot be read ({error.strerror})", remedy))
    except UnicodeDecodeError as error:
        problems.append(Problem(str(file), f"byte {error.start}", "is not UTF-8 text", "save the file as UTF-8"))
    except tomllib.TOMLDecodeError as error:
        problems.append(_syntax(file, str(error)))
    return {}


def _syntax(file: Path, message: str) -> Problem:
    at = _LINE.search(message)
    key = f"line {at[1]}, column {at[2]}" if at else "at its end"
    what = _LINE.sub("", message).removesuffix(" (at end of document)")
    remedy = 'put it right: one `key = value` a line, text in "quotes", each key once'
    return Problem(str(file), key, f"is not TOML ({what})", remedy)


def fingerprint(source: Path) -> str:
    """Changes whenever a file comes, goes, or has other contents or another reason why it cannot be read."""
    main = main_file(source)
    digest = hashlib.sha256()
    for file in (main, *_group_files(main.parent / GROUPS)):
        try:
            contents = file.read_bytes()
        except OSError as error:
            contents = f"errno {error.errno}".encode()
        digest.update(str(file).encode("utf-8", "surrogateescape") + b"\0" + hashlib.sha256(contents).digest())
    return digest.hexdigest()


def watched(source: Path) -> tuple[Path, ...]:
    """The folders to watch, those that there are."""
    folder = main_file(source).parent
    return tuple(path for path in (folder, folder / GROUPS) if path.is_dir())
