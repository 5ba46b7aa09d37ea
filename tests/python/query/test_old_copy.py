"""What the translator takes from the project's files about the old names, against the codes that the views show."""

from __future__ import annotations

import csv
from collections.abc import Collection
from pathlib import Path
from typing import Final

import pytest

from warehouse.core import old_names
from warehouse.core.settings import PROJECT
from warehouse.query.tsql import CannotTranslate, OldNames, translate
from warehouse.query.tsql.kinds import Kind
from warehouse.query.tsql.old_copy import CODED, look_up

ALERT_TYPES: Final = "sandbox/schema/seeds/alert_types.csv"

CODE_SETS: Final = {
    "Contact_GenderCode": "gender",
    "dfeta_InductionStatus": "induction status",
    "dfeta_InductionExemptionReason": "induction exemption reason",
    "dfeta_ITTProgrammeType": "itt programme type",
    "dfeta_ITTResult": "itt result",
    "dfeta_AgeRange": "age range",
    "dfeta_qualification_dfeta_MQ_Status": "mq status",
}
"""Of each option set the codes in seeds/legacy_codes.csv, which the views show. Two have their codes in their views."""

IN_VIEWS: Final = {
    "dfeta_qualification_dfeta_Type": {"389040002"},
    "dfeta_NameType": {"389040000", "389040001", "389040002"},
}


def known(*named: tuple[str, str]) -> OldNames:
    return look_up(lambda _: [("marts", "Dim_Person", "TRN", "character varying")])(named)


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_a_code_is_shown_or_the_translator_knows_that_it_is_not() -> None:
    listed = rows(PROJECT / "seeds" / "legacy_codes.csv")
    shown = {
        option_set: {row["legacy_code"] for row in listed if row["code_set"] == code_set} - {""}
        for option_set, code_set in CODE_SETS.items()
    } | IN_VIEWS
    for column, option_set in CODED.items():
        codes = known().codes[column]
        assert {code for code, one in codes.items() if one.shown_as == code} == shown[option_set] | {"-1"}, column
        # A code that stands for others is one that the views show.
        assert {one.shown_as for one in codes.values() if one.shown_as} <= shown[option_set] | {"-1"}, column


def test_each_coded_column_is_in_a_view() -> None:
    for table, column in CODED:
        assert column in known().tables["legacy", table].columns


def test_every_old_name_is_in_a_view_or_has_a_reason() -> None:
    tables = {one.table for one in old_names.load()}
    names = known(*(("dbo", table) for table in tables))
    viewed = {name for schema, name in names.tables if schema == "legacy"}
    assert viewed | set(names.gone) >= tables and not viewed & set(names.gone)
    assert all(gone.why for gone in names.gone.values())
    assert all(gone.why for table in names.tables.values() for gone in table.gone.values())
    for table in viewed & tables:
        has = names.tables["legacy", table]
        assert len(has.columns) + len(has.gone) == len(old_names.columns_of(table))


def test_names_of_before_are_views_as_well() -> None:
    for before in old_names.RENAMED:
        assert known(("", before)).tables["legacy", before].columns


def test_kinds_are_those_of_the_views() -> None:
    contact = known().tables["legacy", "contact"].columns
    assert {contact[one].kind for one in ("id", "masterid")} == {Kind.key}
    assert (contact["lastname"].kind, contact["birthdate"].kind, contact["merged"].kind) == (
        Kind.text,
        Kind.moment,
        Kind.integer,
    )
    sanctions = known().tables["legacy", "dfeta_sanction_legacy"].columns
    assert sanctions["dfeta_sanctioncodeid"].was_guid and not sanctions["dfeta_personid"].was_guid


def test_other_schemas_are_asked_of_the_database() -> None:
    asked: list[Collection[tuple[str, str]]] = []

    def columns(tables: Collection[tuple[str, str]]) -> list[tuple[str, str, str, str]]:
        asked.append(tables)
        return [("marts", "dim_person", "trn", "text")]

    assert translate("SELECT p.TRN FROM marts.dim_person p, contact c", look_up(columns)).sql
    assert asked == [[("marts", "dim_person")]]
    with pytest.raises(CannotTranslate, match="There is no column name in marts"):
        translate("SELECT p.name FROM marts.dim_person p", look_up(columns))


def test_the_sanction_codes_that_no_alert_has_are_known() -> None:
    """A code of the old list was carried over with the type of alert that has it."""
    listed = {
        row["legacy_value"]: row["legacy_name"]
        for row in rows(PROJECT / "seeds" / "legacy_lookups.csv")
        if row["legacy_table"] == "dfeta_sanctioncode"
    }
    kept = {row["dqt_sanction_code"] for row in rows(PROJECT / ALERT_TYPES)}
    gone = set(listed) - kept
    assert len(gone) == 21
    for column in (
        ("dfeta_sanction", "dfeta_sanctioncodeid"),
        ("dfeta_sanction_legacy", "dfeta_sanctioncodeid"),
        ("dfeta_sanctioncode", "dfeta_value"),
    ):
        codes = known().codes[column]
        assert {code: one.label for code, one in codes.items()} == {code: listed[code] for code in gone}, column
        assert not any(one.shown_as for one in codes.values())
    joined = """SELECT s.id FROM dfeta_sanction s JOIN dfeta_sanctioncode c ON c.id = s.dfeta_sanctioncodeid
        WHERE c.dfeta_value IN ('G1', 'A25B')"""
    with pytest.raises(CannotTranslate, match=r"No row has the code A25B .Prohibition Order.*not carried over to TRS"):
        translate(joined, look_up(lambda _: []))
