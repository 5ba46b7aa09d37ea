"""One person erased from everywhere, on real clusters, down to the bytes of the tables' files."""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import os
import re
import signal
import uuid
from pathlib import Path

import pytest

from tests.python.erase.conftest import KEPT, Erased, World, rows
from tests.python.erase.world import contents, digest, files_with
from tests.python.waiting import drop_slot
from warehouse.core import delivered_people, keys
from warehouse.core.errors import ErasureRefused
from warehouse.core.identifiers import TRN, Identifier
from warehouse.deliver.ledger import Ledger
from warehouse.deliver.recreatable import cannot_be_recreated
from warehouse.marts import vintages

pytestmark = pytest.mark.slow


def without(world: World, everything: dict[str, list[str]]) -> dict[str, list[str]]:
    """Rows that name the erased person in no way."""
    person = world.gone
    words = (person.mark.lower(), person.trn, str(person.person_id), person.task.lower(), person.nino.lower())
    return {
        table: [row for row in found if not any(word in row.lower() for word in words)]
        for table, found in everything.items()
    }


def test_the_person_is_nowhere(erased: Erased) -> None:
    world, home = erased.world, erased.world.databases.settings.warehouse_home
    assert erased.done.erasure_id == 1
    # A count that looks like a TRN is none, and stays.
    text, counts = re.subn(r"rows\W+1234567", "", json.dumps(erased.after).lower())
    assert counts == 1
    for word in (world.gone.mark, world.gone.trn, str(world.gone.person_id), world.gone.nino, world.gone.task + '"'):
        # A count that looks like a TRN is none.
        assert word.lower() not in text, word
    assert world.tables_with(world.gone.traces) == []
    assert list(files_with(world.deliveries, world.gone.traces)) == []
    assert not (home / "dbt" / "target" / "run_results.json").exists()
    assert not (home / "outbox").exists()
    log = home / "clusters" / "warehouse" / "extra.log"
    lines = log.read_text().split("\n")
    assert (lines[0], set(lines[1]), lines[2]) == ("kept", {"-"}, "kept too")
    log.unlink()


def test_only_a_vintage_that_holds_the_person_is_dropped(erased: Erased) -> None:
    with erased.world.databases.at_warehouse() as warehouse:
        assert [one.name for one in vintages.listed(warehouse)] == ["of_one"]
        assert rows(warehouse, "select trn from of_one_marts.people") == [(erased.world.stays.trn,)]
        assert rows(warehouse, "select state from ledger.builds where vintage = 'of_both'") == [("dropped",)]
        left = "select count(*) from pg_namespace where nspname = 'of_both_marts'"
        assert rows(warehouse, left) == [(0,)]


def test_everybody_else_is_as_before(erased: Erased) -> None:
    shared = tuple(f"history.{name}" for name in ("events", "persons", "processes", "notes", "support_tasks"))
    expected = without(erased.world, erased.before)
    for name in (name for name in expected if name.split(".")[0] in ("public", "history", "marts")):
        if not name.startswith(shared):
            assert erased.after[name] == expected[name], name
    for name in shared:
        # A version about both stays, without the person's part.
        assert set(expected[name]) <= set(erased.after[name]), name
        assert len(erased.after[name]) > len(expected[name]), name


def test_what_concerned_two_keeps_the_other(erased: Erased) -> None:
    world = erased.world
    with world.databases.at_warehouse() as warehouse:
        person = world.stays.person_id
        merge = warehouse.execute(
            "select person_ids, payload from history.events where event_name = 'PersonsMergedEvent'"
        ).fetchall()
        assert merge == [([person], {})]
        pointers = warehouse.execute(
            "select distinct merged_with_person_id, trn from versions.persons where person_id = %s", (person,)
        ).fetchall()
        assert pointers == [(None, world.stays.trn)]
        notes = rows(warehouse, "select content from history.notes where updated_by_dqt_user_id is not null")
        assert notes == [(None,)]
        # The account that moved is the other's: only the version from before goes.
        moved = warehouse.execute("select person_id from versions.one_login_users where subject = 'urn:moved'")
        assert moved.fetchall() == [(person,)]
        assert rows(warehouse, "select count(*) from emails where email_address = 'both@example.org'") == [(1,)]


