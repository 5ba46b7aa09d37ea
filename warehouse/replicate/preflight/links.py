"""Whether what goes between the machines is encrypted: as we are set up, and as each server itself says.

A proxy between may end the encryption, and the stream is a connection of its own: so the servers are asked.
"""

from __future__ import annotations

from collections.abc import Iterator

from psycopg.conninfo import conninfo_to_dict

from warehouse.core import server_proof, transport
from warehouse.core.errors import UnsafeConnection
from warehouse.core.finding import Finding, failed, ok, warning
from warehouse.core.unlogged import kept_by
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


def password_in_log(ends: Ends) -> Finding:
    """Whether the warehouse's server writes the source's password into its log: it stands in the subscription."""
    code = "password in the log"
    if not conninfo_to_dict(ends.databases.source_conninfo).get("password"):
        return ok(code, "the subscription has no password")
    kept = kept_by(ends.warehouse)
    if not kept:
        return ok(code, "the warehouse's server keeps no statement that has one")
    names = ", ".join(one.partition(" ")[0] for one in kept)
    return warning(
        code,
        f"The warehouse's server writes the source's password into its log or statistics ({', '.join(kept)}): our "
        "user may not switch that off.",
        f'As its administrator: GRANT SET ON PARAMETER {names} TO "{ends.warehouse.info.user}"; or let the source ask '
        "for a certificate (docs/runbooks/production.md).",
    )


def proof(conninfo: str, server_version: int) -> Finding:
    """Whether the warehouse's server asks the source to prove that it knows the password.

    Args:
        conninfo: of the source.
        server_version: of the warehouse's server.
    """
    code = "proof of the source"
    if not server_proof.asks_for_none(conninfo, server_version):
        return ok(code, "by password or certificate")
    return warning(
        code,
        f"The warehouse's server (PostgreSQL {server_version // 10_000}) connects to the source on this machine and "
        "asks for no proof: while the source is down, a program of another account at its port may ask for the "
        "password.",
        "Upgrade the warehouse's server to PostgreSQL 16 or later, or let the source have a certificate and put "
        "sslmode=verify-full into TRS_DATABASE_URL.",
    )


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
