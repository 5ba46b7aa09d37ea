"""Writing routes to professional status: the route, what follows for its person, and the event that records both."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from psycopg import sql

from sandbox.domain import events
from sandbox.domain.codes import Field, RouteStatus
from sandbox.life.scene import Row, Scene
from sandbox.life.standing import exempt_by_date, standing

_ROUTES = sql.SQL(
    "SELECT * FROM qualifications WHERE person_id = %s AND qualification_type = 1 ORDER BY qualification_id"
)
_ROUTE = sql.SQL("SELECT * FROM qualifications WHERE qualification_id = %s AND deleted_on IS NULL")

# Requirement of the route type -> the columns that it rules.
_REQUIREMENTS = {
    "training_start_date_required": ("training_start_date",),
    "training_end_date_required": ("training_end_date",),
    "training_provider_required": ("training_provider_id",),
    "degree_type_required": ("degree_type_id",),
    "training_country_required": ("training_country_id",),
    "training_age_specialism_type_required": (
        "training_age_specialism_type",
        "training_age_specialism_range_from",
        "training_age_specialism_range_to",
    ),
    "training_subjects_required": ("training_subject_ids",),
}


def need(scene: Scene, key: str) -> tuple[Row, Row]:
    """The active person of a route that is not deleted, and the route."""
    route = scene.need(_ROUTE, (key,))
    return scene.need_person(route["person_id"]), route


def fitting(scene: Scene, type_id: UUID, values: Mapping[str, Any]) -> Row:
    """Of these columns, those that the route type asks for or, more often than not, allows; the others are null."""
    rules = scene.lookup.route_types[type_id]
    row = dict(values)
    for rule, columns in _REQUIREMENTS.items():
        needed = rules[rule]
        if needed == Field.NOT_APPLICABLE or (needed == Field.OPTIONAL and scene.chance.random() < 0.25):
            row.update(dict.fromkeys(columns))
    return row


def add(
    scene: Scene, person: Row, type_id: UUID, fields: Mapping[str, Any], user: UUID, reason: str | None = None
) -> None:
    """Give a person a route."""
    route = {
        "qualification_id": scene.uuid(),
        "created_on": scene.when,
        "updated_on": scene.when,
        "deleted_on": None,
        "qualification_type": 1,
        "person_id": person["person_id"],
        "route_to_professional_status_type_id": type_id,
        "source_application_user_id": None,
        "source_application_reference": None,
        "holds_from": None,
        "training_start_date": None,
        "training_end_date": None,
        "training_subject_ids": None,
        "training_age_specialism_type": None,
        "training_age_specialism_range_from": None,
        "training_age_specialism_range_to": None,
        "training_country_id": None,
        "training_provider_id": None,
        "degree_type_id": None,
        "exempt_from_induction": None,
        **fields,
    }
    route["training_subject_ids"] = route["training_subject_ids"] or []
    _set_exemption_by_date(scene, route)
    others = scene.all(_ROUTES, (person["person_id"],))
    scene.insert("qualifications", route)
    values = {**_follow(scene, person, [*others, route]), "ChangeReason": reason}
    _record(scene, "Created", route, user, values)


def change(
    scene: Scene, person: Row, route: Row, changes: Mapping[str, Any], user: UUID, reason: str | None = None
) -> bool:
    """Change a route; nothing is written when nothing differs."""
    changed = {**route, **changes}
    _set_exemption_by_date(scene, changed)
    columns = {column: value for column, value in changed.items() if value != route[column]}
    if not columns:
        return False
    changed["updated_on"] = scene.when
    scene.update(
        "qualifications", {"qualification_id": route["qualification_id"]}, {**columns, "updated_on": scene.when}
    )
    old = events.state("RouteToProfessionalStatus", route)
    values = {**_follow(scene, person, _with(scene, changed)), "ChangeReason": reason}
    _record(scene, "Updated", changed, user, {**values, "OldRouteToProfessionalStatus": old})
    return True


def remove(scene: Scene, person: Row, route: Row, user: UUID, reason: str | None = None) -> None:
    """Delete a route softly: its row stays, what it gave goes."""
    gone = {**route, "deleted_on": scene.when, "updated_on": scene.when}
    scene.delete_softly("qualifications", {"qualification_id": route["qualification_id"]})
    values = {**_follow(scene, person, _with(scene, gone)), "DeletionReason": reason}
    _record(scene, "Deleted", gone, user, values)


def of(scene: Scene, person_id: UUID) -> list[Row]:
    """All routes of a person, deleted ones too."""
    return scene.all(_ROUTES, (person_id,))


def _with(scene: Scene, changed: Row) -> list[Row]:
    key = changed["qualification_id"]
    return [changed if row["qualification_id"] == key else row for row in of(scene, changed["person_id"])]


def _set_exemption_by_date(scene: Scene, route: Row) -> None:
    rules = scene.lookup.route_types[route["route_to_professional_status_type_id"]]
    if route["status"] != RouteStatus.HOLDS:
        route["holds_from"] = None
    by_date = exempt_by_date(rules["professional_status_type"], route["status"], route["holds_from"])
    route["exempt_from_induction_due_to_qts_date"] = by_date


def _follow(scene: Scene, person: Row, routes: list[Row]) -> Row:
    """Bring the person into line with their routes; return what the event says about it."""
    after = {**person, **standing(person, routes, scene.lookup.route_types)}
    changes = {column: value for column, value in after.items() if value != person[column]}
    if changes:
        changes["updated_on"] = scene.when
        if any(column.startswith("induction") for column in changes):
            changes["induction_modified_on"] = scene.when
        scene.update("persons", {"person_id": person["person_id"]}, changes)
    before = dict(person)
    person.update(changes)
    return {
        "PersonAttributes": events.state("ProfessionalStatusPersonAttributes", after),
        "OldPersonAttributes": events.state("ProfessionalStatusPersonAttributes", before),
        "Induction": events.state("Induction", after),
        "OldInduction": events.state("Induction", before),
    }


def _record(scene: Scene, what: str, route: Row, user: UUID, values: Mapping[str, Any]) -> None:
    state = events.state("RouteToProfessionalStatus", route)
    body = {"PersonId": route["person_id"], "RouteToProfessionalStatus": state, **values}
    scene.legacy(f"RouteToProfessionalStatus{what}Event", user, body, qualification_id=route["qualification_id"])
