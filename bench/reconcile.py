"""Reconcile: rows compared by content in a second, on a replica that has caught up."""

from __future__ import annotations

import psycopg

from bench.measure import Aim, Figure, timing
from warehouse.core.databases import Databases
from warehouse.core.progress import Progress
from warehouse.replicate import compare, load_classification, replicate
from warehouse.replicate.compare.reconcile import raise_if_different, reconcile
from warehouse.replicate.compare.row_hash import Method, prepare, row_hash

SCHEMA = "public"


def reconcile_rate(databases: Databases, progress: Progress) -> list[Figure]:
    """The whole command, position and ledger included, against counting and hashing every row of the source alone."""
    progress.say("reconcile: catching up")
    replicate(databases, progress)
    specs = _specs(databases)
    progress.say("reconcile: hashing one side")
    with databases.source() as trs:
        prepare(trs)
        trs.execute("set jit = off")
        trs.execute("set max_parallel_workers_per_gather = 0")
        # Once to warm the cache; reconcile then finds the warehouse's side as it is.
        _hash_all(trs, specs)
        with timing() as limit:
            rows = _hash_all(trs, specs)
    progress.say("reconcile")
    with timing() as watch:
        done = reconcile(databases, progress)
    raise_if_different(done)
    if done.rows != rows:
        raise RuntimeError(f"{done.rows} rows were compared, and the limit hashed {rows}")
    reference = Figure("reconcile", "count(*) and a hash of each row, one side alone (the limit)", limit.seconds, rows)
    return [
        reference,
        Figure(
            "reconcile",
            "warehouse replicate reconcile, both sides",
            watch.seconds,
            rows,
            watch.seconds / limit.seconds,
            reference.what,
            (Aim("rows a second, compared on both sides", done.rows / watch.seconds, "at least", 300_000),),
        ),
    ]


def _specs(databases: Databases) -> list[compare.TableSpec]:
    classification = load_classification()
    with databases.source() as trs, databases.warehouse() as warehouse:
        return compare.specs(trs, warehouse, classification)


def _hash_all(trs: psycopg.Connection, specs: list[compare.TableSpec]) -> int:
    rows = 0
    for spec in specs:
        row = trs.execute(
            psycopg.sql.SQL("select count(*), bit_xor({}) from {}").format(
                row_hash(spec, Method.NATIVE, at_source=True), psycopg.sql.Identifier(spec.schema, spec.table)
            )
        ).fetchone()
        rows += int(row[0]) if row else 0
    return rows
