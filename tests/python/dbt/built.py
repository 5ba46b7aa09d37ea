"""A database with a sandbox population, faults put in by hand and a history, and the project built in it."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from dbt.cli.main import dbtRunner

import sandbox.population
import sandbox.schema
from warehouse.core.ledger import migrate
from warehouse.core.postgres.binaries import find_binaries
from warehouse.core.postgres.cluster import Cluster
from warehouse.core.settings import PROJECT
from warehouse.marts.lighter_dbt import lighter

PEOPLE = 3_000
AS_AT = "2026-09-30"

# It counts statements, as a server of an organisation may: what docs/legacy.md asks is asked here.
SERVER = {"fsync": "off", "full_page_writes": "off", "shared_preload_libraries": "pg_stat_statements"}

# Nothing replicates this database: each alert is one version, known from the day it was made, if that can be one. The
# other tables are as old as the first copy.
HISTORY = """
create schema versions;
do $$
declare
    name text;
begin
    for name in select tablename from pg_tables where schemaname = 'public' and tablename <> 'persons' loop
        execute format($view$
            create view versions.%1$I as
            select %2$s as known_from, null::timestamptz as known_to, %3$L::"char" as operation,
                null::"char" as ended_by, null::xid8 as from_xid, null::xid8 as to_xid,
                null::timestamptz as began_after, null::timestamptz as ended_after, 1 as epoch_id, %1$I.*
            from %1$I
        $view$,
            name,
            case name when 'alerts' then $known$case when created_on between '1900-01-01' and '2100-01-01'
                then created_on else '2026-09-01 02:00+00' end$known$ else 'timestamptz ''2026-09-01 02:00+00''' end,
            case name when 'alerts' then 'I' else 'C' end);
    end loop;
end
$$;
-- Some people were changed since, at the time of an event: they had another name and number before.
create view versions.persons as
with changed as (
    select p.person_id, max(e.created_on) + interval '1 second' as changed_at
    from persons p join process_events e on e.payload ->> 'PersonId' = p.person_id::text and e.created_on = p.updated_on
    where e.event_name = 'PersonDetailsUpdatedEvent' group by 1
), versions as (
    select timestamptz '2019-09-01 02:00+00' as known_from, c.changed_at as known_to, 'C'::"char" as operation,
        case when c.changed_at is null then p else jsonb_populate_record(p, jsonb_build_object('last_name', 'Before',
            'national_insurance_number', 'QQ999999C', 'updated_on', '2019-01-01')) end as person
    from persons p left join changed c using (person_id)
    union all
    select c.changed_at, null, 'U', p from persons p join changed c using (person_id)
)
select known_from, known_to, operation, null::"char" as ended_by, null::xid8 as from_xid, null::xid8 as to_xid,
    null::timestamptz as began_after, null::timestamptz as ended_after, 1 as epoch_id, (person).*
from versions;
"""


class Built:
    """A database that the project was built in, and the way to build in it again."""

    as_at = AS_AT
    variables = f"{{as_at: '{AS_AT}', schema_prefix: aside_}}"

    def __init__(self, conninfo: str, profiles: Path, target: Path) -> None:
        self.conninfo = conninfo
        self.profiles = profiles
        self.target = target
        self.tests: dict[str, Any] = {}

    def build(self, *arguments: str) -> bool:
        settings = psycopg.conninfo.conninfo_to_dict(self.conninfo)
        with pytest.MonkeyPatch.context() as environment, lighter():
            names = {"host": "HOST", "port": "PORT", "user": "USER", "password": "PASSWORD", "dbname": "DATABASE"}
            for key, name in names.items():
                environment.setenv(f"WAREHOUSE_PG{name}", str(settings.get(key, "")))
            result = dbtRunner().invoke(
                [
                    *("--no-version-check", "--quiet", "build", *arguments),
                    *("--vars", self.variables),
                    *("--project-dir", str(PROJECT), "--profiles-dir", str(self.profiles)),
                    *("--target-path", str(self.target), "--log-path", str(self.target / "logs")),
                ]
            )
            if result.success:
                self.tests |= {one.node.name: one for one in result.result.results if one.node.resource_type == "test"}
        return bool(result.success)

    def found(self, test: str, *columns: str) -> set[tuple[Any, ...]]:
        """What a test warned of."""
        assert str(self.tests[test].status) == "warn", test
        compiled = self.tests[test].node.compiled_code
        return set(self.rows(f"select {', '.join(columns)} from ({compiled}) as found"))

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        path = "-c search_path=aside_extracts,aside_marts,aside_intermediate,aside_staging,aside_seeds,readable,public"
        with psycopg.connect(self.conninfo, options=path) as connection:
            return connection.execute(query.encode()).fetchall()

    def number(self, query: str) -> int:
        return int(self.rows(query)[0][0])


@contextmanager
def world(cluster_folder: Path, folder: Path, faults: str) -> Iterator[Built]:
    """A server of its own, for as long as somebody uses it; nothing is built there yet.

    Args:
        cluster_folder: where its user reaches it; a socket's path has to be short.
        folder: for dbt's profile and what it writes.
        faults: SQL that puts them in, and whatever else a test needs beside the operational tables.
    """
    cluster = Cluster("dbt", cluster_folder, find_binaries(), SERVER)
    cluster.start()
    try:
        cluster.create_database("built")
        conninfo = cluster.conninfo("built")
        with psycopg.connect(conninfo, autocommit=True) as connection:
            migrate(connection)
        with psycopg.connect(conninfo) as connection:
            sandbox.schema.create(connection)
        sandbox.population.populate(conninfo, people=PEOPLE)
        with psycopg.connect(conninfo) as connection:
            connection.execute("set session_replication_role = replica")
            connection.execute(faults.encode())
            connection.execute(HISTORY.encode())
        shutil.copy(PROJECT / "profiles.example.yml", folder / "profiles.yml")
        yield Built(conninfo, folder, folder / "target")
    finally:
        cluster.stop()
