"""Groups that the bot was added to, and ids that have become others."""

from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.execute(
        "CREATE TABLE chats (platform TEXT NOT NULL, chat TEXT NOT NULL, greeted_at TEXT, moved_to TEXT,"
        " PRIMARY KEY (platform, chat))"
    )
