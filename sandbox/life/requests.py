"""Requests for a TRN: most make a person at once, some may be a duplicate and wait for staff."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from psycopg import sql

from sandbox.domain import events, tasks
from sandbox.domain.codes import Outcome, Request, Task
from sandbox.domain.numbers import SIGN_IN_LINK, normal_nino
from sandbox.life import names, people, support, webhooks
from sandbox.life.kinds import REQUESTS, Kind, Subject
from sandbox.life.pool import Pool
from sandbox.life.scene import CalledOffError, Process, Row, Scene

_REQUEST = sql.SQL(
    """
    SELECT * FROM trn_request_metadata
    WHERE application_user_id = %s AND request_id = %s AND status = 0
    FOR UPDATE
    """
)
_ALIKE = sql.SQL(
    """
    SELECT person_id FROM persons
    WHERE last_names::text[] @> ARRAY[%s] AND date_of_birth = %s AND status = 0
    ORDER BY person_id LIMIT 3
    """
)
# Someone of whom the record says more than a request can: staff look before the request is answered.
QUALIFIED = Pool("persons", "person_id", "t.status = 0 AND t.qts_date IS NOT NULL AND t.date_of_birth IS NOT NULL")
KNOWN = Pool("persons", "person_id", "t.status = 0 AND t.date_of_birth IS NOT NULL")


def request(scene: Scene, details: Mapping[str, Any], user: UUID, **values: Any) -> Row:
    """Write down a request: what the asker says about the person."""
    chance = scene.chance
    row: Row = {
        "application_user_id": user,
        "request_id": str(scene.uuid()),
        "created_on": scene.when,
        "identity_verified": chance.random() < 0.5,
        "email_address": details["email_address"],
        "one_login_user_subject": None,
        "first_name": details["first_name"],
        "middle_name": details["middle_name"] or None,
        "last_name": details["last_name"],
        "previous_first_name": None,
        "previous_middle_name": None,
        "previous_last_name": names.last_name(chance) if chance.random() < 0.05 else None,
        "name": [details[part] for part in ("first_name", "middle_name", "last_name") if details[part]],
        "date_of_birth": details["date_of_birth"],
        "potential_duplicate": False,
        "national_insurance_number": details["national_insurance_number"],
        "gender": details["gender"],
        "trn_token": f"{chance.getrandbits(256):064x}" if chance.random() < 0.2 else None,
        "resolved_person_id": None,
        "status": Request.PENDING,
        **names.address(chance),
        **values,
    }
    scene.insert("trn_request_metadata", row)
    return row


def record_request(process: Process, row: Row, matches: list[UUID]) -> None:
    """Record that a request came in."""
    found = [{"PersonId": str(match)} for match in matches]
    values = {"TrnRequest": events.state("TrnRequestMetadata", row, Matches=found)}
    subjects = [row["one_login_user_subject"]] if row["one_login_user_subject"] else []
    process.event("TrnRequestCreatedEvent", values, people=[], subjects=subjects)


def resolve(scene: Scene, process: Process, row: Row, person: Row, *, reason: str | None = None) -> Row:
    """Answer a request with a person."""
    after = {**row, "resolved_person_id": person["person_id"], "status": Request.COMPLETED}
    key = {"application_user_id": row["application_user_id"], "request_id": row["request_id"]}
    scene.update("trn_request_metadata", key, {"resolved_person_id": person["person_id"], "status": Request.COMPLETED})
    values = {
        "SourceApplicationUserId": row["application_user_id"],
        "RequestId": row["request_id"],
        "TrnRequest": events.state("TrnRequestMetadata", after),
        "OldTrnRequest": events.state("TrnRequestMetadata", row),
        "ReasonDetails": reason,
    }
    process.event("TrnRequestUpdatedEvent", values, people=[person["person_id"]])
    webhooks.notify(
        scene,
        "trn_request.completed",
        {
            "requestId": row["request_id"],
            "trn": person["trn"],
            "status": "Completed",
            "potentialDuplicate": row["potential_duplicate"],
            "trnRequest": {"accessYourTeachingQualificationsLink": SIGN_IN_LINK + person["trn"]},
        },
    )
    return after


def person_of(scene: Scene, row: Row) -> Row:
    """A new person as a request describes them."""
    person = people.blank(
        scene.uuid(),
        scene.when,
        {
            "first_name": row["first_name"] or "",
            "middle_name": row["middle_name"] or "",
            "last_name": row["last_name"] or "",
            "date_of_birth": row["date_of_birth"],
            "email_address": row["email_address"],
            "national_insurance_number": normal_nino(row["national_insurance_number"]),
            "gender": row["gender"],
        },
    )
    person["source_application_user_id"] = row["application_user_id"]
    person["source_trn_request_id"] = row["request_id"]
    person["allow_details_updates_from_source_application"] = scene.chance.random() < 0.3
    return person


def new_person(scene: Scene, _: Subject) -> None:
    """An application asks for a TRN for someone nobody knows, and gets it."""
    user = scene.chance.choice(scene.lookup.applications)
    row = request(scene, names.person(scene.chance, scene.day), user)
    with scene.process("TrnRequestCreatedEvent", user) as process:
        record_request(process, row, [])
        person = people.create(scene, process, person_of(scene, row), row)
        resolve(scene, process, row, person)


def _as_asked(scene: Scene, person: Row) -> Row:
    """A person as an asker describes them: nearly, but not quite, as on their record."""
    asked = {**names.person(scene.chance, scene.day), **{column: person[column] for column in _ASKED}}
    if scene.chance.random() < 0.5:
        asked["middle_name"] = names.first_name(scene.chance)
    asked["gender"] = person["gender"]
    return asked


_ASKED = ("first_name", "middle_name", "last_name", "date_of_birth")


def possible_duplicate(scene: Scene, subject: Subject) -> None:
    """An application asks for a TRN for someone who may have one: a task for staff."""
    known = scene.need_person(subject.id)
    if known["date_of_birth"] is None:
        raise CalledOffError
    user = scene.chance.choice(scene.lookup.applications)
    row = request(scene, _as_asked(scene, known), user, potential_duplicate=True)
    with scene.process("TrnRequestCreatedEvent", user) as process:
        record_request(process, row, [known["person_id"]])
        _raise_for(scene, process, Task.TRN_REQUEST, row, None)


def needs_checks(scene: Scene, subject: Subject) -> None:
    """An application asks for a TRN for someone who surely has one, with QTS: staff check before they answer."""
    known = scene.need_person(subject.id)
    if known["date_of_birth"] is None:
        raise CalledOffError
    user = scene.chance.choice(scene.lookup.applications)
    asked = {**known, "national_insurance_number": known["national_insurance_number"]}
    row = request(scene, asked, user, potential_duplicate=True)
    with scene.process("TrnRequestCreatedEvent", user) as process:
        record_request(process, row, [known["person_id"]])
        resolved = {**row, "resolved_person_id": known["person_id"]}
        key = {"application_user_id": user, "request_id": row["request_id"]}
        scene.update("trn_request_metadata", key, {"resolved_person_id": known["person_id"]})
        _raise_for(scene, process, Task.MANUAL_CHECKS, resolved, known["person_id"])


def _raise_for(scene: Scene, process: Process, task_type: int, row: Row, person_id: UUID | None) -> None:
    values = {
        "person_id": person_id,
        "trn_request_application_user_id": row["application_user_id"],
        "trn_request_id": row["request_id"],
        "subject_email_address": row["email_address"],
        "subject_name": " ".join(row["name"]),
        "source_application_user_id": row["application_user_id"],
    }
    support.raise_task(scene, process, task_type, {}, values)


def of_task(scene: Scene, task: Row) -> Row:
    """The request that a task is about, which waits for an answer."""
    return scene.need(_REQUEST, (task["trn_request_application_user_id"], task["trn_request_id"]))


def resolve_task(scene: Scene, subject: Subject) -> None:
    """Staff decide whether a request is for someone known or for somebody new."""
    task = support.need(scene, subject.key)
    row = of_task(scene, task)
    alike = scene.all(_ALIKE, (row["last_name"], row["date_of_birth"]))
    known = scene.person(alike[0]["person_id"]) if alike and scene.chance.random() < 0.6 else None
    with scene.process("TrnRequestUpdatedEvent", scene.staff()) as process:
        if known is None:
            person, old = people.create(scene, process, person_of(scene, row), row), None
        else:
            person, old = _update_from_request(scene, process, known, row)
        after_request = resolve(scene, process, row, person)
        resolved = events.state("PersonDetails", person)
        data = {**task["data"], "ResolvedAttributes": resolved, "SelectedPersonAttributes": old}
        outcome = Outcome.WITH_NEW if known is None else Outcome.WITH_EXISTING
        comments = "Checked against the record" if scene.chance.random() < 0.3 else None
        changes = {"data": data, "person_id": person["person_id"]}
        event_id, after = support.close_task(scene, process, task, outcome, changes, comments=comments)
        values = {
            **support.both_sides(task, after),
            "PersonId": person["person_id"],
            "RequestData": events.state("TrnRequestMetadata", after_request),
            "PersonAttributes": resolved,
            "OldPersonAttributes": old,
            "Comments": comments,
        }
        process.mirror(event_id, "ApiTrnRequestSupportTaskUpdatedEvent", values)


def _update_from_request(scene: Scene, process: Process, known: Row, row: Row) -> tuple[Row, dict[str, Any] | None]:
    changes = {}
    if row["email_address"] and row["email_address"] != known["email_address"]:
        changes["email_address"] = row["email_address"]
    nino = normal_nino(row["national_insurance_number"])
    if known["national_insurance_number"] is None and nino is not None:
        changes["national_insurance_number"] = nino
    if not changes or scene.chance.random() < 0.4:
        return known, None
    return people.set_details(scene, process, known, changes)[1], events.state("PersonDetails", known)


def complete_checks(scene: Scene, subject: Subject) -> None:
    """Staff have checked: the request is answered with the person it was found to be for."""
    task = support.need(scene, subject.key)
    row = of_task(scene, task)
    person = scene.need_person(row["resolved_person_id"])
    with scene.process(tasks.outcomes()[Outcome.CHECKS_DONE].process_type, scene.staff()) as process:
        resolve(scene, process, row, person)
        support.close_task(scene, process, task, Outcome.CHECKS_DONE)


_NIGHT_AND_DAY = (0.2, 23.8)
KINDS = (
    Kind("trn_requested", new_person, 12, season=REQUESTS, weekend=0.35, hours=_NIGHT_AND_DAY),
    Kind("trn_request_possible_duplicate", possible_duplicate, 2.5, KNOWN, REQUESTS, 0.35, _NIGHT_AND_DAY, "early"),
    Kind("trn_request_needing_checks", needs_checks, 0.8, QUALIFIED, REQUESTS, 0.35, _NIGHT_AND_DAY, "early"),
    Kind("trn_request_task_closed", resolve_task, 2.5, support.waiting(Task.TRN_REQUEST), part="late"),
    Kind("manual_checks_completed", complete_checks, 0.8, support.waiting(Task.MANUAL_CHECKS), part="late"),
)
