"""The main job from end to end, as a person meets it: run, run again, play a month, run."""

from __future__ import annotations

import csv
import hashlib
import json
import os
import re
import shlex
import signal
import time
from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import altair
import pandas
import psycopg
import pyarrow.parquet as pq
import pytest
from dotenv import dotenv_values

from docs.legacy_queries import QUERIES, saved
from tests.python.main_job import Warehouse, count_all
from tests.python.vintages import assert_vintage
from tests.python.waiting import GIVE_UP_SECONDS, until
from warehouse.core.errors import (
    AlreadyRunning,
    DestinationRefused,
    Interrupted,
    NewColumnsHeld,
    UsageError,
)
from warehouse.core.settings import PROJECT
from warehouse.query.tsql import translate
from warehouse.query.tsql.old_copy import look_up

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def warehouse(short_folder: Path) -> Iterator[Warehouse]:
    """One warehouse for the module; the tests below are one story, in their order."""
    made = Warehouse(short_folder / "main-job")
    yield made
    made.call("down")


OF_DANDI = (
    "dandi/alerts",
    "dandi/induction",
    "dandi/mandatory_qualifications",
    "dandi/people",
    "dandi/professional_statuses",
    "dandi/routes",
    "dandi/service_spells",
    "dandi/teachers",
    "dandi/workforce",
)
OF_TAD = ("tad/restrictions", "tad/teachers", "tad/vintage")
OF_MONTHS = (*OF_DANDI, *OF_TAD)
OF_DAYS = ("tps/amend", "tps/new", "tra/new_sanctions", "tra/spent_sanctions")


def assert_fixed_width(warehouse: Warehouse) -> None:
    """Teachers' Pensions' files of October: who is new and what was changed, a record of 86 bytes for each."""
    for extract, model, day in (
        ("new", "tps_new", "record_created_date"),
        ("amend", "tps_amend", "detail_changed_date"),
    ):
        folder = warehouse.deliveries / "tps" / extract / "2026-10-01--2026-10-31"
        (file,) = folder.glob(f"Reg01_DTR_20261101_000000_{extract.title()}.txt")
        resource = manifest(folder)["resources"][0]
        records = file.read_bytes().split(b"\r\n")
        assert records.pop() == b"" and {len(record) for record in records} == {86}
        count = (
            f"select count(distinct trn || pensions_update_code) as n from extracts.{model} where {day} > '2026-09-30'"
        )
        aside = sum(resource["text"]["setAside"].values())
        assert len(records) + aside == warehouse.ask(count)[0]["n"] > 0
        assert resource["rows"] == len(records)


def assert_sanctions(warehouse: Warehouse) -> None:
    """The agency's files of October: each sanction once, however many days it was new or spent, by the old names."""
    for extract in ("new_sanctions", "spent_sanctions"):
        folder = warehouse.deliveries / "tra" / extract / "2026-10-01--2026-10-31"
        (file,) = folder.glob("*-sanctions-20261101.csv")
        rows = list(csv.DictReader(file.read_text("utf-8").splitlines()))
        count = (
            f"select count(distinct (trn, sanction_number)) as n from extracts.tra_{extract}"
            " where sanction_listed_date between '2026-10-01' and '2026-10-31'"
        )
        assert len(rows) == warehouse.ask(count)[0]["n"]
        heading = "TRN,Date of birth,Full name,Sanction name,Alert start date,Alert end date,"
        assert file.read_text("utf-8").startswith(heading)
        assert all(bool(row["Alert end date"]) is (extract == "spent_sanctions") for row in rows)


