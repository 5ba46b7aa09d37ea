"""The embedded servers are for the sandbox's made-up people, and made-up people go to nobody as real ones.

The embedded PostgreSQL has no TLS and comes from a package of one maintainer: no real record is put into it. And a
setting that is missing in a scheduler would put a made-up world in the place of the operational database. Whose people
a database holds is seen in the database, never taken from a setting: the sandbox makes its world beside a schema of its
own. A person who tries the product out with a database of another kind says why (WAREHOUSE_EVALUATION).
"""

from __future__ import annotations

import psycopg

from warehouse.core.database import one
from warehouse.core.errors import SandboxOnly
from warehouse.core.settings import Settings

_MARKED = """
select exists (
    select from pg_class as c join pg_namespace as n on n.oid = c.relnamespace
    where n.nspname = 'sandbox' and c.relname = 'world'
)
"""

_NOTED = "select synthetic from ledger.source_people"

_NOTE = """
insert into ledger.source_people (synthetic, evaluation) values (%s, %s)
on conflict (synthetic) do update set evaluation = excluded.evaluation
"""

_REASON = 'for an evaluation say why: WAREHOUSE_EVALUATION="…" (ledger.source_people keeps it)'


def refuse_missing_source(settings: Settings) -> None:
    """Before anything is started: no made-up world for a warehouse on a server, unless a person says why.

    Raises:
        SandboxOnly: TRS_DATABASE_URL is not set, and WAREHOUSE_DATABASE_URL is.
    """
    if settings.trs_database_url is None and settings.warehouse_database_url and not settings.warehouse_evaluation:
        raise SandboxOnly(
            "TRS_DATABASE_URL is not set, and the warehouse is on a server: the sandbox's made-up people would go "
            "there.",
            meaning="Nothing was started and nothing was changed.",
            next_command=f"Set TRS_DATABASE_URL to the operational database; {_REASON}.",
        )


def refuse_real_source(settings: Settings, source: psycopg.Connection) -> None:
    """No real record in an embedded warehouse, unless a person says why.

    Raises:
        SandboxOnly: the warehouse is embedded, and the source is not a sandbox's.
    """
    if settings.trs_database_url is None or settings.warehouse_database_url or settings.warehouse_evaluation:
        return
    if not is_synthetic(source):
        raise SandboxOnly(
            "The embedded warehouse is for the sandbox only, and TRS_DATABASE_URL leads to another database.",
            meaning="No row was read. The embedded PostgreSQL has no TLS and is not made to hold real people's "
            "records.",
            next_command=f"Set WAREHOUSE_DATABASE_URL to a PostgreSQL server of your own; {_REASON}.",
        )


def is_synthetic(source: psycopg.Connection) -> bool:
    """Whether the sandbox made the people of a source."""
    return bool(one(source, _MARKED)[0])


def note(warehouse: psycopg.Connection, settings: Settings, *, synthetic: bool) -> None:
    """Write down whose people the warehouse holds, before the first of them is copied.

    Raises:
        SandboxOnly: it holds the others already.
    """
    if holds_synthetic(warehouse) == (not synthetic):
        now, before = ("made up", "real") if synthetic else ("real", "made up")
        raise SandboxOnly(
            f"The people of this source are {now}, and those that the warehouse holds are {before}.",
            meaning="Nothing was copied: in one history nobody could tell them apart.",
            next_command="Give each kind a warehouse of its own: name another database in WAREHOUSE_DATABASE_URL, or "
            "another folder in WAREHOUSE_HOME for an embedded one.",
        )
    warehouse.execute(_NOTE, (synthetic, settings.warehouse_evaluation))


def holds_synthetic(warehouse: psycopg.Connection) -> bool | None:
    """Whether the people in the warehouse are made up; None when it has none yet."""
    row = warehouse.execute(_NOTED).fetchone()
    return bool(row[0]) if row else None
