"""What is compared with what, and what came of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

import psycopg

from warehouse.core.json_rule import JsonRule
from warehouse.replicate.catalog import relations
from warehouse.replicate.catalog.relations import SourceColumn
from warehouse.replicate.classification import Classification
from warehouse.replicate.compare.keys import Keys
from warehouse.replicate.compare.left_out import why_not
from warehouse.replicate.ledger import rules
from warehouse.replicate.ledger.differences import Known
from warehouse.replicate.ledger.gaps import Compared
from warehouse.replicate.rule_lines import cut


@dataclass(frozen=True)
class TableSpec:
    """A table as it is compared; source and replica have it under the same name.

    Attributes:
        columns: those that both sides have and that are published.
        key: the primary key's columns, in its order; all of them among `columns`.
        json_rules: of the JSON columns of which the replica holds the listed keys alone.
        cut_anew: columns of which the replica may hold what a changed rule cuts out; it is left out on both sides.
        differently_typed: columns whose type in the replica is not the source's; they are compared as text.
    """

    schema: str
    table: str
    columns: tuple[SourceColumn, ...]
    key: tuple[str, ...]
    json_rules: Mapping[str, JsonRule] = field(default_factory=dict)
    differently_typed: frozenset[str] = frozenset()
    cut_anew: frozenset[str] = frozenset()


@dataclass(frozen=True)
class SourceSnapshot:
    """The source at one position.

    Attributes:
        connect: opens a connection to the source, in autocommit.
        snapshot: the name of an exported snapshot whose owner stays open during the comparison. None: each
            connection takes its own, which is one position only while nothing is written.
    """

    connect: Callable[[], psycopg.Connection]
    snapshot: str | None


@dataclass(frozen=True)
class AsOf:
    """Which transactions the warehouse has to be seen without.

    Attributes:
        later: numbers (xid8) of the transactions that came after the position that is compared.
        first_commit: the earliest of their commit times at the source.
        settled: whether history.settle() may have moved versions that they ended.
    """

    later: tuple[int, ...]
    first_commit: datetime | None = None
    settled: bool = True


@dataclass(frozen=True)
class WarehouseState:
    """The warehouse at one position.

    Attributes:
        connect: opens a connection to the warehouse, in autocommit.
        snapshot: the name of an exported snapshot whose owner stays open. None: as with the source.
        as_of: None when the replica is at the position already, such as when its subscription is off.
    """

    connect: Callable[[], psycopg.Connection]
    snapshot: str | None = None
    as_of: AsOf | None = None


@dataclass(frozen=True)
class Horizon:
    """One side of a table as a comparison saw it.

    Attributes:
        server: which database of which server; of the source also its timeline, and since when it runs.
        relation: the table's files and the columns behind the compared names, as a digest.
        xmin: every transaction with a smaller number (xid8) had ended before the comparison, and was seen by it.
    """

    server: str
    relation: str
    xmin: int


@dataclass(frozen=True)
class Proof:
    """A table was equal on both sides.

    Attributes:
        spec: what was compared, as a digest.
        proved_at: when it was recorded; None in one that is not yet.
        in_full_at: when a comparison has last read every row; None: this one did.
    """

    schema: str
    table: str
    spec: str
    source: Horizon
    warehouse: Horizon
    proved_at: datetime | None = None
    in_full_at: datetime | None = None


@dataclass(frozen=True)
class TableComparison:
    """What a comparison found in one table.

    Attributes:
        missing: keys of rows that only the source has.
        extra: keys of rows that only the warehouse has.
        changed: keys of rows that both have, with different content.
        rewritten: the table was truncated or rewritten on one side after the snapshots were taken. PostgreSQL then
            shows it empty to older snapshots, so this comparison says nothing about their position.
        proof: what this comparison proves if nothing differs; None where a proof cannot be carried forward.
        carried_from: when the proof was recorded that this comparison relied on for rows that were not written
            since. None: every row was read.
    """

    schema: str
    table: str
    source_rows: int
    warehouse_rows: int
    ranges: int
    differing_ranges: int
    missing: Keys
    extra: Keys
    changed: Keys
    seconds: float
    rewritten: bool = False
    proof: Proof | None = None
    carried_from: datetime | None = None

    @property
    def is_equal(self) -> bool:
        return not (self.missing or self.extra or self.changed)

    @property
    def compared(self) -> Compared:
        """As the ledger of gaps has it."""
        return Compared(self.table, self.source_rows, self.seconds, self.carried_from)

    def known(self, *, deletes_held: bool = False) -> Known:
        """As the ledger of differences has it."""
        counts = len(self.missing), len(self.extra), len(self.changed)
        return Known(self.table, *counts, self.warehouse_rows, deletes_held)


def specs(
    trs: psycopg.Connection,
    warehouse: psycopg.Connection,
    classification: Classification,
    tables: Iterable[str] | None = None,
) -> list[TableSpec]:
    """What can be compared now: the published columns that both sides have. For what is left out, see left_out().

    Args:
        tables: only these; every replicated one when None.
    """
    schema, published = classification.schema_name, classification.published
    at_source, in_replica = relations.read_tables(trs, schema), relations.read_tables(warehouse, schema)
    known = rules.read(warehouse)
    found = []
    for table in published if tables is None else tables:
        names = published[table]
        if why_not(at_source.get(table), in_replica.get(table), names):
            continue
        source, replica = at_source[table], in_replica[table]
        columns = tuple(source[name] for name in names if name in source and name in replica)
        differently_typed = frozenset(
            c.name for c in columns if without_modifier(c.type) != without_modifier(replica[c.name].type)
        )
        key = tuple(relations.key_of(source))
        json_rules = classification.json_rules(table)
        cut_anew = frozenset(
            name
            for name, digest in cut(classification, table).items()
            if name in json_rules and not rules.is_followed(known, (table, name), digest)
        )
        found.append(TableSpec(schema, table, columns, key, json_rules, differently_typed, cut_anew))
    return found


def without_modifier(type_: str) -> str:
    """A type without its length or precision: `timestamp(3) with time zone` is `timestamp with time zone`."""
    head, _, rest = type_.partition("(")
    return head + rest.partition(")")[2]
