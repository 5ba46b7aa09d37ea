"""The number of rows beside that of the last delivery, and a person who lets one pass."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.python.deliver.delivering import World, listed
from tests.python.deliver.world import document, of_days, write_contract
from warehouse.core.contracts import Contract, load_contract, load_contracts
from warehouse.core.contracts.model import RuleKind
from warehouse.core.errors import CheckFailed, ContractError, UsageError, VolumeRefused
from warehouse.core.progress import Silent
from warehouse.deliver import State, release
from warehouse.deliver.periods import Days, Month, Period
from warehouse.deliver.proof import show
from warehouse.deliver.volume import Before, compare

DELIVERY = "dandi/teachers/2026-10"
NOVEMBER = date(2026, 11, 2)
MONTH = Month(2026, 10)
RULE = "about as many rows as last time"


def rule(**thresholds: float) -> dict[str, Any]:
    names = {
        "fewer": "fewerRowsThanLastDelivery",
        "more": "moreRowsThanLastDelivery",
        "within": "unlessWithinRows",
    }
    return {
        "name": RULE,
        "type": "text",
        "customProperties": [
            {"property": names[name], "value": value, "description": "Because it is a test."}
            for name, value in thresholds.items()
        ],
    }


def contract_of(folder: Path, *rules: dict[str, Any], **custom: Any) -> Contract:
    made = of_days() if custom.pop("days", False) else document(**custom)
    made["schema"][0]["quality"] = list(rules)
    return load_contract(write_contract(folder, made))


def before(rows: int, period: str = "2026-09") -> Before:
    return Before(f"dandi/teachers/{period}", period, rows)


@pytest.mark.parametrize(
    ("rows", "held"),
    [(200, True), (180, True), (179, False), (100, False), (0, False), (300, True), (301, False)],
)
def test_fewer_and_more_than_the_last_delivery(rows: int, held: bool, tmp_path: Path) -> None:
    contract = contract_of(tmp_path, rule(fewer=10, more=50))
    found = compare(contract, MONTH, rows, before(200)).breaches
    assert [one.rule for one in found] == ([] if held else [RULE])
    if rows == 100:
        assert found[0].detail == "after 200 in dandi/teachers/2026-09 (-50.0 %)"


def test_the_first_delivery_has_nothing_to_be_compared_with(tmp_path: Path) -> None:
    contract = contract_of(tmp_path, rule(fewer=10, more=50))
    assert compare(contract, MONTH, 0, None).breaches == ()
    empty = contract_of(
        tmp_path, {"name": "rows", "type": "library", "metric": "rowCount", "mustBeGreaterThan": 0}, rule(fewer=10)
    )
    assert [one.rule for one in compare(empty, MONTH, 0, None).breaches] == ["rows"]


def test_days_are_compared_day_by_day_and_few_rows_are_let_be(tmp_path: Path) -> None:
    contract = contract_of(tmp_path, rule(more=900, within=1000), days=True)
    three: Period = Days(date(2026, 10, 3), date(2026, 10, 5))
    one: Period = Days(date(2026, 10, 3), date(2026, 10, 3))
    assert compare(contract, three, 6000, before(200, "2026-10-02")).breaches == ()
    assert compare(contract, three, 6001, before(200, "2026-10-02")).breaches
    assert compare(contract, one, 2001, before(200, "2026-10-02")).breaches
    # After an empty day any number is infinitely more: it counts from so many rows on.
    assert compare(contract, one, 1000, before(0, "2026-10-02")).breaches == ()
    assert compare(contract, one, 1001, before(0, "2026-10-02")).breaches[0].detail.endswith("(there were none)")


@given(rows=st.integers(0, 10_000), last=st.integers(0, 10_000), seen=st.integers(0, 10_000))
@settings(max_examples=300)
def test_a_release_holds_for_what_the_person_saw_and_what_is_nearer(
    rows: int, last: int, seen: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    contract = _RULES.setdefault("it", contract_of(tmp_path_factory.mktemp("c"), rule(fewer=10, more=50)))
    bare = compare(contract, MONTH, rows, before(last))
    found = compare(contract, MONTH, rows, before(last), {RULE: seen})
    assert bool(bare.breaches) == (bool(found.breaches) or bool(found.released))
    if found.released:
        assert (rows < last and rows >= seen) or (rows > last and rows <= seen)
    assert compare(contract, MONTH, rows, before(last), {"another": seen}) == bare


_RULES: dict[str, Contract] = {}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"description": " "}, "each threshold needs its reason"),
        ({"value": 0}, "is not a number above 0"),
        ({"value": "many"}, "is not a number above 0"),
        ({"value": 101}, "more than 100 per cent"),
        ({"property": "fewerRowThanLastDelivery"}, "is none of"),
        ({"property": "unlessWithinRows"}, "belongs to"),
    ],
)
def test_a_rule_that_is_not_clear(change: dict[str, Any], words: str, tmp_path: Path) -> None:
    wrong = rule(fewer=10)
    wrong["customProperties"][0] |= change
    with pytest.raises(ContractError, match=words):
        contract_of(tmp_path, wrong)


@pytest.mark.parametrize("name", ["tad/teachers", "tad/qts_awards", "tad/retention"])
def test_each_extract_to_a_recipient_has_one(name: str) -> None:
    (contract,) = (one for one in load_contracts() if "/".join(one.key) == name)
    assert [one.kind for one in contract.rules].count(RuleKind.VOLUME) == 1


def test_of_every_contract_half_the_rows_or_three_times_as_many_do_not_leave_and_a_usual_month_does() -> None:
    """Of those with a row for each person or thing: statistics have rules of their own."""
    contracts = [one for one in load_contracts() if one.recipient in ("dandi", "tps", "tra")]
    assert {contract.recipient for contract in contracts} == {"dandi", "tps", "tra"}
    for contract in contracts:
        name, period = "/".join(contract.key), "2026-09" if contract.period_column is None else "2026-09-30"
        assert [one.kind for one in contract.rules].count(RuleKind.VOLUME) == 1, name

        def holds(rows: int, last: int, contract: Contract = contract, period: str = period) -> bool:
            of = MONTH if contract.period_column is None else Days(date(2026, 10, 1), date(2026, 10, 1))
            return not compare(contract, of, rows, before(last, period)).breaches

        if contract.period_column is None:
            assert not holds(50_000, 100_000) and not holds(300_000, 100_000) and not holds(0, 100_000), name
            assert holds(99_500, 100_000) and holds(109_000, 100_000), name
            assert holds(30, 20), f"{name}: a handful of rows says nothing"
        else:
            # On most days nothing is new: only many more than on the day before are a sign of something.
            assert holds(0, 500) and holds(5_000, 500) and not holds(10_000, 500) and holds(200, 0), name


def half(world: World, rest: int = 100) -> None:
    with world.building(NOVEMBER) as connection:
        connection.execute("delete from extracts.dandi_teachers where urn > %s", (rest,))


@pytest.fixture
def refused(world: World) -> World:
    """A second delivery with half the rows of the first, refused."""
    made = document()
    made["schema"][0]["quality"].append(rule(fewer=10, more=50))
    write_contract(world.exports, made)
    world.run()
    manifest = json.loads((world.place / "2026-09" / "datapackage.json").read_text())["delivery"]["volume"]
    assert manifest["compared_with"] is None and manifest["note"].startswith("The first delivery")
    half(world)
    with pytest.raises(VolumeRefused, match=r"100 rows after 200 in dandi/teachers/2026-09 \(-50.0 %\)") as caught:
        world.run(NOVEMBER)
    assert caught.value.exit_code == 85 and f"deliveries release {DELIVERY}" in caught.value.next_command
    return world


@pytest.mark.slow
def test_half_the_rows_are_refused_until_a_person_releases_them(refused: World) -> None:
    aside = [path.name for path in (refused.home / "home" / "outbox" / ".quarantine").rglob("*") if path.is_file()]
    assert sorted(aside) == ["gate.txt", "teachers-2026-10.parquet"]
    with pytest.raises(VolumeRefused):
        refused.run(NOVEMBER)
    assert refused.state(DELIVERY) == "failed" and not any("2026-10" in name for name in listed(refused))
    assert release(refused.at(NOVEMBER), Silent(), DELIVERY, "a migration made half inactive") == {RULE: 100}
    with psycopg.connect(refused.conninfo, autocommit=True) as connection:
        (decided,) = show(connection, DELIVERY)["decisions"]
    assert (decided["decision"], decided["because"]) == ("release", "a migration made half inactive")
    assert decided["rules"] == {RULE: 100} and decided["by"] and decided["at"]
    # Still fewer rows is not what the person saw.
    half(refused, 99)
    with pytest.raises(VolumeRefused, match="99 rows"):
        refused.run(NOVEMBER)
    with refused.building(NOVEMBER) as connection:
        connection.execute("insert into extracts.dandi_teachers (trn, is_active) values ('0000100', true)")
    (report,) = refused.run(NOVEMBER)
    assert (report.state, report.rows) == (State.CLOSED, 100)
    manifest = json.loads((refused.place / "2026-10" / "datapackage.json").read_text())["delivery"]["volume"]
    assert manifest == {
        "compared_with": "dandi/teachers/2026-09",
        "rows_before": 200,
        "note": None,
        "released": [RULE],
    }
    # For that edition alone: the next one falls as far again, and is refused again.
    with refused.building(date(2026, 12, 2)) as connection:
        connection.execute("delete from extracts.dandi_teachers where urn > 50 or urn is null")
    with pytest.raises(VolumeRefused, match="50 rows"):
        refused.run(date(2026, 12, 2))


@pytest.mark.slow
def test_a_rule_that_is_not_about_the_number_of_rows_is_never_released(refused: World) -> None:
    def breaks(contract: Contract, *_: object) -> None:
        error = CheckFailed(f"{contract.name}: rule `trn is unique`.", meaning="No.", next_command="No.")
        error.rules = ({"rule": "trn is unique", "columns": ["trn"], "rows": 2, "first_rows": (), "detail": ""},)
        raise error

    with pytest.raises(CheckFailed, match="Also: rule `about as many rows") as caught:
        refused.run(NOVEMBER, check=breaks)
    assert type(caught.value) is CheckFailed and len(caught.value.rules) == 2
    with pytest.raises(UsageError, match="failed by `trn is unique`"):
        release(refused.at(NOVEMBER), Silent(), DELIVERY, "it has to go")
    for other in ("dandi/teachers/2026-09", "dandi/teachers/2026-11"):
        with pytest.raises(UsageError, match="cannot be released"):
            release(refused.at(NOVEMBER), Silent(), other, "it has to go")
    # Released from the number of rows earlier, it still has to keep the other rules.
    with pytest.raises(VolumeRefused):
        refused.run(NOVEMBER)
    release(refused.at(NOVEMBER), Silent(), DELIVERY, "it is right")
    with pytest.raises(CheckFailed) as caught:
        refused.run(NOVEMBER, check=breaks)
    assert type(caught.value) is CheckFailed
