"""A row as a number: equal on two servers when, and only when (but for 1 in 2^64), its published columns are equal.

The servers' own hash functions are the fastest that SQL has, but they follow each type's idea of equality. What they
would call equal though it is not the same is told apart here: texts are hashed by their bytes whatever their collation;
numerics, JSON, arrays and all rarer types by their text, which shows trailing zeros.
"""

from __future__ import annotations

from enum import Enum

import psycopg
from psycopg import sql

from warehouse.replicate.compare.spec import TableSpec, without_modifier
from warehouse.replicate.replica import without_credentials

SESSION = (
    "set timezone = 'UTC'",
    "set datestyle = 'ISO, YMD'",
    "set intervalstyle = 'postgres'",
    "set extra_float_digits = 1",
    "set bytea_output = 'hex'",
    "set client_encoding = 'UTF8'",
)
"""Settings on which a value's text depends; the same on both sides."""

_PLAIN = {"uuid", "boolean", "smallint", "integer", "date", "bytea"}
_TIMESTAMPS = {"timestamp without time zone", "timestamp with time zone"}

# The engine folds the 64 bits of a timestamp into 32 before it hashes them. Folded once more at a distance whose
# halves are both odd bits all over, they are 64 again.
_DISTANCE = sql.SQL("interval '99215361440185 microseconds'")


class Method(Enum):
    """How a row becomes a number."""

    NATIVE = "the engine's hash"
    SHA256 = "SHA-256 of the row's binary form"
    """Three times as slow; for servers whose own hashes differ from one another, such as those of two architectures."""


def row_hash(spec: TableSpec, method: Method, *, at_source: bool) -> sql.Composable:
    """The expression (bigint) over a relation with the spec's columns."""
    elements: list[sql.Composable] = []
    for column in spec.columns:
        value: sql.Composable = sql.Identifier(column.name)
        if at_source and column.name in spec.without:
            value = sql.SQL("({})").format(without_credentials(column.name, spec.without[column.name]))
        elements += _elements(value, "" if column.name in spec.differently_typed else column.type)
    row = sql.SQL("row({})").format(sql.SQL(", ").join(elements))
    if method is Method.SHA256:
        return sql.SQL("('x' || encode(substring(sha256(record_send({})) for 8), 'hex'))::bit(64)::bigint").format(row)
    # hash_record is a sum of the columns' hashes times powers of 31: two rows that swapped a column's values would
    # cancel out in a sum. The hash of that hash (as a seed, of which all 64 bits count) has no such pattern.
    return sql.SQL("hashint4extended(0, hash_record_extended({}, 0))").format(row)


def key_hash(spec: TableSpec) -> sql.Composable:
    """The expression (bigint) by which a row's range is found; spread evenly, whatever the keys are like."""
    kinds = {column.name: column.type for column in spec.columns}
    if len(spec.key) == 1 and kinds[spec.key[0]] == "uuid" and spec.key[0] not in spec.differently_typed:
        return sql.SQL("uuid_hash_extended({}, 0)").format(sql.Identifier(spec.key[0]))
    return sql.SQL("hash_record_extended(row({}), 0)").format(sql.SQL(", ").join(key_texts(spec)))


def key_texts(spec: TableSpec) -> list[sql.Composable]:
    """The key's columns as text, in an order of bytes."""
    return [sql.SQL('{}::text collate "C"').format(sql.Identifier(name)) for name in spec.key]


def method_for(source: psycopg.Connection, warehouse: psycopg.Connection) -> Method:
    """The fastest method that gives the same numbers on both servers, found by a row of every kind of value."""
    values = {
        "uuid": "'6f9619ff-8b86-d011-b42d-00c04fc964ff'",
        "boolean": "true",
        "smallint": "-7",
        "integer": "2147483647",
        "bigint": "-4294967297",
        "date": "'-infinity'",
        "timestamp with time zone": "'12026-02-28 23:59:59.999999+00'",
        "timestamp without time zone": "'0044-03-15 BC'",
        "text": "'Ünïcode'",
        "character(9)": "'QQ123456C'",
        "numeric": "1.10",
        "double precision": "0.1",
        "interval": "'24:00:00'",
        "jsonb": """'{"a": [1.0, null]}'""",
        "uuid[]": "array[]::uuid[]",
        "bytea": r"'\x00ff'",
    }
    elements = [
        element
        for kind, value in values.items()
        for element in _elements(sql.SQL("{}::{}").format(sql.SQL(value), sql.SQL(kind)), kind)
    ]
    query = sql.SQL("select hash_record_extended(row({}), 0), uuid_hash_extended({}::uuid, 0)").format(
        sql.SQL(", ").join(elements), sql.SQL(values["uuid"])
    )
    for connection in (source, warehouse):
        prepare(connection)
    same = source.execute(query).fetchone() == warehouse.execute(query).fetchone()
    return Method.NATIVE if same else Method.SHA256


def prepare(connection: psycopg.Connection) -> None:
    """Settings of a session that compares."""
    for statement in SESSION:
        connection.execute(statement.encode())


def _elements(value: sql.Composable, type_: str) -> list[sql.Composable]:
    """A column as what the engine's hash of a record tells apart exactly."""
    if type_ in _PLAIN:
        return [value]
    if without_modifier(type_) in _TIMESTAMPS:
        return [value, sql.SQL("{} - {}").format(value, _DISTANCE)]
    if type_ == "bigint":
        return [value, sql.SQL("({}) >> 32").format(value)]
    text = sql.SQL('({})::text collate "C"').format(value)
    # Blanks at the end of a character without a length are lost in its text.
    return [text, sql.SQL("octet_length({})").format(value)] if type_ == "bpchar" else [text]
