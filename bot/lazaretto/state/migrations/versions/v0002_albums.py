"""Albums, whose messages are judged together, and chats in which the bot acts for a business account."""

from alembic import op

revision = "0002"
down_revision = "0001"

STATEMENTS = (
    "ALTER TABLE attachments ADD COLUMN account TEXT",
    "ALTER TABLE attachments ADD COLUMN album TEXT",
    "ALTER TABLE attachments ADD COLUMN joined TEXT",
    "CREATE INDEX attachments_by_joined ON attachments (joined)",
    "ALTER TABLE parts ADD COLUMN message TEXT",
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)