def test_delivered_files_are_rewritten_and_the_chain_of_receipts_holds(erased: Erased) -> None:
    world = erased.world
    with world.databases.at_warehouse() as warehouse:
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
        assert file.stat().st_mode & 0o077 == 0


def test_the_record_says_that_and_not_who(erased: Erased) -> None:
    world, done = erased.world, erased.done
    with world.databases.at_warehouse() as warehouse:
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


def test_recipients_and_owners_of_copies_are_told_of(erased: Erased) -> None:
    theirs = [(one["delivery"], one["found"]) for one in erased.done.deliveries if one["held"] == "by the recipient"]
    # What can be read was. Of what cannot the index knows whether they were in it, and of the rest only the dates.
    assert theirs == [
        ("tad/teachers/2026-04", "by the index"),
        ("tad/teachers/2026-06", "by the index"),
        ("tad/teachers/2026-07", "by dates"),
        ("tad/teachers/2026-08", "read"),
    ]
    folder = erased.world.exports.parent / "theirs"
    assert any(erased.world.gone.trn.encode() in path.read_bytes() for path in folder.rglob("*.csv"))
    assert erased.done.left_there == ["scratch.mine"]


def test_the_index_forgets_the_person_alone(erased: Erased) -> None:
    world = erased.world
    places = {place["place"]: place for place in erased.done.places}
    # By the TRN alone: the files of this world have no other identifier.
    assert places["ledger.delivered_identifiers"]["erased"] == 1
    with world.databases.at_warehouse() as warehouse:
        key = keys.installation(warehouse, world.databases.settings)
        gone, stays = (delivered_people.digest(key, Identifier(TRN, who.trn)) for who in (world.gone, world.stays))
        found = delivered_people.search(warehouse, [gone, stays])
    assert {digest for digest, _, _ in found} == {stays}
    assert {name for _, name, _ in found} >= {"dandi/teachers/2026-09", "tad/teachers/2026-09"}


def test_what_can_no_longer_be_made_again_is_known(erased: Erased) -> None:
    world = erased.world
    with world.databases.at_warehouse() as warehouse:
        ledger = Ledger(warehouse)
        held = ["dandi/teachers/2026-09"] + [f"tad/teachers/2026-{month}" for month in ("04", "06", "08", "09")]
        assert erased.done.not_recreated == held
        for delivery in held:
            reason = cannot_be_recreated(ledger, delivery)
            assert reason is not None and reason.startswith("erasure 1 "), delivery
        # Of May the index says that they were not in it; of July nobody knows.
        for delivery in ("tad/teachers/2026-05", "tad/teachers/2026-07"):
            assert cannot_be_recreated(ledger, delivery) is None


def test_what_its_owner_has_to_see_to_makes_no_second_erasure(erased: Erased) -> None:
    assert (erased.again.erasure_id, erased.again.left_there) == (None, ["scratch.mine"])


def test_the_ledgers_have_no_hash_of_them_and_the_register_only_keyed_ones(erased: Erased) -> None:
    world = erased.world
    with world.databases.at_warehouse() as warehouse:
        assert rows(warehouse, "select count(*) from ledger.runs where error::text like '%hmac:%'") == [(0,)]
        assert rows(warehouse, "select error ->> 'rows', error -> 'trns' from ledger.runs where error ? 'trns'") == [
            ("1234567", [0])
        ]
        digests = {str(row[0]) for row in rows(warehouse, "select digest from ledger.erased_identifiers")}
    values = (world.gone.trn, str(world.gone.person_id), world.gone.nino, world.gone.subject)
    plain = {
        make(form.encode()).hexdigest()
        for value in values
        for form in (value, value.lower(), f"trn:{value}", f"erased:trn:{value}")
        for make in (hashlib.md5, hashlib.sha1, hashlib.sha256)
    }
    assert len(digests) >= len(values)
    assert not digests & plain


