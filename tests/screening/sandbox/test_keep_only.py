"""Moving a worker's descriptors to their places, wherever they were."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

Run = Callable[..., dict[str, Any]]

STANDARD = {"0": 0, "1": 1, "2": 2}


@pytest.mark.parametrize(
    "descriptors",
    [[], [3], [9], [3, 4], [4, 3], [4, 9], [9, 3], [12, 11], [5, 4, 3], [4, 5, 3], [7, 7], [4, 4], [12, 3, 4, 5]],
    ids=str,
)
@pytest.mark.parametrize("function", ["keep", "keep_without_close_range"])
def test_each_comes_to_its_place(locked: Run, function: str, descriptors: list[int]) -> None:
    kept = locked(function, descriptors=descriptors)
    assert kept == STANDARD | {str(place): was for place, was in enumerate(descriptors, 3)}
