"""Deliveries from end to end: real PostgreSQL, a real folder, a real SFTP server, and Cloud Storage's imitation."""

from __future__ import annotations

import hashlib
import json
import logging
from datetime import date
from pathlib import Path
from typing import Any

import psycopg
import pyarrow.parquet
import pytest

from tests.python.deliver.killed import no_check
from tests.python.deliver.world import SftpWorld, column, document, make_table, settings_for, write_contract
from warehouse.core.database import session_lock
from warehouse.core.errors import (
    AlreadyRunning,
    CheckFailed,
    ContractError,
    DeliveryError,
    DestinationFull,
    DestinationRefused,
    SettingsError,
)
from warehouse.core.progress import Silent
from warehouse.core.settings import Settings
from warehouse.deliver import DeliveryReport, State, deliver, what_is_due
from warehouse.deliver.check import check_files
from warehouse.deliver.destinations import cloud_storage, open_destination
from warehouse.deliver.destinations import sftp as sftp_module

pytestmark = pytest.mark.slow

OCTOBER = date(2026, 10, 3)


class World:
    """One warehouse with its contracts and its destination."""

    def __init__(self, home: Path, conninfo: str, **settings: Any) -> None:
        self.home, self.conninfo, self.exports = home, conninfo, home / "exports"
        self.settings: Settings = settings_for(home, **settings)
        make_table(conninfo, "dandi_teachers")

    def contract(self, **given: Any) -> dict[str, Any]:
        made = document(**given)
        write_contract(self.exports, made)
        return made

    def run(self, today: date = OCTOBER, **given: Any) -> list[DeliveryReport]:
        given = {"check": no_check, **given}
        return deliver(self.conninfo, self.settings, today, Silent(), exports=self.exports, **given)

    def query(self, text: str) -> list[Any]:
        with psycopg.connect(self.conninfo) as connection:
            return connection.execute(text.encode()).fetchall()

    def state(self, delivery: str = "dandi/teachers/2026-09") -> str:
        rows = self.query(f"select state from ledger.deliveries where delivery_id = '{delivery}'")
        return str(rows[0][0]) if rows else "none"

    @property
    def place(self) -> Path:
        return self.home / "deliveries" / "dandi" / "teachers"


@pytest.fixture
def world(tmp_path: Path, conninfo: str) -> World:
    made = World(tmp_path, conninfo)
    made.contract()
    return made


@pytest.fixture(params=["folder", "sftp", "gs"])
def anywhere(request: pytest.FixtureRequest, tmp_path: Path, conninfo: str) -> World:
    """A world that delivers to each kind of place in turn."""
    if request.param == "folder":
        made = World(tmp_path, conninfo)
    elif request.param == "sftp":
        made = sftp_world(tmp_path, conninfo, request.getfixturevalue("sftp"))
    else:
        made = World(tmp_path, conninfo, warehouse_destination_dandi=request.getfixturevalue("bucket"))
    made.contract()
    return made


def sftp_world(tmp_path: Path, conninfo: str, sftp: SftpWorld, **given: Any) -> World:
    given = {
        "warehouse_destination_dandi": sftp.url,
        "warehouse_sftp_password": "let-me-in",
        "warehouse_sftp_known_hosts": sftp.known_hosts,
        **given,
    }
    return World(tmp_path, conninfo, **given)


@pytest.fixture(autouse=True)
def _short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (cloud_storage, sftp_module):
        monkeypatch.setattr(module, "FIRST_WAIT", 0.01)


