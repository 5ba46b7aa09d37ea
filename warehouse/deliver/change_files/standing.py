"""How the replica stands: up to which position all is known, and why the next set cannot continue the last one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

import psycopg
from psycopg.rows import class_row

from warehouse.core.contracts import Contract
from warehouse.core.database import one
from warehouse.core.errors import ChangesHeld
from warehouse.deliver.change_files.records import Recorded

_STANDING = """
select
    e.epoch_id,
    e.state,
    p.stamped_up_to::text::bigint as known_before,
    (
        select max(n.committed_at) from (
            select t.committed_at from ledger.transactions as t
            where t.epoch_id = e.epoch_id and t.kind = 'stream' and t.xid < p.stamped_up_to
            order by t.xid desc limit 1000
        ) as n
    ) as known_at,
    exists (select from ledger.erasures where state = 'running') as is_erasing,
    (select count(*) from ledger.erasures where state = 'done') as erasures,
    (select count(*) from ledger.rule_changes where rewritten_at is not null) as rules_followed
from ledger.epochs as e left join ledger.replication_position as p using (epoch_id)
order by e.epoch_id desc limit 1
"""

FIRST: Final = "first: nothing was delivered before"

_MAY_DELIVER = "select has_table_privilege('ledger.change_sets', 'insert')"

_CONTINUES = """
with recursive lives as (
    select epoch_id, continues from ledger.epochs where epoch_id = %s
    union all
    select e.epoch_id, e.continues from lives as l join ledger.epochs as e on e.epoch_id = l.continues
)

select exists (select from lives where epoch_id = %s)
"""


@dataclass(frozen=True)
class Standing:
    """How the replica stands.

    Attributes:
        known_before: every transaction before this number is whole, and has its commit time; None before the stream.
        known_at: when the last of them was committed at the source. None while the stream has brought none: until
            then the time of the copy may still be put right.
        is_erasing: an erasure was begun and is not done.
    """

    epoch_id: int
    state: str
    known_before: int | None
    known_at: datetime | None
    is_erasing: bool
    erasures: int
    rules_followed: int


def find_standing(connection: psycopg.Connection, contract: Contract) -> Standing:
    """How the replica stands now.

    Raises:
        ChangesHeld: there is none that streams, a person is being erased, or this login may not deliver it.
    """
    name = f"{contract.recipient}/{contract.name}"
    if not one(connection, _MAY_DELIVER)[0]:
        raise held(
            name,
            "this login may not write down what a set spans",
            "As the warehouse's owner, run `warehouse grants apply`: the role of deliverers gets what it needs.",
        )
    with connection.cursor(row_factory=class_row(Standing)) as cursor:
        found = cursor.execute(_STANDING).fetchone()
    if found is None or found.state != "streaming":
        raise held(
            name,
            "nothing was replicated yet" if found is None else f"epoch {found.epoch_id} of the replica does not stream",
            "`warehouse replicate status` says why; `warehouse run` copies, or says what to repair.",
        )
    if found.is_erasing:
        raise held(name, "an erasure was begun and is not done", "Finish it: `warehouse erase` with the same person.")
    return found


def held(name: str, why: str, next_command: str) -> ChangesHeld:
    """The error for a set that cannot be made now."""
    return ChangesHeld(
        f"No set of change files for {name} can be made: {why}.",
        meaning="Nothing of it was sent. The next set begins where the last one ended, so nothing is lost.",
        next_command=f"{next_command} Then `warehouse deliver`.",
    )


def why_a_series_begins(
    connection: psycopg.Connection, contract: Contract, last: Recorded | None, now: Standing, destination: str
) -> str | None:
    """Why the next set begins a series, with a complete copy; None when it continues the last one.

    Args:
        last: the set to continue.
        destination: where the next one goes.
    """
    if last is None:
        return FIRST
    reasons = {
        "reset: the replica was made again, so positions and history are others": not one(
            connection, _CONTINUES, (now.epoch_id, last.epoch_id)
        )[0],
        "restored: the warehouse was put back to a state before the last set": last.to_position
        > (now.known_before or 0),
        "erasure: persons were erased, also from the history that earlier sets have": last.erasures != now.erasures,
        "rule: values that may not be held any more were taken out of the history that earlier sets have": (
            last.rules_followed != now.rules_followed
        ),
        "contract: it says something else, so other columns may leave": (
            last.content_sha256 != contract.content_sha256
        ),
        "moved: earlier sets went to another place": last.destination != destination,
    }
    return next((why for why, holds in reasons.items() if holds), None)
