"""An attachment, its report and its decision, valid as they are; a test changes one thing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from lazaretto.audit import AuditedStore, records
from lazaretto.model import (
    Action,
    Attachment,
    Case,
    Claim,
    Decision,
    Gap,
    Part,
    Person,
    Place,
    Reason,
    Report,
    SealedPart,
)
from lazaretto.ports import Deed, DeedKind
from lazaretto_validators import Finding

GROUP = Place("telegram", "-1001234", thread="9")
ANN = Person("telegram", "424242", "Ann Überall", "ann_u")
MOD = Person("telegram", "777001", "Moderator Mia", "mia")
MODERATORS = "-1009999"
DIGEST = "ab" * 32
UPDATE = '{"update_id": 500, "message": {"from": {"first_name": "Ann Überall"}}}'


class Clock:
    """Time that passes when the test says so."""

    def __init__(self) -> None:
        self.now = datetime(2026, 3, 1, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **time: float) -> None:
        self.now += timedelta(**time)


def attachment(number: int = 1, **changes: Any) -> Attachment:
    fields: dict[str, Any] = {
        "id": f"att-{number}",
        "place": GROUP,
        "message": str(number),
        "update": f"50{number}",
        "sender": ANN,
        "kind": "document",
        "parts": (Part(0, f"file-{number}", f"unique-{number}", "message.document", Claim("Ann's diary.pdf")),),
        "posted_at": datetime(2026, 3, 1, 11, 59, tzinfo=UTC),
        "caption": "read this, dear friends",
    }
    return Attachment(**(fields | changes))


def report(**changes: Any) -> Report:
    fields: dict[str, Any] = {
        "media_type": "application/pdf",
        "size": 1234,
        "sha256": DIGEST,
        "findings": (Finding("pdf.javascript", 77, "obj[4]", "app.alert('Ann')", ""),),
        "total": 1,
        "coverage": (Gap("stream[3]", "no validator for image/jp2"),),
        "rule_set": "rules-1",
        "layers": ("seccomp", "landlock"),
        "broke_off": ("the file server answered 500",),
    }
    return Report(**(fields | changes))


def decision(action: Action = Action.QUARANTINE, *, enforced: bool = True) -> Decision:
    reasons = () if action is Action.FORWARD else (Reason("pdf.javascript", action, "active"),)
    return Decision(action, enforced, reasons)


async def decide(
    store: AuditedStore,
    action: Action = Action.QUARANTINE,
    *,
    number: int = 1,
    enforced: bool = True,
    moderators: str | None = MODERATORS,
    sha256: str = DIGEST,
    inform: bool = False,
    **changes: Any,
) -> Case | None:
    """Take an attachment in and decide about it."""
    posted = attachment(number, **changes)
    await store.take_in(posted, UPDATE)
    sealed = (SealedPart(0, f"item-{number}", sha256, 1234),) if action is Action.QUARANTINE and enforced else ()
    reports = [report(sha256=sha256)]
    how = decision(action, enforced=enforced)
    return await store.decided(posted, reports, how, sealed, moderators=moderators, policy="policy-1", inform=inform)


async def open_case(
    store: AuditedStore, action: Action = Action.QUARANTINE, *, number: int = 1, **changes: Any
) -> Case:
    """A case whose first deeds are done: removed if it is a quarantine, and its card shown as message 900."""
    case = await decide(store, action, number=number, **changes)
    assert case is not None
    for deed in await store.due():
        await store.attempting(deed)
        await store.done(deed, "900" if deed.kind is DeedKind.CARD else None)
    return case


async def kinds(store: AuditedStore) -> list[DeedKind]:
    return [deed.kind for deed in await store.due()]


async def only(store: AuditedStore, kind: DeedKind) -> Deed:
    """The one deed of a kind that is due."""
    (deed,) = [deed for deed in await store.due() if deed.kind is kind]
    return deed


async def events(store: AuditedStore) -> list[str]:
    return [record["event"] for record in await store.state.read(records)]
