"""The one run that delivers: what its deliveries share, and how it deals with each of them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from functools import partial

import psycopg

from warehouse.core import sandbox_only
from warehouse.core.contracts import Contract, Status
from warehouse.core.database import connect
from warehouse.core.destinations import describe, kind_of
from warehouse.core.errors import (
    AlreadyRunning,
    BeforeHistory,
    DeliveryError,
    FilesVanished,
    NotCovered,
    SandboxOnly,
    SettingsError,
    UnexpectedFailure,
    WarehouseError,
)
from warehouse.core.ledger import migrate
from warehouse.core.lineage.check import Judge
from warehouse.core.locks import Lock, session_lock
from warehouse.core.progress import Progress
from warehouse.core.settings import Settings, near
from warehouse.core.variables import destination_of
from warehouse.deliver import people_in_files
from warehouse.deliver.acknowledged import settle
from warehouse.deliver.attempt import Attempt
from warehouse.deliver.basis import Basis, find_basis
from warehouse.deliver.change_files.attempt import ChangeAttempt
from warehouse.deliver.check import Check
from warehouse.deliver.contract_fit import not_agreed
from warehouse.deliver.contract_versions import check_agreed
from warehouse.deliver.destinations import Destination, open_destination
from warehouse.deliver.edition import ChangeSet, Edition
from warehouse.deliver.history import (
    History,
    Known,
    basis_of,
    day_due,
    moment_of,
    moment_of_revision,
    refuse_unpublished,
)
from warehouse.deliver.known_values import Sensitive
from warehouse.deliver.ledger import Ledger
from warehouse.deliver.ledger_records import Entry
from warehouse.deliver.outbox import Outbox, clear_all
from warehouse.deliver.owed import Owed
from warehouse.deliver.pseudonyms import of_edition
from warehouse.deliver.recover import adopt, clean, finish, look_back
from warehouse.deliver.report import DeliveredFile, DeliveryReport
from warehouse.deliver.since_last import SinceLast
from warehouse.deliver.states import State
from warehouse.deliver.vanished import sent, vanished
from warehouse.deliver.world import World

VARIABLE = "WAREHOUSE_DATABASE_URL"


@contextmanager
def begin(
    world: World,
    contracts: list[Contract],
    progress: Progress,
    check: Check,
    hook: Callable[[str], None],
    history: History | None = None,
    known: Known = "then",
) -> Iterator[Run]:
    """The one run that delivers. What cannot work is refused before anything is done."""
    in_use = [contract for contract in contracts if contract.status.is_delivered]
    urls = [(contract, destination_url(world.settings, contract)) for contract in in_use]
    with closing(connect(world.conninfo, what="the warehouse", variable=VARIABLE)) as connection:
        migrate(connection)
        if world.synthetic or sandbox_only.holds_synthetic(connection):
            world = replace(world, synthetic=True)
            for contract, url in urls:
                _refuse_recipient(world, contract, url)
        check_agreed(connection, in_use)
        for contract in contracts:
            if contract.status is not Status.ACTIVE:
                progress.say(f"{near(contract.path)} is {contract.status}{_TOLD[contract.status.is_delivered]}")
        with session_lock(connection, Lock.deliver) as free:
            if not free:
                raise AlreadyRunning(
                    "Another run is delivering.",
                    meaning="This command did nothing; the other run delivers what is owed.",
                    next_command="Wait for it to end, then run `warehouse deliver` again.",
                )
            clear_all(world.settings.warehouse_home)
            yield Run(world, progress, connection, Ledger(connection), check, hook, history, known)


_TOLD = {True: ": still delivered", False: ": nothing is delivered under it"}


def _refuse_recipient(world: World, contract: Contract, url: str) -> None:
    """Keep made-up people from being taken for real ones: a sandbox delivers to this machine alone.

    Raises:
        SandboxOnly: the destination is a recipient's.
    """
    if not open_destination(url, world.settings).is_here:
        raise SandboxOnly(
            f"The people are the sandbox's, and the files of {contract.recipient} would go to {describe(url)}.",
            meaning="Nothing was sent: the manifest says that the people are made up, the files themselves do not.",
            next_command=f"Set TRS_DATABASE_URL to the operational database, or remove the variable "
            f"{destination_of(contract.recipient)}.",
        )


def destination_url(settings: Settings, contract: Contract) -> str:
    """Where a contract's files go.

    Raises:
        SettingsError: nowhere, or a kind of place that the contract does not name.
    """
    url = settings.destination(contract.recipient)
    if kind_of(url).name not in contract.destinations:
        raise SettingsError(
            f"{contract.recipient} is to get its files at {describe(url)}, a kind of place that "
            f"{near(contract.path)} does not name in `servers`.",
            meaning="Nothing was sent.",
            next_command=f"Correct {destination_of(contract.recipient)}, or agree a new version of "
            "the contract, then run `warehouse deliver`.",
        )
    return url


@dataclass(frozen=True)
class Run:
    """What all deliveries of one run share.

    Attributes:
        history: builds what was known then; None where only the published build may be delivered.
        known: what a revision of an earlier month rests on that is begun now.
        judges: of the builds that it rests on, what their columns are made of.
        sensitive: the warehouse's sensitive columns, with which each delivery's files are compared.
    """

    world: World
    progress: Progress
    connection: psycopg.Connection
    ledger: Ledger
    check: Check
    hook: Callable[[str], None]
    history: History | None = None
    known: Known = "then"
    judges: dict[int, Judge] = field(default_factory=dict)
    sensitive: Sensitive = field(default_factory=Sensitive)

    def one(self, owed: Owed, because: str | None = None) -> DeliveryReport:
        """Deal with one period: adopt it, deliver it, or write it down as missed."""
        start = time.monotonic()
        report = DeliveryReport(
            delivery_id=owed.delivery_id,
            contract=near(owed.contract.path),
            contract_version=owed.contract.version,
            recipient=owed.contract.recipient,
            extract=owed.contract.name,
            period=owed.edition.period_label,
            state=State.FAILED,
        )
        try:
            report = self._act(owed, report, because)
        except WarehouseError as error:
            self._fail(owed, error)
            state = State.VANISHED if isinstance(error, FilesVanished) else State.FAILED
            report = replace(report, error=error, state=state)
        except Exception as error:
            self._fail(owed, _unforeseen(error))
            raise
        finally:
            self._outbox(owed.edition).clear()
        return replace(report, seconds=round(time.monotonic() - start, 2))

    def finish(self, edition: Edition, entry: Entry) -> None:
        """Close a delivery whose files the recipient has."""
        outbox = self._outbox(edition)
        try:
            with closing(open_destination(entry.destination or "", self.world.settings)) as destination:
                finish(self.ledger, destination, edition, outbox, self.progress, received=True)
        except WarehouseError:
            self._fail(Owed(edition, "decide", None), vanished(edition, entry.destination or "", []))
            raise
        finally:
            outbox.clear()

    def _act(self, owed: Owed, report: DeliveryReport, because: str | None) -> DeliveryReport:
        edition, entry = owed.edition, self.ledger.entry(owed.delivery_id)
        if owed.action == "decide":
            names = [one.facts.name for one in sent(self.ledger.recorded_files(owed.delivery_id))]
            raise vanished(edition, entry.destination or "" if entry else "", names)
        if entry is not None and edition.acknowledgement and self.ledger.is_waiting(owed.delivery_id):
            with closing(open_destination(entry.destination or "", self.world.settings)) as destination:
                settle(self.ledger, destination, edition)
            return self._closed(owed, replace(report, adopted=True))
        if entry is not None:
            if entry.state is not State.FAILED:
                self.ledger.failed(owed.delivery_id, None)
            if self._look_back(owed, entry):
                return self._closed(owed, replace(report, adopted=True))
        self._refuse_unagreed(owed.contract)
        if isinstance(edition, ChangeSet):
            return self._deliver_set(owed, edition, report)
        if owed.action == "catch up":
            return self._catch_up(owed, report, because)
        return self._deliver(owed, self._basis(edition), report, because)

    def _catch_up(self, owed: Owed, report: DeliveryReport, because: str | None) -> DeliveryReport:
        """Deliver what was known when a period was due that no run came for; or write down why that is not known."""
        edition, world = owed.edition, self.world
        if self.history is None:
            raise _of_history(owed.delivery_id)
        try:
            moment, day = self._then(edition)
            refuse_unpublished(self.connection, self.history)
            with self.history.build(edition.contract.models, moment, day, tested=True) as then:
                basis = basis_of(self.connection, then, world.today, world.calendar, by_the_clock=world.by_the_clock)
                basis.check_classes(self.connection, edition, self.judges)
                self.progress.say(f"{owed.delivery_id}: from {basis}")
                return replace(self._deliver(owed, basis, report, because), from_history=True)
        except BeforeHistory as error:
            if edition.replaces and self.ledger.entry(owed.delivery_id) is None:
                raise  # a person asked for it, and can ask for something else: nothing was owed
            return self._missed(edition, report, error)

    def _then(self, edition: Edition) -> tuple[datetime, date]:
        """The moment as known at which, and the day as at which an earlier month is built."""
        if edition.replaces is None:
            world = self.world
            return moment_of(self.connection, edition, world.calendar, world.day_ended), day_due(edition)
        replaced, begun = self.ledger.entry(edition.replaces.delivery_id), self.ledger.entry(edition.delivery_id)
        return moment_of_revision(self.connection, edition, replaced, begun, self.known)

    def _missed(self, edition: Edition, report: DeliveryReport, because: WarehouseError) -> DeliveryReport:
        self.ledger.miss(edition, because)
        return replace(report, state=State.MISSED, missed_because=because.what)

    def _deliver(self, owed: Owed, basis: Basis, report: DeliveryReport, because: str | None) -> DeliveryReport:
        edition = owed.edition
        pseudonyms = of_edition(self.connection, self.world.settings, edition)
        with closing(self._destination(owed.contract)) as destination:
            Attempt(
                edition=edition,
                ledger=self.ledger,
                destination=destination,
                outbox=self._outbox(edition),
                progress=self.progress,
                check=self.check,
                hook=self.hook,
                index=partial(people_in_files.index, self.connection, self.world.settings),
                because=because,
                pseudonyms=pseudonyms,
                sensitive=self.sensitive,
                since_last=SinceLast(self.world, self.connection, self.ledger, self.progress, self.history),
            ).run(self.world.conninfo, basis)
        return self._closed(owed, report)

    def _deliver_set(self, owed: Owed, edition: ChangeSet, report: DeliveryReport) -> DeliveryReport:
        assert owed.span is not None
        with closing(self._destination(owed.contract)) as destination:
            ChangeAttempt(
                edition=edition,
                ledger=self.ledger,
                destination=destination,
                outbox=self._outbox(edition),
                progress=self.progress,
                check=self.check,
                hook=self.hook,
                index=partial(people_in_files.index, self.connection, self.world.settings),
                index_set=partial(people_in_files.index_files, self.connection, self.world.settings),
                span=owed.span,
                sensitive=self.sensitive,
            ).deliver(self.world.conninfo)
        return self._closed(owed, report)

    def _refuse_unagreed(self, contract: Contract) -> None:
        """Give real people's data to nobody without an agreement; made-up ones stay on this machine anyway.

        Raises:
            NotAgreed: it is not signed, or does not hold today.
        """
        if not self.world.synthetic and (why := contract.grounds.why_not_agreed(self.world.today)):
            raise not_agreed(contract, why)

    def _basis(self, edition: Edition) -> Basis:
        """The published build, when it covers the period and is what was built; before anything is begun."""
        world = self.world
        basis = find_basis(self.connection, world.today, world.calendar, by_the_clock=world.by_the_clock)
        basis.check_period(edition)
        basis.check_table(self.connection, edition)
        basis.check_classes(self.connection, edition, self.judges)
        self.progress.say(f"{edition.delivery_id}: from {basis}")
        return basis

    def _look_back(self, owed: Owed, entry: Entry) -> bool:
        """See to what earlier attempts left where they sent it; true when one of them had delivered after all."""
        recorded, edition = self.ledger.recorded_files(owed.delivery_id), owed.edition
        if not recorded:
            return False
        self.progress.say(f"{owed.delivery_id}: looking at what an earlier attempt left")
        moved = entry.destination != self._where(owed.contract)
        with closing(open_destination(entry.destination or "", self.world.settings)) as earlier:
            try:
                if moved:
                    # Only what was delivered there to its end counts: it may have been the wrong place.
                    if adopt(self.ledger, earlier, edition, self.progress):
                        return True
                elif look_back(self.ledger, earlier, edition, self._outbox(edition), self.progress):
                    return True
                if moved or owed.action == "catch up":
                    clean(self.ledger, earlier, edition, self.progress)
            except DeliveryError:
                # A wrong destination that was corrected since must not hold up the right one for ever.
                if not moved:
                    raise
                self.progress.say(f"{owed.delivery_id}: {earlier.where} could not be tidied up")
        if moved:
            self.ledger.moved(owed.delivery_id)
        return False

    def _closed(self, owed: Owed, report: DeliveryReport) -> DeliveryReport:
        entry = self.ledger.entry(owed.delivery_id)
        assert entry is not None
        sent_files = [
            one.facts
            for one in self.ledger.recorded_files(owed.delivery_id)
            if one.attempt == entry.attempt and one.facts.kind == "data"
        ]
        files = tuple(DeliveredFile(one.name, one.rows, one.bytes, one.sha256) for one in sent_files)
        return replace(
            report,
            state=entry.state,
            rows=entry.rows or 0,
            bytes=entry.bytes or 0,
            files=files,
            where=entry.destination or "",
            waits_for=owed.edition.acknowledgement if entry.state is State.VERIFIED else None,
            build_id=entry.build_id,
            as_at=entry.as_at,
            known_up_to=entry.known_at,
            rows_set_aside=sum(one.rows_set_aside for one in sent_files),
        )

    def _outbox(self, edition: Edition) -> Outbox:
        return Outbox(self.world.settings.warehouse_home, edition.delivery_id)

    def _where(self, contract: Contract) -> str:
        return describe(self.world.settings.destination(contract.recipient))

    def _destination(self, contract: Contract) -> Destination:
        return open_destination(destination_url(self.world.settings, contract), self.world.settings)

    def _fail(self, owed: Owed, error: WarehouseError) -> None:
        """Write a failure down, unless nothing of this period is in the ledger or it is written down already."""
        entry = self.ledger.entry(owed.delivery_id)
        if entry is None or entry.state.is_final or entry.state is State.VANISHED:
            return
        if self.ledger.is_waiting(owed.delivery_id):
            return  # All was sent. That nobody could look for the answer changes nothing.
        if isinstance(error, FilesVanished):
            if entry.state not in (State.UPLOADED, State.VERIFIED, State.FAILED):
                self.ledger.failed(owed.delivery_id, error)
            self.ledger.vanished(owed.delivery_id, error)
        elif entry.state is not State.FAILED:
            self.ledger.failed(owed.delivery_id, error)


def _of_history(delivery_id: str) -> NotCovered:
    return NotCovered(
        f"{delivery_id} is owed of an earlier month, of which the published build says nothing.",
        meaning="It was not sent. Today's rows never go under the name of an earlier month.",
        next_command="`warehouse deliver --due` makes it from history; so does `warehouse run`.",
    )


def _unforeseen(error: Exception) -> WarehouseError:
    """What the ledger may say of a defect: its kind, as its text could quote values."""
    return UnexpectedFailure(
        f"A defect: {type(error).__name__}.",
        meaning="The delivery is not complete. The next run carries on.",
        next_command="Report it, then run `warehouse deliver`.",
    )
