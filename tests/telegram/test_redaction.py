"""The token is in no log record, whoever logs."""

import logging
from collections.abc import Iterator

import pytest

from lazaretto.telegram.redaction import redact_logs

TOKEN = "7000000001:emulator-token"


@pytest.fixture(autouse=True)
def redacting() -> Iterator[None]:
    undo = redact_logs(TOKEN)
    yield
    undo()


def logged(caplog: pytest.LogCaptureFixture) -> str:
    formatter = logging.Formatter("%(message)s %(pathname)s")
    return "\n".join(formatter.format(record) for record in caplog.records)


class Address:
    def __str__(self) -> str:
        return f"http://127.0.0.1/bot{TOKEN}/getMe"


@pytest.mark.parametrize(
    ("message", "args"),
    [
        (f"GET /bot{TOKEN}/getMe", ()),
        ("GET %s", (f"/bot{TOKEN}/getMe",)),
        ("GET %s %d", (Address(), 200)),
        ("%(url)s", ({"url": Address()},)),
    ],
)
def test_a_message_is_logged_without_the_token(
    caplog: pytest.LogCaptureFixture, message: str, args: tuple[object, ...]
) -> None:
    logging.getLogger("httpx").warning(message, *args)
    assert TOKEN not in logged(caplog)
    assert "<token>" in logged(caplog)


def test_a_child_of_a_logger_is_no_way_around(caplog: pytest.LogCaptureFixture) -> None:
    logging.getLogger("telegram.ext.of.a.child").error("token %s", TOKEN)
    assert TOKEN not in logged(caplog)


def test_an_exception_is_logged_without_the_token(caplog: pytest.LogCaptureFixture) -> None:
    try:
        try:
            raise ValueError(f"GET /bot{TOKEN}/getMe")
        except ValueError as error:
            raise RuntimeError("outer") from error
    except RuntimeError:
        logging.getLogger("host").exception("failed")
    assert TOKEN not in logged(caplog)
    assert "RuntimeError: outer" in logged(caplog)
    assert "GET /bot<token>/getMe" in logged(caplog)


def test_an_exception_without_the_token_stays_an_exception(caplog: pytest.LogCaptureFixture) -> None:
    try:
        raise ValueError("plain")
    except ValueError:
        logging.getLogger("host").exception("failed")
    assert caplog.records[0].exc_info is not None


def test_a_message_without_the_token_keeps_its_arguments(caplog: pytest.LogCaptureFixture) -> None:
    logging.getLogger("host").warning("%s of %d", "one", 2)
    assert caplog.records[0].args == ("one", 2)


class Unprintable:
    def __str__(self) -> str:
        raise KeyError("unprintable")

    __repr__ = __str__


@pytest.mark.parametrize("args", [(), ("a", "b"), (Unprintable(),), ({"other": 1},)])
def test_a_record_that_cannot_be_written_does_not_hit_whoever_logs(args: tuple[object, ...]) -> None:
    record = logging.getLogRecordFactory()("host", logging.INFO, "f", 1, f"%(url)s {TOKEN} %d", args, None)
    assert record.name == "host"


def test_wrong_arguments_are_reported_without_the_token() -> None:
    record = logging.getLogRecordFactory()("host", logging.INFO, "f", 1, "%d", (TOKEN,), None)
    assert TOKEN not in f"{record.msg} {record.args}"


def test_it_can_be_undone(caplog: pytest.LogCaptureFixture) -> None:
    before = logging.getLogRecordFactory()
    undo = redact_logs("other")
    undo()
    assert logging.getLogRecordFactory() is before


def test_undoing_leaves_a_factory_that_came_later(caplog: pytest.LogCaptureFixture) -> None:
    before = logging.getLogRecordFactory()
    undo = redact_logs("other")

    def later(*args: object, **kwargs: object) -> logging.LogRecord:
        return logging.LogRecord(*args, **kwargs)  # type: ignore[arg-type]

    logging.setLogRecordFactory(later)
    undo()
    assert logging.getLogRecordFactory() is later
    logging.setLogRecordFactory(before)
