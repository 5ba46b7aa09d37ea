"""A copy of the source's disk has its identity, and is written to: it must not be streamed from in silence."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from pydantic import SecretStr

from tests.python.conftest import WorldDatabases
from tests.python.drills.servers import kill_cluster
from tests.python.replicate.test_ways_out import commands_work_on
from tests.python.replicate.trouble import Writer, equal, history_is_sound, one, populate
from warehouse.cli import main
from warehouse.core.databases import SOURCE
from warehouse.core.errors import SourceMoved
from warehouse.core.postgres import Cluster
from warehouse.core.progress import Silent
from warehouse.replicate import replicate, status
from warehouse.replicate.compare.reconcile import reconcile
from warehouse.replicate.repair import repair
from warehouse.replicate.stream import subscription
from warehouse.replicate.stream.source_server import Server, change

AT, NEXT_TO_IT = Server("db.example.org:5432", "10.0.0.1:5432", "1"), "10.0.0.2:5432"


def test_the_same_process_is_the_same_server_whatever_its_address() -> None:
    assert change(AT, AT) is None
    assert change(AT, Server("alias.example.org:5432", NEXT_TO_IT, "1")) is None


def test_a_restart_is_no_move_and_another_address_is() -> None:
    assert change(AT, Server(AT.address, AT.own_address, "2")) is None
    assert change(AT, Server(AT.address, NEXT_TO_IT, "2")) == "replaced"
    assert change(AT, Server("other.example.org:5432", AT.own_address, "2")) == "moved"


def test_what_was_never_seen_is_not_asked_about() -> None:
    """A ledger of an earlier version of this program."""
    assert change(None, AT) is None


def led_to(databases: WorldDatabases, conninfo: str) -> WorldDatabases:
    """The same warehouse with TRS_DATABASE_URL."""
    settings = databases.settings.model_copy(update={"trs_database_url": SecretStr(conninfo)})
    return WorldDatabases(settings, databases.cluster_settings)


def write(databases: WorldDatabases, transactions: int, seed: int) -> None:
    writer = Writer(databases, seed=seed)
    with databases.at_source() as trs:
        for _ in range(transactions):
            writer.one(trs)


@contextmanager
def a_copy(cluster: Cluster, home: Path) -> Iterator[Cluster]:
    """A snapshot of a cluster's disk, running beside it at another port."""
    copy = Cluster(cluster.name, home, cluster._binaries, cluster._settings)
    copy._place()
    # As a snapshot of a disk that is written to would be after its recovery.
    cluster.stop()
    shutil.copytree(cluster.folder, copy.folder, dirs_exist_ok=True, copy_function=shutil.copy2)
    cluster.start()
    (copy.folder / "port").unlink()
    if copy._owner:
        for path in (copy.data, *copy.data.rglob("*")):
            copy._owner.takes(path)
    copy.start()
    try:
        yield copy
    finally:
        copy.stop()


@pytest.fixture
def served(own: WorldDatabases) -> WorldDatabases:
    """A source by address, as on servers, in order."""
    populate(own)
    by_address = led_to(own, own.source_conninfo)
    replicate(by_address, Silent())
    replicate(by_address, Silent())
    return by_address


@pytest.mark.slow
def test_a_copy_of_the_disk_that_is_ahead_is_refused_until_the_address_is_set_back(
    served: WorldDatabases, own: WorldDatabases, short_folder: Path
) -> None:
    with a_copy(own.cluster(SOURCE), short_folder / "copy") as copy:
        # The original was only restarted: nobody is asked, and nothing has to be compared.
        replicate(served, Silent())
        assert status(served).exit_code == 0
        wrong = led_to(own, copy.conninfo(SOURCE))
        write(wrong, 81, seed=1)
        digest = one(served.at_warehouse, "select count(*), sum(hashtext(p::text)) from persons as p")
        for _ in range(2):
            with pytest.raises(SourceMoved, match="another server of the same cluster"):
                replicate(wrong, Silent())
        with pytest.raises(SourceMoved):
            repair(wrong, Silent())
        told = status(wrong)
        assert next((one.code, one.exit_code) for one in told.reasons if one.exit_code) == ("source_moved", 49)
        assert "source --accept" in told.reasons[0].next_command
        with served.at_warehouse() as warehouse:
            assert not subscription.is_enabled(warehouse, served.settings.warehouse_replication_name)
        assert one(served.at_warehouse, "select count(*), sum(hashtext(p::text)) from persons as p") == digest
        # Set back: it goes on, and nothing of the copy is here.
        write(served, 5, seed=2)
        replicate(served, Silent())
    assert status(served).exit_code == 0
    assert reconcile(served, Silent()).differing == []
    assert one(served.at_warehouse, "select count(*) from ledger.gaps") == (0,)
    history_is_sound(served)


