"""Screening without a process around it: for library users who trust their machine more than they need to.

The report is put together, and shortened, exactly as a worker's; its `layers` are empty, because none hold.
"""

from __future__ import annotations

import asyncio
import os
import threading
from pathlib import Path

from lazaretto.model import Claim, Report
from lazaretto.private_files import open_regular
from lazaretto.screening.digest import digest_of
from lazaretto.screening.reply import decode_reply, encode_reply
from lazaretto.screening.report import report_from
from lazaretto_validators import Limits, Source, screen

__all__ = ["screen_file", "screen_in_process"]


async def screen_file(path: str | os.PathLike[str], claim: Claim | None = None) -> Report:
    """Screen a file on disk in a thread of this process. Its own name is its claim unless another is given.

    Raises OSError for what cannot be read. Nothing is locked down around the validators here, and a thread cannot be
    stopped: where strangers choose the files, use `WorkerScreener.screen_file`.
    """
    where = Path(path)
    return await asyncio.to_thread(screen_in_process, where, claim or Claim(name=where.name))


def screen_in_process(path: Path, claim: Claim, limits: Limits | None = None) -> Report:
    """Screen a file on disk here and now. Raises OSError for what cannot be read."""
    descriptor, status = open_regular(path)
    try:
        inspection = screen(Source.of_file(descriptor), claim, limits)
        sha256 = digest_of(descriptor, status, threading.Event())
    finally:
        os.close(descriptor)
    line = encode_reply(inspection)
    return report_from(decode_reply(line.removesuffix(b"\n")), size=status.st_size, sha256=sha256)
