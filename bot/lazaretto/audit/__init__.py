"""The audit log: a hash chain in the same database, and transactions, as what it speaks of.

async with AuditedStore.open(Path("state")) as store: ...
verdict = asyncio.run(verify_database(Path("state"), Head.parse("41:9f...")))
"""

from lazaretto.audit.chain import Head, Ledger, head
from lazaretto.audit.covered import Covered, covered
from lazaretto.audit.events import Event
from lazaretto.audit.export import export, records
from lazaretto.audit.settings import Settings
from lazaretto.audit.store import AuditedStore, Erasure
from lazaretto.audit.verify import Fault, Kind, Verdict, verify_connection, verify_database, verify_file

__all__ = [
    "AuditedStore",
    "Covered",
    "Erasure",
    "Event",
    "Fault",
    "Head",
    "Kind",
    "Ledger",
    "Settings",
    "Verdict",
    "covered",
    "export",
    "head",
    "records",
    "verify_connection",
    "verify_database",
    "verify_file",
]
