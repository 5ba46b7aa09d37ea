"""Room to grow, counted in files: a destination of a new kind touches two, a new recipient no Python at all."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from tests.python.core.test_contract_sync import fill
from tests.python.deliver.world import OCTOBER, building, document, make_table, write_contract
from warehouse.core.contracts import load_contract
from warehouse.core.settings import PROJECT

pytestmark = pytest.mark.slow

SHELF = '''
"""A shelf: files are handed to it whole, each under one key."""

from __future__ import annotations

import dbm.dumb
import hashlib
from typing import BinaryIO
from urllib.parse import urlsplit

from warehouse.core.settings import Settings
from warehouse.deliver.destinations.base import Destination, How
from warehouse.deliver.files import FileFacts


def open_at(url: str, settings: Settings) -> Shelf:
    return Shelf(url)


class Shelf(Destination):
    has_partials = False

    def __init__(self, url: str) -> None:
        super().__init__(url, is_here=True)
        self._shelf = dbm.dumb.open(urlsplit(url).path)

    def create(self, facts: FileFacts, partial: str, source: BinaryIO, how: How) -> bool:
        if facts.name.encode() in self._shelf and not how.replace:
            return False
        self._shelf[facts.name] = source.read()
        return True

    def matches(self, facts: FileFacts) -> bool | None:
        found = self.read(facts.name)
        return None if found is None else hashlib.sha256(found).hexdigest() == facts.sha256

    def read(self, name: str) -> bytes | None:
        return self._shelf.get(name.encode())

    def remove(self, name: str) -> None:
        self._shelf.pop(name.encode(), None)

    def close(self) -> None:
        self._shelf.close()
'''

DELIVER = """
import datetime, sys
from pathlib import Path
from warehouse.core.destinations import describe
from warehouse.core.progress import Silent
from warehouse.core.settings import PROJECT, load
from warehouse.deliver import World, deliver

assert str(PROJECT) == sys.argv[1], "the copy is what runs"
today = datetime.date.fromisoformat(sys.argv[3])
load().check_destinations()
world = World(sys.argv[2], load(), today, today, exports=PROJECT / "exports")
for report in deliver(world, Silent(), check=lambda *_: None):
    print(report.delivery_id, report.state, report.rows, report.where)
"""


class Checkout:
    """A copy of the project, in which a change can be made and counted."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name in ("warehouse", "models", "replication"):
            shutil.copytree(PROJECT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        (folder / "exports").mkdir()
        shutil.copy(PROJECT / "profiles.example.yml", folder)

    def run(self, *command: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run Python there, with nothing of the caller's settings."""
        own = {name: value for name, value in os.environ.items() if not name.startswith(("WAREHOUSE_", "TRS_", "PG"))}
        own |= {"PYTHONPATH": str(self.folder), "PYTHONDONTWRITEBYTECODE": "1", **variables}
        return subprocess.run(
            [sys.executable, *command], cwd=self.folder, env=own, capture_output=True, text=True, check=False
        )

    def warehouse(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return self.run("-m", "warehouse.cli.main", *arguments)

    def deliver(self, conninfo: str, **variables: str) -> str:
        done = self.run("-c", DELIVER, str(self.folder), conninfo, OCTOBER.isoformat(), **variables)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def touched(self) -> set[str]:
        """The files of the program that differ from the project's."""
        here = {file.relative_to(self.folder): file for file in self.folder.rglob("*") if file.suffix == ".py"}
        there = {file.relative_to(PROJECT): file for file in (PROJECT / "warehouse").rglob("*.py")}
        return {
            str(name)
            for name in here.keys() | there.keys()
            if name not in here or name not in there or here[name].read_bytes() != there[name].read_bytes()
        }


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path / "checkout")


def test_a_destination_of_a_new_kind_touches_two_files(checkout: Checkout, conninfo: str, tmp_path: Path) -> None:
    kinds = checkout.folder / "warehouse" / "core" / "destinations.py"
    line = '    Kind("shelf", "shelf", ("shelf",), "shelf:///path"),\n'
    text = kinds.read_text()
    kinds.write_text(text.replace("KINDS = (\n", f"KINDS = (\n{line}"))
    (checkout.folder / "warehouse" / "deliver" / "destinations" / "shelf.py").write_text(SHELF)
    assert len(checkout.touched()) == 2

    given = document()
    given["servers"] = [
        {"server": "there", "type": "custom", "customProperties": [{"property": "type", "value": "shelf"}]}
    ]
    write_contract(checkout.folder / "exports", given)
    make_table(conninfo, "dandi_teachers")
    url = f"shelf://{tmp_path / 'shelf'}"
    assert checkout.deliver(conninfo, WAREHOUSE_DESTINATION_DANDI=url) == (f"dandi/teachers/2026-09 closed 200 {url}\n")
    # Everything else knows it too: messages, and the erasure of a person, which cannot read what is the recipient's.
    said = checkout.run(
        "-c",
        "from warehouse.core.destinations import FOLDER, forms, kind_of;"
        f"print(kind_of({url!r}) is FOLDER, 'shelf:///path' in forms())",
    )
    assert said.stdout == "False True\n", said.stderr


def test_a_new_recipient_touches_no_python(checkout: Checkout, conninfo: str, tmp_path: Path) -> None:
    """A model, a contract that the command writes and a person completes, and a variable."""
    models = checkout.folder / "models" / "extracts"
    (models / "ofsted").mkdir()
    for file in (models / "tad").iterdir():
        name = file.name.replace("tad_", "ofsted_")
        (models / "ofsted" / name).write_text(file.read_text().replace("tad_teachers", "ofsted_teachers"))

    written = checkout.warehouse("contract", "new", "ofsted/teachers")
    assert written.returncode == 0, written.stdout + written.stderr
    gaps = checkout.warehouse("contract", "check")
    assert (gaps.returncode, "gaps that a person still has to fill" in gaps.stderr) == (12, True)
    path = checkout.folder / "exports" / "ofsted" / "teachers.odcs.yaml"
    path.write_text(fill(path.read_text()))
    checked = checkout.warehouse("contract", "check", "ofsted/teachers")
    assert checked.returncode == 0, checked.stderr
    assert checkout.warehouse("contract", "sync", "--check").returncode == 0

    contract = load_contract(path)
    columns = ", ".join(f"{column.name} {column.physical_type}" for column in contract.columns)
    with building(conninfo, OCTOBER) as connection:
        connection.execute("create schema extracts")
        connection.execute(f"create table extracts.ofsted_teachers ({columns})".encode())
        connection.execute(
            "insert into extracts.ofsted_teachers (trn, as_at_date) values ('0000001', %(day)s), ('0000002', %(day)s)",
            {"day": OCTOBER},
        )
    out = tmp_path / "out"
    out.mkdir()
    assert checkout.deliver(conninfo, WAREHOUSE_DESTINATION_OFSTED=str(out)) == (
        f"ofsted/teachers/2026-09 closed 2 {out}\n"
    )
    assert (out / "ofsted" / "teachers" / "2026-09" / "datapackage.json").is_file()
    assert checkout.touched() == set()
    with psycopg.connect(conninfo) as connection:
        assert connection.execute("select count(*) from ledger.deliveries").fetchone() == (1,)
