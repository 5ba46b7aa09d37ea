"""A delivery could not be made."""

from __future__ import annotations

from warehouse.core.errors.base import WarehouseError


class DeliveryError(WarehouseError):
    exit_code = 30


class CheckFailed(DeliveryError):
    exit_code = 31


class DestinationRefused(DeliveryError):
    """Attributes:
    denied: what the place denies, such as "reading"; None when it refuses for another reason.
    """

    exit_code = 32
    denied: str | None = None


class DestinationFull(DeliveryError):
    exit_code = 33
    passes = True


class NotCovered(DeliveryError):
    exit_code = 34


class FilesVanished(DeliveryError):
    exit_code = 35


class PeriodsMissed(DeliveryError):
    exit_code = 36


class DeliveredFilesDiffer(DeliveryError):
    exit_code = 80
