"""The names of the roles."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from warehouse.core.settings import Settings


class Role(StrEnum):
    """A role that people's and programs' own logins are given. None of them can log in itself."""

    analyst = "analyst"
    analyst_personal = "analyst_personal"
    analyst_sensitive = "analyst_sensitive"
    deliverer = "deliverer"
    builder = "builder"
    engineer = "engineer"


READERS: Final = (Role.analyst, Role.analyst_personal, Role.analyst_sensitive)
"""Those that only read, the one that sees least first: each sees what the one before it sees, and more."""


def role_name(settings: Settings, role: Role) -> str:
    """What the role is called on this server: its name after WAREHOUSE_ROLE_PREFIX."""
    return f"{settings.warehouse_role_prefix}{role}"
