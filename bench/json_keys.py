"""What it costs that of an event's JSON only the listed keys come: the insert, and the read at the source."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from statistics import median

import psycopg
from psycopg import sql
from psycopg.types.json import Jsonb

from bench.measure import Aim, Figure, against, each_run, timing
from warehouse.core.databases import Databases
from warehouse.core.progress import Progress
from warehouse.replicate import load_classification
from warehouse.replicate.json_keys import filter as key_filter
from warehouse.replicate.json_keys.expression import listed_keys

TABLE, COLUMN = "process_events", "payload"
MOST_ROWS = 20_000
ROUNDS = 5
TIMES_OF_AN_INSERT, TIMES_OF_A_READ = 12, 15
"""At most so many times the cost of a row without the rule (docs/adr/0033)."""

_SCHEMA = "bench_json"


def cost_of_a_rule(databases: Databases, progress: Progress) -> list[Figure]:
    """Both on the source's own events: into a table with a key and with or without the trigger, in turn; and read."""
    rule = load_classification().json_rules(TABLE)[COLUMN]
    by = sql.Identifier(rule.by) if rule.by else sql.SQL("null")
    events = sql.SQL("select row_number() over () as n, {}, {} from {} where {} is not null limit {}").format(
        by, sql.Identifier(COLUMN), sql.Identifier("public", TABLE), sql.Identifier(COLUMN), sql.Literal(MOST_ROWS)
    )
    with databases.source() as source, databases.warehouse() as warehouse:
        rows = source.execute(events).fetchall()
        try:
            _make(warehouse, rows, rule.by or "kind")
            key_filter.leave_unlisted_out(warehouse, _SCHEMA, "filtered", {COLUMN: rule})
            inserts = _in_turn(progress, {name: partial(_insert, warehouse, name) for name in _TABLES})
            read = sql.SQL("select count({}) from {}.raw").format
            forms = {"as they are": sql.Identifier(COLUMN), "the listed keys": listed_keys(COLUMN, rule)}
            queries = {name: read(form, sql.Identifier(_SCHEMA)) for name, form in forms.items()}
            reads = _in_turn(progress, {name: partial(_run, warehouse, query) for name, query in queries.items()})
        finally:
            warehouse.execute(sql.SQL("drop schema if exists {} cascade").format(sql.Identifier(_SCHEMA)))
            warehouse.execute("drop function if exists history.filtered_listed_keys()")
    return [
        *_figures("an event is inserted", inserts, len(rows), TIMES_OF_AN_INSERT),
        *_figures("an event is read at the source", reads, len(rows), TIMES_OF_A_READ),
    ]


_TABLES = ("plain", "filtered")


def _make(warehouse: psycopg.Connection, rows: list[tuple[object, ...]], by: str) -> None:
    schema = sql.Identifier(_SCHEMA)
    warehouse.execute(sql.SQL("drop schema if exists {0} cascade; create schema {0}").format(schema))
    for name in ("raw", *_TABLES):
        warehouse.execute(
            sql.SQL("create table {}.{} (n bigint primary key, {} text, {} jsonb)").format(
                schema, sql.Identifier(name), sql.Identifier(by), sql.Identifier(COLUMN)
            )
        )
    with (
        warehouse.cursor() as cursor,
        cursor.copy(sql.SQL("copy {}.raw from stdin").format(schema)) as copy,
    ):
        for number, kind, value in rows:
            copy.write_row((number, kind, Jsonb(value)))


def _insert(warehouse: psycopg.Connection, name: str) -> float:
    target = sql.Identifier(_SCHEMA, name)
    warehouse.execute(sql.SQL("truncate {}").format(target))
    return _run(warehouse, sql.SQL("insert into {} select * from {}.raw").format(target, sql.Identifier(_SCHEMA)))


def _run(warehouse: psycopg.Connection, query: sql.Composed) -> float:
    with timing() as watch:
        warehouse.execute(query)
    return watch.seconds


def _in_turn(progress: Progress, each: dict[str, Callable[[], float]]) -> dict[str, list[float]]:
    """The seconds of each, a round after the other, so that a slow minute is everybody's."""
    taken: dict[str, list[float]] = {name: [] for name in each}
    for number in range(ROUNDS):
        progress.say(f"json keys: round {number + 1} of {ROUNDS}")
        for name, run in each.items():
            taken[name].append(run())
    return taken


def _figures(topic: str, taken: dict[str, list[float]], rows: int, times: float) -> list[Figure]:
    without, with_rule = taken
    limit = Figure(topic, without, median(taken[without]), rows, more=each_run(taken[without]))
    ours = Figure(topic, with_rule, median(taken[with_rule]), rows)
    ratio = against(ours, limit)
    aim = Aim(f"times {without}", ratio, "at most", times)
    return [limit, Figure(topic, with_rule, ours.seconds, rows, ratio, without, (aim,), each_run(taken[with_rule]))]
