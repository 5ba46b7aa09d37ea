"""A person who comes back after their erasure: noticed by the next run, and by nobody without the key."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pydantic import SecretStr

from tests.python.conftest import FreshDatabases
from warehouse.cli.main import _main
from warehouse.cli.output import TerminalProgress
from warehouse.cli.run import _print_summary
from warehouse.core import keys, returned
from warehouse.core.errors import KeyUnusable, PersonReturned, UsageError
from warehouse.core.identifiers import NINO, PERSON_ID, TRN
from warehouse.core.keys import Key
from warehouse.core.progress import Silent
from warehouse.erase import Subject, accept, check, full_is_due, load_rules
from warehouse.erase.returned import register
from warehouse.erase.stored_identifiers import Looked, stored_identifiers
from warehouse.jobs.erasing import check_everywhere
from warehouse.jobs.main_job import Run, _look_for_returned

pytestmark = pytest.mark.slow

PERSON = "11111111-1111-4111-8111-111111111111"
GONE = Subject({TRN: frozenset(["1234567"]), PERSON_ID: frozenset([PERSON]), NINO: frozenset(["qq123456c"])})
MADE = """
create table persons (person_id uuid primary key, trn text, email_address text, national_insurance_number text,
    dqt_contact_id uuid, source_application_user_id uuid, source_trn_request_id text, merged_with_person_id uuid);
