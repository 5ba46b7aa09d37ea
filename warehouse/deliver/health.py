"""Whether every recipient has a place, and whether a delivery waits for a person."""

from __future__ import annotations

from contextlib import closing
from datetime import date
from pathlib import Path

import psycopg

from warehouse.core.contracts import EXPORTS, Contract, Proof, load_change_contracts, load_contracts
from warehouse.core.database import one
from warehouse.core.destinations import FOLDER, folder_of, kind_of
from warehouse.core.errors import FilesVanished, WarehouseError
from warehouse.core.finding import Finding, from_error, ok, warning
from warehouse.core.settings import Settings
from warehouse.deliver.contract_fit import examine_fit, manifest_of
from warehouse.deliver.contract_versions import check_agreed
from warehouse.deliver.destinations import open_destination
from warehouse.deliver.run import destination_url
from warehouse.deliver.try_out import try_out

_CLOSE = (
    "Have its owner put it right: on a bucket public access prevention, uniform access, the agreed region and a key of "
    "its owner's; no anonymous access to a container."
)
_ASK = "Ask its owner."
_TRIED = {
    Proof.READ_BACK: "a tiny file was written, read back and removed",
    Proof.PICK_UP: "a tiny file was written and read back",
    Proof.WRITE_ONLY: "it lets us in; nothing was written, as nothing may be removed",
}

_LEDGER = "select to_regclass('ledger.delivery_decisions') is not null"
_WAITING = "select delivery_id, error ->> 'next' from ledger.deliveries where state = 'vanished' order by 1"


def examine_destinations(settings: Settings, exports: Path = EXPORTS) -> list[Finding]:
    """Try each place in use with a tiny object that is removed again, and ask it who else may read what is there."""
    found: list[Finding] = []
    tried: set[str] = set()
    for contract in _delivered(exports):
        code = f"destination of {contract.recipient}"
        if code in tried:
            continue
        tried.add(code)
        try:
            url = destination_url(settings, contract)
            if kind_of(url) is FOLDER and folder_of(url) == _made_later(settings):
                found.append(ok(code, f"{folder_of(url)}, which is made when it is needed"))
                continue
            with closing(open_destination(url, settings)) as destination:
                doubts = [
                    *((doubt, _ASK) for doubt in try_out(destination, contract.proof)),
                    *((doubt, _CLOSE) for doubt in destination.doubts()),
                ]
                found += [warning(code, f"{destination.where}: {doubt}", then) for doubt, then in doubts]
                if not doubts:
                    found.append(ok(code, f"{destination.where}: {_TRIED[contract.proof]}"))
        except WarehouseError as error:
            found.append(from_error(code, error))
    return found


def _made_later(settings: Settings) -> Path | None:
    """The folder of this machine's own deliveries, before there is any."""
    folder = folder_of(str(settings.warehouse_deliveries))
    return None if folder.exists() else folder


def examine_fit_of_contracts(
    settings: Settings, today: date, *, synthetic: bool, exports: Path = EXPORTS
) -> list[Finding]:
    """Whether contracts fit their models and are agreed: what a run would refuse, and what a person should know.

    Raises:
        ContractError: a contract is not sound.
    """
    return examine_fit(load_contracts(exports), today, synthetic=synthetic, manifest=manifest_of(settings))


def _delivered(exports: Path) -> list[Contract]:
    every = [*load_contracts(exports), *load_change_contracts(exports)]
    return [contract for contract in every if contract.status.is_delivered]


def examine_deliveries(connection: psycopg.Connection, settings: Settings, exports: Path = EXPORTS) -> str:
    """Say what is good. Changes nothing, and needs no ledger.

    Raises:
        ContractError: a contract is not sound, or says something else than what was sent under its version.
        SettingsError: a recipient has no destination, or one of a kind that its contract does not name.
        FilesVanished: files of a delivery are not to be found, and a person has to decide.
    """
    contracts = _delivered(exports)
    check_agreed(connection, contracts)
    for contract in contracts:
        destination_url(settings, contract)
    waiting = connection.execute(_WAITING).fetchall() if one(connection, _LEDGER)[0] else []
    if waiting:
        raise FilesVanished(
            f"{', '.join(name for name, _ in waiting)}: what was sent cannot be found.",
            meaning="It is not sent again before a person decides.",
            next_command=waiting[0][1],
        )
    return f"{len(contracts)} extracts, each with a place to go; none waits for a person"
