"""The bot's token never reaches a log, whoever logs.

httpx writes every address at INFO and the library every request at DEBUG; both hold the token. A filter on a logger
does not see its children's records, so the token is taken out where every record is made.
"""

from __future__ import annotations

import logging
import sys
import traceback
from collections.abc import Callable
from contextlib import suppress
from typing import Any
from urllib.parse import quote

__all__ = ["redact_logs", "without_token"]

_SHOWN = "<token>"


def without_token(text: str, token: str) -> str:
    """`text` without the token, as it is or as in an address that somebody has quoted."""
    return text.replace(token, _SHOWN).replace(quote(token), _SHOWN)


def redact_logs(token: str) -> Callable[[], None]:
    """From now on `token` is replaced in every log record of this process. Answers the function that undoes it."""
    previous = logging.getLogRecordFactory()
    forms = (token, quote(token))  # as it is, and as in an address that somebody has quoted

    def make(*args: Any, **kwargs: Any) -> logging.LogRecord:
        record = previous(*args, **kwargs)
        for form in forms:
            _redact(record, form)
        return record

    logging.setLogRecordFactory(make)

    def undo() -> None:
        # Somebody may have put a factory on top of ours since; then ours stays, which only redacts more.
        if logging.getLogRecordFactory() is make:
            logging.setLogRecordFactory(previous)

    return undo


def _redact(record: logging.LogRecord, token: str) -> None:
    if isinstance(record.msg, dict):  # structlog's, on its way to the formatter that wants a mapping
        record.msg = _redacted_fields(record.msg, token)
    elif token in (message := _message_of(record)):
        record.msg, record.args = message.replace(token, _SHOWN), ()
    if record.exc_info and record.exc_info[1] is not None:
        text = _traceback_of(record.exc_info[1])
        if token in text:
            # Formatters print a text that is there already instead of the exception.
            record.exc_text, record.exc_info = text.replace(token, _SHOWN), None
    for key, value in record.__dict__.items():
        if isinstance(value, str) and token in value:
            record.__dict__[key] = value.replace(token, _SHOWN)


def _redacted_fields(fields: dict[str, Any], token: str) -> dict[str, Any]:
    redacted = dict(fields)
    if info := redacted.get("exc_info"):
        # An exception, its triple, or True for the one that is being handled.
        error = info if isinstance(info, BaseException) else info[1] if isinstance(info, tuple) else sys.exc_info()[1]
        text = "" if error is None else _traceback_of(error)
        if token in text:
            del redacted["exc_info"]
            redacted["exception"] = text
    for key, value in redacted.items():
        if token in (text := value if isinstance(value, str) else _shown(value)):
            redacted[key] = text.replace(token, _SHOWN)
    return redacted


def _shown(value: object) -> str:
    """How it will be written. Never raises."""
    try:
        return repr(value)
    except Exception as error:
        return f"<{type(value).__name__} without a repr: {type(error).__name__}>"


def _traceback_of(error: BaseException) -> str:
    return "".join(traceback.format_exception(error)).rstrip("\n")


def _message_of(record: logging.LogRecord) -> str:
    """What will be written. Never raises: that would hit whoever logs, where a bad record is only reported."""
    with suppress(Exception):
        return record.getMessage()
    with suppress(Exception):  # logging reports a record with wrong arguments, and shows them
        return f"{record.msg} {record.args}"
    return ""
