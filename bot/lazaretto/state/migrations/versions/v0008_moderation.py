"""Releases that need two moderators, appeals, and strikes."""

from alembic import op

revision = "0008"
down_revision = "0007"

STATEMENTS = (
    "ALTER TABLE cases ADD COLUMN second INTEGER",
    "ALTER TABLE cases ADD COLUMN appealed_at TEXT",
    "ALTER TABLE cases ADD COLUMN struck INTEGER",
)

STEPS = (("appealed", "release-pending"),)
"""What is released after an appeal has to be posted again first, as any other release."""


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)
    for origin, target in STEPS:
        op.execute(f"INSERT INTO case_steps (origin, target) VALUES ('{origin}', '{target}')")  # noqa: S608 - ours
