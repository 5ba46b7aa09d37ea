"""What the bench of a wide extract makes, and what it computes from what it measured."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bench.wide_export import FILES, LIMIT, Made, beside_limit, gate_figure
from bench.wide_table import COLUMNS, KEY, write_contract
from warehouse.core.contracts import Kind, load_contract


@pytest.mark.parametrize("kind", ["csv", "csv.gz", "parquet"])
def test_the_contract_is_sound_and_has_the_forty_columns(tmp_path: Path, kind: str) -> None:
    contract = load_contract(write_contract(tmp_path, kind))
    assert [column.name for column in contract.columns] == [name for name, _, _ in COLUMNS]
    assert len(contract.columns) == 40
    assert contract.format.suffix == kind
    assert contract.sort_key == (KEY,) == contract.primary_key
    # A key, patterns and bounds are what a check costs.
    assert {column.type.kind for column in contract.columns} == set(Kind) - {Kind.TIMESTAMP}
    assert sum(not column.required for column in contract.columns) > 10
    assert len(contract.rules) > 30


def run(seconds: float, cpu: float, peak: float = 90.0) -> dict[str, Any]:
    """What a process of its own prints."""
    return {"seconds": seconds, "cpu": cpu, "server_cpu": 1.0, "peak_mb": peak, "mb_before": 50.0, "bytes": 2_000_000}


def test_a_file_is_measured_by_the_limit_that_ran_beside_it() -> None:
    peaks: dict[str, float] = {}
    made = Made("CSV", "file", "csv", 1.5, 100)
    # In the second round all of the machine was three times as slow: that says nothing of the file.
    runs = [(run(10, 1), run(14, 3)), (run(30, 1), run(42, 3)), (run(10, 1), run(14, 3, 95))]
    limit, ours = beside_limit(made, 1_000, runs, peaks)
    assert (limit.what, limit.ratio, limit.seconds) == (LIMIT, None, 10)
    assert ours.ratio == pytest.approx(1.4)
    assert ours.more["CPU of both, to COPY"] == pytest.approx(2.0)
    assert [(aim.what, aim.value, aim.met) for aim in ours.aims] == [
        ("of the time of COPY", pytest.approx(1.4), True),
        ("peak memory, MB", 95, True),
    ]
    _, more = beside_limit(made, 3_000, [(run(10, 1), run(16, 3, 120))], peaks)
    assert [(aim.value, aim.met) for aim in more.aims] == [(1.6, False), (120, False), (pytest.approx(120 / 95), False)]


def test_a_check_is_measured_by_the_making_of_its_file_without_the_import() -> None:
    check = run(12, 6) | {"server_cpu": 0.0, "import_seconds": 99.0}
    figure = gate_figure(FILES[0], 1_000, [check], [run(10, 3)])
    (aim,) = figure.aims
    assert (aim.value, aim.bound, figure.ratio) == (pytest.approx(1.2), 1.5, pytest.approx(1.2))
    assert figure.more["import of Great Expectations s"] == 99
    assert figure.more["CPU, to making"] == pytest.approx(1.5)