def assert_pseudonyms(warehouse: Warehouse) -> None:
    """D&I's files of October that name nobody: every person of theirs is among the people, and of no identifier."""
    tables = {}
    for extract in OF_DANDI:
        folder = warehouse.deliveries / extract / "2026-10"
        if "pseudonyms" in (said := manifest(folder))["delivery"]:
            tables[extract] = pq.read_table([folder / one["path"] for one in said["resources"]])
    people = set(tables["dandi/people"]["live_person_id"].to_pylist())
    assert len(people) == tables["dandi/people"].num_rows > 0
    assert set(tables) == set(OF_DANDI) - {"dandi/teachers"}
    for extract, table in tables.items():
        found = table["PersonId" if extract == "dandi/workforce" else "live_person_id"].to_pylist()
        assert found and set(found) <= people, extract
    # The same row has the same pseudonym in each file: that is what makes them join.
    statuses, routes = tables["dandi/professional_statuses"], tables["dandi/routes"]
    assert set(statuses["awarding_qualification_id"].to_pylist()) <= set(routes["qualification_id"].to_pylist())
    workforce = tables["dandi/workforce"]
    assert workforce.num_columns == 20
    assert {workforce[name].null_count for name in ("NationalInsuranceNumber", "PersonPostcode")} == {
        workforce.num_rows
    }
    known = {row["person_id"] for row in warehouse.ask("select person_id from marts.dim_person")}
    assert not known & {value for table in tables.values() for one in table.columns for value in one.to_pylist()}


def files(folder: Path) -> dict[str, str]:
    """Every file below a folder with its SHA-256."""
    return {
        str(file.relative_to(folder)): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in sorted(folder.rglob("*"))
        if file.is_file()
    }


def manifest(folder: Path) -> dict[str, Any]:
    read: dict[str, Any] = json.loads((folder / "datapackage.json").read_text())
    return read


@pytest.mark.parametrize("stage", ["sandbox", "replicate", "build", "deliver"])
def test_ctrl_c_leaves_nothing_half_done(warehouse: Warehouse, stage: str) -> None:
    """At whatever stage it falls; the next run starts from where that was."""
    running = warehouse.start("run")
    assert running.stdout is not None
    for line in running.stdout:
        if line.startswith(f"{stage} ..."):
            break
    time.sleep(0.5)
    running.send_signal(signal.SIGINT)
    _, said = running.communicate(timeout=GIVE_UP_SECONDS)
    assert running.returncode == Interrupted.exit_code, said
    assert "continues where it stopped" in said
    assert not list(warehouse.deliveries.rglob("datapackage.json"))
    readers_see = warehouse.ask("select to_regnamespace('marts') is not null as built")[0]["built"]
    assert readers_see is (stage == "deliver")


def test_the_first_run_delivers(warehouse: Warehouse) -> None:
    done = warehouse.call("run")
    assert done.returncode == 0, done.stdout + done.stderr
    for stage in ("replicate", "build", "deliver"):
        assert stage in done.stdout
    delivered = sorted(str(folder.relative_to(warehouse.deliveries)) for folder in warehouse.deliveries.glob("*/*/*"))
    assert delivered == [
        *(f"{extract}/2026-09" for extract in OF_MONTHS),
        *(f"{extract}/2026-09-30" for extract in OF_DAYS),
    ]


def test_the_replica_is_the_source(warehouse: Warehouse) -> None:
    for table in ("persons", "qualifications", "events", "tps_employments"):
        count = f"select count(*) as n from {table}"
        assert warehouse.ask(count) == warehouse.ask(count, "--source")
    assert warehouse.ask("select count(*) as n from marts.dim_person")[0]["n"] == 1_500


def test_the_marts_count_what_the_source_counts(warehouse: Warehouse) -> None:
    count_all(warehouse, "2026-10-01")


