"""Retention: what is to be shredded, who is idle, how far it has come, and records that may be purged."""

from alembic import op

revision = "0004"
down_revision = "0003"

# A record may become its own tombstone and nothing else: exactly these bytes, made from its own number and `prev`,
# naming a later record of a purge. Purges themselves stay, because they answer for the tombstones. JSON is cast to
# text throughout: newer versions of SQLite take a blob for their own binary JSON.
STATEMENTS = (
    "ALTER TABLE parts ADD COLUMN doomed INTEGER",
    "CREATE INDEX parts_by_item ON parts (item)",
    "CREATE INDEX attachments_by_room ON attachments (platform, chat, channel, received_at)",
    "CREATE INDEX attachments_by_arrival ON attachments (received_at)",
    "CREATE INDEX cases_by_closer ON cases (closed_by)",
    "ALTER TABLE people ADD COLUMN idle_since TEXT",
    "CREATE TABLE retention (name TEXT NOT NULL PRIMARY KEY, value TEXT NOT NULL)",
    "DROP TRIGGER audit_is_not_changed",
    """
    CREATE TRIGGER audit_is_not_changed BEFORE UPDATE ON audit
    WHEN NOT COALESCE(CASE
        WHEN NEW.seq = OLD.seq
         AND typeof(NEW.record) = 'blob'
         AND json_valid(CAST(OLD.record AS TEXT))
         AND json_valid(CAST(NEW.record AS TEXT))
        THEN json_extract(CAST(OLD.record AS TEXT), '$.event') IS NOT NULL
         AND json_extract(CAST(OLD.record AS TEXT), '$.data.digest') IS NULL
         AND CAST(NEW.record AS TEXT) = '{"hash":"' || json_extract(CAST(NEW.record AS TEXT), '$.hash')
             || '","prev":"' || json_extract(CAST(OLD.record AS TEXT), '$.prev')
             || '","purged":' || json_extract(CAST(NEW.record AS TEXT), '$.purged')
             || ',"seq":' || OLD.seq
             || ',"time":"' || json_extract(CAST(OLD.record AS TEXT), '$.time') || '"}'
         AND EXISTS (
             SELECT 1 FROM audit AS purge
             WHERE purge.seq = json_extract(CAST(NEW.record AS TEXT), '$.purged')
               AND purge.seq > OLD.seq
               AND json_extract(CAST(purge.record AS TEXT), '$.event') = 'purged'
               AND json_extract(CAST(purge.record AS TEXT), '$.data.digest') IS NOT NULL
         )
        ELSE 0
    END, 0)
    BEGIN SELECT RAISE(ABORT, 'audit records are never changed'); END
    """,
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.get_bind().exec_driver_sql(statement)
