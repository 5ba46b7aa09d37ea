"""Debezium embedded in Python, beside the apply rate: it captures the changes of a slot and throws them away."""

from __future__ import annotations

import json

from psycopg.conninfo import conninfo_to_dict

from bench.apply import OURS, SIZES
from bench.changes import write
from bench.measure import Figure, against
from bench.peers.environment import PeerFailed, environment
from warehouse.cli.output import out
from warehouse.core.databases import Databases
from warehouse.core.progress import Progress
from warehouse.replicate.stream.slot import drop_slot

ROWS = 50_000
SLOT = "bench_debezium"


def captured(databases: Databases, progress: Progress, measured: list[Figure]) -> list[Figure]:
    """A backlog in a slot of its own, captured from its first change to its last; the start of Java is not in it."""
    progress.say("apply: Debezium captures")
    ours = next(f for f in measured if f.what == OURS)
    try:
        done = _captured(databases)
    except PeerFailed as failure:
        out.print(f"  Debezium was not measured: {failure}")
        return []
    peer = Figure("apply, Debezium", "Debezium embedded: changes captured, nothing applied", *done)
    return [
        Figure(peer.topic, peer.what, peer.seconds, peer.rows, against(peer, ours), f"{ours.topic}, {ours.what}"),
    ]


def _captured(databases: Databases) -> tuple[float, int]:
    source = conninfo_to_dict(databases.source_conninfo)
    own = {name: str(source[name]) for name in ("host", "port", "user", "password", "dbname")}
    own |= {"slot": SLOT, "publication": databases.settings.warehouse_replication_name}
    with environment("debezium") as debezium, databases.source() as trs:
        trs.execute("select pg_create_logical_replication_slot(%s, 'pgoutput')", (SLOT,))
        try:
            written = write(databases.source_conninfo, ROWS, SIZES[0])
            done = debezium.run(
                "debezium_capture.py", [str(written.rows), str(debezium.folder)], {"SOURCE": json.dumps(own)}
            )
        finally:
            drop_slot(trs, SLOT)
    if int(done["rows"]) < written.rows:
        raise PeerFailed(f"it captured {done['rows']} of {written.rows} changes")
    return float(done["seconds"]), int(done["rows"])
