"""Load at a rate: it reaches what was asked, says what it did, and leaves the world whole."""

from __future__ import annotations

from collections.abc import Callable
from threading import Event

import psycopg
import pytest

from sandbox.life import stream

NewWorld = Callable[[str], str]
pytestmark = pytest.mark.slow


def counts(conninfo: str) -> dict[str, int]:
    tables = ("persons", "qualifications", "tps_employments", "events")
    with psycopg.connect(conninfo) as connection:
        return {table: connection.execute(f"SELECT count(*) FROM {table}".encode()).fetchone()[0] for table in tables}  # type: ignore[index]


def test_it_writes_at_the_rate_and_reports_exactly_what_it_wrote(new_world: NewWorld) -> None:
    conninfo = new_world("paced")
    before = counts(conninfo)
    report = stream(conninfo, 200, 2, seed=1)
    after = counts(conninfo)
    assert report.rows_per_second < 220
    # A busy machine may not reach the rate; then the report says how far it fell behind.
    assert report.rows_per_second > 100 or report.behind_seconds > 0
    assert report.rows == sum(report.operations.values())
    for table, number in after.items():
        change = report.operations.get(f"{table}.insert", 0) - report.operations.get(f"{table}.delete", 0)
        assert number - before[table] == change


def test_flat_out_has_no_schedule_and_two_loads_do_not_meet(new_world: NewWorld) -> None:
    conninfo = new_world("flat")
    first = stream(conninfo, 0, 1, seed=1, rows_per_transaction=50)
    second = stream(conninfo, 0, 1, seed=2, rows_per_transaction=50)
    assert first.rows > 0
    assert first.behind_seconds == 0
    assert second.rows > 0
    assert set(first.commit_ms) == {"p50", "p99", "max"}


def test_a_mix_is_kept_and_can_be_stopped(new_world: NewWorld) -> None:
    conninfo = new_world("mixed")
    stop = Event()
    stop.set()
    assert stream(conninfo, 0, 5, seed=1, stop=stop).rows == 0
    report = stream(conninfo, 0, 0.5, seed=1, mix={"events.insert": 1})
    assert set(report.operations) == {"events.insert"}


def test_an_unknown_operation_is_refused() -> None:
    with pytest.raises(ValueError, match=r"persons\.update"):
        stream("", 0, 1, seed=1, mix={"persons.truncate": 1})
