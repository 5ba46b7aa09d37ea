"""On a server whose owner of the warehouse is no superuser: roles, the comparison by login, and an engineer."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

import sandbox.schema
from tests.python.conftest import FreshDatabases
from tests.python.marts.publishing import TODAY, make
from tests.python.replicate.trouble import populate
from warehouse.core import roles
from warehouse.core.errors import MissingPrivilege, NoReadersLogin
from warehouse.core.progress import Silent
from warehouse.core.roles import Role, role_name
from warehouse.replicate import replicate, status

MODELS = {"marts__dim_one": "select 1 as x, 'QQ123456C' as nino"}
CLASSES = {"dim_one": {"x": "open"}}


@pytest.fixture
def owned(databases: FreshDatabases) -> Iterator[FreshDatabases]:
    """A warehouse of an owner with the least rights, who may make roles."""
    owner = f"{databases.settings.warehouse_role_prefix}owner"
    with databases.at_warehouse() as administrator:
        who, database = sql.Identifier(owner), sql.Identifier(administrator.info.dbname)
        administrator.execute(sql.SQL("create role {} login createrole password 'p'").format(who))
        administrator.execute(sql.SQL("grant pg_create_subscription to {}").format(who))
        administrator.execute(sql.SQL("alter database {} owner to {}").format(database, who))
    yield as_user(databases, owner)
    with databases.at_warehouse() as administrator:
        # A subscription is its owner's, and would keep the role from being dropped.
        administrator.execute(sql.SQL("reassign owned by {} to current_user").format(who))
        administrator.execute(sql.SQL("drop owned by {}").format(who))


def as_user(databases: FreshDatabases, user: str) -> FreshDatabases:
    """The same databases, for another user of the warehouse."""
    url = make_conninfo(databases.warehouse_conninfo, user=user, password="p")
    name = databases.settings.warehouse_replication_name.removeprefix("trw_")
    urls = {"warehouse": url, "trs": databases.source_conninfo}
    return FreshDatabases(databases.settings, databases.cluster_settings, name, urls)


def test_roles_are_made_and_compared_without_a_superuser(databases: FreshDatabases, owned: FreshDatabases) -> None:
    settings = owned.settings
    with owned.warehouse() as owner:
        owned.migrate(owner)
        done = roles.apply(owner, settings)
        assert len(done.made) == len(Role)
        assert [note for note in done.notes if "As the server's administrator: revoke" in note]
        make(owned, TODAY, CLASSES, **MODELS)
        # By a real login of each role.
        assert roles.by_login(owner, settings) == ([], None)
        # An owner could read candidates and what was left of history as well, so a reader's login asks.
        with roles.asking(owner, settings) as session:
            has = "select pg_has_role(current_user, %s, 'member'), session_user = %s"
            values = (role_name(settings, Role.analyst_sensitive), owner.info.user)
            assert session.execute(has, values).fetchone() == (True, False)
        with databases.at_warehouse() as administrator:
            user = sql.Identifier(owner.info.user)
            administrator.execute(sql.SQL("alter role {} nocreaterole").format(user))
        found, why = roles.by_login(owner, settings)
        assert found == []
        assert why is not None
        assert "may not make logins" in why
        with pytest.raises(NoReadersLogin, match="may not make logins") as caught, roles.asking(owner, settings):
            pytest.fail("it was asked")
        assert "grants login" in caught.value.next_command and "createrole" in caught.value.next_command
        with pytest.raises(MissingPrivilege, match="may not do that"):
            roles.give(owner, settings, f"{settings.warehouse_role_prefix}somebody", Role.analyst)


def test_what_is_needed_is_said_where_roles_may_not_be_made(databases: FreshDatabases, owned: FreshDatabases) -> None:
    with owned.warehouse() as owner, databases.at_warehouse() as administrator:
        owned.migrate(owner)
        administrator.execute(sql.SQL("alter role {} nocreaterole").format(sql.Identifier(owner.info.user)))
        with pytest.raises(MissingPrivilege, match="may not make the role") as caught:
            roles.apply(owner, owned.settings)
        assert "createrole" in caught.value.next_command
        assert roles.made(owner, owned.settings) == {}


@pytest.mark.slow
def test_an_engineer_runs_the_replication_with_a_login_of_their_own(
    databases: FreshDatabases, owned: FreshDatabases
) -> None:
    settings, engineer = owned.settings, f"{owned.settings.warehouse_role_prefix}eng'ineer"
    sandbox_people = 20
    with owned.at_source() as trs:
        sandbox.schema.create(trs)
    populate(owned, people=sandbox_people)
    with owned.warehouse() as owner, databases.at_warehouse() as administrator:
        owned.migrate(owner)
        roles.apply(owner, settings)
        administrator.execute(sql.SQL("create role {} login password 'p'").format(sql.Identifier(engineer)))
        with pytest.raises(MissingPrivilege, match="Only an administrator") as caught:
            roles.give(owner, settings, engineer, Role.engineer)
        administrator.execute(caught.value.next_command.partition(": ")[2].encode())
        own = as_user(databases, engineer)
        replicate(own, Silent())
        with own.warehouse() as connection:
            assert connection.execute("select session_user, current_user").fetchone() == (engineer, owner.info.user)
            assert connection.execute("select count(*) from public.persons").fetchone() == (sandbox_people,)
        make(own, TODAY, CLASSES, **MODELS)
        # What the engineer made is the warehouse's, so the next one, or the owner, continues.
        replicate(owned, Silent())
        make(owned, TODAY, CLASSES, **MODELS | {"marts__dim_two": "select 2 as y"})
        owners = "select distinct pg_get_userbyid(relowner) from pg_class where relnamespace::regnamespace::text in"
        made_by = administrator.execute(owners + " ('marts', 'history', 'ledger')").fetchall()
        assert made_by == [(owner.info.user,)]
        assert roles.breaches(owner, settings) == []
        # Rights that are given while the stream runs are not taken for tampering with what keeps the history.
        assert roles.apply(owner, settings).granted == 0
        assert [reason.code for reason in status(owned).reasons] == []