def listed(world: World) -> dict[str, bytes]:
    """Everything that is at the destination, by its name."""
    url = world.settings.destination("dandi")
    if url.startswith("gs://"):
        destination = open_destination(url, world.settings)
        bucket = destination._bucket()  # type: ignore[attr-defined]
        found = {blob.name.removeprefix("from-warehouse/"): blob.download_as_bytes() for blob in bucket.list_blobs()}
        destination.close()
        return found
    folder = world.home / "sftp" / "drop" if url.startswith("sftp") else Path(url)
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_delivery_and_its_proof(anywhere: World) -> None:
    """The file, the manifest, the receipt and the report tell one story; a second run changes nothing."""
    reports: list[DeliveryReport] = []
    (report,) = anywhere.run(build_id=7, on_report=reports.append)
    assert reports == [report]
    assert (report.state, report.rows, report.adopted) == (State.CLOSED, 200, False)
    there = listed(anywhere)
    base = "dandi/teachers/2026-09/"
    assert set(there) == {base + "teachers-2026-09.parquet", base + "datapackage.json"}
    content, manifest = there[base + "teachers-2026-09.parquet"], json.loads(there[base + "datapackage.json"])
    digest = hashlib.sha256(content).hexdigest()
    resource = manifest["resources"][0]
    assert (resource["hash"], resource["bytes"], resource["rows"]) == (f"sha256:{digest}", len(content), 200)
    assert manifest["delivery"] | {"contract": 0, "purpose": 0, "writer": 0} == {
        "id": "dandi/teachers/2026-09",
        "period": "2026-09",
        "period_start": "2026-09-01",
        "period_end": "2026-09-30",
        "as_at": "2026-10-03",
        "rows": 200,
        "files": 1,
        "contract": 0,
        "model": "dandi_teachers",
        "build_id": 7,
        "writer": 0,
        "purpose": 0,
        "retention_months": 12,
        "previous": None,
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
    reports = world.run(OCTOBER)
    assert [(one.period, one.state) for one in reports] == [("2026-08", State.MISSED), ("2026-09", State.CLOSED)]
    previous = json.loads((world.place / "2026-09" / "datapackage.json").read_text())["delivery"]["previous"]
    july = json.loads((world.place / "2026-07" / "datapackage.json").read_text())
    assert previous["id"] == july["id"] == "dandi/teachers/2026-07"
    assert list(previous["files"].values()) == [july["resources"][0]["hash"]]
    assert what_is_due(world.conninfo, OCTOBER, world.exports) == []


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
    assert names["0000005"] is None and names["0000007"] == "" and names["0000001"] == 'Zzsurname, "1"\n Ó'
    assert table["trn"].to_pylist() == sorted(table["trn"].to_pylist())


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_the_same_rows_give_the_same_bytes(kind: str, world: World) -> None:
    world.contract(kind=kind, rowsPerFile=60)
    digests = []
    for number in range(2):
        world.settings.warehouse_deliveries = world.home / f"deliveries{number}"
        (report,) = world.run()
        digests.append([(file.name, file.rows, file.sha256) for file in report.files])
        with psycopg.connect(world.conninfo) as connection:
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
    with psycopg.connect(world.conninfo) as connection:
        connection.execute("delete from extracts.dandi_teachers where trn > '0000002'")
        connection.execute("update extracts.dandi_teachers set born = 'infinity' where trn = '0000001'")
        connection.execute("update extracts.dandi_teachers set changed = '-infinity', last_name = '' where urn = 2")
    world.run()
    assert (world.place / "2026-09" / "teachers-2026-09.csv").read_bytes() == (
        "trn,last_name,born,hours,urn,is_active,changed\r\n"
        '0000001,"Zzsurname, ""1""\n Ó",,0.25,1,false,2026-09-01T10:00:01Z\r\n'
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
    with psycopg.connect(world.conninfo) as connection:
        connection.execute(change.encode())
    with pytest.raises(ContractError) as caught:
        world.run()
    assert words in caught.value.what
    assert world.state() == "failed" and listed(world) == {}


def test_a_model_that_was_never_built(world: World) -> None:
    with psycopg.connect(world.conninfo) as connection:
        connection.execute("drop table extracts.dandi_teachers")
    with pytest.raises(DeliveryError, match="There is no table"):
        world.run()


def test_a_value_that_no_file_can_hold_is_not_quoted(world: World) -> None:
    with psycopg.connect(world.conninfo) as connection:
        connection.execute("update extracts.dandi_teachers set born = '0044-03-15 BC' where trn = '0000003'")
    with pytest.raises(CheckFailed) as caught:
        world.run()
    assert "column born (date)" in caught.value.what and "0044" not in str(caught.value.as_dict())


def test_one_failure_does_not_keep_the_others_from_being_delivered(world: World) -> None:
    make_table(world.conninfo, "tad_teachers")
    write_contract(world.exports, document("tad", "csv"))
    with psycopg.connect(world.conninfo) as connection:
        connection.execute("drop table extracts.dandi_teachers")
    told: list[DeliveryReport] = []
    with pytest.raises(DeliveryError):
        world.run(on_report=told.append)
    assert [(one.recipient, one.state) for one in told] == [("dandi", State.FAILED), ("tad", State.CLOSED)]
    make_table(world.conninfo, "dandi_teachers")
    assert [one.delivery_id for one in world.run()] == ["dandi/teachers/2026-09"]
    assert world.query("select attempt from ledger.deliveries where recipient = 'dandi'") == [(2,)]


def test_two_runs_at_once(world: World) -> None:
    with psycopg.connect(world.conninfo, autocommit=True) as connection, session_lock(connection, "deliver") as free:
        assert free
        with pytest.raises(AlreadyRunning):
            world.run()


def test_a_file_that_was_tampered_with_is_found_and_then_sent_anew(anywhere: World) -> None:
    def tamper(step: str) -> None:
        if step == "uploaded":
            overwrite(anywhere, "dandi/teachers/2026-09/teachers-2026-09.parquet")

    with pytest.raises(DeliveryError, match="is not what was sent"):
        anywhere.run(hook=tamper)
    assert anywhere.state() == "failed"
    assert "dandi/teachers/2026-09/datapackage.json" not in listed(anywhere)
    (report,) = anywhere.run()
    assert hashlib.sha256(listed(anywhere)[report.files[0].name]).hexdigest() == report.files[0].sha256


def overwrite(world: World, name: str) -> None:
    """Somebody else writes a byte into a file at the destination."""
    url = world.settings.destination("dandi")
    content = bytearray(listed(world)[name])
    content[len(content) // 2] ^= 1
    if url.startswith("gs://"):
        destination = open_destination(url, world.settings)
        destination._bucket().blob(f"from-warehouse/{name}").upload_from_string(bytes(content))  # type: ignore[attr-defined]
        destination.close()
    else:
        folder = world.home / "sftp" / "drop" if url.startswith("sftp") else Path(url)
        (folder / name).write_bytes(content)


def test_a_strange_file_is_never_overwritten(anywhere: World) -> None:
    anywhere.run()
    there = listed(anywhere)
    with psycopg.connect(anywhere.conninfo) as connection:
        connection.execute("truncate ledger.deliveries cascade")
        connection.execute("update extracts.dandi_teachers set urn = 0 where trn = '0000001'")
    with pytest.raises(DestinationRefused, match="already"):
        anywhere.run()
    assert listed(anywhere) == there


def test_a_delivery_that_a_lost_ledger_does_not_know_is_adopted(anywhere: World) -> None:
    anywhere.run()
    there = listed(anywhere)
    with psycopg.connect(anywhere.conninfo) as connection:
        connection.execute("truncate ledger.deliveries cascade")
    (report,) = anywhere.run()
    assert report.state is State.CLOSED
    assert listed(anywhere) == there


def test_a_delivered_file_that_changed_is_not_adopted(world: World) -> None:
    """The manifest was written, the process killed, and then somebody changed the file."""

    def stop(step: str) -> None:
        if step == "committed":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        world.run(hook=stop)
    overwrite(world, "dandi/teachers/2026-09/teachers-2026-09.parquet")
    with pytest.raises(DestinationRefused, match="no longer what the manifest says"):
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
    reports = anywhere.run(date(2026, 11, 1))
    assert [one.state for one in reports] == [State.MISSED, State.CLOSED]
    assert not [name for name in listed(anywhere) if "2026-09" in name]


# -- destinations that refuse, and that are full -----------------------------------------------------------------


def test_a_bucket_that_is_not_there(tmp_path: Path, conninfo: str, bucket: str) -> None:
    world = World(tmp_path, conninfo, warehouse_destination_dandi="gs://nobody-made-this")
    world.contract()
    with pytest.raises(DestinationRefused, match="404"):
        world.run()
    assert world.state() == "failed"
    world.settings.warehouse_destination_dandi = bucket
    (report,) = world.run()
    assert (report.state, report.where) == (State.CLOSED, bucket)


def test_a_file_in_place_of_the_folder(world: World) -> None:
    world.settings.warehouse_deliveries.write_text("not a folder")
    with pytest.raises(DestinationRefused, match="refuses"):
        world.run()
    world.settings.warehouse_deliveries.unlink()
    assert world.run()[0].state is State.CLOSED


def test_an_sftp_server_that_refuses_in_each_way(tmp_path: Path, conninfo: str, sftp: SftpWorld) -> None:
    world = sftp_world(tmp_path, conninfo, sftp)
    world.contract()
    good = world.settings
    stranger = tmp_path / "known_hosts"
    stranger.write_text("example.org ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA==\n")
    bad = [
        (good.model_copy(update={"warehouse_sftp_known_hosts": stranger}), "host key"),
        (good.model_copy(update={"warehouse_sftp_known_hosts": tmp_path / "none"}), "no known_hosts file"),
        (good.model_copy(update={"warehouse_sftp_password": None}), "does not let loader in"),
        (good.model_copy(update={"warehouse_destination_dandi": "sftp://loader@127.0.0.1:9/drop"}), "refuses"),
    ]
    for settings, words in bad:
        world.settings = settings
        with pytest.raises(DestinationRefused, match=words):
            world.run()
    world.settings, sftp.read_only = good, True
    with pytest.raises(DestinationRefused, match="permission denied"):
        world.run()
    sftp.read_only = False
    assert world.run()[0].state is State.CLOSED
    assert len(listed(world)) == 2


def test_an_sftp_server_that_fills_up_mid_file(tmp_path: Path, conninfo: str, sftp: SftpWorld) -> None:
    world = sftp_world(tmp_path, conninfo, sftp)
    world.contract()
    sftp.room = 1000
    with pytest.raises(DestinationFull) as caught:
        world.run()
    assert caught.value.exit_code == 33
    assert listed(world) == {} and world.state() == "failed"
    sftp.room = None
    assert world.run()[0].state is State.CLOSED


def test_an_sftp_connection_that_drops_is_made_again(tmp_path: Path, conninfo: str, sftp: SftpWorld) -> None:
    world = sftp_world(tmp_path, conninfo, sftp)
    world.contract()
    sftp.drop_connections = 2
    assert world.run()[0].state is State.CLOSED
    assert sftp.drop_connections == 0


def test_settings_that_cannot_be_a_destination(world: World) -> None:
    for url in ("sftp://user:password@host/path", "ftp://host/path"):
        world.settings.warehouse_destination_dandi = url
        with pytest.raises(SettingsError) as caught:
            world.run()
        assert "password@" not in str(caught.value.as_dict())
    given = world.contract()
    given["servers"] = [{"server": "cloud", "type": "sftp", "location": "sftp://x"}]
    write_contract(world.exports, given)
    world.settings.warehouse_destination_dandi = None
    with pytest.raises(SettingsError, match="does not name in `servers`"):
        world.run()


# -- the gate ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_the_gate_finds_each_breach_and_tells_no_value(
    kind: str, world: World, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    """Rules, columns and counts are told; no value of a sensitive column is in the error, the logs or the ledger."""
    given = world.contract(kind=kind)
    given["schema"][0]["properties"][1]["logicalTypeOptions"] = {"maxLength": 15}
    given["schema"][0]["properties"][4]["unique"] = True
    given["schema"][0]["properties"][4]["quality"] = [
        {
            "type": "library",
            "name": "known urn",
            "metric": "invalidValues",
            "arguments": {"validValues": list(range(1, 200))},
            "mustBeLessOrEqualTo": 1,
            "unit": "percent",
        }
    ]
    given["schema"][0]["quality"][0] = {
        "name": "enough rows",
        "type": "library",
        "metric": "rowCount",
        "mustBeGreaterOrEqualTo": 500,
    }
    write_contract(world.exports, given)
    with psycopg.connect(world.conninfo) as connection:
        run = connection.execute
        run("update extracts.dandi_teachers set trn = trn || E'\\n' where trn in ('0000001', '0000002')")
        run("update extracts.dandi_teachers set trn = '0000003' where trn = '0000004'")
        run("update extracts.dandi_teachers set born = '1850-01-01' where trn = '0000006'")
        run("update extracts.dandi_teachers set is_active = null where trn >= '0000198'")
        run("update extracts.dandi_teachers set urn = 55 where trn between '0000055' and '0000057'")
    caplog.set_level(logging.DEBUG)
    with pytest.raises(CheckFailed) as caught:
        world.run(check=check_files)
    what = caught.value.what
    assert "rule `trn has its format` (trn): 2 rows" in what
    assert "rule `trn is unique` (trn): 2 rows" in what
    assert "rule `born is in its range` (born): 1 rows" in what
    assert "rule `is_active is required` (is_active): 3 rows" in what
    assert "rule `urn is unique` (urn): 3 rows" in what
    assert "rule `enough rows`: 200 rows" in what
    assert "last_name has its length" in what
    assert "known urn" not in what
    told = capfd.readouterr()
    ledger = str(world.query("select error::text from ledger.deliveries"))
    for text in (str(caught.value.as_dict()), caplog.text, told.out, told.err, ledger):
        assert "Zz" not in text and "1850" not in text
    assert told.out == "" and "it/s" not in told.err
    assert world.state() == "failed" and listed(world) == {}


def test_the_gate_lets_a_good_file_through_and_knows_dates_pairs_and_decimals(world: World) -> None:
    given = world.contract()
    columns = given["schema"][0]["properties"]
    columns[3]["logicalTypeOptions"] = {"minimum": 0, "maximum": 50}
    columns[6]["logicalTypeOptions"] = {"minimum": "2026-09-01T00:00:00", "exclusiveMaximum": "2026-09-02T00:00:00"}
    columns.append(column("died", "date", "date"))
    given["schema"][0]["quality"].append(
        {
            "type": "custom",
            "name": "died after birth",
            "engine": "great-expectations",
            "implementation": {
                "type": "expect_column_pair_values_a_to_be_greater_than_b",
                "kwargs": {"column_A": "died", "column_B": "born", "ignore_row_if": "either_value_is_missing"},
            },
        }
    )
    write_contract(world.exports, given)
    with psycopg.connect(world.conninfo) as connection:
        connection.execute("alter table extracts.dandi_teachers add died date")
        connection.execute("update extracts.dandi_teachers set died = born + 1 where trn < '0000100'")
    assert world.run(check=check_files)[0].state is State.CLOSED
    with psycopg.connect(world.conninfo) as connection:
        connection.execute("update extracts.dandi_teachers set died = born - 1 where trn < '0000005'")
        connection.execute("update extracts.dandi_teachers set hours = 50.01 where trn = '0000009'")
    with pytest.raises(CheckFailed) as caught:
        world.run(date(2026, 11, 2), check=check_files)
    assert "rule `died after birth` (died, born): 4 rows" in caught.value.what
    assert "rule `hours is in its range` (hours): 1 rows" in caught.value.what


def test_a_key_of_two_columns_that_is_not_unique(world: World) -> None:
    given = world.contract(sortKey=["trn", "urn"], rowsPerFile=90)
    given["schema"][0]["properties"][0].pop("logicalTypeOptions")
    given["schema"][0]["properties"][4].update(primaryKey=True, primaryKeyPosition=2)
    write_contract(world.exports, given)
    with psycopg.connect(world.conninfo) as connection:
        connection.execute("update extracts.dandi_teachers set trn = 'x' where urn < 50")
    assert world.run(check=check_files)[0].state is State.CLOSED
    with psycopg.connect(world.conninfo) as connection:
        connection.execute("update extracts.dandi_teachers set trn = '0000100', urn = 100 where urn in (1, 200)")
    with pytest.raises(CheckFailed, match=r"`trn and urn are unique together` \(trn, urn\): 3 rows"):
        world.run(date(2026, 11, 2), check=check_files)


def test_an_expectation_with_wrong_arguments_is_a_mistake_of_the_contract(world: World) -> None:
    given = world.contract()
    given["schema"][0]["properties"][1]["quality"] = [
        {
            "type": "custom",
            "name": "odd",
            "engine": "great-expectations",
            "implementation": {"type": "expect_column_values_to_be_lovely"},
        }
    ]
    write_contract(world.exports, given)
    with pytest.raises(ContractError, match="`odd` cannot be made into"):
        world.run(check=check_files)
