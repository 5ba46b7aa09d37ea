"""What happens while a server is down: a source that goes back, a slot that is created again."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.python.replicate.trouble import (
    Writer,
    back_up,
    end_and_drop,
    equal,
    history_is_sound,
    now,
    populate,
    put_back,
    slot_of,
)
from warehouse.core.databases import SOURCE, WAREHOUSE, Databases
from warehouse.core.errors import SlotLost, SourceRewound
from warehouse.core.progress import Silent
from warehouse.replicate import replicate
from warehouse.replicate.repair import repair
from warehouse.replicate.stream import subscription
from warehouse.replicate.stream.mark import wait_until_applied

pytestmark = pytest.mark.slow


def test_a_source_restored_from_a_backup(own: Databases, short_folder: Path) -> None:
    populate(own)
    name = own.settings.warehouse_replication_name
    replicate(own, Silent())
    cluster = own.cluster(SOURCE)
    backup = back_up(cluster, short_folder / "backup")
    writer = Writer(own)
    with own.at_source() as trs:
        for _ in range(30):
            writer.one(trs)
    replicate(own, Silent())

    put_back(cluster, backup)
    with own.at_source() as trs:
        other = Writer(own, seed=7)
        other.one(trs)
    for _ in range(2):
        with pytest.raises(SourceRewound) as caught:
            replicate(own, Silent())
        assert caught.value.exit_code == 52
    with own.at_warehouse() as warehouse:
        assert not subscription.is_enabled(warehouse, name)
        # Nothing was started again: one epoch, no gap row, all rows as they were.
        assert warehouse.execute("select count(*), count(ended_at) from ledger.epochs").fetchone() == (1, 0)
        assert warehouse.execute("select count(*) from ledger.gaps").fetchone() == (0,)
    assert not equal(own)
    done = repair(own, Silent())
    assert done.gap is not None and done.gap.rows_deleted > 0
    replicate(own, Silent())
    assert equal(own)
    history_is_sound(own)


def test_a_slot_made_anew_while_the_warehouse_was_down(own: Databases) -> None:
    """The one case in which PostgreSQL goes on before anybody has looked. The next run finds it."""
    populate(own)
    writer = Writer(own)
    with own.at_source() as trs:
        replicate(own, Silent())
        for _ in range(10):
            writer.one(trs)
        replicate(own, Silent())
        before_at = now(own)
        slot = slot_of(own)
        own.cluster(WAREHOUSE).stop()
        end_and_drop(trs, slot)
        for _ in range(5):
            writer.one(trs)
        trs.execute("select pg_create_logical_replication_slot(%s, 'pgoutput')", (slot,))
        own.cluster(WAREHOUSE).start()
        writer.one(trs)
        with own.at_warehouse() as warehouse:
            # It streams by itself.
            wait_until_applied(trs, warehouse, own.settings.warehouse_replication_name, Silent())
        with pytest.raises(SlotLost, match="created again"):
            replicate(own, Silent())
        writer.one(trs)
        done = repair(own, Silent())
        replicate(own, Silent())
    assert done.gap is not None and done.gap.from_time < before_at
    assert equal(own)
    history_is_sound(own)
