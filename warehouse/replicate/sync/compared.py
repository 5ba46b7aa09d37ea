"""Tables of the replica compared with a snapshot of the source, and made equal to it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import psycopg
from psycopg import sql

from warehouse.core.progress import Progress
from warehouse.replicate import compare
from warehouse.replicate.catalog import meaning
from warehouse.replicate.compare import proofs
from warehouse.replicate.ledger import differences, gaps
from warehouse.replicate.ledger.differences import Known
from warehouse.replicate.ledger.epochs import Epoch
from warehouse.replicate.ledger.gaps import Gap
from warehouse.replicate.link import Ends
from warehouse.replicate.sync import rewritten
from warehouse.replicate.sync.write import Mending, mend


@dataclass(frozen=True)
class Mended:
    """What mend_tables() did.

    Attributes:
        equal: the tables that are equal to the snapshot now.
        held: those that were left as they are.
    """

    equal: frozenset[str] = frozenset()
    held: list[Known] = field(default_factory=list)


def mend_tables(
    ends: Ends,
    epoch: Epoch,
    open_gaps: Sequence[Gap],
    tables: list[str],
    snapshot: str,
    progress: Progress,
    meanings: meaning.Meanings,
) -> Mended:
    """Compare tables with a snapshot of the source, and write what differs; the stream is off meanwhile.

    A table of which too much would be deleted is left as it is, and written down.

    Args:
        meanings: what the source's names meant before the snapshot.

    Raises:
        ReplicationError: the source rewrote a table meanwhile, so that it reads as empty. Nothing was written.
    """
    specs, found = compare_tables(ends, tables, snapshot, progress)
    rewritten.refuse(ends, [one.table for one in found if one.rewritten], meanings)
    held = [one.known(deletes_held=True) for one in found if ends.limit.holds(one.known())]
    left = {one.table for one in held}
    differences.record(ends.warehouse, held, "repair")
    snapshot_at = open_gaps[0].to_time
    assert snapshot_at is not None
    with on_snapshot(ends, snapshot) as reading:
        work = Mending(reading, ends.warehouse, epoch, open_gaps, snapshot_at)
        differing = [
            (spec, one) for spec, one in zip(specs, found, strict=True) if not one.is_equal and one.table not in left
        ]
        for spec, _ in differing:
            progress.say(f"repairing {spec.table}")
        written = mend(work, differing)
    found = [one for one in found if one.table not in left]
    gaps.compared(ends.warehouse, open_gaps, [one.compared for one in found])
    # The snapshot of a slot is durable: it shows what the slot has read, and that had been flushed.
    proofs.record(ends.warehouse, [one for one in found if proofs.all_written(one, written.get(one.table))])
    return Mended(frozenset(one.table for one in found), held)


def compare_tables(
    ends: Ends, tables: Iterable[str], snapshot: str, progress: Progress
) -> tuple[list[compare.TableSpec], list[compare.TableComparison]]:
    """Compare tables of the replica with a snapshot of the source; the stream is off meanwhile."""
    published = ends.classification.published
    chosen = {table: published[table] for table in tables}
    specs = compare.specs(ends.trs, ends.warehouse, ends.schema, chosen, ends.classification.without)
    progress.say("comparing the replica with the source")
    found = compare.tables(
        specs,
        compare.SourceSnapshot(ends.databases.source, snapshot),
        compare.WarehouseState(ends.databases.warehouse),
        proofs={} if ends.in_full else proofs.read(ends.warehouse, ends.schema),
        progress=progress,
    )
    return specs, found


@contextmanager
def on_snapshot(ends: Ends, snapshot: str) -> Iterator[psycopg.Connection]:
    """A connection to the source inside a transaction on an exported snapshot."""
    with ends.databases.source() as reading:
        reading.execute("begin isolation level repeatable read read only")
        reading.execute(sql.SQL("set transaction snapshot {}").format(sql.Literal(snapshot)))
        yield reading
