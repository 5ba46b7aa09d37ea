"""The period that a delivery covers: a whole calendar month, or the days since the delivery before."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from warehouse.core.contracts import Schedule
from warehouse.core.working_days import working_day


@dataclass(frozen=True, order=True)
class Month:
    """A calendar month; as text "2026-09"."""

    year: int
    month: int

    def __str__(self) -> str:
        return f"{self.year:04d}-{self.month:02d}"

    @classmethod
    def of(cls, day: date) -> Month:
        """The month that a day is in."""
        return cls(day.year, day.month)

    @classmethod
    def parse(cls, text: str) -> Month:
        """From "2026-09"."""
        year, month = text.split("-")
        return cls(int(year), int(month))

    @property
    def first(self) -> date:
        return date(self.year, self.month, 1)

    @property
    def last(self) -> date:
        return self.next().first - timedelta(days=1)

    def next(self) -> Month:
        """The month after it."""
        return Month(self.year + self.month // 12, self.month % 12 + 1)

    def previous(self) -> Month:
        """The month before it."""
        return Month.of(self.first - timedelta(days=1))


@dataclass(frozen=True, order=True)
class Days:
    """Whole days in London, one after the other; as text "2026-09-30", or "2026-09-28--2026-09-30".

    Attributes:
        first, last: both belong to it.
    """

    first: date
    last: date

    def __str__(self) -> str:
        return f"{self.last}" if self.first == self.last else f"{self.first}--{self.last}"

    @classmethod
    def parse(cls, text: str) -> Days:
        """From "2026-09-30" or "2026-09-28--2026-09-30"."""
        first, _, last = text.partition("--")
        return cls(date.fromisoformat(first), date.fromisoformat(last or first))

    def until(self, today: date) -> Days | None:
        """The days that follow it and are over; None when there are none."""
        return days_between(self.last + timedelta(days=1), today)


Period = Month | Days


def days_between(first: date, today: date) -> Days | None:
    """The days from one on that are over on another."""
    yesterday = today - timedelta(days=1)
    return Days(first, yesterday) if first <= yesterday else None


def due_on(month: Month, schedule: Schedule) -> date:
    """The first day on which a month's delivery is owed: in the month after it."""
    after = month.next().first
    if schedule.in_working_days:
        return working_day(after, schedule.due_day)
    return after.replace(day=schedule.due_day)


def latest_owed(today: date, schedule: Schedule) -> Month:
    """The latest whole month whose delivery is owed."""
    month = Month.of(today).previous()
    return month if today >= due_on(month, schedule) else month.previous()
