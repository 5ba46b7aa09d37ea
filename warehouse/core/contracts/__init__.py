"""Contracts of extracts: what a recipient gets, in which form, checked by which rules, and when.

They are data (`exports/<recipient>/<extract>.odcs.yaml`, Open Data Contract Standard 3.1), so that adding a delivery
touches no Python.
"""

from warehouse.core.contracts.change_rules import ChangeRules
from warehouse.core.contracts.life import Agreement, Grounds, Status
from warehouse.core.contracts.load import check_ids, load_change_contracts, load_contract, load_contracts
from warehouse.core.contracts.model import Column, Contract, FileFormat, Limit, Proof, Rule, RuleKind, Schedule
from warehouse.core.contracts.place import EXPORTS, ExtractName
from warehouse.core.contracts.types import ColumnType, Kind, parse_type, why_it_cannot_hold

__all__ = [
    "EXPORTS",
    "Agreement",
    "ChangeRules",
    "Column",
    "ColumnType",
    "Contract",
    "ExtractName",
    "FileFormat",
    "Grounds",
    "Kind",
    "Limit",
    "Proof",
    "Rule",
    "RuleKind",
    "Schedule",
    "Status",
    "check_ids",
    "load_change_contracts",
    "load_contract",
    "load_contracts",
    "parse_type",
    "why_it_cannot_hold",
]
