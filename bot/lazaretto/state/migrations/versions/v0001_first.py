"""The first schema. A published migration is never edited: what changes later is a migration of its own."""

from alembic import op

revision = "0001"
down_revision = None

TABLES = """
CREATE TABLE people (
    subject TEXT NOT NULL PRIMARY KEY,
    platform TEXT NOT NULL,
    user_id TEXT NOT NULL,
    name TEXT NOT NULL,
    username TEXT,
    CONSTRAINT people_once UNIQUE (platform, user_id)
);
CREATE TABLE personal (
    id INTEGER NOT NULL PRIMARY KEY,
    subject TEXT NOT NULL,
    salt BLOB NOT NULL,
    json TEXT NOT NULL
);
CREATE INDEX personal_by_subject ON personal (subject);
CREATE TABLE attachments (
    number INTEGER NOT NULL PRIMARY KEY,
    id TEXT NOT NULL,
    platform TEXT NOT NULL,
    chat TEXT,
    message TEXT NOT NULL,
    thread TEXT,
    private INTEGER NOT NULL,
    channel INTEGER NOT NULL,
    update_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    subject TEXT NOT NULL,
    personal INTEGER,
    posted_at TEXT NOT NULL,
    received_at TEXT NOT NULL,
    action TEXT,
    enforced INTEGER,
    reasons TEXT,
    policy TEXT,
    state TEXT NOT NULL,
    removed_at TEXT,
    CONSTRAINT attachments_once UNIQUE (id),
    FOREIGN KEY (personal) REFERENCES personal (id) ON DELETE SET NULL
);
CREATE INDEX attachments_by_state ON attachments (state);
CREATE INDEX attachments_by_subject ON attachments (subject);
CREATE INDEX attachments_by_personal ON attachments (personal);
CREATE TABLE updates (
    attachment TEXT NOT NULL PRIMARY KEY,
    json TEXT NOT NULL,
    FOREIGN KEY (attachment) REFERENCES attachments (id)
);
CREATE TABLE parts (
    attachment TEXT NOT NULL,
    part INTEGER NOT NULL,
    file_id TEXT NOT NULL,
    unique_id TEXT NOT NULL,
    path TEXT NOT NULL,
    media_type TEXT,
    size INTEGER,
    sha256 TEXT,
    report INTEGER,
    item TEXT,
    item_size INTEGER,
    PRIMARY KEY (attachment, part),
    FOREIGN KEY (attachment) REFERENCES attachments (id),
    FOREIGN KEY (report) REFERENCES personal (id) ON DELETE SET NULL
);
CREATE INDEX parts_by_report ON parts (report);
CREATE TABLE cases (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    attachment TEXT NOT NULL,
    state TEXT NOT NULL,
    opened_at TEXT NOT NULL,
    closed_at TEXT,
    closed_by TEXT,
    moderators TEXT,
    card TEXT,
    CONSTRAINT cases_once UNIQUE (attachment),
    FOREIGN KEY (attachment) REFERENCES attachments (id)
);
CREATE INDEX cases_by_state ON cases (state);
CREATE TABLE case_steps (
    origin TEXT NOT NULL,
    target TEXT NOT NULL,
    PRIMARY KEY (origin, target)
);
CREATE TABLE outbox (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL,
    attachment TEXT NOT NULL,
    "case" INTEGER,
    "key" TEXT NOT NULL,
    state TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    not_before TEXT,
    note TEXT NOT NULL,
    result TEXT,
    CONSTRAINT outbox_once UNIQUE ("key"),
    FOREIGN KEY (attachment) REFERENCES attachments (id),
    FOREIGN KEY ("case") REFERENCES cases (id)
);
CREATE INDEX outbox_by_state ON outbox (state);
CREATE INDEX outbox_by_attachment ON outbox (attachment);
CREATE TABLE intents (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    verb TEXT NOT NULL,
    arguments TEXT,
    "by" TEXT NOT NULL,
    created_at TEXT NOT NULL,
    state TEXT NOT NULL,
    result TEXT
);
CREATE INDEX intents_by_state ON intents (state);
CREATE TABLE grants (
    platform TEXT NOT NULL,
    room TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    risk TEXT NOT NULL,
    expires_at TEXT NOT NULL,
    "case" INTEGER NOT NULL,
    "by" TEXT NOT NULL,
    PRIMARY KEY (platform, room, sha256, risk),
    FOREIGN KEY ("case") REFERENCES cases (id)
);
CREATE TABLE confirmed (
    platform TEXT NOT NULL,
    room TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    "case" INTEGER NOT NULL,
    "by" TEXT NOT NULL,
    PRIMARY KEY (platform, room, sha256),
    FOREIGN KEY ("case") REFERENCES cases (id)
);
CREATE TABLE chat_settings (
    platform TEXT NOT NULL,
    room TEXT NOT NULL,
    "key" TEXT NOT NULL,
    value TEXT NOT NULL,
    "by" TEXT NOT NULL,
    at TEXT NOT NULL,
    PRIMARY KEY (platform, room, "key")
);
CREATE TABLE audit (
    seq INTEGER NOT NULL PRIMARY KEY,
    record BLOB NOT NULL
);
"""

# A case goes its way by these steps and by no other, whoever holds the pen.
STEPS = (
    ("open", "release-pending"),
    ("open", "released"),
    ("open", "confirmed"),
    ("open", "expired"),
    ("open", "erased"),
    ("release-pending", "released"),
    ("release-pending", "open"),
    ("release-pending", "erased"),
    ("released", "appealed"),
    ("released", "erased"),
    ("confirmed", "appealed"),
    ("confirmed", "erased"),
    ("appealed", "released"),
    ("appealed", "confirmed"),
    ("appealed", "erased"),
    ("expired", "erased"),
)

TRIGGERS = (
    """
    CREATE TRIGGER cases_begin_open BEFORE INSERT ON cases WHEN NEW.state <> 'open'
    BEGIN SELECT RAISE(ABORT, 'a case begins open'); END
    """,
    """
    CREATE TRIGGER cases_take_legal_steps BEFORE UPDATE OF state ON cases
    WHEN NEW.state <> OLD.state
     AND NOT EXISTS (SELECT 1 FROM case_steps WHERE origin = OLD.state AND target = NEW.state)
    BEGIN SELECT RAISE(ABORT, 'no such step for a case'); END
    """,
    """
    CREATE TRIGGER audit_is_not_changed BEFORE UPDATE ON audit
    BEGIN SELECT RAISE(ABORT, 'audit records are never changed'); END
    """,
    """
    CREATE TRIGGER audit_is_not_deleted BEFORE DELETE ON audit
    BEGIN SELECT RAISE(ABORT, 'audit records are never deleted'); END
    """,
)


def upgrade() -> None:
    for statement in TABLES.split(";"):
        if statement.strip():
            op.execute(statement)
    for origin, target in STEPS:
        op.execute(f"INSERT INTO case_steps (origin, target) VALUES ('{origin}', '{target}')")  # noqa: S608 - ours
    for trigger in TRIGGERS:
        op.execute(trigger)
