"""Tables of the replica compared with a snapshot of the source, and made equal to it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import psycopg
from psycopg import sql

from warehouse.replicate import compare
from warehouse.replicate.catalog import meaning
from warehouse.replicate.compare import proofs
from warehouse.replicate.ledger import differences, gaps
from warehouse.replicate.ledger.differences import Known
from warehouse.replicate.ledger.gaps import Gap
from warehouse.replicate.link import Ends
from warehouse.replicate.sync import rewritten
from warehouse.replicate.sync.write import Snapshot, write_differences


@dataclass(frozen=True)
class Repaired:
    """What repair_tables() did.

    Attributes:
        equal: the tables that are equal to the snapshot now.
        held: those that were left as they are.
    """

    equal: frozenset[str] = frozenset()
    held: list[Known] = field(default_factory=list)


def repair_tables(
    ends: Ends, open_gaps: Sequence[Gap], tables: list[str], snapshot: str, meanings: meaning.Meanings
) -> Repaired:
    """Compare tables with a snapshot of the source, and write what differs; the stream is off meanwhile.

    A table of which too much would be deleted is left as it is, and recorded.

    Args:
        meanings: what the source's names meant before the snapshot.

    Raises:
        ReplicationError: the source rewrote a table meanwhile, so that it reads as empty. Nothing was written.
    """
    specs, found = compare_tables(ends, tables, snapshot)
    rewritten.refuse(ends, [one.table for one in found if one.rewritten], meanings)
    held = [one.known(deletes_held=True) for one in found if ends.limit.holds(one.known())]
    left = {one.table for one in held}
    differences.record(ends.warehouse, held, "repair")
    snapshot_at = open_gaps[0].to_time
    assert snapshot_at is not None
    with on_snapshot(ends, snapshot) as reading:
        differing = [
            (spec, one) for spec, one in zip(specs, found, strict=True) if not one.is_equal and one.table not in left
        ]
        written = write_differences(ends, Snapshot(reading, snapshot_at), open_gaps, differing)
    found = [one for one in found if one.table not in left]
    gaps.compared(ends.warehouse, open_gaps, [one.compared for one in found])
    # The snapshot of a slot is durable: it shows what the slot has read, and that had been flushed.
    proofs.record(ends.warehouse, found, written)
    return Repaired(frozenset(one.table for one in found), held)


def compare_tables(
    ends: Ends, tables: Iterable[str], snapshot: str
) -> tuple[list[compare.TableSpec], list[compare.TableComparison]]:
    """Compare tables of the replica with a snapshot of the source; the stream is off meanwhile."""
    specs = compare.specs(ends.trs, ends.warehouse, ends.classification, tables)
    ends.progress.say("comparing the replica with the source")
    found = compare.tables(
        specs,
        compare.SourceSnapshot(ends.databases.source, snapshot),
        compare.WarehouseState(ends.databases.warehouse),
        proofs={} if ends.depth == "full" else proofs.read(ends.warehouse, ends.schema),
        progress=ends.progress,
    )
    return specs, found


@contextmanager
def on_snapshot(ends: Ends, snapshot: str) -> Iterator[psycopg.Connection]:
    """A connection to the source inside a transaction on an exported snapshot."""
    with ends.databases.source() as reading:
        reading.execute("begin isolation level repeatable read read only")
        reading.execute(sql.SQL("set transaction snapshot {}").format(sql.Literal(snapshot)))
        yield reading