def test_twice_is_once(erased: Erased) -> None:
    again = erased.world.erase()
    assert (again.erasure_id, again.finished_before) == (None, [])
    with erased.world.databases.at_warehouse() as warehouse:
        assert rows(warehouse, "select count(*) from ledger.erasures") == [(1,)]


def test_refused_until_source_and_stream_let_go(filled: World, monkeypatch: pytest.MonkeyPatch) -> None:
    _check_dry_run(filled)
    with filled.databases.at_warehouse() as warehouse:
        before = digest(contents(warehouse, [*KEPT, "ledger"]))
        with pytest.raises(ErasureRefused, match="still holds the person: alerts") as refused:
            filled.erase()
        assert digest(contents(warehouse, [*KEPT, "ledger"])) == before
    assert refused.value.exit_code == 43
    # One row is enough, in a table that says it only in a text.
    filled.erase_at_source()
    with filled.databases.at_source() as trs:
        trs.execute("set session_replication_role = replica")
        trs.execute(
            "update notes set content = %s where person_id = %s and updated_by_dqt_user_id = %s",
            (f"See ({filled.gone.trn}).", filled.stays.person_id, uuid.UUID(int=1)),
        )
    with pytest.raises(ErasureRefused, match=r"still holds the person: notes \(1\)"):
        filled.erase()
    # Somebody else's note is mended; now it is the stream.
    with filled.databases.at_source() as trs:
        trs.execute("update notes set content = 'See'")
    monkeypatch.setattr("warehouse.erase.guard.CATCH_UP_SECONDS", 1)
    name = filled.databases.settings.warehouse_replication_name
    with filled.databases.at_warehouse() as warehouse, filled.databases.at_source() as trs:
        warehouse.execute(f"alter subscription {name} disable".encode())
        with pytest.raises(ErasureRefused, match="has not caught up"):
            filled.erase()
        slot = rows(warehouse, "select slot_name from ledger.epochs where state = 'streaming'")[0][0]
        drop_slot(trs, slot)
        with pytest.raises(ErasureRefused, match="is lost"):
            filled.erase()
        assert rows(warehouse, "select count(*) from ledger.erasures") == [(0,)]


def _check_dry_run(filled: World) -> None:
    """It says where the person is and changes nothing."""
    with filled.databases.at_warehouse() as warehouse:
        before = digest(contents(warehouse, [*KEPT, "ledger"])), _files(filled.deliveries)
        found = filled.survey()
        assert (digest(contents(warehouse, [*KEPT, "ledger"])), _files(filled.deliveries)) == before
    assert found.refusal is not None
    assert found.at_source["persons"] == 2
    counted = {place.place: (place.theirs, place.shared) for place in found.places}
    assert counted["public.alerts"] == (1, 0)
    assert counted["public.events"] == (1, 1)
    assert counted["history.persons"] == (1, 1)
    assert counted["marts.people"] == (1, 0)
    assert {(held.delivery_id, held.held, held.removed) for held in found.deliveries} == {
        ("dandi/teachers/2026-09", "here", 1),
        ("tad/teachers/2026-09", "here", 1),
    }


STEPS = ["begun", "replacing", "files", "traces", "erasing", "rows", "built", "marts", "storage"]


def test_killed_at_every_step_the_same_command_finishes(world: World) -> None:
    """One erasure, killed by the operating system at each step in turn, and finished in the end."""
    world.build()
    for step in STEPS:
        assert _killed_at(world, step) == -signal.SIGKILL, step
    done = world.erase()
    assert done.finished_before == [1]
    with world.databases.at_warehouse() as warehouse:
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
