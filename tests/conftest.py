"""What holds for every test."""

from __future__ import annotations

import logging
import os
import signal
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from audit_schema import Watcher

# The library's opt-in to time spans. Without it, each refusal with a waiting time warns, and warnings are errors here.
# The product is right with and without: test_moderation takes it away again.
os.environ.setdefault("PTB_TIMEDELTA", "1")

# What a shell sends to the background ignores Ctrl-C, and children inherit that: commands under test could not be
# interrupted at all.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# structlog's own default draws each traceback with all local variables, which takes seconds.
structlog.configure(processors=[structlog.processors.format_exc_info, structlog.processors.KeyValueRenderer()])


_RECORDS = pytest.StashKey[Watcher]()
_EVERYWHERE = pytest.StashKey["dict[str, int]"]()
"""Audit records by event, of all processes that ran tests, and how many end-to-end tests passed under that name."""

_END_TO_END = "end-to-end tests"


def pytest_configure(config: pytest.Config) -> None:
    watcher = config.stash[_RECORDS] = Watcher()
    config.stash[_EVERYWHERE] = {_END_TO_END: 0}
    watcher.watch()


@pytest.fixture
def audit_records(pytestconfig: pytest.Config) -> Watcher:
    """What looks at every audit record."""
    return pytestconfig.stash[_RECORDS]


@pytest.fixture(autouse=True)
def audit_records_fit_their_schema(audit_records: Watcher) -> Iterator[None]:
    """Every record that a test writes in this process validates against docs/audit-events.schema.json."""
    yield
    assert audit_records.take() == []


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Tests from end to end that write no record would mean that nobody looked."""
    config, seen = session.config, session.config.stash[_RECORDS].seen
    if hasattr(config, "workeroutput"):
        config.workeroutput["audit_records"] = dict(seen)
        return
    everywhere = config.stash[_EVERYWHERE]
    for event, count in seen.items():
        everywhere[event] = everywhere.get(event, 0) + count
    if everywhere[_END_TO_END] and len(everywhere) == 1:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """A process of pytest-xdist ends."""
    everywhere = node.config.stash[_EVERYWHERE]
    for event, count in getattr(node, "workeroutput", {}).get("audit_records", {}).items():
        everywhere[event] = everywhere.get(event, 0) + count


class _EndToEnd:
    def __init__(self, counts: dict[str, int]) -> None:
        self._counts = counts

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self._counts[_END_TO_END] += report.when == "call" and report.passed and "e2e/" in report.nodeid


def pytest_sessionstart(session: pytest.Session) -> None:
    session.config.pluginmanager.register(_EndToEnd(session.config.stash[_EVERYWHERE]))


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    counts = {event: count for event, count in config.stash[_EVERYWHERE].items() if event != _END_TO_END}
    total = f"{sum(counts.values())} audit records of {len(counts)} kinds were held against their schema"
    if config.stash[_EVERYWHERE][_END_TO_END] and not counts:
        total = f"FAILED: {total}, although end-to-end tests ran"
    terminalreporter.write_line(total)


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
