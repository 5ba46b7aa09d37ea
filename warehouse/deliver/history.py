"""A delivery from history: of what was known at an earlier moment, for a period that no run came for, or once more.

The models are not this stage's: whoever calls it gives the one thing that builds an extract as known at a moment.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Literal, Protocol
from zoneinfo import ZoneInfo

import psycopg

from warehouse.core.builds import PublishedBuild
from warehouse.core.database import one
from warehouse.core.errors import BeforeHistory, NotCovered
from warehouse.core.lineage import kept
from warehouse.core.lineage.project import Lineage
from warehouse.deliver.basis import Basis
from warehouse.deliver.edition import Edition
from warehouse.deliver.ledger_records import Entry
from warehouse.deliver.periods import Month, due_on

_LONDON = ZoneInfo("Europe/London")
_NOTHING = "Nothing was sent. What was delivered before stays as it is."
_RUN = "warehouse run"
_KNOWN = """
select t.committed_at from ledger.transactions as t where t.xid = %s::text::xid8
"""
_LAST = "select max(committed_at) from ledger.transactions"


@dataclass(frozen=True)
class Then:
    """An extract and what it is made from, built as known at a moment; dropped when the block that asked for it ends.

    Attributes:
        schema: in which the extract's table is, and which this command alone uses.
        known_up_to: the last transaction that was known.
        project_sha256: of the models that it was built with.
    """

    build_id: int
    schema: str
    as_at: date
    known_up_to: int | None
    started_at: datetime
    project_sha256: str


class History(Protocol):
    """What builds an extract as known at a moment."""

    @property
    def project_sha256(self) -> str:
        """Of the models as they are now."""

    def build(
        self, models: Sequence[str], known_at: datetime, as_at: date, *, tested: bool
    ) -> AbstractContextManager[Then]:
        """The extract for as long as the block lasts.

        Args:
            models: of its tables.
            tested: also run the tests of all that it is made from.

        Raises:
            BeforeHistory: of that moment not all is kept, or nothing was known.
            BuildFailed: a model or a test failed.
        """


DayEnded = Callable[[date], datetime | None]
"""When a day was over in the world that the source records; None where nobody has written that down."""


def midnight_in_london(day: date) -> datetime:
    """When a day is over in London; the day of the change of clocks is 23 or 25 hours long."""
    return datetime.combine(day + timedelta(days=1), time(), _LONDON)


@dataclass(frozen=True)
class BasisThen(Basis):
    """What a delivery from history rests on: a build of its own, not the published one.

    Attributes:
        project_sha256: of the models that it was built with.
    """

    project_sha256: str = ""

    def __str__(self) -> str:
        return f"{super().__str__()}, from history"

    def check_table(self, connection: psycopg.Connection, edition: Edition) -> None:
        """Nothing to refuse: its schema is that of the command that builds and reads it."""

    def _made_of(self, connection: psycopg.Connection) -> Lineage:
        """What the models make a column of, as it was read when the same ones were published.

        It is kept with this build too: a changed rule finds by it what its files hold.

        Raises:
            NotCovered: the models have changed since they were last published.
        """
        made = kept.take_over(connection, self.build.build_id, self.project_sha256)
        if made is None:
            raise _unpublished()
        return made


def basis_of(
    connection: psycopg.Connection, then: Then, today: date, calendar: date, *, by_the_clock: bool
) -> BasisThen:
    """The basis of a delivery of what was known then."""
    build = PublishedBuild(then.build_id, then.as_at, then.known_up_to, then.started_at, None, {})
    known = connection.execute(_KNOWN, (str(then.known_up_to),)).fetchone() if then.known_up_to else None
    return BasisThen(
        build, known[0] if known else None, today, calendar, by_the_clock, then.schema, then.project_sha256
    )


def refuse_unpublished(connection: psycopg.Connection, history: History) -> None:
    """Refuse models of which it is not known what their columns are made of, before anything is built.

    Raises:
        NotCovered: they have changed since they were last published.
    """
    if not kept.is_known(connection, history.project_sha256):
        raise _unpublished()


def _unpublished() -> NotCovered:
    return _refused(
        "The models have changed since they were last published: what their columns are made of is not known.", _RUN
    )


def day_due(edition: Edition) -> date:
    """The first day on which a run would have delivered a month, which is the day that its rows describe."""
    assert isinstance(edition.period, Month), "of months alone"
    return due_on(edition.period, edition.contract.schedule)


def moment_of(connection: psycopg.Connection, edition: Edition, calendar: date, day_ended: DayEnded) -> datetime:
    """The moment as known at which a month that no run came for is built: when the day began on which it was due.

    Raises:
        NotCovered: it has not come yet, or replication has not got that far.
        BeforeHistory: when that was is not on record.
    """
    due = day_due(edition)
    if calendar < due:
        raise _refused(
            f"{edition.delivery_id} is due on {due}, and it is {calendar} at the source.",
            "Wait until then. If WAREHOUSE_TODAY is set, take it out of the environment and of .env.",
        )
    moment = day_ended(due - timedelta(days=1))
    if moment is None:
        raise BeforeHistory(
            f"When {due} began at the source is not on record.",
            meaning="So it is not known what was known then. Nothing was built.",
            next_command="`warehouse deliver --due` makes the months that come from now on.",
        )
    (last,) = one(connection, _LAST, ())
    if last is None or last < moment:
        known = f"{last:%Y-%m-%d %H:%M} UTC" if last else "nothing"
        raise _refused(
            f"{edition.delivery_id} is of what was known at {moment.isoformat()}, and the warehouse knows of no "
            f"transaction after that (the last: {known}): it may lack some of it.",
            "Run `warehouse run`: it replicates first.",
        )
    return moment


Known = Literal["then", "now"]
"""What a revision of an earlier month may rest on: what the delivery knew that it replaces, or all that is known."""


def moment_of_revision(
    connection: psycopg.Connection, edition: Edition, replaced: Entry | None, begun: Entry | None, known: Known
) -> tuple[datetime, date]:
    """The moment as known at which a revision of an earlier month is built, and the day that its rows describe.

    The day is that of the delivery which it replaces: it is about the same month-end, whatever became known since.

    Args:
        replaced: what it replaces.
        begun: what was begun of it already, and is finished as it was begun.

    Raises:
        BeforeHistory: what the delivery knew is not on record, or nothing is.
    """
    if replaced is None or replaced.as_at is None or replaced.known_at is None:
        raise BeforeHistory(
            f"Of what {edition.delivery_id} replaces it is not on record what was known when it was made.",
            meaning="So it cannot be made from history. Nothing was built and nothing was sent.",
            next_command="`warehouse deliveries show` says what is on record of it.",
        )
    if begun is not None and begun.known_at is not None:
        return begun.known_at, replaced.as_at
    (last,) = one(connection, _LAST, ())
    return (last if known == "now" and last else replaced.known_at), replaced.as_at


def _refused(what: str, next_command: str) -> NotCovered:
    return NotCovered(what, meaning=_NOTHING, next_command=next_command)
