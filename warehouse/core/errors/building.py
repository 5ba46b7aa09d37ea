"""A build failed, or what is published was altered."""

from __future__ import annotations

from warehouse.core.errors.base import WarehouseError


class BuildFailed(WarehouseError):
    """Attributes:
    failed: the names of the models and tests that failed.
    """

    exit_code = 20
    failed: tuple[str, ...] = ()


class ObjectInTheWay(BuildFailed):
    exit_code = 21


class BeforeHistory(BuildFailed):
    exit_code = 74


class VintageRefused(BuildFailed):
    exit_code = 75


class BuildAltered(BuildFailed):
    exit_code = 22
