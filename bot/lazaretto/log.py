"""Logging of our own bot: structlog through the standard library, so that every library's records look alike."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Mapping
from typing import Any

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from lazaretto.text import shown

__all__ = ["configure_logging", "log_through_logging"]

_SHARED: list[Processor] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.processors.StackInfoRenderer(),
]

_MILDEST: Mapping[str, int] = {
    "httpx": logging.WARNING,  # every address, and the token is part of it
    "httpcore": logging.WARNING,
    "sqlalchemy": logging.WARNING,  # every row that is read: names, captions
    "telegram": logging.INFO,  # every update and answer in full
}
"""What libraries may say at most, whatever level is set: more would put personal data and secrets into the log."""

_OF_MANY_LINES = ("exception", "stack")
_LONGEST = 2000
"""Characters of one line of the console's log."""


def configure_logging(
    level: str = "INFO", style: str = "console", *, expected: tuple[type[BaseException], ...] = ()
) -> None:
    """Log to stderr.

    style: `console` for people, `json` for collectors. expected: exceptions of exactly these types are the world's
    doing and not a fault of the program, so they are logged in one line, without a traceback.
    """

    def without_traceback(_logger: WrappedLogger, _method: str, record: EventDict) -> EventDict:
        info = record.get("exc_info")
        if isinstance(info, tuple) and info[0] in expected:
            record["error"] = f"{info[0].__name__}: {info[1]}"
            del record["exc_info"]
        return record

    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *_SHARED,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=_SHARED,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                without_traceback,
                structlog.processors.format_exc_info,
                *_rendering(style),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for name, mildest in _MILDEST.items():
        logging.getLogger(name).setLevel(max(mildest, root.level))


def _rendering(style: str) -> list[Processor]:
    if style == "json":
        return [structlog.processors.JSONRenderer()]
    # Not the default for exceptions, which shows local variables: the token is one.
    plain = structlog.dev.plain_traceback
    return [_harmless, structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=plain)]


def _harmless(_logger: WrappedLogger, _method: str, record: EventDict) -> EventDict:
    """Text from outside may be in any value: a terminal gets no control characters of it, and no forged line."""
    for key, value in record.items():
        if isinstance(value, str):
            many = key in _OF_MANY_LINES  # indented: a message of several lines must not look like a record of its own
            lines = [f"  {line}" for line in value.split("\n")] if many else [value]
            record[key] = "\n".join(shown(line, _LONGEST) for line in lines)
    return record


def log_through_logging() -> Callable[[], None]:
    """In an application that has not set structlog up, give its records to the standard library's logging.

    By default it prints them, with the local variables of every frame of an exception: tokens and names among them.
    Answers the function that undoes it.
    """
    if structlog.is_configured():
        return lambda: None
    structlog.configure(
        processors=[structlog.stdlib.filter_by_level, structlog.contextvars.merge_contextvars, _for_logging],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )

    def undo() -> None:
        if _for_logging in structlog.get_config()["processors"]:
            structlog.reset_defaults()

    return undo


def _for_logging(_logger: WrappedLogger, _method: str, record: EventDict) -> tuple[tuple[str], dict[str, Any]]:
    """The arguments of the standard library's call: the event and its fields in one line, and the exception."""
    exception = record.pop("exc_info", None)
    fields = [shown(f"{key}={value!r}", _LONGEST) for key, value in record.items() if key != "event"]
    return (" ".join((shown(str(record["event"]), _LONGEST), *fields)),), {"exc_info": exception}
