"""Alerts: opened, changed, closed and, when they were a mistake, deleted softly."""

from __future__ import annotations

from datetime import timedelta

from psycopg import sql

from sandbox.domain import events
from sandbox.domain.events import Payload
from sandbox.life import webhooks
from sandbox.life.kinds import Kind, Subject
from sandbox.life.people import ANYONE
from sandbox.life.pool import OF_AN_ACTIVE_PERSON, Pool
from sandbox.life.scene import Row, Scene

OPEN = Pool("alerts", "alert_id", f"t.deleted_on IS NULL AND t.end_date IS NULL AND {OF_AN_ACTIVE_PERSON}")
ANY = Pool("alerts", "alert_id", f"t.deleted_on IS NULL AND {OF_AN_ACTIVE_PERSON}")
_ALERT = sql.SQL(
    "SELECT a.*, p.trn FROM alerts a JOIN persons p USING (person_id) "
    "WHERE a.alert_id = %s AND a.deleted_on IS NULL FOR UPDATE OF a"
)

_TOLD = ("AlertId", "AlertTypeId", "StartDate", "EndDate")


def _record(scene: Scene, what: str, alert: Row, reason: Payload, **values: Payload) -> None:
    """Record what happened to an alert, and let consumers know unless its type is internal."""
    values = {"Alert": events.state("Alert", alert), **values}
    with scene.process(f"Alert{what}Event", scene.staff(), reason) as process:
        process.event(f"Alert{what}Event", {"PersonId": alert["person_id"], **values})
    if alert["alert_type_id"] not in scene.lookup.internal_alert_types:
        state = events.state("Alert", alert)
        data = {f"{field[0].lower()}{field[1:]}": state[field] for field in _TOLD}
        webhooks.notify(scene, f"alert.{what.lower()}", {"trn": alert["trn"], "alert": data})


def open_alert(scene: Scene, subject: Subject) -> None:
    """An alert is put on a record."""
    person = scene.need_person(subject.id)
    chance = scene.chance
    alert: Row = {
        "alert_id": scene.uuid(),
        "alert_type_id": chance.choice(scene.lookup.alert_types),
        "person_id": person["person_id"],
        "details": "Decision of the panel received" if chance.random() < 0.7 else None,
        "external_link": _link(scene) if chance.random() < 0.4 else None,
        "start_date": scene.day - timedelta(days=chance.randint(0, 30)),
        "end_date": None,
        "created_on": scene.when,
        "updated_on": scene.when,
    }
    scene.insert("alerts", alert)
    reason = events.change_reason("Another reason", "Panel hearing")
    _record(scene, "Created", {**alert, "trn": person["trn"]}, reason)


def _link(scene: Scene) -> str:
    return f"https://example.org/decisions/{scene.chance.randrange(100_000)}"


def _change(scene: Scene, alert: Row, changes: Row, reason: str) -> bool:
    after, old = {**alert, **changes}, events.state("Alert", alert)
    if old == events.state("Alert", after):
        return False
    scene.update("alerts", {"alert_id": alert["alert_id"]}, {**changes, "updated_on": scene.when})
    _record(scene, "Updated", after, events.change_reason(reason), OldAlert=old)
    return True


def change_alert(scene: Scene, subject: Subject) -> bool:
    """What is said about an alert changes."""
    alert = scene.need(_ALERT, (subject.id,))
    chance = scene.chance
    changes: Row = {"details": f"Case {chance.randrange(100_000)}: wording agreed with the panel"}
    if chance.random() < 0.3:
        changes["external_link"] = _link(scene)
    if alert["start_date"] is not None and chance.random() < 0.3:
        changes["start_date"] = alert["start_date"] - timedelta(days=1)
    return _change(scene, alert, changes, "Incomplete details")


def close_alert(scene: Scene, subject: Subject) -> bool:
    """An alert ends: after its start, not in the future."""
    alert = scene.need(_ALERT, (subject.id,))
    if alert["end_date"] is not None:
        return False
    end = scene.day - timedelta(days=scene.chance.randint(0, 5))
    if alert["start_date"] is not None and end <= alert["start_date"]:
        end = alert["start_date"] + timedelta(days=1)
    if end > scene.day:
        return False
    return _change(scene, alert, {"end_date": end}, "End of the sanction")


def delete_alert(scene: Scene, subject: Subject) -> None:
    """An alert was put on the wrong record: its row stays, marked as deleted."""
    alert = scene.need(_ALERT, (subject.id,))
    scene.delete_softly("alerts", {"alert_id": alert["alert_id"]})
    _record(scene, "Deleted", alert, events.change_reason("Added in error"))


KINDS = (
    Kind("alert_opened", open_alert, 1, ANYONE, part="early"),
    Kind("alert_changed", change_alert, 0.8, OPEN),
    Kind("alert_closed", close_alert, 0.5, OPEN, part="late"),
    Kind("alert_deleted", delete_alert, 0.15, ANY, part="late"),
)
