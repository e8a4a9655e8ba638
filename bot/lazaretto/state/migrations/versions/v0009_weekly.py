"""Up to when a chat's moderators have had their weekly report."""

from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    op.execute(
        "CREATE TABLE weekly (platform TEXT NOT NULL, room TEXT NOT NULL, until TEXT NOT NULL,"
        " PRIMARY KEY (platform, room))"
    )
