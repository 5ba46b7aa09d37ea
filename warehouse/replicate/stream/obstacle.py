"""Why the stream must not resume: what continuity.py found, as a finding for status and as an error for commands."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from warehouse.core.errors import ReplicationError, SlotLost, SlotTaken, SourceMoved, SourceRewound, StreamStuck
from warehouse.core.finding import Finding, failed

READ_BY = "it is read by "

Kind = Literal[
    "lost",
    "new slot",
    "unproven",
    "crashed",
    "restarted",
    "replaced",
    "taken",
    "held by us",
    "rewound",
    "moved",
    "other source",
]
"""new slot: one of the same name, created later.
crashed: unproven, too, but a crash of the source explains why: it takes the statistics that would be the proof.
held by us: a sender of a warehouse's subscription holds the slot, most likely our own, whose connection broke.
restarted: the slot is ours, but the warehouse's server was started since the last look, perhaps from a backup.
replaced: another server of the source's cluster answers at the same address, after a failover that keeps the disk, or a
copy of it. moved: the same at another address."""

IN_DOUBT = ("restarted", "replaced")
"""Kinds that a comparison of both sides settles, without a person and without a new slot."""


@dataclass(frozen=True)
class Obstacle:
    """Why the stream must not resume. What to do about it depends on the kind; the reason is a clause for a person."""

    kind: Kind
    reason: str


@dataclass(frozen=True)
class _Message:
    """How a kind is reported; `{slot}`, `{reason}` and `{bounds}` are filled in."""

    code: str
    error: type[ReplicationError]
    what: str
    meaning: str
    next_command: str


_LOST = _Message(
    "slot_lost",
    SlotLost,
    "The stream cannot resume from the replication slot {slot}: {reason}.",
    "Changes at the operational database{bounds} may be missing in the warehouse, and no row was applied from any "
    "other slot. What the warehouse has stays; the stream is off.",
    "Find out why (maintenance, failover, a restore), then `warehouse replicate repair`: it compares, writes what "
    "differs and records the gap.",
)
_AFTER_A_CRASH = _Message(
    _LOST.code,
    _LOST.error,
    _LOST.what,
    _LOST.meaning,
    "`warehouse replicate run`: after a crash it compares both sides by itself, writes what differs and records the "
    "gap.",
)


def _in_doubt(meaning: str) -> _Message:
    return _Message(
        "restarted",
        SlotLost,
        "It is not certain that every change has arrived: {reason}.",
        f"{meaning} The stream continues meanwhile.",
        "`warehouse replicate run` compares both sides; what differs it writes, as a gap.",
    )


_MESSAGES: dict[Kind, _Message] = {
    "lost": _LOST,
    "new slot": _LOST,
    "unproven": _LOST,
    "crashed": _AFTER_A_CRASH,
    "restarted": _in_doubt(
        "If its data was put back from a backup, changes that were applied after the backup are missing. If it was "
        "only restarted, nothing is."
    ),
    "replaced": _in_doubt(
        "After a failover that keeps the disk nothing is missing. A copy of the disk may lack what was applied last."
    ),
    "taken": _Message(
        "slot_taken",
        SlotTaken,
        "The replication slot {slot} is held by another consumer: {reason}.",
        "Changes that it takes never reach the warehouse. The stream is off, and the slot was not touched.",
        "Find it on the operational database: select * from pg_stat_replication; have it use a slot of its own, then "
        "`warehouse replicate run`: it finds out whether changes were missed.",
    ),
    "held by us": _Message(
        "stuck",
        StreamStuck,
        "The replication slot {slot} is still held by a sender of the warehouse: {reason}.",
        "A broken network leaves one behind until the operational database gives it up (wal_sender_timeout, a minute "
        "by default). Nothing is lost by waiting; the stream is off until then.",
        "Wait a minute, then `warehouse replicate run` (`watch` does so by itself). If it stays, another warehouse "
        "reads this slot: at the source, select * from pg_stat_replication.",
    ),
    "rewound": _Message(
        "source_rewound",
        SourceRewound,
        "The operational database is behind what the warehouse has applied: {reason}.",
        "It was restored from a backup, or another copy of it answers. The warehouse knows changes that it has lost, "
        "and would miss new ones at positions that were used before. The stream is off, nothing else was changed.",
        "If TRS_DATABASE_URL leads to the wrong copy, correct it and run again. If the restored one is the truth now: "
        "`warehouse replicate repair`. What it lost stays in the history, ended by the repair.",
    ),
    "moved": _Message(
        "source_moved",
        SourceMoved,
        "TRS_DATABASE_URL leads to another server of the same cluster than before: {reason}.",
        "The operational database may have moved to that server. Or it is a copy of its disk, which has the same "
        "identity and would mix its own changes in with the operational database's. The stream is off, nothing else "
        "was changed.",
        "If it is a copy, set TRS_DATABASE_URL back and run again. If the operational database has moved: "
        '`warehouse replicate source --accept "why"`; the next run compares both sides.',
    ),
    "other source": _Message(
        "other_source",
        ReplicationError,
        "TRS_DATABASE_URL leads to another database cluster than the one that was replicated so far.",
        "To continue would mix two sources; the replica was not touched.",
        "Set TRS_DATABASE_URL back; or, to start over with the new source, `warehouse replicate reset` and "
        "`warehouse run`.",
    ),
}


def finding_of(obstacle: Obstacle, slot: str, bounds: str = "") -> Finding:
    """An obstacle as a finding of the stream's status.

    Args:
        bounds: from when on something may be missing, to follow "changes at the operational database".
    """
    message = _MESSAGES[obstacle.kind]
    return failed(
        message.code,
        message.what.format(slot=slot, reason=obstacle.reason),
        message.next_command,
        message.error,
        message.meaning.format(bounds=bounds),
    )


def error_of(obstacle: Obstacle, slot: str, bounds: str = "") -> ReplicationError:
    """An obstacle as the error that a command stops with; see finding_of()."""
    error = finding_of(obstacle, slot, bounds).as_error()
    assert isinstance(error, ReplicationError)
    if isinstance(error, SlotLost):
        error.after_a_crash = obstacle.kind == "crashed"
        error.only_restarted = obstacle.kind in IN_DOUBT
    return error
