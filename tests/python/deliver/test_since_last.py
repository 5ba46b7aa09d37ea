"""What a manifest says of the delivery before it: rows added, removed and changed in each file, and why."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import psycopg
import pytest

from tests.python.deliver.delivering import World, listed
from tests.python.deliver.histories import MadeByHand, know
from tests.python.deliver.test_recreate import KNOWN
from tests.python.deliver.world import OCTOBER, column, document, write_contract
from warehouse.core.contracts import load_contract
from warehouse.core.errors import ContractError
from warehouse.deliver.changes import ERASED, MERGED, NOT_TOLD, RULE
from warehouse.deliver.changes import KNOWN as SINCE
from warehouse.deliver.since_last import NOTE_FIRST, NOTE_NOT_TOLD

NOVEMBER = date(2026, 11, 3)
SEPTEMBER = "dandi/teachers/2026-09"
TABLES = """
create table extracts.dandi_teachers_people as
select 'p' || i as who, 'Zzname ' || i as name, date '2026-10-03' as day from generate_series(1, 20) i where i <> 13;
create table extracts.dandi_teachers_merged as select 'p13' as record, 'p14' as who;
create table extracts.dandi_teachers_routes as
select 'r' || i as route, 'p' || (i % 12 + 1) as who, i % 3 as status from generate_series(1, 30) i;
create table extracts.dandi_teachers_statuses as
select i as status, 'status ' || i as label from generate_series(0, 2) i;
"""


def given(**custom: object) -> dict[str, Any]:
    """People, whom each record was merged into, their routes, and a lookup, which is of nobody."""
    whole = document(kind="csv", **{"changes": {"person": "who", "merged": "merged"}, **custom})
    properties = [one for one in whole["customProperties"] if one["property"] != "sortKey"]
    text, number = ("string", "text", "personal"), ("integer", "integer")
    return whole | {
        "customProperties": properties,
        "schema": [
            {
                "name": "people",
                "properties": [
                    column("who", *text, primaryKey=True),
                    column("name", *text),
                    column("day", "date", "date"),
                ],
                "customProperties": [{"property": "asAtColumn", "value": "day"}],
            },
            {"name": "merged", "properties": [column("record", *text, primaryKey=True), column("who", *text)]},
            {
                "name": "routes",
                "properties": [
                    column("route", *text, primaryKey=True),
                    column("who", *text),
                    column("status", *number),
                ],
            },
            {"name": "statuses", "properties": [column("status", *number, primaryKey=True), column("label", *text)]},
        ],
    }


@pytest.fixture
def sent(world: World) -> World:
    """September was delivered."""
    with world.building(OCTOBER) as connection:
        connection.execute(TABLES.encode())
    write_contract(world.exports, given())
    know(world.conninfo, KNOWN)
    world.run(built=False)
    return world


def told(world: World, delivery: str = "dandi/teachers/2026-10") -> dict[str, Any]:
    manifest = json.loads(listed(world)[f"{delivery}/datapackage.json"])
    return {one["path"].split("-")[0]: one["changes"] for one in manifest["resources"]}


def learn(world: World, *statements: str) -> None:
    with world.building(NOVEMBER) as connection:
        for statement in ("update extracts.dandi_teachers_people set day = '2026-11-03'", *statements):
            connection.execute(statement.encode())


pytestmark = pytest.mark.slow


def test_news_and_merges_are_told_apart_and_the_rest_is_as_it_was(sent: World) -> None:
    assert told(sent, SEPTEMBER)["people"] == {"since": None, "note": NOTE_FIRST}
    learn(
        sent,
        "insert into extracts.dandi_teachers_people values ('p21', 'x', '2026-11-03'), ('p22', 'x', '2026-11-03')",
        "update extracts.dandi_teachers_people set name = 'y' where who in ('p1', 'p5')",
        # Two records of one person: one row goes, and its routes lead to the other.
        "delete from extracts.dandi_teachers_people where who = 'p2'",
        "insert into extracts.dandi_teachers_merged values ('p2', 'p5')",
        "update extracts.dandi_teachers_routes set who = 'p5' where who = 'p2'",
        "update extracts.dandi_teachers_routes set status = 0 where route = 'r10'",
        "delete from extracts.dandi_teachers_routes where route = 'r30'",
    )
    sent.run(NOVEMBER, built=False, history=None)
    found = told(sent)
    assert {one.pop("since") for one in found.values()} == {SEPTEMBER}
    assert found == {
        "people": {"added": {SINCE: 2}, "removed": {MERGED: 1}, "changed": {SINCE: 1, MERGED: 1}},
        "merged": {"added": {MERGED: 1}, "removed": {}, "changed": {}},
        "routes": {"added": {}, "removed": {SINCE: 1}, "changed": {MERGED: 3, SINCE: 1}},
        "statuses": {"added": {}, "removed": {}, "changed": {}},
    }
    assert "Zzname" not in json.dumps(found)


def test_what_a_changed_rule_makes_of_the_old_knowledge_is_no_news(sent: World) -> None:
    """The models of now make other routes of what was known in October, and one was learnt since."""
    learn(
        sent,
        "update ledger.builds set project_sha256 = 'of new models' where build_id = (select max(build_id) from"
        " ledger.builds)",
        "update extracts.dandi_teachers_people set name = 'by rule ' || name where who < 'p15'",
        "update extracts.dandi_teachers_people set name = 'learnt' where who = 'p9'",
    )
    # Of then, by the models of now: the rule holds, and this was not known.
    then = MadeByHand(
        sent.conninfo,
        "update {table} set name = case who when 'p9' then 'Zzname 9' else name end, day = '2026-10-03'",
        reaches=KNOWN,
    )
    sent.run(NOVEMBER, built=False, history=then)
    models = "dandi_teachers_people dandi_teachers_merged dandi_teachers_routes dandi_teachers_statuses"
    assert then.asked == [(models, KNOWN, OCTOBER, False)]
    found = told(sent)["people"]
    assert found["changed"] == {RULE: 5, SINCE: 1} and "note" not in found
    assert told(sent)["routes"]["changed"] == {}


def test_where_history_cannot_tell_the_manifest_says_so(sent: World) -> None:
    write_contract(sent.exports, given(compressionLevel=4) | {"version": "1.1.0"})
    learn(sent, "update extracts.dandi_teachers_people set name = 'y' where who = 'p1'")
    sent.run(NOVEMBER, built=False, history=MadeByHand(sent.conninfo))
    found = told(sent)["people"]
    assert found["changed"] == {NOT_TOLD: 1} and found["note"] == NOTE_NOT_TOLD


def test_a_column_more_and_a_table_more_are_the_contracts(sent: World) -> None:
    more = given() | {"version": "2.0.0"}
    more["schema"][3]["properties"].append(column("place", "integer", "integer"))
    more["schema"].append({"name": "places", "properties": [column("place", "integer", "integer", primaryKey=True)]})
    write_contract(sent.exports, more)
    learn(
        sent,
        "alter table extracts.dandi_teachers_statuses add column place integer default 1",
        "create table extracts.dandi_teachers_places as select 1 as place",
    )
    sent.run(NOVEMBER, built=False, history=None)
    assert told(sent)["statuses"]["changed"] == {RULE: 3}
    assert told(sent)["places"]["added"] == {RULE: 1}


def erased(world: World, held: str, **rows: int) -> None:
    """The ledger of an erasure that found so many rows of a person in the files of September."""
    with psycopg.connect(world.conninfo, autocommit=True) as connection:
        (erasure,) = connection.execute("insert into ledger.erasures default values returning erasure_id").fetchall()[0]
        for name, gone in rows.items():
            connection.execute(
                "insert into ledger.erased_deliveries (erasure_id, delivery_id, name, held, found, old_rows, new_rows)"
                " values (%s, %s, %s, %s, 'read', %s, 100)",
                (erasure, SEPTEMBER, f"{SEPTEMBER}/{name}-2026-09.csv", held, 100 + gone),
            )


def test_whom_an_erasure_took_out_is_told_as_erased(sent: World) -> None:
    erased(sent, "here", people=3, routes=3)
    learn(sent, "delete from extracts.dandi_teachers_people where who = 'p1'")
    sent.run(NOVEMBER, built=False, history=None)
    assert told(sent)["people"]["removed"] == {ERASED: 3, SINCE: 1}
    assert told(sent)["routes"]["removed"] == {ERASED: 3}


def test_whom_the_recipient_still_has_and_no_history_has_is_told_as_erased(sent: World) -> None:
    erased(sent, "by the recipient", people=1, routes=3)
    learn(
        sent,
        "delete from extracts.dandi_teachers_people where who in ('p3', 'p4')",
        "delete from extracts.dandi_teachers_routes where who = 'p3'",
    )
    # Of p4 it is known still that they were there then; of p3 nothing is.
    then = MadeByHand(
        sent.conninfo,
        "insert into {table} values ('p4', 'Zzname 4'); update {table} set day = '2026-10-03'",
        reaches=KNOWN,
    )
    sent.run(NOVEMBER, built=False, history=then)
    assert told(sent)["people"]["removed"] == {ERASED: 1, SINCE: 1}
    assert told(sent)["routes"]["removed"] == {ERASED: 3}


def test_a_delivery_before_that_is_gone_is_no_reason_to_send_nothing(sent: World) -> None:
    (sent.place / "2026-09" / "routes-2026-09.csv").unlink()
    learn(sent)
    (report,) = sent.run(NOVEMBER, built=False, history=None)
    assert report.state == "closed"
    assert told(sent)["people"]["since"] == SEPTEMBER and "Not compared with it" in told(sent)["people"]["note"]


@pytest.mark.parametrize(
    ("said", "wrong"),
    [
        ({"person": "name", "merged": "merged"}, "needs `person`, the column that is the key"),
        ({"person": "who", "merged": "statuses"}, "needs `merged`, a table with a key of one column"),
        ("yes", "needs `person`"),
    ],
)
def test_how_to_tell_has_to_be_possible(tmp_path: Any, said: object, wrong: str) -> None:
    with pytest.raises(ContractError, match=wrong):
        load_contract(write_contract(tmp_path, given(changes=said)))