def test_the_files_are_what_their_manifests_say(warehouse: Warehouse) -> None:
    expected = {
        "dandi": warehouse.ask("select count(*) as n from extracts.dandi_teachers")[0]["n"],
        "tad": warehouse.ask("select count(*) as n from extracts.tad_teachers")[0]["n"],
    }
    for recipient, rows in expected.items():
        folder = warehouse.deliveries / recipient / "teachers" / "2026-09"
        resources = manifest(folder)["resources"]
        for resource in resources:
            content = (folder / resource["path"]).read_bytes()
            assert resource["bytes"] == len(content)
            assert resource["hash"] == f"sha256:{hashlib.sha256(content).hexdigest()}"
        delivered = {file.name for file in folder.iterdir()}
        assert delivered == {"datapackage.json", *(resource["path"] for resource in resources)}
        data = [folder / resource["path"] for resource in resources]
        if recipient == "dandi":
            assert sum(pq.read_metadata(file).num_rows for file in data) == rows
        else:
            raw = data[0].read_bytes()
            assert raw.count(b"\r\n") > rows
            assert sum(1 for _ in csv.DictReader(raw.decode("utf-8").splitlines(keepends=True))) == rows


def test_running_again_delivers_nothing_twice(warehouse: Warehouse) -> None:
    before = files(warehouse.deliveries)
    done = warehouse.call("run")
    assert done.returncode == 0
    assert "Nothing is due" in done.stdout
    assert files(warehouse.deliveries) == before


OF_VINTAGES = "warehouse build "
"""What the lines of the guide have in common that make, compare and drop a vintage."""


def guide_lines() -> list[str]:
    """The commands of the guide to querying."""
    text = (PROJECT / "docs" / "querying.md").read_text(encoding="utf-8")
    return [line for block in re.findall(r"```console\n(.*?)```", text, re.S) for line in block.splitlines()]


def test_a_vintage_is_what_was_published_row_for_row_whatever_came_since(warehouse: Warehouse) -> None:
    (built,) = warehouse.ask("select build_id, as_at_date, known_at, open_gap_count from marts.dim_build")
    assert built["open_gap_count"] == 0
    played = warehouse.json("sandbox", "advance", "--days", "31")
    assert played["today"] == "2026-11-01"
    warehouse.json("replicate", "run")
    # The guide's own commands, but for its moment: this warehouse is minutes old, and knew nothing then.
    of_vintages = [
        line.replace("2026-10-01T09:00:00Z --as-at 2026-09-30", f"build-{built['build_id']}")
        for line in guide_lines()
        if OF_VINTAGES in line
    ]
    build, *others = (shlex.split(line)[1:] for line in of_vintages)
    told = warehouse.json(*build)
    assert (told["state"], told["tables_not_known_yet"]) == ("kept", [])
    known_at = [datetime.fromisoformat(moment) for moment in (told["known_at"], built["known_at"])]
    assert (known_at[0], told["as_at"]) == (known_at[1], built["as_at_date"])
    assert warehouse.json("build", "diff", "vintage_2026_09", "current")["tables"] == []
    assert [arguments[:2] for arguments in others] == [["build", name] for name in ("list", "diff", "drop")]
    for arguments in others[:-1]:
        done = warehouse.call(*arguments)
        assert done.returncode == 0, done.stdout + done.stderr


def test_a_month_later_one_of_two_runs_delivers_the_next_period(warehouse: Warehouse) -> None:
    before = files(warehouse.deliveries)
    first = warehouse.start("run", "--json")
    with psycopg.connect(warehouse.address, autocommit=True) as connection:
        building = "select count(*) from ledger.builds where state = 'building'"
        until("a build has begun", lambda: first.poll() is not None or connection.execute(building).fetchone() == (1,))
    second = warehouse.call("run", "--json")
    assert second.returncode == AlreadyRunning.exit_code
    assert "Another run" in json.loads(second.stdout)["what"]
    said, errors = first.communicate()
    assert first.returncode == 0, said + errors
    told = json.loads(said)
    assert [delivery["delivery_id"] for delivery in told["deliveries"]] == [
        *(f"{extract}/2026-10" for extract in OF_MONTHS),
        *(f"{extract}/2026-10-01--2026-10-31" for extract in OF_DAYS),
    ]
    assert {delivery["state"] for delivery in told["deliveries"]} == {"closed"}
    after = files(warehouse.deliveries)
    assert before.items() <= after.items()
    assert {name.split("/")[2] for name in after.keys() - before.keys()} == {"2026-10", "2026-10-01--2026-10-31"}
    assert_fixed_width(warehouse)
    assert_sanctions(warehouse)
    assert_pseudonyms(warehouse)
    assert_vintage(warehouse)
    count = "select count(*) as n from persons where last_name is not null"
    assert warehouse.ask(count) == warehouse.ask(count, "--source")
    count_all(warehouse, "2026-11-01")
    # What came since is what differs from the vintage, and nothing of a value is said.
    differing = warehouse.json("build", "diff", "vintage_2026_09", "current")["tables"]
    assert "marts.dim_person" in {one["table"] for one in differing}
    assert warehouse.json("build", "drop", "vintage_2026_09")["dropped"] == "vintage_2026_09"
    # The month is in the history, with times of the source.
    versions = warehouse.ask(
        "select count(*) as n, count(known_to) as dated from versions.persons where ended_by = 'U'"
    )[0]
    assert versions["n"] > 0
    assert versions["n"] == versions["dated"]


