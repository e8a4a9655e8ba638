"""`lazaretto run`: the bot itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from sqlalchemy.exc import SQLAlchemyError
from telegram.error import BadRequest, InvalidToken, NetworkError, TelegramError, TimedOut

from lazaretto.cli.output import errors, fail
from lazaretto.cli.policies import ConfigFolder, configuration
from lazaretto.config import Web
from lazaretto.log import configure_logging
from lazaretto.quarantine import VaultError
from lazaretto.screening.screener import ScreenerUnavailable
from lazaretto.state import StateError
from lazaretto.telegram.bot import build_bot
from lazaretto.telegram.gate import AnyApplication
from lazaretto.telegram.lifetime import poll
from lazaretto.telegram.plugin import Guard

__all__ = ["run"]


def run(config: ConfigFolder = None) -> None:
    """Run the bot until interrupted.

    The token comes from LAZARETTO_TOKEN, from the file that
    LAZARETTO_TOKEN_FILE names, or from config/lazaretto.toml.
    Updates are asked for (long polling). With web.webhook in lazaretto.toml
    Telegram delivers them instead. With web.port, /healthz, /readyz and /metrics
    answer there; both need pip install 'lazaretto\\[web]'.
    Ctrl-C and SIGTERM end it in good order, within eight seconds: what is
    unfinished is on disk, and the next start goes on with it. A second one ends
    it at once. A webhook stays set meanwhile: Telegram keeps updates for 24
    hours. A start without web.webhook takes it away.
    SIGHUP has the configuration read again at once, where changed files are not
    noticed: they are within seconds otherwise.

    Exit status:
      0  ended by Ctrl-C or SIGTERM
      1  Telegram cannot be reached: worth another start later
      2  token, configuration, state or screening are not right: see the message
      130, 143  ended at once, by a second Ctrl-C or SIGTERM
    """
    chosen = configuration(config)
    settings = chosen.settings
    if settings.token is None:
        fail("no bot token", "set LAZARETTO_TOKEN, or run: lazaretto init")
    configure_logging(settings.log.level, settings.log.format, expected=(NetworkError, TimedOut))
    serve = _server() if settings.web.port is not None else None
    with _explained():
        application, guard = build_bot(chosen, settings.token.get_secret_value())
        errors.print("[bold]lazaretto[/] is starting; stop it with Ctrl-C")
        if serve is None:
            poll(application, guard)
        else:
            serve(application, guard, settings.web)


def _server() -> Callable[[AnyApplication, Guard, Web], None]:
    """What runs the bot beside a web server. Ends the program where that is not installed."""
    try:
        from lazaretto.telegram.web import serve
    except ImportError as error:
        fail(str(error), "install the extra [web], or take web.port out of lazaretto.toml")
    return serve


@contextmanager
def _explained() -> Iterator[None]:
    """Ends the program with words for what a start can meet."""
    try:
        yield
    except InvalidToken:
        fail("Telegram does not know this bot token", "copy it again from @BotFather, then set LAZARETTO_TOKEN")
    except BadRequest as error:  # before NetworkError: the library counts it among those
        fail(f"Telegram refused what it was asked: {error.message}", "check web.webhook in lazaretto.toml if it is set")
    except NetworkError as error:
        remedy = "check the network, and base_url in lazaretto.toml if it is set"
        fail(f"Telegram cannot be reached: {error.message}", remedy, code=1)
    except TelegramError as error:
        fail(f"Telegram refused to let the bot start: {error.message}", "lazaretto doctor looks closer", code=1)
    except (StateError, VaultError, ScreenerUnavailable) as error:
        fail(str(error))
    except SQLAlchemyError as error:
        cause = getattr(error, "orig", None) or error
        fail(f"the state database cannot be used: {cause}", "make room on its disk; lazaretto doctor looks closer")
    except OSError as error:
        where = f" {error.filename}" if error.filename else ""
        fail(f"the bot cannot start:{where} {error.strerror or error}", "lazaretto doctor looks closer")
