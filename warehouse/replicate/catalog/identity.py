"""How the source identifies a row of a table, and which relations can be published at all.

The only reader of replica identities. A publication with the wrong columns, or of a table whose key PostgreSQL does not
take as an identity, makes the operational database's own updates and deletes fail; so it is never made.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import psycopg

from warehouse.core.errors import ReplicationError
from warehouse.replicate.classification import Classification

_KINDS = {
    "v": "it is a view, and PostgreSQL publishes only tables",
    "m": "it is a materialized view, and PostgreSQL publishes only tables",
    "f": "it is a foreign table: its changes are made on another server",
    "p": "it is partitioned: its changes would come under the names of its partitions",
}

_READ = """
select
    c.relname,
    c.relkind::text,
    c.relpersistence::text,
    c.relreplident::text,
    (
        select p.relname from pg_inherits as h join pg_class as p on p.oid = h.inhparent
        where h.inhrelid = c.oid and c.relispartition
    ),
    array(
        select k.relname::text from pg_inherits as h join pg_class as k on k.oid = h.inhrelid
        where h.inhparent = c.oid and c.relkind = 'r' order by 1
    ),
    array(
        select a.attname::text from pg_index as i
        cross join lateral unnest(i.indkey::int2[]) with ordinality as k (attnum, number)
        join pg_attribute as a on a.attrelid = c.oid and a.attnum = k.attnum
        where i.indrelid = c.oid and i.indisprimary order by k.number
    ),
    array(
        select a.attname::text from pg_index as i
        join pg_attribute as a on a.attrelid = c.oid and a.attnum = any(i.indkey::int2[])
        where i.indrelid = c.oid and i.indisreplident order by a.attnum
    ),
    x.indimmediate,
    x.indisvalid,
    array(
        select a.attname::text from pg_attribute as a
        where a.attrelid = c.oid and not a.attisdropped and (
            a.attgenerated = 'v' or a.attgenerated = 's' and current_setting('server_version_num')::int < 180000
        )
        order by a.attnum
    )
from pg_class as c
join pg_namespace as n on n.oid = c.relnamespace
left join pg_index as x on x.indrelid = c.oid
    and case c.relreplident when 'd' then x.indisprimary when 'i' then x.indisreplident else false end
where n.nspname = %s and c.relkind in ('r', 'p', 'v', 'm', 'f')
"""


@dataclass(frozen=True)
class ReplicaIdentity:
    """How the source identifies a row of a table when it sends updates and deletes.

    Attributes:
        kind: d the primary key, i an index, f the whole row, n nothing.
        columns: of the key or index.
        key: the primary key, by which the warehouse identifies rows; by default the columns of the identity.
        obstacle: why this relation cannot be published at all, whatever its identity is.
        is_taken: PostgreSQL takes the key or index as an identity: it is valid, and checked at once.
        generated: the generated columns that no list of columns of that server may name.
    """

    kind: str
    columns: frozenset[str]
    key: frozenset[str] | None = None
    obstacle: str | None = None
    is_taken: bool = True
    generated: tuple[str, ...] = ()

    def fault(self, published: Iterable[str]) -> str | None:
        """Why these columns of it cannot be published; None if they can.

        The source's own updates and deletes would fail, or its changes would not come.
        """
        sent = frozenset(published)
        return self.obstacle or self._not_taken() or self._hidden(sent)

    def _not_taken(self) -> str | None:
        if self.kind == "f":
            return "its replica identity is FULL, with which PostgreSQL allows no column list"
        if self.kind == "n":
            return "its replica identity is NOTHING"
        if not self.columns:
            return "it has no primary key or other replica identity"
        if not self.is_taken:
            what = "primary key" if self.kind == "d" else "identity's index"
            return f"its {what} is deferrable or not valid, and PostgreSQL does not take that as a replica identity"
        return None

    def _hidden(self, sent: frozenset[str]) -> str | None:
        if hidden := sorted(self.columns - sent):
            return f"its replica identity has {', '.join(hidden)}, not published"
        key = self.columns if self.key is None else self.key
        if not key:
            return "it has no primary key, by which the warehouse identifies rows"
        if hidden := sorted(key - sent):
            return f"its primary key has {', '.join(hidden)}, not published"
        return None


def read(connection: psycopg.Connection, schema: str) -> dict[str, ReplicaIdentity]:
    """The identity of every table of a schema, and of what is there instead of a table."""
    found = {}
    for row in connection.execute(_READ, (schema,)):
        table, kind, persistence, identity, parent, children, key, index, immediate, valid, generated = row
        found[table] = ReplicaIdentity(
            kind=identity,
            columns=frozenset(key if identity == "d" else index if identity == "i" else ()),
            key=frozenset(key),
            obstacle=_obstacle(kind, persistence, parent, children),
            is_taken=immediate is not False and valid is not False,
            generated=tuple(generated),
        )
    return found


def _obstacle(kind: str, persistence: str, parent: str | None, children: list[str]) -> str | None:
    if kind in _KINDS:
        return _KINDS[kind]
    if parent:
        return f"it is a partition of {parent}"
    if persistence == "u":
        return "it is unlogged: its changes are not in the WAL"
    if children:
        return f"{', '.join(children)} inherits from it: those rows are read as its own, and never sent as such"
    return None


def refuse(identities: Mapping[str, ReplicaIdentity], published: Mapping[str, Iterable[str]]) -> None:
    """Stop a set-up before it makes a publication that would do harm.

    Raises:
        ReplicationError: names the first table, and why.
    """
    for table, columns in published.items():
        fault = identities[table].fault(columns) if table in identities else None
        if fault:
            raise ReplicationError(
                f"{table} cannot be replicated: {fault}.",
                meaning="Published like that, the operational database's own updates and deletes of it would fail, or "
                "its changes would not come. Nothing was set up.",
                next_command=remedy(table),
            )


def publishable(classification: Classification, identities: Mapping[str, ReplicaIdentity]) -> Classification:
    """The file without the tables that cannot be published now: they do not keep the others from being repaired."""
    kept = {
        name: table
        for name, table in classification.tables.items()
        if name not in identities or not table.published or not identities[name].fault(table.published)
    }
    return classification.model_copy(update={"tables": kept})


def remedy(table: str) -> str:
    """What can be done about a table that cannot be published."""
    return (
        f"Have {table} changed at the source (such as ALTER TABLE {table} REPLICA IDENTITY DEFAULT, or a key that is "
        "not deferrable), publish the columns of its key, or leave the table behind in replication/trs.yml; then run "
        "again."
    )
