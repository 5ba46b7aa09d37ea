"""How replication stands: what both databases show of it, what that means, and what to do."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any

import psycopg

from warehouse.core.databases import Databases
from warehouse.core.errors import ContentDiffers, DeletesRefused, ReplicationError, SlotLost, SubscriptionAltered
from warehouse.core.finding import Finding, failed, first_failed, warning
from warehouse.core.locks import Lock, held_by_another
from warehouse.replicate.catalog import subscriptions
from warehouse.replicate.classification import load_classification
from warehouse.replicate.conflicts import conflicts, passed
from warehouse.replicate.drift import both_sides
from warehouse.replicate.drift.compare import altered_in_publication, compare
from warehouse.replicate.guard import books, standing, structure, verdict
from warehouse.replicate.guard.verdict import PATIENCE_SECONDS, Rates, State
from warehouse.replicate.history import clocks, seals
from warehouse.replicate.integrity import alterations
from warehouse.replicate.ledger import differences, epochs, gaps, rules
from warehouse.replicate.ledger.differences import Known
from warehouse.replicate.ledger.epochs import Epoch
from warehouse.replicate.link import Ends
from warehouse.replicate.replica import manual_writes
from warehouse.replicate.secrets import standing as secrets
from warehouse.replicate.stream import continuity, marks, missing_rows, notes, sample, subscription
from warehouse.replicate.stream.obstacle import Obstacle, finding_of
from warehouse.replicate.stream.sample import Sample
from warehouse.replicate.stream.slot import read_slot

__all__ = ["State", "Status", "status"]

PAUSE_SECONDS = 3.0
"""Between two looks of one command, when the first shows that something may be wrong."""


@dataclass(frozen=True)
class Status:
    """What `warehouse replicate status` shows. The shape of `--json`; docs/runbooks/alerting.md says what to watch.

    Attributes:
        state: "streaming" and "quiet" (nothing has changed at the source for a while) are the good ones.
        exit_code: of the first reason that is more than a warning; 0 when there is none.
        reasons: what is wrong, the first to be looked at first.
        lag_bytes: WAL of the source that is not known to be applied here.
        lag_seconds: all that was committed at the source longer ago than this has been applied; 0 when nothing waits.
        last_commit_at: the commit time, at the source, of the newest transaction that was applied.
        retained_bytes: WAL that the slot keeps at the source, of budget_bytes that it may have to.
        seconds_until_full: until the budget is used up if the source goes on writing so and nothing were applied.
        clock_skew_seconds: the source's clock minus the warehouse's.
        history_head: one digest over the newest seals of all tables. Kept elsewhere, it shows whether a chain was made
            anew: `warehouse replicate reconcile --history --json` has each table's.
        tables: replicated tables, each with its rows (as PostgreSQL estimates them) and superseded versions.
    """

    state: State
    healthy: bool = True
    exit_code: int = 0
    reasons: list[Finding] = field(default_factory=list)
    epoch: int | None = None
    since: str | None = None
    slot: str | None = None
    slot_active: bool | None = None
    wal_status: str | None = None
    retained_bytes: int | None = None
    budget_bytes: int | None = None
    wal_bytes_per_second: float | None = None
    seconds_until_full: float | None = None
    lag_bytes: int | None = None
    lag_seconds: float | None = None
    last_commit_at: str | None = None
    clock_skew_seconds: float | None = None
    transactions: int = 0
    apply_errors: int = 0
    history_head: str | None = None
    tables: list[dict[str, Any]] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """The status as `--json` prints it."""
        return {**asdict(self), "reasons": [reason.as_dict() for reason in self.reasons]}


def status(databases: Databases, *, pause: float | None = PAUSE_SECONDS, patience: float = PATIENCE_SECONDS) -> Status:
    """Read how replication stands. Changes nothing at the source; the warehouse keeps the look in its ledger.

    Args:
        pause: seconds until a second look when the first one shows that something may be wrong. None: for a caller who
            looks again anyway; the looks before are in the ledger.
        patience: seconds without movement, with something to apply, after which the stream is called stuck.

    Raises:
        DatabaseUnreachable: one of the two databases is.
    """
    name = databases.settings.warehouse_replication_name
    classification = load_classification()
    with databases.source() as trs, databases.warehouse() as warehouse:
        if not warehouse.execute("select to_regclass('ledger.replication_looks')").fetchone()[0]:  # type: ignore[index]
            return Status("not set up")
        databases.migrate(warehouse)
        epoch = epochs.current(warehouse, name)
        if epoch is None:
            return Status("not set up")
        rules.refuse_another_place(warehouse, classification.source, classification.schema_name)
        return _examined(Ends(databases, trs, warehouse, classification, epoch), pause, patience)


def _examined(ends: Ends, pause: float | None, patience: float) -> Status:
    trs, warehouse, epoch, name = ends.trs, ends.warehouse, ends.epoch, ends.name
    budget = ends.databases.settings.warehouse_wal_budget_gb
    since = _since(warehouse, epoch)
    look, measured_clocks = sample.take(trs, warehouse, epoch, name)
    past = sample.earlier(warehouse, epoch)
    if pause is not None and epoch.state != "copying" and _wants_a_second_look(look, past):
        sample.record(warehouse, epoch, look, "looked at twice")
        time.sleep(pause)
        past = [look, *past]
        look, measured_clocks = sample.take(trs, warehouse, epoch, name)
    measured = verdict.rates(look, past, int(budget * 1e9))
    reasons: list[Finding] = []
    if epoch.state != "copying":
        passed.note(warehouse, epoch, look.applied_lsn)
        reasons = _of_the_stream(ends, look, past, patience)
        reasons += _of_the_rest(ends)
        reasons += books.reasons(warehouse, ends.classification)
        reasons += secrets.reasons(warehouse)
        clock = verdict.of_clocks(
            clocks.disagreements(warehouse, measured_clocks, look.source_at, look.newest_commit_at)
        )
        moves = not any(reason.exit_code for reason in reasons)
        full = verdict.of_the_budget(measured, moves=moves)
        reasons += [reason for reason in (full, clock) if reason]
    else:
        reasons = [_of_a_copy(warehouse, epoch)]
    reasons = verdict.ordered(reasons)
    state = verdict.state_of(epoch.state, look, reasons, since)
    sample.record(warehouse, epoch, look, state)
    return _as_status(ends, look, measured, reasons, state, since, measured_clocks.skew_seconds)


def _of_a_copy(warehouse: psycopg.Connection, epoch: Epoch) -> Finding:
    """Whether a copy or repair is being made, or was broken off; and which of the two."""
    is_first = epochs.is_first_copy(warehouse, epoch)
    what = "first copy" if is_first else "repair of a gap"
    if held_by_another(warehouse, Lock.replicate):
        return failed("copying", f"The {what} is being made.", "Wait for that command.", ReplicationError)
    if is_first:
        return failed("broken_off", "The first copy was interrupted.", "warehouse replicate run", ReplicationError)
    return failed("broken_off", "The repair of a gap was interrupted.", "warehouse replicate repair", SlotLost)


def _wants_a_second_look(look: Sample, past: list[Sample]) -> bool:
    """Whether one look does not say enough: something waits, or somebody else may be reading the slot."""
    unsure = look.enabled and (not look.worker_pid or bool(look.lag_bytes))
    taken = bool(look.slot_held_by) and not look.worker_pid
    fresh = past and (look.looked_at - past[0].looked_at).total_seconds() < 2 * PAUSE_SECONDS
    return look.slot_exists and (unsure or taken) and not (fresh and past[0].positions != look.positions)


def _of_the_stream(ends: Ends, look: Sample, past: list[Sample], patience: float) -> list[Finding]:
    trs, warehouse, epoch = ends.trs, ends.warehouse, ends.epoch
    _, obstacle = continuity.examine(ends)
    if obstacle:
        return [finding_of(obstacle, epoch.slot_name)]
    failure = conflicts.look_for(trs, warehouse, epoch, ends.name, look, ends.hidden)
    noted = notes.read_note(warehouse, epoch)
    if noted and noted.undecodable:
        return [finding_of(Obstacle("lost", noted.undecodable), epoch.slot_name)]
    if failure:
        where = f" (table {failure.table})" if failure.table and failure.table not in failure.what else ""
        return [verdict.of_a_conflict(failure.what + where)]
    stream = verdict.of_the_stream(
        look,
        past,
        slot=epoch.slot_name,
        blocked_by=_blocked_by(warehouse, look.worker_pid) if look.worker_pid else None,
        patience=patience,
        held_by_us=_held_by_us(trs, epoch),
    )
    return [stream] if stream else []


def _held_by_us(trs: psycopg.Connection, epoch: Epoch) -> bool:
    slot = read_slot(trs, epoch.slot_name)
    return slot is not None and slot.holder == subscription.APPLICATION


def _of_the_rest(ends: Ends) -> list[Finding]:
    trs, warehouse, classification, epoch, name = (
        ends.trs,
        ends.warehouse,
        ends.classification,
        ends.epoch,
        ends.name,
    )
    now = both_sides.read(trs, warehouse, name, classification.schema_name)
    sends = now.publication.sends if now.publication else {}
    sent = {
        table: [name for name in columns if name in sends[table]]
        for table, columns in classification.published.items()
        if table in sends
    }
    written = [
        f"{one.table} ({', '.join(one.operations)}, {one.rows:,} rows"
        + (f", such as {one.keys[0]}" if one.keys else "")
        + ")"
        for one in manual_writes.unsettled(warehouse)
        if one.table in classification.published
    ]
    found = compare(classification, now)
    reasons = verdict.of_alterations(
        [f"{one.name}: {one.what}" if one.table else one.what for one in altered_in_publication(found, now)],
        [f"{one.table}: {one.what}" for one in alterations.altered(warehouse, classification, sent)],
        written,
    )
    reasons += standing.reasons(found, sends.keys())
    reasons += structure.reasons(found)
    reasons += marks.reasons(ends)
    updates, deletes = missing_rows.unsettled(ends)
    if updates or deletes:
        reasons.append(
            failed(
                "rows_missing",
                f"{updates:,} updates and {deletes:,} deletes of the source found no row in the replica.",
                "warehouse replicate repair",
                ContentDiffers,
            )
        )
    reasons += _of_differences(differences.known(warehouse, classification.published))
    if open_gaps := gaps.unrepaired(warehouse, epoch):
        reasons.append(
            failed(
                "gap",
                f"{len(open_gaps)} gaps are not repaired yet: {verdict.some([gap.reason for gap in open_gaps])}.",
                "warehouse replicate repair",
                SlotLost,
            )
        )
    if by_hand := passed.skipped_by_hand(warehouse, epoch):
        reasons.append(
            failed(
                "skipped_by_hand",
                "A transaction that could not be applied was skipped by hand (ALTER SUBSCRIPTION … SKIP): the replica "
                f"lacks its changes to {verdict.some(by_hand)}, and whatever else it changed.",
                "warehouse replicate repair",
                SubscriptionAltered,
            )
        )
    skipped = _skipped_since_repair(warehouse, epoch)
    if skipped:
        reasons.append(
            warning(
                "skipped",
                f"{skipped:,} rows were given up by `warehouse replicate skip`; in these the replica differs.",
                "warehouse replicate repair --compare restores them from the source.",
            )
        )
    return reasons


def _of_differences(known: Sequence[Known]) -> list[Finding]:
    held = [one for one in known if one.deletes_held]
    others = [one for one in known if not one.deletes_held]
    reasons = []
    if held:
        options = " ".join(f"--allow-deletes {one.table}" for one in held)
        reasons.append(
            failed(
                "deletes_held",
                "A repair left tables unchanged, because it would have deleted more of them than it may by itself: "
                f"{verdict.some([f'{one.table} ({one.extra:,} of {one.warehouse_rows:,} rows)' for one in held])}.",
                f"If the rows are gone at the source: warehouse replicate repair {options}",
                DeletesRefused,
            )
        )
    if others:
        named = verdict.some([str(one) for one in others])
        reasons.append(
            failed(
                "differs",
                f"The last comparison found tables that differ from the source: {named}.",
                "warehouse replicate repair",
                ContentDiffers,
            )
        )
    return reasons


def _skipped_since_repair(warehouse: psycopg.Connection, epoch: Epoch) -> int:
    row = warehouse.execute(
        "select coalesce(sum(rows), 0)::bigint from ledger.skipped_transactions"
        " where epoch_id = %s and state = 'skipped' and settled_at is null and decided_by <> %s",
        (epoch.epoch_id, passed.BY_HAND),
    ).fetchone()
    return int(row[0]) if row else 0


def _blocked_by(warehouse: psycopg.Connection, worker: int) -> str | None:
    """The lock that the apply worker waits for, in words."""
    row = warehouse.execute(
        "select l.relation::regclass::text, b.pid, coalesce(nullif(a.application_name, ''), 'no name')"
        " from pg_locks as l cross join lateral unnest(pg_blocking_pids(l.pid)) as b (pid)"
        " left join pg_stat_activity as a on a.pid = b.pid where l.pid = %s and not l.granted limit 1",
        (worker,),
    ).fetchone()
    return f"a lock on {row[0] or 'a row'} that session {row[1]} ({row[2]}) holds" if row else None


_TABLES = """
select t.name, greatest(c.reltuples, 0)::bigint, (
    select coalesce(sum(s.n_live_tup), 0)::bigint from pg_stat_user_tables as s
    where s.relid = to_regclass(format('history.%%I', t.name || '_log'))
        or s.relid in (
            select i.inhrelid from pg_inherits as i where i.inhparent = to_regclass(format('history.%%I', t.name))
        )
)
from unnest(%s::text[]) as t (name)
join pg_class as c on c.oid = to_regclass(format('%%I.%%I', %s::text, t.name))
order by t.name
"""


def _as_status(
    ends: Ends,
    look: Sample,
    measured: Rates,
    reasons: list[Finding],
    state: State,
    since: datetime | None,
    skew: float,
) -> Status:
    warehouse, classification, epoch, name = ends.warehouse, ends.classification, ends.epoch, ends.name
    errors = subscriptions.counted(warehouse, name, "apply_error_count")
    counted = warehouse.execute(
        "select count(*) from ledger.transactions where epoch_id = %s", (epoch.epoch_id,)
    ).fetchone()
    rows = warehouse.execute(_TABLES, (list(classification.published), classification.schema_name)).fetchall()
    first = first_failed(reasons)
    return Status(
        state=state,
        healthy=first is None,
        exit_code=first.exit_code if first else 0,
        reasons=reasons,
        epoch=epoch.epoch_id,
        since=_utc(since),
        slot=epoch.slot_name,
        slot_active=look.slot_held_by is not None if look.slot_exists else None,
        wal_status=look.wal_status,
        retained_bytes=measured.retained_bytes,
        budget_bytes=measured.budget_bytes,
        wal_bytes_per_second=measured.wal_bytes_per_second,
        seconds_until_full=measured.seconds_until_full,
        lag_bytes=measured.lag_bytes,
        lag_seconds=measured.lag_seconds,
        last_commit_at=_utc(look.newest_commit_at),
        clock_skew_seconds=skew,
        transactions=int(counted[0]) if counted else 0,
        apply_errors=int(errors[0]) if errors else 0,
        history_head=seals.head(warehouse),
        tables=[{"name": table, "rows": live, "earlier_versions": old} for table, live, old in rows],
    )


def _since(warehouse: psycopg.Connection, epoch: Epoch) -> datetime | None:
    row = warehouse.execute(
        "select streaming_since from ledger.epochs where epoch_id = %s", (epoch.epoch_id,)
    ).fetchone()
    return row[0] if row else None


def _utc(moment: datetime | None) -> str | None:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if moment else None
