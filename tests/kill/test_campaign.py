"""The kill campaign: many attachments, many kills, and at the end nothing is lost and nothing came twice."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from kill.campaign import campaigned
from kill.campaign_judged import judged
from kill.campaign_plan import made
from kill.stage import Nursery

_SEED = "LAZARETTO_CAMPAIGN_SEED"
_SEEDS = [int(os.environ[_SEED])] if _SEED in os.environ else [1]


@pytest.fixture
async def nursery() -> AsyncIterator[Nursery]:
    async with Nursery.open() as opened:
        yield opened


async def _campaign(nursery: Nursery, folder: Path, name: str, seed: int, attachments: int, kills: int) -> None:
    plan = made(seed, attachments, kills)
    again = f"{_SEED}={seed} .venv/bin/python -m pytest -m 'long or not long' tests/kill/test_campaign.py -k {name}"
    try:
        async with campaigned(nursery, folder, plan, webhook="webhook" in name) as campaign:
            await campaign.run(patience=60.0)
            found = await judged(campaign)
    except AssertionError as error:
        raise AssertionError(f"seed {seed}: {error}\nagain: {again}") from error
    told = f"seed {seed}: {len(campaign.posted)} files posted, {len(campaign.killed_at)} kills, {found}"
    print(told)
    assert not found.faults, "\n".join((told, *found.faults, f"again: {again}"))
    assert {"forward", "flag", "quarantine", "reject"} <= found.shares.keys()
    assert found.interrupted >= kills // 2, f"{told}\nthe kills came when nothing was under way: they prove nothing"


@pytest.mark.parametrize("seed", _SEEDS)
async def test_a_short_campaign_loses_nothing(nursery: Nursery, tmp_path: Path, seed: int) -> None:
    await _campaign(nursery, tmp_path, "short", seed, 30, 5)


@pytest.mark.parametrize("seed", _SEEDS)
async def test_a_short_campaign_with_a_webhook_loses_nothing(nursery: Nursery, tmp_path: Path, seed: int) -> None:
    await _campaign(nursery, tmp_path, "webhook", seed, 16, 3)


@pytest.mark.long
@pytest.mark.timeout(900)
@pytest.mark.parametrize("seed", _SEEDS)
async def test_a_full_campaign_loses_nothing(nursery: Nursery, tmp_path: Path, seed: int) -> None:
    await _campaign(nursery, tmp_path, "full", seed, 200, 32)
