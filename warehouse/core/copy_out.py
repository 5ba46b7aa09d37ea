"""The rows of a COPY TO STDOUT, as many at once as have arrived.

The server sends a message for each row. Reading them one by one through a cursor takes more processor time than any
other step that is ours. The generators are psycopg's way of waiting for a connection: they say what they wait for.
"""

from __future__ import annotations

import psycopg
from psycopg.abc import PQGen
from psycopg.pq import ExecStatus, TransactionStatus
from psycopg.pq.abc import PGconn, PGresult
from psycopg.waiting import Wait


def read_rows(pgconn: PGconn, count: int, size: int) -> PQGen[list[bytes]]:
    """The next rows of a COPY that has begun: `count` of them, or fewer once they have `size` bytes; none at its end.

    Raises:
        psycopg.Error: the server ended it.
    """
    rows: list[bytes] = []
    if pgconn.transaction_status != TransactionStatus.ACTIVE:
        return rows
    get, add = pgconn.get_copy_data, rows.append
    while len(rows) < count and size > 0:
        length, row = get(1)
        if length > 0:
            add(bytes(row))
            size -= length
        elif length == 0:
            yield Wait.R
            pgconn.consume_input()
        else:
            yield from end(pgconn)
            break
    return rows


def end(pgconn: PGconn) -> PQGen[None]:
    """Read how a COPY ended whose last row has come.

    Raises:
        psycopg.Error: not as it should.
    """
    result = yield from next_result(pgconn)
    if result is not None:
        # Nothing follows the result, but that has to be read before the connection takes another statement.
        yield from next_result(pgconn)
    if result is None or result.status != ExecStatus.COMMAND_OK:
        raise failure(pgconn, result)


def next_result(pgconn: PGconn) -> PQGen[PGresult | None]:
    """The next result of the statement that runs; None when it has no more."""
    while pgconn.is_busy():
        yield Wait.R
        pgconn.consume_input()
    return pgconn.get_result()


def failure(pgconn: PGconn, result: PGresult | None) -> psycopg.Error:
    """What a result that is not the expected one says."""
    if result is None or result.status != ExecStatus.FATAL_ERROR:
        return psycopg.OperationalError(pgconn.get_error_message() or "the copy ended without a result")
    return psycopg.errors.error_from_result(result)
