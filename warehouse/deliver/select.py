"""The query that reads an extract: the columns that the contract names, in its order, sorted the same every time."""

from __future__ import annotations

from datetime import date

import psycopg
from psycopg import sql

from warehouse.core.contracts import Column, ColumnType, Contract, Kind, parse_type, why_it_cannot_hold
from warehouse.core.contracts.read import contract_error
from warehouse.core.errors import CheckFailed, DeliveryError
from warehouse.core.settings import near
from warehouse.deliver.hostile_text import FORMULA_STARTS
from warehouse.deliver.periods import Period
from warehouse.deliver.pseudonyms import Pseudonyms

SCHEMA = "extracts"

_COLUMNS = """
    select a.attname, format_type(a.atttypid, a.atttypmod), t.typtype
    from pg_attribute a
    join pg_class c on c.oid = a.attrelid
    join pg_namespace n on n.oid = c.relnamespace
    join pg_type t on t.oid = a.atttypid
    where n.nspname = %s and c.relname = %s and a.attnum > 0 and not a.attisdropped
      and c.relkind in ('r', 'p', 'v', 'm')
    order by a.attnum
"""
_ENUMERATION = "e"
_WITH_INFINITY = (Kind.DATE, Kind.TIMESTAMP, Kind.TIMESTAMP_WITH_ZONE)


def relation(contract: Contract, schema: str = SCHEMA) -> sql.Composed:
    """The extract's table."""
    return sql.SQL("{}.{}").format(sql.Identifier(schema), sql.Identifier(contract.model))


def check_model(connection: psycopg.Connection, contract: Contract, schema: str = SCHEMA) -> dict[str, ColumnType]:
    """Compare the contract with the model as it is in the database.

    A column of the model that the contract does not name is no mistake: it stays behind.

    Returns:
        The model's type of each column of the contract.

    Raises:
        DeliveryError: the model has not been built.
        ContractError: a column is not in the model, or its type cannot hold the model's.
    """
    there = {row[0]: (row[1], row[2]) for row in connection.execute(_COLUMNS, (schema, contract.model))}
    if not there:
        raise DeliveryError(
            f"There is no table {SCHEMA}.{contract.model}, which {near(contract.path)} delivers.",
            meaning="Nothing was sent. Deliveries of other contracts are not affected.",
            next_command="Run `warehouse run`, which builds the models first.",
        )
    problems, types = [], {}
    for column in contract.columns:
        if column.name not in there:
            problems.append(f"column {column.name}: {SCHEMA}.{contract.model} has no such column")
            continue
        name, kind = there[column.name]
        found = ColumnType(Kind.STRING) if kind == _ENUMERATION else parse_type(name)
        reason = "a file cannot carry that" if found is None else why_it_cannot_hold(column.type, found)
        if found is None or reason:
            problems.append(f"column {column.name}: is {column.physical_type}, but the model's is {name}: {reason}")
        else:
            types[column.name] = found
    if problems:
        raise contract_error(contract.path, problems)
    return types


def as_at(connection: psycopg.Connection, contract: Contract, built: date, schema: str = SCHEMA) -> date:
    """The business date of the snapshot: the build's, which its rows have to say, too, where there is a column for it.

    Raises:
        CheckFailed: the rows do not agree on it, or not with the build.
    """
    if contract.as_at_column is None:
        return built
    query = sql.SQL("select distinct {} from {} limit 2").format(
        sql.Identifier(contract.as_at_column), relation(contract, schema)
    )
    found = connection.execute(query).fetchall()
    if len(found) > 1 or (found and not isinstance(found[0][0], date)):
        raise CheckFailed(
            f"The rows of {SCHEMA}.{contract.model} do not have one {contract.as_at_column}.",
            meaning="The rows are not one snapshot. Nothing was sent.",
            next_command="Run `warehouse run`, which builds the models as at one day.",
        )
    if found and found[0][0] != built:
        raise CheckFailed(
            f"The rows of {SCHEMA}.{contract.model} are as at {found[0][0]}, but the build was made as at {built}.",
            meaning="The rows are not those of the published build. Nothing was sent.",
            next_command="Run `warehouse run`, which builds the models as at one day.",
        )
    return built


