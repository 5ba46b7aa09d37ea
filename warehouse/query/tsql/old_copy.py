"""What the project's files say of the old names: seeds/legacy_columns.csv, and the codes that its views show."""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Final

from warehouse.core import old_names
from warehouse.core.settings import PROJECT
from warehouse.query.tsql.kinds import Kind, kind_of_type
from warehouse.query.tsql.old_names import OLD_SCHEMAS, SCHEMA, Code, Column, Gone, LookUp, OldNames, Table, TableName

ReadColumns = Callable[[Collection[TableName]], Iterable[tuple[str, str, str, str]]]
"""Of tables that are no old ones: schema, table, column and type, as the database has them."""

CODED: Final = {
    ("contact", "gendercode"): "Contact_GenderCode",
    ("contact", "dfeta_inductionstatus"): "dfeta_InductionStatus",
    ("dfeta_induction", "dfeta_inductionstatus"): "dfeta_InductionStatus",
    ("dfeta_induction", "dfeta_inductionexemptionreason"): "dfeta_InductionExemptionReason",
    ("dfeta_initialteachertraining", "dfeta_programmetype"): "dfeta_ITTProgrammeType",
    ("dfeta_initialteachertraining", "dfeta_result"): "dfeta_ITTResult",
    ("dfeta_initialteachertraining", "dfeta_agerangefrom"): "dfeta_AgeRange",
    ("dfeta_initialteachertraining", "dfeta_agerangeto"): "dfeta_AgeRange",
    ("dfeta_qualification", "dfeta_mq_status"): "dfeta_qualification_dfeta_MQ_Status",
    ("dfeta_qualification", "dfeta_type"): "dfeta_qualification_dfeta_Type",
    ("dfeta_previousname", "dfeta_type"): "dfeta_NameType",
}
"""The columns that hold a code of an option set."""

SANCTION_CODES: Final = "dfeta_sanctioncode"
"""A look-up, whose codes are names in the warehouse; TRS has newer ones, so only those that are gone are known."""

_SANCTIONS: Final = ("dfeta_sanction", "dfeta_sanction_legacy")
_OF_SANCTIONS: Final = ((SANCTION_CODES, "id"), (SANCTION_CODES, "dfeta_value"))

_NOT_SHOWN: Final = Path(__file__).with_name("codes_not_shown.csv")
_LABELS: Final = PROJECT / "seeds" / "legacy_option_sets.csv"
_LOOKED_UP: Final = PROJECT / "seeds" / "legacy_lookups.csv"
_CODE_INSTEAD: Final = "the look-up's code"
"""How the explanation of a column begins that had the identifier of a look-up's row."""

_UNMAPPED: Final = "-1"
"""What the views show for a code of TRS that the old sets have no number for."""


def look_up(read_columns: ReadColumns) -> LookUp:
    """What is known of tables by their names.

    Args:
        read_columns: asks the database for the columns of tables that are no old ones.
    """

    def known(named: Collection[TableName]) -> OldNames:
        old = {name for schema, name in named if schema in OLD_SCHEMAS}
        tables = {(SCHEMA, name): _table(name) for name in _viewed() | (old & set(old_names.RENAMED))}
        others = sorted(one for one in named if one[0] not in OLD_SCHEMAS)
        return OldNames(
            {**tables, **(_others(read_columns(others)) if others else {})},
            {name: _gone_table(name) for name in old if (SCHEMA, name) not in tables and old_names.columns_of(name)},
            _codes(),
            _homes(),
            dict.fromkeys(_OF_SANCTIONS, _SANCTIONS),
        )

    return known


@cache
def _viewed() -> frozenset[str]:
    return frozenset(one.table for one in old_names.load() if one.outcome != "gone")


@cache
def _table(name: str) -> Table:
    columns = old_names.columns_of(name)
    return Table(
        SCHEMA,
        name,
        {key: Column(key, _kind(one), _was_guid(one)) for key, one in columns.items() if one.outcome != "gone"},
        {key: _gone(one) for key, one in columns.items() if one.outcome == "gone"},
    )


def _kind(column: old_names.OldColumn) -> Kind:
    """The kind of a view's column. A flag is 0 or 1; an identifier that stayed is a key in small letters."""
    kind = Kind.integer if column.view_type == "bit" else kind_of_type(column.view_type)
    is_identifier = kind_of_type(column.old_type) is Kind.uuid and not _was_guid(column)
    return Kind.key if is_identifier else Kind.text if column.view_type in ("array", "json") else kind


def _was_guid(column: old_names.OldColumn) -> bool:
    is_guid = kind_of_type(column.old_type) is Kind.uuid
    return is_guid and column.outcome == "derived" and column.explanation.startswith(_CODE_INSTEAD)


def _gone(column: old_names.OldColumn) -> Gone:
    since = f" (since {column.gone_since})" if column.gone_since else ""
    return Gone(f"{column.explanation}{since}", f"Use {column.use_instead}." if column.use_instead else "")


def _gone_table(name: str) -> Gone:
    """Why a table is gone: as most of its columns say, of those that say what to use if any does."""
    reasons: defaultdict[Gone, int] = defaultdict(int)
    for one in old_names.columns_of(name).values():
        reasons[_gone(one)] += 1
    return max(reasons, key=lambda gone: (bool(gone.instead), reasons[gone]))


@cache
def _homes() -> Mapping[str, Collection[str]]:
    homes: defaultdict[str, set[str]] = defaultdict(set)
    for one in old_names.load():
        if one.outcome != "gone":
            homes[one.name].add(one.table)
    return homes


def _others(columns: Iterable[tuple[str, str, str, str]]) -> dict[TableName, Table]:
    found: defaultdict[tuple[str, str], dict[str, Column]] = defaultdict(dict)
    for schema, table, column, type_name in columns:
        found[schema, table][column.lower()] = Column(column, kind_of_type(type_name))
    return {(schema.lower(), name.lower()): Table(schema, name, of_table) for (schema, name), of_table in found.items()}


@cache
def _codes() -> Mapping[tuple[str, str], Mapping[str, Code]]:
    sets: defaultdict[str, dict[str, Code]] = defaultdict(dict)
    for row in _rows(_LABELS):
        sets[row["option_set"]][row["option_value"]] = Code(row["option_label"], row["option_value"])
    for row in _rows(_LOOKED_UP):
        sets[row["legacy_table"]][row["legacy_value"]] = Code(row["legacy_name"], row["legacy_value"])
    for row in _rows(_NOT_SHOWN):
        label = sets[row["option_set"]][row["code"]].label
        sets[row["option_set"]][row["code"]] = Code(label, row["shown_as"] or None)
    unmapped = {_UNMAPPED: Code("not in the old list", _UNMAPPED)}
    gone = {code: one for code, one in sets[SANCTION_CODES].items() if one.shown_as is None}
    sanctions = [*((table, "dfeta_sanctioncodeid") for table in _SANCTIONS), *_OF_SANCTIONS]
    return {
        **{column: {**sets[option_set], **unmapped} for column, option_set in CODED.items()},
        **dict.fromkeys(sanctions, gone),
    }


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))
