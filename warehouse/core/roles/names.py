"""The names of the roles, and which of them a person's own question is asked as."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

import psycopg

from warehouse.core.settings import Settings


class Role(StrEnum):
    """A role that people's and programs' own logins are given. None of them can log in itself."""

    analyst = "analyst"
    analyst_personal = "analyst_personal"
    analyst_sensitive = "analyst_sensitive"
    deliverer = "deliverer"
    builder = "builder"
    engineer = "engineer"


READERS: Final = (Role.analyst, Role.analyst_personal, Role.analyst_sensitive)
"""Those that only read, the one that sees least first: each sees what the one before it sees, and more."""

_MAY_BECOME = """
select pg_has_role(current_user, r.oid, case when current_setting('server_version_num')::int >= 160000
    then 'set' else 'member' end)
from pg_catalog.pg_roles as r where r.rolname = %s
"""
_IS_SUPERUSER = "select rolsuper from pg_catalog.pg_roles where rolname = current_user"


def role_name(settings: Settings, role: Role) -> str:
    """What the role is called on this server: its name after WAREHOUSE_ROLE_PREFIX."""
    return f"{settings.warehouse_role_prefix}{role}"


def reads_as(connection: psycopg.Connection, settings: Settings) -> str | None:
    """The role to which a session is set before a person's own statement runs in it.

    That of the reader who sees most, where the session may take it: what the owner of the warehouse asks is asked with
    a reader's rights. A person's own login without that role stays itself. Before the roles exist, a superuser reads
    with PostgreSQL's own role for it.

    Returns:
        A name to be quoted as an identifier; None when the session stays as it is.
    """
    name = role_name(settings, READERS[-1])
    may = connection.execute(_MAY_BECOME, (name,)).fetchone()
    if may is not None:
        return name if may[0] else None
    superuser = connection.execute(_IS_SUPERUSER).fetchone()
    return "pg_read_all_data" if superuser and superuser[0] else None
