"""How the objects of a PDF hang together: root, pages, bookmarks, revisions. ISO 32000-2, 7.7, 12.3.3, 12.8.

    root --Pages--> node {Kids} ... leaf        and likewise Fields of forms and trees of names: all by /Kids
    outline item --First, Next--> item

A tree is followed by the references that the walk has met, without loading a leaf.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from lazaretto_validators.documents import pdf_risks as risks
from lazaretto_validators.documents import pdf_rules as rules
from lazaretto_validators.documents.pdf_actions import Actions
from lazaretto_validators.documents.pdf_file import PdfFile
from lazaretto_validators.documents.pdf_tokens import Ref, Value
from lazaretto_validators.documents.pdf_walk import Walk
from lazaretto_validators.finding import Finding

__all__ = ["judge_root", "judge_shadow", "judge_trees"]

MAX_LEVELS = 256  # of a tree; writers balance them, and readers recurse
MAX_PAGES = 10_000  # threats BMB-06

_ENTERED, _LEFT = 1, 2


def judge_root(file: PdfFile, root: Value) -> Iterator[Finding]:
    """The catalogue and the top of the page tree."""
    catalog = file.resolve(root)
    if not isinstance(catalog, dict):
        yield rules.NO_CATALOG.found(at=None, where="Root", seen=type(catalog).__name__, allowed="a dictionary")
        return
    pages = file.resolve(catalog.get("Pages"))
    if not isinstance(pages, dict) or not ("Kids" in pages or pages.get("Type") in ("Pages", "Page")):
        yield rules.NO_PAGES.found(at=None, where="Root/Pages", seen=type(pages).__name__, allowed="a tree of pages")


def judge_trees(file: PdfFile, actions: Actions, root: Value) -> Iterator[Finding]:
    """Circles and depths, and how many pages there are."""
    kids = {number: _references(file, value) for number, value in actions.kids.items()}
    loop, depth = _deepest(file, kids)
    if loop:
        yield rules.TREE_LOOP.found(at=None, where=f"object {loop}", seen="it is its own ancestor")
    if depth > MAX_LEVELS:
        yield rules.TREE_DEPTH.found(at=None, where="Kids", seen=f"{depth} levels", allowed=MAX_LEVELS)
    loop, _ = _deepest(file, actions.links)
    if loop:
        yield rules.OUTLINE_LOOP.found(at=None, where=f"object {loop}", seen="it follows itself")
    catalog = file.resolve(root)
    top = catalog.get("Pages") if isinstance(catalog, dict) else None
    if isinstance(top, Ref) and top.number in kids:
        yield from _judge_count(file, kids, top)


def _references(file: PdfFile, value: Value) -> list[int]:
    resolved = file.resolve(value)
    return [ref.number for ref in resolved if isinstance(ref, Ref)] if isinstance(resolved, list) else []


def _deepest(file: PdfFile, graph: Mapping[int, list[int]]) -> tuple[int, int]:
    """A node that leads back to itself, or 0, and the length of the longest way down. Nothing recurses here."""
    state: dict[int, int] = {}
    levels: dict[int, int] = {}
    deepest = 0
    for start in graph:
        if start in state:
            continue
        path = [(start, iter(graph[start]))]
        state[start] = _ENTERED
        while path:
            node, rest = path[-1]
            following = next((n for n in rest if n in graph and state.get(n) != _LEFT), None)
            if following is None:
                file.screening.spend()
                state[node] = _LEFT
                levels[node] = 1 + max((levels.get(n, 0) for n in graph[node]), default=0)
                deepest = max(deepest, levels[node])
                path.pop()
            elif state.get(following) == _ENTERED:
                return following, deepest
            else:
                state[following] = _ENTERED
                path.append((following, iter(graph[following])))
    return 0, deepest


def _judge_count(file: PdfFile, kids: Mapping[int, list[int]], top: Ref) -> Iterator[Finding]:
    leaves, waiting, seen = 0, [top.number], {top.number}
    while waiting:
        inner = kids[waiting.pop()]
        nodes = [n for n in inner if n in kids and n not in seen]
        leaves += sum(n not in kids for n in inner)
        seen.update(nodes)
        waiting += nodes
    pages = file.resolve(top)
    told = file.resolve(pages.get("Count")) if isinstance(pages, dict) else None
    if told != leaves:
        yield rules.PAGE_COUNT.found(at=None, where="Root/Pages", seen=told, allowed=leaves)
    if leaves > MAX_PAGES:
        yield rules.MANY_OBJECTS.found(at=None, where="Root/Pages", seen=f"{leaves} pages", allowed=MAX_PAGES)


def judge_shadow(file: PdfFile, walk: Walk, actions: Actions, redefined: dict[int, int]) -> Iterator[Finding]:
    """What a later revision changes of a signed document: 12.8.1, threats PDF-25.

    redefined: offset of the last definition of each object that is defined more than once.
    """
    ends = [file.begin + end for covered in actions.signatures if (end := _end_of_range(covered))]
    if not ends or not walk.marks or max(ends) >= walk.marks[-1] - 16:
        return
    signed = max(ends)
    for number, at in redefined.items():
        found = file.object_at(at) if at >= signed else None
        if found is None:
            continue
        kind = found.dictionary.get("Type")
        contents = found.data_at >= 0 and kind is None and "Subtype" not in found.dictionary
        if contents or kind in ("Pages", "Font"):
            yield risks.SHADOW.found(at=at, where=f"object {number}", seen=kind or "contents of a page")
            return


def _end_of_range(covered: list[Value]) -> int:
    """Where the second stretch ends that a signature covers: begin, length, begin, length."""
    begin, length = covered[2:4] if len(covered) == 4 else (0, 0)
    return begin + length if isinstance(begin, int) and isinstance(length, int) else 0
