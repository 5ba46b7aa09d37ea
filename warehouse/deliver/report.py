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
        bytes: its size.
        sha256: in hexadecimal.
    """

    name: str
    rows: int
    bytes: int
    sha256: str


@dataclass(frozen=True)
class DeliveryReport:
    """What became of one period of one contract in this run.

    Attributes:
        delivery_id: such as "dandi/teachers/2026-09".
        contract: its file, as a person would type it.
        period: such as "2026-09".
        state: closed, missed, failed or vanished.
        bytes: of all data files.
        where: the destination without any password.
        build_id, as_at, known_up_to: what it rests on: the build, the day it describes, and when the last transaction
            that it knows was committed at the source.
        rows_set_aside: that the layout of the file cannot hold: they are not in it, and its manifest names the rule.
        adopted: whether an earlier attempt turned out to have delivered it already.
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
    adopted: bool = False
    error: WarehouseError | None = None

    def __str__(self) -> str:
        """The delivery in a few words."""
        if self.state == State.MISSED:
            return f"{self.delivery_id} (missed: there was no run while its period was the latest)"
        aside = f", {self.rows_set_aside:,} set aside: see its manifest" if self.rows_set_aside else ""
        return f"{self.delivery_id} ({self.rows:,} rows{aside})"

    @property
    def rests_on(self) -> str:
        """What it was made from, to follow its name; empty when that is not known."""
        known = f", known up to {self.known_up_to:%Y-%m-%d %H:%M}" if self.known_up_to else ""
        return f", from build {self.build_id} as at {self.as_at}{known}" if self.build_id else ""

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
    names = [report.delivery_id for report in reports if report.state == State.MISSED]
    if not names:
        return None
    return PeriodsMissed(
        f"{', '.join(names)} will not be delivered: there was no run while the period was the latest.",
        meaning="Everything else was done. Today's rows are never sent under the name of an earlier month.",
        next_command="Inform the recipient, and schedule `warehouse run` at least once a month.",
    )
