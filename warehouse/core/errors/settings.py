"""A setting, a file that a person edits, this machine or a connection is wrong."""

from __future__ import annotations

from warehouse.core.errors.base import WarehouseError


class SettingsError(WarehouseError):
    exit_code = 10


class ClassificationError(SettingsError):
    exit_code = 11


class ClassTooLow(ClassificationError):
    exit_code = 28


class ContractError(SettingsError):
    exit_code = 12


class TermsError(SettingsError):
    exit_code = 23


class ContractBehind(ContractError):
    exit_code = 37


class SandboxOnly(SettingsError):
    exit_code = 48


class SecretsExposed(SettingsError):
    exit_code = 71


class NotAgreed(ContractError):
    exit_code = 94


class ContractChanged(ContractError):
    exit_code = 27


class SameDatabase(SettingsError):
    exit_code = 19


class PooledConnection(SettingsError):
    exit_code = 39


class UnsafeConnection(SettingsError):
    exit_code = 46


class SetupError(WarehouseError):
    exit_code = 13


class LedgerOfAnotherVersion(SetupError):
    exit_code = 24


class KindNotInstalled(SetupError):
    exit_code = 96


class DatabaseUnreachable(WarehouseError):
    exit_code = 14
    passes = True


class KeyUnusable(WarehouseError):
    exit_code = 73
