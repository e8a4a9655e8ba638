"""Updates that were set aside, and the bot's last sign of life."""

from alembic import op

revision = "0003"
down_revision = "0002"

STATEMENTS = (
    """
    CREATE TABLE aside (
        number INTEGER NOT NULL PRIMARY KEY,
        update_id TEXT,
        why TEXT NOT NULL,
        at TEXT NOT NULL,
        personal INTEGER,
        FOREIGN KEY (personal) REFERENCES personal (id) ON DELETE SET NULL
    )
    """,
    "CREATE INDEX aside_by_update ON aside (update_id)",
    "CREATE INDEX aside_by_personal ON aside (personal)",
    "CREATE TABLE life (id INTEGER NOT NULL PRIMARY KEY, at TEXT NOT NULL)",
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)
