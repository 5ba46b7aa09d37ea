"""Repair: the time that damage to a share of the replica's rows takes to be found and mended, against a full copy.

Before the damage replica and source are proven equal by `reconcile`, as they are in a warehouse that runs it on a
schedule: the repair then compares from that proof, and looks only into rows that were written since. At one share
`repair --full` is measured, too, which looks into every row.
"""

from __future__ import annotations

import psycopg
from psycopg import sql

from bench.measure import Aim, Figure, timing
from bench.subscriber import SCHEMA, replicated_columns
from warehouse.core.databases import Databases
from warehouse.core.progress import Progress
from warehouse.replicate.compare.reconcile import raise_if_different, reconcile
from warehouse.replicate.repair import repair

SHARES = (0.0, 0.0001, 0.001, 0.01, 1.0)
AIMED_AT = 0.001
TOPIC = "repair"
SEED = 0.4242


def repair_ratios(databases: Databases, progress: Progress) -> list[Figure]:
    """Damage rows drawn at random from all tables, half of them deleted and half changed; then repair."""
    progress.say("repair: proving that both are equal")
    raise_if_different(reconcile(databases, progress))
    with databases.warehouse() as warehouse:
        copy = _full_copy(warehouse)
        figures = [copy]
        for share in SHARES:
            figures.append(_one(databases, progress, warehouse, copy, share, in_full=False))
            if share == AIMED_AT:
                figures.append(_one(databases, progress, warehouse, copy, share, in_full=True))
    return figures


def _one(
    databases: Databases,
    progress: Progress,
    warehouse: psycopg.Connection,
    copy: Figure,
    share: float,
    *,
    in_full: bool,
) -> Figure:
    """Damage a share of the rows, and repair it."""
    progress.say(f"damage to {share:.2%} of the rows")
    damaged = _damage(databases, warehouse, share)
    warehouse.execute("checkpoint")
    progress.say(f"repair of {damaged:,} rows")
    with timing() as watch:
        done = repair(databases, progress, depth="full" if in_full else "all")
    mended = sum(table.rows_inserted + table.rows_updated + table.rows_deleted for table in done.tables)
    if mended != damaged or done.left:
        raise RuntimeError(f"{damaged} rows were damaged and {mended} mended; {done.left} left")
    if in_full == any(table.carried_from for table in done.tables):
        raise RuntimeError(f"tables were compared {'from a proof' if in_full else 'in full'}")
    compared = sum(table.rows_compared or 0 for table in done.tables)
    # The measurements before have added rows: a full copy would take longer now, too.
    ratio = (watch.seconds / compared) / (copy.seconds / copy.rows)
    aims = (Aim("of the time of a full copy", ratio, "at most", 0.1),) if share == AIMED_AT and not in_full else ()
    what = f"{share:.2%} of the rows damaged: {damaged:,}" + (", repair --full" if in_full else "")
    return Figure(TOPIC, what, watch.seconds, compared, ratio, copy.what, aims)


def _full_copy(warehouse: psycopg.Connection) -> Figure:
    """The first copies of this run, as the ledger has them: from the beginning until the stream was on; the median."""
    row = warehouse.execute(
        "select percentile_cont(0.5) within group (order by extract(epoch from e.streaming_since - e.started_at)),"
        " max(c.rows)::int from ledger.epochs as e"
        " join (select epoch_id, sum(rows_copied) as rows from ledger.copied_tables group by epoch_id) as c"
        " using (epoch_id) where e.streaming_since is not null"
    ).fetchone()
    assert row is not None
    return Figure(TOPIC, "the full copy at the beginning", row[0], row[1])


def _damage(databases: Databases, warehouse: psycopg.Connection, share: float) -> int:
    """Damage the replica behind the back of its triggers, so that the history holds nothing of it; the rows."""
    if not share:
        return 0
    total = 0
    for table, columns in replicated_columns(databases).items():
        times = [column.name for column in columns if column.type == "timestamp with time zone"]
        if not times:
            continue
        with warehouse.transaction():
            warehouse.execute("select setseed(%s)", (SEED,))
            target = sql.Identifier(SCHEMA, table)
            warehouse.execute(sql.SQL("alter table {} disable trigger user").format(target))
            total += warehouse.execute(
                sql.SQL("delete from {} where random() < %s").format(target), (share / 2,)
            ).rowcount
            total += warehouse.execute(
                sql.SQL("update {0} set {1} = coalesce({1}, 'epoch') + interval '1 second' where random() < %s").format(
                    target, sql.Identifier(times[0])
                ),
                (1.0 if share == 1 else share / 2,),
            ).rowcount
            triggers = warehouse.execute(
                "select tgname from pg_trigger where tgrelid = to_regclass(%s) and not tgisinternal",
                (target.as_string(warehouse),),
            ).fetchall()
            for (name,) in triggers:
                warehouse.execute(
                    sql.SQL("alter table {} enable always trigger {}").format(target, sql.Identifier(name))
                )
    return total
