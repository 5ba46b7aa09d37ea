"""What the making of a file loads, and what its bytes do not depend on. How much memory it takes is in bench/."""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

import warehouse.deliver
from tests.python.deliver.delivering import World
from tests.python.deliver.world import OCTOBER, column, document, write_contract
from warehouse.core.contracts import load_contract
from warehouse.core.settings import PROJECT
from warehouse.deliver import parquet_file
from warehouse.deliver.parquet_file import ParquetFile

MAKE = """
import sys
from datetime import date
from pathlib import Path

sys.modules["pyarrow"] = None
from warehouse.core.contracts import load_contract
from warehouse.core.database import connect
from warehouse.core.progress import Silent
from warehouse.deliver.basis import find_basis
from warehouse.deliver.edition import Edition
from warehouse.deliver.extract import extract
from warehouse.deliver.outbox import Outbox
from warehouse.deliver.periods import Month

conninfo, contract, home = sys.argv[1:]
outbox = Outbox(Path(home), "x")
outbox.make_empty()
day = date(2026, 10, 3)
with connect(conninfo, what="the warehouse", variable="X") as connection:
    basis = find_basis(connection, day, day, by_the_clock=False)
    edition = Edition(load_contract(Path(contract)), Month.parse("2026-09"))
    made = extract(connection, edition, basis, outbox, Silent(), lambda _step: None)
print(made.rows, made.files[0].writer)
"""


def test_a_csv_is_made_without_pyarrow(world: World, tmp_path: Path) -> None:
    """It would be half of the memory. The gate, which reads the file, comes after it."""
    contract = write_contract(world.exports, document(kind="csv", formulaCharacters="prefix"))
    done = subprocess.run(
        [sys.executable, "-c", MAKE, world.conninfo, str(contract), str(tmp_path / "made")],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == "200 None\n", done.stderr


@pytest.mark.parametrize("name", warehouse.deliver.__all__)
def test_the_stage_gives_what_it_lists(name: str) -> None:
    """What a module of the same name would hide, once that was imported by itself."""
    assert callable(getattr(warehouse.deliver, name))
    assert find_spec(f"warehouse.deliver.{name}") is None


def test_parquet_has_the_same_bytes_however_many_rows_are_parsed_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of so many different texts that the library gives up their dictionary within the file."""
    given = document(sortKey=["a"])
    given["schema"][0]["properties"] = [column("a", "string", "text", primaryKey=True, required=True)]
    contract = load_contract(write_contract(tmp_path, given))
    rows = [f"{number:07}{'x' * 400}\n".encode() for number in range(8_000)]
    made = set()
    for at_once in (700, len(rows)):
        monkeypatch.setattr(parquet_file, "ROWS_AT_ONCE", at_once)
        path = tmp_path / f"{at_once}.parquet"
        file = ParquetFile(path, contract, path.name, OCTOBER)
        file.write(rows)
        file.close()
        made.add(path.read_bytes())
    assert len(made) == 1
