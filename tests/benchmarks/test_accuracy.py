"""The gate that lets accuracy only get better, and the page that is written from what was reached."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from benchmarks.accuracy import __main__ as accuracy
from benchmarks.accuracy import page, reached
from benchmarks.accuracy.corpus import VARIABLE, find_corpus
from benchmarks.accuracy.oracles import complaint

from carriers.png import png

pytestmark = pytest.mark.checkout

Figures = dict[str, Any]


def counts(total: int, blocked: int, flagged: int) -> dict[str, int]:
    return {"total": total, "blocked": blocked, "flagged": flagged, "unscannable": 0}


def figures() -> Figures:
    return {
        "crashes": 0,
        "benign": counts(100, 1, 2),
        "hostile": {**counts(10, 8, 1), "by_class": {"polyglot": counts(10, 8, 1)}},
        "malformed": {**counts(10, 5, 2), "by_class": {"": counts(10, 5, 2)}},
        "by_format": {"png": {"benign": counts(100, 1, 2), "hostile": counts(10, 8, 1)}},
    }


def test_the_same_figures_are_not_worse() -> None:
    assert list(reached.fallen_behind(figures(), figures())) == []


def _crash(now: Figures) -> None:
    now["crashes"] = 1


def _one_more_benign_flagged(now: Figures) -> None:
    now["benign"]["flagged"] += 1


def _one_less_blocked_of_a_class(now: Figures) -> None:
    now["hostile"]["by_class"]["polyglot"] = counts(10, 7, 2)


def _one_less_caught_of_the_malformed(now: Figures) -> None:
    now["malformed"]["by_class"][""] = counts(10, 5, 1)


def _one_format_worse(now: Figures) -> None:
    now["by_format"]["png"]["hostile"] = counts(10, 7, 2)


def _a_kind_is_gone(now: Figures) -> None:
    del now["by_format"]["png"]["hostile"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (_crash, "1 files ended their worker"),
        (_one_more_benign_flagged, "all benign : 4 of 100 blocked or flagged, before 3 of 100"),
        (_one_less_blocked_of_a_class, "class hostile polyglot: 7 of 10 blocked, before 8 of 10"),
        (_one_less_caught_of_the_malformed, "class malformed : 6 of 10 blocked or flagged, before 7 of 10"),
        (_one_format_worse, "format hostile png: 7 of 10 blocked, before 8 of 10"),
        (_a_kind_is_gone, "format hostile png: there were 10 files of this kind"),
    ],
)
def test_whatever_gets_worse_is_said(change: Callable[[Figures], None], said: str) -> None:
    now = deepcopy(figures())
    change(now)
    [sentence] = reached.fallen_behind(now, figures())
    assert sentence.startswith(said)


def test_shares_count_and_not_numbers_so_that_a_corpus_may_grow() -> None:
    now = figures()
    now["hostile"]["by_class"]["polyglot"] = counts(20, 16, 2)
    now["by_format"]["gif"] = {"benign": counts(5, 5, 0)}
    assert list(reached.fallen_behind(now, figures())) == []


def test_the_page_is_written_from_what_was_reached() -> None:
    assert page.FILE.read_text(encoding="utf-8") == page.page(reached.load())


def test_the_page_shows_every_format_beside_the_peers() -> None:
    kept = reached.load()
    rows = [line.split(" | ") for line in page.FILE.read_text(encoding="utf-8").splitlines()]
    shown = {(row[0].removeprefix("| "), row[1]) for row in rows if len(row) == 5 + len(kept["peers"])}
    assert {(name, label) for name, labels in kept["by_format"].items() for label in labels} <= shown


def test_every_class_of_the_page_is_explained_to_whoever_does_not_know_the_corpus() -> None:
    kept = reached.load()
    names = {
        f"{label} {kind or '(no class)'}" for label in ("hostile", "malformed") for kind in kept[label]["by_class"]
    }
    assert names - set(page._CLASSES) == set()


def test_without_a_corpus_that_is_said_loudly(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(accuracy, "find_corpus", lambda: None)
    assert accuracy.main([]) == 0
    assert "NO CORPUS: accuracy was NOT measured" in capsys.readouterr().err
    assert accuracy.main(["--write"]) == 2


def test_a_variable_that_leads_nowhere_is_an_error_and_no_absence(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    with pytest.raises(FileNotFoundError, match=VARIABLE):
        find_corpus()
    assert accuracy.main([]) == 2
    (tmp_path / "manifest.csv").write_text("path,label,class,ext\n")
    assert find_corpus() == tmp_path / "manifest.csv"


def test_a_gate_over_a_small_corpus_runs_from_end_to_end(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "good.png").write_bytes(png())
    (tmp_path / "manifest.csv").write_text("path,label,class,ext\ngood.png,benign,,png\n")
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    monkeypatch.setattr(reached, "FILE", tmp_path / "reached.json")
    assert accuracy.main([]) == 0
    assert "benign: 0 blocked and 0 flagged of 1" in capsys.readouterr().out
    reached.store(
        {
            **figures(),
            "benign": counts(1, 0, 1),
            "hostile": counts(0, 0, 0) | {"by_class": {}},
            "malformed": counts(0, 0, 0) | {"by_class": {}},
            "by_format": {},
        }
    )
    assert accuracy.main([]) == 0
    assert "shares are better or new: keep them with --write" in capsys.readouterr().out
    reached.store({**figures(), "hostile": counts(0, 0, 0) | {"by_class": {"bomb": counts(1, 1, 0)}}})
    assert accuracy.main([]) == 1
    assert "worse: class hostile bomb" in capsys.readouterr().err


def test_figures_of_a_corpus_that_is_not_all_there_are_compared_with_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "manifest.csv").write_text("path,label,class,ext\ngone.png,benign,,png\n")
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    assert accuracy.main([]) == 2
    assert "error: lazaretto evaluate ended with status 2" in capsys.readouterr().err


def test_a_decoder_complains_in_its_own_words_and_only_of_what_is_damaged(tmp_path: Path) -> None:
    sound, broken = tmp_path / "sound.gif.png", tmp_path / "broken.png"
    sound.write_bytes(png())
    broken.write_bytes(png()[:40])
    assert complaint(broken, "png").startswith("Pillow: ")
    assert str(tmp_path) not in complaint(broken, "png")
    assert complaint(sound, "png") == "no decoder at hand complains"
