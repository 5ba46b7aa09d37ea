"""When a person cannot be erased now: the stream would bring them back, or it is not known whether it would."""

from __future__ import annotations

import psycopg

from warehouse.core import wal
from warehouse.core.errors import ErasureRefused
from warehouse.core.progress import Progress
from warehouse.core.waiting import Waiting
from warehouse.erase import relations, rows
from warehouse.erase.rows import Tables
from warehouse.erase.rules import Rules
from warehouse.erase.subject import Subject

CATCH_UP_SECONDS = 60
"""How long the stream may take to apply what is committed at the source already."""


def check_caught_up(source: psycopg.Connection, warehouse: psycopg.Connection, progress: Progress) -> None:
    """Whether everything that is committed at the source by now has been applied in the warehouse.

    Raises:
        ErasureRefused: the replica is not set up, its slot is lost, or the stream has not caught up in time.
    """
    epoch = warehouse.execute(
        "select slot_name, state from ledger.epochs where state <> 'ended' order by epoch_id desc limit 1"
    ).fetchone()
    if epoch is None or epoch[1] != "streaming":
        raise _refused(
            "The replica is not streaming" + (f" (it is {epoch[1]})." if epoch else ": replication is not set up."),
            "What the warehouse holds of a person is found by way of the replica.",
            "warehouse replicate run",
        )
    slot = epoch[0]
    waiting = Waiting(progress, "the stream to apply what is committed at the source", limit=CATCH_UP_SECONDS)

    def judge(state: wal.SlotState | None) -> None:
        if state is None or state.is_lost:
            raise _refused(
                f"The replication slot {slot} is lost.",
                "The warehouse lacks changes, and the repair would bring back what the source still has.",
                "warehouse replicate status",
            )
        if waiting.is_over and not state.applied:
            raise _refused(
                f"The stream has not caught up: {state.behind / 1e6:,.1f} MB of changes are still to be applied.",
                "A change that is on its way could bring the person back.",
                "warehouse replicate run",
            )

    judge(wal.wait_until_applied(source, slot, wal.mark(source), waiting, judge))


def at_source(source: psycopg.Connection, rules: Rules, subject: Subject, progress: Progress) -> dict[str, int]:
    """The replicated tables at the source in which the person still is, each with the number of rows."""
    found = {}
    with source.transaction():
        source.execute("set transaction isolation level repeatable read read only")
        for table, rule in rules.replicated.items():
            progress.say(f"looking through {table} at the source")
            there = relations.relation(source, rules.schema, table, "replica")
            if there is not None:
                counted = rows.count(source, there, rule, subject)
                if counted.theirs or counted.shared:
                    found[table] = counted.theirs + counted.shared
    return found


def check_gone_at_source(found: dict[str, int]) -> None:
    """Whether the operational system, which is the master, has erased the person.

    Raises:
        ErasureRefused: it still holds rows of the person; names the tables.
    """
    if found:
        listed = ", ".join(f"{table} ({count})" for table, count in list(found.items())[:8])
        raise _refused(
            f"The operational database still holds the person: {listed}"
            + (f" and {len(found) - 8} more tables." if len(found) > 8 else "."),
            "It is the master: the stream would bring the person back, or replica and source would differ.",
            "Erase the person there, then `warehouse replicate run`, then this command again. A row in which seven "
            "digits are something else than their TRN: --dry-run lists it, --not-theirs TABLE/KEY leaves it alone.",
        )


def check_replica(connection: psycopg.Connection, tables: Tables, subject: Subject) -> None:
    """Whether the replica's rows about several people are the source's, which names the person in none.

    Raises:
        ErasureRefused: the replica differs there; changing it would make it differ otherwise.
    """
    for relation, rule in tables:
        if relation.kind == "replica":
            found = rows.count(connection, relation, rule, subject)
            if found.shared:
                raise _refused(
                    f"{relation.place} names the person in {found.shared} rows about others; the source does not.",
                    "Replica and source differ, so the warehouse missed a change of the source.",
                    "`warehouse replicate reconcile` shows where, `warehouse replicate repair` repairs it; then run "
                    "this command again.",
                )


def _refused(what: str, meaning: str, next_command: str) -> ErasureRefused:
    return ErasureRefused(what, meaning=f"{meaning} Nothing was erased.", next_command=next_command)
