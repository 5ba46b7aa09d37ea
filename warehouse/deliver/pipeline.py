"""What a run of deliveries is asked to do: what is owed, a revision, or what a person decided."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from typing import Literal

from warehouse.core.contracts import Contract, load_change_contracts, load_contracts
from warehouse.core.database import connect
from warehouse.core.errors import UsageError, VolumeRefused, WarehouseError
from warehouse.core.ledger import migrate
from warehouse.core.progress import Progress
from warehouse.deliver.change_files.again import refuse_change_sets
from warehouse.deliver.change_files.sets import deliver_sets, due_set
from warehouse.deliver.check import Check, check_files
from warehouse.deliver.edition import Edition, edition_of
from warehouse.deliver.history import History, Known
from warehouse.deliver.ledger import Ledger
from warehouse.deliver.owed import Action, Owed, due
from warehouse.deliver.periods import Month, latest_owed
from warehouse.deliver.report import DeliveryReport
from warehouse.deliver.run import VARIABLE, begin
from warehouse.deliver.states import State
from warehouse.deliver.world import World


def _nothing(step: str) -> None:
    del step


def what_is_due(world: World) -> list[Owed]:
    """What a run would do, without doing it.

    Raises:
        ContractError, DatabaseUnreachable.
    """
    contracts = load_contracts(world.exports)
    with closing(connect(world.conninfo, what="the warehouse", variable=VARIABLE)) as connection:
        migrate(connection)
        owed = due(contracts, Ledger(connection), world.today, world.calendar)
        sets = (due_set(connection, one, world.settings) for one in _delivered_changes(world))
        return [*owed, *(one for one in sets if one is not None)]


def deliver(
    world: World,
    progress: Progress,
    *,
    history: History | None = None,
    on_report: Callable[[DeliveryReport], None] | None = None,
    check: Check = check_files,
    hook: Callable[[str], None] = _nothing,
) -> list[DeliveryReport]:
    """Deliver what is owed. Running it again, at any time and after any crash, never delivers twice.

    A delivery that fails does not keep the others from being tried; but for later days of the same contract, as the
    recipient would take what they say for older than what is sent after them.

    Args:
        progress: shown each step.
        history: builds what was known at an earlier moment, for months that no run came for: they are delivered in
            order, before the latest. Without it they stay owed, and are told as not covered.
        on_report: called with each report as soon as it is known, also of a failure.
        check: the gate for files.
        hook: called with the name of each step as it is reached; tests stop the process there.

    Returns:
        A report for each period that was owed.

    Raises:
        ContractError: a contract is not sound; nothing was begun.
        ContractChanged: one changed without a new version; nothing was begun.
        SettingsError: a recipient has no destination; nothing was begun.
        AlreadyRunning: another run delivers.
        NotCovered: the published build does not cover a period that is owed, or is not what was built.
        BuildFailed: what was known then breaks a test.
        DeliveryError: or one of its kinds: the first delivery that failed, after all were tried.
        WarehouseError: other failures of a delivery, likewise.
    """
    contracts, changes = load_contracts(world.exports), _delivered_changes(world)
    reports: list[DeliveryReport] = []
    held: set[tuple[str, str]] = set()
    errors: list[WarehouseError] = []
    with begin(world, [*contracts, *changes], progress, check, hook, history) as run:
        for owed in due(contracts, run.ledger, world.today, world.calendar):
            if owed.contract.key in held:
                continue
            report = run.one(owed)
            if report.error and owed.contract.schedule.every == "day":
                held.add(owed.contract.key)
            reports.append(report)
            if on_report:
                on_report(report)
        for contract in changes:
            try:
                for report in deliver_sets(run, contract):
                    reports.append(report)
                    if on_report:
                        on_report(report)
            except WarehouseError as error:
                errors.append(error)
    errors = [*(report.error for report in reports if report.error), *errors]
    if errors:
        raise errors[0]
    return reports


def redo(
    world: World,
    progress: Progress,
    delivery_id: str,
    because: str,
    *,
    history: History | None = None,
    known: Known = "then",
    check: Check = check_files,
    hook: Callable[[str], None] = _nothing,
) -> DeliveryReport:
    """Make a numbered revision of a delivery that is closed, beside it at the destination; the ledger keeps both.

    After a crash the same command, or the next run, finishes the revision that was begun.

    Args:
        delivery_id: of the delivery, or of one of its revisions.
        because: the reason, which the ledger keeps.
        history: for a month that is not the latest (`is_earlier`): builds it as at the day of what it replaces.
        known: what a revision from history rests on: what the delivery knew that it replaces, or all that is known
            now, with what was corrected since.

    Raises:
        UsageError: there is no such delivery, or it is not closed.
        NotCovered: the published build says nothing of its period; or it is of an earlier month, without history.
        BeforeHistory: history does not reach to what was known then.
        WarehouseError: what else a delivery can meet.
    """
    refuse_change_sets(world.exports, delivery_id)
    contracts = load_contracts(world.exports)
    with begin(world, contracts, progress, check, hook, history, known) as run:
        latest = run.ledger.latest(_edition(contracts, delivery_id))
        entry = run.ledger.entry(latest.delivery_id)
        doing: Action = "catch up" if _is_earlier(world, latest) else "deliver"
        if entry is not None and entry.state is State.CLOSED:
            owed = Owed(replace(latest, revision=latest.revision + 1), doing, None)
        elif entry is not None and latest.revision > 1 and not entry.state.is_final:
            owed = Owed(latest, "decide" if entry.state is State.VANISHED else doing, entry.state)
        else:
            raise _not_possible(
                f"{delivery_id} was never delivered: it is {entry.state if entry else 'not in the ledger'}.",
                "`warehouse deliver` makes what is due; `warehouse deliveries list` shows what was delivered.",
            )
        report = run.one(owed, because)
    if report.error:
        raise report.error
    return report


def is_earlier(world: World, delivery_id: str) -> bool:
    """Whether a delivery is of a month that is not the latest one: its revision is made from history.

    Raises:
        UsageError: it is no delivery of a contract.
    """
    return _is_earlier(world, _edition(load_contracts(world.exports), delivery_id))


def _is_earlier(world: World, edition: Edition) -> bool:
    latest = latest_owed(max(world.today, world.calendar), edition.contract.schedule)
    return isinstance(edition.period, Month) and edition.period < latest


def decide(
    world: World, progress: Progress, delivery_id: str, decision: Literal["received", "resend"], because: str
) -> State:
    """Carry out what a person decided about a delivery whose files vanished, or whose acknowledgement is missing.

    Args:
        decision: "received": the recipient has the files: the manifest is written and the delivery closed. "resend":
            they have not: the next run sends them again.

    Raises:
        UsageError: there is no such delivery, or nothing of it vanished.
        WarehouseError: the manifest could not be written; the delivery can be decided again.
    """
    contracts = [*load_contracts(world.exports), *load_change_contracts(world.exports)]
    with begin(world, contracts, progress, check_files, _nothing) as run:
        edition = _edition(contracts, delivery_id)
        entry = run.ledger.entry(edition.delivery_id)
        if decision == "received" and run.ledger.is_waiting(edition.delivery_id):
            run.ledger.decide(edition.delivery_id, decision, because)
            run.ledger.closed(edition.delivery_id)
            return State.CLOSED
        if entry is None or entry.state is not State.VANISHED:
            raise _not_possible(
                f"{delivery_id} waits for no decision: it is {entry.state if entry else 'not in the ledger'}.",
                "`warehouse deliveries list` shows those whose files vanished.",
            )
        run.ledger.decide(edition.delivery_id, decision, because)
        if decision == "received":
            run.finish(edition, entry)
        after = run.ledger.entry(edition.delivery_id)
    assert after is not None
    return after.state


def release(world: World, progress: Progress, delivery_id: str, because: str) -> dict[str, int]:
    """Let a delivery pass although its number of rows is not as its contract says: a person decided so.

    It holds for this delivery alone, for the rules that it failed by, and for a number of rows that is no further off.

    Returns:
        Each rule that it is released from, with the number of rows. The next run sends it.

    Raises:
        UsageError: there is no such delivery, or it did not fail by its number of rows alone.
    """
    contracts = load_contracts(world.exports)
    with begin(world, contracts, progress, check_files, _nothing) as run:
        edition = _edition(contracts, delivery_id)
        failure = run.ledger.failure(edition.delivery_id)
        if failure.get("error") != VolumeRefused.__name__:
            broken = ", ".join(f"`{one['rule']}`" for one in failure.get("rules", []))
            entry = run.ledger.entry(edition.delivery_id)
            why = f"it failed by {broken}" if broken else f"it is {entry.state if entry else 'not in the ledger'}"
            raise _not_possible(
                f"{delivery_id} cannot be released: {why}.",
                "Only the number of rows can be let pass. `warehouse deliveries list` says why each delivery failed.",
            )
        rules = {str(one["rule"]): int(one["rows"]) for one in failure["rules"]}
        run.ledger.release(edition.delivery_id, rules, because)
    return rules


def _delivered_changes(world: World) -> list[Contract]:
    return [one for one in load_change_contracts(world.exports) if one.status.is_delivered]


def _edition(contracts: list[Contract], delivery_id: str) -> Edition:
    for contract in contracts:
        if edition := edition_of(contract, delivery_id):
            return edition
    raise _not_possible(f"{delivery_id} is no delivery of a contract in exports/.", "warehouse deliveries list")


def _not_possible(what: str, next_command: str) -> UsageError:
    return UsageError(what, meaning="Nothing was sent and nothing was changed.", next_command=next_command)