create table tps_employments (person_id uuid, key text, national_insurance_number text, person_email_address text);
insert into persons (person_id, trn) select gen_random_uuid(), (2000000 + n)::text from generate_series(1, 50) as n;
insert into ledger.erasures (state, finished_at, checked_at) values ('done', now(), now());
"""


@dataclass
class Place:
    databases: FreshDatabases
    warehouse: psycopg.Connection
    key: Key

    def returned_by_a_run(self) -> type[Exception] | None:
        found, _ = _look_for_returned(self.databases, self.warehouse, TerminalProgress(quiet=True))
        return found.error if found else None

    def not_looked_into_by_a_run(self) -> tuple[str, ...]:
        return _look_for_returned(self.databases, self.warehouse, TerminalProgress(quiet=True))[1]

    def checked(self, *listed: str) -> tuple[list[int], tuple[int, ...]]:
        done = check(self.warehouse, load_rules(), self.key, Silent(), listed=listed)
        return done.returned, done.found

    def come_back(self, **columns: str) -> None:
        names = ", ".join(columns)
        values = ", ".join(f"'{value}'" for value in columns.values())
        self.warehouse.execute(f"insert into persons ({names}) values ({values})".encode())


@pytest.fixture
def place(prepared: FreshDatabases, tmp_path: Path) -> Iterator[Place]:
    """A warehouse from which one person was erased."""
    with prepared.at_warehouse() as warehouse:
        warehouse.execute(MADE.encode())
        prepared.settings = prepared.settings.model_copy(
            update={"warehouse_deliveries": tmp_path / "deliveries", "destinations": {}}
        )
        key = keys.installation(warehouse, prepared.settings)
        register(warehouse, 1, GONE, key)
        yield Place(prepared, warehouse, key)


@pytest.mark.parametrize(
    "columns",
    [
        {"person_id": PERSON},
        {"person_id": "22222222-2222-4222-8222-222222222222", "trn": "12/34567"},
        {"person_id": "22222222-2222-4222-8222-222222222222", "national_insurance_number": "QQ 12 34 56"},
    ],
)
def test_a_run_says_that_a_person_is_there_again(place: Place, columns: dict[str, str]) -> None:
    assert place.returned_by_a_run() is None
    place.come_back(**columns)
    assert place.returned_by_a_run() is PersonReturned
    found = returned.finding(place.warehouse)
    assert found is not None
    assert "erasure 1" in found.what
    assert found.exit_code == 72
    place.warehouse.execute("delete from persons")
    assert place.checked() == ([], ())
    assert returned.finding(place.warehouse) is None


def test_somebody_else_is_not_them(place: Place) -> None:
    place.come_back(person_id="22222222-2222-4222-8222-222222222222", trn="1234568")
    assert place.returned_by_a_run() is None
    assert place.checked("1234567", PERSON, "1234568") == ([], (3,))


def test_a_stored_file_from_a_backup_is_looked_into(place: Place) -> None:
    """Each kind of file, by the agreed names of columns; a pseudonym leads to a person of the list."""
    settings = place.databases.settings
    statistics = keys.use(place.warehouse, settings, "dandi.statistics", make=True)
    folder = settings.warehouse_deliveries / "dandi" / "workforce" / "2026-09"
    folder.mkdir(parents=True)

    def looked() -> tuple[list[int], tuple[int, ...]]:
        found = check_everywhere(place.databases, place.warehouse, ["2000001", "1234567"], Silent())
        return found.returned, found.found

    before = looked()
    assert before == ([], (1,)), "one of the list is in the replica"
    (folder / "broken.parquet").write_bytes(b"PAR1")
    (folder / "others.csv").write_text('trn,note\r\n1234568,"1234567\r\n"\r\n')
    assert looked() == before, "somebody else, and seven digits in a text"
    pq.write_table(pa.table({"PersonId": [statistics.digest("1234567"), None]}), folder / "people.parquet")
    assert looked() == ([], (1, 2))
    for name, content in {
        "a.csv": f"as_at_date,live_person_id\r\n2026-10-01,{PERSON.upper()}\r\n",
        "b.csv": "TRN,Full name\r\n1234567,Zz\r\n",
    }.items():
        (folder / name).write_text(content)
        assert looked() == ([1], (1, 2))
        (folder / name).unlink()
    (folder / "people.parquet").unlink()
    (folder / "new.txt").write_bytes(b"QQ123456C\r\n")
    layout = {"records": {"person": [{"start": 1, "width": 9, "field": "national_insurance_number"}]}}
    manifest = {"resources": [{"path": "new.txt", "encoding": "windows-1252", "layout": layout}]}
    (folder / "datapackage.json").write_text(json.dumps(manifest))
    assert looked() == ([1], (1,))


SUBJECT = "urn:fdc:gov.uk:2022:Zq-of-Nowhere"


def test_a_set_of_change_files_is_looked_into_by_what_its_table_holds(place: Place) -> None:
    """A column is known by the rule of its table, an agreed name by the manifest, whatever they are called."""
    with_account = Subject({"one_login_subject": frozenset([SUBJECT.lower()])})
    register(place.warehouse, 1, with_account, place.key)
    folder = place.databases.settings.warehouse_deliveries / "dandi" / "changes" / "20261001T000000Z-000001"
    folder.mkdir(parents=True)

    def holds(columns: dict[str, list[str | None]], table: str | None = None, **agreed: str) -> bool:
        fields = [{"name": name, **({"column": agreed[name]} if name in agreed else {})} for name in columns]
        resource = {"path": "a.parquet", "schema": {"fields": fields}, **({"table": table} if table else {})}
        (folder / "datapackage.json").write_text(json.dumps({"resources": [resource]}))
        pq.write_table(pa.table(columns), folder / "a.parquet")
        found = check_everywhere(place.databases, place.warehouse, [], Silent())
        assert (found.files, found.unread) == (1, ())
        return found.returned == [1]

    assert holds({"subject": [SUBJECT, None]}, "one_login_users")
    assert not holds({"subject": [SUBJECT, None]}), "a column of that name in another file is none"
    assert holds({"person_ids": [f'{{"22222222-2222-4222-8222-222222222222",{PERSON.upper()}}}']}, "processes")
    assert not holds({"person_ids": ["{}", None]}, "processes")
    assert holds({"trw_change": ["ended"], "person_id": [PERSON]}, "persons")
    assert holds({"Number": ["1234567"]}, Number="trn")
    assert not holds({"Number": ["1234567"]})


def test_a_file_that_goes_while_it_looks_is_no_file(tmp_path: Path) -> None:
    """A delivery empties its outbox when it is done, and may do so at any moment."""
    for name in ("goes", "stays"):
        (tmp_path / f"{name}.csv").write_text("trn\r\n1234567\r\n")

    class Meanwhile(Silent):
        def say(self, text: str) -> None:
            del text
            (tmp_path / "goes.csv").unlink(missing_ok=True)

    looked = Looked()
    assert list(stored_identifiers([tmp_path], {}, looked, Meanwhile())) == [("trn", "1234567")]
    assert (looked.files, looked.unread) == (1, [])


def test_it_says_which_files_it_could_not_look_into_and_leaves_those_of_others_alone(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = place.databases.settings
    ours, outbox = settings.warehouse_deliveries / "tad", settings.warehouse_home / "outbox" / "tad"
    theirs = tmp_path / "theirs"
    for folder in (ours, outbox, theirs):
        folder.mkdir(parents=True, exist_ok=True)
    monkeypatch.setattr("warehouse.cli.opening.Databases", lambda _: place.databases)
    settings.destinations["tad"] = str(theirs)
    try:
        (ours / "broken.parquet").write_bytes(b"PAR1")
        (ours / "alone.txt").write_bytes(b"1234567\r\n")
        # A recipient's folder is theirs: whoever erases informs them.
        (theirs / "a.csv").write_text("trn\r\n1234567\r\n")
        assert _main(["erase", "--check", "--json"]) == 0
        told = json.loads(capsys.readouterr().out)
        assert (told["files"], sorted(told["unread"]), told["returned"]) == (
            0,
            ["tad/alone.txt", "tad/broken.parquet"],
            [],
        )
        assert _main(["erase", "--check"]) == 0
        said = " ".join(capsys.readouterr().out.split())
        assert "identifiers of the warehouse and of 0 files that are kept were compared" in said
        assert "Not looked into: tad/broken.parquet." in said
        # What a killed delivery or a dry run left is ours, too; a spreadsheet may have put a mark before the header.
        (outbox / "a.csv").write_bytes(b"\xef\xbb\xbftrn\r\n1234567\r\n")
        assert _main(["erase", "--check", "--json"]) == PersonReturned.exit_code
        assert json.loads(capsys.readouterr().out)["returned"] == [1]
    finally:
        del settings.destinations["tad"]
        shutil.rmtree(outbox)
        shutil.rmtree(ours)


def test_files_are_looked_into_by_a_run_after_a_week(place: Place) -> None:
    folder = place.databases.settings.warehouse_deliveries / "tad"
    folder.mkdir(parents=True)
    (folder / "a.csv").write_text("trn\r\n1234567\r\n")
    assert place.returned_by_a_run() is None
    place.warehouse.execute("update ledger.erasures set checked_at = now() - interval '8 days'")
    # A backup gives a file its old date, and the file system says all the same when it was put there.
    os.utime(folder / "a.csv", (0, 0))
    assert place.returned_by_a_run() is PersonReturned
    assert not full_is_due(place.warehouse)
    # What lay there unchanged at the last check is read by the command alone.
    kept = Looked()
    later = datetime.now(UTC) + timedelta(days=1)
    assert list(stored_identifiers([folder], {}, kept, Silent(), since=later)) == [] and kept.files == 0
    assert list(stored_identifiers([folder], {}, kept, Silent())) == [(TRN, "1234567")] and kept.files == 1


def test_a_run_says_what_it_could_not_look_into_and_goes_on(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    """Each week, and as a warning: somebody in another file is found, and nothing that is due waits for it."""
    folder = place.databases.settings.warehouse_deliveries / "tad"
    folder.mkdir(parents=True)
    (folder / "a.csv").write_text("trn\r\n7654321\r\n")
    for name in ("broken.parquet", "alone.txt"):
        (folder / name).write_bytes(b"PAR1")
    assert place.not_looked_into_by_a_run() == (), "only the replica's persons are looked through each time"
    place.warehouse.execute("update ledger.erasures set checked_at = now() - interval '8 days'")
    done = Run(not_looked_into=place.not_looked_into_by_a_run())
    assert done.not_looked_into == ("tad/alone.txt", "tad/broken.parquet")
    assert done.as_dict()["not_looked_into"] == ["tad/alone.txt", "tad/broken.parquet"]
    _print_summary(done)
    said = " ".join(capsys.readouterr().out.split())
    assert "Not looked into: tad/broken.parquet. It is broken, this user may not read it" in said
    assert "An erased person may be in there." in said and "`warehouse erase --check`" in said
    _print_summary(Run())
    assert "Not looked into" not in capsys.readouterr().out
    (folder / "b.csv").write_text("trn\r\n1234567\r\n")
    place.warehouse.execute("update ledger.erasures set checked_at = now() - interval '8 days'")
    found, unread = _look_for_returned(place.databases, place.warehouse, TerminalProgress(quiet=True))
    assert found and found.error is PersonReturned and unread == done.not_looked_into


@pytest.mark.parametrize("without_rights", ["shut.csv", "shut"])
def test_a_file_or_folder_without_rights_is_named(without_rights: str) -> None:
    """Root may read everything: it is another user of the machine who looks."""
    with tempfile.TemporaryDirectory() as name, _nobody(Path(name)) as folder:
        (folder / "shut").mkdir()
        for place in ("a.csv", "shut.csv", "shut/b.csv"):
            (folder / place).write_text("trn\r\n1234567\r\n")
        (folder / without_rights).chmod(0)
        looked = Looked()
        try:
            found = list(stored_identifiers([folder, folder / "not there"], {}, looked, Silent()))
        finally:
            (folder / without_rights).chmod(0o700)
        assert found == [(TRN, "1234567")] * 2 and looked.files == 2
        assert looked.unread == [without_rights if "." in without_rights else f"{without_rights}/"]


@contextmanager
def _nobody(folder: Path) -> Iterator[Path]:
    """A folder as a user who is not root; for the block this process acts as that user."""
    if os.geteuid() != 0:
        yield folder
        return
    nobody = 65534
    os.chown(folder, nobody, nobody)
    os.seteuid(nobody)
    try:
        yield folder
    finally:
        os.seteuid(0)


def test_everything_is_looked_through_after_a_week(place: Place) -> None:
    place.warehouse.execute("insert into tps_employments (person_id, key) values (%s, 'x')", (PERSON,))
    assert not full_is_due(place.warehouse)
    assert place.returned_by_a_run() is None, "only persons are looked through every time"
    place.warehouse.execute("update ledger.erasures set checked_at = now() - interval '8 days'")
    assert full_is_due(place.warehouse)
    assert place.returned_by_a_run() is PersonReturned
    assert not full_is_due(place.warehouse)


EPOCH = """
insert into ledger.epochs (slot_name, source_system_id, source_database, replication_name, timeline)
values ('s', '1', 'trs', 'trw', 1)
"""
REPAIRED = """
insert into ledger.gaps (ended_epoch, new_epoch, from_time, to_time, reason, repaired_at)
values (1, 1, now(), now(), 'a test', clock_timestamp())
"""
STARTED_AGAIN = """
insert into ledger.restarts (epoch_id, server_before, server_now, known_lsn, confirmed_lsn, to_time, differed)
values (1, 'a', 'b', '0/1', '0/1', now(), false)
"""


@pytest.mark.parametrize("since", [REPAIRED, STARTED_AGAIN], ids=["a repair", "a restored backup"])
def test_everything_is_looked_through_after_what_may_bring_somebody_back(place: Place, since: str) -> None:
    place.warehouse.execute("insert into tps_employments (person_id, key) values (%s, 'x')", (PERSON,))
    place.warehouse.execute(EPOCH.encode())
    assert place.returned_by_a_run() is None
    place.warehouse.execute(since.encode())
    assert place.returned_by_a_run() is PersonReturned
    assert not full_is_due(place.warehouse), "until there is another one"


def test_one_who_came_back_in_their_own_right_is_forgotten(place: Place) -> None:
    with pytest.raises(UsageError, match="No check has found"):
        accept(place.warehouse, 1, "SAR 13")
    place.come_back(person_id=PERSON)
    assert place.checked() == ([1], ())
    accept(place.warehouse, 1, "SAR 13")
    assert place.checked() == ([], ())
    assert place.returned_by_a_run() is None


def test_with_another_key_a_run_says_that_it_cannot_know(place: Place) -> None:
    place.databases.settings = place.databases.settings.model_copy(
        update={"keys": {"WAREHOUSE_KEY_INSTALLATION_V1": SecretStr(bytes(range(32)).hex())}}
    )
    assert place.returned_by_a_run() is KeyUnusable
