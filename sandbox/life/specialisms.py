"""Mandatory qualifications: to teach pupils with a sensory impairment."""

from __future__ import annotations

from datetime import timedelta

from psycopg import sql

from sandbox.domain import events
from sandbox.domain.codes import MqStatus, Specialism
from sandbox.domain.events import Payload
from sandbox.life import chance as luck
from sandbox.life.kinds import Kind, Subject
from sandbox.life.pool import OF_AN_ACTIVE_PERSON, Pool
from sandbox.life.scene import CalledOffError, Row, Scene

_STATUSES = ((MqStatus.PASSED, 6), (MqStatus.IN_PROGRESS, 3), (MqStatus.FAILED, 0.5), (MqStatus.EXTENDED, 0.5))
SPECIALISMS = (Specialism.HEARING, Specialism.MULTI_SENSORY, Specialism.VISUAL)

QTS_HOLDERS = Pool("persons", "person_id", "t.status = 0 AND t.qts_date IS NOT NULL")
HELD = Pool(
    "qualifications", "qualification_id", f"t.qualification_type = 0 AND t.deleted_on IS NULL AND {OF_AN_ACTIVE_PERSON}"
)
_QUALIFICATION = sql.SQL(
    "SELECT * FROM qualifications "
    "WHERE qualification_id = %s AND qualification_type = 0 AND deleted_on IS NULL FOR UPDATE"
)


def _state(scene: Scene, row: Row) -> Payload:
    """A mandatory qualification in a payload; its provider is an object with the name of that day."""
    key, provider = row["mq_provider_id"], None
    if key is not None:
        provider = {
            "MandatoryQualificationProviderId": str(key),
            "Name": scene.lookup.mq_providers.get(key),
            "DqtMqEstablishmentId": events.text(row.get("dqt_mq_establishment_id")),
        }
    return events.state("MandatoryQualification", row, Provider=provider)


def _record(scene: Scene, what: str, row: Row, reason: Payload, **values: Payload) -> None:
    name = f"MandatoryQualification{what}Event"
    with scene.process(name, scene.staff(), reason) as process:
        values = {"MandatoryQualification": _state(scene, row), **values}
        process.event(name, {"PersonId": row["person_id"], **values})


def add(scene: Scene, subject: Subject) -> None:
    """A teacher's mandatory qualification is entered."""
    person = scene.need_person(subject.id)
    chance = scene.chance
    start = scene.day - timedelta(days=chance.randint(300, 1200))
    status = luck.weighted(chance, _STATUSES)
    row: Row = {
        "qualification_id": scene.uuid(),
        "created_on": scene.when,
        "updated_on": scene.when,
        "qualification_type": 0,
        "person_id": person["person_id"],
        "mq_provider_id": chance.choice(list(scene.lookup.mq_providers)),
        "mq_specialism": chance.choice(SPECIALISMS),
        "mq_status": status,
        "start_date": start,
        # Only a pass has an end.
        "end_date": start + timedelta(days=chance.randint(200, 290)) if status == MqStatus.PASSED else None,
    }
    scene.insert("qualifications", row)
    _record(scene, "Created", row, events.change_reason("Another reason", "Provider's list"))


def update(scene: Scene, subject: Subject) -> None:
    """A mandatory qualification is passed, or something about it was wrong."""
    row = scene.need(_QUALIFICATION, (subject.id,))
    chance = scene.chance
    changes: Row = {}
    if row["mq_status"] in {MqStatus.IN_PROGRESS, MqStatus.EXTENDED, MqStatus.DEFERRED}:
        changes |= {"mq_status": MqStatus.PASSED, "end_date": scene.day - timedelta(days=chance.randint(0, 20))}
    else:
        changes["mq_provider_id"] = chance.choice(list(scene.lookup.mq_providers))
        if chance.random() < 0.4:
            changes["mq_specialism"] = chance.choice(SPECIALISMS)
    after, old = {**row, **changes}, _state(scene, row)
    if old == _state(scene, after):
        raise CalledOffError
    scene.update("qualifications", {"qualification_id": subject.id}, {**changes, "updated_on": scene.when})
    _record(scene, "Updated", after, events.change_reason("Change of details"), OldMandatoryQualification=old)


def delete(scene: Scene, subject: Subject) -> None:
    """A mandatory qualification was entered in error: its row stays, marked as deleted."""
    row = scene.need(_QUALIFICATION, (subject.id,))
    scene.delete_softly("qualifications", {"qualification_id": row["qualification_id"]})
    _record(scene, "Deleted", row, events.change_reason("Added in error"))


KINDS = (
    Kind("mandatory_qualification_added", add, 0.8, QTS_HOLDERS, part="early"),
    Kind("mandatory_qualification_updated", update, 0.6, HELD),
    Kind("mandatory_qualification_deleted", delete, 0.1, HELD, part="late"),
)
