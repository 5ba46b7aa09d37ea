"""Cutting out what a rule does not allow any more: out of the replica, the log and every version of the history.

No version is made: it would keep the values. The columns stay, so that views and models do not break, and PostgreSQL
rewrites the tables, so that no dead row keeps a value either. Settled months are held against their seals before, and
sealed again afterwards.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import LiteralString

import psycopg
from psycopg import sql

from warehouse.core.database import one
from warehouse.core.statistics import clear_statistics
from warehouse.core.writer import write_on_purpose
from warehouse.replicate import history
from warehouse.replicate.catalog.names import HISTORY, TRIGGERS, VERSIONS
from warehouse.replicate.catalog.relations import columns_of
from warehouse.replicate.drift import columns
from warehouse.replicate.drift.work import Work
from warehouse.replicate.history import retention
from warehouse.replicate.history.tables import log_of
from warehouse.replicate.json_keys.expression import listed_keys
from warehouse.replicate.ledger import column_states, rules
from warehouse.replicate.replica import filtered, views_aside
from warehouse.replicate.rule_lines import cut, version

BECAUSE = "replication/trs.yml"

_COUNT = "select count(*) from {rows} as v where {differs}"

_ALTER = "alter table {table} alter column {column} type {type} using {using}"

_FUNCTION = """
drop function if exists pg_temp.cut_out;
create function pg_temp.cut_out({arguments}) returns {type} language sql as {body}
"""

_EMPTY = """
alter table {table} disable trigger {trigger};
truncate {table}, {log};
alter table {table} enable always trigger {trigger}
"""


@dataclass(frozen=True)
class Holding:
    """How much of what is not allowed any more a table holds.

    Attributes:
        rows: of the replica; `versions`: of the log and the history.
    """

    rows: int
    versions: int

    def __bool__(self) -> bool:
        return bool(self.rows or self.versions)

    def __str__(self) -> str:
        return f"{self.rows:,} rows and {self.versions:,} earlier versions"


def holding(work: Work, table: str, names: Sequence[str]) -> Holding:
    """How many rows and versions hold what is not allowed any more of some columns; of all when none is named."""
    log = sql.SQL("(select (version).* from {})").format(log_of(table))
    if names:
        terms = (
            sql.SQL("{} is distinct from {}").format(sql.Identifier("v", n), _cut(work, table, n, "v")) for n in names
        )
        differs: sql.Composable = sql.SQL(" or ").join(terms)
    else:
        differs = sql.SQL("true")
    places = (sql.Identifier(work.schema, table), log, sql.Identifier(HISTORY, table))
    counts = [one(work.warehouse, sql.SQL(_COUNT).format(rows=place, differs=differs))[0] for place in places]
    return Holding(counts[0], counts[1] + counts[2])


def out_of_columns(
    work: Work, table: str, gone: Sequence[str], changed: Sequence[str], fetched: Sequence[str]
) -> Holding:
    """Cut values out of columns, everywhere in one transaction.

    Args:
        gone: columns of which nothing stays.
        changed: JSON columns of which other parts are cut out than before.
        fetched: those that are to be back-filled: what is allowed now, and was not before, is fetched.

    Raises:
        DriftHeld: another session holds a lock on the table.
    """
    warehouse, schema = work.warehouse, work.schema
    found = Holding(0, 0)

    def change() -> None:
        nonlocal found
        for column in gone:
            column_states.put(
                warehouse, table, column, "removed", "it is not replicated any more; its values were removed"
            )
        columns.discard_held(work, table)
        found = holding(work, table, [*gone, *changed])
        if found:
            _rewrite(work, table, [*gone, *changed])
        columns.filter_values(work, table)
        for column in fetched:
            column_states.put(
                warehouse, table, column, "adding", "values not yet compared: other parts are cut out now"
            )
        rules.stored(warehouse, table, {name: cut(work.classification, table)[name] for name in changed})
        if found:
            rules.rewritten(
                warehouse, table, [*gone, *changed], found.rows, found.versions, version(work.classification)
            )

    columns.alter(work, table, "its values cannot be removed", change)
    _refresh_statistics(warehouse, schema, table)
    return found


def out_of_table(work: Work, table: str) -> Holding:
    """Remove every row and version of a table; it stays, empty. The subscription does not know it any more.

    Raises:
        DriftHeld: another session holds a lock on the table.
    """
    warehouse = work.warehouse
    found = Holding(0, 0)

    def change() -> None:
        nonlocal found
        found = holding(work, table, [])
        write_on_purpose(warehouse, "rule")
        retention.drop_all(warehouse, table, BECAUSE)
        warehouse.execute(
            sql.SQL(_EMPTY).format(
                table=sql.Identifier(work.schema, table), log=log_of(table), trigger=sql.Identifier(TRIGGERS[3])
            )
        )
        column_states.put(warehouse, table, "", "removed", "it is not replicated any more; its rows were removed")
        if found:
            rules.rewritten(warehouse, table, [""], found.rows, found.versions, version(work.classification))

    columns.alter(work, table, "its rows cannot be removed", change)
    _refresh_statistics(warehouse, work.schema, table)
    return found


def _rewrite(work: Work, table: str, names: Sequence[str]) -> None:
    warehouse, schema = work.warehouse, work.schema
    # It rests on the columns; the caller makes it again.
    filtered.take_away(warehouse, schema, table)
    with views_aside.aside(warehouse, [(schema, table), (VERSIONS, table)]):
        # The log is of the row's type. Cut before it is taken aside, it has nothing to give back.
        _rewrite_log(work, table, names)
        with history.rebuilt(warehouse, schema, table, "rule", BECAUSE):
            types = columns_of(warehouse, schema, table)
            for column in names:
                using = _in_place(work, table, column, types)
                for place in (schema, HISTORY):
                    warehouse.execute(
                        sql.SQL(_ALTER).format(
                            table=sql.Identifier(place, table),
                            column=sql.Identifier(column),
                            type=sql.SQL(types[column]),
                            using=using,
                        )
                    )


def _in_place(work: Work, table: str, column: str, types: Mapping[str, LiteralString]) -> sql.Composable:
    """What stays of a value, as ALTER TABLE takes it: by way of a function, because it takes no subquery."""
    cut_out = _cut(work, table, column)
    if column not in work.classification.columns_of(table):
        return cut_out
    of_keys = work.classification.json_rules(table)
    by = of_keys[column].by if column in of_keys else None
    given = [column, *([by] if by else [])]
    work.warehouse.execute(
        sql.SQL(_FUNCTION).format(
            arguments=sql.SQL(", ").join(sql.SQL("{} {}").format(sql.Identifier(n), sql.SQL(types[n])) for n in given),
            type=sql.SQL(types[column]),
            body=sql.Literal(sql.SQL("select {}").format(cut_out).as_string(work.warehouse)),
        )
    )
    return sql.SQL("pg_temp.cut_out({})").format(sql.SQL(", ").join(map(sql.Identifier, given)))


def _rewrite_log(work: Work, table: str, names: Sequence[str]) -> None:
    fields = sql.SQL(", ").join(
        _cut(work, table, name, "v") if name in names else sql.Identifier("v", name)
        for name in columns_of(work.warehouse, work.schema, table)
    )
    work.warehouse.execute(
        sql.SQL("update {} as l set version = (select row({})::{} from (select (l.version).*) as v)").format(
            log_of(table), fields, sql.Identifier(work.schema, table)
        )
    )


def _cut(work: Work, table: str, column: str, prefix: str | None = None) -> sql.Composable:
    """What stays of a column's value."""
    name = sql.Identifier(prefix, column) if prefix else sql.Identifier(column)
    if column not in work.classification.columns_of(table):
        return sql.SQL("null")
    of_keys = work.classification.json_rules(table)
    return listed_keys(column, of_keys[column], prefix) if column in of_keys else name


_PARTS = """
select n.nspname::text, c.relname::text
from pg_class as c join pg_namespace as n on n.oid = c.relnamespace
where c.oid = to_regclass(format('%%I.%%I', %s::text, %s::text))
    or c.oid in (select relid from pg_partition_tree(to_regclass(format('%%I.%%I', %s::text, %s::text))))
"""


def _refresh_statistics(connection: psycopg.Connection, schema: str, table: str) -> None:
    """The planner keeps the most frequent values of a column; it looks at what is there now."""
    # Whether the log has samples is chance: only autovacuum looks at it.
    for place, name in ((schema, table), (HISTORY, table), (HISTORY, f"{table}_log")):
        for part_schema, part in connection.execute(_PARTS, (place, name, place, name)).fetchall():
            for of_partitions in (False, True):
                clear_statistics(connection, part_schema, part, of_partitions=of_partitions)
        connection.execute(sql.SQL("analyze {}").format(sql.Identifier(place, name)))
