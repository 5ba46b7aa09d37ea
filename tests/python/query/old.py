"""A small part of the old reporting copy, as the translator knows it."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from warehouse.query.tsql import CannotTranslate, Code, Column, Gone, OldNames, Problem, Table, Translation, translate
from warehouse.query.tsql.kinds import Kind


def table(name: str, gone: dict[str, Gone] | None = None, schema: str = "legacy", **columns: Kind) -> Table:
    made = {column: Column(column, kind) for column, kind in columns.items()}
    return Table(schema, name, made, gone or {})


CONTACT: Final = table(
    "contact",
    {"dfeta_husid": Gone("not migrated (since 2025-11)"), "nickname": Gone("not migrated", "Use firstname.")},
    id=Kind.key,
    firstname=Kind.text,
    lastname=Kind.text,
    birthdate=Kind.moment,
    gendercode=Kind.integer,
    dfeta_trn=Kind.text,
    dfeta_inductionstatus=Kind.integer,
    createdon=Kind.moment,
    annualincome=Kind.number,
)
SANCTION: Final = Table(
    "legacy",
    "dfeta_sanction",
    {
        **table("dfeta_sanction", id=Kind.key, dfeta_personid=Kind.key, createdon=Kind.moment).columns,
        "dfeta_startdate": Column("dfeta_startdate", Kind.moment),
        "dfeta_enddate": Column("dfeta_enddate", Kind.moment),
        "dfeta_sanctioncodeid": Column("dfeta_sanctioncodeid", Kind.text, was_guid=True),
    },
)
CODES: Final = table("dfeta_sanctioncode", id=Kind.text, dfeta_value=Kind.text, dfeta_name=Kind.text)
METADATA: Final = table("globaloptionsetmetadata", option=Kind.integer, localizedlabel=Kind.text)
ALERTS: Final = table("fct_alert", schema="marts", person_id=Kind.text, is_open=Kind.boolean, start_date=Kind.date)

NAMES: Final = OldNames(
    {(one.schema, one.name): one for one in (CONTACT, SANCTION, CODES, METADATA, ALERTS)},
    {"incident": Gone("TRS has tasks", "Use marts.fct_support_task.")},
    {
        ("contact", "dfeta_inductionstatus"): {
            "389040006": Code("In Progress", "389040006"),
            "389040003": Code("Not Yet Completed", "389040006"),
            "389040009": Code("Never", None),
        },
        ("dfeta_sanction", "dfeta_sanctioncodeid"): {"B5": Code("Prohibited elsewhere", None)},
        ("dfeta_sanctioncode", "dfeta_value"): {"B5": Code("Prohibited elsewhere", None)},
    },
    {"dfeta_value": {"dfeta_country", "dfeta_specialism"}},
    {("dfeta_sanctioncode", "dfeta_value"): ("dfeta_sanction",)},
)


def translated(text: str) -> Translation:
    return translate(text, lambda _: NAMES)


def sql_of(text: str) -> str:
    """The translation on one line."""
    return " ".join(translated(text).sql.split()).replace("( ", "(").replace(" )", ")")


def problems_of(text: str, names: OldNames = NAMES) -> list[Problem]:
    asked: list[Collection[tuple[str, str]]] = []

    def look_up(named: Collection[tuple[str, str]]) -> OldNames:
        asked.append(named)
        return names

    try:
        translation = translate(text, look_up)
    except CannotTranslate as refusal:
        return refusal.problems
    raise AssertionError(f"It was translated: {translation.sql}")
