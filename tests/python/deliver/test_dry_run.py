"""`deliveries dry-run`: the file that would be sent, checked, and sent nowhere."""

from __future__ import annotations

import hashlib
import json
from contextlib import suppress
from pathlib import Path

import psycopg
import pytest

from tests.python.deliver.delivering import OCTOBER, World, listed
from tests.python.deliver.killed import no_check
from tests.python.deliver.world import column, of_days, write_contract
from warehouse.core.errors import AlreadyRunning, CheckFailed, NotCovered, UsageError
from warehouse.core.progress import Silent
from warehouse.core.settings import Settings
from warehouse.deliver import DryRun, dry_run
from warehouse.deliver.apart import alone
from warehouse.deliver.check import check_files
from warehouse.deliver.outbox import clear_all

pytestmark = pytest.mark.slow


def made(world: World, **given: object) -> DryRun:
    return dry_run(world.at(OCTOBER), Silent(), "dandi/teachers", **{"check": no_check, **given})  # type: ignore[arg-type]


def files(world: World) -> list[Path]:
    return [path for path in (world.home / "home" / "outbox").rglob("*") if path.is_file() and path.suffix != ".lock"]


def test_the_file_is_the_one_that_is_then_sent_and_nothing_is_written_down(world: World) -> None:
    found = made(world, keep=True)
    assert (found.rows, found.period, found.failure, found.compared_with) == (200, "2026-09", None, None)
    (one,) = found.files
    (path,) = files(world)
    assert found.folder == str(path.parent) and path.stat().st_mode & 0o077 == 0
    assert hashlib.sha256(path.read_bytes()).hexdigest() == one.sha256 and path.stat().st_size == one.bytes
    assert world.query("select count(*) from ledger.deliveries") == [(0,)] and listed(world) == {}
    (report,) = world.run(built=False)
    assert (report.files[0].sha256, report.files[0].name) == (one.sha256, one.name)
    assert files(world) == [path], "a delivery leaves the file of a dry run alone"
    assert made(world).folder is None
    assert files(world) == [], "the next dry run throws it away"


def test_no_destination_is_needed(world: World) -> None:
    world.send_to(None)
    world.settings = Settings.model_validate(world.settings.model_dump() | {"destinations": {}})
    assert made(world).rows == 200


def test_the_report_names_rules_and_rows_and_no_value(world: World) -> None:
    given = world.contract(rowsPerFile=150)
    given["schema"][0]["properties"][4]["unique"] = True
    given["schema"][0]["quality"] = [
        {"name": "enough", "type": "library", "metric": "rowCount", "mustBeGreaterOrEqualTo": 500}
    ]
    write_contract(world.exports, given)
    with world.building() as connection:
        connection.execute("update extracts.dandi_teachers set born = '1850-01-01' where urn in (6, 160)")
        connection.execute("update extracts.dandi_teachers set urn = 55 where urn in (55, 57)")
    found = made(world, check=check_files)
    assert found.failure is not None and found.failure.exit_code == 31
    rules = {str(one["rule"]): one for one in found.failure.rules}
    name = "teachers-2026-09-0001.parquet"
    assert [tuple(one.values()) for one in rules["born is in its range"]["first_rows"]] == [
        (name, 6),
        ("teachers-2026-09-0002.parquet", 10),
    ]
    assert [tuple(one.values()) for one in rules["urn is unique"]["first_rows"]] == [(name, 55), (name, 57)]
    assert (rules["enough"]["rows"], rules["enough"]["first_rows"]) == (200, ())
    assert f"{name} rows 55, 57" in found.failure.what
    told = json.dumps(found.as_dict(), default=str)
    assert "1850" not in told and "Zz" not in told and json.loads(told)["exit_code"] == 31
    assert files(world) == [] and world.query("select count(*) from ledger.deliveries") == [(0,)]


def test_a_delivery_that_fails_leaves_the_report_beside_its_files(world: World) -> None:
    with world.building() as connection:
        connection.execute("update extracts.dandi_teachers set is_active = null where urn in (3, 9)")
    with pytest.raises(CheckFailed):
        world.run(check=check_files)
    found = {path.name: path for path in files(world)}
    assert found.keys() == {"teachers-2026-09.parquet", "gate.txt"}
    assert "rule `is_active is required` (is_active): 2 rows (teachers-2026-09.parquet rows 3, 9)" in (
        found["gate.txt"].read_text()
    )
    assert all(path.parts[-5] == ".quarantine" and path.stat().st_mode & 0o077 == 0 for path in found.values())


def test_a_contract_of_days(world: World) -> None:
    write_contract(world.exports, of_days(controlCharacters="replace"))
    with world.building() as connection:
        connection.execute(
            "update extracts.dandi_teachers set last_name = 'person', born = '2026-10-02' where urn <= 5"
        )
    assert (made(world).rows, made(world).period) == (5, "2026-10-02")
    assert made(world, period="1970-01-10--1970-01-12").rows == 0
    for wrong in ("2026-09", "2026-13-45", "yesterday"):
        with pytest.raises(UsageError, match="no period of dandi/teachers"):
            made(world, period=wrong)


def test_a_draft_that_names_a_column_of_its_own(world: World) -> None:
    """Nothing of the contract's life is asked: it is being written."""
    given = world.contract()
    given |= {"status": "draft", "version": "0.0.1"}
    given["schema"][0]["properties"].append(column("secret_note", "string", "text", "sensitive"))
    write_contract(world.exports, given)
    assert made(world).rows == 200


def test_a_table_of_no_build_is_refused(world: World) -> None:
    with psycopg.connect(world.conninfo, autocommit=True) as connection:
        connection.execute("update extracts.dandi_teachers set urn = 0 where urn = 1")
    with pytest.raises(NotCovered, match="no build wrote"):
        made(world)
    assert files(world) == []
    with pytest.raises(UsageError, match="There is no contract"):
        dry_run(world.at(OCTOBER), Silent(), "dandi/nothing")


def test_two_at_once_do_not_share_a_folder(world: World) -> None:
    home = world.settings.warehouse_home
    with alone(home):
        clear_all(home)
        with pytest.raises(AlreadyRunning, match="Another dry run"):
            made(world)
    with suppress(AlreadyRunning):
        assert made(world).rows == 200
