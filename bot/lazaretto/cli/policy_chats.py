"""What groups' administrators set in the chat, for commands about policies: read beside a running bot."""

from __future__ import annotations

from pathlib import Path

from lazaretto.audit import AuditedStore, Settings
from lazaretto.audit.chats import Chats
from lazaretto.chat_policies import ChatPolicies
from lazaretto.cli.output import errors
from lazaretto.cli.states import with_store
from lazaretto.config import Configuration
from lazaretto.state import DATABASE

__all__ = ["chat_policies"]


def chat_policies(configuration: Configuration, state: Path | None) -> ChatPolicies:
    """Policies with what chats have set. Where there is no state, says that this is missing, and goes without."""
    folder = state or configuration.settings.state
    policies = ChatPolicies(configuration)
    if not (folder / DATABASE).exists():
        errors.print(f"[yellow]note:[/] there is no state in {folder}, so what is set in the chat is not shown")
        return policies

    async def load(store: AuditedStore) -> None:
        await policies.load(Settings(store), await Chats(store).moved("telegram"))

    with_store(folder, load)
    return policies
