"""One person erased from everywhere, on real clusters, down to the bytes of the tables' files."""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import os
import signal
from pathlib import Path

import psycopg
import pytest

from tests.python.erase.conftest import World, rows
from tests.python.erase.world import contents, digest, files_with
from warehouse.core.errors import ErasureRefused

pytestmark = pytest.mark.slow

KEPT = ["public", "history", "marts", "extracts"]


def without(world: World, everything: dict[str, list[str]]) -> dict[str, list[str]]:
    """Rows that name the erased person in no way."""
    person = world.gone
    words = (person.mark.lower(), person.trn, str(person.person_id), person.task.lower(), person.nino.lower())
    return {
        table: [row for row in found if not any(word in row.lower() for word in words)]
        for table, found in everything.items()
    }


def test_the_person_is_nowhere_and_everybody_else_is_as_before(world: World) -> None:
    world.build()
    home = world.databases.settings.warehouse_home
    (home / "dbt" / "target").mkdir(parents=True, exist_ok=True)
    (home / "dbt" / "target" / "run_results.json").write_text(f"duplicate key: {world.gone.mark} {world.gone.trn}")
    (home / "outbox" / "left").mkdir(parents=True, exist_ok=True)
    (home / "outbox" / "left" / "half.csv").write_text("x")
    log = home / "clusters" / "warehouse" / "extra.log"
    log.write_text(f"kept\nERROR: {world.gone.email} is odd\nkept too\n")
    with world.databases.warehouse() as warehouse:
        warehouse.execute(
            "insert into ledger.runs (error) values (%s)", (json.dumps({"what": f"odd: {world.gone.person_id}"}),)
        )
        before = contents(warehouse, KEPT)
        done = world.erase()
        after = contents(warehouse, KEPT)
        ledger = contents(warehouse, ["ledger"])
    assert done.erasure_id == 1
    assert done.left_there == []
    # Rows of the others are untouched, but for those that concerned both, which lost the person's part.
    shared = [f"history.{name}" for name in ("events", "persons", "processes", "notes", "support_tasks")]
    expected = without(world, before)
    for name in set(after) - {table for table in after for one in shared if table.startswith(one)}:
        assert after[name] == expected[name], name
    for name in shared:
        assert set(expected[name]) <= set(after[name]), name
        assert len(after[name]) > len(expected[name]), name
    text = json.dumps([after, ledger]).lower()
    for word in (world.gone.mark, world.gone.trn, str(world.gone.person_id), world.gone.nino, world.gone.task + '"'):
        assert word.lower() not in text
    traces = world.gone.traces
    assert world.tables_with(traces) == []
    assert list(files_with(world.deliveries, traces)) == []
    assert not (home / "dbt" / "target" / "run_results.json").exists()
    assert not (home / "outbox").exists()
    assert log.read_text().split("\n")[::2] == ["kept", "kept too"]
    assert world.gone.mark.lower() not in log.read_text()
    log.unlink()


def test_what_concerned_two_keeps_the_other(world: World) -> None:
    world.erase()
    with world.databases.warehouse() as warehouse:
        person = world.stays.person_id
        merge = warehouse.execute(
            "select person_ids, payload from history.events where event_name = 'PersonsMergedEvent'"
        ).fetchall()
        assert merge == [([person], {})]
        pointers = warehouse.execute(
            "select distinct merged_with_person_id, trn from versions.persons where person_id = %s", (person,)
        ).fetchall()
        assert pointers == [(None, world.stays.trn)]
        notes = rows(warehouse, "select content, original_file_name from history.notes order by 1")
        assert notes == [(None, "a")]
        # The account that moved is the other's: only the version from before goes.
        moved = warehouse.execute("select person_id from versions.one_login_users where subject = 'urn:moved'")
        assert moved.fetchall() == [(person,)]
        assert rows(warehouse, "select count(*) from emails where email_address = 'both@example.org'") == [(1,)]


