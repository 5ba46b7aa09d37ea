"""Whether the warehouse's own server reaches the source: the stream goes from server to server, past this program.

A host name, a firewall or a certificate authority that this program has says nothing of what that server has. So that
server is asked to connect before anything is made: it does so while a subscription is made, and this one is taken back.
"""

from __future__ import annotations

import re
import secrets

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from warehouse.core import safe_message, server_proof
from warehouse.core.database import describe
from warehouse.core.errors import MissingPrivilege, ReplicationError, SourceOutOfReach
from warehouse.core.unlogged import unlogged

_SECONDS = 15
"""How long that server tries; a firewall that says nothing would keep it for minutes."""

_PROBE = """
create subscription {} connection {} publication {} with
(connect = true, slot_name = none, create_slot = false, enabled = false, copy_data = false)
"""


def check(warehouse: psycopg.Connection, source_conninfo: str) -> None:
    """Have the warehouse's server connect to the source; nothing of it stays on either side.

    Raises:
        SourceOutOfReach: it cannot.
        MissingPrivilege: the warehouse's user may not make subscriptions in that database.
        ReplicationError: that server refuses the subscription for another reason.
    """
    # Of a name that nobody has: with no table behind it, that server asks for none.
    name = f"trw_probe_{secrets.token_hex(8)}"
    known = server_proof.as_known_to(source_conninfo, warehouse.info.server_version)
    conninfo = make_conninfo(known, connect_timeout=_SECONDS, application_name="warehouse")
    try:
        with warehouse.transaction(force_rollback=True):
            # A session that may only read can ask, too: nothing of this stays.
            warehouse.execute("set transaction read write")
            # It warns that the publication is not there, which is meant to be so.
            warehouse.execute("set local client_min_messages = error")
            with unlogged(warehouse):
                warehouse.execute(
                    sql.SQL(_PROBE).format(sql.Identifier(name), sql.Literal(conninfo), sql.Identifier(name))
                )
    except psycopg.Error as error:
        raise explain(error, source_conninfo) from None


def explain(error: psycopg.Error, source_conninfo: str) -> MissingPrivilege | ReplicationError:
    """Why the warehouse's server could not make a subscription."""
    reason = re.sub(r"^.*could not connect to the publisher: ", "", safe_message.of(error))
    if isinstance(error, psycopg.errors.InsufficientPrivilege):
        return MissingPrivilege(
            f"The warehouse's user may not make a subscription: {reason}.",
            meaning="No stream can be set up.",
            next_command="As the warehouse's administrator: GRANT pg_create_subscription TO the user and GRANT CREATE "
            "ON DATABASE to it (before version 16: make it a superuser), then run again.",
        )
    if error.sqlstate == "2F003":
        return SourceOutOfReach(
            f"The warehouse's server may not connect to the operational database: {reason}.",
            meaning="A stream of a user who is no superuser has to sign in with a password of its own; nothing was "
            "set up.",
            next_command="Put user and password into TRS_DATABASE_URL, and let the source's pg_hba.conf ask for one.",
        )
    if not isinstance(error, psycopg.OperationalError):
        return ReplicationError(
            f"The warehouse's server makes no subscription: {reason}.",
            meaning="No stream can be set up.",
            next_command="Read the log of the warehouse's server, then run again.",
        )
    return SourceOutOfReach(
        f"The warehouse's server cannot connect to the operational database: {reason}.",
        meaning="The stream goes from server to server: that this program reaches both is not enough.",
        next_command=server_proof.remedy("TRS_DATABASE_URL")
        if server_proof.UNPROVEN in reason
        else _remedy(reason, source_conninfo),
    )


def _remedy(reason: str, source_conninfo: str) -> str:
    """What to do about it, on which machine."""
    if "not compiled in" in reason:
        return (
            "That server was built without TLS, as the built-in PostgreSQL is (docs/adr/0003): install a system "
            "PostgreSQL (Debian: apt-get install postgresql), set WAREHOUSE_POSTGRES_BIN to its bin folder, move "
            ".warehouse away and run again; or set WAREHOUSE_DATABASE_URL."
        )
    if "root certificate" in reason or "certificate verify failed" in reason:
        file = conninfo_to_dict(source_conninfo).get("sslrootcert")
        return (
            "Put the certificate of the authority that signed the source's on the machine of the warehouse's server, "
            "readable by the user that PostgreSQL runs as there, "
            + (f"as {file} as well, " if file else "and name that file on both machines in TRS_DATABASE_URL: ")
            + ("then run again." if file else "…&sslrootcert=/etc/ssl/certs/trs-ca.pem; then run again.")
        )
    if "does not match host name" in reason:
        return "Write the host name that is in the source's certificate into TRS_DATABASE_URL, then run again."
    if "no password supplied" in reason or "definition of service" in reason:
        return (
            "Put host, user and password into TRS_DATABASE_URL: files such as ~/.pgpass are not on the machine of the "
            "warehouse's server; then run again."
        )
    if "pg_hba.conf" in reason or "authentication failed" in reason:
        return "Let the warehouse's server in at the source (pg_hba.conf, firewall, password), then run again."
    return (
        f"Check from the machine of the warehouse's server that it reaches {describe(source_conninfo)}: host name, "
        "port, firewall; then run again."
    )
