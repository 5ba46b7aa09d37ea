"""The lineage that the ledger keeps with a build."""

from __future__ import annotations

import json

import psycopg

from warehouse.core.lineage.project import Lineage

_KEEP = "update ledger.builds set lineage = %s where build_id = %s"
_FORGET = """
update ledger.builds as b set lineage = null
where b.build_id <> %s and b.lineage is not null
    and not exists (select from ledger.deliveries as d where d.build_id = b.build_id)
"""
_OF_PROJECT = """
update ledger.builds as b set lineage = (
    select o.lineage from ledger.builds as o
    where o.project_sha256 = %(project)s and o.lineage is not null
    order by o.build_id desc
    limit 1
)
where b.build_id = %(build_id)s
returning lineage
"""
_IS_KNOWN = "select exists (select from ledger.builds where project_sha256 = %s and lineage is not null)"
_OF = "select lineage from ledger.builds where build_id = %s"


def keep(connection: psycopg.Connection, build_id: int, lineage: Lineage) -> None:
    """Write down the lineage of a build."""
    connection.execute(_KEEP, (json.dumps(lineage.as_json()), build_id))


def forget_others(connection: psycopg.Connection, build_id: int) -> None:
    """Remove the lineage of every build but this one, which readers now see, and those that deliveries were made of.

    When a rule changes, it says which columns of those files are made of what may not be held any more.
    """
    connection.execute(_FORGET, (build_id,))


def is_known(connection: psycopg.Connection, project_sha256: str) -> bool:
    """Whether the lineage of these models is kept with any build."""
    row = connection.execute(_IS_KNOWN, (project_sha256,)).fetchone()
    return row == (True,)


def take_over(connection: psycopg.Connection, build_id: int, project_sha256: str) -> Lineage | None:
    """Keep with a build what is known of the same models from another one; None when nothing is."""
    row = connection.execute(_OF_PROJECT, {"build_id": build_id, "project": project_sha256}).fetchone()
    return Lineage.of_json(row[0]) if row and row[0] is not None else None


def of(connection: psycopg.Connection, build_id: int) -> Lineage | None:
    """The lineage of a build; None when it was not kept."""
    row = connection.execute(_OF, (build_id,)).fetchone()
    return Lineage.of_json(row[0]) if row and row[0] is not None else None
