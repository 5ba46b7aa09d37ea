"""Identifiers leave as keyed pseudonyms, and the key is nowhere but in its file."""

from __future__ import annotations

import csv
import io
import json
import shutil
from contextlib import suppress
from datetime import date
from pathlib import Path
from typing import Any

import psycopg
import pyarrow.parquet
import pytest

from tests.python.deliver.delivering import OCTOBER, World
from tests.python.deliver.world import document, write_contract
from warehouse.core import keys
from warehouse.core.contracts import load_contract
from warehouse.core.errors import ContractError, KeyUnusable
from warehouse.core.progress import Silent
from warehouse.deliver import redo
from warehouse.deliver.outbox import QUARANTINE
from warehouse.erase import traces
from warehouse.erase.deliveries import Deliveries
from warehouse.erase.subject import Subject

pytestmark = pytest.mark.slow

NAME = "dandi.statistics"
NOVEMBER = date(2026, 11, 3)


def pseudonymous(world: World, version: int = 1, kind: str = "parquet", **trn: Any) -> dict[str, Any]:
    """A contract in which the TRN and the last name leave as pseudonyms."""
    given = document(kind=kind, pseudonymKey={"purpose": "statistics", "version": version})
    for column in given["schema"][0]["properties"][:2]:
        column["classification"] = "personal"
        column["logicalTypeOptions"] = {"pattern": "^[0-9a-f]{64}$"}
        column["customProperties"] = [{"property": "pseudonym", "value": True}]
    given["schema"][0]["properties"][0] |= trn
    given["version"] = f"{version}.0.0"
    write_contract(world.exports, given)
    return given


def rows_of(world: World, period: str = "2026-09", kind: str = "parquet") -> list[dict[str, Any]]:
    path = next((world.place / period).glob(f"*.{kind}"))
    if kind == "csv":
        return list(csv.DictReader(io.StringIO(path.read_bytes().decode(), newline="")))
    rows: list[dict[str, Any]] = pyarrow.parquet.read_table(path).to_pylist()
    return rows


@pytest.mark.parametrize("kind", ["parquet", "csv"])
def test_identifiers_leave_as_pseudonyms_in_an_order_of_their_own(world: World, kind: str) -> None:
    pseudonymous(world, kind=kind)
    with world.building(OCTOBER) as connection:
        connection.execute(
            'create table seen as select trn, last_name, urn from extracts.dandi_teachers order by trn collate "C"'
        )
    (report,) = world.run(built=False)
    assert report.rows == 200
    key = keys.find(world.settings, NAME)
    assert key is not None
    source = world.query("select trn, last_name, urn::text from public.seen order by trn")
    expected = {str(urn): (key.digest(trn), None if name is None else key.digest(name)) for trn, name, urn in source}
    rows = rows_of(world, kind=kind)
    assert {str(row["urn"]): (row["trn"], row["last_name"] or None) for row in rows} == expected
    # The rank of a TRN among all would say whose pseudonym it is.
    order = [int(str(row["urn"])) for row in rows]
    assert order != sorted(order)
    # Nor is it the order of the pseudonyms.
    assert [row["trn"] for row in rows] != sorted(row["trn"] for row in rows)
    manifest = json.loads((world.place / "2026-09" / "datapackage.json").read_text())
    assert manifest["delivery"]["pseudonyms"] == {
        "columns": ["trn", "last_name"],
        "purpose": "statistics",
        "key_version": 1,
    }


def test_the_same_rows_give_the_same_file(world: World) -> None:
    pseudonymous(world)
    world.run()
    first = next((world.place / "2026-09").glob("*.parquet")).read_bytes()
    report = redo(world.at(OCTOBER), Silent(), "dandi/teachers/2026-09", "asked for", check=lambda *_: None)
    (again,) = [file for file in world.place.rglob("*.parquet") if report.delivery_id.endswith(file.parent.name)]
    assert again.read_bytes() == first


def test_the_key_is_in_no_table_no_log_and_no_view_of_the_server(world: World) -> None:
    """Even on a server that logs every statement with its parameters, and that tracks them all."""
    pseudonymous(world)
    with psycopg.connect(world.conninfo, autocommit=True) as admin:
        row = admin.execute("select current_database()").fetchone()
        assert row is not None
        for setting in ("log_statement = 'all'", "log_min_duration_statement = 0", "log_parameter_max_length = -1"):
            admin.execute(f'alter database "{row[0]}" set {setting}'.encode())
    seen: list[str] = []
    lines: list[str] = []

    def look(step: str) -> None:
        if step in ("extracting", "built"):
            seen.append(str(world.query("select query, a::text from pg_stat_activity as a")))
            seen.append(str(world.query("select s::text from pg_settings as s")))
            # What `ps` shows to every account of the machine.
            for path in Path("/proc").glob("[0-9]*/cmdline"):
                # A process may end while it is looked at.
                with suppress(OSError):
                    lines.append(path.read_bytes().decode(errors="replace"))

    world.run(hook=look)
    assert len(seen) >= 4
    assert any("postgres" in line for line in lines)
    seen += lines
    path = keys.file_of(world.settings, NAME)
    secret = path.read_text().strip()
    raw = bytes.fromhex(secret)
    with psycopg.connect(world.conninfo) as reader:
        assert reader.info.backend_pid
        log = world.query("select pg_current_logfile() is null")
        tables = world.query(
            "select format('%I.%I', n.nspname, c.relname) from pg_class as c join pg_namespace as n"
            " on n.oid = c.relnamespace where c.relkind in ('r', 'p', 'm') and n.nspname !~ '^pg_'"
        )
        assert log
        for (table,) in tables:
            seen += [str(row) for row in reader.execute(f"select t::text from {table} as t".encode()).fetchall()]
    for text in seen:
        assert secret not in text
        assert raw.hex() not in text
    cluster = Path(str(world.query("show data_directory")[0][0])).parent
    for file in [*cluster.rglob("*"), *world.home.rglob("*")]:
        if file.is_file() and file != path:
            content = file.read_bytes()
            assert secret.encode() not in content, file.name
            assert raw not in content, file.name


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda path: path.write_text("00" * 20), "is 20 bytes long"),
        (lambda path: path.chmod(0o644), "can be read by other users"),
        (lambda path: path.unlink(), "There is no key dandi.statistics, version 1"),
        (lambda path: path.write_text(bytes(range(40)).hex()), "is another than the one that was used"),
    ],
)
def test_without_the_right_key_nothing_is_sent(world: World, spoil: Any, words: str) -> None:
    pseudonymous(world)
    world.run()
    spoil(keys.file_of(world.settings, NAME))
    before = sorted(world.place.rglob("*"))
    with pytest.raises(KeyUnusable, match=words) as caught:
        world.run(NOVEMBER)
    assert caught.value.exit_code == 73
    assert sorted(world.place.rglob("*")) == before


