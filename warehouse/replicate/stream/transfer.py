"""Rows from one server to the other as COPY sends them, without a look at any."""

from __future__ import annotations

import threading

import psycopg
from psycopg import sql
from psycopg.abc import PQGen
from psycopg.pq import ExecStatus, TransactionStatus
from psycopg.pq.abc import PGconn
from psycopg.waiting import Wait

from warehouse.core import copy_out

_BATCH_BYTES = 64 * 1024


class Stopped(Exception):
    """Somebody else failed, or Ctrl-C."""


def relay(
    source: psycopg.Connection,
    reading: sql.Composed,
    warehouse: psycopg.Connection,
    writing: sql.Composed,
    stop: threading.Event | None = None,
) -> int:
    """Run a COPY TO STDOUT there and a COPY FROM STDIN here, in the transactions that both are in; the number of rows.

    Args:
        stop: when it is set, the copy is broken off.

    Raises:
        psycopg.Error: of either side. Except for a value that does not fit here, the source's connection is closed
            then: in the middle of a COPY there is nothing else to ask of it.
        Stopped: `stop` was set.
    """
    from_source = True
    try:
        source.wait(_begin_reading(source.pgconn, reading.as_bytes(source)))
        with warehouse.cursor() as into:
            with into.copy(writing) as rows:
                while batch := source.wait(_read_batch(source.pgconn)):
                    from_source = False
                    rows.write(batch)
                    from_source = True
                    if stop is not None and stop.is_set():
                        raise Stopped
                from_source = False
            return into.rowcount
    except psycopg.DataError:
        if from_source:
            source.close()
            raise
        # A value does not fit here, and what else the caller has to do goes on: the rest of the rows is not wanted.
        source.cancel_safe()
        source.wait(_to_the_end(source.pgconn))
        raise
    except BaseException:
        source.close()
        raise


def _begin_reading(pgconn: PGconn, statement: bytes) -> PQGen[None]:
    """Send a COPY TO STDOUT and wait for the beginning of its data."""
    pgconn.send_query(statement)
    while pgconn.flush():
        yield Wait.W
    result = yield from copy_out.next_result(pgconn)
    if result is None or result.status != ExecStatus.COPY_OUT:
        raise copy_out.failure(pgconn, result)


def _read_batch(pgconn: PGconn) -> PQGen[bytearray]:
    """_BATCH_BYTES of rows or a little more, fewer at the end; nothing when the COPY had ended before."""
    # Each row is given back as soon as it is added. A list of them, joined at the end, kept thousands of objects alive,
    # and the interpreter's search for cycles among them took a sixth of this program's time.
    batch = bytearray()
    if pgconn.transaction_status != TransactionStatus.ACTIVE:
        return batch
    while len(batch) < _BATCH_BYTES:
        length, row = pgconn.get_copy_data(1)
        if length > 0:
            batch += row
        elif length == 0:
            yield Wait.R
            pgconn.consume_input()
        else:
            yield from copy_out.end(pgconn)
            break
    return batch


def _to_the_end(pgconn: PGconn) -> PQGen[None]:
    """Pass over what a COPY that was cancelled has still sent, and its end."""
    while pgconn.transaction_status == TransactionStatus.ACTIVE:
        length, _ = pgconn.get_copy_data(1)
        if length == 0:
            yield Wait.R
            pgconn.consume_input()
        elif length < 0:
            while (yield from copy_out.next_result(pgconn)) is not None:
                pass
            return
