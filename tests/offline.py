"""A bot without a network, for tests of what happens before anything is sent."""

from __future__ import annotations

import json
from typing import Any

from telegram.request import BaseRequest, RequestData

__all__ = ["Offline"]


class Offline(BaseRequest):
    """Answers getMe and nothing else; there is no network."""

    read_timeout = None

    async def initialize(self) -> None:
        """Nothing to open."""

    async def shutdown(self) -> None:
        """Nothing to close."""

    async def do_request(
        self, url: str, method: str, request_data: RequestData | None = None, *_: Any, **__: Any
    ) -> tuple[int, bytes]:
        assert url.endswith("/getMe"), url
        me = {"id": 1, "is_bot": True, "first_name": "Bot", "username": "a_bot"}
        return 200, json.dumps({"ok": True, "result": me}).encode()
