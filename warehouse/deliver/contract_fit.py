"""Whether contracts fit their models, found before anything is built: `warehouse doctor`, `contract check`, each run.

A model is what its YAML and the field dictionary say. Where dbt's manifest of the last build is newer than the model's
files, the contract is held against it as well: it is what dbt read.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Final

from warehouse.core import terms
from warehouse.core.class_floors import CLASSES
from warehouse.core.contracts import Column, Contract, ExtractName, parse_type, why_it_cannot_hold
from warehouse.core.contracts.extract_model import ExtractModel, extract_model
from warehouse.core.contracts.sync import sync
from warehouse.core.errors import ContractBehind, ContractError, NotAgreed, WarehouseError
from warehouse.core.finding import Finding, from_error, ok, warning
from warehouse.core.settings import Settings, near
from warehouse.core.terms import Term

CODE: Final = "contract"


@dataclass(frozen=True)
class _Known:
    """What is known of a column of a model.

    Attributes:
        physical_type: None where it is not known, or of a type that no file carries.
    """

    classification: str
    physical_type: str | None


MISSING_TO_READERS: Final = frozenset(
    (
        *("#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "1.#IND", "1.#QNAN", "-NaN", "-nan", "NaN", "nan"),
        *("<NA>", "N/A", "NA", "n/a", "NULL", "null", "None", "."),
    )
)
"""What pandas, R's readers or a statistics program take for a missing value, unless somebody tells them otherwise."""


def manifest_of(settings: Settings) -> Path:
    """Where dbt leaves the manifest of a build."""
    return settings.warehouse_home / "dbt" / "target" / "manifest.json"


def check_fit(contracts: Sequence[Contract], manifest: Path | None = None, models: Path = terms.MODELS) -> None:
    """Refuse the first contract that does not fit its model.

    Args:
        contracts: those under which nothing is delivered are left out, and change files, which have no model.
        manifest: dbt's, if it is there.
        models: the folder with the models.

    Raises:
        ContractError: the model is not there, or names are not those of its columns, or a type is too narrow.
        ContractBehind: a column has a lower class than in the model.
        TermsError: the YAML of a model, or the field dictionary, is not sound.
    """
    dictionary = terms.load_terms()
    read = _read(manifest)
    for contract in contracts:
        if contract.status.is_delivered and contract.change_files is None:
            _check(contract, dictionary, read, manifest, models)


def examine_fit(
    contracts: Sequence[Contract],
    today: date,
    *,
    synthetic: bool,
    manifest: Path | None = None,
    models: Path = terms.MODELS,
) -> list[Finding]:
    """What there is to say of each contract; one line for all that are in order.

    Args:
        today: on which agreements have to hold.
        synthetic: whether the people are made up: without an agreement they may go to this machine.
    """
    dictionary, read = terms.load_terms(), _read(manifest)
    found: list[Finding] = []
    unsigned, fitting = [], 0
    for contract in contracts:
        code = f"{CODE} {contract.recipient}/{contract.name}"
        if not contract.status.is_delivered:
            found.append(warning(code, f"{near(contract.path)} is {contract.status}: nothing is delivered under it"))
            continue
        try:
            behind = sync(contract.path, _check(contract, dictionary, read, manifest, models)).changes
        except WarehouseError as error:
            found.append(from_error(code, error))
            continue
        fitting += 1
        if behind:
            places = ", ".join(dict.fromkeys(f"{one.place} ({one.key})" for one in behind))
            found.append(
                warning(code, f"{near(contract.path)} is older than its model: {places}", "warehouse contract sync")
            )
        if contract.status != "active":
            found.append(warning(code, f"{near(contract.path)} is {contract.status}, and still delivered"))
        if why := contract.grounds.why_not_agreed(today):
            if synthetic:
                unsigned.append(f"{contract.recipient}/{contract.name}")
            else:
                found.append(from_error(code, not_agreed(contract, why)))
    if unsigned:
        found.append(
            warning(
                f"{CODE}s",
                f"{', '.join(unsigned)}: no agreement holds, so only made-up people are delivered, on this machine",
                "Before the first real file, write reference and day of the agreement into the contract.",
            )
        )
    return [*found, ok(f"{CODE}s", f"{fitting} of {len(contracts)} are delivered and fit their models")]


def not_agreed(contract: Contract, why: str) -> NotAgreed:
    """The error for a contract under which no real person's data may leave."""
    return NotAgreed(
        f"{near(contract.path)}: {why}, and the people are real.",
        meaning="Nothing was sent under this contract: without an agreement only made-up people are delivered.",
        next_command="Write the `reference` of the agreement and the day it was `signed` into "
        "customProperties.agreement, and the legalBasis; or set the `status` to draft until then.",
    )


