"""A CSV that is compressed, as its contract says: checked, described, proved and rewritten as a plain one."""

from __future__ import annotations

import gzip
import hashlib
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pandas
import polars
import psycopg
import pytest

from tests.python.deliver.delivering import World
from tests.python.deliver.histories import MadeByHand, know
from tests.python.deliver.world import OCTOBER, document, write_contract
from warehouse.core.contracts import load_contract
from warehouse.core.contracts.file_names import file_name
from warehouse.core.csv_on_disk import WRITER
from warehouse.core.errors import CheckFailed, ContractError
from warehouse.core.progress import Silent
from warehouse.deliver import difference, recreate, redo, verify
from warehouse.deliver.check import check_files
from warehouse.deliver.compare_rows import differing
from warehouse.deliver.compressed_file import CompressedFile
from warehouse.deliver.edition import Edition
from warehouse.deliver.periods import Month
from warehouse.deliver.read_back import batches
from warehouse.erase.columns import emptied
from warehouse.erase.data_file import without
from warehouse.erase.stored import is_data
from warehouse.erase.stored_identifiers import Looked, stored_identifiers
from warehouse.erase.subject import Subject
from warehouse.erase.traces import find

KNOWN = datetime(2026, 10, 2, 12, tzinfo=UTC)
SEPTEMBER = "dandi/teachers/2026-09"
NAME = "teachers-2026-09.csv.gz"


@pytest.fixture
def packed(world: World) -> World:
    write_contract(world.exports, document(kind="csv", compression="gzip"))
    return world


def manifest(world: World) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((world.place / "2026-09" / "datapackage.json").read_bytes())
    return found


def test_it_holds_what_the_plain_one_holds(packed: World) -> None:
    """And says no time and no name, so that the same rows give the same bytes."""
    (report,) = packed.run(check=check_files)
    path = packed.place / "2026-09" / NAME
    content = path.read_bytes()
    assert [file.name for file in report.files] == [f"{SEPTEMBER}/{NAME}"]
    assert (content[:2], content[3], content[4:8]) == (b"\x1f\x8b", 0, bytes(4))
    (resource,) = manifest(packed)["resources"]
    assert (resource["name"], resource["path"]) == ("teachers-2026-09", NAME)
    assert (resource["format"], resource["compression"], resource["rows"]) == ("csv", "gz", 200)
    assert resource["hash"] == f"sha256:{hashlib.sha256(content).hexdigest()}"
    assert manifest(packed)["delivery"]["writer"] == WRITER

    write_contract(packed.exports, document(kind="csv") | {"version": "1.1.0"})
    again = redo(packed.at(OCTOBER), Silent(), SEPTEMBER, "plain", check=check_files)
    plain = packed.place / "2026-09-r2" / "teachers-2026-09-r2.csv"
    assert gzip.decompress(content) == plain.read_bytes()
    theirs = json.loads((plain.parent / "datapackage.json").read_bytes())
    assert theirs["resources"][0]["valuesHash"] == resource["valuesHash"]
    assert theirs["delivery"]["writer"] is None
    with psycopg.connect(packed.conninfo, autocommit=True) as connection:
        found = difference(packed.at(OCTOBER), connection, SEPTEMBER, again.delivery_id, Silent())
    assert (found.rows_after, found.added, found.removed, found.changed) == (200, 0, 0, 0)


def test_it_is_proved_and_made_again_to_the_byte(packed: World, tmp_path: Path) -> None:
    with packed.building(OCTOBER):
        pass
    know(packed.conninfo, KNOWN)
    packed.run(check=check_files, built=False)
    sent = packed.place / "2026-09" / NAME
    with psycopg.connect(packed.conninfo, autocommit=True) as connection:
        assert not [one.in_words for one in verify(packed.at(OCTOBER), connection, []) if one.is_wrong]
    again = recreate(
        packed.at(OCTOBER), MadeByHand(packed.conninfo, reaches=KNOWN), Silent(), SEPTEMBER, to=tmp_path / "again"
    )
    assert again.same_rows and all(one.same_bytes and one.same_writer for one in again.files)
    (made,) = (tmp_path / "again").rglob(NAME)
    assert made.read_bytes() == sent.read_bytes()
    other = tmp_path / "other.csv.gz"
    other.write_bytes(gzip.compress(gzip.decompress(sent.read_bytes()).replace(b"0000007", b"0000700")))
    assert differing(sent, hashlib.sha256(sent.read_bytes()).hexdigest(), other) == (1, 1)


def test_readers_take_it_with_their_defaults(packed: World) -> None:
    packed.run(check=check_files)
    path = packed.place / "2026-09" / NAME
    assert len(pandas.read_csv(path)) == len(polars.read_csv(path)) == 200
    assert duckdb.sql(f"select count(*) from '{path}'").fetchall() == [(200,)]


