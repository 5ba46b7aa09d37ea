"""The small project over a replicated table with its versions, so that vintages can be built of it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.python.conftest import FreshDatabases
from tests.python.marts.small import make_project, write
from warehouse.core.settings import PROJECT

# The replica of a table, and a view of its versions as replication makes it: one alert was corrected, one deleted,
# one came.
HISTORY = """
create table public.alerts (alert_id int primary key, details text);
insert into public.alerts values (1, 'corrected'), (3, 'new');
create schema versions;
create table public.kept as
select v.known_from::timestamptz, v.known_to::timestamptz, 'I'::"char" as operation, null::"char" as ended_by,
    null::xid8 as from_xid, null::xid8 as to_xid, null::timestamptz as began_after, null::timestamptz as ended_after,
    1 as epoch_id, v.alert_id, v.details
from (values
    ('2026-09-01 12:00Z', '2026-09-10 12:00Z', 1, 'first'),
    ('2026-09-01 12:00Z', '2026-09-20 12:00Z', 2, 'deleted'),
    ('2026-09-10 12:00Z', null, 1, 'corrected'),
    ('2026-09-20 12:00Z', null, 3, 'new')
) as v (known_from, known_to, alert_id, details);
create view versions.alerts as select * from public.kept;
insert into ledger.epochs (slot_name, replication_name, source_system_id, source_database, timeline)
values ('s', 's', '1', 'trs', 1);
insert into ledger.transactions (xid, epoch_id, committed_at, kind)
values ('100', 1, '2026-09-01 12:00Z', 'copy'), ('110', 1, '2026-09-10 12:00Z', 'stream'),
    ('120', 1, '2026-09-20 12:00Z', 'stream');
"""
SOURCES = """
sources:
  - {name: trs, database: "{{ target.database }}", schema: public, tables: [{name: alerts}]}
  - {name: trs_versions, database: "{{ target.database }}", schema: versions, tables: [{name: alerts}]}
"""
DESCRIBED = """
models:
  - name: fct_alert
    config: {meta: {grain: [alert_id]}}
    columns: [{name: alert_id, data_tests: [not_null, unique]}]
unit_tests:
  - name: every_alert_counts
    model: stg_trs__alerts
    given: [{input: "source('trs', 'alerts')", rows: [{alert_id: 1}]}]
    expect: {rows: [{alert_id: 1}]}
"""


def make_versioned(databases: FreshDatabases, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The project, and the rows of its source in the warehouse."""
    project = make_project(folder, monkeypatch)
    for part in ("history", "cross_db"):
        shutil.copytree(PROJECT / "macros" / part, project / "macros" / part)
    write(project, "staging/stg_trs__alerts", "select alert_id, details from {{ replica('alerts') }}")
    mart = "select alert_id, details, {{ as_at_date() }} as as_at_date from {{ ref('stg_trs__alerts') }}"
    write(project, "marts/fct_alert", mart)
    (project / "models" / "sources.yml").write_text(SOURCES)
    (project / "models" / "described.yml").write_text(DESCRIBED)
    with databases.at_warehouse() as connection:
        connection.execute(HISTORY)
    return project
