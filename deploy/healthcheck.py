"""Is the bot of this container well? Asks /healthz where web.port is set; without it there is nobody to ask, and 0.

Standard library only. Exit status: 0 well, 1 not.
"""

from __future__ import annotations

import http.client
import os
import sys
import tomllib
from pathlib import Path

_SECONDS = 3.0
_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - what is listened on there is reached here


def main() -> int:
    """The exit status."""
    file = Path(os.environ.get("LAZARETTO_CONFIG", "config")) / "lazaretto.toml"
    try:
        web = tomllib.loads(file.read_text("utf-8-sig")).get("web", {})
    except (OSError, ValueError) as error:  # broken while the bot runs with the last good one
        print(f"{file} cannot be read: {error}")
        return 0
    port, listen = web.get("port"), web.get("listen", "127.0.0.1")
    if port is None:
        return 0
    try:
        connection = http.client.HTTPConnection(_EVERYWHERE.get(listen, listen), port, timeout=_SECONDS)
        connection.request("GET", "/healthz")
        status = connection.getresponse().status
    except (OSError, http.client.HTTPException) as error:
        print(f"/healthz does not answer: {error}")
        return 1
    print(f"/healthz answers {status}")
    return 0 if status == http.client.OK else 1


if __name__ == "__main__":
    sys.exit(main())
