"""Audit records as events of the Open Cybersecurity Schema Framework, version 1.7.0 (https://schema.ocsf.io/1.7.0).

Each event of ours becomes one of a class that says the same; what no class says is a Base Event. Only what a record
holds is told: who a subject is, and what a file was called, stands in no record. The whole record is in `unmapped`, and
`metadata.uid` is its hash in the chain, so that an event leads back to the record that proves it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any

from lazaretto.audit.chain import link
from lazaretto.audit.events import Event
from lazaretto.model import Action

__all__ = ["VERSION", "ocsf"]

VERSION = "1.7.0"

_Record = Mapping[str, Any]
_Mapped = tuple[int, int, dict[str, Any]]
"""class_uid, activity_id, and the class's own attributes."""

_OTHER = 99
_INFORMATIONAL, _MEDIUM, _HIGH = 1, 3, 4  # severity_id
_SUCCESS, _FAILURE = 1, 2  # status_id, where a class has no other meaning for it
_NEW, _IN_PROGRESS, _SUPPRESSED, _RESOLVED, _ARCHIVED = 1, 2, 3, 4, 5  # status_id of a finding
_CREATE, _UPDATE, _CLOSE = 1, 2, 3  # activity_id of a finding

_SEVERITY: Mapping[str, int] = {Action.FLAG: _MEDIUM, Action.QUARANTINE: _HIGH, Action.REJECT: _HIGH}
_DISPOSITION: Mapping[str, tuple[int, int]] = {  # action_id and disposition_id
    Action.FLAG: (1, 15),  # allowed, detected
    Action.QUARANTINE: (2, 3),  # denied, quarantined
    Action.REJECT: (2, 2),  # denied, blocked
}
_UNENFORCED = (1, 17)  # allowed, logged
_TITLES: Mapping[str, str] = {
    Action.FLAG: "Attachment flagged",
    Action.QUARANTINE: "Attachment quarantined",
    Action.REJECT: "Attachment rejected",
}
_REMEDIES: Mapping[str, int] = {"remove": 2, "publish": 3}  # activity_id: evict, restore


def ocsf(raw: bytes, record: _Record) -> dict[str, Any]:
    """One record as one event. raw: as it is stored."""
    class_uid, activity, own = _CLASSES.get(record["event"], _base)(record)
    event = {
        "class_uid": class_uid,
        "category_uid": class_uid // 1000,
        "activity_id": activity,
        "type_uid": class_uid * 100 + activity,
        "time": round(datetime.fromisoformat(record["time"]).timestamp() * 1000),
        "severity_id": _INFORMATIONAL,
        "message": record["event"],
        **own,
        "metadata": _metadata(raw, record, "action_id" in own),
        "unmapped": {key: value for key, value in record.items() if key not in ("v", "time", "event", "seq")},
    }
    if activity == _OTHER:
        event["activity_name"] = record["event"]
    return event


def _metadata(raw: bytes, record: _Record, is_control: bool) -> dict[str, Any]:
    found = {
        "version": VERSION,
        "product": {"name": "Lazaretto", "vendor_name": "Lazaretto"},
        "uid": link(raw),
        "sequence": record["seq"],
        "event_code": record["event"],
        "log_name": "audit",
        "log_version": str(record["v"]),
        "original_time": record["time"],
    }
    if record["attachment"] is not None:
        found["correlation_uid"] = record["attachment"]
    if is_control:
        found["profiles"] = ["security_control"]
    return found


# ── Classes ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def _base(_record: _Record) -> _Mapped:
    return 0, _OTHER, {}


def _decided(record: _Record) -> _Mapped:
    """Detection Finding: a decision against an attachment. One to forward it is no finding."""
    action = record["data"]["action"]
    if action not in _SEVERITY:
        return _base(record)
    acted, disposition = _DISPOSITION[action] if record["data"]["enforced"] else _UNENFORCED
    told = {"severity_id": _SEVERITY[action], "action_id": acted, "disposition_id": disposition}
    return 2004, _CREATE, told | _finding(record, _NEW, _TITLES[action])


def _case(activity: int, status: int, title: str) -> Callable[[_Record], _Mapped]:
    """Detection Finding: what becomes of the finding that a decision was."""

    def mapped(record: _Record) -> _Mapped:
        return 2004, activity, _finding(record, status, title)

    return mapped


def _finding(record: _Record, status: int, title: str) -> dict[str, Any]:
    info: dict[str, Any] = {"uid": record["attachment"] or f"case-{record['case']}", "title": title}
    if record["rules"]:
        info["types"] = list(record["rules"])
    return {"status_id": status, "finding_info": info}


