"""What a delivery rests on: the published build, the day it describes and what it knew; and which periods it covers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import psycopg

from warehouse.core.builds import PublishedBuild, alterations, altered, published
from warehouse.core.classes import Classes
from warehouse.core.errors import NotCovered
from warehouse.core.lineage import kept
from warehouse.core.lineage.check import Judge, by_reason, check, check_contract
from warehouse.core.lineage.project import Lineage
from warehouse.deliver.edition import Edition
from warehouse.deliver.periods import Days, latest_owed
from warehouse.deliver.select import SCHEMA

_LONDON = ZoneInfo("Europe/London")
_KNOWN_AT = "select t.committed_at from ledger.transactions as t where t.xid = %s::text::xid8"
_RUN = "Run `warehouse run`: it builds from what is known now, and delivers."
_NOTHING = "Nothing was sent. What was delivered before stays as it is."


@dataclass(frozen=True)
class Rests:
    """What the ledger says that a delivery rests on.

    Attributes:
        build_id: None of change files, which no build makes.
        known_up_to: the last transaction of the replica that it knows, as its number.
        known_at: when that was committed at the source.
    """

    build_id: int | None
    known_up_to: int | None
    known_at: datetime | None


@dataclass(frozen=True)
class Basis:
    """What every delivery of a run rests on.

    Attributes:
        build: the published build.
        known_at: when the last transaction that it knows was committed at the source; None when there was none.
        today: the business date.
        calendar: the date in the world that the source records: London's, or the sandbox's own.
        by_the_clock: whether that world has this machine's clock, so that times of builds can be held against it.
        schema: in which the extracts' tables are.
    """

    build: PublishedBuild
    known_at: datetime | None
    today: date
    calendar: date
    by_the_clock: bool
    schema: str = SCHEMA

    @property
    def rests(self) -> Rests:
        """For the ledger."""
        return Rests(self.build.build_id, self.build.known_up_to, self.known_at)

    def __str__(self) -> str:
        known = f", known up to {self.known_at:%Y-%m-%d %H:%M}" if self.known_at else ""
        return f"build {self.build.build_id} as at {self.build.as_at}{known}"

    def check_period(self, edition: Edition) -> None:
        """Refuse a period that is not over, or of which the build says nothing.

        Raises:
            NotCovered: with the reason.
        """
        name, end = edition.delivery_id, edition.period.last
        build, day = f"build {self.build.build_id}", self.build.as_at
        if self.calendar <= end:
            raise _refused(
                f"{name} is not over: it is {self.calendar} at the source, and the period ends on {end}.",
                "Wait for its end. If WAREHOUSE_TODAY is set, take it out of the environment and of .env.",
            )
        if day <= end:
            raise _refused(f"{name} ends on {end}, but {build} is as at {day}: it says nothing of its end.", _RUN)
        if self.by_the_clock and self.build.started_at.astimezone(_LONDON).date() <= end:
            raise _refused(
                f"{name} ends on {end}, but {build} was made on {self.build.started_at:%Y-%m-%d}, before that.", _RUN
            )
        if isinstance(edition.period, Days):
            self._check_days(edition)
            return
        later = max(day, self.calendar)
        if latest_owed(later, edition.contract.schedule) != edition.period:
            raise _refused(
                f"{name} would get the rows of {later} under the name of an earlier month.",
                "`warehouse deliver --due` makes a month that no run came for from history. Otherwise deliver the "
                "latest month: `warehouse run`, with WAREHOUSE_TODAY unset.",
            )

    def _check_days(self, edition: Edition) -> None:
        """Refuse days of which the replica may lack the last changes.

        Transactions become known in the order in which they were committed. So a build that knows one of the next day
        has all of the days before; without one, replication may be behind.
        """
        over = datetime.combine(edition.period.last + timedelta(days=1), time(), _LONDON)
        if self.by_the_clock and (self.known_at is None or self.known_at < over):
            known = f"{self.known_at:%Y-%m-%d %H:%M} UTC" if self.known_at else "nothing"
            raise _refused(
                f"{edition.delivery_id} ends on {edition.period.last}, but build {self.build.build_id} knows of no "
                f"transaction after that day (the last: {known}): it may lack some of it.",
                "Run `warehouse run` again, once something was changed at the source since midnight in London.",
            )

    def check_table(self, connection: psycopg.Connection, edition: Edition) -> None:
        """Refuse tables that are not those that the published build made and tested.

        In the transaction that then reads them, the answer holds for what is read.

        Raises:
            NotCovered: one was changed, remade or never part of it; or another build was published meanwhile.
        """
        now = published(connection)
        if now is None or now.build_id != self.build.build_id:
            raise _refused(f"Another build was published while build {self.build.build_id} was being delivered.", _RUN)
        found = alterations(connection, now, [f"{SCHEMA}.{one.model}" for one in edition.contract.tables])
        if found:
            error = altered(now, found)
            raise NotCovered(error.what, meaning=_NOTHING, next_command=error.next_command)

    def check_classes(self, connection: psycopg.Connection, edition: Edition, judges: dict[int, Judge]) -> None:
        """Refuse a contract with a column that it classifies lower than what the build made the column of.

        Args:
            judges: of builds by their number, as far as this run has asked: some megabytes, the same for each.

        Raises:
            ClassTooLow: names the columns, each with the path to where it comes from.
            NotCovered: it is not known what the build's columns are made of.
        """
        build = self.build.build_id
        if build not in judges:
            judges[build] = check(self._made_of(connection), Classes(), by_reason(self.today))
        check_contract(judges[build], edition.contract)

    def _made_of(self, connection: psycopg.Connection) -> Lineage:
        made = kept.of(connection, self.build.build_id)
        if made is None:
            raise _refused(f"Of build {self.build.build_id} it is not known what its columns are made of.", _RUN)
        return made


def find_basis(connection: psycopg.Connection, today: date, calendar: date, *, by_the_clock: bool) -> Basis:
    """The basis of a run's deliveries.

    Raises:
        NotCovered: there is no published build.
    """
    build = published(connection)
    if build is None:
        raise _refused("There is no published build to deliver from.", _RUN)
    row = connection.execute(_KNOWN_AT, (str(build.known_up_to),)).fetchone() if build.known_up_to else None
    return Basis(build, row[0] if row else None, today, calendar, by_the_clock)


def _refused(what: str, next_command: str) -> NotCovered:
    return NotCovered(what, meaning=_NOTHING, next_command=next_command)
