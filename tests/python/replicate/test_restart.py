"""The warehouse's server was started: it may be an older state of itself, or nothing happened at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.python.conftest import WorldDatabases
from tests.python.drills.servers import kill_cluster
from tests.python.replicate.trouble import Writer, back_up, equal, history_is_sound, one, populate, put_back
from warehouse.core.databases import WAREHOUSE, Databases
from warehouse.core.progress import Silent
from warehouse.replicate import replicate, status
from warehouse.replicate.repair import repair
from warehouse.replicate.stream.mark import wait_until_applied
from warehouse.replicate.sync import restart

pytestmark = pytest.mark.slow


@pytest.fixture
def own(own: WorldDatabases) -> WorldDatabases:
    """With people, and a stream in order."""
    populate(own)
    replicate(own, Silent())
    replicate(own, Silent())
    return own


def write(databases: Databases, transactions: int, seed: int) -> None:
    writer = Writer(databases, seed=seed)
    with databases.at_source() as trs:
        for _ in range(transactions):
            writer.one(trs)


def test_a_warehouse_that_is_put_back_from_a_backup_is_a_gap(own: Databases, short_folder: Path) -> None:
    """Three times: nothing new at the source since; something new, applied before anybody looks; then by `repair`."""
    cluster = own.cluster(WAREHOUSE)
    for number in range(3):
        backup = back_up(cluster, short_folder / f"older_{number}")
        replicate(own, Silent())
        known = one(own.at_warehouse, "select max(committed_at) from ledger.transactions where kind = 'stream'")[0]
        write(own, 20, seed=number)
        replicate(own, Silent())
        assert equal(own)
        put_back(cluster, backup)
        if number:
            # The stream resumes by itself past the hole, before any command has looked.
            write(own, 3, seed=10 + number)
            with own.at_source() as trs, own.at_warehouse() as warehouse:
                wait_until_applied(trs, warehouse, own.settings.warehouse_replication_name, Silent())
        assert not equal(own)
        told = status(own)
        assert [reason.code for reason in told.reasons if reason.exit_code] == ["restarted"]
        assert told.exit_code == 50
        if number == 2:
            done = repair(own, Silent())
            assert done.gap is not None
            gap_id = done.gap.gap_id
        else:
            report, _ = replicate(own, Silent())
            assert "repaired gap" in str(report.notes)
            gap_id = one(own.at_warehouse, "select max(gap_id) from ledger.gaps")[0]
        gap = one(
            own.at_warehouse,
            "select reason, from_lsn is not null, from_time, to_time > from_time, repaired_at is not null,"
            " rows_inserted + rows_updated + rows_deleted > 0 from ledger.gaps where gap_id = %s",
            gap_id,
        )
        assert gap[0] == restart.REASON
        assert (gap[1], gap[3], gap[4], gap[5]) == (True, True, True, True)
        assert known is None or gap[2] <= one(own.at_source, "select now()")[0]
        assert equal(own)
        replicate(own, Silent())
        assert status(own).exit_code == 0
        assert one(own.at_warehouse, "select count(*), bool_and(differed) from ledger.restarts") == (number + 1, True)
    history_is_sound(own)


def test_a_restart_and_a_crash_of_a_quiet_warehouse_cost_nothing(
    own: Databases, monkeypatch: pytest.MonkeyPatch
) -> None:
    def compared(*_: object) -> None:
        raise AssertionError("nothing was written at the source since the last look, so nothing is to be compared")

    monkeypatch.setattr(restart, "settle", compared)
    cluster = own.cluster(WAREHOUSE)
    cluster.stop()
    cluster.start()
    assert status(own).exit_code == 0
    replicate(own, Silent())
    kill_cluster(cluster)
    cluster.start()
    replicate(own, Silent())
    assert status(own).exit_code == 0
    assert one(own.at_warehouse, "select count(*) from ledger.restarts") == (0,)


def test_after_a_restart_under_load_both_sides_are_compared_and_no_gap_is_made_up(own: Databases) -> None:
    cluster = own.cluster(WAREHOUSE)
    write(own, 5, seed=3)
    with own.at_source() as trs, own.at_warehouse() as warehouse:
        wait_until_applied(trs, warehouse, own.settings.warehouse_replication_name, Silent())
    kill_cluster(cluster)
    write(own, 5, seed=4)
    cluster.start()
    report, _ = replicate(own, Silent())
    assert "nothing differs" in str(report.notes)
    assert one(own.at_warehouse, "select count(*) from ledger.gaps") == (0,)
    assert one(own.at_warehouse, "select differed, gap_id from ledger.restarts") == (False, None)
    # Each transaction came by the stream, with its own time: the comparison took the place of none.
    assert one(own.at_warehouse, "select count(*) from ledger.transactions where kind = 'repair'") == (0,)
    assert equal(own)
    replicate(own, Silent())
    assert status(own).exit_code == 0
    assert one(own.at_warehouse, "select count(*) from ledger.restarts") == (1,)


def test_a_change_that_does_not_fit_an_older_state_is_no_dead_end(own: Databases, short_folder: Path) -> None:
    """A row is deleted and made again under its key: without the delete, the insert stops the stream."""
    cluster = own.cluster(WAREHOUSE)
    backup = back_up(cluster, short_folder / "unfit")
    replicate(own, Silent())
    with own.at_source() as trs:
        trs.execute("create table kept as select * from persons order by trn limit 1")
        trs.execute("delete from persons where person_id in (select person_id from kept)")
        replicate(own, Silent())
        put_back(cluster, backup)
        trs.execute("insert into persons overriding system value select * from kept")
    report, _ = replicate(own, Silent())
    assert "repaired gap" in str(report.notes)
    assert equal(own)
    replicate(own, Silent())
    assert status(own).exit_code == 0
    assert one(own.at_warehouse, "select count(*) filter (where state = 'open') from ledger.conflicts") == (0,)
    history_is_sound(own)
