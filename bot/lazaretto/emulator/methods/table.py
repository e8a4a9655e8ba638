"""What a Bot API method is to the server: a function, and the parameters that it cannot do without.

Which parameters a method requires is a row of its table; what each of them has to be, and how Telegram words the
refusal of one that is missing or is something else, is a row of REQUIREMENTS.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from lazaretto.emulator.errors import bad_request
from lazaretto.emulator.files.store import KINDS
from lazaretto.emulator.methods.params import Params
from lazaretto.emulator.world import World

__all__ = ["REQUIREMENTS", "Method", "Requirement"]

Run = Callable[[World, Params], Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class Requirement:
    """What a required parameter has to be. `absent` is said of one that is missing, empty or (a number) no number."""

    read: Callable[[Params, str], Any]
    absent: str


def _chat(params: Params, name: str) -> Any:
    return params.chat(name)


def _positive(params: Params, name: str) -> Any:
    return max(params.integer(name), 0)


def _integer(params: Params, name: str) -> Any:
    return params.integer(name)


def _number(params: Params, name: str) -> Any:
    return params.number(name) is not None


def _text(params: Params, name: str) -> Any:
    return params.text(name)


def _array(params: Params, name: str) -> Any:
    return params.items(name)


def _given_array(params: Params, name: str) -> Any:
    """An array that may be empty, for the method to say what that means."""
    return params.items(name) is not None


def _object(params: Params, name: str) -> Any:
    return params.record(name) is not None


def _file(params: Params, name: str) -> Any:
    return name in params.files or params.text(name)


def _required(name: str) -> str:
    return f'parameter "{name}" is required'


_MESSAGE = "message identifier is not specified"
_MESSAGES = "message identifiers are not specified"

REQUIREMENTS: Mapping[str, Requirement] = MappingProxyType(
    {
        "chat_id": Requirement(_chat, "chat_id is empty"),
        "from_chat_id": Requirement(_chat, _required("from_chat_id")),
        "user_id": Requirement(_positive, "invalid user_id specified"),
        "sender_chat_id": Requirement(_integer, "invalid sender_chat_id specified"),
        "message_id": Requirement(_positive, _MESSAGE),
        "message_ids": Requirement(_array, _MESSAGES),
        "message_thread_id": Requirement(_positive, "invalid message thread identifier specified"),
        "file_id": Requirement(_text, "file_id not specified"),
        "text": Requirement(_text, "message text is empty"),
        "action": Requirement(_text, "wrong parameter action in request"),
        "latitude": Requirement(_number, "latitude is empty"),
        "longitude": Requirement(_number, "longitude is empty"),
        "question": Requirement(_text, "poll question must be non-empty"),
        "options": Requirement(_array, "expected an Array of InputPollOption"),
        "star_count": Requirement(_positive, "invalid paid media price specified"),
        "media": Requirement(lambda params, name: params.values.get(name), _required("media")),
        "commands": Requirement(_given_array, _required("commands")),
        "results": Requirement(_given_array, 'can\'t find field "results"'),
        "permissions": Requirement(_object, _required("permissions")),
        "callback_query_id": Requirement(_text, "query is too old and response timeout expired or query ID is invalid"),
        "inline_query_id": Requirement(_text, "query is too old and response timeout expired or query ID is invalid"),
        "guest_query_id": Requirement(_text, "query is too old and response timeout expired or query ID is invalid"),
        "result": Requirement(_object, 'can\'t find field "result"'),
        "business_connection_id": Requirement(_text, "business connection not found"),
        **{name: Requirement(_file, f"there is no {name.replace('_', ' ')} in the request") for name in KINDS},
        **{
            name: Requirement(_text, _required(name))
            for name in ("phone_number", "first_name", "title", "address", "name", "invite_link", "custom_title")
        },
    }
)


@dataclass(frozen=True, slots=True)
class Method:
    """One method. `required` are names of REQUIREMENTS, asked for in this order before anything is done."""

    run: Run
    required: tuple[str, ...] = ()

    async def __call__(self, world: World, params: Params) -> Any:
        """The result, as JSON values. ApiError is the refusal."""
        for name in self.required:
            requirement = REQUIREMENTS[name]
            if not requirement.read(params, name):
                raise bad_request(requirement.absent)
        return await self.run(world, params)
