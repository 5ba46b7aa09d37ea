"""A login with the role of deliverers delivers: it reads what is published, writes receipts, and does nothing else."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from tests.python.deliver.delivering import World
from tests.python.deliver.receiving import SEED, Receiver, receiver, some
from tests.python.deliver.test_pseudonyms import NOVEMBER, pseudonymous
from tests.python.replicate.drifting import World as Replicated
from tests.python.replicate.drifting import world
from warehouse.core import change_columns, roles
from warehouse.core.errors import ChangesHeld
from warehouse.core.locks import Lock, session_lock
from warehouse.core.progress import Silent
from warehouse.core.roles import Role
from warehouse.deliver import State, deliver

__all__ = ["receiver", "world"]

FORBIDDEN = (
    "update extracts.dandi_teachers set trn = '1'",
    "delete from ledger.deliveries",
    "update ledger.erasures set reference = 'x'",
    "insert into ledger.runs default values",
    "delete from ledger.delivery_states",
    "update ledger.delivery_decisions set because = 'x'",
    "truncate ledger.delivery_files",
    "update ledger.pseudonym_periods set key_version = 2",
    "delete from ledger.pseudonym_periods",
    "delete from ledger.keys",
    "create table extracts.mine (x int)",
    "table public.persons",
    "lock table ledger.only_run in share row exclusive mode",
)


def test_it_delivers_and_does_nothing_else(tmp_path: Path, conninfo: str) -> None:
    world = World(tmp_path, conninfo)
    world.contract()
    name = f"{psycopg.conninfo.conninfo_to_dict(conninfo)['dbname']}_"
    settings = world.settings.model_copy(update={"warehouse_role_prefix": name})
    login = f'{name}sends "files"'
    with psycopg.connect(conninfo, autocommit=True) as owner:
        # The replica's tables are among what it may not read.
        owner.execute("create table public.persons (trn text, qtls_source text)")
        owner.execute(
            "insert into ledger.made_here (kind, object_oid, name) select 'table', oid, 'public.persons'"
            " from pg_class where oid = 'public.persons'::regclass"
        )
        for schema in ("extracts",):
            owner.execute(
                "insert into ledger.made_here (kind, object_oid, name) select 'schema', oid, nspname"
                " from pg_namespace where nspname = %s",
                (schema,),
            )
        roles.apply(owner, settings)
        roles.give(owner, settings, login, Role.deliverer)
        owner.execute(sql.SQL("alter role {} password 'p'").format(sql.Identifier(login)))
        with world.building(None):
            pass
        as_owner, world.conninfo = world.conninfo, make_conninfo(conninfo, user=login, password="p")
        assert [one.delivery_id for one in world.run(built=False)] == ["dandi/teachers/2026-09"]
        with psycopg.connect(world.conninfo, autocommit=True) as deliverer:
            with session_lock(deliverer, Lock.deliver) as free:
                assert free
            for statement in FORBIDDEN:
                with pytest.raises(psycopg.errors.InsufficientPrivilege), deliverer.transaction():
                    deliverer.execute(statement.encode())
            # A receipt never changes, whoever may write to the table.
            with pytest.raises(psycopg.errors.CheckViolation, match="cannot be changed"):
                deliverer.execute("update ledger.deliveries set rows = 1")
        world.conninfo = as_owner
        assert world.state() == "closed"
        pseudonymous(world, 2)
        with world.building(NOVEMBER):
            pass
        world.conninfo = make_conninfo(conninfo, user=login, password="p")
        assert [one.delivery_id for one in world.run(NOVEMBER, built=False)] == ["dandi/teachers/2026-10"], (
            "also with pseudonyms"
        )
        world.conninfo = as_owner
        assert world.query("select recipient, period, key_version from ledger.pseudonym_periods") == [
            ("dandi", "2026-10", 2)
        ]
        assert roles.breaches(owner, settings) == []


BEYOND = (
    # `age` is replicated, and stays behind.
    "select age from public.people",
    "table public.people",
    "select age from history.people",
    "table history.people",
    # Of a table that no contract names nothing is read.
    "select person_id from public.posts",
    "select version from history.posts_log",
    "select person_id from versions.people",
    "update public.people set name = 'x'",
    "delete from history.people",
    "update ledger.change_sets set to_position = '1'",
    "delete from ledger.change_sets",
    "update ledger.transactions set epoch_id = 1",
)


def test_it_delivers_change_files_and_reads_of_the_replica_what_leaves_alone(
    world: Replicated, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the rights that the contracts give: none under a draft, and columns alone under one that is active."""
    prefix = f"{psycopg.conninfo.conninfo_to_dict(receiver.at.conninfo)['dbname']}_"
    settings = world.databases.settings.model_copy(update={"warehouse_role_prefix": prefix})
    login, chance = f"{prefix}sends", random.Random(SEED)
    monkeypatch.setattr(change_columns, "EXPORTS", receiver.exports)
    receiver.agree(changeFiles={"people": {"without": ["age"]}})
    some(world, chance, 5)
    world.sync()
    roles.apply(world.warehouse, settings)
    roles.give(world.warehouse, settings, login, Role.deliverer)
    world.warehouse.execute(sql.SQL("alter role {} password 'p'").format(sql.Identifier(login)))
    at = receiver.at
    at = replace(at, conninfo=make_conninfo(at.conninfo, user=login, password="p"))

    def delivered() -> None:
        some(world, chance, 10)
        world.sync()
        (report,) = deliver(at, Silent())
        assert report.state is State.CLOSED, report.error

    delivered()
    delivered()
    with psycopg.connect(at.conninfo, autocommit=True) as deliverer:
        columns = deliverer.execute(
            "select column_name::text from information_schema.column_privileges"
            " where grantee = %s and table_schema = 'public'",
            (f"{prefix}deliverer",),
        ).fetchall()
        names = {name for (name,) in columns}
        assert {"person_id", "name", "note"} <= names and not names & {"age", "nin", "title"}
        for statement in BEYOND:
            with pytest.raises(psycopg.errors.InsufficientPrivilege), deliverer.transaction():
                deliverer.execute(statement.encode())
    assert roles.breaches(world.warehouse, settings) == []

    # What was given beyond is found, and a column that came since waits for its right: nothing is sent without it.
    group = sql.Identifier(f"{prefix}deliverer")
    world.warehouse.execute(sql.SQL("grant select (age) on public.people to {}").format(group))
    (breach,) = [one for one in roles.breaches(world.warehouse, settings) if one.is_role]
    assert "select on public.people (age)" in breach.more
    roles.apply(world.warehouse, settings)
    assert roles.breaches(world.warehouse, settings) == []
    world.trs.execute("alter table people add column seen date default 'today'")
    world.file["people"] |= {"seen": "personal"}
    assert world.apply().error() is None
    some(world, chance, 5)
    world.sync()
    with pytest.raises(ChangesHeld, match=r"may not read people\.seen"):
        deliver(at, Silent())
    roles.apply(world.warehouse, settings)
    delivered()

    # A draft gives no right.
    path = receiver.exports / "dandi" / "changes.odcs.yaml"
    path.write_text(path.read_text().replace("status: active", "status: draft"))
    roles.apply(world.warehouse, settings)
    with psycopg.connect(at.conninfo, autocommit=True) as deliverer:
        for statement in ("select name from public.people", "select version from history.people_log"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                deliverer.execute(statement.encode())
