"""What a recipient agreed to: a contract that says something else than what was sent needs another version.

The ledger has the digest of what each contract said, for each version that was sent. Comments, layout, the
version itself, the status, the agreement and how an arrival is confirmed do not count; every rule, column, class,
meaning and place does.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import psycopg

from warehouse.core import class_floors, terms
from warehouse.core.class_floors import CLASSES
from warehouse.core.contracts import EXPORTS, Contract, load_change_contracts, load_contracts
from warehouse.core.database import one
from warehouse.core.errors import ContractBehind, ContractChanged
from warehouse.core.settings import near
from warehouse.deliver.contract_fit import check_fit

_HAS_LEDGER: Final = "select to_regclass('ledger.deliveries') is not null"
_SENT: Final = """
select delivery_id
from ledger.deliveries
where
    recipient = %s and extract = %s and contract_version = %s
    and contract_content_sha256 is not null and contract_content_sha256 <> %s
    and state in ('uploaded', 'verified', 'closed', 'vanished')
order by delivery_id desc
limit 1
"""


def examine_contracts(connection: psycopg.Connection, exports: Path = EXPORTS) -> None:
    """Refuse contracts that nothing may be built or sent under; before anything is.

    Raises:
        ContractError, ContractBehind, ContractChanged, ClassificationError: see check_agreed, check_fit and
            check_classes.
    """
    contracts = load_contracts(exports)
    check_fit(contracts)
    every = [*contracts, *load_change_contracts(exports)]
    check_agreed(connection, [one for one in every if one.status.is_delivered])


def check_agreed(connection: psycopg.Connection, contracts: Sequence[Contract]) -> bool:
    """Hold contracts against their models' classes, and against what was sent.

    Returns:
        Whether there is a ledger of deliveries to compare with.

    Raises:
        ContractBehind: a contract classifies a column lower than its model does.
        ContractChanged: one says something else than it said when a delivery of its version was sent.
    """
    check_classes(contracts)
    if not one(connection, _HAS_LEDGER)[0]:
        return False
    changed = []
    for contract in contracts:
        values = (contract.recipient, contract.name, contract.version, contract.content_sha256)
        if sent := connection.execute(_SENT, values).fetchone():
            changed.append(f"{near(contract.path)} says something else than when {sent[0]} was sent")
    if changed:
        raise ContractChanged(
            f"{'; '.join(changed)}, and its version is the same.",
            meaning="A recipient agreed to what was sent. Nothing was built, sent or changed.",
            next_command="Agree the change with the recipient and give the contract a new `version`; or put back what "
            "it said (git). Then `warehouse contract check`.",
        )
    return True


def check_classes(contracts: Sequence[Contract]) -> None:
    """Refuse a contract that classifies a column lower than its model does, and a model whose class fell.

    Raises:
        ClassificationError: a class of the source or of the field dictionary is lower than it may be.
        ContractBehind: names each such column.
        TermsError: the model's YAML or the field dictionary is not sound.
    """
    class_floors.check()
    dictionary, low = terms.load_terms(), []
    for contract in (table for whole in contracts for table in whole.tables):
        # What is in no model is found in the database, before its first row is read.
        there = terms.model_columns(contract.model, dictionary) if terms.has_model(contract.model) else []
        known = {column.name: column.term.classification for column in there}
        low += [
            f"{near(contract.path)}: {column.name} is {column.classification}, and {known[column.name]} in its model"
            for column in contract.columns
            if CLASSES.index(column.classification) < CLASSES.index(known.get(column.name, "open"))
        ]
    if low:
        raise ContractBehind(
            "; ".join(low) + ".",
            meaning="A recipient would take a column for less sensitive than it is. Nothing was built or sent.",
            next_command="Run `warehouse contract sync`, and give the contract a new version.",
        )
