"""The views of versions as PostgreSQL stored them when they were made: a digest each, to see that they still are."""

from __future__ import annotations

from collections.abc import Iterable

import psycopg

from warehouse.replicate.catalog.names import VERSIONS

_DEFINED = """
select t.name, sha256(convert_to(r.ev_action::text, 'UTF8')), current_setting('server_version_num')::int / 10000
from unnest(%s::text[]) as t (name)
join pg_class as c on c.oid = to_regclass(format('%%I.%%I', %s::text, t.name)) and c.relkind = 'v'
join pg_rewrite as r on r.ev_class = c.oid and r.rulename = '_RETURN'
"""
"""As the catalog has it. To show it as SQL, PostgreSQL would lock the tables below it and wait for whoever has them."""

_NOTED = "select name, definition_sha256, server_version from ledger.apparatus where name = any(%s)"

_NOTE = """
insert into ledger.apparatus (name, definition_sha256, server_version) values (%s, %s, %s)
on conflict (name) do update
set definition_sha256 = excluded.definition_sha256, server_version = excluded.server_version
"""


def note(connection: psycopg.Connection, table: str) -> None:
    """Record what the view of a table's versions is, just after it was created."""
    for name, digest, version in _defined(connection, [table]):
        connection.execute(_NOTE, (f"{VERSIONS}.{name}", digest, version))


def altered(connection: psycopg.Connection, tables: Iterable[str]) -> list[str]:
    """The tables whose view was altered. One that another version of PostgreSQL stored cannot be compared."""
    names = list(tables)
    noted = {
        name: (bytes(digest), version)
        for name, digest, version in connection.execute(_NOTED, ([f"{VERSIONS}.{name}" for name in names],))
    }
    return [
        name
        for name, digest, version in _defined(connection, names)
        if (known := noted.get(f"{VERSIONS}.{name}")) is None or (known[1] == version and known[0] != digest)
    ]


def unnoted(connection: psycopg.Connection, tables: Iterable[str]) -> list[str]:
    """The tables whose view was not recorded, or by another version of PostgreSQL."""
    names = list(tables)
    noted = {
        name: version for name, _, version in connection.execute(_NOTED, ([f"{VERSIONS}.{name}" for name in names],))
    }
    return [name for name, _, version in _defined(connection, names) if noted.get(f"{VERSIONS}.{name}") != version]


def _defined(connection: psycopg.Connection, tables: list[str]) -> list[tuple[str, bytes, int]]:
    rows = connection.execute(_DEFINED, (tables, VERSIONS)).fetchall()
    return [(name, bytes(digest), version) for name, digest, version in rows]
