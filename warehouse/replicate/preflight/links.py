"""Whether what goes between the machines is encrypted: as we are set up, and as each server itself says.

A proxy between may end the encryption, and the stream is a connection of its own: so the servers are asked.
"""

from __future__ import annotations

from collections.abc import Iterator

from warehouse.core import transport
from warehouse.core.errors import UnsafeConnection
from warehouse.core.finding import Finding, failed, ok, warning
from warehouse.replicate.link import Ends

_SESSION = "select ssl, version from pg_catalog.pg_stat_ssl where pid = pg_catalog.pg_backend_pid()"
_SENDER = """
select s.ssl, s.version from pg_catalog.pg_replication_slots as r
join pg_catalog.pg_stat_ssl as s on s.pid = r.active_pid
where r.slot_name = %s
"""


def examined(ends: Ends, slot: str | None) -> Iterator[Finding]:
    """The connections to both servers and, when it runs, that of the stream.

    Args:
        slot: the name of our slot, when there is one.
    """
    databases = ends.databases
    reason = databases.settings.warehouse_transport_reason
    source = databases.source_conninfo
    yield _link("connection to the source", source, ends.trs.execute(_SESSION).fetchone(), reason)
    yield _link(
        "connection to the warehouse", databases.warehouse_conninfo, ends.warehouse.execute(_SESSION).fetchone(), reason
    )
    sender = ends.trs.execute(_SENDER, (slot,)).fetchone() if slot else None
    if sender:
        yield _link("connection of the stream", source, sender, reason)


def _link(code: str, conninfo: str, seen: tuple[bool | None, str | None] | None, reason: str | None) -> Finding:
    """A connection, by its connection string and by what the server says of it.

    Args:
        seen: whether it is encrypted, and with which version of TLS; nulls where the user may not see it.
    """
    if transport.is_local(conninfo):
        return ok(code, "on this machine")
    mode, (encrypted, version) = transport.mode(conninfo), seen or (None, None)
    if encrypted and mode == transport.FULL:
        return ok(code, f"{version}, with a certificate that was checked")
    what = (
        f"sslmode={mode}, and the server says that it is not encrypted."
        if encrypted is False
        else f"sslmode={mode}, and the server says {version}."
        if encrypted
        else f"sslmode={mode}; this user may not see what the server says of it."
    )
    if reason:
        return warning(code, f"{what} {transport.REASON}: {reason}")
    if mode == transport.FULL and encrypted is None:
        return warning(code, what, "GRANT pg_read_all_stats TO the user, then run again.")
    return failed(
        code,
        what,
        "Connect to the server itself, past any proxy that ends TLS, and with sslmode=verify-full; then run again. If "
        f"less has to do, write why in {transport.REASON}.",
        UnsafeConnection,
        "What is sent could be read on the way.",
    )