@pytest.mark.slow
def test_a_source_that_has_moved_is_accepted_by_a_person_and_compared(
    served: WorldDatabases,
    own: WorldDatabases,
    short_folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    with a_copy(own.cluster(SOURCE), short_folder / "moved") as copy:
        # The last that was applied from the old place did not come along.
        write(served, 5, seed=3)
        replicate(served, Silent())
        own.cluster(SOURCE).stop()
        moved = led_to(own, copy.conninfo(SOURCE))
        write(moved, 40, seed=4)
        commands_work_on(moved, monkeypatch)
        assert main._main(["replicate", "source"]) == 49
        assert main._main(["replicate", "source", "--accept", " "]) == 2
        capsys.readouterr()
        assert main._main(["replicate", "source", "--accept", "a new machine", "--json"]) == 0
        assert json.loads(capsys.readouterr().out)["accepted"] is True
        assert one(moved.at_warehouse, "select because, accepted_by is not null from ledger.source_moves") == (
            "a new machine",
            True,
        )
        # It lacks what was applied last: that is another question, for which a person is asked as after a restore.
        assert main._main(["replicate", "run"]) == 52
        repair(moved, Silent())
        replicate(moved, Silent())
        assert status(moved).exit_code == 0
        assert equal(moved)
        assert one(moved.at_warehouse, "select count(*) from ledger.gaps where repaired_at is not null") == (1,)
        history_is_sound(moved)
        assert main._main(["replicate", "source", "--accept", "again"]) == 0
        assert one(moved.at_warehouse, "select count(*) from ledger.source_moves") == (1,)


@pytest.mark.slow
def test_a_source_that_has_moved_whole_loses_nothing(
    served: WorldDatabases, own: WorldDatabases, short_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with a_copy(own.cluster(SOURCE), short_folder / "whole") as copy:
        own.cluster(SOURCE).stop()
        moved = led_to(own, copy.conninfo(SOURCE))
        write(moved, 10, seed=5)
        commands_work_on(moved, monkeypatch)
        assert main._main(["replicate", "source", "--accept", "a new machine"]) == 0
        assert status(moved).exit_code == 50
        report, _ = replicate(moved, Silent())
        assert "another server answers at the source's address, so both sides were compared: nothing differs" in str(
            report.notes
        )
        assert status(moved).exit_code == 0
        assert one(moved.at_warehouse, "select count(*) from ledger.gaps") == (0,)
        assert one(moved.at_warehouse, "select count(*), bool_or(differed) from ledger.restarts") == (1, False)
        assert equal(moved)
        history_is_sound(moved)


@pytest.mark.slow
def test_an_embedded_source_that_comes_up_at_another_port_is_no_alarm(own: WorldDatabases) -> None:
    populate(own)
    replicate(own, Silent())
    cluster = own.cluster(SOURCE)
    for seed, stop in enumerate((cluster.stop, lambda: kill_cluster(cluster))):
        before = cluster._read("port")
        write(own, 3, seed=seed)
        stop()
        # As when somebody has taken the port meanwhile.
        (cluster.folder / "port").write_text("0")
        cluster.start()
        assert cluster._read("port") != before
        replicate(own, Silent())
        assert status(own).exit_code == 0
        assert equal(own)
    assert one(own.at_warehouse, "select count(*) from ledger.source_moves") == (0,)
