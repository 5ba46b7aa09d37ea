"""Whether the replica's content is the source's, and which keys differ: used by reconcile and by repair.

A row becomes a hash of its published columns (row_hash.py), and falls by the hash of its key into one of some thousand
ranges; for each range the servers return the number of rows and a sum of their hashes. Only for ranges that differ do
keys travel (ranges.py). Where no difference is expected, the whole table is summed as one range first (engine.py, by
one session on each side for each worker: session.py). See docs/adr/0011. Where a table was proven equal before, only
what was written since is read (incremental.py, which is the only way to proof.py; proofs.py is the ledger of proofs).
See docs/adr/0016.
"""

from warehouse.replicate.compare.engine import tables
from warehouse.replicate.compare.keys import Key, Keys
from warehouse.replicate.compare.left_out import left_out, raise_if_left_out
from warehouse.replicate.compare.lookup import listed, same_key
from warehouse.replicate.compare.proof import is_new
from warehouse.replicate.compare.spec import (
    AsOf,
    Horizon,
    Proof,
    SourceSnapshot,
    TableComparison,
    TableSpec,
    WarehouseState,
    specs,
)

__all__ = [
    "AsOf",
    "Horizon",
    "Key",
    "Keys",
    "Proof",
    "SourceSnapshot",
    "TableComparison",
    "TableSpec",
    "WarehouseState",
    "is_new",
    "left_out",
    "listed",
    "raise_if_left_out",
    "same_key",
    "specs",
    "tables",
]
