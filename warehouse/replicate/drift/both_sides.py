"""What source, publication and replica are like now: everything that `compare` holds against each other."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field

import psycopg

from warehouse.replicate.catalog import identity, known_meanings, meaning, publication, replica
from warehouse.replicate.catalog.relations import SourceColumn, Tables, read_tables
from warehouse.replicate.catalog.replica import ReplicaTable
from warehouse.replicate.drift import released
from warehouse.replicate.ledger import column_states, epochs, rules
from warehouse.replicate.rule_lines import Place
from warehouse.replicate.stream import subscribed as subscription_now


@dataclass(frozen=True)
class Catalogs:
    """Both sides at one moment.

    Attributes:
        generated: columns of the source that it computes, which it cannot send in logical replication.
        unknown_types: types of the source that the warehouse does not have.
        subscribed: the tables that the subscription knows, each with its state.
        altered: what of the subscription is not as it was made.
        meanings: which table and column each name of the source is.
        noted: which it was at the last look, of what the stream brings.
        releases: what migrations at the source have released since the last run; `states` has it already.
        rules: what the file said at the last run, and what is cut out of stored values.
        unfinished: whose rule was followed in replica and history, and not yet in marts and delivered files.
        doubts: tables whose rows are not known to be equal to the source's, each with the reason.
    """

    source: Tables
    identities: dict[str, identity.ReplicaIdentity]
    generated: frozenset[tuple[str, str]]
    publication: publication.Publication | None
    replica: dict[str, ReplicaTable]
    unknown_types: frozenset[str]
    subscribed: dict[str, str]
    states: column_states.States
    altered: tuple[subscription_now.Altered, ...] = ()
    meanings: meaning.Meanings = field(default_factory=dict)
    noted: meaning.Meanings = field(default_factory=dict)
    doubts: Mapping[str, str] = field(default_factory=dict)
    releases: Sequence[released.Release] = ()
    rules: rules.Rules = field(default_factory=dict)
    unfinished: frozenset[Place] = frozenset()

    @property
    def sends(self) -> Mapping[str, Set[str]]:
        """What the publication sends; nothing when it is gone."""
        return self.publication.sends if self.publication else {}

    def state(self, table: str, column: str = "") -> column_states.Name:
        """The state of a column, or of a table as a whole."""
        known = self.states.get((table, column))
        return known.state if known else "complete"

    def declared(self, table: str, names: Iterable[str]) -> list[SourceColumn]:
        """Columns of a table as the source declares them, those that it has."""
        return [self.source[table][name] for name in names if name in self.source[table]]


_GENERATED = """
select c.relname, a.attname
from pg_attribute as a
join pg_class as c on c.oid = a.attrelid
join pg_namespace as n on n.oid = c.relnamespace
where n.nspname = %s and a.attnum > 0 and not a.attisdropped and a.attgenerated not in ('', %s)
"""


def read(source: psycopg.Connection, warehouse: psycopg.Connection, name: str, schema: str) -> Catalogs:
    """Read both databases' catalogs; the source's at one moment. Takes no lock that anybody could notice.

    Args:
        name: of the publication and the subscription.
    """
    with source.transaction():
        source.execute("set transaction isolation level repeatable read, read only")
        tables = read_tables(source, schema)
        identities = identity.read(source, schema)
        generated = frozenset(generated_columns(source, schema))
        published = publication.read(source, name, schema)
        meanings = meaning.read(source, name, schema)
        releases = released.read(source, name, schema)
    types = sorted({column.type for columns in tables.values() for column in columns.values()})
    unknown = warehouse.execute("select t from unnest(%s::text[]) as t where to_regtype(t) is null", (types,))
    epoch = epochs.current(warehouse, name)
    altered = subscription_now.alterations(subscription_now.read(warehouse, epoch), epoch) if epoch else []
    known, doubts = known_meanings.read(warehouse)
    releases = released.new(warehouse, releases)
    return Catalogs(
        source=tables,
        identities=identities,
        generated=generated,
        publication=published,
        replica={table: of for table, of in replica.read(warehouse, schema).items() if of.is_streamed},
        unknown_types=frozenset(row[0] for row in unknown),
        subscribed=subscription_now.tables(warehouse, name, schema),
        states=released.overlaid(column_states.read(warehouse), releases, published.sends if published else {}),
        altered=tuple(altered),
        meanings=meanings,
        noted=released.followed(known, releases),
        doubts=doubts,
        releases=releases,
        rules=rules.read(warehouse),
        unfinished=rules.unfinished(warehouse),
    )


def generated_columns(source: psycopg.Connection, schema: str) -> list[tuple[str, str]]:
    """The columns that this server computes and cannot send: stored ones from 18 on can be named in a publication."""
    sendable = "s" if source.info.server_version >= 180_000 else ""
    rows = source.execute(_GENERATED, (schema, sendable)).fetchall()
    return [(table, column) for table, column in rows]
