"""Changes to a person's record: details, names, National Insurance number, status."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

from psycopg import sql

from sandbox.domain.numbers import email, new_nino
from sandbox.life import chance as luck
from sandbox.life import names, webhooks
from sandbox.life.kinds import Kind, Subject
from sandbox.life.payloads import events, flags, models
from sandbox.life.pool import OF_AN_ACTIVE_PERSON, Pool
from sandbox.life.scene import Process, Row, Scene

CREATING, UPDATING, DEACTIVATING, REACTIVATING, DECEASED = 24, 25, 26, 27, 42
ACTIVE, DEACTIVATED = 0, 1

# Reasons are kept as the words that staff see.
_DETAILS_REASONS = ("Data loss or incomplete information", "New information received", "Another reason")
_NAME_REASONS = (
    "Name has changed due to marriage or civil partnership",
    "Name has changed by deed poll or another legal process",
)

ANYONE = Pool("persons", "person_id", "t.status = 0")
WITH_NINO = Pool("persons", "person_id", "t.status = 0 AND t.national_insurance_number IS NOT NULL")
GONE = Pool("persons", "person_id", "t.status = 1 AND t.merged_with_person_id IS NULL")
PREVIOUS_NAMES = Pool(
    "previous_names",
    "previous_name_id",
    f"t.deleted_on IS NULL AND {OF_AN_ACTIVE_PERSON}",
)
_PREVIOUS_NAME = sql.SQL("SELECT * FROM previous_names WHERE previous_name_id = %s AND deleted_on IS NULL")


def blank(scene: Scene, details: Mapping[str, Any]) -> Row:
    """A new row of `persons` with these details and nothing else yet."""
    return {
        "person_id": scene.uuid(),
        "created_on": scene.when,
        "updated_on": scene.when,
        "status": ACTIVE,
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


def create(scene: Scene, process: Process, row: Row, request: Row | None, *, mirrored: bool) -> Row:
    """Add a person and tell of it. Only records made by staff or by Teachers' Pensions go to the older store too."""
    trn = scene.insert("persons", row, returning="trn")
    row = {**row, "trn": trn}
    metadata = None if request is None else models.trn_request(request)
    values = {"PersonId": row["person_id"], "Details": models.person_details(row), "TrnRequestMetadata": metadata}
    event_id = process.event("PersonCreatedEvent", values, people=[row["person_id"]])
    if mirrored:
        legacy = {
            "PersonId": row["person_id"],
            "PersonAttributes": models.person_details(row),
            "TrnRequestMetadata": metadata,
        }
        process.mirror(event_id, "PersonCreatedEvent", legacy, [row["person_id"]])
    return row


def set_details(scene: Scene, process: Process, person: Row, changes: Mapping[str, Any]) -> tuple[UUID, int, Row]:
    """Change a person's details and tell of it in the newer store: the event's id, its mask and the person after."""
    after = {**person, **changes}
    columns = {column: value for column, value in changes.items() if value != person[column]}
    scene.update("persons", {"person_id": person["person_id"]}, {**columns, "updated_on": scene.when})
    old, new = models.person_details(person), models.person_details(after)
    mask = flags.changed(old, new, flags.PERSON_DETAILS)
    values = {"PersonId": person["person_id"], "PersonDetails": new, "OldPersonDetails": old, "Changes": mask}
    return process.event("PersonDetailsUpdatedEvent", values, people=[person["person_id"]]), mask, after


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
    """Staff edit a person: both stores tell of it under one id."""
    if all(person[column] == value for column, value in changes.items()):
        return False
    evidence = None
    if name_reason is not None and scene.chance.random() < 0.6:
        evidence = models.file(scene.uuid(), "evidence.pdf")
    detail = "Asked for by the record holder" if reason == "Another reason" else None
    why = events.details_change_reason(reason, detail, name_reason, evidence)
    with scene.process(UPDATING, scene.staff(), why) as process:
        event_id, mask, after = set_details(scene, process, person, changes)
        values = {
            "PersonId": person["person_id"],
            "PersonAttributes": models.person_details(after),
            "OldPersonAttributes": models.person_details(person),
            "NameChangeReason": name_reason,
            "NameChangeEvidenceFile": evidence,
            "DetailsChangeReason": reason,
            "DetailsChangeReasonDetail": detail,
            "Changes": flags.legacy_person(mask),
        }
        process.mirror(event_id, "PersonDetailsUpdatedEvent", values, [person["person_id"]])
    return True


def add_by_hand(scene: Scene, _: Subject) -> bool:
    """Staff add a person whom no request brought."""
    reason = scene.chance.choice(["They were awarded a mandatory qualification", "Another reason"])
    why = events.change_reason(reason, "Paper file found" if reason == "Another reason" else None)
    with scene.process(CREATING, scene.staff(), why) as process:
        create(scene, process, blank(scene, names.person(scene.chance, scene.day)), None, mirrored=True)
    return True


def change_details(scene: Scene, subject: Subject) -> bool:
    """An e-mail address, a gender, a middle name that was missing."""
    person = scene.person(subject.id)
    if person is None:
        return False
    chance = scene.chance
    changes: dict[str, Any] = {"email_address": email(chance, person["first_name"], person["last_name"])}
    if person["gender"] is None or chance.random() < 0.05:
        changes["gender"] = luck.weighted(chance, [(1, 0.3), (2, 0.6), (3, 0.05), (4, 0.05)])
    return edit(scene, person, changes, chance.choice(_DETAILS_REASONS))


