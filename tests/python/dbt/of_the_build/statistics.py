"""Statistics to publish, of real marts: whole tables, nothing small left in them, and every published check passed."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest

from warehouse.core.contracts import Contract, load_contracts
from warehouse.deliver.csv_file import CsvFile
from warehouse.deliver.disclosure.published import SYMBOLS, Told
from warehouse.deliver.periods import Month
from warehouse.deliver.screening.screen import screen
from warehouse.deliver.select import copy_query
from warehouse.deliver.statistics_file import controlled, metadata, metadata_name

if TYPE_CHECKING:
    from tests.python.dbt.built import Built

STATISTICS = {contract.name: contract for contract in load_contracts() if contract.statistics}


def write(built: Built, contract: Contract, folder: Path) -> tuple[Path, Path, Told]:
    """The files of a delivery, without the delivery."""
    assert contract.statistics is not None
    told, data = Told(), folder / f"{contract.name}.csv"
    with psycopg.connect(built.conninfo) as connection:
        query = copy_query(contract, Month(2026, 9), schema="aside_extracts")
        with connection.cursor().copy(query) as copy:
            (rows,) = controlled([[bytes(row) for row in copy]], contract, told)
    file = CsvFile(data, [column.in_file for column in contract.columns])
    file.write(rows)
    file.close()
    meta = folder / metadata_name(data.name)
    meta.write_bytes(metadata(contract.statistics))
    return data, meta, told


class TestStatistics:
    @pytest.mark.parametrize("name", sorted(STATISTICS))
    def test_they_can_be_published(self, built: Built, name: str, tmp_path: Path) -> None:
        contract = STATISTICS[name]
        statistics = contract.statistics
        assert statistics is not None
        data, meta, told = write(built, contract, tmp_path)
        assert built.number(f"select count(*) from {contract.model}") == told.cells > 0
        with data.open(encoding="utf-8", newline="") as source:
            shown = [row[statistics.count.name] for row in csv.DictReader(source)]
        numbers = [int(one) for one in shown if one not in SYMBOLS]
        assert not [one for one in numbers if one % statistics.round_to or 0 < one < statistics.suppress_under]
        assert shown.count("c") == told.hidden
        found = screen(data, meta)
        assert [one.check.name for one in found.failed] == []
        assert {one.check.name for one in found.warnings} <= {"geog_ignored_rows"}
