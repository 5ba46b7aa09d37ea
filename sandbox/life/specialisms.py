"""Mandatory qualifications: to teach pupils with a sensory impairment."""

from __future__ import annotations

from datetime import timedelta

from psycopg import sql

from sandbox.life import chance as luck
from sandbox.life.kinds import Kind, Subject
from sandbox.life.payloads import events, flags, models
from sandbox.life.pool import OF_AN_ACTIVE_PERSON, Pool
from sandbox.life.scene import Row, Scene

CREATING, UPDATING, DELETING = 54, 55, 56
HEARING, MULTI_SENSORY, VISUAL = 2, 3, 5
IN_PROGRESS, PASSED, DEFERRED, EXTENDED, FAILED, WITHDRAWN = range(6)

QTS_HOLDERS = Pool("persons", "person_id", "t.status = 0 AND t.qts_date IS NOT NULL")
HELD = Pool(
    "qualifications",
    "qualification_id",
    f"t.qualification_type = 0 AND t.deleted_on IS NULL AND {OF_AN_ACTIVE_PERSON}",
)
_QUALIFICATION = sql.SQL(
    "SELECT * FROM qualifications "
    "WHERE qualification_id = %s AND qualification_type = 0 AND deleted_on IS NULL FOR UPDATE"
)


def add(scene: Scene, subject: Subject) -> bool:
    """A teacher's mandatory qualification is entered."""
    person = scene.person(subject.id)
    if person is None:
        return False
    chance = scene.chance
    start = scene.day - timedelta(days=chance.randint(300, 1200))
    status = luck.weighted(chance, [(PASSED, 6), (IN_PROGRESS, 3), (FAILED, 0.5), (EXTENDED, 0.5)])
    row: Row = {
        "qualification_id": scene.uuid(),
        "created_on": scene.when,
        "updated_on": scene.when,
        "qualification_type": 0,
        "person_id": person["person_id"],
        "mq_provider_id": chance.choice(list(scene.lookup.mq_providers)),
        "mq_specialism": chance.choice([HEARING, MULTI_SENSORY, VISUAL]),
        "mq_status": status,
        "start_date": start,
        # Only a pass has an end.
        "end_date": start + timedelta(days=chance.randint(200, 290)) if status == PASSED else None,
    }
    scene.insert("qualifications", row)
    with scene.process(CREATING, scene.staff(), events.change_reason("Another reason", "Provider's list")) as process:
        values = {
            "PersonId": person["person_id"],
            "MandatoryQualification": models.mandatory_qualification(row, scene.lookup.mq_providers),
        }
        process.event("MandatoryQualificationCreatedEvent", values, people=[person["person_id"]])
    return True


def update(scene: Scene, subject: Subject) -> bool:
    """A mandatory qualification is passed, or something about it was wrong."""
    row = scene.one(_QUALIFICATION, (subject.id,))
    if row is None:
        return False
    chance = scene.chance
    changes: Row = {}
    if row["mq_status"] in {IN_PROGRESS, EXTENDED, DEFERRED}:
        changes |= {"mq_status": PASSED, "end_date": scene.day - timedelta(days=chance.randint(0, 20))}
    else:
        changes["mq_provider_id"] = chance.choice(list(scene.lookup.mq_providers))
        if chance.random() < 0.4:
            changes["mq_specialism"] = chance.choice([HEARING, MULTI_SENSORY, VISUAL])
    after = {**row, **changes}
    names = scene.lookup.mq_providers
    old, new = models.mandatory_qualification(row, names), models.mandatory_qualification(after, names)
    mask = flags.changed(old, new, flags.MANDATORY_QUALIFICATION)
    if mask == 0:
        return False
    scene.update("qualifications", {"qualification_id": subject.id}, {**changes, "updated_on": scene.when})
    with scene.process(UPDATING, scene.staff(), events.change_reason("Change of details")) as process:
        values = {
            "PersonId": row["person_id"],
            "MandatoryQualification": new,
            "OldMandatoryQualification": old,
            "Changes": mask,
        }
        process.event("MandatoryQualificationUpdatedEvent", values, people=[row["person_id"]])
    return True


def delete(scene: Scene, subject: Subject) -> bool:
    """A mandatory qualification was entered in error: its row stays, marked as deleted."""
    row = scene.one(_QUALIFICATION, (subject.id,))
    if row is None:
        return False
    key = {"qualification_id": row["qualification_id"]}
    scene.update("qualifications", key, {"deleted_on": scene.when, "updated_on": scene.when})
    with scene.process(DELETING, scene.staff(), events.change_reason("Added in error")) as process:
        values = {
            "PersonId": row["person_id"],
            "MandatoryQualification": models.mandatory_qualification(row, scene.lookup.mq_providers),
        }
        process.event("MandatoryQualificationDeletedEvent", values, people=[row["person_id"]])
    return True


KINDS = (
    Kind("mandatory_qualification_added", add, 0.8, QTS_HOLDERS, part="early"),
    Kind("mandatory_qualification_updated", update, 0.6, HELD),
    Kind("mandatory_qualification_deleted", delete, 0.1, HELD, part="late"),
)
