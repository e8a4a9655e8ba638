"""Button presses and what the bot answered to them."""

from dataclasses import dataclass, field
from typing import Any

from lazaretto.emulator.changes import Changes
from lazaretto.emulator.chats.messages import Message
from lazaretto.emulator.chats.people import User

__all__ = ["Answer", "CallbackQuery", "find_button"]


@dataclass(frozen=True, slots=True)
class Answer:
    """What the presser is shown: a toast, or a dialogue when `show_alert`."""

    text: str
    show_alert: bool
    url: str | None = None


@dataclass(eq=False, slots=True)
class CallbackQuery:
    """One press. `answer` is None until the bot calls answerCallbackQuery; of several answers the first is shown."""

    id: str
    user: User
    message: Message
    data: str
    at: int
    changes: Changes = field(repr=False)
    answer: Answer | None = None

    async def answered(self, timeout: float = 5.0) -> Answer:  # noqa: ASYNC109 - the caller's own words
        """The answer, as soon as there is one. TimeoutError after `timeout` seconds."""
        return await self.changes.until(lambda: self.answer, timeout, self._unanswered)

    def _unanswered(self) -> str:
        return f"the bot did not call answerCallbackQuery for the button with data {self.data!r}"


def find_button(message: Message, label: str | None, data: str | None) -> dict[str, Any]:
    """The callback button whose text is or contains `label`, or whose data is `data`. ValueError says what is there."""
    buttons = [button for row in message.keyboard for button in row if "callback_data" in button]
    exact = [button for button in buttons if label == button["text"] or data == button["callback_data"]]
    found = exact or [button for button in buttons if label is not None and label in button["text"]]
    if len(found) == 1:
        return found[0]
    there = ", ".join(repr(button["text"]) for button in buttons) or "none"
    wrong = f"several buttons match {label or data!r}" if found else f"has no button {label or data!r}"
    raise ValueError(f"message {message.message_id}: {wrong}; its callback buttons: {there}")
