"""Change files: a set after 1 % of a table's rows changed, against a full extract of the same table."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from statistics import median

import psycopg
from psycopg import sql

from bench.measure import Aim, Figure, each_run, timing
from warehouse.core.classes import Classes
from warehouse.core.contracts import load_change_contracts
from warehouse.core.contracts.change_rules import ChangeRules, TableRule
from warehouse.core.database import connect, one
from warehouse.core.databases import Databases
from warehouse.core.progress import Progress, Silent
from warehouse.deliver.change_files.records import Recorded
from warehouse.deliver.change_files.standing import find_standing
from warehouse.deliver.change_files.write import Written, write
from warehouse.deliver.edition import ChangeSet
from warehouse.deliver.outbox import Outbox
from warehouse.replicate import replicate

TOPIC = "change files"
TABLE = "persons"
ROUNDS = 3
LEAST = 40.0
"""So many times less than a full extract a set of 1 % has to cost."""

_CHANGE = """
update {table} set updated_on = clock_timestamp() where person_id in (
    select person_id from {table} order by hashtextextended(person_id::text, %s)
    limit (select count(*) / 100 from {table})
)
"""


def change_files(databases: Databases, progress: Progress) -> list[Figure]:
    """Files of one table, made as a delivery makes them; what comes after is in proportion to their size."""
    # Also where nothing was streamed yet: a transaction has to come, before the time of the copy is certain.
    _change_rows(databases, 0)
    replicate(databases, progress)
    full, small = list[float](), list[float]()
    rows = changed = 0
    begun, told = _span(databases, None), None
    for number in range(1, ROUNDS + 1):
        progress.say(f"{TABLE}: all rows, and 1 % of them, {number} of {ROUNDS}")
        seconds, whole = _write(databases, _span(databases, None), None)
        full.append(seconds)
        rows, told = whole.extract.rows, whole
        begun = _span(databases, None)
        _change_rows(databases, number)
        replicate(databases, Silent())
        seconds, part = _write(databases, _span(databases, begun.to_position), replace(begun, facts=told.facts))
        small.append(seconds)
        changed = part.extract.rows
    ratio = median(full) / median(small)
    return [
        Figure(TOPIC, f"a full extract of {TABLE} (the limit)", median(full), rows, more=each_run(full)),
        Figure(
            TOPIC,
            "a set after 1 % of the rows changed",
            median(small),
            changed,
            median(small) / median(full),
            "the full extract, for the table",
            aims=(Aim("full extract, to the set", ratio, "at least", LEAST),),
            more=each_run(small),
        ),
    ]


def _change_rows(databases: Databases, seed: int) -> None:
    with psycopg.connect(databases.source_conninfo) as trs:
        trs.execute(sql.SQL(_CHANGE).format(table=sql.Identifier("public", TABLE)), (seed,))


def _span(databases: Databases, since: int | None) -> Recorded:
    (contract,) = load_change_contracts()
    with databases.warehouse() as warehouse:
        now = find_standing(warehouse, contract)
    assert now.known_before is not None and now.known_at is not None
    why = "first" if since is None else None
    return Recorded(why, since, now.known_before, now.epoch_id, now.known_at, now.erasures, now.rules_followed)


def _write(databases: Databases, span: Recorded, last: Recorded | None) -> tuple[float, Written]:
    (contract,) = load_change_contracts()
    edition = ChangeSet.of(replace(contract, change_files=ChangeRules({TABLE: TableRule()})), "20260101T000000Z", 1)
    outbox = Outbox(databases.settings.warehouse_home, "bench/changes")
    outbox.make_empty()
    # Read once for a set, however many tables it has.
    classes = Classes(terms={})
    with (
        closing(connect(databases.warehouse_conninfo, what="the warehouse", variable="")) as reader,
        timing() as watch,
    ):
        one(reader, "select 1")
        made = write(reader, edition, classes, span, last, outbox, Silent(), lambda _step: None)
    outbox.clear()
    return watch.seconds, made
