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
_OF = "select lineage from ledger.builds where build_id = %s"


def keep(connection: psycopg.Connection, build_id: int, lineage: Lineage) -> None:
    """Write down the lineage of a build."""
    connection.execute(_KEEP, (json.dumps(lineage.as_json()), build_id))


def forget_others(connection: psycopg.Connection, build_id: int) -> None:
    """Remove the lineage of every build but this one, which readers now see, and those that deliveries were made of.

    When a rule changes, it says which columns of those files are made of what may not be held any more.
    """
    connection.execute(_FORGET, (build_id,))


def of(connection: psycopg.Connection, build_id: int) -> Lineage | None:
    """The lineage of a build; None when it was not kept."""
    row = connection.execute(_OF, (build_id,)).fetchone()
    return Lineage.of_json(row[0]) if row and row[0] is not None else None
