"""docs/emulator.md: its example is the one that runs, and what it names exists."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable

import pytest

from lazaretto.emulator import BusinessConnection, Chat, Emulator, Faults, User
from markdown_blocks import ROOT

GUIDE = (ROOT / "docs" / "emulator.md").read_text(encoding="utf-8")
SWITCHES = {name for name, _ in inspect.getmembers(Faults, inspect.isfunction) if not name.startswith(("_", "for_"))}


def test_the_example_is_the_one_that_runs() -> None:
    (shown,) = re.findall(r"^~~~python\n(.*?)^~~~$", GUIDE, re.MULTILINE | re.DOTALL)
    assert shown == (ROOT / "tests" / "emulator" / "test_example_bot.py").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("name", "holder", "of_the_instance"), [("tg", Emulator, {"faults", "token"}), ("chat", Chat, set())]
)
def test_what_it_calls_exists(name: str, holder: type, of_the_instance: set[str]) -> None:
    called = set(re.findall(rf"\b{name}\.(\w+)", GUIDE.replace("chat.id", "")))
    assert len(called) > 10
    assert {attribute for attribute in called if not hasattr(holder, attribute)} == of_the_instance


def test_every_switch_for_faults_is_explained() -> None:
    table = GUIDE.partition("## When things go wrong")[2].partition("\n## ")[0]
    shown = dict(re.findall(r"`(\w+)\((.*?)\)`", "\n".join(re.findall(r"^\|.*?\|", table, re.MULTILINE))))
    assert shown == {name: parameters(getattr(Faults, name)) for name in SWITCHES}


def parameters(method: Callable[..., object]) -> str:
    """As the guide writes them: with an equals sign where they may be left out."""
    _, *taken = inspect.signature(method).parameters.values()
    return ", ".join(p.name if p.default is p.empty else f"{p.name}=" for p in taken)


def test_every_way_to_make_people_and_chats_is_explained() -> None:
    made = {Chat, User, BusinessConnection}
    methods = inspect.getmembers(Emulator, inspect.isfunction)
    makers = {name for name, method in methods if inspect.signature(method).return_annotation in made}
    assert set(re.findall(r"^\| `tg\.(\w+)\(", GUIDE, re.MULTILINE)) == makers
