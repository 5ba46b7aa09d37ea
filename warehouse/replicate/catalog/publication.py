"""The publication on the operational database: each table with the columns that may leave it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass

import psycopg
from psycopg import sql

from warehouse.core import safe_message
from warehouse.core.database import qualified, writing
from warehouse.core.errors import MissingPrivilege, ReplicationError
from warehouse.replicate.catalog import identity
from warehouse.replicate.classification import Classification

VERBS = ("insert", "update", "delete", "truncate")


_OPTIONS = """
select pubinsert, pubupdate, pubdelete, pubtruncate, pubviaroot,
    puballtables or exists (select from pg_publication_namespace as n where n.pnpubid = p.oid)
from pg_publication as p where pubname = %s
"""

_LISTED = """
select n.nspname, c.relname, r.prqual is not null, r.prattrs is null
from pg_publication_rel as r
join pg_publication as p on p.oid = r.prpubid
join pg_class as c on c.oid = r.prrelid
join pg_namespace as n on n.oid = c.relnamespace
where p.pubname = %s
order by 1, 2
"""

_SENT = "select tablename, attnames::text[] from pg_publication_tables where pubname = %s and schemaname = %s"

_LISTING = """
select r.oid::bigint from pg_publication_rel as r join pg_publication as p on p.oid = r.prpubid
where p.pubname = %s and r.prrelid = to_regclass(%s)
"""


@dataclass(frozen=True)
class Publication:
    """The publication as it is at the source.

    Attributes:
        sends: its tables of the replicated schema, with their columns.
        verbs: which of insert, update, delete and truncate it sends.
        foreign: tables of other schemas, as (schema, table).
        filtered: tables of which it sends only some rows.
        whole: it sends every table, or every table of a schema, whatever is listed.
        via_root: it sends changes of partitions as changes of their parent.
        unlisted: tables that it sends without a list of columns: every new column would go out.
    """

    sends: Mapping[str, Set[str]]
    verbs: Set[str] = frozenset(VERBS)
    foreign: tuple[tuple[str, str], ...] = ()
    filtered: Set[str] = frozenset()
    whole: bool = False
    via_root: bool = False
    unlisted: Set[str] = frozenset()

    @property
    def sends_whole(self) -> Set[str]:
        """The tables of which it sends every change of every row."""
        return self.sends.keys() - self.filtered if self.verbs == frozenset(VERBS) else frozenset()

    def is_exactly(self, wanted: Mapping[str, Sequence[str]]) -> bool:
        """Whether it sends these columns of these tables, every change of every row, and nothing else."""
        plain = Publication({table: frozenset(columns) for table, columns in wanted.items()})
        return self == plain


def read(connection: psycopg.Connection, name: str, schema: str) -> Publication | None:
    """The publication; None when none has that name."""
    row = connection.execute(_OPTIONS, (name,)).fetchone()
    if row is None:
        return None
    listed = connection.execute(_LISTED, (name,)).fetchall()
    return Publication(
        sends={table: frozenset(columns) for table, columns in connection.execute(_SENT, (name, schema))},
        verbs=frozenset(verb for verb, sent in zip(VERBS, row, strict=False) if sent),
        foreign=tuple((place, table) for place, table, _, _ in listed if place != schema),
        filtered=frozenset(table for place, table, filtered, _ in listed if filtered and place == schema),
        whole=row[5],
        via_root=row[4],
        unlisted=frozenset(table for place, table, _, whole in listed if whole and place == schema),
    )


def set_table(connection: psycopg.Connection, name: str, schema: str, table: str, columns: Sequence[str]) -> None:
    """Make the publication send these columns of a table, in the caller's transaction: with none, nothing of it.

    Only this table is locked, in the mode of VACUUM: readers and writers do not wait.
    """
    publication, target = sql.Identifier(name), sql.Identifier(schema, table)
    if listing(connection, name, schema, table) is not None:
        connection.execute(sql.SQL("alter publication {} drop table only {}").format(publication, target))
    if columns:
        connection.execute(
            sql.SQL("alter publication {} add table only {} ({})").format(
                publication, target, sql.SQL(", ").join(map(sql.Identifier, columns))
            )
        )


def listing(connection: psycopg.Connection, name: str, schema: str, table: str) -> int | None:
    """The number of a table's line in the publication, which is another one when it is put back; None without one."""
    row = connection.execute(_LISTING, (name, qualified(schema, table))).fetchone()
    return int(row[0]) if row else None


def set_options(connection: psycopg.Connection, name: str) -> None:
    """Make it send every kind of change. PostgreSQL also looks up again what is sent of its tables."""
    connection.execute(
        sql.SQL("alter publication {} set (publish = {}, publish_via_partition_root = false)").format(
            sql.Identifier(name), sql.Literal(", ".join(VERBS))
        )
    )


def statement(name: str, classification: Classification, *, exists: bool = False) -> sql.Composed:
    """The statement that creates the publication, or changes one that exists."""
    tables = sql.SQL(", ").join(
        sql.SQL("only {} ({})").format(
            sql.Identifier(classification.schema_name, table), sql.SQL(", ").join(map(sql.Identifier, columns))
        )
        for table, columns in classification.published.items()
    )
    if exists:
        return sql.SQL("alter publication {} set table {}").format(sql.Identifier(name), tables)
    return sql.SQL("create publication {} for table {} with (publish = {})").format(
        sql.Identifier(name), tables, sql.Literal(", ".join(VERBS))
    )


def prepare(connection: psycopg.Connection, name: str, classification: Classification) -> bool:
    """Make the publication send exactly what is classified; True when something had to be changed.

    Raises:
        ReplicationError: publishing a table like that would make the source's own updates of it fail.
        MissingPrivilege: this user does not own the tables; the administrator can make it with the same statement.
    """
    now = read(connection, name, classification.schema_name)
    if now is not None and now.is_exactly(classification.published):
        return False
    try:
        with writing(connection), connection.transaction():
            if classification.published:
                connection.execute(_lock(classification))
            # Under the lock that keeps an identity from changing: there is no moment at which an update could fail.
            identity.refuse(identity.read(connection, classification.schema_name), classification.published)
            connection.execute(statement(name, classification, exists=now is not None))
            if now is not None:
                set_options(connection, name)
    except psycopg.errors.LockNotAvailable:
        raise ReplicationError(
            f"The publication {name} cannot be made: another session holds a lock on one of its tables.",
            meaning="Nothing was set up, and no other session had to wait for long.",
            next_command="Run again when that session has finished (at the source: select * from pg_locks).",
        ) from None
    except psycopg.errors.InsufficientPrivilege as error:
        raise MissingPrivilege(
            f"The publication {name} cannot be made: {safe_message.of(error)}.",
            meaning="It decides which columns leave the operational database, so nothing was replicated.",
            next_command="Have its administrator run what `warehouse replicate sql` prints, then run again.",
        ) from None
    return True


def _lock(classification: Classification) -> sql.Composed:
    tables = sql.SQL(", ").join(
        sql.SQL("only {}").format(sql.Identifier(classification.schema_name, table))
        for table in classification.published
    )
    return sql.SQL("set local lock_timeout = '10s'; lock table {} in share update exclusive mode").format(tables)
