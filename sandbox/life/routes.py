"""Writing routes to professional status: the route, what follows for its person, and the event that tells of both."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from psycopg import sql

from sandbox.life.payloads import flags, models
from sandbox.life.reference import MANDATORY, NOT_APPLICABLE
from sandbox.life.scene import Row, Scene
from sandbox.life.standing import HOLDS, exempt_by_date, standing

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


def find(scene: Scene, key: str) -> tuple[Row, Row] | None:
    """A route that is not deleted, with its active person."""
    route = scene.one(_ROUTE, (key,))
    if route is None:
        return None
    person = scene.person(route["person_id"])
    return None if person is None else (person, route)


def fitting(scene: Scene, type_id: UUID, values: Mapping[str, Any]) -> Row:
    """Of these columns, those that the route type asks for or, more often than not, allows; the others are null."""
    rules = scene.lookup.route_types[type_id]
    row = dict(values)
    for rule, columns in _REQUIREMENTS.items():
        left_out = rules[rule] == NOT_APPLICABLE or (rules[rule] != MANDATORY and scene.chance.random() < 0.25)
        if left_out:
            row.update(dict.fromkeys(columns))
    return row


def add(
    scene: Scene, person: Row, type_id: UUID, values: Mapping[str, Any], user: UUID, reason: str | None = None
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
        **values,
    }
    route["training_subject_ids"] = route["training_subject_ids"] or []
    _set_exemption_by_date(scene, route)
    others = scene.all(_ROUTES, (person["person_id"],))
    scene.insert("qualifications", route)
    values_of_event = _follow(scene, person, [*others, route], None, route)
    _tell(scene, "RouteToProfessionalStatusCreatedEvent", route, user, {**values_of_event, "ChangeReason": reason})


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
    values = _follow(scene, person, _with(scene, changed), route, changed)
    values |= {"OldRouteToProfessionalStatus": models.route(route), "ChangeReason": reason}
    _tell(scene, "RouteToProfessionalStatusUpdatedEvent", changed, user, values)
    return True


def remove(scene: Scene, person: Row, route: Row, user: UUID, reason: str | None = None) -> None:
    """Delete a route softly: its row stays, what it gave goes."""
    gone = {**route, "deleted_on": scene.when, "updated_on": scene.when}
    key = {"qualification_id": route["qualification_id"]}
    scene.update("qualifications", key, {"deleted_on": scene.when, "updated_on": scene.when})
    values = _follow(scene, person, _with(scene, gone), None, gone)
    _tell(scene, "RouteToProfessionalStatusDeletedEvent", gone, user, {**values, "DeletionReason": reason})


def of(scene: Scene, person_id: UUID) -> list[Row]:
    """All routes of a person, deleted ones too."""
    return scene.all(_ROUTES, (person_id,))


def _with(scene: Scene, changed: Row) -> list[Row]:
    key = changed["qualification_id"]
    return [changed if row["qualification_id"] == key else row for row in of(scene, changed["person_id"])]


def _set_exemption_by_date(scene: Scene, route: Row) -> None:
    rules = scene.lookup.route_types[route["route_to_professional_status_type_id"]]
    if route["status"] != HOLDS:
        route["holds_from"] = None
    by_date = exempt_by_date(rules["professional_status_type"], route["status"], route["holds_from"])
    route["exempt_from_induction_due_to_qts_date"] = by_date


def _follow(scene: Scene, person: Row, routes: list[Row], old: Row | None, new: Row) -> Row:
    """Bring the person into line with their routes; give back what the event says about it."""
    after = {**person, **standing(person, routes, scene.lookup.route_types)}
    changes = {column: value for column, value in after.items() if value != person[column]}
    if changes:
        changes["updated_on"] = scene.when
        if any(column.startswith("induction") for column in changes):
            changes["induction_modified_on"] = scene.when
        scene.update("persons", {"person_id": person["person_id"]}, changes)
    old_status, status = models.status_attributes(person), models.status_attributes(after)
    old_induction, induction = models.induction(person), models.induction(after)
    mask = flags.changed(old_status, status, flags.ROUTE_PERSON)
    mask |= flags.changed(old_induction, induction, flags.ROUTE_INDUCTION)
    if old is not None:
        mask |= flags.changed(models.route(old), models.route(new), flags.ROUTE)
    person.update(changes)
    return {
        "PersonAttributes": status,
        "OldPersonAttributes": old_status,
        "Induction": induction,
        "OldInduction": old_induction,
        "Changes": mask,
    }


def _tell(scene: Scene, name: str, route: Row, user: UUID, values: Mapping[str, Any]) -> None:
    body = {"PersonId": route["person_id"], "RouteToProfessionalStatus": models.route(route), **values}
    scene.legacy(name, user, body, people=[route["person_id"]], qualification_id=route["qualification_id"])
