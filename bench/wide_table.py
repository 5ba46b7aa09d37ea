"""One table of 40 columns, as an extract's model would make it, published by a build, and contracts about it.

Names are in several scripts, some texts have quotes, commas and line breaks in them, half of the columns have nulls.
A seed makes the rows: the same number always gives the same ones.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any, Final

import psycopg
import yaml

from warehouse.core import builds
from warehouse.core.contracts.types import LOGICAL_TYPES, parse_type
from warehouse.core.ledger import migrate

SEED: Final = 0.40
RECIPIENT: Final = "bench"
EXTRACT: Final = "wide"
MODEL: Final = f"{RECIPIENT}_{EXTRACT}"
KEY: Final = "trn"
AS_AT: Final = date(2026, 10, 3)


def _one_of(*values: str) -> str:
    listed = ", ".join("'" + value.replace("'", "''") + "'" for value in values)
    return f"(array[{listed}])[1 + floor(random() * {len(values)})::int]"


def _some(percent: int, expression: str) -> str:
    """A value in so many of a hundred rows, null in the others."""
    return f"case when random() * 100 < {percent} then {expression} end"


def _day(first: str, days: int) -> str:
    return f"date '{first}' + floor(random() * {days})::int"


def _moment(first: str) -> str:
    return f"timestamptz '{first} 00:00:00+00' + floor(random() * 3e13) * interval '1 microsecond'"


_FIRST = _one_of(
    "Ann", "Siân", "Łukasz", "Олена", "Γιώργος", "محمد", "王芳", "さくら", "प्रिया", "O'Neil", "Mary-Jane", "Zoë"
)
_LAST = _one_of("Green", "Ó Briain", "Müller", "Шевченко", "Παπαδόπουλος", "الحسن", "李", "佐藤", "शर्मा", "Smith-Jones")

_BREAK = "case when random() < 0.005 then E'\\n' else ' ' end"

COLUMNS: Final[tuple[tuple[str, str, str], ...]] = (
    ("person_id", "uuid", "md5(i::text)::uuid"),
    (KEY, "text", "lpad(i::text, 7, '0')"),
    ("first_name", "text", _FIRST),
    ("middle_name", "text", _some(60, _FIRST)),
    ("last_name", "text", _LAST),
    ("previous_last_name", "text", _some(20, _one_of("", "Brown", "Kowalska", "Nguyễn"))),
    ("date_of_birth", "date", _day("1955-01-01", 18_000)),
    ("email", "text", _some(70, "'teacher.' || i || '@school' || floor(random() * 20000)::int || '.example'")),
    ("nino", "text", _some(90, "'QQ' || lpad(floor(random() * 1e6)::text, 6, '0') || 'A'")),
    ("gender", "text", _one_of("Female", "Male", "Other", "Not available")),
    ("nationality", "text", _one_of("British", "Irish", "Polish", "Indian", "Spanish", "Nigerian")),
    ("address", "text", "floor(random() * 300)::int || ', \"The ' || i % 977 || '\", High Street'"),
    ("town", "text", _one_of("Leeds", "Bristol", "Caerdydd", "Newcastle upon Tyne", "Berwick", "Hull", "York")),
    ("postcode", "text", "'QQ' || 1 + i % 90 || ' ' || i % 10 || 'QQ'"),
    ("is_active", "boolean", "random() < 0.97"),
    ("is_deceased", "boolean", _some(99, "random() < 0.02")),
    ("qts_date", "date", _some(75, _day("1985-01-01", 15_000))),
    ("eyts_date", "date", _some(5, _day("2013-09-01", 4_000))),
    ("induction_status", "text", _one_of("None", "Required", "Exempt", "In progress", "Passed", "Failed")),
    ("induction_start_date", "date", _some(55, _day("1999-09-01", 9_500))),
    ("induction_end_date", "date", _some(45, _day("2000-09-01", 9_000))),
    ("route_type", "text", _one_of("Core", "School Direct", "Apprenticeship", "International", "Teach First")),
    ("route_status", "text", _one_of("Holds", "In training", "Deferred", "Withdrawn", "Failed")),
    ("subject", "text", _some(80, _one_of("mathematics", "physics", "Welsh, as a second language", "music", "art"))),
    ("provider_name", "text", _one_of('University of "Q"', "Q, R and S Partnership", "Coleg Q", "Q Teaching School")),
    ("provider_ukprn", "integer", "10000000 + floor(random() * 90000)::int"),
    ("establishment_urn", "integer", _some(85, "100000 + floor(random() * 50000)::int")),
    ("establishment_name", "text", _some(85, "'Q School ' || floor(random() * 20000)::int")),
    ("employment_type", "text", _some(85, _one_of("full time", "part time regular", "part time irregular"))),
    ("employment_start_date", "date", _some(85, _day("2000-01-01", 9_700))),
    ("employment_end_date", "date", _some(30, _day("2005-01-01", 7_900))),
    ("hours", "numeric(5,2)", _some(85, "round((random() * 40)::numeric, 2)")),
    ("salary", "numeric(10,2)", _some(85, "round((25000 + random() * 60000)::numeric, 2)")),
    ("days_absent", "smallint", _some(85, "floor(random() * 60)::int2")),
    ("alert_count", "integer", "floor(random() * random() * 3)::int"),
    ("event_number", "bigint", "4000000000 + i * 7919"),
    ("score", "double precision", _some(50, "random() * 100")),
    ("created_on", "timestamp with time zone", _moment("2019-01-01")),
    ("updated_on", "timestamp with time zone", _some(90, _moment("2024-01-01"))),
    ("note", "text", _some(25, f"'Seen \"' || i || '\"' || {_BREAK} || 'again, by ' || floor(random() * 500)::int")),
)

_NULLABLE = " end"


def fill(conninfo: str, rows: int) -> None:
    """Make the table with so many rows, and publish it."""
    listed = ", ".join(f"{name} {type_name}" for name, type_name, _ in COLUMNS)
    values = ", ".join(f"({expression})::{type_name}" for _, type_name, expression in COLUMNS)
    with psycopg.connect(conninfo, autocommit=True) as connection:
        migrate(connection)
        connection.execute("create schema if not exists extracts")
        connection.execute("select setseed(%s)", (SEED,))
        found = connection.execute(
            "insert into ledger.builds (as_at, project_sha256) values (%s, '') returning build_id", (AS_AT,)
        ).fetchone()
        assert found is not None
        with connection.transaction():
            connection.execute(f"drop table if exists extracts.{MODEL}".encode())
            connection.execute(f"create table extracts.{MODEL} ({listed})".encode())
            numbered = f"generate_series(1, {rows}::bigint) as i"
            connection.execute(f"insert into extracts.{MODEL} select {values} from {numbered}".encode())  # noqa: S608
            builds.remember(connection, int(found[0]), [("extracts", MODEL)])
        connection.execute(f"vacuum analyze extracts.{MODEL}".encode())


def write_contract(folder: Path, kind: str) -> Path:
    """A contract about the table, in a folder of contracts of its own.

    Args:
        kind: how the name of its file ends: "csv", "csv.gz" or "parquet".
    """
    path = folder / kind / RECIPIENT / f"{EXTRACT}.odcs.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump(_document(kind), sort_keys=False), encoding="utf-8")
    return path


def _document(suffix: str) -> dict[str, Any]:
    kind = suffix.removesuffix(".gz")
    custom: dict[str, Any] = {"model": MODEL, "fileFormat": kind, "sortKey": [KEY], "controlCharacters": "replace"}
    custom |= {"formulaCharacters": "prefix"} if kind == "csv" else {}
    custom |= {"compression": "gzip"} if kind != suffix else {}
    custom |= {
        "agreement": {"reference": "Bench 1", "signed": "2020-01-31"},
        "legalBasis": "Nobody is real.",
        "disclosureRules": "Nothing is published.",
    }
    return {
        "apiVersion": "v3.1.0",
        "kind": "DataContract",
        "id": "bench-wide",
        "name": EXTRACT,
        "version": "1.0.0",
        "status": "active",
        "dataProduct": RECIPIENT,
        "description": {"purpose": "To measure."},
        "servers": [{"server": "here", "type": "local", "path": "x", "format": kind}],
        "customProperties": [{"property": name, "value": value} for name, value in custom.items()],
        "schema": [{"name": EXTRACT, "properties": [_property(*column) for column in COLUMNS]}],
        "slaProperties": [
            {"property": "frequency", "value": 1, "unit": "month"},
            {"property": "retention", "value": 12, "unit": "month"},
        ],
        "team": {"name": "Bench"},
    }


def _property(name: str, type_name: str, expression: str) -> dict[str, Any]:
    """A column of the contract, with the rules that a real one has: a key, a pattern, bounds, what may not be null."""
    found = parse_type(type_name)
    assert found is not None
    said: dict[str, Any] = {
        "name": name,
        "description": f"The {name}.",
        "logicalType": LOGICAL_TYPES[found.kind],
        "physicalType": type_name,
        "classification": "personal",
        "required": not expression.endswith(_NULLABLE),
    }
    if name == KEY:
        said |= {"primaryKey": True, "logicalTypeOptions": {"pattern": "^[0-9]{7}$"}}
    if name.endswith("_date"):
        said["logicalTypeOptions"] = {"minimum": "1900-01-01"}
    if type_name in ("integer", "smallint", "bigint"):
        said["logicalTypeOptions"] = {"minimum": 0}
    return said
