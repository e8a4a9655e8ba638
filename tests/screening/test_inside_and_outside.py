"""Behind the lock every validator finds what it finds outside: no import, codec or file that it would need is missing.

The workers are `strict`: what the filter would refuse ends them, so that a refusal that somebody catches shows as well.
"""

from __future__ import annotations

import asyncio
import csv
import importlib
import os
import pkgutil
from collections.abc import Iterable, Sequence
from pathlib import Path

import pytest

import carriers
from lazaretto.model import Claim, Report
from lazaretto.screening import WorkerScreener
from lazaretto.screening.in_process import screen_in_process
from lazaretto.screening.sandbox.zygote_backend import ZygoteBackend
from lazaretto_validators import Limits, default_registry
from lazaretto_validators.testing import Case

MODULES = tuple(importlib.import_module(f"carriers.{m.name}") for m in pkgutil.iter_modules(carriers.__path__))
CASES: tuple[Case, ...] = tuple(case for module in MODULES for case in getattr(module, "CASES", ()))
NAMES = ("file.bin", "täglich.TXT", "\u202egpj.exe", "archiv.tar.gz")

ROOT = Path(__file__).parents[2]


def files_of_the_tests(*, all_mutated: bool) -> dict[bytes, Limits]:
    """Every validator's example, each case's broken file and its twin, and what mutation makes of the examples, or of
    all."""
    files = {judge.example: Limits() for judge in default_registry().validators}
    examples = list(files)
    for case in CASES:
        files.update({data: case.limits or Limits() for data in (case.broken, case.repaired)})
    for data in list(files) if all_mutated else examples:
        for at in range(0, len(data), max(1, len(data) // 8)):
            files.setdefault(data[:at] + bytes([data[at] ^ 0xFF]) + data[at + 1 :], files[data])
    return files


def strict(folder: Path, limits: Limits) -> WorkerScreener:
    return WorkerScreener(folder / "spool", workers=4, limits=limits, backend=ZygoteBackend(flags=["strict"]))


async def differing(
    screener: WorkerScreener, files: Iterable[tuple[Path, str]], limits: Limits | None = None
) -> Sequence[str]:
    """The files about which the two sides disagree."""

    async def compare(path: Path, name: str) -> str | None:
        claim = Claim(name=name)
        inside, outside = await screener.screen_file(path, claim), screen_in_process(path, claim, limits)
        return None if told(inside) == told(outside) else f"{path.name}: {told(inside)} != {told(outside)}"

    compared = await asyncio.gather(*(compare(path, name) for path, name in files))
    return [difference for difference in compared if difference]


def told(report: Report) -> tuple[object, ...]:
    """All of a report but the layers, which are the difference between the two sides."""
    return report.media_type, report.size, report.sha256, report.findings, report.total, report.coverage


@pytest.mark.parametrize("all_mutated", [False, pytest.param(True, marks=pytest.mark.long)], ids=["as-made", "mutated"])
async def test_every_file_of_the_tests_gets_the_same_report(tmp_path: Path, all_mutated: bool) -> None:
    files = files_of_the_tests(all_mutated=all_mutated)
    assert len(files) > 1000
    groups: dict[Limits, list[tuple[Path, str]]] = {}
    for number, (data, limits) in enumerate(files.items()):
        path = tmp_path / f"{number}"
        path.write_bytes(data)
        groups.setdefault(limits, []).append((path, NAMES[number % len(NAMES)]))
    assert len(groups) > 1  # some files have limits of their own
    for limits, paths in groups.items():
        async with strict(tmp_path, limits) as screener:
            assert await differing(screener, paths, limits) == []


def shared_corpus() -> Path | None:
    """The folder of the manifest, if it is here."""
    told = os.environ.get("LAZARETTO_CORPUS")
    folder = Path(told) if told else ROOT.parent / "shared" / "corpus"
    return folder if (folder / "manifest.csv").exists() else None


@pytest.mark.long
async def test_every_file_of_the_shared_corpus_gets_the_same_report(tmp_path: Path) -> None:
    corpus = shared_corpus()
    if corpus is None:
        pytest.skip("no shared corpus: set LAZARETTO_CORPUS to its folder")
    with (corpus / "manifest.csv").open(newline="", encoding="utf-8") as manifest:
        paths = [corpus / row["path"] for row in csv.DictReader(manifest)]
    assert len(paths) > 1000
    async with strict(tmp_path, Limits()) as screener:
        assert await differing(screener, [(path, path.name) for path in paths]) == []
