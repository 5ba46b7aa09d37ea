"""Deliveries from end to end: real PostgreSQL, a real folder, a real SFTP server, and Cloud Storage's imitation."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, date, datetime

import psycopg
import pyarrow.parquet
import pytest

from tests.python.deliver.delivering import OCTOBER, World, listed
from tests.python.deliver.histories import know
from tests.python.deliver.test_singled_out import alone
from tests.python.deliver.world import document, make_table, write_contract
from warehouse.core.errors import AlreadyRunning, CheckFailed, ContractError, DeliveryError
from warehouse.core.locks import Lock, session_lock
from warehouse.deliver import DeliveryReport, State, what_is_due

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("short_waits")]


def test_a_delivery_and_its_proof(anywhere: World) -> None:
    """The file, the manifest, the receipt and the report tell one story; a second run changes nothing."""
    reports: list[DeliveryReport] = []
    (report,) = anywhere.run(on_report=reports.append)
    assert reports == [report]
    assert (report.state, report.rows, report.adopted) == (State.CLOSED, 200, False)
    there = listed(anywhere)
    base = "dandi/teachers/2026-09/"
    assert set(there) == {base + "teachers-2026-09.parquet", base + "datapackage.json"}
    content, manifest = there[base + "teachers-2026-09.parquet"], json.loads(there[base + "datapackage.json"])
    digest = hashlib.sha256(content).hexdigest()
    resource = manifest["resources"][0]
    assert (resource["hash"], resource["bytes"], resource["rows"]) == (f"sha256:{digest}", len(content), 200)
    assert manifest["delivery"] | {"contract": 0, "purpose": 0, "writer": 0, "volume": 0} == {
        "id": "dandi/teachers/2026-09",
        "period": "2026-09",
        "period_start": "2026-09-01",
        "period_end": "2026-09-30",
        "revision": 1,
        "replaces": None,
        "as_at": "2026-10-03",
        "known_up_to": None,
        "rows": 200,
        "files": 1,
        "contract": 0,
        "model": "dandi_teachers",
        "build_id": 2,
        "writer": 0,
        "purpose": 0,
        "volume": 0,
        "source": None,
        "owner": "Testers",
        "agreement": "Test 1, signed 2020-01-31",
        "legal_basis": "Nobody is real.",
        "disclosure_rules": "Nothing is published.",
        "values_made_null": {},
        "singled_out": {
            "teachers": {
                "rows": 200,
                "people": 200,
                "groups_under": 10,
                "by": {"open_columns": alone(["hours", "urn", "is_active", "changed"], 200)},
            }
        },
        "retention_months": 12,
        "previous": None,
        "synthetic": False,
    }
    assert [(file.sha256, file.bytes) for file in report.files] == [(digest, len(content))]
    row = anywhere.query("select state, rows, bytes, manifest_sha256, attempt from ledger.deliveries")[0]
    manifest_digest = hashlib.sha256(there[base + "datapackage.json"]).hexdigest()
    assert row == ("closed", 200, len(content), manifest_digest, 1)
    steps = anywhere.query("select to_state from ledger.delivery_states order by step")
    assert [step[0] for step in steps] == ["planned", "built", "checked", "uploaded", "verified", "closed"]
    assert anywhere.run() == []
    assert listed(anywhere) == there
    assert not list((anywhere.home / "home" / "outbox").rglob("*.parquet"))


def test_the_next_month_refers_to_the_one_before_and_gaps_are_written_down(world: World) -> None:
    world.run(date(2026, 8, 2))
    know(world.conninfo, datetime(2026, 9, 2, tzinfo=UTC))
    reports = world.run(OCTOBER)
    assert [(one.period, one.state) for one in reports] == [("2026-08", State.MISSED), ("2026-09", State.CLOSED)]
    previous = json.loads((world.place / "2026-09" / "datapackage.json").read_text())["delivery"]["previous"]
    july = json.loads((world.place / "2026-07" / "datapackage.json").read_text())
    assert previous["id"] == july["id"] == "dandi/teachers/2026-07"
    assert list(previous["files"].values()) == [july["resources"][0]["hash"]]
    assert what_is_due(world.at(OCTOBER)) == []


def test_columns_that_the_contract_does_not_name_stay_behind(world: World) -> None:
    world.run()
    path = world.place / "2026-09" / "teachers-2026-09.parquet"
    assert pyarrow.parquet.read_schema(path).names == [
        "trn",
        "last_name",
        "born",
        "hours",
        "urn",
        "is_active",
        "changed",
    ]
    assert b"Zzsecret" not in path.read_bytes()
    table = pyarrow.parquet.read_table(path)
    names = dict(zip(table["trn"].to_pylist(), table["last_name"].to_pylist(), strict=True))
    assert names["0000005"] is None and names["0000007"] == "" and names["0000001"] == 'Zzsurname, "1"\ufffd Ó'
    assert table["trn"].to_pylist() == sorted(table["trn"].to_pylist())


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_the_same_rows_give_the_same_bytes(kind: str, world: World) -> None:
    world.contract(kind=kind, rowsPerFile=60)
    digests = []
    for number in range(2):
        world.settings.warehouse_deliveries = world.home / f"deliveries{number}"
        (report,) = world.run()
        digests.append([(file.name, file.rows, file.sha256) for file in report.files])
        with world.building() as connection:
            connection.execute("truncate ledger.deliveries cascade")
            # The same rows in another order on the disk.
            connection.execute("create table t as select * from extracts.dandi_teachers order by md5(trn)")
            connection.execute("truncate extracts.dandi_teachers")
            connection.execute("insert into extracts.dandi_teachers select * from t")
            connection.execute("drop table t")
    assert digests[0] == digests[1]
    assert [rows for _, rows, _ in digests[0]] == [60, 60, 60, 20]


def test_csv_is_rfc_4180_and_infinite_dates_are_null(world: World) -> None:
    world.contract(kind="csv")
    world.query("select 1")
    with world.building() as connection:
        connection.execute("delete from extracts.dandi_teachers where trn > '0000002'")
        connection.execute("update extracts.dandi_teachers set born = 'infinity' where trn = '0000001'")
        connection.execute("update extracts.dandi_teachers set changed = '-infinity', last_name = '' where urn = 2")
    world.run()
    assert (world.place / "2026-09" / "teachers-2026-09.csv").read_bytes() == (
        "trn,last_name,born,hours,urn,is_active,changed\r\n"
        '0000001,"Zzsurname, ""1""\ufffd Ó",,0.25,1,false,2026-09-01T10:00:01Z\r\n'
        '0000002,"",1970-01-03,0.50,2,true,\r\n'
    ).encode()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("alter table extracts.dandi_teachers drop column born", "has no such column"),
        ("alter table extracts.dandi_teachers alter urn type bigint", "is integer, but the model's is bigint"),
        ("alter table extracts.dandi_teachers alter hours type numeric", "has no precision"),
    ],
)
def test_a_model_that_does_not_fit_the_contract(change: str, words: str, world: World) -> None:
    with world.building() as connection:
        connection.execute(change.encode())
    with pytest.raises(ContractError) as caught:
        world.run()
    assert words in caught.value.what
    assert world.state() == "failed" and listed(world) == {}


def test_a_model_that_was_never_built(world: World) -> None:
    with world.building() as connection:
        connection.execute("drop table extracts.dandi_teachers")
    with pytest.raises(DeliveryError, match="is not part of the published build"):
        world.run()


def test_a_value_that_no_file_can_hold_is_not_quoted(world: World) -> None:
    with world.building() as connection:
        connection.execute("update extracts.dandi_teachers set born = '0044-03-15 BC' where trn = '0000003'")
    with pytest.raises(CheckFailed) as caught:
        world.run()
    assert "column born (date)" in caught.value.what and "0044" not in str(caught.value.as_dict())


def test_one_failure_does_not_keep_the_others_from_being_delivered(world: World) -> None:
    make_table(world.conninfo, "tad_teachers")
    write_contract(world.exports, document("tad", "csv"))
    with world.building() as connection:
        connection.execute("alter table extracts.dandi_teachers alter urn type bigint")
    told: list[DeliveryReport] = []
    with pytest.raises(ContractError):
        world.run(on_report=told.append)
    assert [(one.recipient, one.state) for one in told] == [("dandi", State.FAILED), ("tad", State.CLOSED)]
    make_table(world.conninfo, "dandi_teachers")
    assert [one.delivery_id for one in world.run()] == ["dandi/teachers/2026-09"]
    assert world.query("select attempt from ledger.deliveries where recipient = 'dandi'") == [(2,)]


def test_two_runs_at_once(world: World) -> None:
    with psycopg.connect(world.conninfo, autocommit=True) as connection, session_lock(connection, Lock.deliver) as free:
        assert free
        with pytest.raises(AlreadyRunning):
            world.run()


def test_a_month_that_ended_after_its_manifest_is_closed_not_missed(world: World) -> None:
    def stop(step: str) -> None:
        if step == "committed":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        world.run(hook=stop)
    reports = world.run(date(2026, 11, 1))
    assert [(one.period, one.state, one.adopted) for one in reports] == [
        ("2026-09", State.CLOSED, True),
        ("2026-10", State.CLOSED, False),
    ]


def test_a_month_that_ended_half_way_is_missed_and_tidied_up(anywhere: World) -> None:
    def stop(step: str) -> None:
        if step == "uploaded":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        anywhere.run(hook=stop)
    know(anywhere.conninfo, datetime(2026, 10, 2, tzinfo=UTC))
    reports = anywhere.run(date(2026, 11, 1))
    assert [one.state for one in reports] == [State.MISSED, State.CLOSED]
    assert not [name for name in listed(anywhere) if "2026-09" in name]
