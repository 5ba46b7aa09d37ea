"""When a delivery is owed, and how long the recipient may keep it, from what a contract says of its service."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date

from open_data_contract_standard.model import ServiceLevelAgreementProperty

from warehouse.core.contracts.model import Schedule
from warehouse.core.working_days import FEWEST_IN_A_MONTH

_LATEST_DUE_DAY = 28
_WORKING_DAYS = ("working day", "working days")
_MONTHS, _DAYS = ("m", "month", "months"), ("d", "day", "days")


def schedule_of(
    said: Mapping[str, ServiceLevelAgreementProperty],
    first_day: object,
    period_column: str | None,
    wrong: Callable[[str, str], None],
) -> tuple[Schedule, int]:
    """The schedule, and the months for which a file may be kept.

    Args:
        said: the properties of the service, by name.
        first_day: the contract's own property of that name.
        period_column: that of the contract.
        wrong: called with the place of each mistake, and what it is.
    """
    kept, frequency = said.get("retention"), said.get("frequency")
    if kept is None or not isinstance(kept.value, int) or kept.unit not in _MONTHS:
        wrong("slaProperties.retention", "must be a number of months, with unit month")
    retention = kept.value if kept is not None and isinstance(kept.value, int) else 0
    if frequency is not None and frequency.value == 1 and frequency.unit in _DAYS:
        return _days(said, first_day, period_column, wrong), retention
    if frequency is None or frequency.value != 1 or frequency.unit not in _MONTHS:
        wrong("slaProperties.frequency", "must be 1 with unit month (a whole calendar month) or day (the days since)")
    if first_day is not None:
        wrong("customProperties.firstDay", "is for a delivery of days")
    return Schedule("month", *_due_day(said, wrong)), retention


def _due_day(said: Mapping[str, ServiceLevelAgreementProperty], wrong: Callable[[str, str], None]) -> tuple[int, bool]:
    """The day of the next month, and whether it counts working days."""
    due, unit = (said["dueDay"].value, said["dueDay"].unit) if "dueDay" in said else (1, None)
    in_working_days = unit in _WORKING_DAYS
    latest = FEWEST_IN_A_MONTH if in_working_days else _LATEST_DUE_DAY
    if unit is not None and not in_working_days and unit not in _DAYS:
        wrong("slaProperties.dueDay", "counts days, or with unit `working day` England's working days")
    elif isinstance(due, int) and not isinstance(due, bool) and 1 <= due <= latest:
        return due, in_working_days
    else:
        wrong("slaProperties.dueDay", f"must be a day of the next month, 1 to {latest}")
    return 1, False


def _days(
    said: Mapping[str, ServiceLevelAgreementProperty],
    first_day: object,
    period_column: str | None,
    wrong: Callable[[str, str], None],
) -> Schedule:
    if period_column is None:
        wrong("customProperties.periodColumn", "is missing: by which day does a row belong to a delivery?")
    if "dueDay" in said:
        wrong("slaProperties.dueDay", "is for a delivery of months; days are owed once they are over")
    try:
        return Schedule("day", first_day=None if first_day is None else date.fromisoformat(str(first_day)))
    except ValueError:
        wrong("customProperties.firstDay", "is not an ISO date")
        return Schedule("day")