def test_a_key_of_a_recipient_is_not_made_on_a_server(world: World) -> None:
    world.settings = world.settings.model_copy(update={"trs_database_url": "postgresql://elsewhere/trs"})
    world.settings.destinations["dandi"] = str(world.place.parents[1])
    world.place.parents[1].mkdir(parents=True)
    pseudonymous(world)
    with pytest.raises(KeyUnusable, match="There is no key") as caught:
        world.run()
    assert "warehouse keys make dandi.statistics --version 1" in caught.value.next_command
    keys.create(world.settings, NAME)
    assert len(world.run()) == 1


def test_a_key_is_changed_between_two_periods_and_not_within_one(world: World) -> None:
    """As docs/runbooks/keys.md has it."""
    pseudonymous(world)
    world.run()
    old = {row["trn"] for row in rows_of(world)}

    # In the middle of a period: refused, and so are the identifiers themselves.
    pseudonymous(world, version=2)
    with pytest.raises(
        KeyUnusable, match=r"version 2, and an earlier file of 2026-09 has those of the key .* version 1"
    ):
        redo(world.at(OCTOBER), Silent(), "dandi/teachers/2026-09", "asked for", check=lambda *_: None)
    write_contract(world.exports, document() | {"version": "3.0.0"})
    with pytest.raises(KeyUnusable, match="no key"):
        redo(world.at(OCTOBER), Silent(), "dandi/teachers/2026-09", "asked for", check=lambda *_: None)

    # With the next one: none of the new pseudonyms is an old one.
    pseudonymous(world, version=2)
    keys.create(world.settings, NAME, 2)
    assert len(world.run(NOVEMBER)) == 1
    new = {row["trn"] for row in rows_of(world, "2026-10")}
    assert len(new) == len(old) == 200
    assert not new & old
    manifest = json.loads((world.place / "2026-10" / "datapackage.json").read_text())
    assert manifest["delivery"]["pseudonyms"]["key_version"] == 2


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"classification": "open"}, "a pseudonym is at least personal"),
        ({"logicalType": "integer", "physicalType": "integer", "logicalTypeOptions": {}}, "a pseudonym is a text"),
    ],
)
def test_a_contract_that_cannot_have_pseudonyms_is_refused(world: World, change: Any, words: str) -> None:
    pseudonymous(world, **change)
    with pytest.raises(ContractError, match=words):
        load_contract(world.exports / "dandi" / "teachers.odcs.yaml")


@pytest.mark.parametrize(
    ("key", "words"),
    [
        (None, "pseudonymKey: is missing"),
        ({"purpose": "Statistics", "version": 1}, "needs a `purpose`"),
        ({"purpose": "statistics"}, "needs a `version`"),
        ({"purpose": "statistics", "version": 0}, "needs a `version`"),
    ],
)
def test_a_key_that_is_not_named_in_full_is_refused(world: World, key: Any, words: str) -> None:
    given = pseudonymous(world)
    given["customProperties"] = [one for one in given["customProperties"] if one["property"] != "pseudonymKey"]
    if key is not None:
        given["customProperties"].append({"property": "pseudonymKey", "value": key})
    write_contract(world.exports, given)
    with pytest.raises(ContractError, match=words):
        load_contract(world.exports / "dandi" / "teachers.odcs.yaml")


def test_an_erasure_finds_a_person_by_their_pseudonym(world: World) -> None:
    pseudonymous(world)
    world.run()
    subject = Subject.given(None, "0000007")
    with psycopg.connect(world.conninfo, autocommit=True) as connection:
        found = Deliveries(connection, world.settings, subject, Silent()).find()
        assert [(one.found, one.removed) for one in found] == [("read", 1)]
        # So it does in what the gate has set aside, and by the index when the recipient has taken the file.
        (file,) = world.place.rglob("*.parquet")
        aside = world.settings.warehouse_home / "outbox" / QUARANTINE / "dandi" / "teachers" / "2026-09"
        aside.mkdir(parents=True)
        shutil.move(file, aside / file.name)
        stored = Deliveries(
            connection, world.settings, subject, Silent(), keys.installation(connection, world.settings)
        )
        assert traces.find(world.settings, subject, stored.in_files) == [(str(aside / file.name), 1)]
        assert [(one.held, one.found) for one in stored.find()] == [("by the recipient", "by the index")]
        assert [(one.theirs, stored.index.count()) for one in stored.index.forget()] == [(1, [])]
        assert stored.find() == []
        keys.file_of(world.settings, NAME).unlink()
        with pytest.raises(KeyUnusable, match="There is no key"):
            Deliveries(connection, world.settings, subject, Silent())
