"""Alerts: opened, changed, closed and, when they were a mistake, deleted softly."""

from __future__ import annotations

from datetime import timedelta

from psycopg import sql

from sandbox.life import webhooks
from sandbox.life.kinds import Kind, Subject
from sandbox.life.payloads import events, flags, models
from sandbox.life.people import ANYONE
from sandbox.life.pool import OF_AN_ACTIVE_PERSON, Pool
from sandbox.life.scene import Row, Scene

CREATING, UPDATING, DELETING = 39, 40, 41

OPEN = Pool("alerts", "alert_id", f"t.deleted_on IS NULL AND t.end_date IS NULL AND {OF_AN_ACTIVE_PERSON}")
ANY = Pool("alerts", "alert_id", f"t.deleted_on IS NULL AND {OF_AN_ACTIVE_PERSON}")
_ALERT = sql.SQL(
    "SELECT a.*, p.trn FROM alerts a JOIN persons p USING (person_id) "
    "WHERE a.alert_id = %s AND a.deleted_on IS NULL FOR UPDATE OF a"
)


def _tell(scene: Scene, event_type: str, alert: Row) -> None:
    # Internal types must not leave the house.
    if alert["alert_type_id"] not in scene.lookup.internal_alert_types:
        data = {
            "trn": alert["trn"],
            "alert": {
                "alertId": str(alert["alert_id"]),
                "alertTypeId": str(alert["alert_type_id"]),
                "startDate": models.text(alert["start_date"]),
                "endDate": models.text(alert["end_date"]),
            },
        }
        webhooks.notify(scene, event_type, data)


def open_alert(scene: Scene, subject: Subject) -> bool:
    """An alert is put on a record."""
    person = scene.person(subject.id)
    if person is None:
        return False
    chance = scene.chance
    alert: Row = {
        "alert_id": scene.uuid(),
        "alert_type_id": chance.choice(scene.lookup.alert_types),
        "person_id": person["person_id"],
        "details": "Decision of the panel received" if chance.random() < 0.7 else None,
        "external_link": f"https://example.org/decisions/{chance.randrange(100_000)}"
        if chance.random() < 0.4
        else None,
        "start_date": scene.day - timedelta(days=chance.randint(0, 30)),
        "end_date": None,
        "created_on": scene.when,
        "updated_on": scene.when,
    }
    scene.insert("alerts", alert)
    with scene.process(CREATING, scene.staff(), events.change_reason("Another reason", "Panel hearing")) as process:
        values = {"PersonId": person["person_id"], "Alert": models.alert(alert)}
        process.event("AlertCreatedEvent", values, people=[person["person_id"]])
    _tell(scene, "alert.created", {**alert, "trn": person["trn"]})
    return True


def _change(scene: Scene, alert: Row, changes: Row, reason: str) -> bool:
    after = {**alert, **changes}
    old, new = models.alert(alert), models.alert(after)
    mask = flags.changed(old, new, flags.ALERT)
    if mask == 0:
        return False
    scene.update("alerts", {"alert_id": alert["alert_id"]}, {**changes, "updated_on": scene.when})
    with scene.process(UPDATING, scene.staff(), events.change_reason(reason)) as process:
        values = {"PersonId": alert["person_id"], "Alert": new, "OldAlert": old, "Changes": mask}
        process.event("AlertUpdatedEvent", values, people=[alert["person_id"]])
    _tell(scene, "alert.updated", after)
    return True


def change_alert(scene: Scene, subject: Subject) -> bool:
    """What is said about an alert changes."""
    alert = scene.one(_ALERT, (subject.id,))
    if alert is None:
        return False
    chance = scene.chance
    changes: Row = {"details": f"Case {chance.randrange(100_000)}: wording agreed with the panel"}
    if chance.random() < 0.3:
        changes["external_link"] = f"https://example.org/decisions/{chance.randrange(100_000)}"
    if alert["start_date"] is not None and chance.random() < 0.3:
        changes["start_date"] = alert["start_date"] - timedelta(days=1)
    return _change(scene, alert, changes, "Incomplete details")


def close_alert(scene: Scene, subject: Subject) -> bool:
    """An alert ends: after its start, not in the future."""
    alert = scene.one(_ALERT, (subject.id,))
    if alert is None or alert["end_date"] is not None:
        return False
    end = scene.day - timedelta(days=scene.chance.randint(0, 5))
    if alert["start_date"] is not None and end <= alert["start_date"]:
        end = alert["start_date"] + timedelta(days=1)
    if end > scene.day:
        return False
    return _change(scene, alert, {"end_date": end}, "End of the sanction")


def delete_alert(scene: Scene, subject: Subject) -> bool:
    """An alert was put on the wrong record: its row stays, marked as deleted."""
    alert = scene.one(_ALERT, (subject.id,))
    if alert is None:
        return False
    key = {"alert_id": alert["alert_id"]}
    scene.update("alerts", key, {"deleted_on": scene.when, "updated_on": scene.when})
    with scene.process(DELETING, scene.staff(), events.change_reason("Added in error")) as process:
        values = {"PersonId": alert["person_id"], "Alert": models.alert(alert)}
        process.event("AlertDeletedEvent", values, people=[alert["person_id"]])
    _tell(scene, "alert.deleted", alert)
    return True


KINDS = (
    Kind("alert_opened", open_alert, 1, ANYONE, part="early"),
    Kind("alert_changed", change_alert, 0.8, OPEN),
    Kind("alert_closed", close_alert, 0.5, OPEN, part="late"),
    Kind("alert_deleted", delete_alert, 0.15, ANY, part="late"),
)
