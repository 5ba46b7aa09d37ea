"""Working days in England: Monday to Friday, without the bank holidays of seeds/bank_holidays_england.csv."""

from __future__ import annotations

import csv
from datetime import date, timedelta
from functools import lru_cache
from typing import Final

from warehouse.core.settings import PROJECT

HOLIDAYS: Final = PROJECT / "seeds" / "bank_holidays_england.csv"

FEWEST_IN_A_MONTH: Final = 18
"""Every month of the years in that list has as many, whatever falls into it."""


@lru_cache(maxsize=1)
def bank_holidays() -> frozenset[date]:
    """The bank holidays; of years that are not in the list none is known."""
    with HOLIDAYS.open(encoding="utf-8", newline="") as file:
        return frozenset(date.fromisoformat(row["bank_holiday_date"]) for row in csv.DictReader(file))


def is_working_day(day: date) -> bool:
    """Whether it is neither a weekend nor a bank holiday."""
    return day.isoweekday() < 6 and day not in bank_holidays()


def working_day(first: date, number: int) -> date:
    """The working day of that number, counted from 1 with the first one on or after a day."""
    day, left = first, number
    while True:
        left -= is_working_day(day)
        if not left:
            return day
        day += timedelta(days=1)
