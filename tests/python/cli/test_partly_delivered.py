"""`warehouse run` when one delivery went out and another failed: both are named, in words and in JSON."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import nullcontext
from types import SimpleNamespace
from typing import Any

import pytest

from warehouse.cli import main as cli
from warehouse.cli import run
from warehouse.core.errors import DestinationFull, KeyUnusable, WarehouseError
from warehouse.core.progress import StageReport
from warehouse.deliver import DeliveryReport, State
from warehouse.jobs.main_job import Run

FULL = DestinationFull("The destination is full.", meaning="It is not complete.", next_command="Make room.")


def report(extract: str, state: State, error: WarehouseError | None = None) -> DeliveryReport:
    name = f"tad/{extract}/2026-09"
    return DeliveryReport(name, "x", "1.0.0", "tad", extract, "2026-09", state, rows=5, build_id=3, error=error)


@pytest.fixture
def fails(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Have the main job end with an error, after some deliveries."""

    def prepare(error: WarehouseError, *reports: DeliveryReport) -> None:
        def job(_: object, __: object, progress: object, show: Callable[[Run, StageReport], None]) -> Run:
            done = Run(deliveries=list(reports))
            show(done, StageReport("build"))
            raise error

        monkeypatch.setattr(run.main_job, "run", job)

    databases = SimpleNamespace(warehouse=lambda: nullcontext(None))
    monkeypatch.setattr(run, "ready", lambda _: databases)
    monkeypatch.setattr(run, "load", lambda: SimpleNamespace(check_destinations=lambda: None))
    return prepare


def test_both_are_named(fails: Callable[..., None], capfd: pytest.CaptureFixture[str]) -> None:
    fails(FULL, report("teachers", State.CLOSED), report("awards", State.FAILED, FULL))
    assert cli._main(["run"]) == 33
    told = capfd.readouterr()
    assert "tad/teachers/2026-09 (5 rows), from build 3" in told.out
    assert "tad/awards/2026-09 failed: The destination is full." in told.out
    assert "Make room." in told.err and "Traceback" not in told.err
    assert cli._main(["run", "--json"]) == 33
    found: dict[str, Any] = json.loads(capfd.readouterr().out)
    assert (found["exit_code"], found["error"]) == (33, "DestinationFull")
    assert {one["delivery_id"]: one["state"] for one in found["deliveries"]} == {
        "tad/teachers/2026-09": "closed",
        "tad/awards/2026-09": "failed",
    }
    assert [one["error"] and one["error"]["what"] for one in found["deliveries"]] == [None, FULL.what]


def test_a_failure_before_any_delivery_is_told_alone(
    fails: Callable[..., None], capfd: pytest.CaptureFixture[str]
) -> None:
    fails(KeyUnusable("The key is lost.", meaning="No.", next_command="No."))
    assert cli._main(["run", "--json"]) == 73
    found = json.loads(capfd.readouterr().out)
    assert found["error"] == "KeyUnusable" and "deliveries" not in found
