"""What replication calls its tables of versions: the delivery stage reads them, too, and each name is written once."""

from __future__ import annotations

from typing import Final

HISTORY: Final = "history"
"""The schema of the logs, the settled history and the triggers' functions."""

LOG: Final = "_log"
"""What the name of a table's log ends with, in that schema."""

KNOWN_FROM: Final = "_known_from_xid"
OPERATION: Final = "_operation"
OWN_COLUMNS: Final = (KNOWN_FROM, OPERATION)
"""The columns of a replica's table that are not the source's."""

LOG_COLUMNS: Final = ("version", "known_to_xid", "ended_by")
"""What the delivery stage reads of a log."""

HISTORY_COLUMNS: Final = (
    "from_xid",
    "to_xid",
    "known_from",
    "known_to",
    "began_after",
    "ended_after",
    "operation",
    "ended_by",
    "epoch_id",
)
"""The columns of the settled history that are not the table's."""
