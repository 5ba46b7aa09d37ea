"""kill -9 at every step, at every kind of destination: the next run ends with exactly one delivery, and no orphans."""

from __future__ import annotations

import hashlib
import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import errors

from tests.python.deliver import killed
from tests.python.deliver.conftest import PLACES
from tests.python.deliver.delivering import World, listed, sftp_world
from tests.python.deliver.world import SftpWorld
from tests.python.forked import PROCESSES
from warehouse.core.errors import AlreadyRunning, DestinationFull
from warehouse.deliver.states import STEPS, State

pytestmark = pytest.mark.slow

HERE = [("planned", 1), ("extracting", 1), ("built", 1), ("checked", 1)]
"""Steps at which nothing has been asked of the destination: they are tried with one."""

THERE = [
    ("sending", 1),
    ("uploading", 1),
    ("sending", 2),
    ("uploading", 2),
    ("uploaded", 1),
    ("verified", 1),
    ("committed", 1),
    ("closed", 1),
]


def run_and_die(world: World, step: str | None, times: int = 1, **given: Any) -> int:
    """Run a delivery in a process of its own, and say how it ended."""
    settings: dict[str, Any] = {
        name: str(getattr(world.settings, name)) for name in ("warehouse_home", "warehouse_deliveries")
    }
    settings["destinations"] = world.settings.destinations
    for emulator in ("warehouse_cloud_storage_emulator", "warehouse_azure_emulator"):
        settings[emulator] = getattr(world.settings, emulator)
    if world.settings.warehouse_sftp_known_hosts:
        settings["warehouse_sftp_known_hosts"] = str(world.settings.warehouse_sftp_known_hosts)
        settings["warehouse_sftp_password"] = "let-me-in"
    told = {
        "conninfo": world.conninfo,
        "settings": settings,
        "exports": str(world.exports),
        "today": "2026-10-03",
        "step": step,
        "times": times,
        **given,
    }
    process = PROCESSES.Process(target=killed.run, args=(told,))
    process.start()
    process.join(300)
    assert process.exitcode is not None
    return process.exitcode


DEATHS = [("folder", *step) for step in HERE] + [(place, *step) for place in PLACES for step in THERE]


@pytest.mark.parametrize(("anywhere", "step", "times"), DEATHS, indirect=["anywhere"])
def test_one_delivery_whatever_happens(step: str, times: int, anywhere: World) -> None:
    """With files so small that a delivery is several."""
    anywhere.contract(rowsPerFile=150)
    died = run_and_die(anywhere, step, times)
    assert died == -9
    before = listed(anywhere)
    base = "dandi/teachers/2026-09/"
    committed = base + "datapackage.json" in before
    assert committed is (step in ("committed", "closed"))
    if step not in ("committed", "closed"):
        # A new build gives other rows, and fewer files, before the next run.
        with anywhere.building() as connection:
            connection.execute("delete from extracts.dandi_teachers where trn > '0000120'")
    reports = anywhere.run()
    there = listed(anywhere)
    if committed:
        assert there == before
        assert [report.adopted for report in reports] == ([True] if step == "committed" else [])
    else:
        assert set(there) == {base + "teachers-2026-09-0001.parquet", base + "datapackage.json"}
    manifest = json.loads(there[base + "datapackage.json"])
    listing = {base + one["path"]: one["hash"] for one in manifest["resources"]}
    assert listing == {
        name: "sha256:" + hashlib.sha256(content).hexdigest()
        for name, content in there.items()
        if name.endswith(".parquet")
    }
    assert anywhere.state() == "closed"
    assert anywhere.run() == []
    assert not [path for path in (anywhere.home / "home" / "outbox").rglob("*") if path.is_file()]
    closed = anywhere.query("select count(*) from ledger.delivery_states where to_state = 'closed'")
    assert closed == [(1,)]


def test_two_runs_at_the_same_time_deliver_once(tmp_path: Path, conninfo: str) -> None:
    world = World(tmp_path, conninfo)
    world.contract()
    with ThreadPoolExecutor(2) as threads:
        ends = list(threads.map(lambda _: run_and_die(world, None), range(2)))
    assert sorted(ends) in ([0, 0], [0, AlreadyRunning.exit_code])
    assert len(listed(world)) == 2
    assert world.query("select state, attempt from ledger.deliveries") == [("closed", 1)]


