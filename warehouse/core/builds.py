"""The published build: what it consists of, and whether it still is what was built.

Deliveries, the examination of the warehouse and the next build all ask this.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

import psycopg
from psycopg import sql

from warehouse.core.errors import BuildAltered


@dataclass(frozen=True)
class PublishedRelation:
    """A table or a view as the build left it.

    Attributes:
        structure: a digest of its columns, or of a view's query; None when an earlier version of the program made it.
        rows: of a table.
    """

    schema: str
    name: str
    kind: Literal["table", "view"]
    oid: int
    structure: str | None
    rows: int | None

    @property
    def place(self) -> str:
        return f"{self.schema}.{self.name}"


@dataclass(frozen=True)
class PublishedBuild:
    """The build that readers see.

    Attributes:
        as_at: the business date that it was built for.
        known_up_to: the last transaction of the replica that was in the ledger when it began.
        relations: what it consists of, by "schema.name".
    """

    build_id: int
    as_at: date
    known_up_to: int | None
    started_at: datetime
    published_at: datetime | None
    relations: dict[str, PublishedRelation]


@dataclass(frozen=True)
class Alteration:
    """A published table or view that is not what the build made, and in what way."""

    place: str
    what: str


_BUILD = """
select build_id, as_at, known_up_to::text::bigint, started_at, published_at
from ledger.builds
where state = 'published'
order by build_id desc
limit 1
"""

_RELATIONS = """
select schema_name, relation_name, kind, relation_oid, structure_sha256, rows
from ledger.published_relations
where build_id = %s
order by 1, 2
"""

_STANDING = """
select c.oid, c.relkind::text
from pg_class as c join pg_namespace as n on n.oid = c.relnamespace
where n.nspname = %s and c.relname = %s
"""

_COLUMNS = """
select a.attname::text, format_type(a.atttypid, a.atttypmod), a.attgenerated::text
from pg_attribute as a
where a.attrelid = %s and a.attnum > 0 and not a.attisdropped
order by a.attname
"""

_QUERY = "select ev_action::text from pg_rewrite where ev_class = %s and ev_type = '1' order by rulename"
_REMEMBER = """
insert into ledger.published_relations
    (schema_name, relation_name, kind, relation_oid, structure_sha256, rows, build_id)
values (%s, %s, %s, %s, %s, %s, %s)
on conflict (schema_name, relation_name) do update set
    kind = excluded.kind, relation_oid = excluded.relation_oid, structure_sha256 = excluded.structure_sha256,
    rows = excluded.rows, build_id = excluded.build_id
"""
_PUBLISHED = """
update ledger.builds
set state = 'published', published_xid = pg_current_xact_id(), published_at = clock_timestamp()
where build_id = %s
"""
_CLASSES = "update ledger.published_relations set classes = %s where schema_name = %s and relation_name = %s"
_WRITERS = "select published_xid::xid::text from ledger.builds where published_xid is not null"


def published(connection: psycopg.Connection) -> PublishedBuild | None:
    """The build that readers see now; None when there was none. The ledger has to be up to date (`migrate`)."""
    row = connection.execute(_BUILD).fetchone()
    if row is None:
        return None
    build_id, as_at, known_up_to, started_at, published_at = row
    relations = [PublishedRelation(*one) for one in connection.execute(_RELATIONS, (build_id,)).fetchall()]
    by_place = {one.place: one for one in relations}
    return PublishedBuild(build_id, as_at, known_up_to, started_at, published_at, by_place)


def alterations(
    connection: psycopg.Connection, build: PublishedBuild, places: Iterable[str] | None = None
) -> list[Alteration]:
    """What of the published build is not as it was made: tables by hand, `dbt run`, an update, a dropped view.

    Reads no value: it asks each table which transactions wrote its rows, and how many there are. In a repeatable read
    transaction the answer holds for everything that is read in the same transaction.

    Args:
        places: only these ("schema.name"); one that is not part of the build counts as altered.
    """
    asked = list(places) if places is not None else list(build.relations)
    ours = writers(connection)
    found = []
    for place in asked:
        relation = build.relations.get(place)
        what = "is not part of the published build" if relation is None else _altered(connection, relation, ours)
        if what:
            found.append(Alteration(place, what))
    return found


def writers(connection: psycopg.Connection) -> set[str]:
    """The transactions in which builds wrote into the published tables, as a row's `xmin` has them."""
    return {str(xid) for (xid,) in connection.execute(_WRITERS).fetchall()}


