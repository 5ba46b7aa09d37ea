"""For how long the superseded versions of a table are kept: for years, or for days as the source itself prunes it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True)
class Keep:
    """The rule of one table: years or days; neither keeps everything."""

    years: int | None = None
    days: int | None = None

    def __str__(self) -> str:
        if self.years is None and self.days is None:
            return "for ever"
        number, unit = (self.days, "day") if self.years is None else (self.years, "year")
        return f"{number} {unit}" + ("" if number == 1 else "s")

    def horizon(self, now: datetime) -> datetime:
        """The moment before which nothing needs to be kept; the first moment of all where everything is."""
        if self.days is not None:
            return now - timedelta(days=self.days)
        if self.years is None:
            return datetime.min.replace(tzinfo=now.tzinfo)
        day = 28 if (now.month, now.day) == (2, 29) else now.day
        return now.replace(year=now.year - self.years, day=day)
