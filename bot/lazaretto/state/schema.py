"""The tables. `migrations/` makes them; a test holds the two against each other.

Who posted what is kept apart, so that a person can be erased: names, user ids, captions, file names, findings'
evidence and ids of private chats are in `people`, `personal`, `personal_words` and `updates` alone. Everything else
names a person by `subject`, a random id.
"""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Index, Integer, LargeBinary, MetaData, Table, UniqueConstraint

from lazaretto.state.codec import Instant, Json, Words

__all__ = [
    "aside",
    "attachments",
    "audit",
    "audit_indexed",
    "audit_postings",
    "audit_terms",
    "case_steps",
    "cases",
    "chat_settings",
    "chats",
    "confirmed",
    "grants",
    "intents",
    "life",
    "metadata",
    "outbox",
    "parts",
    "people",
    "personal",
    "personal_words",
    "retention",
    "updates",
    "weekly",
]

metadata = MetaData()

people = Table(
    "people",
    metadata,
    Column("subject", Words, primary_key=True, nullable=False),
    Column("platform", Words, nullable=False),
    Column("user_id", Words, nullable=False),
    Column("name", Words, nullable=False),
    Column("username", Words),
    Column("idle_since", Instant),  # since when nothing that is kept speaks of them
    UniqueConstraint("platform", "user_id", name="people_once"),
)

# One erasable JSON value. The audit log holds SHA-256(salt || json), which proves it while it is there and, because
# of the salt, tells nothing once it is gone.
personal = Table(
    "personal",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("subject", Words, nullable=False),
    Column("salt", LargeBinary, nullable=False),
    Column("json", Words, nullable=False),
    Index("personal_by_subject", "subject"),
)

attachments = Table(
    "attachments",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("id", Words, nullable=False),
    Column("platform", Words, nullable=False),
    Column("chat", Words),  # NULL in a private chat, whose id is its member's
    Column("message", Words, nullable=False),
    Column("thread", Words),
    Column("private", Integer, nullable=False),
    Column("channel", Integer, nullable=False),
    Column("update_id", Words, nullable=False),
    Column("kind", Words, nullable=False),
    Column("subject", Words, nullable=False),
    Column("personal", Integer, ForeignKey("personal.id", ondelete="SET NULL")),
    Column("posted_at", Instant, nullable=False),
    Column("received_at", Instant, nullable=False),
    Column("action", Words),
    Column("enforced", Integer),
    Column("reasons", Json),
    Column("policy", Words),
    Column("state", Words, nullable=False),
    Column("removed_at", Instant),
    Column("account", Words),  # the business account for which the bot acts in this chat
    Column("album", Words),
    Column("joined", Words),  # the id of the album that stands for it
    UniqueConstraint("id", name="attachments_once"),
    Index("attachments_by_state", "state"),
    Index("attachments_by_subject", "subject"),
    Index("attachments_by_room", "platform", "chat", "channel", "received_at"),
    Index("attachments_by_arrival", "received_at"),
    Index("attachments_by_personal", "personal"),  # erasing looks for references to what it deletes
    Index("attachments_by_joined", "joined"),
)

# The platform's delivery as it came, until the attachment, or the album that it was joined to, is finished.
updates = Table(
    "updates",
    metadata,
    Column("attachment", Words, ForeignKey("attachments.id"), primary_key=True, nullable=False),
    Column("json", Words, nullable=False),
)

parts = Table(
    "parts",
    metadata,
    Column("attachment", Words, ForeignKey("attachments.id"), primary_key=True, nullable=False),
    Column("part", Integer, primary_key=True, nullable=False),
    Column("file_id", Words, nullable=False),
    Column("unique_id", Words, nullable=False),
    Column("path", Words, nullable=False),
    Column("media_type", Words),
    Column("size", Integer),
    Column("sha256", Words),
    Column("report", Integer, ForeignKey("personal.id", ondelete="SET NULL")),
    Column("item", Words),  # in the vault
    Column("item_size", Integer),
    Column("message", Words),  # NULL where it is its attachment's
    Column("doomed", Integer),  # its time in the vault is over
    Index("parts_by_item", "item"),
    Index("parts_by_report", "report"),
    Index("parts_by_digest", "sha256"),
)

cases = Table(
    "cases",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("attachment", Words, ForeignKey("attachments.id"), nullable=False),
    Column("state", Words, nullable=False),
    Column("opened_at", Instant, nullable=False),
    Column("closed_at", Instant),
    Column("closed_by", Words),  # a subject; while a release is pending, who approved it
    Column("moderators", Words),
    Column("card", Words),
    Column("lead", Integer, ForeignKey("cases.id")),  # whose card decides about this one, too
    Column("second", Integer),  # 1 while a release that `closed_by` approved waits for a second moderator
    Column("appealed_at", Instant),
    Column("struck", Integer),  # 1 once it has counted towards a consequence for its sender
    UniqueConstraint("attachment", name="cases_once"),
    Index("cases_by_state", "state"),
    Index("cases_by_closer", "closed_by"),
    Index("cases_by_lead", "lead"),
    Index("cases_by_opening", "opened_at"),
    sqlite_autoincrement=True,  # a number that people have seen on a card is never given out again
)

