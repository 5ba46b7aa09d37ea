"""Changes to the publication while the source is busy: one table at a time, never so that its own writes fail."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Sequence

import psycopg
from psycopg import sql

from warehouse.core import safe_message
from warehouse.core.database import one, writing
from warehouse.core.errors import DriftHeld, MissingPrivilege
from warehouse.core.progress import Progress
from warehouse.core.waiting import Waiting
from warehouse.replicate.catalog import identity, publication
from warehouse.replicate.drift import locks

OLD_TRANSACTION_SECONDS = 60
"""How long to wait for a transaction at the source that began before the publication was changed."""

_OLDEST = """
select format('process %%s since %%s UTC', pid, to_char(xact_start at time zone 'UTC', 'HH24:MI:SS'))
from pg_stat_activity
where backend_xid is not null and pid <> pg_backend_pid() and xact_start < clock_timestamp() - %s * interval '1 second'
order by xact_start limit 1
"""


def publish(source: psycopg.Connection, name: str, schema: str, table: str, columns: Sequence[str]) -> int | None:
    """Make the publication send exactly these columns of a table; none takes the table out of it.

    The replica identity is looked at under the lock that keeps it from changing: there is no moment at which an
    update at the source could fail.

    Returns:
        The number of the table's line in the publication now (see meaning.py); None without one.

    Raises:
        DriftHeld: the columns do not cover the replica identity, or another session holds a lock at the source.
        MissingPrivilege: this user does not own the publication's tables.
    """

    def work() -> int | None:
        if columns:
            source.execute(
                sql.SQL("lock table only {} in share update exclusive mode").format(sql.Identifier(schema, table))
            )
            found = identity.read(source, schema).get(table)
            fault = found.fault(columns) if found else "it is gone"
            if fault:
                raise DriftHeld(
                    f"{table} is not published: {fault}.",
                    meaning="The source's own updates and deletes of it would fail. Nothing was changed there.",
                    next_command="Classify what is missing, or have the identity changed; then: warehouse replicate "
                    "apply",
                )
        publication.set_table(source, name, schema, table, columns)
        return publication.listing(source, name, schema, table)

    try:
        with writing(source):
            return locks.briefly(
                source,
                work,
                schema=schema,
                table=table,
                where="the operational database",
                done="the publication cannot be changed",
            )
    except psycopg.errors.InsufficientPrivilege as error:
        raise _not_allowed(name, error) from None


def set_right(source: psycopg.Connection, name: str, foreign: Sequence[tuple[str, str]]) -> None:
    """Make the publication send every kind of change, and no table of another schema.

    Raises:
        MissingPrivilege: this user does not own the publication.
    """
    try:
        with writing(source), source.transaction():
            publication.set_options(source, name)
            for schema, table in foreign:
                publication.set_table(source, name, schema, table, [])
    except psycopg.errors.InsufficientPrivilege as error:
        raise _not_allowed(name, error) from None


def recreate(source: psycopg.Connection, name: str, schema: str, tables: dict[str, list[str]]) -> None:
    """Make the publication that is gone, or replace one that sends more than lists can say, in one transaction.

    Raises:
        DriftHeld: a table's columns do not cover its replica identity.
        MissingPrivilege: this user may not make it.
    """
    try:
        with writing(source), source.transaction():
            source.execute(sql.SQL("drop publication if exists {}").format(sql.Identifier(name)))
            source.execute(sql.SQL("create publication {}").format(sql.Identifier(name)))
            publication.set_options(source, name)
            for table, columns in tables.items():
                publish(source, name, schema, table, columns)
    except psycopg.errors.InsufficientPrivilege as error:
        raise _not_allowed(name, error) from None


def outlive_older_transactions(source: psycopg.Connection, name: str, progress: Progress) -> None:
    """Wait until every transaction is over that may have written rows as the publication was before.

    Then have the source look up again what it sends: some versions keep sending as before what a transaction of that
    time had looked up (corrected in 13.21, 14.18, 15.13, 16.9 and 17.5).

    Raises:
        DriftHeld: one of them is still open after OLD_TRANSACTION_SECONDS.
    """
    (own,) = one(source, "select pg_current_xact_id()::text")
    waiting = Waiting(progress, "older transactions of the operational database", limit=OLD_TRANSACTION_SECONDS)
    while one(source, "select pg_snapshot_xmin(pg_current_snapshot()) > %s::xid8", (own,)) != (True,):
        waiting.look("waiting for older transactions of the operational database")
        if waiting.is_over:
            oldest = source.execute(_OLDEST, (OLD_TRANSACTION_SECONDS / 2,)).fetchone()
            raise DriftHeld(
                f"A transaction at the source has been open since before the publication was changed: "
                f"{oldest[0] if oldest else 'a prepared one'}.",
                meaning="Rows that it writes may come without the new columns, so their back-fill has to wait for it. "
                "The stream continues; the columns are null for older rows until then, and the ledger says so.",
                next_command="When it has finished: warehouse replicate apply",
            )
        time.sleep(0.1)
    # The publication may be an administrator's: on a corrected server nothing is lost by leaving it alone.
    with contextlib.suppress(psycopg.errors.InsufficientPrivilege), writing(source):
        publication.set_options(source, name)


def _not_allowed(name: str, error: psycopg.Error) -> MissingPrivilege:
    return MissingPrivilege(
        f"The publication {name} cannot be changed: {safe_message.of(error)}.",
        meaning="What is classified now is not sent yet; everything else continues.",
        next_command="Have the operational database's administrator run what `warehouse replicate sql` prints; then: "
        "warehouse replicate apply",
    )
