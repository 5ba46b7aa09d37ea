"""A login with the role of deliverers delivers: it reads what is published, writes receipts, and does nothing else."""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from tests.python.deliver.delivering import World
from tests.python.deliver.test_pseudonyms import NOVEMBER, pseudonymous
from warehouse.core import roles
from warehouse.core.locks import Lock, session_lock
from warehouse.core.roles import Role

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
        owner.execute("create table public.persons (trn text)")
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
