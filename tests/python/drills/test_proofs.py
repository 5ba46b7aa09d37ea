"""The proofs at the end of a drill notice what they are there to notice."""

from __future__ import annotations

import pytest

from tests.python.drills.harness import Drill

pytestmark = pytest.mark.slow

DAMAGE = {
    "a row is gone": "delete from persons where ctid = (select max(ctid) from persons)",
    "a value is another": "update persons set first_name = 'X' where ctid = (select max(ctid) from persons)",
}
DAMAGE_TO_HISTORY = {
    "a version is gone": "delete from history.persons where ctid = (select max(ctid) from history.persons)",
    "a version is there twice": "insert into history.persons select * from history.persons limit 1",
    "a version ended at another time": "update history.persons set known_to = known_to + interval '1 microsecond'"
    " where ctid = (select max(ctid) from history.persons)",
    "a tombstone is none": "update history.tps_establishments set ended_by = 'D' where ended_by = 'T'",
    "a version holds something else": "update history.events set published = not published"
    " where ctid = (select max(ctid) from history.events)",
}


def test_proofs_notice_damage(drill: Drill) -> None:
    drill.sync()
    drill.begin(pause=0.002)
    drill.work(300)
    drill.rest()
    with drill.databases.at_source() as source:
        source.execute("insert into tps_establishments values (gen_random_uuid(), '330', '0001', 'A school')")
        source.execute("truncate tps_establishments")
    drill.finish()
    with drill.databases.at_warehouse() as warehouse:
        for kind, statement in DAMAGE.items():
            with warehouse.transaction(force_rollback=True):
                assert warehouse.execute(statement.encode()).rowcount == 1, kind
                assert drill.unequal(warehouse) == ["persons"], kind
        for kind, statement in DAMAGE_TO_HISTORY.items():
            with warehouse.transaction(force_rollback=True):
                assert warehouse.execute(statement.encode()).rowcount >= 1, kind
                assert drill.wrong_versions(warehouse), kind
    assert drill.unequal() == []
    assert drill.wrong_versions() == []
