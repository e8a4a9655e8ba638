"""The sections of lazaretto.toml below the installation's own keys: one model each, with its defaults and remedies.

A field's `description` is the remedy that is shown where its value is wrong.
"""

from __future__ import annotations

import re
from contextlib import suppress
from ipaddress import ip_address
from typing import Annotated, Any, ClassVar, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationInfo, field_validator

from lazaretto.policy.values import identifier, read_size

__all__ = ["IDS", "Groups", "Id", "Log", "Sandbox", "Screening", "Spool", "Traffic", "Vault", "Web"]

Id = Annotated[str, BeforeValidator(identifier)]
IDS = 'write a list of ids in quotes, such as ["123456789"]'
"""The remedy where they are something else."""

_Size = Annotated[int, BeforeValidator(read_size)]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Spool(_Section):
    """Where files lie while they are looked at. max_bytes: room for all of them together."""

    max_bytes: _Size = Field(default=4_000_000_000, description='write a size such as "4 GB"')


class Vault(_Section):
    """Where quarantined files are kept. max_bytes: room for all of them together."""

    max_bytes: _Size = Field(default=20_000_000_000, description='write a size such as "20 GB"')


class Screening(_Section):
    """workers: files fetched and looked at at the same time; a slow download holds one.

    seconds: longest wait for a verdict; large files get more.
    waiting: attachments that may wait, in all; per_member: of one member in one chat.
    """

    workers: int = Field(default=8, ge=1, le=256, strict=True, description="write a whole number from 1 to 256")
    seconds: float = Field(
        default=30.0, ge=1, le=3600, strict=True, description="write a number of seconds from 1 to 3600"
    )
    waiting: int = Field(default=10_000, ge=1, strict=True, description="write a whole number of 1 or more")
    per_member: int = Field(default=200, ge=1, strict=True, description="write a whole number of 1 or more")


class Sandbox(_Section):
    """The lock around each file's process. require: look at nothing where not all of it holds.

    memory: for one file, beyond what the interpreter itself takes. cpu_seconds: processor time; large files get more.
    """

    require: bool = Field(default=True, strict=True, description="write true or false")
    memory: _Size = Field(default=512 << 20, ge=64 << 20, description='write a size of 64 MiB or more, such as "1 GiB"')
    cpu_seconds: float = Field(
        default=10.0, ge=1, le=3600, strict=True, description="write a number of seconds from 1 to 3600"
    )


class Traffic(_Section):
    """How fast the platform is asked. per_second: requests in all. chat_per_minute: posts and edits in one chat."""

    per_second: float = Field(default=30.0, ge=1, le=10_000, strict=True, description="write a number of 1 or more")
    chat_per_minute: float = Field(
        default=20.0, ge=1, le=10_000, strict=True, description="write a number of 1 or more"
    )


class Groups(_Section):
    """allowed: the only groups and channels that the bot works in; None for all.

    policies: for mappings in code, what groups/<id>.toml holds, by id.
    """

    allowed: tuple[Id, ...] | None = Field(default=None, description=IDS)
    policies: dict[Id, dict[str, Any]] = Field(
        default_factory=dict, description="write a table of policy keys for each group's id"
    )


class Log(_Section):
    """level: the mildest that is logged. format: `console` for people, `json` for collectors."""

    level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        default="INFO", description="write DEBUG, INFO, WARNING or ERROR"
    )
    format: Literal["console", "json"] = Field(default="console", description='write "console" or "json"')

    @field_validator("level", mode="before")
    @classmethod
    def _any_case(cls, value: object) -> object:
        return value.upper() if isinstance(value, str) else value


_WEBHOOK = (
    'write the public address that Telegram posts to, such as "https://bot.example.org/telegram/updates", '
    "and below it the port that we listen on"
)
# Letters that no proxy and no router reads in a way of its own, and no step that leads upwards.
_WEBHOOK_PATH = re.compile(r"(/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)+")


class Web(_Section):
    """The HTTP server of `lazaretto run`. listen, port: where it listens; without a port there is none.

    webhook: the public URL where Telegram delivers updates; without it they are asked for (polling), and the server
    answers for health and metrics only.
    """

    PAGES: ClassVar[tuple[str, ...]] = ("/healthz", "/readyz", "/metrics")
    REMEDY: ClassVar[str] = "let only a reverse proxy and your own machines reach web.port, or listen on 127.0.0.1"

    listen: str = Field(default="127.0.0.1", min_length=1, description='write an address such as "127.0.0.1"')
    port: int | None = Field(
        default=None, ge=1, le=65535, strict=True, description="write a whole number from 1 to 65535"
    )
    webhook: str | None = Field(default=None, description=_WEBHOOK)

    @field_validator("webhook")
    @classmethod
    def _can_be_served(cls, webhook: str | None, others: ValidationInfo) -> str | None:
        if webhook is None:
            return None
        url = urlsplit(webhook)
        plain = url.scheme in ("https", "http") and url.hostname and url.port != 0
        if not plain or url.username or url.query or url.fragment:
            raise ValueError("is not the plain URL of a page")
        if not _WEBHOOK_PATH.fullmatch(url.path):
            raise ValueError("needs a path of its own, of letters, digits and -._~")
        if any(page.startswith(url.path) for page in cls.PAGES):
            # A proxy that forwards what begins with it would forward that page, too.
            raise ValueError(f"{url.path} is where a page of our own begins: take another path")
        if "port" in others.data and others.data["port"] is None:
            raise ValueError("web.port is missing")
        return webhook

    @property
    def path(self) -> str:
        """The webhook's path on our server."""
        return urlsplit(self.webhook or "").path

    @property
    def beyond(self) -> bool:
        """May other machines reach the server?"""
        with suppress(ValueError):  # a name
            return not ip_address(self.listen).is_loopback
        return self.listen != "localhost"