def _screened(record: _Record) -> _Mapped:
    """Scan Activity: its files were looked at."""
    parts = record["data"]["parts"]
    scan = {"uid": record["attachment"], "type_id": _OTHER, "type": "Attachment"}
    return 6007, 2, {"scan": scan, "num_files": len(parts), "num_detections": sum(part["findings"] for part in parts)}


def _life(activity: int) -> Callable[[_Record], _Mapped]:
    """Application Lifecycle."""

    def mapped(record: _Record) -> _Mapped:
        version = record["data"].get("version")
        return 6002, activity, {"app": {"name": "Lazaretto"} | ({"version": version} if version else {})}

    return mapped


def _error(record: _Record) -> _Mapped:
    """Application Error: something of ours, or around us, does not work, or works again."""
    data = record["data"]
    return 6008, 1, {"severity_id": _MEDIUM if data.get("on", True) else _INFORMATIONAL, **_why(data)}


def _why(data: Mapping[str, Any]) -> dict[str, Any]:
    return {"status_detail": data["why"]} if data.get("why") else {}


def _deed(status: int) -> Callable[[_Record], _Mapped]:
    """Remediation Activity: what is done to the chat about an attachment. Cards only tell of it."""

    def mapped(record: _Record) -> _Mapped:
        data = record["data"]
        remedy = _REMEDIES.get(data["kind"])
        if remedy is None:
            return _base(record)
        return 7001, remedy, {"command_uid": str(data["deed"]), "status_id": status, **_why(data)}

    return mapped


def _entity(kind: str, activity: int, name: Callable[[_Record], str], status: int = _SUCCESS) -> Callable[..., _Mapped]:
    """Entity Management: somebody changed something, or tried to."""

    def mapped(record: _Record) -> _Mapped:
        told: dict[str, Any] = {"entity": {"name": name(record), "type": kind}, "status_id": status}
        if record["subject"] is not None:
            told["actor"] = {"user": {"uid": record["subject"]}}
        if record["data"].get("ok") is False:
            told["status_id"] = _FAILURE
        return 3004, activity, told | _why(record["data"])

    return mapped


def _case_name(record: _Record) -> str:
    return "case" if record["case"] is None else f"case {record['case']}"


_CLASSES: Mapping[str, Callable[[_Record], _Mapped]] = MappingProxyType(
    {
        Event.STARTED: _life(3),
        Event.STOPPED: _life(4),
        Event.RESTORED: _life(_OTHER),
        Event.GAP: _error,
        Event.ALARM: _error,
        Event.SET_ASIDE: _error,
        Event.UPDATE_SET_ASIDE: _error,
        Event.SCREENED: _screened,
        Event.DECIDED: _decided,
        Event.OPENED: _case(_UPDATE, _NEW, "Case opened"),
        Event.FIRST_APPROVAL: _case(_UPDATE, _IN_PROGRESS, "First approval of a release"),
        Event.APPEALED: _case(_UPDATE, _NEW, "Sender asks for another look"),
        Event.APPROVED: _case(_UPDATE, _IN_PROGRESS, "Release approved"),
        Event.REOPENED: _case(_UPDATE, _NEW, "Release did not come about"),
        Event.RELEASED: _case(_CLOSE, _SUPPRESSED, "Attachment released"),
        Event.CONFIRMED: _case(_CLOSE, _RESOLVED, "Attachment confirmed as bad"),
        Event.EXPIRED: _case(_CLOSE, _ARCHIVED, "Nobody decided in time"),
        Event.ATTEMPTED: _deed(0),
        Event.DONE: _deed(_SUCCESS),
        Event.FAILED: _deed(_FAILURE),
        Event.UNKNOWN: _deed(0),
        Event.REFUSED_PRESS: _entity("Case", 3, _case_name, _FAILURE),
        Event.PENALTY: _entity("Member", 3, lambda record: str(record["data"]["penalty"])),
        Event.CHAT_MOVED: _entity("Chat", 5, lambda record: str(record["data"]["new"])),
        Event.ERASED: _entity("Personal data", 4, lambda _record: "personal data of the subject"),
        Event.PURGED: _entity("Retention", 4, lambda record: str(record["data"]["kind"])),
        Event.POLICY_CHANGED: _entity("Policy", 3, lambda record: str(record["data"]["policy"])),
        Event.SETTING_CHANGED: _entity("Setting", 3, lambda record: str(record["data"]["key"])),
        Event.INTENT_FINISHED: _entity("Command", 3, lambda record: str(record["data"]["verb"])),
    }
)
"""All others, and events that are newer than this table, are Base Events."""
