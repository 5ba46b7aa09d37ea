"""What is owed on a day, and which steps a delivery can take."""

from __future__ import annotations

import itertools
from datetime import date, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.python.deliver.world import document, of_days, write_contract
from warehouse.core.contracts import Contract, Schedule, load_contract
from warehouse.core.errors import ContractError, UnexpectedFailure
from warehouse.core.working_days import FEWEST_IN_A_MONTH, bank_holidays
from warehouse.deliver.edition import edition_of
from warehouse.deliver.owed import due
from warehouse.deliver.periods import Days, Month, due_on, latest_owed
from warehouse.deliver.states import STEPS, State, require_step


class Known:
    def __init__(self, states: dict[str, State]) -> None:
        self._states = states

    def states(self) -> dict[str, State]:
        return self._states


@pytest.fixture(scope="module")
def contract(tmp_path_factory: pytest.TempPathFactory) -> Contract:
    return load_contract(write_contract(tmp_path_factory.mktemp("exports"), document()))


def _owed(contract: Contract, states: dict[str, State], today: date) -> list[tuple[str, str]]:
    return [(owed.delivery_id, owed.action) for owed in due([contract], Known(states), today)]


def test_the_first_delivery_is_the_latest_whole_month(contract: Contract) -> None:
    assert _owed(contract, {}, date(2026, 10, 1)) == [("dandi/teachers/2026-09", "deliver")]
    assert _owed(contract, {}, date(2026, 9, 30)) == [("dandi/teachers/2026-08", "deliver")]
    assert _owed(contract, {}, date(2027, 1, 31)) == [("dandi/teachers/2026-12", "deliver")]


def test_a_closed_period_is_never_due(contract: Contract) -> None:
    assert _owed(contract, {"dandi/teachers/2026-09": State.CLOSED}, date(2026, 10, 31)) == []


def test_months_without_a_run_come_first_and_from_history(contract: Contract) -> None:
    states = {"dandi/teachers/2026-06": State.CLOSED, "dandi/teachers/2026-07": State.MISSED}
    assert _owed(contract, states, date(2026, 10, 5)) == [
        ("dandi/teachers/2026-08", "catch up"),
        ("dandi/teachers/2026-09", "deliver"),
    ]


def test_an_earlier_failure_is_caught_up_before_a_present_one(contract: Contract) -> None:
    states = {"dandi/teachers/2026-08": State.FAILED, "dandi/teachers/2026-09": State.UPLOADED}
    assert _owed(contract, states, date(2026, 10, 5)) == [
        ("dandi/teachers/2026-08", "catch up"),
        ("dandi/teachers/2026-09", "deliver"),
    ]


def test_the_day_from_which_it_is_owed() -> None:
    fifth = Schedule("month", 5)
    assert latest_owed(date(2026, 10, 4), fifth) == Month(2026, 8)
    assert latest_owed(date(2026, 10, 5), fifth) == Month(2026, 9)


def test_the_working_day_from_which_it_is_owed(tmp_path: Path) -> None:
    """In 2027 New Year's Day is a Friday, and Good Friday and Easter Monday lie on 26 and 29 March."""
    given = document()
    given["slaProperties"].append({"property": "dueDay", "value": 3, "unit": "working day"})
    contract = load_contract(write_contract(tmp_path, given))
    assert contract.schedule == Schedule("month", 3, in_working_days=True)
    assert due_on(Month(2026, 12), contract.schedule) == date(2027, 1, 6)
    assert latest_owed(date(2027, 1, 5), contract.schedule) == Month(2026, 11)
    assert latest_owed(date(2027, 1, 6), contract.schedule) == Month(2026, 12)
    assert due_on(Month(2027, 2), Schedule("month", 17, in_working_days=True)) == date(2027, 3, 23)
    assert [one.delivery_id for one in due([contract], Known({}), date(2027, 1, 5))] == ["dandi/teachers/2026-11"]
    for change in ({"value": 19}, {"unit": "week"}, {"value": 0}):
        given["slaProperties"][-1] = {"property": "dueDay", "value": 3, "unit": "working day", **change}
        with pytest.raises(ContractError, match=r"slaProperties\.dueDay"):
            load_contract(write_contract(tmp_path, given))


SCHEDULES = st.one_of(
    st.builds(Schedule, st.just("month"), st.integers(1, 28)),
    st.builds(Schedule, st.just("month"), st.integers(1, FEWEST_IN_A_MONTH), in_working_days=st.just(True)),
)


@given(st.dates(date(1990, 1, 1), date(2049, 11, 30)), SCHEDULES)
def test_months_count_up_without_gap(day: date, schedule: Schedule) -> None:
    month = Month.of(day)
    assert month.next().previous() == month == Month.parse(str(month))
    assert month.last + timedelta(days=1) == month.next().first
    owed, after = latest_owed(day, schedule), latest_owed(day + timedelta(days=1), schedule)
    assert owed.last < day and after in (owed, owed.next())
    # It is owed from its day on, which is in the month after it, and the one after it is not owed yet.
    first = due_on(owed, schedule)
    assert first <= day < due_on(owed.next(), schedule) and Month.of(first) == owed.next()
    if schedule.in_working_days:
        days = [first.replace(day=number) for number in range(1, first.day + 1)]
        assert sum(one.weekday() < 5 and one not in bank_holidays() for one in days) == schedule.due_day
        assert first.weekday() < 5 and first not in bank_holidays()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(st.dictionaries(st.integers(1, 12), st.sampled_from(State)), st.integers(1, 12))