def test_delivered_files_are_rewritten_and_the_chain_of_receipts_holds(world: World) -> None:
    with world.databases.warehouse() as warehouse:
        world.erase()
        written = warehouse.execute(
            "select e.delivery_id, e.name, e.old_sha256, e.new_sha256, e.old_rows, e.new_rows, f.sha256, d.state"
            " from ledger.erased_deliveries as e join ledger.deliveries as d using (delivery_id)"
            " join ledger.delivery_files as f on f.delivery_id = e.delivery_id and f.name = e.name"
            " where e.rewritten_at is not null order by e.name"
        ).fetchall()
    assert [row[1].rsplit("/")[-1] for row in written] == [
        "datapackage.json",
        "teachers-2026-09.parquet",
        "datapackage.json",
        "teachers-2026-09.csv",
    ]
    for _, name, old, new, old_rows, new_rows, receipt, state in written:
        # What the receipt says, what the file was, and what it is since: one chain.
        assert old == receipt
        assert new != old
        assert hashlib.sha256((world.deliveries / name).read_bytes()).hexdigest() == new
        assert state == "closed"
        assert (old_rows, new_rows) in ((2, 1), (None, None))
    for recipient in ("dandi", "tad"):
        package = json.loads((world.deliveries / recipient / "teachers/2026-09/datapackage.json").read_bytes())
        resource = package["resources"][0]
        file = world.deliveries / recipient / "teachers/2026-09" / resource["path"]
        assert resource["hash"] == "sha256:" + hashlib.sha256(file.read_bytes()).hexdigest()
        assert (resource["rows"], package["delivery"]["rows"]) == (1, 1)
        assert resource["bytes"] == file.stat().st_size
        assert file.stat().st_mode & 0o077 == 0o040


def test_the_record_says_that_and_not_who(world: World) -> None:
    done = world.erase()
    with world.databases.warehouse() as warehouse:
        record = rows(
            warehouse, "select state, reference, asked_by = session_user, salt, subject_digest from ledger.erasures"
        )
        assert record == [("done", "SAR 12/26", True, None, None)]
        steps = rows(warehouse, "select jsonb_path_query_array(steps, '$[*].step') from ledger.erasures")
        assert steps == [(["files", "traces", "rows", "marts", "storage"],)]
    places = {place["place"]: place for place in done.places}
    assert any(name.startswith("history.alerts") and place["erased"] == 2 for name, place in places.items())
    assert any(name.startswith("history.events") and place["emptied"] == 1 for name, place in places.items())
    assert places["marts.people"]["kind"] == "derived"


def test_refused_while_the_source_still_has_the_person(filled: World) -> None:
    with filled.databases.warehouse() as warehouse:
        before = digest(contents(warehouse, [*KEPT, "ledger"]))
        with pytest.raises(ErasureRefused, match="still holds the person: alerts") as refused:
            filled.erase()
        assert digest(contents(warehouse, [*KEPT, "ledger"])) == before
    assert refused.value.exit_code == 43
    # One row is enough, in a table that says it only in a text.
    filled.erase_at_source()
    with filled.databases.source() as trs:
        trs.execute("set session_replication_role = replica")
        trs.execute(
            "update notes set content = %s where person_id = %s",
            (f"See ({filled.gone.trn}).", filled.stays.person_id),
        )
    with pytest.raises(ErasureRefused, match=r"still holds the person: notes \(1\)"):
        filled.erase()


