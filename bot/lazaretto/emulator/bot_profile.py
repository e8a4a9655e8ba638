"""What a bot says of itself: names and descriptions by language, commands by scope, the rights it asks for."""

from dataclasses import dataclass, field
from typing import Any

from lazaretto.emulator.chats.people import Rights

__all__ = ["Profile"]


@dataclass(slots=True)
class Profile:
    """The bot's account as @BotFather and the bot itself set it. `texts` are by kind, then by language."""

    own_name: str
    texts: dict[str, dict[str, str]] = field(default_factory=dict)
    commands: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    default_rights: dict[bool, Rights] = field(default_factory=dict)  # by whether they are for channels

    def text(self, kind: str, language: str) -> str:
        """The text for this language, else the one for all."""
        of_kind = self.texts.get(kind, {})
        return of_kind.get(language) or of_kind.get("") or (self.own_name if kind == "name" else "")
