"""What daily work looks up but does not change: users, lookups, training providers. Read once per advance."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from random import Random
from typing import Any
from uuid import UUID

import psycopg
from psycopg.rows import dict_row

from sandbox.domain import routes
from sandbox.domain.codes import Award, Field, UserType
from sandbox.life.clock import WorldNotReadyError

QTLS, WELSH, APPLY, SCOTTISH, NORTHERN_IRISH = (
    UUID(routes.identifier(name))
    for name in (routes.QTLS, routes.WELSH, routes.APPLY, routes.SCOTTISH, routes.NORTHERN_IRISH)
)

_USERS = (UserType.SYSTEM, UserType.PERSON, UserType.APPLICATION)
# The columns of keys that are not named after their table.
_KEYS = {"oidc_applications": "id"}


@dataclass(frozen=True)
class Lookup:
    """Lookups of the operational database, each in a fixed order so that choices repeat."""

    system_user: UUID
    staff: tuple[UUID, ...]
    applications: tuple[UUID, ...]
    application_names: Mapping[UUID, str]
    route_types: Mapping[UUID, Mapping[str, Any]]
    training_routes: tuple[UUID, ...]
    early_years_routes: tuple[UUID, ...]
    alert_types: tuple[UUID, ...]
    internal_alert_types: frozenset[UUID]
    exemption_reasons: tuple[UUID, ...]
    providers: tuple[UUID, ...]
    subjects: tuple[UUID, ...]
    degrees: tuple[UUID, ...]
    mq_providers: Mapping[UUID, str]
    webhook_endpoints: tuple[Mapping[str, Any], ...]
    oidc_applications: tuple[UUID, ...]

    def application(self, word: str, chance: Random) -> UUID:
        """An application user whose name has this word; any of them in a world that has none of that kind."""
        named = [user for user in self.applications if word in self.application_names[user].lower()]
        return chance.choice(named or self.applications)

    @property
    def pensions_user(self) -> UUID:
        """The application user of the Teachers' Pensions import."""
        return self._only("pension", "capita")

    @property
    def early_career_user(self) -> UUID:
        """The application user of the early-career service, which manages induction."""
        return self._only("early career", "cpd")

    def _only(self, *words: str) -> UUID:
        found = (user for user in self.applications for word in words if word in self.application_names[user].lower())
        return next(found, self.applications[0])


def load(connection: psycopg.Connection[Any]) -> Lookup:
    """Read the lookups; refuse a world in which nobody could do the work."""

    def rows(table: str, fits: str = "true") -> list[dict[str, Any]]:
        order = f"{table.removesuffix('s')}_id" if table not in _KEYS else _KEYS[table]
        query = f"SELECT *, {order} AS key FROM {table} WHERE {fits} ORDER BY {order}"  # noqa: S608 - of this module
        with connection.cursor(row_factory=dict_row) as cursor:
            return cursor.execute(query.encode()).fetchall()

    def keys(table: str, fits: str = "is_active") -> tuple[UUID, ...]:
        return tuple(row["key"] for row in rows(table, fits))

    users = {kind: rows("users", f"user_type = {kind}") for kind in _USERS}
    system, staff, applications = ([row["key"] for row in users[kind] if row["active"]] for kind in _USERS)
    if not (system and staff and applications):
        raise WorldNotReadyError("The world needs a system user, members of staff and application users in `users`.")
    types = {row["key"]: row for row in rows("route_to_professional_status_types")}
    absent = Field.NOT_APPLICABLE
    trained = [key for key, row in types.items() if row["is_active"] and row["training_start_date_required"] != absent]
    return Lookup(
        system_user=system[0],
        staff=tuple(staff),
        applications=tuple(applications),
        application_names={row["key"]: row["name"] for row in users[UserType.APPLICATION]},
        route_types=types,
        training_routes=tuple(key for key in trained if types[key]["professional_status_type"] == Award.QTS),
        early_years_routes=tuple(key for key in trained if types[key]["professional_status_type"] == Award.EYTS),
        alert_types=keys("alert_types"),
        internal_alert_types=frozenset(keys("alert_types", "internal_only")),
        exemption_reasons=keys("induction_exemption_reasons", "is_active AND NOT route_only_exemption"),
        providers=keys("training_providers"),
        subjects=keys("training_subjects"),
        degrees=keys("degree_types"),
        mq_providers={row["key"]: row["name"] for row in rows("mandatory_qualification_providers")},
        webhook_endpoints=tuple(rows("webhook_endpoints", "enabled AND deleted_on IS NULL")),
        oidc_applications=keys("oidc_applications", "true"),
    )
