"""What a delivery run tells its caller."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime

from warehouse.core.errors import WarehouseError
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
    adopted: bool = False
    error: WarehouseError | None = None