def test_half_a_file_never_has_its_own_name(tmp_path: Path, conninfo: str, sftp: SftpWorld) -> None:
    for made in (World(tmp_path / "a", conninfo), sftp_world(tmp_path, conninfo, sftp)):
        made.contract()
        assert run_and_die(made, "uploading") == -9
        names = [Path(name).name for name in listed(made)]
        assert all(name.startswith(".") and name.endswith(".part") for name in names)
        with psycopg.connect(conninfo) as connection:
            connection.execute("truncate ledger.deliveries cascade")


def test_a_disk_that_fills_up_mid_file(tmp_path: Path, conninfo: str) -> None:
    world = World(tmp_path, conninfo)
    world.contract(kind="csv")
    assert run_and_die(world, None, largest_file=1000) == DestinationFull.exit_code
    assert listed(world) == {} and world.state() == "failed"
    world.run()
    assert world.state() == "closed"


# -- the ledger itself -------------------------------------------------------------------------------------------


def test_the_database_and_the_program_know_the_same_steps(tmp_path: Path, conninfo: str) -> None:
    World(tmp_path, conninfo).run()
    with psycopg.connect(conninfo) as connection:
        there = set(connection.execute("select from_state, to_state from ledger.delivery_transitions").fetchall())
    assert there == {(before or "none", after) for before, afters in STEPS.items() for after in afters}


def test_the_database_refuses_every_other_step(tmp_path: Path, conninfo: str) -> None:
    World(tmp_path, conninfo).run()
    ways: dict[State, list[State]] = {
        State.PLANNED: [],
        State.BUILT: [State.BUILT],
        State.CHECKED: [State.BUILT, State.CHECKED],
        State.UPLOADED: [State.BUILT, State.CHECKED, State.UPLOADED],
        State.VERIFIED: [State.BUILT, State.CHECKED, State.UPLOADED, State.VERIFIED],
        State.FAILED: [State.FAILED],
        State.MISSED: [State.FAILED, State.MISSED],
        State.CLOSED: [State.BUILT, State.CHECKED, State.UPLOADED, State.VERIFIED, State.CLOSED],
    }
    move = "update ledger.deliveries set state = %s, closed_at = case when %s then now() end"
    with psycopg.connect(conninfo) as connection:
        for before, way in ways.items():
            for after in State:
                with connection.transaction(force_rollback=True):
                    connection.execute(
                        "insert into ledger.deliveries (delivery_id, recipient, extract, period, state, model,"
                        " contract_version, contract_sha256, rows, bytes, manifest_sha256)"
                        " values ('a/b/2026-09', 'a', 'b', '2026-09', 'planned', 'm', '1', 'x', 0, 0, 'x')"
                    )
                    for step in way:
                        connection.execute(move, (step, step is State.CLOSED))
                    legal = after in STEPS[before] or (after is before and not before.is_final)
                    try:
                        with connection.transaction():
                            connection.execute(move, (after, after is State.CLOSED))
                    except errors.CheckViolation:
                        assert not legal, (before, after)
                    else:
                        assert legal, (before, after)
        with connection.transaction(force_rollback=True), pytest.raises(errors.CheckViolation):
            connection.execute(
                "insert into ledger.deliveries (delivery_id, recipient, extract, period, state, model,"
                " contract_version, contract_sha256)"
                " values ('a/b/2026-09', 'a', 'b', '2026-09', 'verified', 'm', '1', 'x')"
            )


def test_a_receipt_cannot_be_changed_or_removed(tmp_path: Path, conninfo: str) -> None:
    world = World(tmp_path, conninfo)
    world.contract()
    world.run()
    with psycopg.connect(conninfo, autocommit=True) as connection:
        for statement in ("update ledger.deliveries set rows = 1", "delete from ledger.deliveries"):
            with pytest.raises(errors.CheckViolation):
                connection.execute(statement.encode())