def copy_query(
    contract: Contract, period: Period, pseudonyms: Pseudonyms | None = None, schema: str = SCHEMA
) -> sql.Composed:
    """COPY of the contract's columns, sorted, as CSV without a header: null is empty, an empty text is quoted.

    Args:
        period: whose rows, where rows belong to one.
        schema: in which the model's table is.
    """
    prefixed = contract.format.formula_characters == "prefix"
    listed = [
        _not_a_formula(column)
        if prefixed and column.type.kind is Kind.STRING and not column.pseudonym
        else _expression(column, pseudonyms)
        for column in contract.columns
    ]
    columns = sql.SQL(", ").join([*(pseudonyms.in_front if pseudonyms else []), *listed])
    order = sql.SQL(", ").join(_order(contract.column(name), pseudonyms) for name in contract.sort_key)
    return sql.SQL("copy (select {} from {} order by {}) to stdout (format csv)").format(
        columns, rows_of(contract, period, schema), order
    )


def rows_of(contract: Contract, period: Period, schema: str) -> sql.Composed:
    """The rows of a period: of those that are of one thing only the newest, where the contract says so."""
    if contract.period_column is None:
        return relation(contract, schema)
    day = sql.Identifier(contract.period_column)
    newest = sql.SQL(", ").join(map(sql.Identifier, contract.newest_of))
    return sql.SQL("(select {}* from {} where {} between {} and {}{}) as rows_of_period").format(
        sql.SQL("distinct on ({}) ").format(newest) if contract.newest_of else sql.SQL(""),
        relation(contract, schema),
        day,
        sql.Literal(period.first),
        sql.Literal(period.last),
        sql.SQL(" order by {}, {} desc").format(newest, day) if contract.newest_of else sql.SQL(""),
    )


def _as_text(name: str) -> sql.Composed:
    return sql.SQL("{}::text").format(sql.Identifier(name))


def _not_a_formula(column: Column) -> sql.Composed:
    """A text with an apostrophe before what a spreadsheet would run."""
    # By its number: a text of the first character would have to be made of every value. That of an empty text is 0.
    return sql.SQL("case when ascii({text}) = any ({starts}) then '''' || {text} else {text} end").format(
        text=_as_text(column.name), starts=sql.Literal([ord(start) for start in FORMULA_STARTS])
    )


def _order(column: Column, pseudonyms: Pseudonyms | None) -> sql.Composed:
    if column.pseudonym and pseudonyms:
        return pseudonyms.order(column)
    if column.type.kind is Kind.STRING:
        # Byte order, so that the order does not depend on the server's locale.
        return sql.SQL('{} collate "C"').format(_as_text(column.name))
    return sql.SQL("{}").format(sql.Identifier(column.name))


def _expression(column: Column, pseudonyms: Pseudonyms | None) -> sql.Composed:
    """A column as it is written. Infinite dates become null: no file format and no reader knows them."""
    if column.pseudonym and pseudonyms:
        return pseudonyms.in_place(column)
    name = sql.Identifier(column.name)
    if column.type.kind is Kind.DECIMAL:
        size = sql.SQL("{}, {}").format(sql.Literal(column.type.size), sql.Literal(column.type.scale))
        return sql.SQL("{}::numeric({})").format(name, size)
    if column.type.kind is Kind.DATE:
        return _finite(name)
    if column.type.kind in _WITH_INFINITY:
        # ISO 8601 wants a T, and Z for what the session's time zone, UTC, prints as +00.
        return sql.SQL("replace(replace({}::text, ' ', 'T'), '+00', 'Z')").format(_finite(name))
    if column.type.kind in (Kind.STRING, Kind.BOOLEAN):
        return _as_text(column.name)
    return sql.SQL("{}").format(name)


def _finite(name: sql.Identifier) -> sql.Composed:
    return sql.SQL("nullif(nullif({}, 'infinity'), '-infinity')").format(name)
