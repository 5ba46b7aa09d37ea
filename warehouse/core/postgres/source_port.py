"""The embedded warehouse's subscriptions follow the embedded source to another port before they connect to it.

When somebody else has taken the source's port while it was down, the worker of a subscription would connect to that
listener. It gets no password from us (require_auth), but it could pass every message on to the source at its new port
and read along. So the port that the subscriptions know is kept in a file beside the warehouse's data; while it is not
the source's, the warehouse runs without such workers.
"""

from __future__ import annotations

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from warehouse.core import private_files
from warehouse.core.postgres.cluster import Cluster

_NO_WORKERS = {"max_logical_replication_workers": "0"}

_DATABASES = "select datname from pg_database where datallowconn and not datistemplate order by 1"

_SUBSCRIPTIONS = """
select subname, subconninfo from pg_subscription
where subdbid = (select oid from pg_database where datname = current_database())
"""

_MARK = """
select s.oid || '/' || s.xmin from pg_subscription as s
where s.subname = %s and s.subdbid = (select oid from pg_database where datname = current_database())
"""

_HAS_MARKS = "select to_regclass('ledger.marks') is not null"

_NOTE = "update ledger.marks set mark = %s where what = 'the subscription' and mark = %s"
"""That it was us who altered it; see replicate/stream/marks.py."""


def start(warehouse: Cluster, source: Cluster) -> bool:
    """Start the warehouse, with its subscriptions at the port of the source, which has been started; True if it was."""
    if not warehouse.exists() or _known(warehouse) == source.port:
        started = warehouse.start()
    else:
        started = not warehouse.stop()
        warehouse.start(overriding=_NO_WORKERS)
        _follow(warehouse, source)
        warehouse.stop()
        warehouse.start()
    private_files.write_text(warehouse.folder / "source_port", source.port or "")
    return started


def _known(warehouse: Cluster) -> str | None:
    try:
        return (warehouse.folder / "source_port").read_text()
    except OSError:
        return None


def _follow(warehouse: Cluster, source: Cluster) -> None:
    to = conninfo_to_dict(source.conninfo("postgres"))
    with psycopg.connect(warehouse.conninfo("postgres"), autocommit=True) as connection:
        names = [name for (name,) in connection.execute(_DATABASES)]
    for name in names:
        with psycopg.connect(warehouse.conninfo(name), autocommit=True) as connection:
            for subscription, address in connection.execute(_SUBSCRIPTIONS).fetchall():
                before = conninfo_to_dict(address)
                # Nobody else's server has that password.
                if before.get("password") == to["password"] and before.get("port") != to["port"]:
                    _point(connection, subscription, make_conninfo(address, port=to["port"]))


def _point(connection: psycopg.Connection, subscription: str, address: str) -> None:
    with connection.transaction():
        has_marks = connection.execute(_HAS_MARKS).fetchone() == (True,)
        before = connection.execute(_MARK, (subscription,)).fetchone()
        connection.execute(
            sql.SQL("alter subscription {} connection {}").format(sql.Identifier(subscription), sql.Literal(address))
        )
        now = connection.execute(_MARK, (subscription,)).fetchone()
        if has_marks and before and now:
            connection.execute(_NOTE, (now[0], before[0]))