def altered(build: PublishedBuild, found: list[Alteration]) -> BuildAltered:
    """The error that tells of alterations."""
    shown = "; ".join(f"{one.place} {one.what}" for one in found[:3])
    more = f"; and {len(found) - 3} more" if len(found) > 3 else ""
    return BuildAltered(
        f"What readers see is not what build {build.build_id} made and tested: {shown}{more}.",
        meaning="Somebody changed it since, with SQL or with dbt. Nothing is delivered from it.",
        next_command="Run `warehouse run`: it builds again and puts right what was changed.",
    )


def remember(connection: psycopg.Connection, build_id: int, relations: Iterable[tuple[str, str]]) -> None:
    """Write down that a build now consists of these (schema and name), in the transaction that made them so.

    No savepoint may be open: rows written under one carry its number, and would be taken for somebody else's.
    """
    for schema, name in relations:
        standing = connection.execute(_STANDING, (schema, name)).fetchone()
        assert standing is not None, f"{schema}.{name} was just made"
        oid, kind = int(standing[0]), "view" if standing[1] == "v" else "table"
        rows = None
        if kind == "table":
            counted = connection.execute(
                sql.SQL("select count(*) from {}").format(sql.Identifier(schema, name))
            ).fetchone()
            rows = counted and counted[0]
        digest = structure(connection, oid, kind)
        connection.execute(_REMEMBER, (schema, name, kind, oid, digest, rows, build_id))
    connection.execute(_PUBLISHED, (build_id,))


def remember_classes(connection: psycopg.Connection, classes: Mapping[tuple[str, str], Mapping[str, str]]) -> None:
    """Write down the classes of the columns of what was published (by schema and name): they decide who may read."""
    for (schema, name), of_columns in classes.items():
        connection.execute(_CLASSES, (json.dumps(dict(of_columns)), schema, name))


def structure(connection: psycopg.Connection, oid: int, kind: str) -> str:
    """A digest of a table's columns, or of a view's query as the server keeps it."""
    if kind == "view":
        row = connection.execute(_QUERY, (oid,)).fetchone()
        described = str(row[0]) if row else ""
    else:
        described = repr(connection.execute(_COLUMNS, (oid,)).fetchall())
    return hashlib.sha256(described.encode()).hexdigest()


def _altered(connection: psycopg.Connection, relation: PublishedRelation, ours: set[str]) -> str | None:
    """What became of one relation, in words that follow its name; None when it is as it was made."""
    standing = connection.execute(_STANDING, (relation.schema, relation.name)).fetchone()
    if standing is None:
        return "is gone"
    oid, relkind = standing
    if (relation.kind, relkind) not in (("table", "r"), ("view", "v")) or oid != relation.oid:
        return "was made by somebody else"
    if structure(connection, oid, relation.kind) != relation.structure:
        return "has other columns" if relation.kind == "table" else "has another query"
    if relation.kind == "view":
        return None
    writers = sql.SQL("select xmin::text, count(*) from {} group by 1").format(
        sql.Identifier(relation.schema, relation.name)
    )
    counts = {str(xid): int(count) for xid, count in connection.execute(writers)}
    foreign = sum(count for xid, count in counts.items() if xid not in ours)
    if foreign:
        return f"has {foreign:,} rows that no build wrote"
    rows = sum(counts.values())
    return None if rows == relation.rows else f"has {rows:,} rows instead of {relation.rows or 0:,}"