def test_nothing_final_is_due_and_one_at_most_is_delivered(
    contract: Contract, states: dict[int, State], month: int
) -> None:
    known = {f"dandi/teachers/2025-{number:02d}": state for number, state in states.items()}
    owed = due([contract], Known(known), Month(2025, month).next().first)
    assert not [one for one in owed if one.state and one.state.is_final]
    assert [str(one.edition.period) for one in owed if one.action == "deliver"] in ([], [f"2025-{month:02d}"])
    assert all(one.edition.period < Month(2025, month) for one in owed if one.action == "catch up")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(st.lists(st.tuples(st.integers(0, 70), st.sampled_from([State.CLOSED, State.FAILED, State.MISSED])), max_size=9))
def test_whoever_comes_when_every_month_ends_once_and_in_order(
    contract: Contract, runs: list[tuple[int, State]]
) -> None:
    """Runs some days apart: one works, fails, or finds that history does not reach the months that no run came for."""
    states: dict[str, State] = {}
    ended: list[str] = []
    today = date(2026, 10, 1)
    for wait, outcome in [*runs, (0, State.CLOSED), (0, State.CLOSED)]:
        today += timedelta(days=wait)
        owed = due([contract], Known(dict(states)), today)
        assert [one.edition.period for one in owed] == sorted(one.edition.period for one in owed)
        for one in owed:
            reached = State.CLOSED if outcome is State.MISSED and one.action == "deliver" else outcome
            states[one.delivery_id] = reached
            if reached.is_final:
                ended.append(str(one.edition.period))
    assert owed == [], "a run after one that works finds nothing to do"
    first, last = Month.parse(min(ended)), latest_owed(today, Schedule())
    between = [first]
    while between[-1] < last:
        between.append(between[-1].next())
    assert sorted(ended) == [str(month) for month in between]


# ---- days


@pytest.fixture(scope="module")
def daily(tmp_path_factory: pytest.TempPathFactory) -> Contract:
    return load_contract(write_contract(tmp_path_factory.mktemp("exports"), of_days()))


def test_the_first_delivery_of_days_is_the_last_one_that_is_over(daily: Contract) -> None:
    assert _owed(daily, {}, date(2026, 10, 1)) == [("dandi/teachers/2026-09-30", "deliver")]


def test_or_begins_with_the_day_that_the_contract_says(tmp_path: Path) -> None:
    begun = load_contract(write_contract(tmp_path, of_days(firstDay="2026-09-28")))
    assert _owed(begun, {}, date(2026, 9, 28)) == []
    assert _owed(begun, {}, date(2026, 9, 29)) == [("dandi/teachers/2026-09-28", "deliver")]
    assert _owed(begun, {}, date(2026, 10, 1)) == [("dandi/teachers/2026-09-28--2026-09-30", "deliver")]


def test_days_without_a_run_are_delivered_with_the_next_ones(daily: Contract) -> None:
    states = {"dandi/teachers/2026-09-26": State.CLOSED, "dandi/teachers/2026-09-27--2026-09-28": State.CLOSED}
    assert _owed(daily, states, date(2026, 9, 29)) == []
    assert _owed(daily, states, date(2026, 10, 2)) == [("dandi/teachers/2026-09-29--2026-10-01", "deliver")]


def test_days_that_failed_come_before_those_after_them(daily: Contract) -> None:
    states = {"dandi/teachers/2026-09-26": State.CLOSED, "dandi/teachers/2026-09-27": State.FAILED}
    assert _owed(daily, states, date(2026, 9, 30)) == [
        ("dandi/teachers/2026-09-27", "deliver"),
        ("dandi/teachers/2026-09-28--2026-09-29", "deliver"),
    ]
    states["dandi/teachers/2026-09-27"] = State.VANISHED
    assert _owed(daily, states, date(2026, 9, 28)) == [("dandi/teachers/2026-09-27", "decide")]


def test_a_business_date_to_come_makes_no_day_be_over(daily: Contract) -> None:
    owed = due([daily], Known({}), date(2026, 10, 9), date(2026, 10, 1))
    assert [one.delivery_id for one in owed] == ["dandi/teachers/2026-09-30"]


@given(st.lists(st.tuples(st.integers(0, 5), st.booleans()), max_size=12))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
def test_every_day_is_in_one_period_whatever_fails(daily: Contract, runs: list[tuple[int, bool]]) -> None:
    """Runs some days apart; where one fails, those of the contract that come after it wait."""
    states: dict[str, State] = {}
    today = date(2026, 9, 30)
    for wait, works in runs:
        today += timedelta(days=wait)
        for owed in due([daily], Known(dict(states)), today):
            states[owed.delivery_id] = State.CLOSED if works else State.FAILED
            if not works:
                break
    editions = [edition for name in states if (edition := edition_of(daily, name))]
    periods = sorted(edition.period for edition in editions if isinstance(edition.period, Days))
    assert len(periods) == len(states)
    for before, after in itertools.pairwise(periods):
        assert before.first <= before.last and after.first == before.last + timedelta(days=1)
    # At most the last one is not done: nothing overtakes it.
    assert all(states[f"dandi/teachers/{period}"] is State.CLOSED for period in periods[:-1])


@given(st.lists(st.sampled_from(State), max_size=12))
def test_only_the_whole_way_leads_to_closed(walk: list[State]) -> None:
    """Whatever is tried, a delivery that is closed went through verified, and nothing follows the end."""
    before: State | None = None
    went: list[State] = []
    for after in walk:
        try:
            require_step("x", before, after)
        except UnexpectedFailure:
            assert after not in STEPS[before]
            continue
        assert before is None or not before.is_final
        before = after
        went.append(after)
    if State.CLOSED in went:
        assert went[-1] is State.CLOSED and went[-2] is State.VERIFIED