_LOOK_FOR_CREDENTIALS = """
do $$
declare place record; found bigint;
begin
    for place in select * from information_schema.tables
        where table_type = 'BASE TABLE' and table_schema not in ('pg_catalog', 'information_schema', 'sandbox')
    loop
        execute format(
            'select count(*) from %I.%I as t'
            ' where t::text like any (array[''%%made-up-secret%%'', ''%%PRIVATE KEY%%''])',
            place.table_schema, place.table_name
        ) into found;
        if found > 0 then
            raise exception 'found in %.%', place.table_schema, place.table_name;
        end if;
    end loop;
end $$
"""


def test_no_credential_is_anywhere_in_the_warehouse(warehouse: Warehouse) -> None:
    """The sandbox marks every credential that it makes up: replica, history, marts, extracts and ledgers have none."""
    with pytest.raises(psycopg.errors.RaiseException, match="found in"):
        warehouse.operate(_LOOK_FOR_CREDENTIALS)
    with psycopg.connect(warehouse.address) as connection:
        connection.execute(_LOOK_FOR_CREDENTIALS)


def test_listings_name_ids_and_states(warehouse: Warehouse) -> None:
    listed = warehouse.json("deliveries", "list")
    assert {(item["id"], item["state"]) for item in listed} == {
        (f"{extract}/{period}", "closed") for extract in OF_MONTHS for period in ("2026-09", "2026-10")
    } | {(f"{extract}/{days}", "closed") for extract in OF_DAYS for days in ("2026-09-30", "2026-10-01--2026-10-31")}
    assert warehouse.json("deliveries", "due") == []
    assert warehouse.json("replicate", "status")["state"] in ("streaming", "quiet")
    assert warehouse.json("doctor")["healthy"] is True
    now = warehouse.json("status")
    assert (now["exit_code"], now["failed_build"]) == (0, None)
    assert {one["code"] for one in now["findings"]} >= {"replication", "build", "deliveries"}


def test_a_destination_that_refuses(warehouse: Warehouse) -> None:
    """The other recipient still gets its file, and the next run carries on."""
    blocked = warehouse.home / "a-file"
    blocked.write_text("not a folder")
    warehouse.json("sandbox", "advance", "--days", "31")
    done = warehouse.call("run", "--json", WAREHOUSE_DESTINATION_DANDI=str(blocked))
    told = json.loads(done.stdout)
    assert done.returncode == DestinationRefused.exit_code, told
    states = {item["id"]: item["state"] for item in warehouse.json("deliveries", "list")}
    assert {states[f"{extract}/2026-11"] for extract in OF_DANDI} == {"failed"}
    assert {states[f"{extract}/2026-11"] for extract in OF_TAD} == {"closed"}
    again = warehouse.json("run")
    assert [delivery["delivery_id"] for delivery in again["deliveries"]] == [
        f"{extract}/2026-11" for extract in OF_DANDI
    ]
    count_all(warehouse, "2026-12-02")


