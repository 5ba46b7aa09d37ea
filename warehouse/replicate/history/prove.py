"""The history held against its seals, its chains and its counts: `warehouse replicate reconcile --history`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

import psycopg

from warehouse.core.databases import Databases
from warehouse.core.errors import HistoryDiffers, ReplicationError, UsageError
from warehouse.core.progress import Progress
from warehouse.replicate.classification import Classification, load_classification
from warehouse.replicate.history import chains, found, retention, seals
from warehouse.replicate.history.digest import digest, keys_in, summed
from warehouse.replicate.history.months import Month, month_after, months_of, partition_of
from warehouse.replicate.history.seals import Seal
from warehouse.replicate.history.tables import key_of, logged
from warehouse.replicate.ledger import epochs
from warehouse.replicate.ledger.epochs import Epoch
from warehouse.replicate.masking import Hidden, shown

MOST_KEYS = 5


_RECORD = """
insert into ledger.proved_histories as p (table_name, mismatches, what) values (%s, %s, %s)
on conflict (table_name) do update
set proved_at = clock_timestamp(), mismatches = excluded.mismatches, what = excluded.what
"""


@dataclass(frozen=True)
class Mismatch:
    """Something of the history that is not as it was settled.

    Attributes:
        month: None where it is about the table's whole history.
        keys: of rows that it may be about, sensitive ones hashed; of a version that is gone nothing is left.
    """

    table: str
    month: date | None
    what: str
    keys: list[dict[str, str | None]] = field(default_factory=list)


@dataclass(frozen=True)
class Proof:
    """What was looked at, and what does not match.

    Attributes:
        sealed: settled months that were held against their seals.
        open: months that no seal holds for yet; their chains, counts and sums were looked at.
        heads: the newest seal of each table. Kept elsewhere, they show whether somebody has rewritten the chain.
        head: one digest over all of them.
    """

    tables: int
    versions: int
    sealed: int
    open: int
    heads: dict[str, str]
    head: str | None
    mismatches: list[Mismatch]


@dataclass(frozen=True)
class _Work:
    connection: psycopg.Connection
    epoch: Epoch
    classification: Classification
    hidden: Hidden

    @property
    def schema(self) -> str:
        return self.classification.schema_name


def prove(databases: Databases, progress: Progress, only: Sequence[str] = ()) -> Proof:
    """Compute every seal, chain, count and sum of the history again. Every settled version is read.

    Args:
        only: the tables to look at; all that are replicated when empty.

    Raises:
        ReplicationError: nothing is replicated.
    """
    classification = load_classification()
    with databases.warehouse() as connection:
        hidden = Hidden.of(connection, databases.settings, classification)
        work = _Work(connection, _epoch(databases, connection), classification, hidden)
        tables = logged(connection, work.schema, list(only or classification.published))
        _book_the_unnoted(work, tables)
        # One snapshot: a pass may settle versions meanwhile.
        with connection.transaction():
            connection.execute("set transaction isolation level repeatable read, read only")
            proof = _proven(work, tables, progress)
        for table in tables:
            wrong = [one for one in proof.mismatches if one.table == table]
            connection.execute(_RECORD, (table, len(wrong), wrong[0].what if wrong else None))
        return proof


def _proven(work: _Work, tables: Sequence[str], progress: Progress) -> Proof:
    connection = work.connection
    made = seals.every(connection)
    latest = {(seal.table_name, seal.month): seal for seal in made}
    settled = retention.settled_up_to(connection, work.epoch)
    mismatches: list[Mismatch] = []
    sealed = opened = versions = 0
    for table in tables:
        progress.say(f"proving the history of {table}")
        mismatches += _of_seals(table, [seal for seal in made if seal.table_name == table])
        of_table = {month: seal for (name, month), seal in latest.items() if name == table}
        holding = {month: seal for month, seal in of_table.items() if seal.content is not None}
        for seal in holding.values():
            mismatches += _of_month(work, seal)
            sealed += 1
            versions += seal.versions or 0
        for one in seals.open_months(connection, table, latest):
            mismatches += _of_open_month(work, one, settled)
            opened += 1
        mismatches += _of_chains(work, table)
    return Proof(len(tables), versions, sealed, opened, seals.heads(connection), seals.head(connection), mismatches)


def accept(databases: Databases, because: str, progress: Progress) -> tuple[Proof, Proof]:
    """Seal the history as it is now, with the reason why what does not match is right.

    Returns:
        What did not match, and what is left of that.

    Raises:
        UsageError: it does not say why.
    """
    if not because.strip():
        raise UsageError(
            "Accepting a history that does not match needs a reason.",
            meaning="Nothing was changed.",
            next_command='warehouse replicate reconcile --history --accept "why it is right as it is"',
        )
    before = prove(databases, progress)
    schema = load_classification().schema_name
    with databases.warehouse() as connection, connection.transaction():
        for table in sorted({one.table for one in before.mismatches}):
            _accept(connection, schema, table, [one for one in before.mismatches if one.table == table], because)
    return before, prove(databases, progress)


def _accept(connection: psycopg.Connection, schema: str, table: str, wrong: Sequence[Mismatch], because: str) -> None:
    key = key_of(connection, schema, table)
    here = {one.month: one for one in months_of(connection, table)}
    for month in sorted({one.month for one in wrong if one.month}):
        if month in here:
            now = digest(connection, here[month].partition, key)
            seals.recount(connection, here[month], now)
            seals.add(connection, here[month], now, "accepted", because, matched=False)
        else:
            seals.dropped(connection, table, month, "accepted", because)
    chains.note_breaks(connection, table, chains.broken(connection, schema, table), {}, f"accepted: {because}")
    chains.accept_times(connection, schema, table)


def raise_if_different(proof: Proof) -> None:
    """Turn a mismatch into the error for a scheduler.

    Raises:
        HistoryDiffers: names tables and months, never a value.
    """
    if not proof.mismatches:
        return
    places = list(
        dict.fromkeys(f"{one.table}" + (f" {one.month:%Y-%m}" if one.month else "") for one in proof.mismatches)
    )
    more = f" and {len(places) - 5} more" if len(places) > 5 else ""
    raise HistoryDiffers(
        f"The history is not what was settled: {', '.join(places[:5])}{more}.",
        meaning="Somebody altered it, or a disk did. What was known at a moment may be answered wrongly for these "
        "tables; current rows are another matter (`warehouse replicate reconcile`).",
        next_command="Restore these partitions from a backup; or, if all is right as it is: "
        'warehouse replicate reconcile --history --accept "why".',
    )


def _epoch(databases: Databases, connection: psycopg.Connection) -> Epoch:
    epoch = epochs.current(connection, databases.settings.warehouse_replication_name)
    if epoch is None:
        raise ReplicationError(
            "Nothing is replicated yet, so there is no history.",
            meaning="Nothing was looked at.",
            next_command="`warehouse run` makes the first copy.",
        )
    return epoch


def _book_the_unnoted(work: _Work, tables: Sequence[str]) -> None:
    """Look through the current rows, too, for transactions that no ledger knows: a pass does not read whole tables."""
    row = work.connection.execute(
        "select stamped_up_to::text::bigint, clock_timestamp() from ledger.replication_position where epoch_id = %s",
        (work.epoch.epoch_id,),
    ).fetchone()
    if row is not None:
        found.write_down(
            work.connection, work.epoch, work.schema, tables, before=row[0], latest=row[1], in_rows_since=0
        )


def _of_seals(table: str, made: Sequence[Seal]) -> list[Mismatch]:
    """Whether a table's chain of seals is whole, and what it says of months that had been altered."""
    wrong: list[Mismatch] = []
    before: bytes | None = None
    altered: dict[date, Seal] = {}
    for seal in made:
        if bytes(seal.seal) != seal.computed() or (seal.previous and bytes(seal.previous)) != before:
            wrong.append(
                Mismatch(table, seal.month, f"the chain of seals is broken at the seal of {_at(seal.sealed_at)}")
            )
        before = bytes(seal.seal)
        if seal.reason == "accepted":
            altered.pop(seal.month, None)
        elif not seal.matched:
            altered.setdefault(seal.month, seal)
    wrong += [
        Mismatch(table, month, f"it had been altered before it was sealed ({seal.reason}) at {_at(seal.sealed_at)}")
        for month, seal in altered.items()
    ]
    return wrong


