"""Whether a connection is safe: on this machine, or over TLS to a server whose certificate has been checked.

libpq's own default takes a connection in clear text where the server offers no better, and TLS from anybody. So what a
connection string says is looked at before anything is sent: the name, the password and the whole population go over it.
The stream, which the warehouse's server reads by itself, and dbt connect with the same string.
"""

from __future__ import annotations

import re
import socket
import ssl
import struct

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from warehouse.core.errors import UnsafeConnection
from warehouse.core.server_proof import is_this_machine

FULL = "verify-full"
"""TLS, a certificate of a known authority, and the server's own name in it."""

REASON = "WAREHOUSE_TRANSPORT_REASON"

_NOT_SAFE = re.compile(
    r"certificate|does not support SSL|SSL error|SSL SYSCALL|TLS|sslmode|SSL negotiation|SSL connection|SSL handshake",
    re.IGNORECASE,
)
_SSL_REQUEST = struct.pack("!ii", 8, 80877103)
_SECONDS = 10


def is_local(conninfo: str) -> bool:
    """Whether the connection stays on this machine: a socket, or loopback addresses alone.

    The settings of a service are in a file that nobody has looked at, so a service is not local.
    """
    parts = conninfo_to_dict(conninfo)
    if parts.get("service"):
        return False
    return all(is_loopback(place) for place in str(parts.get("hostaddr") or parts.get("host") or "").split(","))


def is_loopback(place: str) -> bool:
    """Whether a host, as a connection string has it, is this machine: a socket, or an address of loopback."""
    # Without a host libpq takes the socket; a path, or a name with @ before it, is one.
    return place == "" or place.startswith(("/", "@")) or is_this_machine(place.partition("%")[0])


def mode(conninfo: str) -> str | None:
    """The sslmode in the connection string; of two the last, as libpq takes it. None: libpq's own default."""
    given = conninfo_to_dict(conninfo).get("sslmode")
    return str(given) if given else None


def is_checked(conninfo: str) -> bool:
    """Whether the connection is local, or proves which server it leads to."""
    return is_local(conninfo) or mode(conninfo) == FULL


def checked(conninfo: str, *, what: str, variable: str, reason: str | None) -> str:
    """The connection string, for every program that is to connect with it.

    Args:
        what: the database's name in a sentence, such as "the warehouse".
        variable: the setting that a person would correct.
        reason: why less than sslmode=verify-full is in order, as a person has set it.

    Raises:
        UnsafeConnection: it leads to another machine without sslmode=verify-full, and nobody has given a reason.
    """
    try:
        if is_local(conninfo):
            return conninfo
    except psycopg.ProgrammingError:
        # Whoever connects with it says so (warehouse/core/database.py).
        return conninfo
    given = mode(conninfo)
    if given != FULL and not (reason and given):
        raise UnsafeConnection(
            f"The address of {what} is on another machine, and {variable} says "
            + (f"sslmode={given}." if given else "nothing of sslmode."),
            meaning=f"Names, dates of birth and passwords could be read on the way, or go to a server that is not "
            f"{what}. Nothing was sent.",
            next_command=f"Write ?sslmode=verify-full&sslrootcert=/path/to/authority.pem into {variable}, then run "
            f"again. If less has to do, write that sslmode, and why in {REASON}.",
        )
    # With a Kerberos ticket libpq would otherwise take an encryption of Kerberos's in the place of TLS.
    return make_conninfo(conninfo, gssencmode="disable")


def refused(reason: str, conninfo: str, *, where: str, what: str, variable: str) -> UnsafeConnection | None:
    """The error for a connection that failed because it would not have been safe; None for another failure.

    Args:
        reason: what libpq says.
        where: the address, without its password.
    """
    if is_local(conninfo) or not _NOT_SAFE.search(reason):
        return None
    found = _of_certificate(conninfo) if "certificate verify failed" in reason else None
    return UnsafeConnection(
        f"The connection to {what} at {where} is not safe: {found or reason}.",
        meaning="The server could not show that it is the one that was asked for. No name, password or row was sent.",
        next_command=_remedy(found or reason, variable),
    )


def _remedy(reason: str, variable: str) -> str:
    if "expired" in reason or "not yet valid" in reason:
        return (
            "Have its administrator renew the server's certificate (and look at this machine's clock), then run again."
        )
    if "does not match host name" in reason:
        return f"Write the host name that is in the server's certificate into {variable}, then run again."
    if "does not support SSL" in reason:
        return "Have its administrator switch TLS on at that server (ssl = on, a certificate), then run again."
    if "root certificate" in reason:
        return f"Name the file of the authority's certificate in {variable} (sslrootcert=/path/to/authority.pem)."
    return (
        f"Look at whose server answers there. If it is the right one, name the authority that signed its certificate "
        f"in {variable} (sslrootcert=/path/to/authority.pem), then run again."
    )


def _of_certificate(conninfo: str) -> str | None:
    """What is wrong with a server's certificate, such as that it has expired: libpq says only that it does not hold.

    Asks the server for its certificate and says nothing to it.
    """
    parts = conninfo_to_dict(conninfo)
    host = str(parts.get("host") or parts.get("hostaddr") or "").split(",")[0]
    place = str(parts.get("hostaddr") or host).split(",")[0]
    port = int(str(parts.get("port") or "5432").split(",")[0])
    authority = str(parts.get("sslrootcert") or "system")
    try:
        context = ssl.create_default_context(cafile=None if authority == "system" else authority)
        context.check_hostname = False
        with socket.create_connection((place, port), timeout=_SECONDS) as plain:
            plain.sendall(_SSL_REQUEST)
            if plain.recv(1) == b"S":
                context.wrap_socket(plain, server_hostname=host).close()
    except ssl.SSLCertVerificationError as error:
        return f"certificate verify failed, {error.verify_message}"
    except (OSError, ValueError):
        return None
    return None