def test_refused_while_the_stream_is_behind_or_lost(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("warehouse.erase.guard.CATCH_UP_SECONDS", 1)
    name = world.databases.settings.warehouse_replication_name
    with world.databases.warehouse() as warehouse, world.databases.source() as trs:
        warehouse.execute(f"alter subscription {name} disable".encode())
        with pytest.raises(ErasureRefused, match="has not caught up"):
            world.erase()
        slot = rows(warehouse, "select slot_name from ledger.epochs where state = 'streaming'")[0][0]
        for _ in range(100):
            try:
                trs.execute("select pg_drop_replication_slot(%s)", (slot,))
                break
            except psycopg.errors.ObjectInUse:
                trs.execute("select pg_sleep(0.1)")
        with pytest.raises(ErasureRefused, match="is lost"):
            world.erase()
        assert rows(warehouse, "select count(*) from ledger.erasures") == [(0,)]


def test_a_dry_run_says_where_and_changes_nothing(filled: World) -> None:
    with filled.databases.warehouse() as warehouse:
        before = digest(contents(warehouse, [*KEPT, "ledger"])), _files(filled.deliveries)
        found = filled.survey()
        assert (digest(contents(warehouse, [*KEPT, "ledger"])), _files(filled.deliveries)) == before
    assert found.refusal is not None
    assert found.at_source["persons"] == 2
    counted = {place.place: (place.theirs, place.shared) for place in found.places}
    assert counted["public.alerts"] == (1, 0)
    assert counted["public.events"] == (1, 1)
    assert counted["history.persons"] == (1, 0)
    assert counted["marts.people"] == (1, 0)
    assert {(held.delivery_id, held.held, held.removed) for held in found.deliveries} == {
        ("dandi/teachers/2026-09", "here", 1),
        ("tad/teachers/2026-09", "here", 1),
    }


def test_twice_is_once(world: World) -> None:
    world.erase()
    again = world.erase()
    assert again.erasure_id is None
    assert again.finished_before == []
    with world.databases.warehouse() as warehouse:
        assert rows(warehouse, "select count(*) from ledger.erasures") == [(1,)]
    found = world.survey()
    assert (found.at_source, found.places, found.deliveries, found.refusal) == ({}, [], [], None)


STEPS = ["begun", "replacing", "files", "traces", "erasing", "rows", "built", "marts", "storage"]


def test_killed_at_every_step_the_same_command_finishes(world: World) -> None:
    """One erasure, killed by the operating system at each step in turn, and finished in the end."""
    world.build()
    for step in STEPS:
        assert _killed_at(world, step) == -signal.SIGKILL, step
    done = world.erase()
    assert done.finished_before == [1]
    with world.databases.warehouse() as warehouse:
        record = rows(warehouse, "select erasure_id, state, subject_digest from ledger.erasures")
        assert record == [(1, "done", None)]
        assert rows(warehouse, "select count(*) from ledger.erased_deliveries where rewritten_at is null") == [(0,)]
        text = json.dumps(contents(warehouse, [*KEPT, "ledger"])).lower()
    assert world.gone.mark.lower() not in text
    assert world.tables_with(world.gone.traces) == []
    assert list(files_with(world.deliveries, world.gone.traces)) == []
    assert list(world.deliveries.rglob("*.erasing")) == []
    for recipient in ("dandi", "tad"):
        folder = world.deliveries / recipient / "teachers/2026-09"
        package = json.loads((folder / "datapackage.json").read_bytes())
        assert package["delivery"]["rows"] == 1


def test_a_recipients_own_copy_is_told_of(filled: World, tmp_path: Path) -> None:
    theirs = tmp_path / "theirs"
    filled.databases.settings = filled.databases.settings.model_copy(
        update={"warehouse_deliveries": theirs, "warehouse_destination_tad": "x"}
    )
    # What was a folder of ours is the recipients' now; one more went to a bucket that nobody can read here.
    filled.erase_at_source()
    with filled.databases.warehouse() as warehouse:
        warehouse.execute("alter table ledger.deliveries disable trigger user")
        warehouse.execute(
            "update ledger.deliveries set destination = 'gs://bucket/x' where delivery_id = 'dandi/teachers/2026-09'"
        )
        warehouse.execute("alter table ledger.deliveries enable trigger user")
    before = _files(tmp_path / "deliveries")
    done = filled.erase()
    assert _files(tmp_path / "deliveries") == before
    assert [(held["delivery"], held["held"], held["found"]) for held in done.deliveries] == [
        ("dandi/teachers/2026-09", "by the recipient", "by dates"),
        ("tad/teachers/2026-09", "by the recipient", "read"),
    ]


def test_a_copy_that_no_build_makes_is_told_of(world: World) -> None:
    with world.databases.warehouse() as warehouse:
        warehouse.execute("create schema scratch")
        warehouse.execute("create table scratch.mine as select * from history.alerts")
        done = world.erase()
        assert done.left_there == ["scratch.mine"]
        # It is not ours to change.
        assert rows(warehouse, "select count(*) from scratch.mine") != [(0,)]


def _files(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def _killed_at(world: World, step: str) -> int | None:
    def work() -> None:
        def hook(reached: str) -> None:
            if reached == step:
                os.kill(os.getpid(), signal.SIGKILL)

        world.erase(hook)

    process = multiprocessing.get_context("fork").Process(target=work)
    process.start()
    process.join(120)
    return process.exitcode
