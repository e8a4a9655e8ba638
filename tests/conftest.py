"""What holds for every test."""

from __future__ import annotations

import logging
import os
import signal
from collections.abc import Iterator

import pytest
import structlog

# The library's opt-in to time spans. Without it, each refusal with a waiting time warns, and warnings are errors here.
# The product is right with and without: test_moderation takes it away again.
os.environ.setdefault("PTB_TIMEDELTA", "1")

# What a shell sends to the background ignores Ctrl-C, and children inherit that: commands under test could not be
# interrupted at all.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# structlog's own default draws each traceback with all local variables, which takes seconds.
structlog.configure(processors=[structlog.processors.format_exc_info, structlog.processors.KeyValueRenderer()])


@pytest.fixture(autouse=True)
def logging_as_it_was() -> Iterator[None]:
    """Commands set logging up for their whole process; the next test must not inherit that."""
    root, set_up = logging.getLogger(), structlog.get_config()
    handlers, levels = root.handlers[:], {name: logging.getLogger(name).level for name in _named_loggers()}
    level, factory = root.level, logging.getLogRecordFactory()
    yield
    structlog.configure(**set_up)
    logging.setLogRecordFactory(factory)
    root.handlers[:] = handlers
    root.setLevel(level)
    for name in _named_loggers():
        logging.getLogger(name).setLevel(levels.get(name, logging.NOTSET))


def _named_loggers() -> list[str]:
    return [name for name, logger in logging.root.manager.loggerDict.items() if isinstance(logger, logging.Logger)]