def test_what_is_cut_off_is_found_by_the_gate(packed: World) -> None:
    """Also where all of the rows are there, and only the check sum behind them is not."""
    packed.run()
    path = packed.place / "2026-09" / NAME
    contract = load_contract(packed.exports / "dandi" / "teachers.odcs.yaml")
    content = path.read_bytes()
    assert sum(batch.num_rows for batch in batches(path, contract)) == 200
    for broken in (content[:-4], content[: len(content) // 2], b"no gzip" + content):
        path.write_bytes(broken)
        with pytest.raises(CheckFailed, match="no whole compressed file"):
            list(batches(path, contract))


def test_a_full_disk_is_said_by_the_next_write_or_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_content: bytes) -> int:
        raise OSError(28, "No space left on device")

    file = CompressedFile(tmp_path / "x.csv.gz")
    monkeypatch.setattr(file._compressing, "write", full)
    file.write(b"a")
    with pytest.raises(OSError, match="No space"):
        file.close()


# ---- erasure


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    path = tmp_path / "kept" / "a.csv.gz"
    path.parent.mkdir()
    path.write_bytes(gzip.compress(b"trn,note\r\n1234567,x\r\n7654321,\r\n7654322,saw 1234567\r\n", mtime=0))
    return path


def test_a_person_leaves_it(kept: Path, tmp_path: Path) -> None:
    subject = Subject({"trn": frozenset(["1234567"])})
    assert is_data(kept)
    done = without(kept, tmp_path / "a.csv.gz.erasing", subject, ())
    assert (done.rows, done.removed, done.emptied) == (2, 1, 1)
    content = (tmp_path / "a.csv.gz.erasing").read_bytes()
    assert gzip.decompress(content) == b"trn,note\r\n7654321,\r\n7654322,\r\n"
    assert without(kept, None, subject, ()) == done


def test_the_values_of_a_column_leave_it(kept: Path, tmp_path: Path) -> None:
    done = emptied(kept, tmp_path / "made", {"note"})
    assert (done.rows, done.differs) == (3, True)
    assert gzip.decompress((tmp_path / "made").read_bytes()) == b"trn,note\r\n1234567,\r\n7654321,\r\n7654322,\r\n"


def test_identifiers_in_it_are_found(kept: Path) -> None:
    looked = Looked()
    assert [text for _, text in stored_identifiers([kept.parent], {}, looked, Silent())] == [
        "1234567",
        "7654321",
        "7654322",
    ]
    kept.write_bytes(kept.read_bytes()[:-8])
    list(stored_identifiers([kept.parent], {}, looked, Silent()))
    assert (looked.files, looked.unread) == (1, ["a.csv.gz"])


def test_a_person_is_found_in_what_waits_to_be_sent(world: World) -> None:
    """Under the name that it has while it is written; where it is cut off, nobody can say that they are not in it."""
    subject = Subject({"trn": frozenset(["1234567"])})
    waiting = world.settings.warehouse_home / "outbox" / "x" / f"{NAME}.unfinished"
    waiting.parent.mkdir(parents=True)
    found = []
    for content in (b"trn\r\n7654321\r\n", b"trn\r\n1234567\r\n"):
        waiting.write_bytes(gzip.compress(content))
        found.append(find(world.settings, subject, subject))
    waiting.write_bytes(gzip.compress(b"trn\r\n7654321\r\n")[:-8])
    assert [*found, find(world.settings, subject, subject)] == [[], [(str(waiting), 1)], [(str(waiting), 1)]]


# ---- the contract


def test_of_two_forms_the_csv_alone_is_compressed(tmp_path: Path) -> None:
    given = document(compression="gzip") | {"servers": document(kind="csv")["servers"]}
    for entry in given["customProperties"]:
        if entry["property"] == "fileFormat":
            entry["value"] = ["csv", "parquet"]
    contract = load_contract(write_contract(tmp_path, given))
    assert [one.format.suffix for one in contract.files] == ["csv.gz", "parquet"]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (document(kind="csv", compression="zip"), "must be gzip"),
        (document(compression="gzip"), "Parquet is compressed in itself"),
        (document(kind="csv", compression="gzip", fileName="people_{yyyyMMdd}.csv"), "must end with .csv.gz"),
    ],
)
def test_a_contract_says_what_can_be_done(given: dict[str, Any], expected: str, tmp_path: Path) -> None:
    with pytest.raises(ContractError) as caught:
        load_contract(write_contract(tmp_path, given))
    assert expected in caught.value.what


def test_a_revision_is_counted_before_the_whole_ending(tmp_path: Path) -> None:
    given = document(kind="csv", compression="gzip", fileName="people_{yyyyMMdd}.csv.gz")
    contract = load_contract(write_contract(tmp_path, given))
    names = [Edition(contract, Month.parse("2026-09"), revision).base_name for revision in (1, 2)]
    assert names == ["people_20261001.csv.gz", "people_20261001-r2.csv.gz"]
    assert file_name("x.y_{yyyyMMdd}.csv", datetime(2026, 10, 1), 2, 1) == "x.y_20261001-r2.csv"  # noqa: DTZ001
