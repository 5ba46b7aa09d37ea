"""The roles in a table: how much each may read and write, and who has them."""

from __future__ import annotations

from typing import NamedTuple

import psycopg

from warehouse.core.roles import declared
from warehouse.core.roles.applying import made
from warehouse.core.roles.names import role_name
from warehouse.core.roles.relations import relations, schemas
from warehouse.core.settings import Settings

_LOGINS = """
select array(
    select r.rolname::text from pg_auth_members as m join pg_roles as r on r.oid = m.member
    where m.roleid = %s and r.rolcanlogin order by 1
)
"""


class Shown(NamedTuple):
    """A role.

    Attributes:
        columns, relations: how many it may read, on how many tables and views.
        written: the tables that it may write to.
        logins: those that have it directly.
    """

    role: str
    columns: int
    relations: int
    written: str
    logins: list[str]


def overview(connection: psycopg.Connection, settings: Settings) -> list[Shown]:
    """The roles of this warehouse, those that see least first; none before they are made."""
    found, places = relations(connection), schemas(connection)
    shown = []
    for role, number in made(connection, settings).items():
        rights = declared.rights(role, found, places)
        read = [one for one in rights if one.what == "select"]
        written = sorted({one.on for one in rights if one.what in ("insert", "update")})
        row = connection.execute(_LOGINS, (number,)).fetchone()
        shown.append(
            Shown(
                role_name(settings, role),
                len(read),
                len({one.on for one in read}),
                ", ".join(written) or "–",
                row[0] if row else [],
            )
        )
    return shown
