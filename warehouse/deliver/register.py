"""The sharing register: who gets what of whom, why, under which agreement, how often, and what was sent last.

All but the last follows from the contracts, so that the page of the register (docs/sharing-register.md, by `make docs`)
is reviewed with them; `warehouse deliveries register` adds what the ledger knows.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final

import psycopg
from psycopg.rows import dict_row

from warehouse.core.class_floors import CLASSES
from warehouse.core.classes import Classes
from warehouse.core.contracts import EXPORTS, Column, Contract, ExtractName, RuleKind, load_contract
from warehouse.core.contracts.place import contract_files
from warehouse.core.contracts.singled_out import columns_by, person_of
from warehouse.core.contracts.singled_out import in_words as in_limits
from warehouse.core.database import one
from warehouse.core.errors import ContractError
from warehouse.core.settings import near
from warehouse.deliver.singled_out import lines as lines_of
from warehouse.deliver.taken_out import in_words, taken_out

_HAS_LEDGER: Final = "select to_regclass('ledger.deliveries') is not null"
_LAST: Final = """
select distinct on (d.recipient, d.extract)
    d.recipient, d.extract, d.delivery_id as id, d.closed_at, d.as_at, d.rows, d.contract_version, d.synthetic,
    d.destination as "where"
from ledger.deliveries as d
where d.state = 'closed'
order by d.recipient, d.extract, d.closed_at desc, d.delivery_id desc
"""
_ALONE: Final = """
select f.name, f.singled_out
from ledger.delivery_files as f join ledger.deliveries as d using (delivery_id, attempt)
where d.delivery_id = %s and f.singled_out is not null order by f.name
"""
_TITLES: Final = {
    "purpose": "why",
    "agreement": "agreement",
    "legal_basis": "legal basis",
    "disclosure_rules": "what may be published",
    "owner": "owner",
    "how_often": "how often",
    "files": "files",
    "form": "form",
    "places": "kinds of place",
    "classes": "columns",
    "sensitive": "of them sensitive",
    "quasi_identifiers": "of them quasi-identifiers",
    "pseudonyms": "of them pseudonyms",
    "standing_out": "how many may stand out",
    "retention": "kept for",
    "contract": "contract",
}


def register(warehouse: psycopg.Connection | None, exports: Path = EXPORTS) -> list[dict[str, Any]]:
    """Every contract of any status, with what was last sent under it. The shape of `--json`.

    Args:
        warehouse: None where it does not run: what was last sent is None then, too.
    """
    last = _last_sent(warehouse) if warehouse is not None else {}
    entries = [_entry(path) for path in contract_files(exports)]
    return [entry | {"last_sent": last.get((entry["recipient"], entry["extract"]))} for entry in entries]


def lines(entry: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """What is to say of an entry, each with its title; of what was last sent, in words."""
    for name, title in _TITLES.items():
        if entry.get(name):
            yield title, str(entry[name])
    if sent := entry.get("last_sent"):
        people = "made-up people" if sent["synthetic"] else "real people"
        yield (
            "last sent",
            f"{sent['id']}, {sent['rows']:,} rows of {people} as at {sent['as_at']}, under version "
            f"{sent['contract_version']}, {sent['closed_at']:%Y-%m-%d %H:%M}, to {near(sent['where'])}",
        )
        for name, words in sent["singled_out"].items():
            yield f"alone in {name}", words
        if sent["taken_out"]:
            yield "taken out since", sent["taken_out"]


def page(exports: Path = EXPORTS) -> str:
    """The register as a page, without what was sent: that is the ledger's."""
    text = (
        "# Sharing register\n\n"
        "What leaves the warehouse, by its contracts in [exports/](../exports/README.md). A column that its contract\n"
        "does not name does not leave. `warehouse deliveries register` shows the same with what was last sent.\n"
    )
    entries = register(None, exports)
    text += (
        "\n| extract | status | version | how often | columns | agreement |\n| --- | --- | --- | --- | --- | --- |\n"
    )
    for entry in entries:
        link = f"[{entry['recipient']}/{entry['extract']}](#{entry['recipient']}{entry['extract']})"
        cells = (entry.get(name) or "–" for name in ("status", "version", "how_often", "classes", "agreement"))
        text += f"| {link} | {' | '.join(map(_cell, cells))} |\n"
    for entry in entries:
        text += f"\n## {entry['recipient']}/{entry['extract']}\n\n{entry['description']}\n\n| | |\n| --- | --- |\n"
        for title, words in lines(entry):
            shown = f"[{words}](../{words})" if title == "contract" else _cell(words)
            text += f"| {title} | {shown} |\n"
    return text


