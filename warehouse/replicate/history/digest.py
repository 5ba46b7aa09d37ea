"""The digest of a settled month: SHA-256 over its versions, whatever the session's settings and the order of columns.

A version is the text of each of its columns that is not null, by name: so a column that comes later, and is null in all
that was before, changes no digest. Versions are dealt out to groups by the hash of their key; a few bytes of each group
are kept, so that a difference can be traced to the keys of one group. Sorting and adding up is the server's: no more
than a group of a month comes into the memory of anybody.

The sum of a month is smaller: the first eight bytes of each version's SHA-256, added up. It needs no order, so it grows
with each version that is settled, and says of a month that is not over yet whether it holds what was settled into it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

import psycopg
from psycopg import sql

from warehouse.core.database import one
from warehouse.replicate.catalog.names import HISTORY
from warehouse.replicate.catalog.relations import columns_of

VERSIONS_OF_A_GROUP = 16
MOST_GROUPS = 4096
OF_A_GROUP = 8
"""Bytes of a group's digest that are kept."""

_SETTINGS = """
select set_config('TimeZone', 'UTC', true), set_config('DateStyle', 'ISO, YMD', true),
    set_config('IntervalStyle', 'postgres', true), set_config('extra_float_digits', '1', true),
    set_config('bytea_output', 'hex', true), set_config('xmlbinary', 'base64', true)
"""

_GROUPS = """
select
    d.number,
    count(*),
    sha256(string_agg(d.version, ''::bytea order by d.version)),
    {sum}
from (
    select
        ((get_byte(k.hash, 0) * 256 + get_byte(k.hash, 1)) * 256 + get_byte(k.hash, 2)) % {groups} as number,
        {version} as version
    from {partition} as h cross join lateral (select sha256(convert_to({key}, 'UTF8')) as hash) as k
) as d
group by d.number
order by d.number
"""

_SUMMED = "select count(*), {sum} from (select {version} as version from {partition} as h) as d"

SUM = sql.SQL("coalesce(sum(('x' || encode(substr(d.version, 1, 8), 'hex'))::bit(64)::bigint), 0)")
"""Over rows `d` with the hashes of versions: see hash_of()."""

_KEYS = """
select distinct {key} from {partition} as h cross join lateral (select sha256(convert_to({whole}, 'UTF8')) as hash) as k
where ((get_byte(k.hash, 0) * 256 + get_byte(k.hash, 1)) * 256 + get_byte(k.hash, 2)) % {groups} = any({numbers})
order by 1 limit {most}
"""


@dataclass(frozen=True)
class Digest:
    """What a month holds, as digests.

    Attributes:
        fingerprint: the first bytes of each group's digest, in the order of their numbers.
        sum: of the versions' hashes.
    """

    versions: int
    content: bytes
    fingerprint: bytes
    key_columns: list[str]
    sum: Decimal

    @property
    def groups(self) -> int:
        return len(self.fingerprint) // OF_A_GROUP or 1

    @classmethod
    def of_open(cls, versions: int, sum: Decimal) -> Digest:
        """Of a month that is only counted and added up."""
        return cls(versions, b"", b"", [], sum)

    def differing(self, fingerprint: bytes) -> list[int]:
        """The numbers of the groups that are not as another fingerprint has them."""
        return [
            number
            for number in range(self.groups)
            if self.fingerprint[number * OF_A_GROUP : (number + 1) * OF_A_GROUP]
            != fingerprint[number * OF_A_GROUP : (number + 1) * OF_A_GROUP]
        ]


def digest(connection: psycopg.Connection, partition: str, key: Sequence[str], groups: int | None = None) -> Digest:
    """The digest of a partition of the history.

    Args:
        groups: as many as the month was sealed with; None: as many as suit its size.
    """
    with connection.transaction():
        in_one_form(connection)
        if groups is None:
            row = connection.execute(
                sql.SQL("select count(*) from {}").format(sql.Identifier(HISTORY, partition))
            ).fetchone()
            groups = min(max((row[0] if row else 0) // VERSIONS_OF_A_GROUP, 1), MOST_GROUPS)
        columns = _columns(connection, partition)
        rows = connection.execute(
            sql.SQL(_GROUPS).format(
                groups=sql.Literal(groups),
                version=hash_of(columns),
                sum=SUM,
                key=text_of([name for name in key if name in columns]),
                partition=sql.Identifier(HISTORY, partition),
            )
        ).fetchall()
    of_each = {number: bytes(found) for number, _, found, _ in rows}
    versions = sum(count for _, count, _, _ in rows)
    whole = hashlib.sha256(f"{groups} {versions}".encode())
    for number, found in sorted(of_each.items()):
        whole.update(number.to_bytes(4) + found)
    nothing = bytes(OF_A_GROUP)
    fingerprint = b"".join(of_each.get(number, nothing)[:OF_A_GROUP] for number in range(groups))
    return Digest(versions, whole.digest(), fingerprint, list(key), sum((part for *_, part in rows), Decimal()))


def summed(connection: psycopg.Connection, partition: str) -> Digest:
    """How many versions a partition of the history has, and their sum; less work than their digest."""
    with connection.transaction():
        in_one_form(connection)
        row = one(
            connection,
            sql.SQL(_SUMMED).format(
                sum=SUM, version=hash_of(_columns(connection, partition)), partition=sql.Identifier(HISTORY, partition)
            ),
        )
    return Digest.of_open(*row)


def in_one_form(connection: psycopg.Connection) -> None:
    """Have values written as text in one form for the rest of the transaction, whatever the session's settings."""
    connection.execute(_SETTINGS)


def hash_of(columns: Sequence[str]) -> sql.Composable:
    """The expression for the hash of a version `h` with these columns; see in_one_form()."""
    return sql.SQL("sha256(convert_to({}, 'UTF8'))").format(text_of(columns))


def keys_in(
    connection: psycopg.Connection, partition: str, key: Sequence[str], groups: int, numbers: Sequence[int], most: int
) -> list[tuple[str, ...]]:
    """Keys of the versions that are in some groups now, as text."""
    columns = _columns(connection, partition)
    known = [name for name in key if name in columns]
    with connection.transaction():
        in_one_form(connection)
        rows = connection.execute(
            sql.SQL(_KEYS).format(
                key=sql.SQL(", ").join(sql.SQL("h.{}::text").format(sql.Identifier(name)) for name in known),
                whole=text_of(known),
                groups=sql.Literal(groups),
                partition=sql.Identifier(HISTORY, partition),
                numbers=sql.Literal(list(numbers)),
                most=sql.Literal(most),
            )
        ).fetchall()
    return [tuple(row) for row in rows]


def text_of(columns: Sequence[str]) -> sql.Composable:
    """The expression for the text of some columns: by name, quoted, without those that are null."""
    if not columns:
        return sql.Literal("")
    return sql.SQL(" || ").join(
        # %L is what the type itself writes, quoted: no cast that would lose anything, such as blanks at the end.
        sql.SQL("coalesce(case when {column} is not null then format({form}, {column}) end, '')").format(
            column=sql.Identifier("h", name), form=sql.Literal(f"{name.replace('%', '%%')}=%L;")
        )
        for name in sorted(columns)
    )


def _columns(connection: psycopg.Connection, partition: str) -> list[str]:
    return list(columns_of(connection, HISTORY, partition))