def change_name(scene: Scene, subject: Subject) -> bool:
    """A new name by marriage or deed; the old one is kept."""
    person = scene.person(subject.id)
    if person is None:
        return False
    changes = {"last_name": _another_last_name(scene, person)}
    if scene.chance.random() < 0.1:
        changes["first_name"] = names.first_name(scene.chance)
    keep_name(scene, person)
    reason = scene.chance.choice(_NAME_REASONS)
    return edit(scene, person, changes, None, reason)


def correct_name(scene: Scene, subject: Subject) -> bool:
    """A name was entered wrongly: nothing of it is kept."""
    person = scene.person(subject.id)
    if person is None:
        return False
    part = "middle_name" if scene.chance.random() < 0.4 else "last_name"
    value = names.first_name(scene.chance) if part == "middle_name" else _another_last_name(scene, person)
    return edit(scene, person, {part: value}, None, "Correcting an error")


def change_nino(scene: Scene, subject: Subject) -> bool:
    """A National Insurance number is put right."""
    person = scene.person(subject.id)
    if person is None:
        return False
    return edit(scene, person, {"national_insurance_number": new_nino(scene.chance)}, _DETAILS_REASONS[1])


def delete_previous_name(scene: Scene, subject: Subject) -> bool:
    """A previous name should never have been kept. The application tells of it nowhere."""
    row = scene.one(_PREVIOUS_NAME, (subject.id,))
    if row is None or scene.person(row["person_id"]) is None:
        return False
    key = {"previous_name_id": row["previous_name_id"]}
    scene.update("previous_names", key, {"deleted_on": scene.when, "updated_on": scene.when})
    return True


def _another_last_name(scene: Scene, person: Row) -> str:
    name: str = person["last_name"]
    while name.casefold() == person["last_name"].casefold():
        name = names.last_name(scene.chance)
    return name


def _status_event(person: Row, status: int, reason: str) -> dict[str, Any]:
    return {
        "PersonId": person["person_id"],
        "Status": status,
        "OldStatus": person["status"],
        "Reason": reason,
    }


def deactivate(scene: Scene, subject: Subject) -> bool:
    """Staff deactivate a record that should not be there."""
    person = scene.person(subject.id)
    if person is None:
        return False
    reason = "There is a problem with the record"
    with scene.process(DEACTIVATING, scene.staff(), events.change_reason(reason)) as process:
        scene.update("persons", {"person_id": person["person_id"]}, {"status": DEACTIVATED, "updated_on": scene.when})
        values = {"PersonId": person["person_id"], "Changes": flags.PERSON_DEACTIVATED["PersonStatus"]}
        event_id = process.event("PersonDeactivatedEvent", values, people=[person["person_id"]])
        process.mirror(
            event_id, "PersonStatusUpdatedEvent", _status_event(person, DEACTIVATED, reason), [person["person_id"]]
        )
    webhooks.notify(scene, "person.deactivated", {"trn": person["trn"]})
    return True


def record_death(scene: Scene, subject: Subject) -> bool:
    """Someone has died. A death comes through the API, so the older store does not tell of it."""
    person = scene.person(subject.id)
    if person is None:
        return False
    died = scene.day - timedelta(days=scene.chance.randint(1, 60))
    die(scene, person, died, DECEASED, scene.chance.choice(scene.lookup.applications))
    return True


def die(scene: Scene, person: Row, died: Any, kind: int, user: UUID) -> None:
    """Deactivate the record of someone who died."""
    with scene.process(kind, user) as process:
        scene.update(
            "persons",
            {"person_id": person["person_id"]},
            {"status": DEACTIVATED, "date_of_death": died, "updated_on": scene.when},
        )
        mask = flags.PERSON_DEACTIVATED["PersonStatus"] | flags.PERSON_DEACTIVATED["DateOfDeath"]
        values = {"PersonId": person["person_id"], "DateOfDeath": died, "Changes": mask}
        process.event("PersonDeactivatedEvent", values, people=[person["person_id"]])
    webhooks.notify(scene, "person.deactivated", {"trn": person["trn"]})


def reactivate(scene: Scene, subject: Subject) -> bool:
    """A record was deactivated by mistake; a merged one can not come back."""
    person = scene.person(subject.id, active=False)
    if person is None or person["merged_with_person_id"] is not None:
        return False
    reason = "The record was deactivated by mistake"
    with scene.process(REACTIVATING, scene.staff(), events.change_reason(reason)) as process:
        scene.update(
            "persons",
            {"person_id": person["person_id"]},
            {"status": ACTIVE, "date_of_death": None, "updated_on": scene.when},
        )
        mask = flags.PERSON_REACTIVATED["PersonStatus"]
        if person["date_of_death"] is not None:
            mask |= flags.PERSON_REACTIVATED["DateOfDeath"]
        values = {"PersonId": person["person_id"], "Changes": mask}
        event_id = process.event("PersonReactivatedEvent", values, people=[person["person_id"]])
        process.mirror(
            event_id, "PersonStatusUpdatedEvent", _status_event(person, ACTIVE, reason), [person["person_id"]]
        )
    return True


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
