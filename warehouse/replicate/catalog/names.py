"""The names of what replication makes in the warehouse: each is written once, here."""

from __future__ import annotations

from warehouse.core.history_names import HISTORY, KNOWN_FROM, OPERATION, OWN_COLUMNS

__all__ = [
    "AS_AT",
    "AS_KNOWN_AT",
    "BY_HAND",
    "DISCARD",
    "FIRST_COPY",
    "HISTORY",
    "KNOWN_FROM",
    "LISTED_KEYS",
    "OPERATION",
    "OWN_COLUMNS",
    "TRIGGERS",
    "VERSIONS",
]

VERSIONS = "versions"
"""The schema of the views that show every version of every row."""

AS_KNOWN_AT = "as_known_at"
AS_AT = "as_at"
"""The schemas of the functions that ask history, one for each table."""

# PostgreSQL fires triggers of one kind in the order of their names. What empties or cleans a row comes first.
DISCARD = "a_discard_held"
"""The trigger that empties columns that are not classified yet."""

FIRST_COPY = "a_first_copy"
"""The trigger that records the transaction of the copy of a later table."""

LISTED_KEYS = "a_listed_keys"
"""The trigger that leaves out of JSON columns what is not listed, before history can see it."""

TRIGGERS = ("b_suppress_unchanged", "c_keep_history", "c_keep_history_of_deleted", "c_keep_history_of_truncated")
"""The triggers that keep a table's history."""

BY_HAND = "z_by_hand_"
"""What the names of the triggers begin with that record manual writes; the operation follows."""
