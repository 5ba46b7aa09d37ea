"""Publish a build: the tables that readers use get the content of the candidates, all in one transaction.

A published table is made once and then stays: with its grants, owner, policies, comments, and with the views, keys and
indexes that others have put on it (docs/adr/0018-published-in-place.md).
"""

from __future__ import annotations

import queue
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress

import psycopg
from psycopg import sql

from warehouse.core import builds, ours, safe_message
from warehouse.core.errors import ObjectInTheWay
from warehouse.core.progress import Progress
from warehouse.core.settings import Settings
from warehouse.marts import content, readers, structure, views
from warehouse.marts.nodes import Node, no_longer_built

LOCK_SECONDS = 60
_LEFT = "Nothing was published: readers and receivers see the last good build."

_BLOCKERS = """
select string_agg(
    distinct format('process %%s of %%s', a.pid, coalesce(a.usename, 'an unknown user')), ', '
)
from pg_locks as l
join pg_stat_activity as a on a.pid = l.pid
where l.relation = any(%s::oid[]) and l.granted and l.pid <> pg_backend_pid()
    and l.mode not in ('AccessShareLock', 'RowShareLock')
"""


def publish(
    connection: psycopg.Connection,
    reader: psycopg.Connection,
    build_id: int,
    nodes: Sequence[Node],
    progress: Progress,
    settings: Settings,
) -> None:
    """Let readers see a build, each role what it may see of it.

    Args:
        reader: a second connection to the same database.

    Raises:
        ObjectInTheWay: an object or an open transaction of somebody else keeps it from being done. Nothing was changed.
        RoleHasOtherRights, LoginHasMore: somebody would see more than is declared. Nothing was changed.
    """
    changed: list[Node] = []
    with _told(connection, nodes):
        structure.wait_for_old_readers(connection, nodes, progress)
        with connection.transaction():
            connection.execute(sql.SQL("set local lock_timeout = {}").format(sql.Literal(f"{LOCK_SECONDS}s")))
            _make_schemas(connection, nodes)
            for node in nodes:
                structure.lock(connection, node)
            shown = readers.take_down(connection, nodes, settings)
            taken_down = views.take_down(connection, nodes)
            for schema, name, kind in no_longer_built(connection, nodes):
                _drop(connection, schema, name, kind)
            for number, node in enumerate(nodes):
                progress.count("tables and views published", number, len(nodes))
                if node.kind == "table" and _publish_table(connection, reader, node):
                    changed.append(node)
            views.put_up(connection, nodes, taken_down)
            builds.remember(connection, build_id, [(node.schema, node.name) for node in nodes])
            builds.remember_classes(connection, {(node.schema, node.name): node.classes for node in nodes})
            readers.put_up(connection, shown, settings)
    _vacuum((connection, reader), changed)


def _vacuum(connections: Sequence[psycopg.Connection], nodes: Sequence[Node]) -> None:
    """Renew the planner's picture, and the room of rows that no reader can see any more; never waits for a lock."""
    left = queue.SimpleQueue[Node]()
    for node in nodes:
        left.put(node)

    def work(connection: psycopg.Connection) -> None:
        with suppress(queue.Empty):
            while node := left.get_nowait():
                table = sql.Identifier(node.schema, node.name)
                connection.execute(sql.SQL("vacuum (analyze, skip_locked) {}").format(table))

    with ThreadPoolExecutor(len(connections), thread_name_prefix="vacuum") as pool:
        try:
            for done in [pool.submit(work, connection) for connection in connections]:
                done.result()
        finally:
            # Somebody who stops the build waits for the tables at work, not for all of them.
            with suppress(queue.Empty):
                while True:
                    left.get_nowait()


def _make_schemas(connection: psycopg.Connection, nodes: Sequence[Node]) -> None:
    for schema in sorted({node.schema for node in nodes}):
        connection.execute(sql.SQL("create schema if not exists {}").format(sql.Identifier(schema)))
        ours.claim_schema(connection, schema)


def _publish_table(connection: psycopg.Connection, reader: psycopg.Connection, node: Node) -> bool:
    """Returns whether rows of it changed."""
    published, aside = sql.Identifier(node.schema, node.name), sql.Identifier(node.candidate, node.name)
    if not structure.is_there(connection, node):
        connection.execute(sql.SQL("create table {} (like {} including all)").format(published, aside))
        # Rows without a key can be deleted only so, once somebody publishes all tables of the database.
        connection.execute(sql.SQL("alter table {} replica identity full").format(published))
        content.copy_frozen(connection, reader, published, aside)
        structure.copy_comments(connection, node)
        return True
    columns = structure.change_columns(connection, node)
    rows = content.change_rows(connection, published, aside, columns)
    structure.finish(connection, node)
    return rows > 0


def _drop(connection: psycopg.Connection, schema: str, name: str, kind: str) -> None:
    connection.execute(
        sql.SQL("drop view {}" if kind == "view" else "drop table {}").format(sql.Identifier(schema, name))
    )
    connection.execute(
        "delete from ledger.published_relations where schema_name = %s and relation_name = %s", (schema, name)
    )


@contextmanager
def _told(connection: psycopg.Connection, nodes: Sequence[Node]) -> Iterator[None]:
    """What PostgreSQL refuses because of somebody else's objects, in words. Its transaction is rolled back."""
    try:
        yield
    except psycopg.errors.DependentObjectsStillExist as error:
        lines = (error.diag.message_detail or "").splitlines()
        raise _in_the_way(
            f"A model has changed, and somebody else's object depends on it: {lines[0] if lines else 'unknown'}.",
            "Drop that object or have its owner change it; then run again and make it again on the new form.",
        ) from None
    except psycopg.errors.LockNotAvailable:
        oids = [oid for node in nodes if (oid := structure.is_there(connection, node))]
        row = connection.execute(_BLOCKERS, (oids,)).fetchone()
        raise _in_the_way(
            f"A session has held a lock on a published table for more than {LOCK_SECONDS} seconds: "
            f"{row[0] if row and row[0] else 'a transaction that has ended since'}.",
            "Wait for that transaction or end it (select pg_terminate_backend(process)), then run again.",
        ) from None
    except psycopg.IntegrityError as error:
        diag = error.diag
        table = f"{diag.schema_name}.{diag.table_name}"
        constraint = diag.constraint_name or f"not null of column {diag.column_name}"
        raise _in_the_way(
            f"The constraint {constraint} on {table}, which no model declares, does not hold for the new rows.",
            f"Drop it, or have its owner do so (alter table {table} …), then run again.",
        ) from None
    except psycopg.errors.ObjectNotInPrerequisiteState as error:
        raise _in_the_way(
            f"Somebody else's publication prevents rows from being changed: {safe_message.of(error)}.",
            "Give the table an identity (alter table … replica identity full) or take it out of the publication, then "
            "run again.",
        ) from None
    except psycopg.errors.InsufficientPrivilege as error:
        raise _in_the_way(
            f"The user of the warehouse may not do what publishing needs: {safe_message.of(error)}.",
            "Give it back its rights on the schemas and tables of the build (docs/runbooks/production.md), then run "
            "again.",
        ) from None


def _in_the_way(what: str, next_command: str) -> ObjectInTheWay:
    return ObjectInTheWay(what, meaning=_LEFT, next_command=next_command)