def _check(
    contract: Contract, dictionary: Mapping[str, Term], read: Any, manifest: Path | None, models: Path
) -> list[ExtractModel]:
    """The models of a contract's tables, which it fits."""
    found = []
    for one in contract.tables:
        name = ExtractName(contract.recipient, contract.name, one.table)
        model = extract_model(name, dict(dictionary), models)
        yaml = {column.name: _Known(column.classification, column.physical_type) for column in model.columns}
        _hold(one, yaml, f"model {model.name}")
        if read is not None and manifest is not None and _is_newer(manifest, name, models):
            _hold(one, _of_manifest(one, read, dictionary), f"model {model.name} in dbt's manifest")
        found.append(model)
    return found


def _codes(contract: Contract) -> Iterator[str]:
    """Codes that a reader of the file would lose: of fixed width, a receiver's own program reads them."""
    if contract.format.layout is not None:
        return
    for rule in contract.rules:
        listed = (rule.arguments or {}).get("value_set") or ()
        if lost := sorted(MISSING_TO_READERS.intersection(one for one in listed if isinstance(one, str))):
            yield (
                f"rule `{rule.name}` allows {', '.join(f'`{one}`' for one in lost)}, which pandas and R's readers take "
                "for a missing value: give the code another name"
            )


def _hold(contract: Contract, known: Mapping[str, _Known], place: str) -> None:
    problems = [*_problems(contract.columns, known, place), *_codes(contract)]
    if problems:
        raise ContractError(
            f"{near(contract.path)}: {'; '.join(problems)}.",
            meaning="Nothing was built, sent or changed.",
            next_command="Correct the contract or the model, then run `warehouse contract check`.",
        )
    low = [
        f"{one.name} is {one.classification}, and {known[one.name].classification} in {place}"
        for one in contract.columns
        if CLASSES.index(one.classification) < CLASSES.index(known[one.name].classification)
    ]
    if low:
        raise ContractBehind(
            f"{near(contract.path)}: {'; '.join(low)}.",
            meaning="A recipient would take a column for less sensitive than it is. Nothing was built or sent.",
            next_command="Run `warehouse contract sync`, and give the contract a new version.",
        )


def _problems(columns: Sequence[Column], known: Mapping[str, _Known], place: str) -> Iterator[str]:
    for column in columns:
        if column.name not in known:
            near_it = difflib.get_close_matches(column.name, known, 1)
            yield f"{place} has no column `{column.name}`" + (f" (is it `{near_it[0]}`?)" if near_it else "")
            continue
        physical = known[column.name].physical_type
        if column.pseudonym or physical is None:
            continue
        theirs = parse_type(physical)
        if theirs is not None and (why := why_it_cannot_hold(column.type, theirs)):
            yield f"{column.name} is {column.physical_type}, and {physical} in {place}: {why}"


def _read(manifest: Path | None) -> Any:
    """The manifest; None where there is none, or half of one because dbt writes it now."""
    if manifest is None or not manifest.is_file():
        return None
    try:
        return json.loads(manifest.read_bytes())
    except ValueError:
        return None


def _is_newer(manifest: Path, name: ExtractName, models: Path) -> bool:
    folder = models / "extracts" / name.recipient
    files = [file for ending in ("sql", "yml") if (file := folder / f"{name.model}.{ending}").is_file()]
    return all(file.stat().st_mtime < manifest.stat().st_mtime for file in files)


def _of_manifest(contract: Contract, read: Any, dictionary: Mapping[str, Term]) -> dict[str, _Known]:
    nodes = (node for node in read["nodes"].values() if node["resource_type"] == "model")
    node = next((node for node in nodes if node["name"] == contract.model), None)
    if node is None:
        raise ContractError(
            f"{near(contract.path)}: dbt's manifest has no model {contract.model}: it is disabled.",
            meaning="Nothing was built, sent or changed.",
            next_command="Correct the model's configuration, then run `warehouse contract check`.",
        )
    found = {}
    for name, column in node["columns"].items():
        blocks = (block.rsplit(".", maxsplit=1)[-1] for block in column.get("doc_blocks") or ())
        classes = [dictionary[block].classification for block in blocks if block in dictionary]
        given = column.get("data_type") or ""
        physical = {"string": "text", "timestamp": "timestamp with time zone"}.get(given, given)
        found[name] = _Known(max(classes, key=CLASSES.index, default="open"), physical or None)
    return found
