"""A row as a number: equal on two servers when, and only when (but for 1 in 2^64), its published columns are equal.

The servers' own hash functions are the fastest that SQL has, but they follow each type's idea of equality. What they
would call equal though it is not the same is distinguished: texts are hashed by their bytes whatever their collation;
numerics, JSON, arrays and all rarer types by their text, which shows trailing zeros.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum

import psycopg
from psycopg import sql

from warehouse.replicate.compare.spec import TableSpec, without_modifier
from warehouse.replicate.json_keys.expression import listed_keys

SESSION = (
    "set timezone = 'UTC'",
    "set datestyle = 'ISO, YMD'",
    "set intervalstyle = 'postgres'",
    "set extra_float_digits = 1",
    "set bytea_output = 'hex'",
    "set client_encoding = 'UTF8'",
)
"""Settings on which a value's text depends; the same on both sides."""

_SENT = {"timestamp without time zone": "timestamp_send", "timestamp with time zone": "timestamptz_send"}
"""PostgreSQL's own hash of a timestamp folds its 64 bits into 32: times a multiple of about 72 minutes apart would be
called the same. The hash of their eight bytes counts every bit."""


class Method(Enum):
    """How a row becomes a number."""

    NATIVE = "PostgreSQL's own hash"
    SHA256 = "SHA-256 of the row's binary form"
    """Three times as slow; for servers whose own hashes differ from one another, such as those of two architectures."""


def row_hash(spec: TableSpec, method: Method, *, at_source: bool) -> sql.Composable:
    """The expression (bigint) over a relation with the spec's columns."""
    columns: list[tuple[str, str]] = []
    for column in spec.columns:
        value = _name(column.name)
        if column.name in spec.json_rules and (at_source or column.name in spec.cut_anew):
            value = f"({listed_keys(column.name, spec.json_rules[column.name]).as_string(None)})"
        columns.append((value, "" if column.name in spec.differently_typed else column.type))
    return sql.SQL(_hash(columns, method))


# From here on SQL is put together as text: a table has hundreds of such expressions, and each is needed several times.


def _hash(columns: Sequence[tuple[str, str]], method: Method) -> str:
    """The hash of values with their types; an unknown type is taken as text."""
    if method is Method.SHA256:
        texts = ", ".join(text for value, type_ in columns for text in _texts(value, type_))
        return f"('x' || encode(substring(sha256(record_send(row({texts}))) for 8), 'hex'))::bit(64)::bigint"
    hashes, in_record = list[str](), list[str]()
    for position, (value, type_) in enumerate(columns):
        if type_ == "date":
            in_record.append(value)
        elif without_modifier(type_) in _SENT:
            in_record.append(f"{_SENT[without_modifier(type_)]}({value})")
        else:
            # No value has its column's seed for a hash (but for 1 in 2^64): null is none of them.
            hashes.append(f"coalesce({_column_hash(value, type_, position)}, {_seed(position)})")
    if in_record:
        # There is no function of SQL for these types alone. A record's hash depends on the order of its columns.
        hashes.append(f"hash_record_extended(row({', '.join(in_record)}), 0)")
    # Each column has a seed of its own, so values that change places are noticed. The hash of the hash (as a seed, of
    # which all 64 bits count): without it two rows that swap a column's values would cancel out in a sum of rows.
    return f"hashint4extended(0, {' # '.join(hashes)})"


def key_hash(spec: TableSpec, method: Method) -> sql.Composable:
    """The expression (bigint) by which a row's range is found; spread evenly, whatever the keys are like."""
    kinds = {column.name: "" if column.name in spec.differently_typed else column.type for column in spec.columns}
    columns = [(_name(name), kinds[name]) for name in spec.key]
    if method is Method.SHA256 or len(columns) > 1:
        # Mixed once more: two keys that swap a column's values would cancel out in a sum of keys.
        return sql.SQL(_hash(columns, method))
    return sql.SQL(f"({_column_hash(*columns[0], 0)})")


def _column_hash(value: str, type_: str, position: int) -> str:
    """A value's hash; null's is null."""
    seed = _seed(position)
    if type_ == "uuid":
        return f"uuid_hash_extended({value}, {seed})"
    if type_ in ("smallint", "integer", "boolean"):
        return f"hashint4extended({value}::integer, {seed})"
    if type_ == "bigint":
        # hashint8 folds 64 bits into 32, and calls -1 and 4294967295 the same. Seeds are not folded.
        return f"hashint4extended({position}, {value} # {seed})"
    return " # ".join(f"hashtextextended({text}, {seed})" for text in _texts(value, type_))


def _texts(value: str, type_: str) -> list[str]:
    """A value as text that shows all of it."""
    text = f'({value})::text collate "C"'
    # Blanks at the end of a character without a length are lost in its text.
    return [text, f"repeat('-', octet_length({value}))"] if type_ == "bpchar" else [text]


def _seed(position: int) -> int:
    return (position + 1) * 0x9E3779B97F4A7C15 % 2**62


def _name(column: str) -> str:
    return sql.Identifier(column).as_string(None)


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
    query = sql.SQL("select {}").format(
        sql.SQL(
            _hash(
                [(f"({value}::{kind})", kind) for kind, value in values.items()],
                Method.NATIVE,
            )
        )
    )
    for connection in (source, warehouse):
        prepare(connection)
    same = source.execute(query).fetchone() == warehouse.execute(query).fetchone()
    return Method.NATIVE if same else Method.SHA256


def prepare(connection: psycopg.Connection, *more: str) -> None:
    """Settings of a session that compares."""
    connection.execute("; ".join((*SESSION, *more)).encode())
