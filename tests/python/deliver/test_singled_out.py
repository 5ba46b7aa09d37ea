"""How many rows and people stand out in a delivery by columns that say little one by one, and the limit on them."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

import psycopg
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.python.deliver.delivering import OCTOBER, World
from tests.python.deliver.test_several_files import TABLES, several
from tests.python.deliver.world import column, document, write_contract
from warehouse.cli.singled_out import show_singled_out
from warehouse.core.contracts import Contract, load_contract, load_contracts
from warehouse.core.contracts.singled_out import columns_by, person_of
from warehouse.core.errors import CheckFailed, ContractError, UsageError
from warehouse.core.progress import Silent
from warehouse.deliver import dry_run, release, singled_out
from warehouse.deliver.edition import edition_of
from warehouse.deliver.files import FileFacts
from warehouse.deliver.ledger import Ledger
from warehouse.deliver.manifests import manifest_of
from warehouse.deliver.proof import show
from warehouse.deliver.register import lines, register

DELIVERY = "dandi/teachers/2026-09"
RULE = "few people stand out"


def rule(**limits: Any) -> dict[str, Any]:
    return {
        "name": RULE,
        "type": "text",
        "customProperties": [
            {"property": name, "value": value, "description": "Because it is a test."} for name, value in limits.items()
        ],
    }


def given_contract(*rules: dict[str, Any], **custom: Any) -> dict[str, Any]:
    """Birthdays and hours are quasi-identifiers; the last name is sensitive and none."""
    made = document(**custom)
    (table,) = made["schema"]
    for one in table["properties"]:
        if one["name"] in ("born", "hours"):
            one["tags"] = ["quasi-identifier"]
    table["quality"] += rules
    return made


def alone(columns: list[str], number: int) -> dict[str, Any]:
    """Figures where so many rows, each of another person, are alone, and all others in large groups."""
    counts = ("rows_alone", "people_alone", "rows_in_small_groups", "people_in_small_groups")
    return {"columns": columns} | dict.fromkeys(counts, number)


def figures(world: World) -> dict[str, Any]:
    manifest = json.loads((world.place / "2026-09" / "datapackage.json").read_text())
    found: dict[str, Any] = manifest["delivery"]["singled_out"]
    return found


# -- counted ----------------------------------------------------------------------------------------------------------

SCHEMA = pa.schema([("trn", pa.string()), ("born", pa.date32()), ("hours", pa.int32()), ("urn", pa.int32())])
ROW = st.tuples(
    st.sampled_from(["1", "2", "3", "4", "5", "6"]),
    st.none() | st.dates().map(lambda day: day.replace(year=1990, day=1)),
    st.none() | st.sampled_from([1, 2]),
    st.none() | st.integers(0, 2),
)


@settings(max_examples=200, deadline=None)
@given(
    pieces=st.lists(st.lists(ROW, max_size=12), min_size=1, max_size=3),
    slices=st.integers(1, 4),
    under=st.integers(2, 5),
    one_row_each=st.booleans(),
)
def test_it_is_what_a_count_by_hand_says(
    pieces: list[list[tuple[Any, ...]]],
    slices: int,
    under: int,
    one_row_each: bool,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """Whatever the values, however many files there are, and into however many slices the hashes are cut."""
    contract = _contract(tmp_path_factory, under, one_row_each)
    if one_row_each:
        pieces = [[(f"{n}.{i}", *row[1:]) for i, row in enumerate(piece)] for n, piece in enumerate(pieces)]
    rows = [row for piece in pieces for row in piece]
    tables = {f"{number}": pa.Table.from_pylist([dict(zip(SCHEMA.names, row, strict=True)) for row in piece], SCHEMA)
              for number, piece in enumerate(pieces)}  # fmt: skip
    files = [(Path(name), FileFacts(name, "data", table.num_rows, 0, "", "", "")) for name, table in tables.items()]
    per_slice = max(1, -(-len(rows) // slices))
    with (
        patch.object(singled_out, "ROWS_PER_SLICE", per_slice),
        patch.object(singled_out, "batches", lambda path, _, names: tables[str(path)].select(names).to_batches()),
    ):
        found = singled_out.count(contract, files, Silent())
    assert found is not None
    assert (found["rows"], found["people"]) == (len(rows), len({row[0] for row in rows}))
    by_hand = {"quasi_identifiers": (1, 2), "open_columns": (2, 3)}
    for by, places in by_hand.items():
        one = found["by"][by]
        assert one["columns"] == [SCHEMA.names[place] for place in places]
        sizes = Counter(tuple(row[place] for place in places) for row in rows)
        people: dict[Any, set[str]] = defaultdict(set)
        for row in rows:
            people[tuple(row[place] for place in places)].add(row[0])
        assert one["rows_alone"] == sum(size == 1 for size in sizes.values())
        assert one["people_alone"] == len({min(them) for them in people.values() if len(them) == 1})
        assert one["rows_in_small_groups"] == sum(size for size in sizes.values() if size < under)
        few = [them for them in people.values() if len(them) < under]
        assert one["people_in_small_groups"] == len(set().union(*few))


_MADE: dict[tuple[int, bool], Contract] = {}


def _contract(factory: pytest.TempPathFactory, under: int, one_row_each: bool) -> Contract:
    """With people who may have several rows, or who have one each: then the person is the key."""
    if (under, one_row_each) not in _MADE:
        made = given_contract(rule(groupsUnder=under), sortKey=["trn" if one_row_each else "number"])
        kept = [one for one in made["schema"][0]["properties"] if one["name"] in SCHEMA.names]
        # Of one type with the next column: 1 and 2 is not 2 and 1.
        kept[2] |= {"logicalType": "integer", "physicalType": "integer"}
        if not one_row_each:
            kept[0]["primaryKey"] = False
            kept.append(column("number", "integer", "integer", "personal", primaryKey=True, required=True))
        made["schema"][0]["properties"] = kept
        _MADE[under, one_row_each] = load_contract(write_contract(factory.mktemp("c"), made))
    return _MADE[under, one_row_each]


def test_a_column_that_says_whose_a_row_is_stands_nobody_out() -> None:
    """A person by their whole career; keys, pseudonyms, unique numbers and the day of all rows are in neither set."""
    by_name = {one.of_what: one for contract in load_contracts() for one in contract.tables}
    teachers, routes = by_name["dandi/teachers"], by_name["dandi/routes"]
    assert (person_of(teachers.columns) or teachers.columns[0]).name == "live_person_id"
    for contract in by_name.values():
        sets = columns_by(contract.columns, contract.as_at_column)
        used = {name for theirs in sets.values() for name in theirs}
        assert not used & {"person_id", "live_person_id", "trn", "live_trn", "national_insurance_number"}
        assert contract.as_at_column not in used
    assert "qualification_id" not in {name for theirs in columns_by(routes.columns).values() for name in theirs}
    assert person_of(by_name["tad/vintage: route_types"].columns) is None
    # Also where somebody tags one, or says that it is open.
    every = [replace(one, quasi_identifier=True, classification="open") for one in routes.columns]
    left = {one.name for one in every} - {"qualification_id", "person_id", "live_person_id", "as_at_date"}
    assert left and {frozenset(one) for one in columns_by(every, "as_at_date").values()} == {frozenset(left)}
    for unique, pseudonym, stays in ((False, False, True), (True, False, False), (False, True, False)):
        known = [replace(one, pseudonym=pseudonym, unique=unique) for one in every if one.name == "qualification_id"]
        assert bool(columns_by(known)) is stays
    assert columns_by([replace(routes.column("person_id"), pseudonym=False, unique=False, classification="open")]) == {}


# -- delivered --------------------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["parquet", "csv"])
def test_the_figures_are_in_manifest_show_and_register_and_never_a_value(world: World, kind: str) -> None:
    with world.building() as connection:
        # 150 people are born on one of two days, and work as much; the other 50 stand out.
        connection.execute(
            "update extracts.dandi_teachers set born = date '1980-01-01' + urn % 2, hours = 1 where urn <= 150"
        )
    write_contract(world.exports, given_contract(kind=kind, rowsPerFile=90))
    made = dry_run(world.at(OCTOBER), Silent(), "dandi/teachers")
    world.run(built=False)
    found = figures(world)
    assert made.singled_out == found and json.loads(json.dumps(made.as_dict(), default=str))["singled_out"] == found
    by = {
        "quasi_identifiers": alone(["born", "hours"], 50),
        "open_columns": alone(["hours", "urn", "is_active", "changed"], 200),
    }
    assert found == {"teachers": {"rows": 200, "people": 200, "groups_under": 10, "by": by}}
    with psycopg.connect(world.conninfo, autocommit=True) as connection:
        files = [one for one in show(connection, DELIVERY)["files"] if one["singled_out"]]
        assert [one["singled_out"] for one in files] == [found["teachers"]], "once for all files of the table"
        with patch("warehouse.deliver.register.contract_files", lambda _: [world.exports / "dandi/teachers.odcs.yaml"]):
            (entry,) = register(connection, world.exports)
    told = dict(lines(entry))
    assert told["how many may stand out"] == "counted in each delivery, without a limit"
    assert "by quasi identifiers (2) 50 (25.0 %) of 200 rows, 50 (25.0 %) of 200 people" in " ".join(told.values())


def test_they_are_shown_as_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    one = {"columns": ["a", "b"], "rows_alone": 2869, "people_alone": 12, "rows_in_small_groups": 3000}
    show_singled_out({"t": {"rows": 3118, "people": 40, "groups_under": 10, "by": {"open_columns": {
        **one, "people_in_small_groups": 30}}}})  # fmt: skip
    said = " ".join(capsys.readouterr().out.split())
    assert "open columns (2)" in said and "2,869 (92.0 %)" in said and "12 (30.0 %)" in said
    show_singled_out({})
    assert capsys.readouterr().out == ""


@pytest.mark.slow
def test_each_table_of_several_has_its_own_and_one_without_people_none(world: World) -> None:
    write_contract(world.exports, several(["csv", "parquet"]))
    with world.building() as connection:
        connection.execute(TABLES.encode())
    world.run(built=False)
    found = figures(world)
    assert set(found) == {"names"}, "people has no other column, and kinds no people"
    assert (found["names"]["rows"], found["names"]["people"]) == (60, 40)
    assert found["names"]["by"]["open_columns"]["columns"] == ["number", "kind", "part"]
    assert found["names"]["by"]["open_columns"]["rows_alone"] == 60


@pytest.mark.slow
def test_what_was_delivered_before_it_was_counted_keeps_its_manifest(world: World) -> None:
    world.run()
    contract = load_contracts(world.exports)[0]
    edition = edition_of(contract, DELIVERY)
    with psycopg.connect(world.conninfo, autocommit=True) as connection:
        ledger = Ledger(connection)

        def again() -> bytes:
            entry = ledger.entry(DELIVERY)
            assert entry and edition
            files = [one.facts for one in ledger.recorded_files(DELIVERY) if one.facts.kind == "data"]
            return manifest_of(ledger, edition, entry, files)

        path = world.place / "2026-09" / "datapackage.json"
        assert again() == path.read_bytes(), "the ledger alone gives it again"
        connection.execute("update ledger.delivery_files set singled_out = null")
        before = json.loads(path.read_text())
        del before["delivery"]["singled_out"]
        assert json.loads(again()) == before


@pytest.mark.slow
@pytest.mark.parametrize(
    ("limits", "words"),
    [
        (
            {"uniqueByQuasiIdentifiers": 24.9},
            r"50 rows of 200, and 50 of 200 people, are alone .*25.0 %; at most 24.9",
        ),
        ({"uniqueByQuasiIdentifiers": 25}, None),
        ({"inSmallGroupsByQuasiIdentifiers": 30, "groupsUnder": 75}, None),
        ({"inSmallGroupsByQuasiIdentifiers": 30, "groupsUnder": 76}, r"200 rows .* are in groups under 76 with"),
        ({"uniqueByOpenColumns": 99, "uniqueByQuasiIdentifiers": 24}, r"\(hours, urn, is_active, changed\): 200 rows"),
    ],
)
def test_a_limit_that_is_broken_keeps_the_files_here(world: World, limits: dict[str, Any], words: str | None) -> None:
    """Nobody lets it pass by a command: it was agreed for the people in the file, who are not asked."""
    with world.building() as connection:
        connection.execute(
            "update extracts.dandi_teachers set born = date '1980-01-01' + urn % 2, hours = 1 where urn <= 150"
        )
    write_contract(world.exports, given_contract(rule(**limits)))
    if words is None:
        world.run(built=False)
        return
    made = dry_run(world.at(OCTOBER), Silent(), "dandi/teachers")
    assert made.failure is not None and made.failure.exit_code == 31
    with pytest.raises(CheckFailed, match=words) as caught:
        world.run(built=False)
    assert caught.value.exit_code == 31 and {one["rule"] for one in caught.value.rules} == {RULE}
    assert world.state() == "failed" and not world.place.exists()
    assert list((world.home / "home" / "outbox" / ".quarantine").rglob("gate.txt"))
    with pytest.raises(UsageError, match=f"failed by `{RULE}`"):
        release(world.at(OCTOBER), Silent(), DELIVERY, "it has to go")


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"uniqueByQuasiIdentifiers": 101}, "is not from 0 to 100 per cent"),
        ({"uniqueByQuasiIdentifiers": "few"}, "is not a number"),
        ({"uniqueByQuasiIdentifiers": 5, "uniqueByOpen": 5}, "`uniqueByOpen` is none of"),
        ({"groupsUnder": 1}, "is not a whole number of 2 or more"),
        ({"groupsUnder": 2.5}, "is not a whole number of 2 or more"),
    ],
)
def test_a_rule_that_is_not_clear_is_refused(wrong: dict[str, Any], words: str, tmp_path: Path) -> None:
    with pytest.raises(ContractError, match=words):
        load_contract(write_contract(tmp_path, given_contract(rule(**wrong))))


def test_a_rule_that_could_never_be_applied_is_refused(tmp_path: Path) -> None:
    made = given_contract(rule(uniqueByQuasiIdentifiers=5))
    for one in made["schema"][0]["properties"]:
        one.pop("tags", None)
    with pytest.raises(ContractError, match="uniqueByQuasiIdentifiers is about no column: none is tagged"):
        load_contract(write_contract(tmp_path, made))
    made = given_contract(rule(uniqueByOpenColumns=5), sortKey=["number"])
    made["schema"][0]["properties"][0] |= {"name": "number", "logicalTypeOptions": {}}
    with pytest.raises(ContractError, match="no column says whose a row is"):
        load_contract(write_contract(tmp_path, made))
    of_column = given_contract()
    of_column["schema"][0]["properties"][3]["quality"] = [rule(uniqueByOpenColumns=5)]
    with pytest.raises(ContractError, match="belongs to the table, not to a column"):
        load_contract(write_contract(tmp_path, of_column))
    silent = rule(uniqueByOpenColumns=5)
    silent["customProperties"][0]["description"] = " "
    with pytest.raises(ContractError, match="each limit needs its reason"):
        load_contract(write_contract(tmp_path, given_contract(silent)))
