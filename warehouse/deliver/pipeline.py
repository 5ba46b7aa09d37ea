"""The delivery of everything that is owed, one period of one contract after the other."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

from warehouse.core.contracts import EXPORTS, Contract, load_contracts
from warehouse.core.contracts.read import shown
from warehouse.core.database import connect, session_lock
from warehouse.core.errors import AlreadyRunning, DeliveryError, SettingsError, UnexpectedFailure, WarehouseError
from warehouse.core.ledger import migrate
from warehouse.core.progress import Progress
from warehouse.core.settings import Settings
from warehouse.deliver.attempt import Attempt
from warehouse.deliver.check import Check, check_files
from warehouse.deliver.destinations import Destination, describe, open_destination, scheme_of
from warehouse.deliver.due import Owed, due
from warehouse.deliver.ledger import Entry, Ledger
from warehouse.deliver.outbox import Outbox, clear_all
from warehouse.deliver.recover import adopt, clean
from warehouse.deliver.report import DeliveredFile, DeliveryReport
from warehouse.deliver.states import State

VARIABLE = "WAREHOUSE_DATABASE_URL"
LOCK = "deliver"


def _nothing(step: str) -> None:
    del step


def what_is_due(conninfo: str, today: date, exports: Path = EXPORTS) -> list[Owed]:
    """What a run on a day would do, without doing it.

    Raises:
        ContractError, DatabaseUnreachable.
    """
    contracts = load_contracts(exports)
    with closing(connect(conninfo, what="the warehouse", variable=VARIABLE)) as connection:
        migrate(connection)
        return due(contracts, Ledger(connection), today)


def deliver(
    conninfo: str,
    settings: Settings,
    today: date,
    progress: Progress,
    build_id: int | None = None,
    *,
    exports: Path = EXPORTS,
    on_report: Callable[[DeliveryReport], None] | None = None,
    check: Check = check_files,
    hook: Callable[[str], None] = _nothing,
) -> list[DeliveryReport]:
    """Deliver what is owed. Running it again, at any time and after any crash, never delivers twice.

    A delivery that fails does not keep the others from being tried.

    Args:
        conninfo: of the warehouse.
        settings: for the destinations and the outbox.
        today: the business date that decides what is owed.
        progress: told of each step.
        build_id: of the build that the extracts come from, for the manifest.
        exports: the folder of the contracts.
        on_report: called with each report as soon as it is known, also of a failure.
        check: the gate for files.
        hook: called with the name of each step as it is reached; tests stop the process there.

    Returns:
        A report for each period that was owed.

    Raises:
        ContractError: a contract is not sound; nothing was begun.
        AlreadyRunning: another run delivers.
        DeliveryError: or one of its kinds: the first delivery that failed, after all were tried.
        WarehouseError: other failures of a delivery, likewise.
    """
    contracts = load_contracts(exports)
    reports: list[DeliveryReport] = []
    with closing(connect(conninfo, what="the warehouse", variable=VARIABLE)) as connection:
        migrate(connection)
        with session_lock(connection, LOCK) as free:
            if not free:
                raise AlreadyRunning(
                    "Another run is delivering.",
                    meaning="Nothing was done here; what is owed is being delivered there.",
                    next_command="Wait for it to end, then run `warehouse deliver` again.",
                )
            clear_all(settings.warehouse_home)
            run = _Run(conninfo, settings, today, progress, build_id, Ledger(connection), check, hook)
            for owed in due(contracts, run.ledger, today):
                report = run.one(owed)
                reports.append(report)
                if on_report:
                    on_report(report)
    errors = [report.error for report in reports if report.error]
    if errors:
        raise errors[0]
    return reports


@dataclass(frozen=True)
class _Run:
    """What all deliveries of one run share."""

    conninfo: str
    settings: Settings
    today: date
    progress: Progress
    build_id: int | None
    ledger: Ledger
    check: Check
    hook: Callable[[str], None]

    def one(self, owed: Owed) -> DeliveryReport:
        """Deal with one period: adopt it, deliver it, or write it down as missed."""
        start = time.monotonic()
        report = DeliveryReport(
            delivery_id=owed.delivery_id,
            contract=shown(owed.contract.path),
            contract_version=owed.contract.version,
            recipient=owed.contract.recipient,
            extract=owed.contract.name,
            period=str(owed.period),
            state=State.FAILED,
        )
        try:
            report = self._act(owed, report)
        except WarehouseError as error:
            self._fail(owed, error)
            report = replace(report, error=error)
        except Exception as error:
            self._fail(owed, _unforeseen(error))
            raise
        finally:
            Outbox(self.settings.warehouse_home, owed.delivery_id).clear()
        return replace(report, seconds=round(time.monotonic() - start, 2))

    def _act(self, owed: Owed, report: DeliveryReport) -> DeliveryReport:
        entry = self.ledger.entry(owed.delivery_id)
        if entry is not None:
            if entry.state is not State.FAILED:
                self.ledger.failed(owed.delivery_id, None)
            if self._look_back(owed, entry):
                return self._closed(owed, replace(report, adopted=True))
        if owed.action == "miss":
            self.ledger.miss(owed.contract, owed.period)
            return replace(report, state=State.MISSED)
        with closing(self._destination(owed.contract)) as destination:
            Attempt(
                contract=owed.contract,
                period=owed.period,
                ledger=self.ledger,
                destination=destination,
                outbox=Outbox(self.settings.warehouse_home, owed.delivery_id),
                progress=self.progress,
                check=self.check,
                hook=self.hook,
            ).run(self.conninfo, self.today, self.build_id)
        return self._closed(owed, report)

    def _look_back(self, owed: Owed, entry: Entry) -> bool:
        """See to what earlier attempts left where they sent it; true when one of them had delivered after all."""
        recorded = self.ledger.recorded_files(owed.delivery_id)
        if not recorded:
            return False
        self.progress.say(f"{owed.delivery_id}: looking at what an earlier attempt left")
        moved = entry.destination != self._where(owed.contract)
        with closing(open_destination(entry.destination or "", self.settings)) as earlier:
            if any(one.facts.kind == "manifest" for one in recorded) and adopt(
                self.ledger, earlier, owed.contract, owed.period, owed.delivery_id
            ):
                return True
            if moved or owed.action == "miss":
                try:
                    clean(self.ledger, earlier, owed.contract, owed.period, owed.delivery_id)
                except DeliveryError:
                    # A wrong destination that was corrected since must not hold up the right one for ever.
                    if not moved:
                        raise
                    self.progress.say(f"{owed.delivery_id}: {earlier.where} could not be tidied up")
        return False

    def _closed(self, owed: Owed, report: DeliveryReport) -> DeliveryReport:
        entry = self.ledger.entry(owed.delivery_id)
        assert entry is not None
        files = tuple(
            DeliveredFile(one.facts.name, one.facts.rows or 0, one.facts.bytes, one.facts.sha256)
            for one in self.ledger.recorded_files(owed.delivery_id)
            if one.attempt == entry.attempt and one.facts.kind == "data"
        )
        return replace(
            report,
            state=entry.state,
            rows=entry.rows or 0,
            bytes=entry.bytes or 0,
            files=files,
            where=entry.destination or "",
        )

    def _where(self, contract: Contract) -> str:
        return describe(self.settings.destination(contract.recipient))

    def _destination(self, contract: Contract) -> Destination:
        url = self.settings.destination(contract.recipient)
        if scheme_of(url) not in contract.destinations:
            raise SettingsError(
                f"{contract.recipient} is to get its files at {describe(url)}, a kind of place that "
                f"{shown(contract.path)} does not name in `servers`.",
                meaning="Nothing was sent.",
                next_command=f"Correct WAREHOUSE_DESTINATION_{contract.recipient.upper()}, or agree a new version of "
                "the contract, then run `warehouse deliver`.",
            )
        return open_destination(url, self.settings)

    def _fail(self, owed: Owed, error: WarehouseError) -> None:
        """Write a failure down, unless nothing of this period is in the ledger or it stands at failed already."""
        entry = self.ledger.entry(owed.delivery_id)
        if entry is not None and not entry.state.is_final and entry.state is not State.FAILED:
            self.ledger.failed(owed.delivery_id, error)


def _unforeseen(error: Exception) -> WarehouseError:
    """What the ledger may say of a defect: its kind, as its text could quote values."""
    return UnexpectedFailure(
        f"A defect: {type(error).__name__}.",
        meaning="The delivery is not complete. The next run carries on.",
        next_command="Report it, then run `warehouse deliver`.",
    )
