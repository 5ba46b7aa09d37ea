"""Teachers ask for a new name or date of birth on their record; staff approve, reject or cancel."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from sandbox.life import chance as luck
from sandbox.life import names, people, support
from sandbox.life.kinds import Kind, Subject
from sandbox.life.payloads import flags, models
from sandbox.life.pool import Pool
from sandbox.life.scene import Process, Row, Scene

APPROVED, REJECTED, CANCELLED = 1, 2, 3

# Process types by kind of task: created, then approved, rejected, cancelled.
_CREATING = {support.CHANGE_NAME: 13, support.CHANGE_DATE_OF_BIRTH: 12}
_CLOSING = {support.CHANGE_NAME: {1: 30, 2: 57, 3: 59}, support.CHANGE_DATE_OF_BIRTH: {1: 31, 2: 58, 3: 60}}
_OUTCOME = {support.CHANGE_NAME: {1: 1, 2: 2, 3: 3}, support.CHANGE_DATE_OF_BIRTH: {1: 4, 2: 5, 3: 6}}
_EVENT = {support.CHANGE_NAME: "ChangeNameRequest", support.CHANGE_DATE_OF_BIRTH: "ChangeDateOfBirthRequest"}
_VERB = {APPROVED: "Approved", REJECTED: "Rejected", CANCELLED: "Cancelled"}
_REJECTION = (
    "Request and proof don’t match",
    "Wrong type of document",
    "Image quality",
    "Change no longer required",
)
DATED = Pool("persons", "person_id", "t.status = 0 AND t.date_of_birth IS NOT NULL")


def _ask(scene: Scene, person: Row, task_type: int, asked: dict[str, Any]) -> None:
    user = scene.lookup.application("access", scene.chance)
    data = {
        **asked,
        "EvidenceFileId": str(scene.uuid()),
        "EvidenceFileName": scene.chance.choice(["deed.pdf", "certificate.jpg", "passport.png"]),
        "EmailAddress": person["email_address"],
        "ChangeRequestOutcome": None,
    }
    values = {
        "person_id": person["person_id"],
        "subject_email_address": person["email_address"],
        "subject_name": " ".join(filter(None, (person["first_name"], person["middle_name"], person["last_name"]))),
        "source_application_user_id": user,
    }
    with scene.process(_CREATING[task_type], user) as process:
        support.raise_task(scene, process, task_type, data, values)


def ask_for_name(scene: Scene, subject: Subject) -> bool:
    """A teacher asks for another name."""
    person = scene.person(subject.id)
    if person is None:
        return False
    asked = {
        "FirstName": person["first_name"],
        "MiddleName": person["middle_name"],
        "LastName": names.last_name(scene.chance),
    }
    _ask(scene, person, support.CHANGE_NAME, asked)
    return True


def ask_for_date_of_birth(scene: Scene, subject: Subject) -> bool:
    """A teacher says that their date of birth is wrong."""
    person = scene.person(subject.id)
    if person is None or person["date_of_birth"] is None:
        return False
    born = person["date_of_birth"] + timedelta(days=scene.chance.choice([-30, -9, -1, 1, 9, 31, 365]))
    _ask(scene, person, support.CHANGE_DATE_OF_BIRTH, {"DateOfBirth": born.isoformat()})
    return True


def close(scene: Scene, subject: Subject) -> bool:
    """Staff approve, reject or cancel a request."""
    task = support.find(scene, subject.key)
    person = None if task is None else scene.person(task["person_id"])
    if task is None or person is None:
        return False
    task_type = task["support_task_type"]
    decision = luck.weighted(scene.chance, [(APPROVED, 0.75), (REJECTED, 0.17), (CANCELLED, 0.08)])
    rejection = scene.chance.choice(_REJECTION) if decision == REJECTED else None
    with scene.process(_CLOSING[task_type][decision], scene.staff()) as process:
        mask, after = _approve(scene, process, person, task) if decision == APPROVED else (0, person)
        changes = {"data": {**task["data"], "ChangeRequestOutcome": decision}}
        outcome = _OUTCOME[task_type][decision]
        event_id, closed = support.close_task(scene, process, task, outcome, changes, rejection=rejection)
        values: dict[str, Any] = {
            **support.both_sides(task, closed),
            "PersonId": person["person_id"],
            "RequestData": {key: value for key, value in closed["data"].items() if not key.startswith("$")},
        }
        if decision == APPROVED:
            values["PersonAttributes"] = models.person_details(after)
            values["OldPersonAttributes"] = models.person_details(person)
            values["Changes"] = flags.legacy_person(mask)
        elif decision == REJECTED:
            values["RejectionReason"] = rejection
        name = f"{_EVENT[task_type]}SupportTask{_VERB[decision]}Event"
        process.mirror(event_id, name, values, [person["person_id"]])
    return True


def _approve(scene: Scene, process: Process, person: Row, task: Row) -> tuple[int, Row]:
    data = task["data"]
    if task["support_task_type"] == support.CHANGE_DATE_OF_BIRTH:
        born = models.text(person["date_of_birth"])
        if data["DateOfBirth"] == born:
            return 0, person
        changes: dict[str, Any] = {"date_of_birth": date.fromisoformat(data["DateOfBirth"])}
    else:
        changes = {
            "first_name": data["FirstName"],
            "middle_name": data["MiddleName"] or "",
            "last_name": data["LastName"],
        }
        if all(person[column] == value for column, value in changes.items()):
            return 0, person
        people.keep_name(scene, person)
    _, mask, after = people.set_details(scene, process, person, changes)
    return mask, after


KINDS = (
    Kind("name_change_asked", ask_for_name, 2, people.ANYONE, weekend=0.3, part="early"),
    Kind("date_of_birth_change_asked", ask_for_date_of_birth, 1, DATED, weekend=0.3, part="early"),
    Kind("name_change_closed", close, 2, support.waiting(support.CHANGE_NAME), part="late"),
    Kind("date_of_birth_change_closed", close, 1, support.waiting(support.CHANGE_DATE_OF_BIRTH), part="late"),
)
