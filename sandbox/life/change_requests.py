"""Teachers ask for a new name or date of birth on their record; staff approve, reject or cancel."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from sandbox.domain import events, tasks
from sandbox.domain.codes import Decision, Task
from sandbox.domain.tables import words
from sandbox.life import chance as luck
from sandbox.life import names, people, support
from sandbox.life.kinds import Kind, Subject
from sandbox.life.pool import Pool
from sandbox.life.scene import CalledOffError, Process, Row, Scene

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
    with scene.process(tasks.creating(task_type), user) as process:
        support.raise_task(scene, process, task_type, data, values)


def ask_for_name(scene: Scene, subject: Subject) -> None:
    """A teacher asks for another name."""
    person = scene.need_person(subject.id)
    asked = {
        "FirstName": person["first_name"],
        "MiddleName": person["middle_name"],
        "LastName": names.last_name(scene.chance),
    }
    _ask(scene, person, Task.CHANGE_NAME, asked)


def ask_for_date_of_birth(scene: Scene, subject: Subject) -> None:
    """A teacher says that their date of birth is wrong."""
    person = scene.need_person(subject.id)
    if person["date_of_birth"] is None:
        raise CalledOffError
    born = person["date_of_birth"] + timedelta(days=scene.chance.choice([-30, -9, -1, 1, 9, 31, 365]))
    _ask(scene, person, Task.CHANGE_DATE_OF_BIRTH, {"DateOfBirth": born.isoformat()})


def close(scene: Scene, subject: Subject) -> None:
    """Staff approve, reject or cancel a request."""
    task = support.need(scene, subject.key)
    person = scene.need_person(task["person_id"])
    task_type = task["support_task_type"]
    decision = luck.weighted(
        scene.chance, [(Decision.APPROVED, 0.75), (Decision.REJECTED, 0.17), (Decision.CANCELLED, 0.08)]
    )
    outcome = tasks.outcome(task_type, decision)
    rejection = scene.chance.choice(words("rejection")) if decision == Decision.REJECTED else None
    with scene.process(outcome.process_type, scene.staff()) as process:
        after = _approve(scene, process, person, task) if decision == Decision.APPROVED else person
        changes = {"data": {**task["data"], "ChangeRequestOutcome": decision}}
        event_id, closed = support.close_task(scene, process, task, outcome.code, changes, rejection=rejection)
        values: dict[str, Any] = {
            **support.both_sides(task, closed),
            "PersonId": person["person_id"],
            "RequestData": {key: value for key, value in closed["data"].items() if not key.startswith("$")},
        }
        if decision == Decision.APPROVED:
            values |= people.both_sides(person, after)
        elif decision == Decision.REJECTED:
            values["RejectionReason"] = rejection
        process.mirror(event_id, outcome.mirror or "", values)


def _approve(scene: Scene, process: Process, person: Row, task: Row) -> Row:
    data = task["data"]
    if task["support_task_type"] == Task.CHANGE_DATE_OF_BIRTH:
        born = events.text(person["date_of_birth"])
        if data["DateOfBirth"] == born:
            return person
        changes: dict[str, Any] = {"date_of_birth": date.fromisoformat(data["DateOfBirth"])}
    else:
        changes = {
            "first_name": data["FirstName"],
            "middle_name": data["MiddleName"] or "",
            "last_name": data["LastName"],
        }
        if all(person[column] == value for column, value in changes.items()):
            return person
        people.keep_name(scene, person)
    return people.set_details(scene, process, person, changes)[1]


KINDS = (
    Kind("name_change_asked", ask_for_name, 2, people.ANYONE, weekend=0.3, part="early"),
    Kind("date_of_birth_change_asked", ask_for_date_of_birth, 1, DATED, weekend=0.3, part="early"),
    Kind("name_change_closed", close, 2, support.waiting(Task.CHANGE_NAME), part="late"),
    Kind("date_of_birth_change_closed", close, 1, support.waiting(Task.CHANGE_DATE_OF_BIRTH), part="late"),
)
