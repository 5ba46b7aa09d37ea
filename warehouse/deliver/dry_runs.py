"""The files of a contract, made from the published build and held against the gate, and sent nowhere.

For whoever writes an extract. No destination is needed, and no delivery is written down.
"""

from __future__ import annotations

from contextlib import closing
from dataclasses import asdict, dataclass, replace
from datetime import date, timedelta
from typing import Any

import psycopg

from warehouse.core.contracts import Contract, load_contract
from warehouse.core.contracts.place import named
from warehouse.core.database import connect
from warehouse.core.errors import CheckFailed, UsageError
from warehouse.core.progress import Progress
from warehouse.core.settings import near
from warehouse.deliver import singled_out, volume
from warehouse.deliver.apart import alone
from warehouse.deliver.basis import Basis, find_basis
from warehouse.deliver.check import Check, check_files
from warehouse.deliver.contract_versions import check_classes
from warehouse.deliver.edition import Edition, edition_of
from warehouse.deliver.extract import extract
from warehouse.deliver.gate import Counted, pass_gate
from warehouse.deliver.known_values import Sensitive
from warehouse.deliver.ledger import Ledger
from warehouse.deliver.outbox import APART, Outbox
from warehouse.deliver.periods import days_between, latest_owed
from warehouse.deliver.pseudonyms import of_dry_run
from warehouse.deliver.report import DeliveredFile
from warehouse.deliver.run import VARIABLE
from warehouse.deliver.world import World


@dataclass(frozen=True)
class DryRun:
    """What would be delivered.

    Attributes:
        contract: its file, as a person would type it.
        files: the data files, named as they would be below the destination.
        folder: where they lie; None when they were thrown away.
        compared_with: the delivery that the number of rows was compared with; None when there is none yet.
        rows_set_aside: that the layout of the file cannot hold.
        singled_out: who stands out in each table of people, by its name; empty where the gate refused the files.
        failure: what the gate says against it; None when all rules hold.
    """

    contract: str
    contract_version: str
    period: str
    build_id: int
    as_at: date
    rows: int
    bytes: int
    files: tuple[DeliveredFile, ...]
    folder: str | None
    compared_with: str | None
    rows_set_aside: int
    singled_out: dict[str, dict[str, Any]]
    failure: CheckFailed | None

    def as_dict(self) -> dict[str, Any]:
        """As `--json` prints it; a failure's fields are those of every error."""
        told = asdict(replace(self, failure=None))
        del told["failure"]
        return (self.failure.as_dict() if self.failure else {}) | told


def dry_run(
    world: World,
    progress: Progress,
    extract_name: str,
    *,
    period: str | None = None,
    keep: bool = False,
    check: Check = check_files,
) -> DryRun:
    """Make the files of one contract and hold them against the gate.

    Args:
        extract_name: such as "tad/teachers".
        period: of a contract of days, such as "2026-09-30"; None for the one that the build's day is the end of.
        keep: whether the files stay in the outbox, until the next dry run of the contract or an erasure.
        check: the gate's rules on values and keys.

    Raises:
        UsageError: there is no such contract, or it has no such period.
        ContractError: it is not sound, or does not fit its model.
        ContractBehind, ClassTooLow: it classifies a column too low.
        NotCovered: there is no published build, or it has no such table.
        AlreadyRunning: another command has the folder for it.
        CheckFailed: no file could be made of the rows.
    """
    (path,) = named(extract_name, world.exports)
    contract = load_contract(path)
    if contract.change_files is not None:
        raise UsageError(
            f"{extract_name} is a contract of change files, of which there is no dry run.",
            meaning="Nothing was made.",
            next_command="`warehouse deliveries due` says which set is owed. With WAREHOUSE_DESTINATION_"
            f"{contract.recipient.upper()} set to a folder of your own, `warehouse deliver` makes it there.",
        )
    check_classes([contract])
    with (
        alone(world.settings.warehouse_home),
        closing(connect(world.conninfo, what="the warehouse", variable=VARIABLE, read_only=True)) as reader,
    ):
        basis = find_basis(reader, world.today, world.calendar, by_the_clock=world.by_the_clock)
        edition = _edition(contract, basis, period)
        basis.check_table(reader, edition)
        basis.check_classes(reader, edition, {})
        progress.say(f"{edition.delivery_id}: from {basis}, and sent nowhere")
        outbox = Outbox(world.settings.warehouse_home, f"{APART}/{edition.delivery_id}")
        outbox.make_empty()
        kept = False
        try:
            made = _made(world, reader, edition, basis, outbox, progress, check, keep=keep)
            kept = keep
        finally:
            if not kept:
                outbox.clear()
    return made


def _made(
    world: World,
    reader: psycopg.Connection,
    edition: Edition,
    basis: Basis,
    outbox: Outbox,
    progress: Progress,
    check: Check,
    *,
    keep: bool,
) -> DryRun:
    pseudonyms = of_dry_run(world.settings, edition.contract)
    with closing(connect(world.conninfo, what="the warehouse", variable=VARIABLE)) as rows_from:
        made = extract(rows_from, edition, basis, outbox, progress, lambda _: None, pseudonyms)
    before = Ledger(reader).before(edition)
    found = volume.of_delivery(edition, made.files, before)
    failure, counted = None, Counted()
    try:
        paths = [(outbox.path(file.base_name), file) for file in made.files]
        counted = pass_gate(edition, paths, found, check, reader, Sensitive(), progress)
    except CheckFailed as error:
        failure = type(error)(
            error.what,
            meaning="Nothing is sent by a dry run. A delivery of these rows would be refused.",
            next_command=f"Correct the model {edition.contract.model} or {near(edition.contract.path)}, run `warehouse "
            f"build`, then `warehouse deliveries dry-run {edition.contract.recipient}/{edition.contract.name}` again.",
        )
        failure.rules = error.rules
    return DryRun(
        contract=near(edition.contract.path),
        contract_version=edition.contract.version,
        period=str(edition.period),
        build_id=basis.build.build_id,
        as_at=made.as_at,
        rows=made.rows,
        bytes=sum(file.bytes for file in made.files),
        files=tuple(DeliveredFile(one.name, one.rows, one.bytes, one.sha256) for one in made.files),
        folder=str(outbox.folder) if keep else None,
        compared_with=before.delivery_id if before else None,
        rows_set_aside=sum(one.rows_set_aside for one in made.files),
        singled_out=singled_out.by_table(edition, counted.singled_out),
        failure=failure,
    )


def _edition(contract: Contract, basis: Basis, period: str | None) -> Edition:
    """The period of a dry run: the last one that is over on the build's day. Whether it is owed is of no matter."""
    name = f"{contract.recipient}/{contract.name}"
    if period is not None:
        try:
            edition = edition_of(contract, f"{name}/{period}")
        except ValueError:
            edition = None
        if edition is None:
            form = "2026-09-30 or 2026-09-28--2026-09-30" if contract.schedule.every == "day" else "2026-09"
            raise UsageError(
                f"{period!r} is no period of {name}.",
                meaning="Nothing was made.",
                next_command=f"Give it as {form}, or leave it out.",
            )
        return edition
    day = basis.build.as_at
    if contract.schedule.every == "month":
        return Edition(contract, latest_owed(day, contract.schedule))
    days = days_between(day - timedelta(days=1), day)
    assert days is not None
    return Edition(contract, days)