# The legal steps of a case. Triggers abort every other.
case_steps = Table(
    "case_steps",
    metadata,
    Column("origin", Words, primary_key=True, nullable=False),
    Column("target", Words, primary_key=True, nullable=False),
)

outbox = Table(
    "outbox",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("kind", Words, nullable=False),
    Column("attachment", Words, ForeignKey("attachments.id"), nullable=False),
    Column("case", Integer, ForeignKey("cases.id")),
    Column("key", Words, nullable=False),
    Column("state", Words, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("not_before", Instant),
    Column("note", Words, nullable=False),
    Column("result", Words),
    UniqueConstraint("key", name="outbox_once"),
    Index("outbox_by_state", "state"),
    Index("outbox_by_attachment", "attachment"),
    sqlite_autoincrement=True,
)

intents = Table(
    "intents",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("verb", Words, nullable=False),
    Column("arguments", Json),  # forgotten when the intent is finished
    Column("by", Words, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("state", Words, nullable=False),
    Column("result", Words),
    Index("intents_by_state", "state"),
    sqlite_autoincrement=True,
)

# `room` in the three tables below: the chat, or for a private chat its member's subject (see people.room).
grants = Table(
    "grants",
    metadata,
    Column("platform", Words, primary_key=True, nullable=False),
    Column("room", Words, primary_key=True, nullable=False),
    Column("sha256", Words, primary_key=True, nullable=False),
    Column("risk", Words, primary_key=True, nullable=False),
    Column("expires_at", Instant, nullable=False),
    Column("case", Integer, ForeignKey("cases.id"), nullable=False),
    Column("by", Words, nullable=False),
)

confirmed = Table(
    "confirmed",
    metadata,
    Column("platform", Words, primary_key=True, nullable=False),
    Column("room", Words, primary_key=True, nullable=False),
    Column("sha256", Words, primary_key=True, nullable=False),
    Column("case", Integer, ForeignKey("cases.id"), nullable=False),
    Column("by", Words, nullable=False),
)

chat_settings = Table(
    "chat_settings",
    metadata,
    Column("platform", Words, primary_key=True, nullable=False),
    Column("room", Words, primary_key=True, nullable=False),
    Column("key", Words, primary_key=True, nullable=False),
    Column("value", Json, nullable=False),
    Column("by", Words, nullable=False),
    Column("at", Instant, nullable=False),
)

# Groups that the bot was added to, and ids that have become others.
chats = Table(
    "chats",
    metadata,
    Column("platform", Words, primary_key=True, nullable=False),
    Column("chat", Words, primary_key=True, nullable=False),
    Column("greeted_at", Instant),
    Column("moved_to", Words),
)

# Updates that nobody could handle, as they came. `personal` holds the JSON, so that it can be erased.
aside = Table(
    "aside",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("update_id", Words),  # NULL where it has none
    Column("why", Words, nullable=False),
    Column("at", Instant, nullable=False),
    Column("personal", Integer, ForeignKey("personal.id", ondelete="SET NULL")),
    Index("aside_by_update", "update_id"),
    Index("aside_by_personal", "personal"),
)

# One row: when the bot last lived. Not a record of the audit log, which would grow by it.
life = Table(
    "life",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("at", Instant, nullable=False),
)

# How far retention has come: `clock`, and by chat the audit record up to which everything that was due is purged.
retention = Table(
    "retention",
    metadata,
    Column("name", Words, primary_key=True, nullable=False),
    Column("value", Words, nullable=False),
)

# Up to when a chat's moderators have had their weekly report. `room` is never a private chat.
weekly = Table(
    "weekly",
    metadata,
    Column("platform", Words, primary_key=True, nullable=False),
    Column("room", Words, primary_key=True, nullable=False),
    Column("until", Instant, nullable=False),
)

# `record` is exactly the bytes that the next record's `prev` is the hash of.
audit = Table(
    "audit",
    metadata,
    Column("seq", Integer, primary_key=True),
    Column("record", LargeBinary, nullable=False),
)

# Which records have which term, for searching: see `log_index`. The chain knows nothing of it.
audit_terms = Table(
    "audit_terms",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("term", Words, nullable=False),
    Index("audit_terms_once", "term", unique=True),
)
audit_postings = Table(
    "audit_postings",
    metadata,
    Column("term", Integer, primary_key=True, nullable=False),
    Column("seq", Integer, primary_key=True, nullable=False),
    sqlite_with_rowid=False,
)

# One row: the last record that is in the index.
audit_indexed = Table(
    "audit_indexed",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("seq", Integer, nullable=False),
)

# The words of names, captions and file names; they go with the row that they are from.
personal_words = Table(
    "personal_words",
    metadata,
    Column("word", Words, primary_key=True, nullable=False),
    Column("personal", Integer, ForeignKey("personal.id", ondelete="CASCADE"), primary_key=True, nullable=False),
    Index("personal_words_by_personal", "personal"),
    sqlite_with_rowid=False,
)
