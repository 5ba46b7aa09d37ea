"""What keeps the history is held against what the code makes, and `repair` makes it so again."""

from __future__ import annotations

import pytest
from psycopg import sql

from tests.python.replicate.conftest import Sync
from tests.python.replicate.world import PERSON, insert
from warehouse.core.databases import Databases
from warehouse.core.errors import ReplicaAltered
from warehouse.core.progress import Silent
from warehouse.replicate import load_classification, replicate, status
from warehouse.replicate.history import prove
from warehouse.replicate.integrity import apparatus
from warehouse.replicate.repair import repair
from warehouse.replicate.stream.subscription import is_enabled

pytestmark = pytest.mark.slow

_EVERY_KEEP = """
do $do$ declare f record; begin
    for f in select proname from pg_proc where pronamespace = 'history'::regnamespace and proname like '%_keep' loop
        execute format('create or replace function history.%I() returns trigger language plpgsql as
            ''begin if tg_op = $$DELETE$$ then return old; end if; return new; end''', f.proname);
    end loop;
end $do$
"""

ALTERED = {
    "the view of its versions was altered": "create or replace view versions.countries as"
    " select * from versions.countries_before where false",
    "the function that keeps its history was altered": _EVERY_KEEP,
    "history.notes_log is not logged": "alter table history.notes_log set unlogged",
    "trigger c_keep_history was made to do something else": "create or replace trigger c_keep_history before update on"
    " persons for each row execute function suppress_redundant_updates_trigger()",
    "trigger c_keep_history was given another condition": "create or replace trigger c_keep_history before update on"
    " alerts for each row when (new.details is null) execute function history.alerts_keep()",
    "trigger z_by_hand_update was given another condition": "create or replace trigger z_by_hand_update after update on"
    " notes referencing new table as changed for each statement when (false)"
    " execute function ledger.note_write_by_hand()",
    "history.persons_log has a trigger": "create function public.nothing() returns trigger language plpgsql as"
    " 'begin return null; end'; create trigger eats before insert on history.persons_log for each row"
    " execute function public.nothing()",
    "history.persons_log has a rule": "create rule eats as on insert to history.persons_log do instead nothing",
    "public.persons has row security": "alter table persons enable row level security",
    "the function that notes writes by hand was altered": "create or replace function ledger.note_write_by_hand()"
    " returns trigger language plpgsql as 'begin return null; end'",
}
BY_HAND = (
    "drop trigger eats on history.persons_log",
    "drop rule eats on history.persons_log",
    "alter table persons disable row level security",
)


@pytest.fixture
def world(world: Databases, sync: Sync) -> Databases:
    with world.at_source() as trs:
        insert(trs, "persons", {**PERSON, "person_id": "3f2b7c1e-5a0d-4e8b-9c34-6d1f20a7b951", "trn": "1000001"})
    sync()
    return world


def test_whatever_is_altered_is_told_and_made_as_it_was(world: Databases, sync: Sync) -> None:
    classification = load_classification()
    with world.at_warehouse() as warehouse, world.warehouse() as ours:
        assert apparatus.faults(ours, classification, classification.published) == []
        view = warehouse.execute("select pg_get_viewdef('versions.countries'::regclass)").fetchone()
        assert view is not None
        warehouse.execute(f"create view versions.countries_before as {view[0]}".encode())
        warehouse.execute("alter table history.notes_log owner to current_user")
        for what, statement in ALTERED.items():
            warehouse.execute(statement.encode())
            told = apparatus.faults(ours, classification, classification.published)
            assert any(what in one.what for one in told), what
        reason = next(one for one in status(world, pause=0.2).reasons if one.code == "replica_altered")
        assert reason.exit_code == ReplicaAltered.exit_code
        for statement in BY_HAND:
            warehouse.execute(statement.encode())
        repair(world, Silent())
        assert apparatus.faults(ours, classification, classification.published) == []
        noted = warehouse.execute("select count(*) from ledger.structure_changes where kind = 'apparatus'").fetchone()
        assert noted is not None and noted[0] > len(classification.published)
    with world.at_source() as trs:
        trs.execute("update persons set last_name = 'Jones'")
    sync()
    with world.at_warehouse() as warehouse:
        told = warehouse.execute("select last_name from versions.persons order by known_from").fetchall()
    assert told == [("Smith",), ("Jones",)]
    assert [one.code for one in status(world, pause=0.2).reasons] == []
    assert prove.prove(world, Silent()).mismatches == []


def test_no_run_goes_on_while_credentials_could_come_in(world: Databases, sync: Sync) -> None:
    name = world.settings.warehouse_replication_name
    with world.at_warehouse() as warehouse:
        warehouse.execute(
            "create or replace function history.events_listed_keys() returns trigger language plpgsql"
            " as 'begin return new; end'"
        )
        assert next(one for one in status(world, pause=0.2).reasons if one.code == "replica_altered").exit_code == 54
        with pytest.raises(ReplicaAltered, match="leaves unlisted keys out"):
            replicate(world, Silent())
        assert not is_enabled(warehouse, name)
        repair(world, Silent())
        replicate(world, Silent())
        assert is_enabled(warehouse, name)
        # A trigger that never fires is no better.
        body = sql.SQL(
            "create or replace trigger a_listed_keys before insert or update on events for each row"
            " when (new.event_name = 'none') execute function history.events_listed_keys()"
        )
        warehouse.execute(body.format())
        with pytest.raises(ReplicaAltered, match="another condition"):
            replicate(world, Silent())
