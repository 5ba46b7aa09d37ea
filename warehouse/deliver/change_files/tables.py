"""Which tables a set has, with their columns as they are in this snapshot, and with what earlier sets told of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import psycopg

from warehouse.core.classes import STAGED, Classes
from warehouse.core.contracts import Column, ColumnType, Contract, Kind, parse_type
from warehouse.core.contracts.read import contract_error
from warehouse.core.history_names import HISTORY, LOG, OWN_COLUMNS
from warehouse.deliver.change_files.records import Recorded
from warehouse.deliver.change_files.standing import held

_COLUMNS = """
select
    a.attname::text,
    format_type(a.atttypid, a.atttypmod),
    coalesce((
        select k.place from pg_index as i
        cross join lateral unnest(i.indkey::int2[]) with ordinality as k (attnum, place)
        where i.indrelid = a.attrelid and i.indisprimary and k.attnum = a.attnum
    ), 0),
    has_column_privilege(a.attrelid, a.attnum, 'select')
from pg_attribute as a
where a.attrelid = to_regclass(%s) and a.attnum > 0 and not a.attisdropped and a.attname <> all(%s)
order by a.attnum
"""
_THERE = "select to_regclass(%s) is not null and to_regclass(%s) is not null and to_regclass(%s) is not null"
_COPYING = "select table_name from ledger.column_states where column_name = '' and state = 'copying'"
_KEPT_FROM = "select max(ended_before) from ledger.dropped_history where table_name = %s"

FOUND_AS: Final = "sourceType"
"""What a manifest calls the type that a column has in the warehouse."""


@dataclass(frozen=True)
class OfTable:
    """A column of a replicated table in a file.

    Attributes:
        column: as the file has it.
        found: its type in the warehouse. What Parquet has no type for, such as JSON and arrays, is text there.
    """

    column: Column
    found: str

    @property
    def has_bounds(self) -> bool:
        """Whether it can have values that no file holds: dates before the year 1 and after 9999, and infinite ones."""
        return self.column.type.kind in (Kind.DATE, Kind.TIMESTAMP, Kind.TIMESTAMP_WITH_ZONE)

    def as_fact(self) -> dict[str, Any]:
        """As the ledger keeps it."""
        return {
            "name": self.column.name,
            "type": self.column.physical_type,
            FOUND_AS: self.found,
            "classification": self.column.classification,
            "quasiIdentifier": self.column.quasi_identifier,
        }


@dataclass(frozen=True)
class ChangeTable:
    """A table in a set.

    Attributes:
        columns: that leave, those of the key among them.
        key: the columns of its primary key.
        from_position: the first transaction that is told of; None for a complete copy: the set before had not got it.
        schema_version: 1 in a complete copy, and one more whenever its columns differ.
        is_new_version: whether this set is the first with that version: it has a file then, if only an empty one.
        kept_from: versions that ended before were dropped by the retention rule; only of a complete copy.
    """

    name: str
    columns: tuple[OfTable, ...]
    key: tuple[str, ...]
    from_position: int | None
    schema_version: int
    is_new_version: bool
    kept_from: datetime | None

    def as_fact(self, rows: int) -> dict[str, Any]:
        """As the ledger keeps it."""
        return {
            "complete": self.from_position is None,
            "from_position": self.from_position,
            "schema_version": self.schema_version,
            "history_kept_from": self.kept_from.isoformat() if self.kept_from else None,
            "rows": rows,
            "key": list(self.key),
            "columns": [one.as_fact() for one in self.columns],
        }


def find_tables(
    connection: psycopg.Connection, contract: Contract, classes: Classes, span: Recorded, last: Recorded | None
) -> Iterator[ChangeTable]:
    """The tables of a set, in the order of their names.

    Args:
        classes: of the replicated columns.
        last: the set that it continues; None where it begins a series.

    Raises:
        ContractError: of a table, a column of the key stays behind.
        ChangesHeld: this login may not read a column that leaves: it came after the rights were given.
    """
    assert contract.change_files is not None
    copying = {row[0] for row in connection.execute(_COPYING)}
    for name, columns in sorted(classes.replicated_columns.items()):
        if (
            name not in contract.change_files.tables
            or name in copying
            or not _is_there(connection, classes.schema, name)
        ):
            continue
        released = {column for column, given in columns.items() if given != "secret"}
        found = connection.execute(_COLUMNS, (f'{classes.schema}."{name}"', list(OWN_COLUMNS))).fetchall()
        leaving = set(contract.change_files.columns(name, [column for column, *_ in found if column in released]))
        if hidden := [column for column, _, _, may_read in found if column in leaving and not may_read]:
            raise held(
                f"{contract.recipient}/{contract.name}",
                f"this login may not read {', '.join(f'{name}.{column}' for column in hidden[:3])}",
                "As the warehouse's owner, run `warehouse grants apply`: the role of deliverers gets what it needs.",
            )
        key = tuple(column for column, _, place, _ in sorted(found, key=lambda one: one[2]) if place)
        if not key or not leaving >= set(key):
            lacking = ", ".join(sorted(set(key) - leaving)) or "a primary key"
            raise contract_error(
                contract.path, [f"changeFiles.{name}: {lacking} has to leave, or rows cannot be identified"]
            )
        kept = tuple(
            OfTable(_column(classes, name, column, kind, columns[column], required=bool(place)), kind)
            for column, kind, place, _ in found
            if column in leaving
        )
        before: Mapping[str, Any] | None = last.facts.get("tables", {}).get(name) if last else None
        same = before is not None and before["columns"] == [one.as_fact() for one in kept]
        yield ChangeTable(
            name=name,
            columns=kept,
            key=key,
            from_position=span.from_position if before else None,
            schema_version=1 if before is None else before["schema_version"] + (0 if same else 1),
            is_new_version=not same,
            kept_from=None if before else connection.execute(_KEPT_FROM, (name,)).fetchone()[0],  # type: ignore[index]
        )


def _is_there(connection: psycopg.Connection, schema: str, name: str) -> bool:
    places = (f'{schema}."{name}"', f'{HISTORY}."{name}"', f'{HISTORY}."{name}{LOG}"')
    return connection.execute(_THERE, places).fetchone() == (True,)


def _column(classes: Classes, table: str, name: str, found: str, given: str, *, required: bool) -> Column:
    kind = parse_type(found)
    if kind is None or kind.kind is Kind.DECIMAL:
        kind = ColumnType(Kind.STRING)
    return Column(
        name=name,
        type=kind,
        physical_type=found if kind.kind is not Kind.STRING else "text",
        classification=given,  # type: ignore[arg-type]  # the file of classes was checked
        description=f"{table}.{name} of the Teaching Record System; {found} there.",
        required=required,
        unique=False,
        constraints={},
        quasi_identifier=classes.is_quasi_identifier(f"{STAGED}{table}", name),
    )