def _cell(text: object) -> str:
    return " ".join(str(text).split()).replace("|", "\\|")


def _entry(path: Path) -> dict[str, Any]:
    name = ExtractName.of_file(path)
    known: dict[str, Any] = {"recipient": name.recipient, "extract": name.name, "contract": near(path)}
    try:
        contract = load_contract(path)
    except ContractError:
        return known | {
            "status": "not sound",
            "description": "Its contract is being written: `warehouse contract check` says what is left.",
        }
    leaving = [(column.name, column.classification) for column in contract.columns] or _of_tables(contract)
    classes = Counter[str](classification for _, classification in leaving)
    return known | {
        "id": contract.id,
        "status": contract.status.value,
        "version": contract.version,
        "description": contract.description,
        "owner": contract.grounds.owner,
        "purpose": " ".join(contract.purpose.split()),
        "agreement": str(contract.grounds.agreement),
        "legal_basis": contract.grounds.legal_basis,
        "disclosure_rules": contract.grounds.disclosure_rules,
        "how_often": _how_often(contract),
        "files": ", ".join(one.table for one in contract.tables if one.table),
        "form": _form(contract),
        "places": ", ".join(sorted(kind.replace("_", " ") for kind in contract.destinations)),
        "classes": ", ".join(f"{classes[one]} {one}" for one in reversed(CLASSES) if classes[one]),
        "sensitive": _named(column for column in contract.columns if column.classification == "sensitive")
        or ", ".join(name for name, classification in leaving if classification == "sensitive"),
        "quasi_identifiers": _named(column for column in contract.columns if column.quasi_identifier),
        "pseudonyms": _named(column for column in contract.columns if column.pseudonym),
        "standing_out": _standing_out(contract),
        "retention": f"{contract.retention_months} months",
    }


def _standing_out(contract: Contract) -> str:
    """The limits on how many stand out in a delivery, of each table of people; empty where there is none."""
    limits: dict[str, list[str]] = {}
    for table in contract.tables:
        rules = [in_limits(rule.arguments or {}) for rule in table.rules if rule.kind is RuleKind.SINGLED_OUT]
        if not table.statistics and person_of(table.columns) and columns_by(table.columns, table.as_at_column):
            said = "; ".join(filter(None, rules)) or "counted in each delivery, without a limit"
            limits.setdefault(said, []).append(table.table)
    if len(limits) == 1:
        return next(iter(limits))
    return "; ".join(f"{', '.join(tables)}: {said}" for said, tables in limits.items())


def _of_tables(contract: Contract) -> list[tuple[str, str]]:
    """The columns that leave as change files, each with its class, by replication/trs.yml; none of an extract."""
    if contract.change_files is None:
        return []
    return [
        (f"{table}.{name}", columns[name])
        for table, columns in sorted(Classes(terms={}).replicated_columns.items())
        for name in contract.change_files.columns(table, columns)
        if columns[name] != "secret"
    ]


def _how_often(contract: Contract) -> str:
    schedule = contract.schedule
    if contract.change_files is not None:
        return "each day, for what changed since the set before"
    if schedule.every == "day":
        return "each day, for the days since the one before"
    day = "working day" if schedule.in_working_days else "day"
    return f"each month, from {day} {schedule.due_day} of the next one on"


def _form(contract: Contract) -> str:
    kinds = dict.fromkeys(one.format.kind for one in contract.files)
    return f"fixed width, {contract.format.layout.width} bytes" if contract.format.layout else ", ".join(kinds)


def _named(columns: Iterable[Column]) -> str:
    """Columns by their names, each once though several files may have it."""
    return ", ".join(dict.fromkeys(column.name for column in columns))


def _last_sent(warehouse: psycopg.Connection) -> dict[tuple[str, str], dict[str, Any]]:
    if not one(warehouse, _HAS_LEDGER)[0]:
        return {}
    with warehouse.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(_LAST).fetchall()
    return {
        (row.pop("recipient"), row.pop("extract")): row
        | {"singled_out": _alone(warehouse, row["id"]), "taken_out": in_words(taken_out(warehouse, row["id"]))}
        for row in rows
    }


def _alone(warehouse: psycopg.Connection, delivery_id: str) -> dict[str, str]:
    """Who stands out in each table of a delivery, in words; the table by its first file."""
    return {
        name.rsplit("/", maxsplit=1)[-1]: "; ".join(
            f"by {line['by']} {line['rows_alone']} of {line['rows']:,} rows, {line['people_alone']} of "
            f"{line['people']:,} people"
            for line in lines_of({name: figures})
        )
        for name, figures in warehouse.execute(_ALONE, (delivery_id,))
    }
