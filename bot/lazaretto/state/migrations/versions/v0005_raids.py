"""Raids: cases that follow another one, whose card decides about all of them."""

from alembic import op

revision = "0005"
down_revision = "0004"

STATEMENTS = (
    "ALTER TABLE cases ADD COLUMN lead INTEGER REFERENCES cases (id)",
    "CREATE INDEX cases_by_lead ON cases (lead)",
    "CREATE INDEX cases_by_opening ON cases (opened_at)",
    "CREATE INDEX parts_by_digest ON parts (sha256)",
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)
