"""What a delivery run reports to its caller."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, replace
from datetime import date, datetime
from typing import Any

from warehouse.core.errors import PeriodsMissed, WarehouseError
from warehouse.core.settings import near
from warehouse.deliver.states import State


@dataclass(frozen=True)
class DeliveredFile:
    """A data file of a delivery.

    Attributes:
        name: below the destination, such as "dandi/teachers/2026-09/teachers-2026-09.parquet".
        rows: of the extract; None in a file that only says what another one has.
        bytes: its size.
        sha256: in hexadecimal.
    """

    name: str
    rows: int | None
    bytes: int
    sha256: str


@dataclass(frozen=True)
class DeliveryReport:
    """What became of one period of one contract in this run.

    Attributes:
        delivery_id: such as "dandi/teachers/2026-09".
        contract: its file, as a person would type it.
        period: such as "2026-09".
        state: closed, missed, failed or vanished; verified while the recipient's acknowledgement is waited for.
        bytes: of all data files.
        where: the destination without any password.
        build_id, as_at, known_up_to: what it rests on: the build, the day it describes, and when the last transaction
            that it knows was committed at the source.
        rows_set_aside: that the layout of the file cannot hold: they are not in it, and its manifest names the rule.
        from_history: whether it is of what was known when it was due, as no run came for it then.
        missed_because: why it is not delivered and will not be.
        adopted: whether an earlier attempt turned out to have delivered it already.
        waits_for: the acknowledgement that is not there yet.
        error: why it failed.
    """

    delivery_id: str
    contract: str
    contract_version: str
    recipient: str
    extract: str
    period: str
    state: State
    rows: int = 0
    bytes: int = 0
    files: tuple[DeliveredFile, ...] = field(default=())
    where: str = ""
    seconds: float = 0.0
    build_id: int | None = None
    as_at: date | None = None
    known_up_to: datetime | None = None
    rows_set_aside: int = 0
    from_history: bool = False
    missed_because: str = ""
    adopted: bool = False
    waits_for: str | None = None
    error: WarehouseError | None = None

    def __str__(self) -> str:
        """The delivery in a few words."""
        if self.state == State.MISSED:
            return f"{self.delivery_id} (missed: {self.missed_because})"
        aside = f", {self.rows_set_aside:,} set aside: see its manifest" if self.rows_set_aside else ""
        waits = f"; waits for the acknowledgement {self.waits_for}" if self.waits_for else ""
        return f"{self.delivery_id} ({self.rows:,} rows{aside}{waits})"

    @property
    def rests_on(self) -> str:
        """What it was made from, to follow its name; empty when that is not known."""
        known = f", known up to {self.known_up_to:%Y-%m-%d %H:%M}" if self.known_up_to else ""
        history = " of history" if self.from_history else ""
        return f", from build {self.build_id}{history} as at {self.as_at}{known}" if self.build_id else ""

    @property
    def place(self) -> str:
        """Where it is, as seen from the checkout."""
        return f"{near(self.where)}/{self.delivery_id}"

    def as_dict(self) -> dict[str, Any]:
        """The report as `--json` prints it."""
        return asdict(replace(self, error=None)) | {
            "where": f"{self.where}/{self.delivery_id}" if self.where else None,
            "error": self.error.as_dict() if self.error else None,
        }


def missed(reports: Iterable[DeliveryReport]) -> PeriodsMissed | None:
    """The error for periods that went by without a delivery; None when there were none."""
    by_reason: dict[str, list[str]] = {}
    for report in reports:
        if report.state == State.MISSED:
            by_reason.setdefault(report.missed_because, []).append(report.delivery_id)
    if not by_reason:
        return None
    return PeriodsMissed(
        " ".join(f"{', '.join(names)} will not be delivered: {reason}" for reason, names in by_reason.items()),
        meaning="Everything else was done. No run came while it was the latest, and today's rows never go under the "
        "name of an earlier month.",
        next_command="Inform the recipient, and schedule `warehouse run` at least once a month.",
    )
