"""Is the server that answers the one that the stream was last read from, or a copy of its disk?

A physical copy has the same system identifier, timeline, slots and transaction numbers, and once it has been written to
its WAL ends later, too: nothing inside shows that it is not the source. What a copy cannot have is the source's running
process. So each look notes since when the server runs and at which address it was reached (docs/adr/0028):

- the same process is the same server, whatever its address;
- another process at the address of the setting is a restart; when the server sees itself under another address, it may
  be a failover that keeps the disk, or a copy: both sides are compared before it is trusted;
- another process at another address: a person has to say that the source has moved.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import psycopg
from psycopg.conninfo import conninfo_to_dict

from warehouse.core.databases import Databases
from warehouse.core.errors import ReplicationError, UsageError

EMBEDDED = "embedded"

Change = Literal["moved", "replaced"]

_READ = """
select
    coalesce(host(inet_server_addr()) || ':' || inet_server_port(), 'a socket'),
    extract(epoch from pg_postmaster_start_time())::text
"""

_NOTED = """
select source_address, source_own_address, source_started from ledger.slot_positions
where epoch_id = %s and source_started is not null
"""

_ACCEPT = "update ledger.slot_positions set source_address = %s, source_own_address = '' where epoch_id = %s"

_RECORD = """
insert into ledger.source_moves (epoch_id, address_before, address_now, because) values (%s, %s, %s, %s)
"""


@dataclass(frozen=True)
class Server:
    """The server that is the source.

    Attributes:
        address: host and port of the setting, as they stand there (perhaps several); EMBEDDED for our own.
        own_address: at which it sees our connection.
        started: since when it runs, in seconds since 1970, as text.
    """

    address: str
    own_address: str
    started: str


def read(databases: Databases, trs: psycopg.Connection) -> Server:
    """The server that answers now."""
    row = trs.execute(_READ).fetchone()
    assert row is not None
    own_address, started = row
    if databases.source_is_embedded:
        # We start it ourselves, out of our own folder, at whatever port is free.
        return Server(EMBEDDED, EMBEDDED, started)
    given = conninfo_to_dict(databases.source_conninfo)
    host = given.get("host") or given.get("hostaddr") or trs.info.host
    return Server(f"{host}:{given.get('port') or trs.info.port}", own_address, started)


def read_noted(warehouse: psycopg.Connection, epoch_id: int) -> Server | None:
    """The server of the last look at which all was in order; None when there was none."""
    row = warehouse.execute(_NOTED, (epoch_id,)).fetchone()
    return Server(*row) if row else None


def change(noted: Server | None, now: Server | None) -> Change | None:
    """Whether it is another server than before, and if so, whether a person has to say that it is the source."""
    if noted is None or now is None or noted.started == now.started:
        return None
    if noted.address != now.address:
        return "moved"
    return "replaced" if noted.own_address != now.own_address else None


def accept(
    databases: Databases, trs: psycopg.Connection, warehouse: psycopg.Connection, epoch_id: int, why: str
) -> bool:
    """Write down that a person says that the source has moved; False when it has not. The next run compares.

    Raises:
        UsageError: it does not say why.
        ReplicationError: the source was never seen.
    """
    noted, now = read_noted(warehouse, epoch_id), read(databases, trs)
    if not why.strip():
        raise UsageError(
            "To accept another server as the source needs a reason.",
            meaning="Nothing was changed.",
            next_command='warehouse replicate source --accept "why it has moved"',
        )
    if noted is None:
        raise ReplicationError(
            "No server was noted as the source yet.",
            meaning="There is nothing to accept. Nothing was changed.",
            next_command="warehouse replicate run",
        )
    if change(noted, now) != "moved":
        return False
    with warehouse.transaction():
        warehouse.execute(_RECORD, (epoch_id, noted.address, now.address, why))
        warehouse.execute(_ACCEPT, (now.address, epoch_id))
    return True


def in_words(server: Server) -> str:
    """For a message."""
    own = "" if server.own_address in (server.address, "") else f" (it sees itself at {server.own_address})"
    return f"{server.address}{own}"
