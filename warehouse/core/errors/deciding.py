"""A person has to decide: about rights, structure, erasure, or what others hold."""

from __future__ import annotations

from warehouse.core.errors.base import WarehouseError


class RoleHasOtherRights(WarehouseError):
    exit_code = 29


class LoginHasMore(WarehouseError):
    exit_code = 45


class AlreadyRunning(WarehouseError):
    exit_code = 40
    passes = True


class NewColumnsHeld(WarehouseError):
    exit_code = 41


class DriftHeld(WarehouseError):
    exit_code = 42


class RuleChanged(WarehouseError):
    exit_code = 26


class ErasureRefused(WarehouseError):
    exit_code = 43


class PersonReturned(WarehouseError):
    exit_code = 72


class NotOurs(WarehouseError):
    exit_code = 44


class SecretFound(WarehouseError):
    exit_code = 25


class MigrationRefused(WarehouseError):
    exit_code = 63
