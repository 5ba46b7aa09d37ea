"""Changes to a person's record: details, names, National Insurance number, status."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from psycopg import sql

from sandbox.domain import events
from sandbox.domain.codes import PersonStatus, ProcessType
from sandbox.domain.numbers import email, new_nino
from sandbox.domain.tables import words
from sandbox.life import chance as luck
from sandbox.life import names, webhooks
from sandbox.life.kinds import Kind, Subject
from sandbox.life.pool import OF_AN_ACTIVE_PERSON, Pool
from sandbox.life.scene import CalledOffError, Process, Row, Scene

ANYONE = Pool("persons", "person_id", "t.status = 0")
WITH_NINO = Pool("persons", "person_id", "t.status = 0 AND t.national_insurance_number IS NOT NULL")
GONE = Pool("persons", "person_id", "t.status = 1 AND t.merged_with_person_id IS NULL")
PREVIOUS_NAMES = Pool("previous_names", "previous_name_id", f"t.deleted_on IS NULL AND {OF_AN_ACTIVE_PERSON}")
_PREVIOUS_NAME = sql.SQL("SELECT * FROM previous_names WHERE previous_name_id = %s AND deleted_on IS NULL")


def blank(key: UUID, when: datetime, details: Mapping[str, Any]) -> Row:
    """A new row of `persons` with these details and nothing else yet."""
    return {
        "person_id": key,
        "created_on": when,
        "updated_on": when,
        "status": PersonStatus.ACTIVE,
        **details,
        "induction_status": 0,
        "induction_status_without_exemption": 0,
        "induction_exemption_reason_ids": [],
        "induction_exempt_without_reason": False,
        "qtls_status": 0,
        "has_eyps": False,
        "created_by_tps": False,
        "source_application_user_id": None,
        "source_trn_request_id": None,
        "allow_details_updates_from_source_application": False,
        "dqt_allow_teacher_identity_sign_in_with_prohibitions": False,
    }


def create(scene: Scene, process: Process, row: Row, request: Row | None) -> Row:
    """Add a person and record it in both stores."""
    trn = scene.insert("persons", row, returning="trn")
    row = {**row, "trn": trn}
    metadata = None if request is None else events.state("TrnRequestMetadata", request)
    values = {"PersonId": row["person_id"], "TrnRequestMetadata": metadata}
    details = events.state("PersonDetails", row)
    event_id = process.event("PersonCreatedEvent", {**values, "Details": details})
    process.mirror(event_id, "PersonCreatedEvent", {**values, "PersonAttributes": details})
    return row


def set_details(scene: Scene, process: Process, person: Row, changes: Mapping[str, Any]) -> tuple[UUID, Row]:
    """Change a person's details and record it in the newer store: the event's id and the person after."""
    after = {**person, **changes}
    columns = {column: value for column, value in changes.items() if value != person[column]}
    scene.update("persons", {"person_id": person["person_id"]}, {**columns, "updated_on": scene.when})
    values = {
        "PersonId": person["person_id"],
        "PersonDetails": events.state("PersonDetails", after),
        "OldPersonDetails": events.state("PersonDetails", person),
    }
    return process.event("PersonDetailsUpdatedEvent", values), after


def both_sides(person: Row, after: Row) -> dict[str, Any]:
    """A person before and after a change, as the events of the older store hold it."""
    return {
        "PersonId": person["person_id"],
        "PersonAttributes": events.state("PersonDetails", after),
        "OldPersonAttributes": events.state("PersonDetails", person),
    }


def keep_name(scene: Scene, person: Row) -> None:
    """Keep the whole name that is about to change."""
    scene.insert(
        "previous_names",
        {
            "previous_name_id": scene.uuid(),
            "person_id": person["person_id"],
            "created_on": scene.when,
            "updated_on": scene.when,
            "first_name": person["first_name"],
            "middle_name": person["middle_name"],
            "last_name": person["last_name"],
        },
    )


def edit(
    scene: Scene, person: Row, changes: Mapping[str, Any], reason: str | None, name_reason: str | None = None
) -> bool:
    """Staff edit a person: both stores record it under one id."""
    if all(person[column] == value for column, value in changes.items()):
        return False
    evidence = None
    if name_reason is not None and scene.chance.random() < 0.6:
        evidence = events.file(scene.uuid(), "evidence.pdf")
    detail = "Asked for by the record holder" if reason == "Another reason" else None
    name: Row = {"NameChangeReason": name_reason, "NameChangeEvidenceFile": evidence}
    why = events.change_reason(reason, detail, kind="PersonDetailsChangeReasonInfo", **name)
    with scene.process("PersonDetailsUpdatedEvent", scene.staff(), why) as process:
        event_id, after = set_details(scene, process, person, changes)
        values = {"DetailsChangeReason": reason, "DetailsChangeReasonDetail": detail, **name}
        process.mirror(event_id, "PersonDetailsUpdatedEvent", {**both_sides(person, after), **values})
    return True


def add_by_hand(scene: Scene, _: Subject) -> None:
    """Staff add a person whom no request brought."""
    reason = scene.chance.choice(["They were awarded a mandatory qualification", "Another reason"])
    why = events.change_reason(reason, "Paper file found" if reason == "Another reason" else None)
    with scene.process("PersonCreatedEvent", scene.staff(), why) as process:
        create(scene, process, blank(scene.uuid(), scene.when, names.person(scene.chance, scene.day)), None)


def change_details(scene: Scene, subject: Subject) -> bool:
    """An e-mail address, a gender, a middle name that was missing."""
    person = scene.need_person(subject.id)
    chance = scene.chance
    changes: dict[str, Any] = {"email_address": email(chance, person["first_name"], person["last_name"])}
    if person["gender"] is None or chance.random() < 0.05:
        changes["gender"] = luck.weighted(chance, names.GENDERS)
    return edit(scene, person, changes, chance.choice(words("details_reason")))


def change_name(scene: Scene, subject: Subject) -> bool:
    """A new name by marriage or deed; the old one is kept."""
    person = scene.need_person(subject.id)
    changes = {"last_name": _another_last_name(scene, person)}
    if scene.chance.random() < 0.1:
        changes["first_name"] = names.first_name(scene.chance)
    keep_name(scene, person)
    reason = scene.chance.choice(words("name_reason"))
    return edit(scene, person, changes, None, reason)


def correct_name(scene: Scene, subject: Subject) -> bool:
    """A name was entered wrongly: nothing of it is kept."""
    person = scene.need_person(subject.id)
    part = "middle_name" if scene.chance.random() < 0.4 else "last_name"
    value = names.first_name(scene.chance) if part == "middle_name" else _another_last_name(scene, person)
    return edit(scene, person, {part: value}, None, "Correcting an error")


def change_nino(scene: Scene, subject: Subject) -> bool:
    """A National Insurance number is corrected."""
    person = scene.need_person(subject.id)
    return edit(scene, person, {"national_insurance_number": new_nino(scene.chance)}, words("details_reason")[1])


def delete_previous_name(scene: Scene, subject: Subject) -> None:
    """A previous name should never have been kept. The application records no event of it."""
    row = scene.need(_PREVIOUS_NAME, (subject.id,))
    if scene.person(row["person_id"]) is None:
        raise CalledOffError
    scene.delete_softly("previous_names", {"previous_name_id": row["previous_name_id"]})


def _another_last_name(scene: Scene, person: Row) -> str:
    name: str = person["last_name"]
    while name.casefold() == person["last_name"].casefold():
        name = names.last_name(scene.chance)
    return name


def _set_status(
    scene: Scene, process: Process, person: Row, status: int, died: date | None, reason: str | None = None
) -> None:
    """Deactivate or reactivate a record, and record it in both stores."""
    changed = {"PersonStatus": True, "DateOfDeath": died != person["date_of_death"]}
    values: Row = {"status": status, "date_of_death": died}
    scene.update("persons", {"person_id": person["person_id"]}, {**values, "updated_on": scene.when})
    name = "PersonReactivatedEvent" if status == PersonStatus.ACTIVE else "PersonDeactivatedEvent"
    mask = events.flag(name, *(flag for flag, differs in changed.items() if differs))
    values = {"PersonId": person["person_id"], "Changes": mask}
    if status == PersonStatus.DEACTIVATED:
        values["DateOfDeath"] = died
        webhooks.notify(scene, "person.deactivated", {"trn": person["trn"]})
    event_id = process.event(name, values)
    old = {"Status": status, "OldStatus": person["status"], "Reason": reason, "DateOfDeath": died}
    process.mirror(event_id, "PersonStatusUpdatedEvent", {"PersonId": person["person_id"], **old})


def deactivate(scene: Scene, subject: Subject) -> None:
    """Staff deactivate a record that should not be there."""
    person = scene.need_person(subject.id)
    reason = words("deactivate_reason")[1]
    with scene.process("PersonDeactivatedEvent", scene.staff(), events.change_reason(reason)) as process:
        _set_status(scene, process, person, PersonStatus.DEACTIVATED, person["date_of_death"], reason)


def record_death(scene: Scene, subject: Subject) -> None:
    """Someone has died."""
    person = scene.need_person(subject.id)
    died = scene.day - timedelta(days=scene.chance.randint(1, 60))
    die(scene, person, died, ProcessType.DECEASED, scene.chance.choice(scene.lookup.applications))


def die(scene: Scene, person: Row, died: date, kind: int, user: UUID) -> None:
    """Deactivate the record of someone who died."""
    with scene.process(kind, user) as process:
        _set_status(scene, process, person, PersonStatus.DEACTIVATED, died)


def reactivate(scene: Scene, subject: Subject) -> None:
    """A record was deactivated by mistake; a merged one cannot come back."""
    person = scene.need_person(subject.id, active=False)
    if person["merged_with_person_id"] is not None:
        raise CalledOffError
    reason = words("reactivate_reason")[0]
    with scene.process("PersonReactivatedEvent", scene.staff(), events.change_reason(reason)) as process:
        _set_status(scene, process, person, PersonStatus.ACTIVE, None, reason)


KINDS = (
    Kind("person_added_by_hand", add_by_hand, 1),
    Kind("details_changed", change_details, 6, ANYONE),
    Kind("name_changed", change_name, 3, ANYONE, part="early"),
    Kind("name_corrected", correct_name, 1, ANYONE),
    Kind("nino_changed", change_nino, 1.5, WITH_NINO),
    Kind("previous_name_deleted", delete_previous_name, 0.2, PREVIOUS_NAMES, part="late"),
    Kind("person_deactivated", deactivate, 0.5, ANYONE, part="early"),
    Kind("person_died", record_death, 0.5, ANYONE),
    Kind("person_reactivated", reactivate, 0.3, GONE, part="late"),
)
