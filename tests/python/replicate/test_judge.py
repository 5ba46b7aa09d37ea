"""What looks at the stream mean: the rules behind `warehouse replicate status`, without a database."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from warehouse.core.errors import ClocksDisagree, SlotLost
from warehouse.core.finding import Finding, failed, warning
from warehouse.core.settings import PROJECT
from warehouse.replicate.catalog.clocks import Clocks
from warehouse.replicate.guard import verdict
from warehouse.replicate.history import clocks
from warehouse.replicate.stream.sample import Sample

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
MB = 1_000_000


def look(seconds: float = 0, **values: object) -> Sample:
    """A look at a stream in good order, so many seconds after noon."""
    moment = NOON + timedelta(seconds=seconds)
    good = {"source_lsn": 100 * MB, "confirmed_lsn": 100 * MB, "restart_lsn": 90 * MB, "applied_lsn": 100 * MB}
    state = {"enabled": True, "worker_pid": 7, "slot_held_by": 8, "wal_status": "reserved"}
    return Sample(moment, moment, **{**good, **state, **values})  # type: ignore[arg-type]


def codes(*reasons: Finding | None) -> list[str]:
    return [reason.code for reason in reasons if reason]


def test_nothing_waits_so_the_lag_is_nothing_however_old_the_newest_change() -> None:
    assert verdict.lag_seconds(look(0, newest_commit_at=NOON - timedelta(days=3)), []) == 0


def test_lag_counts_from_the_newest_applied_commit() -> None:
    behind = look(60, confirmed_lsn=90 * MB, newest_commit_at=NOON)
    assert verdict.lag_seconds(behind, []) == 60


def test_lag_after_a_quiet_time_counts_from_the_look_that_saw_all_applied() -> None:
    """Three quiet days and then a change: the change is a second old, not three days."""
    before = look(59, source_lsn=100 * MB)
    now = look(60, source_lsn=101 * MB, newest_commit_at=NOON - timedelta(days=3))
    assert verdict.lag_seconds(now, [before]) == 1
    # A look at which the source had written further than is confirmed proves nothing.
    unproven = look(59, source_lsn=100 * MB + 1)
    assert verdict.lag_seconds(now, [unproven]) == 3 * 86_400 + 60


@given(st.lists(st.integers(0, 50), min_size=2, max_size=20), st.integers(0, 20))
def test_lag_is_never_less_than_the_age_of_what_waits(steps: list[int], applied: int) -> None:
    """A source that writes `steps` bytes each second; the oldest byte that is not confirmed has at least that age."""
    written = [sum(steps[: n + 1]) for n in range(len(steps))]
    confirmed = min(applied, written[-1])
    past = [look(n, source_lsn=written[n], confirmed_lsn=min(confirmed, written[n])) for n in range(len(steps) - 1)]
    now = look(len(steps) - 1, source_lsn=written[-1], confirmed_lsn=confirmed, newest_commit_at=None)
    told = verdict.lag_seconds(now, past[::-1])
    oldest = next((n for n, total in enumerate(written) if total > confirmed), None)
    if oldest is None:
        assert told == 0
    elif told is not None:
        assert told >= len(steps) - 1 - oldest


def test_a_stream_without_movement_is_stuck_only_when_something_waits() -> None:
    waits = {"source_lsn": 101 * MB}
    assert codes(verdict.of_the_stream(look(61, **waits), [look(0, **waits)], slot="s")) == ["stuck"]
    assert codes(verdict.of_the_stream(look(59, **waits), [look(0, **waits)], slot="s")) == []
    assert codes(verdict.of_the_stream(look(61), [look(0)], slot="s")) == []
    # What waits now came a moment ago: at the look before nothing waited.
    assert codes(verdict.of_the_stream(look(61, **waits), [look(0)], slot="s")) == []
    moved = look(0, **waits, confirmed_lsn=99 * MB)
    assert codes(verdict.of_the_stream(look(61, **waits), [moved], slot="s")) == []


def test_a_worker_that_stays_away_or_waits_for_a_lock_is_told_sooner() -> None:
    alone = {"source_lsn": 101 * MB, "worker_pid": None, "slot_held_by": None}
    assert codes(verdict.of_the_stream(look(16, **alone), [look(0, **alone)], slot="s")) == ["stuck"]
    assert codes(verdict.of_the_stream(look(14, **alone), [look(0, **alone)], slot="s")) == []
    waits = {"source_lsn": 101 * MB}
    told = verdict.of_the_stream(look(3, **waits), [look(0, **waits)], slot="s", blocked_by="a lock on persons")
    assert told is not None and "a lock on persons" in told.what


def test_a_slot_is_taken_when_it_is_read_and_not_by_us() -> None:
    foreign = {"worker_pid": None, "slot_held_by": 99}
    assert codes(verdict.of_the_stream(look(3, **foreign), [look(0, **foreign)], slot="s")) == ["slot_taken"]
    # One look is not enough: our own sender lives on for a moment after its worker.
    assert codes(verdict.of_the_stream(look(3, **foreign), [look(0)], slot="s")) == []


def test_the_budget_and_the_time_that_is_left() -> None:
    now = look(100, source_lsn=110 * MB, restart_lsn=90 * MB)
    measured = verdict.rates(now, [look(50, source_lsn=100 * MB), look(0, source_lsn=100 * MB)], 40 * MB)
    assert (measured.retained_bytes, measured.wal_bytes_per_second) == (20 * MB, 100_000)
    assert measured.seconds_until_full == 200
    told = verdict.of_the_budget(measured, moves=False)
    assert told is not None and (told.code, told.exit_code) == ("wal_budget_soon", 0)
    assert verdict.of_the_budget(measured, moves=True) is None
    over = verdict.of_the_budget(verdict.rates(now, [], 20 * MB), moves=True)
    assert over is not None and over.exit_code == 58
    # A lower limit of the source's own counts instead of ours.
    limited = verdict.rates(look(source_lsn=110 * MB, safe_wal_bytes=0), [], 1000 * MB)
    assert codes(verdict.of_the_budget(limited, moves=True)) == ["wal_budget"]


def test_clocks_that_disagree() -> None:
    jump = clocks.ClockJump(1, 1, NOON, "back", 2, 700, 30.0, None, None, None)
    good = Clocks(skew_seconds=0.5, uncertainty_seconds=0.01)
    assert clocks.judge(good, NOON, NOON, []) == []
    assert "6.0 s ahead of" in clocks.judge(Clocks(6, 0.01), NOON, NOON, [])[0]
    assert "6.0 s behind" in clocks.judge(Clocks(-6, 0.01), NOON, None, [])[0]
    # A slow line: the skew is not known so well.
    assert clocks.judge(Clocks(6, 1.5), NOON, NOON, []) == []
    assert "in the future" in clocks.judge(good, NOON, NOON + timedelta(seconds=6), [])[0]
    assert "backwards for 2 transactions, by up to 30.0 s" in clocks.judge(good, NOON, NOON, [jump])[0]


def test_what_must_be_decided_first_comes_first() -> None:
    reasons = [
        warning("warning", "", ""),
        failed("clocks_disagree", "", "", ClocksDisagree),
        failed("slot_lost", "", "", SlotLost),
    ]
    assert codes(*verdict.ordered(reasons)) == ["slot_lost", "clocks_disagree", "warning"]


def test_every_code_of_a_reason_is_documented() -> None:
    page = (PROJECT / "docs" / "runbooks" / "alerting.md").read_text()
    package = PROJECT / "warehouse" / "replicate"
    # The checks of preflight are no reasons of the stream's status.
    texts = [file.read_text() for file in package.rglob("*.py") if file.parent.name != "preflight"]
    found = {code for text in texts for code in re.findall(r'(?:failed|warning|from_error|_Message)\(\s*"(\w+)"', text)}
    assert len(found) > 10
    assert [code for code in sorted(found | set(verdict.ORDER)) if f"`{code}`" not in page] == []
