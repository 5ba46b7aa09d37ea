"""A small world made by hand, with something of everything that life touches."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg
from psycopg import sql
from psycopg.types.json import Jsonb

import sandbox.schema
from sandbox.life import chance as luck
from sandbox.life import lookup, names
from sandbox.life.standing import exempt_by_date, standing

PEOPLE = 500
SEED = 18
TODAY = date(2026, 10, 1)
_MADE = datetime(2026, 9, 1, 12, tzinfo=UTC)


def make_world(conninfo: str, people: int) -> None:
    """Create the schema and fill it."""
    with psycopg.connect(conninfo) as connection:
        sandbox.schema.create(connection)
        _Maker(connection, people).make()


class _Maker:
    def __init__(self, connection: psycopg.Connection[Any], people: int) -> None:
        self.connection = connection
        self.people = people
        self.chance = luck.source(SEED, "small world")

    def insert(self, table: str, **row: Any) -> None:
        statement = sql.SQL("INSERT INTO {} ({}) VALUES ({})").format(
            sql.Identifier(*table.split(".")),
            sql.SQL(", ").join(map(sql.Identifier, row)),
            sql.SQL(", ").join(sql.Placeholder() * len(row)),
        )
        self.connection.execute(statement, [Jsonb(v) if isinstance(v, dict) else v for v in row.values()])

    def uuid(self) -> UUID:
        return luck.uuid_from(self.chance)

    def make(self) -> None:
        self._users()
        self._establishments()
        self.lookup = lookup.load(self.connection)
        for number in range(self.people):
            self._person(number)
        self.insert("sandbox.world", seed=SEED, people=self.people, started_on=TODAY, today=TODAY)

    def _users(self) -> None:
        self.insert("users", user_id=self.uuid(), active=True, user_type=3, name="System")
        for number in range(4):
            self.insert(
                "users", user_id=self.uuid(), active=True, user_type=1, name=f"Staff {number}",
                email=f"staff{number}@example.org", azure_ad_user_id=f"ad-{number}", role="RecordManager",
            )  # fmt: skip
        for name in ("Capita TPS import", "Early career framework", "Register trainees", "Apply for QTS"):
            user = self.uuid()
            self.insert("users", user_id=user, active=True, user_type=2, name=name, short_name=name[:25])
            self.insert(
                "webhook_endpoints", webhook_endpoint_id=self.uuid(), application_user_id=user,
                address="https://example.org/hook", api_version="20260612", enabled=True,
                cloud_event_types=["alert.created", "person.deactivated", "trn_request.completed"],
                created_on=_MADE, updated_on=_MADE,
            )  # fmt: skip
        self.insert("oidc_applications", id=self.uuid(), client_id="access", application_type="web")
        for number in range(6):
            self.insert(
                "training_providers", training_provider_id=self.uuid(), ukprn=f"1000{number:04d}",
                name=f"Provider {number}", is_active=True,
            )  # fmt: skip

    def _establishments(self) -> None:
        self.schools = []
        for number in range(80):
            key = self.uuid()
            la_code, school_number = f"{301 + number % 9}", f"{2000 + number}"
            self.schools.append((key, la_code, school_number))
            self.insert(
                "establishments", establishment_id=key, establishment_source_id=1, urn=100_000 + number,
                la_code=la_code, la_name=f"Authority {la_code}", establishment_number=school_number,
                establishment_name=f"Hill {number} School", establishment_type_code="01",
                establishment_type_name="Community school", establishment_status_code=1,
                establishment_status_name="Open", number_of_pupils=300, postcode="LS1 1CM",
            )  # fmt: skip

    def _person(self, number: int) -> None:
        chance = self.chance
        details = names.person(chance, TODAY, 24, 60)
        person: dict[str, Any] = {
            "person_id": self.uuid(), "created_on": _MADE, "updated_on": _MADE, "status": 0, **details,
            "induction_status": 0, "induction_status_without_exemption": 0, "induction_exemption_reason_ids": [],
            "induction_exempt_without_reason": False, "induction_start_date": None, "induction_completed_date": None,
            "qtls_status": 0, "has_eyps": False, "allow_details_updates_from_source_application": False,
            "dqt_allow_teacher_identity_sign_in_with_prohibitions": False,
        }  # fmt: skip
        routes = self._routes(person, number)
        person |= standing(person, routes, self.lookup.route_types)
        if person["induction_status"] == 1 and number % 2:
            start = person["qts_date"] + timedelta(days=20)
            after = {"induction_status_without_exemption": 3 if number % 4 == 1 else 4, "induction_start_date": start}
            if after["induction_status_without_exemption"] == 4:
                after["induction_completed_date"] = start + timedelta(days=10)
            person |= after
        elif person["induction_status"] == 1 and number % 5 == 0:
            person["induction_exemption_reason_ids"] = [self.lookup.exemption_reasons[0]]
        person |= standing(person, routes, self.lookup.route_types)
        if number % 40 == 39:
            person["status"] = 1
        self.insert("persons", **person)
        for route in routes:
            self.insert("qualifications", **route)
        self._around(person["person_id"], number)

    def _routes(self, person: dict[str, Any], number: int) -> list[dict[str, Any]]:
        if number % 4 == 0:
            return []
        status = 0 if number % 4 == 1 and number % 8 == 1 else 2 if number % 16 == 5 else 1
        trained_by = self.lookup.training_routes
        type_id = lookup.QTLS if number % 24 == 2 else trained_by[number % len(trained_by)]
        holds_from = TODAY - timedelta(days=60 + self.chance.randint(0, 2500)) if status == 1 else None
        start = TODAY - timedelta(days=300) if holds_from is None else holds_from - timedelta(days=300)
        trained = type_id != lookup.QTLS
        if number % 48 == 14:
            type_id, trained = lookup.SCOTTISH, False
        exempts = type_id in {lookup.QTLS, lookup.SCOTTISH}
        return [{
            "qualification_id": self.uuid(), "created_on": _MADE, "updated_on": _MADE, "deleted_on": None,
            "qualification_type": 1, "person_id": person["person_id"],
            "route_to_professional_status_type_id": type_id, "status": status, "holds_from": holds_from,
            "training_start_date": start if trained else None,
            "training_end_date": start + timedelta(days=290) if trained else None,
            "training_provider_id": self.lookup.providers[0] if trained else None,
            "degree_type_id": self.lookup.degrees[0] if trained else None,
            "training_country_id": "GB-SCT" if type_id == lookup.SCOTTISH else None,
            "training_subject_ids": [self.lookup.subjects[0]] if trained else [],
            "exempt_from_induction": True if exempts and status == 1 else None,
            "exempt_from_induction_due_to_qts_date": exempt_by_date(0, status, holds_from),
        }]  # fmt: skip

    def _around(self, person_id: UUID, number: int) -> None:
        chance = self.chance
        if number % 20 == 3:
            self.insert(
                "alerts", alert_id=self.uuid(), alert_type_id=self.lookup.alert_types[0], person_id=person_id,
                start_date=TODAY - timedelta(days=400), created_on=_MADE, updated_on=_MADE,
            )  # fmt: skip
        if number % 25 == 6:
            self.insert(
                "qualifications", qualification_id=self.uuid(), created_on=_MADE, updated_on=_MADE,
                qualification_type=0, person_id=person_id, mq_specialism=2, mq_status=0,
                mq_provider_id=next(iter(self.lookup.mq_providers)), start_date=TODAY - timedelta(days=500),
            )  # fmt: skip
        if number % 3 == 1:
            self.insert(
                "one_login_users", subject=f"urn:fdc:gov.uk:2022:{chance.getrandbits(256):064x}",
                email_address=f"one{number}@example.org", person_id=person_id if number % 9 != 1 else None,
            )  # fmt: skip
        if number % 3 == 2:
            key, la_code, school = chance.choice(self.schools)
            trn = self.connection.execute("SELECT trn FROM persons WHERE person_id = %s", (person_id,)).fetchone()
            assert trn is not None
            start = TODAY - timedelta(days=chance.randint(100, 3000))
            last = date(2026, 9, 25) if number % 30 != 2 else date(2026, 4, 25)
            self.insert(
                "tps_employments", tps_employment_id=self.uuid(), person_id=person_id, establishment_id=key,
                start_date=start, last_known_tps_employed_date=last, last_extract_date=last, employment_type=0,
                created_on=_MADE, updated_on=_MADE, key=f"{trn[0]}.{la_code}.{school}.{start:%Y%m%d}",
                end_date=last if number % 21 == 5 else None, withdrawal_confirmed=number % 21 == 5,
            )  # fmt: skip
