"""Whether every recipient has a place, and whether a delivery waits for a person."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import psycopg

from warehouse.core.contracts import EXPORTS, load_contracts
from warehouse.core.database import one
from warehouse.core.errors import FilesVanished, WarehouseError
from warehouse.core.finding import Finding, from_error, warning
from warehouse.core.settings import Settings
from warehouse.deliver.contract_versions import check_agreed
from warehouse.deliver.destinations import open_destination
from warehouse.deliver.run import destination_url

_LEDGER = "select to_regclass('ledger.delivery_decisions') is not null"
_WAITING = "select delivery_id, error ->> 'next' from ledger.deliveries where state = 'vanished' order by 1"


def examine_destinations(settings: Settings, exports: Path = EXPORTS) -> list[Finding]:
    """What lets others read what is delivered, as far as each place says. Asks the places that have a say."""
    found: list[Finding] = []
    for contract in load_contracts(exports):
        code = f"destination of {contract.recipient}"
        if any(one.code == code for one in found):
            continue
        try:
            with closing(open_destination(destination_url(settings, contract), settings)) as destination:
                found += [
                    warning(
                        code,
                        f"{destination.where}: {doubt}.",
                        "Have its owner enforce public access prevention and uniform access on the bucket.",
                    )
                    for doubt in destination.doubts()
                ]
        except WarehouseError as error:
            found.append(from_error(code, error))
    return found


def examine_deliveries(connection: psycopg.Connection, settings: Settings, exports: Path = EXPORTS) -> str:
    """Say what is good. Changes nothing, and needs no ledger.

    Raises:
        ContractError: a contract is not sound, or says something else than what was sent under its version.
        SettingsError: a recipient has no destination, or one of a kind that its contract does not name.
        FilesVanished: files of a delivery are not to be found, and a person has to decide.
    """
    contracts = load_contracts(exports)
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
