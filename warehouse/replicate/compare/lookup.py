"""Rows by their keys, given as text."""

from __future__ import annotations

from collections.abc import Sequence

from psycopg import sql

from warehouse.replicate.compare.keys import Key
from warehouse.replicate.compare.spec import TableSpec


def listed(spec: TableSpec, keys: Sequence[Key]) -> sql.Composable:
    """Keys as a relation `s` with the key's columns."""
    kinds = {column.name: column.type for column in spec.columns}
    arrays = sql.SQL(", ").join(
        sql.SQL("{}::text[]::{}[]").format(sql.Literal([key[n] for key in keys]), sql.SQL(kinds[name]))
        for n, name in enumerate(spec.key)
    )
    return sql.SQL("unnest({}) as s ({})").format(arrays, sql.SQL(", ").join(map(sql.Identifier, spec.key)))


def same_key(spec: TableSpec) -> sql.Composable:
    """The condition that `t` and `s` are the same row."""
    return sql.SQL(" and ").join(
        sql.SQL("{} = {}").format(sql.Identifier("t", name), sql.Identifier("s", name)) for name in spec.key
    )
