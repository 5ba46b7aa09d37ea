"""Every way in which a contract can be wrong is one clear error with its own exit code."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.python.deliver.world import document, of_days, write_contract
from warehouse.core.contracts import Limit, RuleKind, load_contract, load_contracts, parse_type, why_it_cannot_hold
from warehouse.core.errors import ContractError
from warehouse.core.terms import load_terms, model_columns


def test_the_contracts_of_the_product_are_sound() -> None:
    contracts = {contract.key: contract for contract in load_contracts()}
    assert {("dandi", "teachers"), ("tad", "teachers")} <= set(contracts)
    assert contracts["dandi", "teachers"].format.kind == "parquet"
    assert contracts["tad", "teachers"].format.kind == "csv"


def test_a_sound_contract_loads(tmp_path: Path) -> None:
    contract = load_contract(write_contract(tmp_path, document()))
    assert [one.name for one in contract.columns][:2] == ["trn", "last_name"]
    assert contract.column("trn").unique
    assert contract.destinations == {"folder", "cloud_storage", "azure_blob", "sftp"}


def _property(given: dict[str, Any], position: int) -> dict[str, Any]:
    found: dict[str, Any] = given["schema"][0]["properties"][position]
    return found


Change = Callable[[dict[str, Any]], Any]
CHANGES: dict[str, tuple[Change, str]] = {
    "no classification": (lambda d: _property(d, 1).pop("classification"), "(last_name).classification: is missing"),
    "secret": (lambda d: _property(d, 1).update(classification="secret"), "(last_name).classification: is `secret`"),
    "misspelt": (lambda d: _property(d, 1).update(clasification="open"), "'clasification' was unexpected"),
    "no description": (lambda d: _property(d, 1).pop("description"), "(last_name).description: is missing"),
    "type of no file": (lambda d: _property(d, 1).update(physicalType="jsonb"), "`jsonb` is not a type"),
    "types disagree": (lambda d: _property(d, 2).update(logicalType="string", logicalTypeOptions={}), "is a date"),
    "numeric without precision": (lambda d: _property(d, 3).update(physicalType="numeric"), "needs a precision"),
    "twice": (lambda d: d["schema"][0]["properties"].append(copy.deepcopy(_property(d, 1))), "is there twice"),
    "bad pattern": (lambda d: _property(d, 0).update(logicalTypeOptions={"pattern": "["}), "not a regular expression"),
    "bad date": (lambda d: _property(d, 2).update(logicalTypeOptions={"minimum": "soon"}), "not an ISO date"),
    "no key": (lambda d: _property(d, 0).pop("primaryKey"), "no column is a primaryKey"),
    "no purpose": (lambda d: d.pop("description"), "nothing leaves without a stated purpose"),
    "wrong name": (lambda d: d.update(name="people"), "name: is `people`"),
    "wrong recipient": (lambda d: d.update(dataProduct="tad"), "the folder of the recipient is `dandi`"),
    "no id": (lambda d: d.pop("id"), "'id' is a required property"),
    "weekly": (lambda d: d["slaProperties"][0].update(unit="week"), "slaProperties.frequency"),
    "no servers": (lambda d: d.update(servers=[]), "servers: is missing"),
    "quality without limit": (
        lambda d: _property(d, 1).update(quality=[{"type": "custom", "engine": "soda", "implementation": "x"}]),
        "cannot be checked in a file",
    ),
    "quality of a column that is not there": (
        lambda d: d["schema"][0]["quality"].append(
            {"type": "library", "metric": "duplicateValues", "arguments": {"properties": ["x"]}, "mustBe": 0}
        ),
        "no column x",
    ),
    "expectation over the whole file": (
        lambda d: _property(d, 1).update(
            quality=[
                {
                    "type": "custom",
                    "engine": "great-expectations",
                    "implementation": {"type": "expect_column_mean_to_be_between"},
                }
            ]
        ),
        "cannot be evaluated row by row",
    ),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_mistake_is_named_by_its_place(name: str, tmp_path: Path) -> None:
    given = document()
    change, expected = CHANGES[name]
    change(given)
    with pytest.raises(ContractError) as caught:
        load_contract(write_contract(tmp_path, given, "dandi"))
    assert expected in caught.value.what
    assert caught.value.what.startswith(str(tmp_path / "dandi" / "teachers.odcs.yaml"))
    assert caught.value.exit_code == 12


@pytest.mark.parametrize(
    ("custom", "expected"),
    [
        ({"model": "tad_teachers"}, "the extract's model is `dandi_teachers`"),
        ({"fileFormat": "xlsx"}, "must be parquet or csv"),
        ({"fileFormat": "fixed-width"}, "needs a layout"),
        ({"fixedWidth": {}}, "for a file of fixed width alone"),
        ({"periodColumn": "urn"}, "`urn` is not a date column"),
        ({"newestOf": ["trn"]}, "beside a periodColumn"),
        ({"periodColumn": "born", "newestOf": ["nothing"]}, "must be a list of columns"),
        ({"firstDay": "2026-09-01"}, "for a delivery of days"),
        ({"sortKey": ["nothing"]}, "no column `nothing`"),
        ({"sortKey": ["urn"]}, "the order is not certain"),
        ({"sortkey": ["trn"]}, "`sortkey` is not a property"),
        ({"rowsPerFile": 0}, "above 0"),
        ({"asAtColumn": "urn"}, "not a date column"),
    ],
)
def test_a_mistake_in_our_own_properties(custom: dict[str, Any], expected: str, tmp_path: Path) -> None:
    with pytest.raises(ContractError) as caught:
        load_contract(write_contract(tmp_path, document(**custom)))
    assert expected in caught.value.what


@pytest.mark.parametrize(
    ("custom", "expected"),
    [
        ({"periodColumn": None}, "by which day does a row belong"),
        ({"firstDay": "soon"}, "is not an ISO date"),
        ({"rowsPerFile": 5}, "whose name is agreed"),
    ],
)
def test_a_mistake_in_a_delivery_of_days(custom: dict[str, Any], expected: str, tmp_path: Path) -> None:
    with pytest.raises(ContractError) as caught:
        load_contract(write_contract(tmp_path, of_days(**custom)))
    assert expected in caught.value.what


def test_days_are_owed_once_they_are_over(tmp_path: Path) -> None:
    given = of_days()
    given["slaProperties"].append({"property": "dueDay", "value": 3})
    with pytest.raises(ContractError, match="days are owed once they are over"):
        load_contract(write_contract(tmp_path, given))


@pytest.mark.parametrize(
    ("content", "expected"),
    [("a: [", "line 1"), ("- 1", "must be a mapping"), ("id: x\nid: y\n", "`id` is there twice")],
)
def test_what_is_not_a_contract_at_all(content: str, expected: str, tmp_path: Path) -> None:
    path = tmp_path / "dandi" / "teachers.odcs.yaml"
    path.parent.mkdir()
    path.write_text(content)
    with pytest.raises(ContractError) as caught:
        load_contract(path)
    assert expected in caught.value.what


def test_a_file_that_no_delivery_would_find_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "dandi").mkdir()
    (tmp_path / "dandi" / "teachers.yaml").write_text("a: 1\n")
    with pytest.raises(ContractError):
        load_contracts(tmp_path)


@pytest.mark.parametrize(
    ("contract", "model", "fits"),
    [
        ("text", "character varying(20)", True),
        ("varchar(7)", "text", True),
        ("varchar(7)", "character varying(8)", False),
        ("text", "uuid", True),
        ("text", "integer", False),
        ("integer", "smallint", True),
        ("integer", "bigint", False),
        ("numeric(10,2)", "numeric(8,1)", True),
        ("numeric(10,2)", "numeric(10,3)", False),
        ("numeric(10,2)", "numeric", False),
        ("numeric(10,0)", "integer", True),
        ("date", "timestamp without time zone", False),
        ("timestamp with time zone", "timestamp(3) with time zone", True),
        ("double precision", "real", True),
        ("real", "double precision", False),
        ("boolean", "boolean", True),
    ],
)
def test_which_type_holds_which(contract: str, model: str, fits: bool) -> None:
    left, right = parse_type(contract), parse_type(model)
    assert left and right
    assert (why_it_cannot_hold(left, right) is None) is fits


def test_types_that_no_file_carries() -> None:
    assert [parse_type(name) for name in ("jsonb", "text[]", "interval", "time without time zone")] == [None] * 4


def test_a_key_of_two_columns_is_a_rule_too(tmp_path: Path) -> None:
    given = document(sortKey=["trn", "urn"])
    _property(given, 4).update(primaryKey=True, primaryKeyPosition=2)
    contract = load_contract(write_contract(tmp_path, given))
    assert not contract.column("trn").unique
    assert [rule.columns for rule in contract.rules if rule.kind is RuleKind.UNIQUE] == [("trn", "urn")]


def test_limits() -> None:
    assert Limit().allows(0, 10) and not Limit().allows(1, 10)
    assert Limit("mustBeLessOrEqualTo", 5, percent=True).allows(5, 100)
    assert not Limit("mustBeLessOrEqualTo", 5, percent=True).allows(6, 100)
    assert Limit("mustBeBetween", (1, 3)).allows(3, 0)


def test_no_contract_calls_a_column_less_sensitive_than_its_model_does() -> None:
    """Classification cannot be laundered on the last step either; and what a contract names is in the model."""
    order = ["open", "personal", "sensitive"]
    for contract in (table for whole in load_contracts() for table in whole.tables):
        there = {one.name: one.term.classification for one in model_columns(contract.model, load_terms())}
        for one in contract.columns:
            assert one.name in there, (contract.key, one.name)
            assert order.index(one.classification) >= order.index(there[one.name]), (contract.key, one.name)


def test_a_column_of_the_product_never_leaves_by_accident() -> None:
    """What D&I must not have by this extract is not in its contract, whatever the model grows."""
    dandi = [contract for contract in load_contracts() if contract.recipient == "dandi"]
    names = {one.name for contract in dandi for one in contract.columns}
    assert "trn" in names
    words = ("insurance", "email", "postcode", "first_name", "middle_name", "last_name", "birth")
    assert not {name for name in names if any(word in name for word in words)}