def _of_month(work: _Work, seal: Seal) -> list[Mismatch]:
    table, month = seal.table_name, seal.month
    partition = partition_of(table, month)
    if partition not in {one.partition for one in months_of(work.connection, table)}:
        return [Mismatch(table, month, f"its {seal.versions or 0:,} versions are gone, and not by the retention rule")]
    now = digest(work.connection, partition, seal.key_columns, seal.groups)
    if now.content == bytes(seal.content or b""):
        return []
    numbers = now.differing(seals.fingerprint(work.connection, seal))
    keys = keys_in(work.connection, partition, seal.key_columns, now.groups, numbers, MOST_KEYS + 1) if numbers else []
    fewer = (seal.versions or 0) - now.versions
    what = (
        f"{fewer:,} of {seal.versions:,} versions are gone"
        if fewer > 0
        else f"{-fewer:,} versions were added to its {seal.versions:,}"
        if fewer < 0
        else f"some of its {seal.versions:,} versions were altered"
    )
    shown_keys = [shown(table, dict(zip(seal.key_columns, key, strict=False)), work.hidden) for key in keys]
    return [
        Mismatch(
            table,
            month,
            f"{what}; they have one of {'these' if len(keys) <= MOST_KEYS else 'many'} keys" if keys else what,
            shown_keys[:MOST_KEYS],
        )
    ]


def _of_open_month(work: _Work, month: Month, settled: datetime | None) -> list[Mismatch]:
    noted, wrong = seals.noted_of(work.connection, month), []
    now = summed(work.connection, month.partition)
    if noted is not None and not noted.agrees(now):
        what = (
            f"it has {now.versions:,} versions, and {noted.versions:,} were settled into it"
            if noted.versions != now.versions
            else f"some of its {now.versions:,} versions were altered, or replaced by others"
        )
        wrong.append(Mismatch(month.table, month.month, what))
    if settled is not None and month_after(month.begins) + seals.LATE <= settled and now.versions:
        wrong.append(Mismatch(month.table, month.month, "it is over and was never sealed, or its seals are gone"))
    return wrong


def _of_chains(work: _Work, table: str) -> list[Mismatch]:
    key = key_of(work.connection, work.schema, table)
    wrong: list[Mismatch] = []
    for one in chains.unexplained(work.connection, work.schema, table)[:MOST_KEYS]:
        keys = [shown(table, dict(zip(key, values, strict=False)), work.hidden) for values in one.keys]
        what = (
            "a version is missing after one that was updated"
            if one.step > 0
            else "a version is missing before an update"
        )
        wrong.append(Mismatch(table, None, f"{what} (transaction {one.xid})", keys))
    for values, what in chains.out_of_time(work.connection, work.schema, table)[:MOST_KEYS]:
        keys = [shown(table, dict(zip(key, values, strict=False)), work.hidden)]
        wrong.append(Mismatch(table, None, f"a version {what}", keys))
    return wrong


def _at(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M}"