def test_an_unclassified_column_is_told_and_all_else_is_done(warehouse: Warehouse) -> None:
    warehouse.operate("alter table persons add column shoe_size int default 42")
    done = warehouse.call("run")
    assert done.returncode == NewColumnsHeld.exit_code
    assert "persons.shoe_size" in done.stderr
    assert "replication/trs.yml" in done.stderr
    warehouse.operate("alter table persons drop column shoe_size")
    assert warehouse.call("run").returncode == 0


def test_quick_questions(warehouse: Warehouse) -> None:
    assert (
        warehouse.call("sql", "--format", "csv", "select 1 as a, 'x,y' as b, true as c").stdout
        == 'a,b,c\n1,"x,y",true\n'
    )
    table = warehouse.call("sql", "select count(*) as people from marts.dim_person").stdout
    assert "people" in table
    assert warehouse.ask("select 'infinity'::timestamptz as t, '12026-01-01'::date as d") == [
        {"t": "infinity", "d": "12026-01-01"}
    ]
    wrong = warehouse.call("sql", "select nonsense")
    assert wrong.returncode == UsageError.exit_code
    assert "nonsense" in wrong.stderr


def test_the_examples_of_the_readme_run(warehouse: Warehouse) -> None:
    text = (PROJECT / "README.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```console\n(.*?)```", text, re.S)
    lines = [line.removeprefix("$ ") for block in blocks for line in block.splitlines()]
    commands = [shlex.split(line, comments=True)[1:] for line in lines if line.startswith(".venv/bin/warehouse ")]
    assert len(commands) >= 5
    for arguments in commands:
        done = warehouse.call(*arguments)
        assert done.returncode == 0, (arguments, done.stdout + done.stderr)


def test_the_examples_of_the_guide_to_querying_run(warehouse: Warehouse) -> None:
    lines = [line for line in guide_lines() if OF_VINTAGES not in line]
    assert len(lines) >= 3
    for line in lines:
        done = warehouse.call(*shlex.split(line.partition(" > ")[0])[1:])
        assert done.returncode == 0, (line, done.stdout + done.stderr)


ADMINISTRATORS = PROJECT / "docs" / "runbooks" / "production.md"
"""Its SQL is for two servers of their own, and runs there: tests/python/worlds/test_worlds.py."""

RECEIVERS = PROJECT / "docs" / "change-files.md"
"""Its SQL is for a receiver's tables, and runs on them: tests/python/deliver/test_change_duckdb.py."""


def test_all_sql_of_the_pages_runs(warehouse: Warehouse) -> None:
    pages = [*(PROJECT / "docs").rglob("*.md"), *PROJECT.glob("*.md"), *PROJECT.glob("*/*.md")]
    queries = [
        (page, query)
        for page in sorted(set(pages) - {ADMINISTRATORS, RECEIVERS})
        for query in re.findall(r"```sql\n(.*?)```", page.read_text(encoding="utf-8"), re.S)
    ]
    assert {page.name for page, _ in queries} >= {"querying.md", "which-table.md"} and len(queries) > 25
    with psycopg.connect(warehouse.address, autocommit=True) as connection:
        for page, query in queries:
            try:
                connection.execute(query.encode())
                connection.rollback()
            except psycopg.Error as error:
                pytest.fail(f"{page.name}: {error}\n{query}")


def test_saved_queries_agree_with_the_marts(warehouse: Warehouse) -> None:
    """Those of docs/legacy-queries/: translated, each has the rows of the query of the marts beside it."""
    queries = saved()
    assert len(queries) >= 12
    with psycopg.connect(warehouse.address, autocommit=True) as connection:
        for query in queries:
            old = connection.execute(translate(query.tsql, look_up(lambda _: [])).sql.encode()).fetchall()
            new = connection.execute(query.of_the_marts.encode()).fetchall()
            assert old, query.name
            assert Counter(old) == Counter(new), query.name
    asked = warehouse.json("sql", "--dialect", "tsql", str(QUERIES / "awards_by_year.sql"))
    assert list(asked[0]) == ["Award year", "Awards"] and len(asked) > 10


