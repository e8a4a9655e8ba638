"""An index of the audit log, so that it can be searched. What an older program wrote is indexed here."""

from alembic import op

from lazaretto.state import log_index

revision = "0006"
down_revision = "0005"

STATEMENTS = (
    "CREATE TABLE audit_terms (id INTEGER NOT NULL PRIMARY KEY, term TEXT NOT NULL)",
    "CREATE UNIQUE INDEX audit_terms_once ON audit_terms (term)",
    "CREATE TABLE audit_postings (term INTEGER NOT NULL, seq INTEGER NOT NULL, PRIMARY KEY (term, seq)) WITHOUT ROWID",
    "CREATE TABLE audit_indexed (id INTEGER NOT NULL PRIMARY KEY, seq INTEGER NOT NULL)",
    # A person's words go with the row that they are from, whoever deletes it.
    """
    CREATE TABLE personal_words (
        word TEXT NOT NULL,
        personal INTEGER NOT NULL,
        PRIMARY KEY (word, personal),
        FOREIGN KEY (personal) REFERENCES personal (id) ON DELETE CASCADE
    ) WITHOUT ROWID
    """,
    "CREATE INDEX personal_words_by_personal ON personal_words (personal)",
)


def upgrade() -> None:
    connection = op.get_bind()
    for statement in STATEMENTS:
        connection.exec_driver_sql(statement)
    while log_index.catch_up(connection, 5000):
        pass
