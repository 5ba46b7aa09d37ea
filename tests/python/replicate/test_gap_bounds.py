"""A gap begins when its table was last seen to be sent, however many passes have gone by without it."""

from __future__ import annotations

import uuid
from datetime import datetime

import pytest

from tests.python.replicate.conftest import Sync
from tests.python.replicate.world import insert
from warehouse.core.databases import Databases
from warehouse.core.progress import Silent
from warehouse.replicate.repair import repair

pytestmark = pytest.mark.slow


def test_a_change_while_a_table_was_out_lies_in_its_gap(world: Databases, sync: Sync) -> None:
    with world.at_source() as trs, world.at_warehouse() as warehouse:
        country = {"country_id": uuid.uuid4().hex[:4], "name": "Before"}
        insert(trs, "countries", {**country, "official_name": "x", "citizen_names": "x"})
        sync()
        # With such an identity it cannot be published: the next pass takes it out.
        trs.execute("alter table countries replica identity full")
        sync()
        trs.execute("update countries set name = 'Meanwhile' where country_id = %s", (country["country_id"],))
        row = trs.execute("select clock_timestamp()").fetchone()
        assert row is not None
        changed: datetime = row[0]
        for _ in range(2):
            sync()
        trs.execute("alter table countries replica identity default")
        sync()
        repair(world, Silent())
        sync()
        bounds = warehouse.execute(
            "select from_time < %s, to_time > %s from ledger.gaps where repaired_at is not null", (changed, changed)
        ).fetchall()
        assert bounds == [(True, True)]
        told = warehouse.execute(
            "select ended_after < %s, known_to > %s from versions.countries where country_id = %s and name = 'Before'",
            (changed, changed, country["country_id"]),
        ).fetchall()
        assert told == [(True, True)]
