"""The main job: replicate, build and test the models, deliver what is due. A row of the ledger says how it ended."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from typing import Any, Protocol

import psycopg

from warehouse.core import keys, returned, roles
from warehouse.core.database import one
from warehouse.core.databases import Databases
from warehouse.core.errors import AlreadyRunning, KeyUnusable, MeaningChanged, RuleChanged, WarehouseError
from warehouse.core.finding import Finding, from_error
from warehouse.core.locks import Lock, session_lock
from warehouse.core.progress import Progress, StageReport, timed
from warehouse.deliver import DeliveryReport, State, deliver, examine_contracts, world_of
from warehouse.erase import check, full_is_due, last_full, load_rules, register_is_empty
from warehouse.jobs.erasing import check_everywhere
from warehouse.jobs.history import BuiltByDbt
from warehouse.marts import BuildReport, build, drop_expired_candidates
from warehouse.replicate import NewColumns, load_classification, replicate
from warehouse.replicate.secrets.scan import LastScan, scan

SCAN_SECONDS = 600
"""A scan for secrets reads what came since the last one. What it does not reach, the status says."""

_CLOCKS_DIFFER = timedelta(days=1)
"""At most, this machine's and the warehouse's."""

_INTERRUPTED = """
update ledger.runs set state = 'interrupted', ended_at = clock_timestamp() where state = 'running'
"""
_BEGIN = "insert into ledger.runs (transport_reason) values (%s) returning run_id"
_END = """
update ledger.runs set state = %s, error = %s, stages = %s, ended_at = clock_timestamp() where run_id = %s
"""


class Shown(Progress, Protocol):
    """Progress that also knows which stage is under way."""

    def stage(self, name: str) -> AbstractContextManager[None]:
        """Show a stage while the block lasts."""


@dataclass
class Run:
    """What a run did, for the summary and for the ledger.

    Attributes:
        held: columns that were left out because they are not classified, or the first error of a change of structure.
        returned: why the run ends with a code of its own: a person who was erased is there again.
        not_looked_into: files and folders that are kept here, and could not be read to look for erased persons.
        scan: of the replica and its history for secrets; the caller stops with what it found, when all is done.
    """

    run_id: int = 0
    stages: list[StageReport] = field(default_factory=list)
    deliveries: list[DeliveryReport] = field(default_factory=list)
    held: NewColumns | None = None
    built: BuildReport | None = None
    returned: Finding | None = None
    not_looked_into: tuple[str, ...] = ()
    scan: LastScan | None = None

    def as_dict(self) -> dict[str, Any]:
        """The run as `--json` prints it."""
        return {
            "run_id": self.run_id,
            "state": "succeeded",
            "stages": [asdict(stage) for stage in self.stages],
            "deliveries": [delivery.as_dict() for delivery in self.deliveries],
            "missed": [delivery.delivery_id for delivery in self.deliveries if delivery.state == State.MISSED],
            "held_back": str(self.held) if self.held else None,
            "returned": self.returned.what if self.returned else None,
            "not_looked_into": list(self.not_looked_into),
            "rows_with_secrets": self.scan.rows if self.scan else None,
            "build": self.built
            and {
                "build_id": self.built.build_id,
                "built": self.built.built,
                "findings": [asdict(finding) for finding in self.built.findings],
            },
        }


def run(
    databases: Databases,
    warehouse: psycopg.Connection,
    progress: Shown,
    on_stage: Callable[[Run, StageReport], None],
) -> Run:
    """Run every stage, on servers that are up and a ledger that is up to date.

    Args:
        warehouse: holds the lock for as long as the run lasts.
        on_stage: called with each stage that ended well.

    Raises:
        AlreadyRunning: another run holds the lock.
        ContractError: of a contract that nothing may be sent under; before anything is replicated or built.
        MeaningChanged: rows of a table may be another's: nothing is built from them or sent.
        RuleChanged: the warehouse holds what the file does not allow any more: nothing is built from it or sent.
        WarehouseError: of the stage that failed; those before it are complete.
    """
    done = Run()

    def finished(report: StageReport) -> None:
        done.stages.append(report)
        on_stage(done, report)

    with _only_run(warehouse), _in_the_ledger(warehouse, done, databases.transport_reason):
        examine_contracts(warehouse)
        drop_expired_candidates(warehouse, databases.settings.warehouse_candidate_days)
        if databases.source_is_embedded:
            report = _fill_sandbox(databases, progress)
            # Only the first run has it as a stage.
            finished(report) if report.rows_out else on_stage(done, report)
        with progress.stage("replicate"):
            report, done.held = replicate(databases, progress)
        finished(report)
        with progress.stage("secrets"):
            report, done.scan = _look_for_secrets(warehouse, progress)
        finished(report)
        if done.held and isinstance(done.held.first, MeaningChanged | RuleChanged):
            raise done.held.first
        done.returned, done.not_looked_into = _look_for_returned(databases, warehouse, progress)
        with progress.stage("build"):
            if databases.warehouse_is_embedded:
                roles.apply(warehouse, databases.settings)
            done.built = build(databases, databases.today(), progress)
        finished(done.built.stage)
        with progress.stage("deliver"):
            report = _deliver(databases, warehouse, progress, done)
        finished(report)
    return done


def _look_for_secrets(warehouse: psycopg.Connection, progress: Progress) -> tuple[StageReport, LastScan]:
    """What came since the last scan. A secret does not keep today's data from their readers; the run's end says it."""
    with timed("secrets") as report:
        found = scan(warehouse, load_classification(), progress, seconds=SCAN_SECONDS)
    report.rejected = found.rows
    report.notes = [f"{found.rows:,} rows with what looks like a secret" if found.rows else "none found"]
    if found.unfinished:
        report.notes.append(f"{len(found.unfinished)} tables not read in time")
    return report, found


def _look_for_returned(
    databases: Databases, warehouse: psycopg.Connection, progress: Shown
) -> tuple[Finding | None, tuple[str, ...]]:
    """Whether a person who was erased is there again; after a week or a repair everything is looked through.

    Returns:
        Besides, what could not be looked into: one broken file must not keep today's data from their readers.
    """
    unread: tuple[str, ...] = ()
    if not register_is_empty(warehouse):
        try:
            with progress.stage("erased persons"):
                if full_is_due(warehouse):
                    # What lay there at the last check, and is unchanged, was compared then or by an erasure since.
                    last = last_full(warehouse)
                    since = last and last - _CLOCKS_DIFFER
                    unread = check_everywhere(databases, warehouse, [], progress, files_since=since).unread
                else:
                    key = keys.installation(warehouse, databases.settings)
                    check(warehouse, load_rules(), key, progress, everywhere=False)
        except KeyUnusable as error:
            # A lost key must not keep today's data from their readers.
            return from_error("register", error), ()
    return returned.finding(warehouse), unread


def _fill_sandbox(databases: Databases, progress: Shown) -> StageReport:
    """Make the synthetic operational database where there is none."""
    with progress.stage("sandbox"), timed("sandbox") as report:
        made = databases.embedded_source().ensure(databases.source_conninfo, databases.settings, progress)
    if made:
        report.rows_out = sum(made.values())
        report.where = ["the embedded operational database"]
        report.notes = [f"{report.rows_out:,} rows of a synthetic operational database"]
    else:
        report.notes = [f"it is {databases.today():%d %B %Y} in the synthetic operational database"]
    return report


def _deliver(databases: Databases, warehouse: psycopg.Connection, progress: Progress, done: Run) -> StageReport:
    with timed("deliver") as report:
        # As each is known, so that the ledger and the summary have what was delivered before one failed.
        history = BuiltByDbt(databases, warehouse, progress)
        deliver(world_of(databases), progress, history=history, on_report=done.deliveries.append)
    closed = [delivery for delivery in done.deliveries if delivery.state == State.CLOSED]
    report.rows_in = report.rows_out = sum(delivery.rows for delivery in closed)
    report.rejected = 0
    report.where = [delivery.place for delivery in closed]
    report.notes = [str(delivery) for delivery in done.deliveries] or ["nothing is due"]
    return report


@contextmanager
def _only_run(connection: psycopg.Connection) -> Iterator[None]:
    """One run at a time on a warehouse; the second one says so and leaves.

    Raises:
        AlreadyRunning: another run holds the lock.
    """
    with session_lock(connection, Lock.run) as held:
        if not held:
            raise AlreadyRunning(
                "Another run of this warehouse is in progress.",
                meaning="This run did nothing; the other one continues.",
                next_command="Wait for it, then run again. To see it: warehouse sql "
                '"select * from ledger.runs order by run_id desc limit 1"',
            )
        yield


@contextmanager
def _in_the_ledger(connection: psycopg.Connection, done: Run, transport_reason: str | None) -> Iterator[None]:
    """A row for the run, with how it ended. A run that was killed is marked by the next one, which holds the lock."""
    connection.execute(_INTERRUPTED)
    (done.run_id,) = one(connection, _BEGIN, (transport_reason,))
    state, error = "succeeded", None
    try:
        yield
    except WarehouseError as failure:
        state, error = "failed", failure.as_dict()
        raise
    except KeyboardInterrupt:
        state = "interrupted"
        raise
    except BaseException as failure:
        state, error = "failed", {"error": type(failure).__name__}
        raise
    finally:
        if not connection.closed and not connection.broken:
            stages = json.dumps([asdict(stage) for stage in done.stages])
            connection.execute(_END, (state, json.dumps(error) if error else None, stages, done.run_id))
