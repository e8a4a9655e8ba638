"""Starts a host in a process of its own, and sees that it ends."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict
from pathlib import Path

from benchmarks.hosts_bot import Order

__all__ = ["host_process"]

_ENDING = 30.0


@asynccontextmanager
async def host_process(order: Order) -> AsyncIterator[int]:
    """Yields its id. Raises RuntimeError where it does not end well."""
    command = [sys.executable, "-m", "benchmarks.hosts_bot"]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, cwd=Path(__file__).parents[1], text=True)  # noqa: ASYNC220
    assert process.stdin is not None
    try:
        process.stdin.write(json.dumps(asdict(order)) + "\n")
        process.stdin.flush()
        yield process.pid
        process.stdin.close()
        status = await asyncio.to_thread(process.wait, _ENDING)
        if status:
            raise RuntimeError(f"the host whose latency is measured ended with status {status}")
    finally:
        process.kill()
        await asyncio.to_thread(process.wait)
