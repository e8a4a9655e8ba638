"""How much a drawing grows when its copies are made: `use` shows another element again, with the copies in that one.

    cost(element) = 1 + cost of each element in it + cost of each element that a `use` in it names

Ten copies of ten copies of ... are a hundred bytes a level and ten times the work: the billion laughs without entities
(SVG 2 5.6, threats SVG-06). Only elements with an `id` can be copied, so the rest is counted with the nearest of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from lazaretto_validators.documents.xml_tokens import Tag
from lazaretto_validators.finding import Rule
from lazaretto_validators.images import svg_rules as rules

__all__ = ["MAX_WORK", "Copies"]

MAX_WORK = 1_000_000
"""Elements that are drawn, copies included (threats SVG-06)."""


@dataclass(slots=True)
class _Named:
    """An element with an id: its own elements, and the ids of what is drawn in it besides."""

    at: int
    elements: int = 1
    drawn: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Copies:
    """The elements that can be copied, and who copies whom."""

    _named: dict[str, _Named] = field(default_factory=lambda: {"": _Named(0)})
    _within: list[str] = field(default_factory=lambda: [""])

    def begin(self, name: str, tag: Tag) -> None:
        """An element begins."""
        around, identity = self._within[-1], tag.attributes.get("id", "")
        if identity and identity not in self._named:
            self._named[identity] = _Named(tag.at)
            self._named[around].drawn.append(identity)
            self._within.append(identity)
        else:
            self._named[around].elements += 1
            self._within.append(around)
        target = tag.attributes.get("href", "").strip()
        if name == "use" and target.startswith("#") and target != "#":  # without an id it names nothing
            self._named[self._within[-1]].drawn.append(target[1:])

    def close(self) -> None:
        """The innermost open element ends."""
        self._within.pop()

    def judged(self) -> Iterator[tuple[Rule, int, str, str]]:
        """What is wrong with the copies: rule, index in the text, place, what was seen."""
        cost: dict[str, int] = {}
        for first in self._named:
            if (loop := self._count(first, cost)) is not None:
                yield rules.USE_LOOP, self._named[loop].at, "use", f"#{loop}"
                return
        if cost[""] > MAX_WORK:
            yield rules.GROWTH, 0, "use", f"{cost['']} elements are drawn"

    def _count(self, first: str, cost: dict[str, int]) -> str | None:
        """Fill in the cost of `first` and of all that it draws. Answers an id that draws itself, if one does."""
        stack, open_ids = [first], set[str]()
        while stack:
            identity = stack[-1]
            if identity in cost:
                stack.pop()
                continue
            drawn = [target for target in self._named[identity].drawn if target in self._named]
            waiting = [target for target in drawn if target not in cost]
            if not waiting:
                total = self._named[identity].elements + sum(cost[target] for target in drawn)
                cost[identity] = min(total, 1000 * MAX_WORK)
                open_ids.discard(identity)
                stack.pop()
                continue
            open_ids.add(identity)
            if (loop := next((target for target in waiting if target in open_ids), None)) is not None:
                return loop
            stack += dict.fromkeys(waiting)
        return None
