"""Settings of the installation: what is read once, at the start, and is not policy."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, Field, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic import model_validator as _model_validator
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from lazaretto.config_sections import IDS, Groups, Id, Log, Sandbox, Screening, Spool, Traffic, Vault, Web
from lazaretto.policy.layers import ACTIONS, KEYS
from lazaretto.policy.problems import ConfigError, Problem, did_you_mean

__all__ = ["ENVIRONMENT", "TOKEN_FILE", "Settings", "read_settings"]

ENVIRONMENT: Mapping[str, str] = {"token": "LAZARETTO_TOKEN", "state": "LAZARETTO_STATE"}
"""Secrets and paths may come from the environment, where they win over the file. Nothing else does."""

TOKEN_FILE = "LAZARETTO_TOKEN_FILE"  # noqa: S105 - a variable's name
"""Names a file that holds the token alone, as systemd's credentials and containers' secrets are. The variable with the
token itself wins over it."""

_POLICY_KEYS = "write a table of policy keys"
_POLICY_HEADS = frozenset({ACTIONS, *(key.partition(".")[0] for key in KEYS)})


class Settings(BaseSettings):
    """The installation. `defaults`, `private` and `channels` hold policy keys, read by `Configuration`.

    token: the bot's; a plugin in somebody else's application needs none.
    state: the folder of everything that is remembered, absolute; a relative one counts from the working directory.
    owners: ids of the people who may do everything.
    base_url, base_file_url: a Bot API server of one's own, each ending where the token begins; both or none.
    local_files: the folder where that server, run with --local, keeps its files; at the same path for both.
    """

    model_config = SettingsConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    token: SecretStr | None = Field(default=None, description="copy the token from @BotFather, as it is, in quotes")
    state: Path = Field(
        default=Path("state"), validate_default=True, description="write the path of a folder in quotes"
    )
    owners: tuple[Id, ...] = Field(default=(), description=IDS)
    base_url: str | None = Field(default=None, description='write a URL such as "http://127.0.0.1:8081/bot"')
    base_file_url: str | None = Field(default=None, description='write a URL such as "http://127.0.0.1:8081/file/bot"')
    local_files: Path | None = Field(
        default=None,
        description='write the absolute path of the folder in quotes, such as "/var/lib/telegram-bot-api", '
        "beside base_url and base_file_url",
    )
    spool: Spool = Field(default_factory=Spool, description="write keys below a line [spool]")
    vault: Vault = Field(default_factory=Vault, description="write keys below a line [vault]")
    screening: Screening = Field(default_factory=Screening, description="write keys below a line [screening]")
    sandbox: Sandbox = Field(default_factory=Sandbox, description="write keys below a line [sandbox]")
    traffic: Traffic = Field(default_factory=Traffic, description="write keys below a line [traffic]")
    groups: Groups = Field(default_factory=Groups, description="write keys below a line [groups]")
    log: Log = Field(default_factory=Log, description="write keys below a line [log]")
    web: Web = Field(default_factory=Web, description="write keys below a line [web]")
    defaults: dict[str, Any] = Field(default_factory=dict, description=_POLICY_KEYS)
    private: dict[str, Any] = Field(default_factory=dict, description=_POLICY_KEYS)
    channels: dict[str, Any] = Field(default_factory=dict, description=_POLICY_KEYS)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        *_others: PydanticBaseSettingsSource,
        **_named_others: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """What code says, then the two variables of the environment; no others, and no `.env` found by chance."""
        return init_settings, _Environment(settings_cls)

    @field_validator("token")
    @classmethod
    def _one_word(cls, token: SecretStr | None) -> SecretStr | None:
        # It becomes a part of URLs: a blank or a slash in it would send it elsewhere.
        if token is not None and not all(c.isascii() and (c.isalnum() or c in ":_-") for c in token.get_secret_value()):
            raise ValueError("has characters that no token has")
        return token if token and token.get_secret_value() else None

    @field_validator("state")
    @classmethod
    def _absolute(cls, folder: Path) -> Path:
        return folder.expanduser().absolute()

    @field_validator("base_url", "base_file_url")
    @classmethod
    def _is_url(cls, url: str | None) -> str | None:
        if url is not None and not url.startswith(("https://", "http://")):
            raise ValueError(f"{url!r} is not a URL")
        return url

    @field_validator("local_files")
    @classmethod
    def _of_our_own_server(cls, folder: Path | None, others: ValidationInfo) -> Path | None:
        if folder is None:
            return None
        if not folder.is_absolute() or ".." in folder.parts or folder == folder.parent:
            raise ValueError(f"{str(folder)!r} is not the absolute path of a folder of its own")
        if "base_url" in others.data and others.data["base_url"] is None:
            # Telegram's own server has no files here: whatever it named would be somebody else's.
            raise ValueError("base_url is missing, and only a Bot API server of your own keeps its files here")
        return folder

    @field_validator("web")
    @classmethod
    def _encrypted(cls, web: Web, others: ValidationInfo) -> Web:
        # What a server of one's own delivers need not leave the machine.
        if web.webhook and web.webhook.startswith("http:") and others.data.get("base_url", "") is None:
            raise ValueError("webhook is not https, and Telegram delivers to nothing else (only base_url's server may)")
        return web

    @_model_validator(mode="after")
    def _both_urls(self) -> Settings:
        # With only one of them, the token would still be sent to Telegram's own server, or files looked for there.
        if (self.base_url is None) != (self.base_file_url is None):
            raise ValueError("base_url and base_file_url belong together")
        return self


class _Environment(PydanticBaseSettingsSource):
    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:  # noqa: ARG002 - inherited
        return os.environ.get(ENVIRONMENT.get(field_name, "")), field_name, False

    def __call__(self) -> dict[str, Any]:
        return _from_environment()


def _from_environment() -> dict[str, str]:
    """Raises ConfigError."""
    given = {key: os.environ[name] for key, name in ENVIRONMENT.items() if os.environ.get(name)}
    file = os.environ.get(TOKEN_FILE)
    if file and "token" not in given:
        try:
            given["token"] = Path(file).read_text("ascii").strip()
        except (OSError, UnicodeDecodeError) as error:
            why = (error.strerror or "") if isinstance(error, OSError) else "it is no text"
            what, remedy = (
                f"names {file}, which cannot be read ({why})",
                "write the token alone into it, readable for us",
            )
            raise ConfigError([Problem(f"environment variable {TOKEN_FILE}", "token", what, remedy)]) from None
    return given


def read_settings(data: Mapping[str, Any], file: str, *, environment_wins: bool) -> Settings:
    """Settings from what a file or a mapping holds. Raises ConfigError with all problems at once."""
    from_environment = set(_from_environment())
    given = {str(k): v for k, v in data.items() if not (environment_wins and k in from_environment)}
    try:
        return Settings(**given)
    except ValidationError as error:
        raise ConfigError(_problems(error, file, from_environment - given.keys())) from None


def _problems(error: ValidationError, file: str, from_environment: set[str]) -> Iterator[Problem]:
    for found in error.errors(include_url=False, include_input=False):
        path = [str(step) for step in found["loc"]]
        key = ".".join(path)
        place = f"environment variable {_variable(key)}" if key in from_environment else file
        model, field = _field(path)
        if found["type"] == "extra_forbidden":
            yield Problem(place, key, "is no key of the settings", _unknown(path, model))
        else:
            remedy = field.description if field and field.description else "give both, or neither"
            yield Problem(place, key, _problem(found), remedy)


def _variable(key: str) -> str:
    return ENVIRONMENT[key] if os.environ.get(ENVIRONMENT[key]) else TOKEN_FILE


def _unknown(path: list[str], model: type[BaseModel]) -> str:
    if len(path) == 1 and path[0] in _POLICY_HEADS:
        return "it is a policy key: move it below a line [defaults]"
    near = did_you_mean(path[-1], model.model_fields)
    return f"did you mean {near!r}?" if near else f"the keys are {', '.join(model.model_fields)}"


def _problem(found: Mapping[str, Any]) -> str:
    if found["type"] == "value_error":
        return str(found["ctx"]["error"])
    text = str(found["msg"])
    return text[:1].lower() + text[1:]


def _field(path: list[str]) -> tuple[type[BaseModel], FieldInfo | None]:
    """The model that the last named step of the path belongs to, and its field there."""
    model: type[BaseModel] = Settings
    field: FieldInfo | None = None
    for step in path:
        field = model.model_fields.get(step, field)
        annotation = field.annotation if field else None
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            model = annotation
    return model, field
