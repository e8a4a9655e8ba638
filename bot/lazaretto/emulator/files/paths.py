"""The addresses that getFile gives out, and for how long each leads to its file."""

from lazaretto.emulator.changes import Clock

__all__ = ["VALID_SECONDS", "FilePaths"]

VALID_SECONDS = 3600  # "It is guaranteed that the link will be valid for at least 1 hour": Bot API, getFile


class FilePaths:
    """Which paths are valid now. A path that expired is valid again after the next getFile."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._granted: dict[str, int] = {}

    def grant(self, path: str) -> None:
        """Make the path valid for an hour from now."""
        self._granted[path] = self._clock.now()

    def leads(self, path: str) -> bool:
        """Whether getFile gave out this path within the hour."""
        return path in self._granted and self._clock.now() - self._granted[path] <= VALID_SECONDS

    def expire(self, path: str | None = None) -> None:
        """Make a path, or (None) every path, lead nowhere."""
        for expired in [path] if path is not None else list(self._granted):
            self._granted.pop(expired, None)
