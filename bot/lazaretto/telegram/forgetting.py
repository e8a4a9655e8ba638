"""Erasing a person from within the running bot, with a second look that nothing is left."""

from __future__ import annotations

import asyncio
from time import monotonic

from lazaretto.audit.privacy import Held, Privacy
from lazaretto.audit.store import Erasure
from lazaretto.chat_policies import ChatPolicies
from lazaretto.languages import Html, Language
from lazaretto.telegram.runtime import Runtime, reread
from lazaretto.text import shown

__all__ = ["forget"]

_SHREDDING = 15.0  # seconds; the bot looks for what is to be shredded every 0.3
_LOOK = 0.1


async def forget(runtime: Runtime, policies: ChatPolicies, held: Held, say: Language) -> Html:
    """Erase, as `lazaretto audit erase` does, and answer what was deleted."""
    store = runtime.store
    erasure = await store.erase_subject(held.subject)
    runtime.pipeline.deeds.wake()  # cards that show a name
    await reread(policies, store)
    unshredded = await _unshredded(runtime, erasure)
    left = await Privacy(store).left(held.subject, held.someone)
    if unshredded:
        left["vault"] = unshredded
    return _told(say, erasure, left)


async def _unshredded(runtime: Runtime, erasure: Erasure) -> int:
    """How many files are still in the vault. The loop that carries intents out shreds them."""
    end = monotonic() + _SHREDDING
    left = set(erasure.items)
    while left and monotonic() < end:
        await asyncio.sleep(_LOOK)
        left &= {*await runtime.store.to_shred()}
    return len(left)


def _told(say: Language, erasure: Erasure, left: dict[str, int]) -> Html:
    rows = erasure.deleted
    lines = [
        say.html("<b>Forgotten.</b> Deleted:"),
        say.html("• name, username and user id: {count}", count=rows["people"]),
        say.html("• captions, file names and findings' evidence: {count}", count=rows["personal"]),
        say.html("• messages as they came: {count}", count=rows["updates"] + rows["aside"]),
        say.html("• files in the vault: {count}", count=len(erasure.items)),
        say.html("• what was set in a chat and named you: {count}", count=rows["chat_settings"]),
        say.html(
            "Of {files:,} files there are left digests and decisions, which name nobody.", files=erasure.attachments
        ),
    ]
    if erasure.cases:
        lines.append(say.html("Cases that are closed now: {count}", count=len(erasure.cases)))
    if erasure.withdrawn:
        lines.append(
            say.html("Mutes and bans that were on their way and are given up: {count}", count=erasure.withdrawn)
        )
    if left:
        where = ", ".join(f"{table} {count}" for table, count in left.items())
        lines.append(say.html("⚠️ Not gone yet: <code>{where}</code>. Please ask again.", where=where))
    else:
        lines.append(say.html("I have looked again: nothing is left."))
    if erasure.leftover:
        lines.append(say.html("⚠️ <code>{why}</code>", why=shown(erasure.leftover, 300)))
    lines.append(say.html("Record {number} of the audit log says so, without a name.", number=erasure.record))
    return Html("\n").join(lines)
