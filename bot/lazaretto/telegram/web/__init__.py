"""The HTTP server of `lazaretto run`: the webhook that Telegram delivers to, and pages for whoever watches the bot.

`service` runs both beside the application, `intake` is the webhook, `health` are the pages, `server` is the listener.
"""

from __future__ import annotations

import importlib.util

_NEEDED = ("starlette", "uvicorn")
if missing := [name for name in _NEEDED if importlib.util.find_spec(name) is None]:
    raise ImportError(f"the web server needs {', '.join(missing)}: pip install 'lazaretto[web]'")

from lazaretto.telegram.web.service import running, serve  # noqa: E402 - after the check that says how to get it

__all__ = ["running", "serve"]
