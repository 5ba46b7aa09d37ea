"""A server on this machine has to prove that it knows our password before it gets anything from us.

While a server is down, any account of the machine can listen at its port. libpq answers whoever asks there for the
password in clear, and talks to whoever asks for none; with SCRAM both sides prove that they know it, and neither shows
it. A server elsewhere is proven by its certificate.
"""

from __future__ import annotations

from ipaddress import ip_address

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

PROOF = "scram-sha-256"
SINCE = 160_000
"""The first version whose libpq knows `require_auth`; the warehouse's server connects to the source with its own."""

UNPROVEN = "authentication method requirement"
"""In what libpq says of a server that did not give the proof."""

_VERIFIED = ("verify-ca", "verify-full")


def insist(conninfo: str) -> str:
    """A connection string that wants that proof from a server on this machine, unless it says something else itself.

    One that does not parse is left as it is: whoever connects says so.
    """
    try:
        parts = conninfo_to_dict(conninfo)
    except psycopg.ProgrammingError:
        return conninfo
    hosts = str(parts.get("hostaddr") or parts.get("host") or "").split(",")
    if "require_auth" in parts or parts.get("sslmode") in _VERIFIED or not any(map(is_this_machine, hosts)):
        return conninfo
    return make_conninfo(conninfo, require_auth=PROOF)


def remedy(variable: str) -> str:
    """What a person can do about a server that gives no such proof."""
    return (
        "See who listens at that port (ss -ltnp) and stop it, then run again. If it is the right server and knows the "
        f"password in another form, set it again there (password_encryption = 'scram-sha-256'), or say in {variable} "
        "what is enough: …?require_auth=md5, or none where no password is asked."
    )


def is_this_machine(host: str) -> bool:
    """Whether a host is reached over loopback. The folder of a socket is not: its owner decides who listens there."""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def asks_for_none(conninfo: str, server_version: int) -> bool:
    """Whether a server of that version connects without the proof that we would ask for; see as_known_to()."""
    return server_version < SINCE and "require_auth" in conninfo_to_dict(conninfo)


def as_known_to(conninfo: str, server_version: int) -> str:
    """The same for a server that connects with a libpq of its own version."""
    if server_version >= SINCE:
        return conninfo
    parts = {name: str(value) for name, value in conninfo_to_dict(conninfo).items() if name != "require_auth"}
    return make_conninfo("", **parts)
