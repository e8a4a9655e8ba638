"""Nothing that the code says goes past the catalogues, and nothing that a stranger wrote past the escaping.

What these checks of the code cannot see: text that reaches Telegram through a variable of another function's making is
taken by its annotation, which mypy holds; a literal that is kept in a variable and sent without `say` is not found; nor
is one that the library is given under a name that is not in `SENDING`. Of a pair that holds HTML each half is taken for
it.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

CODE = Path(__file__).parents[1] / "bot" / "lazaretto"
SPEAKING = {"say", "html", "many", "many_html", "N_"}
SENDING = {
    "BotCommand",
    "InlineKeyboardButton",
    "KeyboardButton",
    "answer",
    "answer_callback_query",
    "edit_message_caption",
    "edit_message_text",
    "send_message",
}
TEXT_OF = {"text", "caption", "description"}


@cache
def modules() -> dict[str, ast.Module]:
    """What speaks to people in chats."""
    files = (path for path in CODE.rglob("*.py") if path.relative_to(CODE).parts[0] not in {"emulator", "cli"})
    return {path.relative_to(CODE).as_posix(): ast.parse(path.read_text(encoding="utf-8")) for path in files}


def calls(tree: ast.AST) -> Iterator[tuple[str, ast.Call]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name | ast.Attribute):
            yield node.func.id if isinstance(node.func, ast.Name) else node.func.attr, node


def is_put_together(node: ast.expr) -> bool:
    """Is it a text that is made while the program runs, so that no catalogue can have it?"""
    if isinstance(node, ast.JoinedStr):
        return any(isinstance(part, ast.FormattedValue) for part in node.values)
    is_format = (
        isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in {"format", "join"}
    )
    return isinstance(node, ast.BinOp) or is_format


def has_words(node: ast.expr) -> bool:
    """Does it hold words of ours?"""
    literals = [part.value for part in ast.walk(node) if isinstance(part, ast.Constant) and isinstance(part.value, str)]
    return isinstance(node, ast.Constant | ast.JoinedStr | ast.BinOp) and any(
        re.search("[A-Za-z]{2}", re.sub("<[^<>]*>", "", literal)) for literal in literals
    )


def spoken_but_unfindable(tree: ast.AST) -> list[int]:
    return [
        call.lineno
        for name, call in calls(tree)
        if name in SPEAKING and any(is_put_together(argument) for argument in call.args[:2])
    ]


def sent_but_unspoken(tree: ast.AST) -> list[int]:
    return [
        call.lineno
        for name, call in calls(tree)
        if name in SENDING
        and any(has_words(a) for a in [*call.args, *(k.value for k in call.keywords if k.arg in TEXT_OF)])
    ]


def made_html(tree: ast.AST) -> list[int]:
    """Where something that is no constant is called HTML."""
    return [
        call.lineno
        for name, call in calls(tree)
        if name == "Html" and not all(_is_escaped(argument) for argument in call.args)
    ]


def _is_escaped(node: ast.expr) -> bool:
    is_escape = isinstance(node, ast.Call) and ast.unparse(node.func) == "escape"
    return isinstance(node, ast.Constant) or is_escape


@cache
def html_makers() -> frozenset[str]:
    """Names of functions that answer Html, alone or with something else."""
    return frozenset(
        node.name
        for tree in modules().values()
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and _is_html(node.returns)
    )


@cache
def _html_types() -> frozenset[str]:
    """`Html`, and names of types that are made of it: `Page = tuple[Html, InlineKeyboardMarkup | None]`."""
    assigned = (node for tree in modules().values() for node in tree.body if isinstance(node, ast.Assign))
    made = (node for node in assigned if isinstance(node.value, ast.Subscript | ast.BinOp))
    return frozenset({"Html"}.union(*(_names(t) for n in made if "Html" in _names(n.value) for t in n.targets)))


def _names(node: ast.AST) -> set[str]:
    return {found.id for found in ast.walk(node) if isinstance(found, ast.Name)}


def _is_html(annotation: ast.expr | None) -> bool:
    return annotation is not None and bool(_names(annotation) & _html_types())


def sent_as_html(tree: ast.AST) -> list[int]:
    """Where something is sent as HTML that its annotation does not say to be HTML."""
    wrong = []
    for function in ast.walk(tree):
        if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        arguments = [*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs]
        known = {argument.arg for argument in arguments if _is_html(argument.annotation)} | _annotated(tree)
        known = _bound(function, _bound(function, known))
        for _, call in calls(function):
            if any(k.arg == "parse_mode" and ast.unparse(k.value) == "ParseMode.HTML" for k in call.keywords):
                texts_sent = [*call.args, *(k.value for k in call.keywords if k.arg in TEXT_OF)]
                if not any(_says_html(text, known) for text in texts_sent):
                    wrong.append(call.lineno)
    return sorted(set(wrong))


def _annotated(tree: ast.AST) -> set[str]:
    """What is said to be HTML where it is given a value: `self._caption: Html = ...`."""
    found = (node for node in ast.walk(tree) if isinstance(node, ast.AnnAssign) and _is_html(node.annotation))
    return {ast.unparse(node.target) for node in found}


def _bound(function: ast.AST, known: set[str]) -> set[str]:
    """What is given such a value in the function, by itself or as one of several."""
    found = (node for node in ast.walk(function) if isinstance(node, ast.Assign) and _says_html(node.value, known))
    targets = {target for node in found for target in node.targets}
    several = {element for target in targets if isinstance(target, ast.Tuple) for element in target.elts}
    return known | {ast.unparse(target) for target in targets | several}


def _says_html(node: ast.expr, known: set[str]) -> bool:
    if isinstance(node, ast.BoolOp):
        return any(_says_html(value, known) for value in node.values)
    if isinstance(node, ast.IfExp):
        return _says_html(node.body, known) or _says_html(node.orelse, known)
    if isinstance(node, ast.Await | ast.Subscript):
        return _says_html(node.value, known)
    if isinstance(node, ast.Tuple):
        return any(_says_html(element, known) for element in node.elts)
    if isinstance(node, ast.Call):
        name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
        return name in html_makers()
    return ast.unparse(node) in known


CHECKS = {
    "a text that no catalogue can have": (spoken_but_unfindable, 'say(f"{count} files")'),
    "words that go past the catalogue": (sent_but_unspoken, 'bot.send_message(chat, f"There are {count} files")'),
    "a button that goes past it": (sent_but_unspoken, 'InlineKeyboardButton("Release", callback_data="x")'),
    "HTML that may hold a stranger's text": (made_html, 'Html(f"<b>{name}</b>")'),
    "HTML that nothing says to be HTML": (
        sent_as_html,
        "def send(bot, text: str):\n    bot.send_message(1, text, parse_mode=ParseMode.HTML)",
    ),
}


@pytest.mark.parametrize(("check", "fault"), CHECKS.values(), ids=CHECKS)
def test_nothing_goes_past_the_catalogues_and_nothing_past_the_escaping(check: Any, fault: str) -> None:
    assert check(ast.parse(fault)), "the check does not see what it is for"
    trees = {name: tree for name, tree in modules().items() if name != "languages.py"}
    found = [f"{name}:{line}" for name, tree in trees.items() for line in check(tree)]
    assert found == []


def test_the_checks_let_what_is_right_pass() -> None:
    right = ast.parse(
        "def send(bot, text: Html, say):\n    bot.send_message(1, text, parse_mode=ParseMode.HTML)\n"
        '    bot.send_message(1, say("There are {count} files", count=3))\n'
        '    InlineKeyboardButton(say("Release"), callback_data="release")\n    Html("\\n").join([text])\n'
    )
    assert [check(right) for check, _ in CHECKS.values()] == [[]] * len(CHECKS)
