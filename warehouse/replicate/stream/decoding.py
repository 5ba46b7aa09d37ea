"""Whether the source can read a slot's WAL at all.

It may not: a segment was removed, a file of the snapshot that decoding starts from is damaged, the plugin is gone, or
PostgreSQL itself cannot find out which table a change belongs to ("could not map filenumber"). A slot runs into that
when a table got other files while the slot waited for older transactions: what it takes for the catalogue then lacks
that change (docs/adr/0023). Trying again does not help: it is lost.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psycopg
from psycopg import sql

from warehouse.core.database import one, writing
from warehouse.core.errors import SourceNotReady
from warehouse.replicate.stream.mark import emit_mark
from warehouse.replicate.stream.slot import NewSlot as Slot
from warehouse.replicate.stream.slot import drop_slot

ATTEMPTS = 5
"""Under constant truncates one slot in thirty could not be decoded (docs/adr/0023)."""

SETTLING_SECONDS = 5
"""A transaction that goes on for longer is tried out as far as it has come."""

_LOST = frozenset(
    {
        "XX000",  # could not map filenumber to relation OID
        "XX001",  # a damaged file of a snapshot, or damaged WAL
        "XX002",
        "55000",  # the slot was invalidated
        "58P01",  # a removed segment of WAL, or no plugin of that name
    }
)


_COMMENT = "What the Teaching Record Warehouse receives."


class Undecodable(Exception):
    """The source cannot read the slot's WAL. The reason is PostgreSQL's own; it holds no value of a row."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@contextmanager
def decoding() -> Iterator[None]:
    """Around whatever reads a slot.

    Raises:
        Undecodable: the source cannot, and will not be able to.
    """
    try:
        yield
    except psycopg.Error as error:
        if error.sqlstate not in _LOST or not error.diag.message_primary:
            raise
        raise Undecodable(f"the source cannot read its WAL: {error.diag.message_primary}") from None


def decodable_slot(source: psycopg.Connection, name: str, publication: str, create: Callable[[], Slot]) -> Slot:
    """Make a slot, and another one by that name if what it would send cannot be decoded.

    Args:
        create: makes it. The snapshot that it exports has to outlast this, so nothing else is done over its connection.

    Raises:
        SourceNotReady: each of ATTEMPTS slots was of no use.
    """
    for _ in range(ATTEMPTS):
        slot = create()
        _renew_catalogue(source, publication)
        _until_ended(source)
        emit_mark(source)
        try:
            # Past the mark's own end: the slot has decoded a transaction then, by which it is known (notes.note_start).
            try_out(source, name, publication, str(one(source, "select pg_current_wal_flush_lsn()")[0]))
        except Undecodable as error:
            reason = error.reason
            drop_slot(source, name)
        else:
            return slot
    raise SourceNotReady(
        f"{ATTEMPTS} slots were made at the operational database, and none can be decoded: {reason}.",
        meaning="PostgreSQL fails when tables are truncated or altered while a slot is made. Nothing was copied, and "
        "no slot is left there.",
        next_command="Run the same command again when fewer tables are truncated or altered at the source.",
    )


def _renew_catalogue(source: psycopg.Connection, publication: str) -> None:
    """Have the slot take a new view of the catalogue for what begins from now on: any change of a catalogue does that.

    Without it the first write to a table that was truncated just then may come a day later, and end the stream.
    """
    statement = sql.SQL("comment on publication {} is {}").format(sql.Identifier(publication), sql.Literal(_COMMENT))
    try:
        with writing(source):
            source.execute(statement)
    except psycopg.errors.InsufficientPrivilege:
        # An administrator has made the publication. The next change of any table's structure does the same.
        return


def _until_ended(source: psycopg.Connection) -> None:
    """Give the transactions of the slot's first moment a little time to end: it is those that may not be decoded."""
    row = source.execute("select pg_snapshot_xmax(pg_current_snapshot())::text").fetchone()
    assert row is not None
    deadline = time.monotonic() + SETTLING_SECONDS
    while time.monotonic() < deadline:
        running = source.execute(
            "select pg_snapshot_xmin(pg_current_snapshot()) < %s::text::xid8", (row[0],)
        ).fetchone()
        if not running or not running[0]:
            return
        time.sleep(0.02)


def try_out(source: psycopg.Connection, slot: str, publication: str, up_to: str) -> None:
    """Decode what a slot would send up to a position, without consuming it; nothing of it comes over.

    Raises:
        Undecodable: it cannot be decoded.
    """
    with decoding():
        source.execute(
            sql.SQL(
                "select count(*) from pg_logical_slot_peek_binary_changes({}, {}::pg_lsn, null,"
                " 'proto_version', '1', 'publication_names', {})"
            ).format(sql.Literal(slot), sql.Literal(up_to), sql.Literal(sql.Identifier(publication).as_string(source)))
        )
