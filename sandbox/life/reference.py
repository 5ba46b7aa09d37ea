"""What daily work looks up but does not change: users, lookups, training providers. Read once per advance."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from random import Random
from typing import Any
from uuid import UUID

import psycopg
from psycopg.rows import dict_row, tuple_row

from sandbox.life.clock import WorldNotReadyError

QTLS = UUID("be6eaf8c-92dd-4eff-aad3-1c89c4bec18c")
WELSH = UUID("877ba701-fe26-4951-9f15-171f3755d50d")
APPLY = UUID("6f27bdeb-d00a-4ef9-b0ea-26498ce64713")
SCOTTISH = UUID("52835b1f-1f2e-4665-abc6-7fb1ef0a80bb")
NORTHERN_IRISH = UUID("3604ef30-8f11-4494-8b52-a2f9c5371e03")
PASSED_IN_WALES = UUID("39550fa9-3147-489d-b808-4feea7f7f979")

QTS, EYTS, EYPS, PQTS = 0, 1, 2, 3
MANDATORY, OPTIONAL, NOT_APPLICABLE = 1, 0, 2


@dataclass(frozen=True)
class Reference:
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


def load(connection: psycopg.Connection[Any]) -> Reference:
    """Read the lookups; refuse a world in which nobody could do the work."""

    def keys(query: str) -> tuple[UUID, ...]:
        with connection.cursor(row_factory=tuple_row) as cursor:
            return tuple(row[0] for row in cursor.execute(query.encode()))

    def rows(query: str) -> list[dict[str, Any]]:
        with connection.cursor(row_factory=dict_row) as cursor:
            return cursor.execute(query.encode()).fetchall()

    system = keys("SELECT user_id FROM users WHERE user_type = 3 ORDER BY user_id")
    staff = keys("SELECT user_id FROM users WHERE user_type = 1 AND active ORDER BY user_id")
    applications = keys("SELECT user_id FROM users WHERE user_type = 2 AND active ORDER BY user_id")
    if not (system and staff and applications):
        raise WorldNotReadyError("The world needs a system user, members of staff and application users in `users`.")
    types = {
        row["route_to_professional_status_type_id"]: row
        for row in rows(
            "SELECT * FROM route_to_professional_status_types ORDER BY route_to_professional_status_type_id"
        )
    }
    trained = [
        key for key, row in types.items() if row["is_active"] and row["training_start_date_required"] != NOT_APPLICABLE
    ]
    return Reference(
        system_user=system[0],
        staff=staff,
        applications=applications,
        application_names={
            row["user_id"]: row["name"] for row in rows("SELECT user_id, name FROM users WHERE user_type = 2")
        },
        route_types=types,
        training_routes=tuple(key for key in trained if types[key]["professional_status_type"] == QTS),
        early_years_routes=tuple(key for key in trained if types[key]["professional_status_type"] == EYTS),
        alert_types=keys("SELECT alert_type_id FROM alert_types WHERE is_active ORDER BY alert_type_id"),
        internal_alert_types=frozenset(keys("SELECT alert_type_id FROM alert_types WHERE internal_only")),
        exemption_reasons=keys(
            "SELECT induction_exemption_reason_id FROM induction_exemption_reasons "
            "WHERE is_active AND NOT route_only_exemption ORDER BY induction_exemption_reason_id"
        ),
        providers=keys(
            "SELECT training_provider_id FROM training_providers WHERE is_active ORDER BY training_provider_id"
        ),
        subjects=keys("SELECT training_subject_id FROM training_subjects WHERE is_active ORDER BY training_subject_id"),
        degrees=keys("SELECT degree_type_id FROM degree_types WHERE is_active ORDER BY degree_type_id"),
        mq_providers={
            row["mandatory_qualification_provider_id"]: row["name"]
            for row in rows(
                "SELECT mandatory_qualification_provider_id, name FROM mandatory_qualification_providers "
                "ORDER BY mandatory_qualification_provider_id"
            )
        },
        webhook_endpoints=tuple(
            rows("SELECT * FROM webhook_endpoints WHERE enabled AND deleted_on IS NULL ORDER BY webhook_endpoint_id")
        ),
        oidc_applications=keys("SELECT id FROM oidc_applications ORDER BY id"),
    )