def test_every_column_that_analysts_see_says_its_class(warehouse: Warehouse) -> None:
    """In marts, extracts, the steps between, seeds, the replica and the versions."""
    without = """
    select n.nspname || '.' || c.relname || '.' || a.attname as column
    from pg_attribute as a join pg_class as c on c.oid = a.attrelid join pg_namespace as n on n.oid = c.relnamespace
    where n.nspname ~ '^(marts|marts_open|marts_personal|extracts|staging|intermediate|seeds|versions)$'
        and c.relkind in ('r', 'v') and a.attnum > 0 and not a.attisdropped
        and coalesce(col_description(c.oid, a.attnum), '') !~ 'Class: (open|personal|sensitive)\\.$'
    """
    assert warehouse.ask(without) == []
    said = "select col_description(attrelid, attnum) as said from pg_attribute where attrelid = to_regclass('{}')"
    (trn,) = warehouse.ask(f"{said.format('versions.persons')} and attname = 'trn'")
    assert trn["said"] == "Class: personal."
    (known,) = warehouse.ask(f"{said.format('versions.persons')} and attname = 'known_from'")
    assert known["said"].startswith("When the source committed") and known["said"].endswith("Class: open.")
    (mart,) = warehouse.ask(f"{said.format('marts.dim_person')} and attname = 'trn'")
    assert "exactly seven digits" in mart["said"] and mart["said"].endswith("Class: personal.")


def test_the_notebooks_and_the_python_of_the_pages_run(warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    """Cell by cell, without Jupyter; each chart is checked against Vega-Lite's schema and shows something."""
    for name, value in dotenv_values(warehouse.home / ".env").items():
        monkeypatch.setenv(name, value or "")
    notebooks = sorted((PROJECT / "docs" / "notebooks").glob("*.ipynb"))
    assert len(notebooks) == 2
    for notebook in notebooks:
        names: dict[str, Any] = {}
        for cell in json.loads(notebook.read_text(encoding="utf-8"))["cells"]:
            assert not cell.get("outputs"), f"{notebook.name} keeps what it showed, and with it figures"
            if cell["cell_type"] == "code":
                exec(compile("".join(cell["source"]), notebook, "exec"), names)  # noqa: S102
        charts = [chart for chart in names.values() if isinstance(chart, altair.Chart)]
        assert len(charts) == 2, notebook.name
        for chart in charts:
            chart.to_dict()
            assert len(chart.data) >= 1, notebook.name
    pages = (PROJECT / "docs" / "analysts.md").read_text(encoding="utf-8")
    # duckdb is no package of ours.
    examples = [text for text in re.findall(r"```python\n(.*?)```", pages, re.S) if "duckdb" not in text]
    assert len(examples) == 1
    for text in examples:
        names = {}
        exec(compile(text, PROJECT / "docs" / "analysts.md", "exec"), names)  # noqa: S102
        assert len(names["routes"]) > 100


def test_pandas_reads_every_mart(warehouse: Warehouse) -> None:
    listed = (
        "select format('%I.%I', schemaname, tablename) as place from pg_tables where schemaname ~ '^(marts|extracts)$'"
    )
    with psycopg.connect(warehouse.address) as connection:
        for (place,) in connection.execute(listed).fetchall():
            (count,) = connection.execute(f"select count(*) from {place}".encode()).fetchone() or (None,)
            assert len(pandas.read_sql(f"select * from {place}", connection)) == count


def test_it_comes_back_after_kill_9(warehouse: Warehouse) -> None:
    for name in ("warehouse", "trs"):
        pid = (warehouse.home / "clusters" / name / "data" / "postmaster.pid").read_text().splitlines()[0]
        os.kill(int(pid), signal.SIGKILL)
    done = warehouse.call("run")
    assert done.returncode == 0, done.stdout + done.stderr
