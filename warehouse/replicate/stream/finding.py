"""Why the stream must not go on: what the guard of its position has found, and the error that a person meets for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from warehouse.core.errors import ReplicationError, SlotLost, SlotTaken, SourceMoved, SourceRewound, StreamStuck
from warehouse.replicate.ledger.epochs import Epoch

READ_BY = "it is read by "

Kind = Literal[
    "lost",
    "made anew",
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
"""crashed: unproven, too, but a crash of the source explains why: it takes the statistics that would be the proof.
held by us: a sender of a warehouse's subscription holds the slot, most likely our own, whose connection broke.
restarted: the slot is ours, but the warehouse's server was started since the last look, perhaps from a backup.
replaced: another server of the source's cluster answers at the same address, after a failover that keeps the disk, or a
copy of it. moved: the same at another address."""

IN_DOUBT = ("restarted", "replaced")
"""Kinds that a comparison of both sides settles, without a person and without a new slot."""


@dataclass(frozen=True)
class Finding:
    """Why the stream must not go on, in words."""

    kind: Kind
    reason: str


def error_of(finding: Finding, epoch: Epoch, bounds: str = "") -> ReplicationError:
    """A finding as the error that a person meets.

    Args:
        bounds: from when on something may be missing, to follow "changes at the operational database".
    """
    if of_source := _of_the_source(finding):
        return of_source
    if finding.kind in IN_DOUBT:
        return _in_doubt(finding)
    slot = epoch.slot_name
    if finding.kind == "held by us":
        return StreamStuck(
            f"The replication slot {slot} is still held by a sender of the warehouse: {finding.reason}.",
            meaning="A broken network leaves one behind until the operational database gives it up "
            "(wal_sender_timeout, a minute by default). Nothing is lost by waiting; the stream is off until then.",
            next_command="Wait a minute, then `warehouse replicate run` (`watch` does so by itself). If it stays, "
            "another warehouse reads this slot: at the source, select * from pg_stat_replication.",
        )
    if finding.kind == "taken":
        return SlotTaken(
            f"The replication slot {slot} is held by another consumer: {finding.reason}.",
            meaning="Changes that it takes are not sent here. The stream is off, and the slot was not touched.",
            next_command="Find it on the operational database: select * from pg_stat_replication; have it use a slot "
            "of its own, then `warehouse replicate run`: it finds out whether changes were missed.",
        )
    after_a_crash = finding.kind == "crashed"
    lost = SlotLost(
        f"The replication slot {slot} cannot be gone on with: {finding.reason}.",
        meaning=f"Changes at the operational database{bounds} may be missing here, and no row was applied from any "
        "other slot. What is here stays; the stream is off.",
        next_command="`warehouse replicate run`: after a crash it compares both sides by itself, writes what differs "
        "and records the gap."
        if after_a_crash
        else "Find out why (maintenance, failover, a restore), then `warehouse replicate repair`: it compares, "
        "writes what differs and records the gap.",
    )
    lost.after_a_crash = after_a_crash
    return lost


def _of_the_source(finding: Finding) -> ReplicationError | None:
    if finding.kind == "other source":
        return ReplicationError(
            "TRS_DATABASE_URL leads to another database cluster than the one that was replicated so far.",
            meaning="Going on would mix two sources; the replica was not touched.",
            next_command="Set TRS_DATABASE_URL back; or, to start over with the new source, "
            "`warehouse replicate reset` and `warehouse run`.",
        )
    if finding.kind == "moved":
        return SourceMoved(
            f"TRS_DATABASE_URL leads to another server of the same cluster than before: {finding.reason}.",
            meaning="The operational database may have moved there. Or it is a copy of its disk, which has the same "
            "identity and would mix its own changes in with the operational database's. The stream is off, nothing "
            "else was changed.",
            next_command="If it is a copy, set TRS_DATABASE_URL back and run again. If the operational database has "
            'moved: `warehouse replicate source --accept "why"`; the next run compares both sides.',
        )
    if finding.kind == "rewound":
        return SourceRewound(
            f"The operational database is behind what was applied here: {finding.reason}.",
            meaning="It was restored from a backup, or another copy of it answers. The warehouse knows changes that it "
            "has lost, and would miss new ones at positions that were used before. The stream is off, nothing else "
            "was changed.",
            next_command="If TRS_DATABASE_URL leads to the wrong copy, set it right and run again. If the restored one "
            "is the truth now: `warehouse replicate repair`. What it lost stays in the history, ended by the repair.",
        )
    return None


_MEANING = {
    "replaced": "After a failover that keeps the disk nothing is missing. A copy of the disk may lack what was applied "
    "here last.",
    "restarted": "If its data was put back from a backup, changes that were applied after the backup are missing. If "
    "it was only restarted, nothing is.",
}


def _in_doubt(finding: Finding) -> SlotLost:
    doubt = SlotLost(
        f"It is not certain that every change has arrived: {finding.reason}.",
        meaning=f"{_MEANING[finding.kind]} The stream goes on meanwhile.",
        next_command="`warehouse replicate run` compares both sides; what differs it writes, as a gap.",
    )
    doubt.only_restarted = True
    return doubt
