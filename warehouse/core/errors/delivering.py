"""A delivery could not be made."""

from __future__ import annotations

from typing import Any

from warehouse.core.errors.base import WarehouseError


class DeliveryError(WarehouseError):
    exit_code = 30


class CheckFailed(DeliveryError):
    """Attributes:
    rules: each rule that does not hold, with columns, counts and row numbers; never with a value.
    report: what is said beside the files that were put aside, and too long for a message; no value either.
    """

    exit_code = 31
    rules: tuple[dict[str, Any], ...] = ()
    report: str = ""

    def as_dict(self) -> dict[str, Any]:
        """See WarehouseError."""
        return super().as_dict() | ({"rules": list(self.rules)} if self.rules else {})


class VolumeRefused(CheckFailed):
    exit_code = 85


class CountsNotProtected(CheckFailed):
    exit_code = 100


class ScreeningFailed(CheckFailed):
    exit_code = 101


class DestinationRefused(DeliveryError):
    """Attributes:
    denied: what the place denies, such as "reading"; None when it refuses for another reason.
    wait: the seconds after which the place asks to be tried again.
    """

    exit_code = 32
    denied: str | None = None
    wait: float | None = None


class DestinationFull(DeliveryError):
    """Attributes:
    wait: the seconds after which the place asks to be tried again.
    """

    exit_code = 33
    passes = True
    wait: float | None = None


class NotCovered(DeliveryError):
    exit_code = 34


class FilesVanished(DeliveryError):
    exit_code = 35


class PeriodsMissed(DeliveryError):
    exit_code = 36


class ChangesHeld(DeliveryError):
    exit_code = 95


class DeliveryGone(DeliveryError):
    exit_code = 86


class DeliveredFilesDiffer(DeliveryError):
    exit_code = 80


class DeliveriesNotSearched(DeliveryError):
    exit_code = 90


class MadeOtherwise(DeliveryError):
    exit_code = 87


class ErasedSince(DeliveryError):
    exit_code = 88


class NotTheSameAgain(DeliveryError):
    exit_code = 89
