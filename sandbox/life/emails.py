"""E-mails: single ones that follow from daily work, and the weekly runs that tell of awards and inductions."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from psycopg import sql

from sandbox.life.kinds import Job, Kind, Subject
from sandbox.life.payloads import models
from sandbox.life.pool import Pool
from sandbox.life.scene import Row, Scene

NOTIFYING = 10
WITH_EMAIL = Pool("persons", "person_id", "t.status = 0 AND t.email_address IS NOT NULL")

_TEMPLATES = ("3b1ce6c1-5d6c-4f3e-9b06-5e0a3d1c0a11", "9d0c2b64-1f0e-4c9e-8a56-0b9e6b0f8c22")
_AWARD_TEMPLATE = "4d7c9ad5-6a1b-4fd4-9f52-6c2a4f9d7e33"

# Both runs find their people by the events of the week, through the index on name and time.
_AWARDED = sql.SQL(
    """
    SELECT DISTINCT p.person_id, p.trn, p.email_address, p.first_name, p.last_name
    FROM events e JOIN persons p ON p.person_id = e.person_id
    WHERE e.event_name = ANY(%s) AND e.created > %s AND e.created <= %s
      AND (e.payload -> 'Changes')::bigint & %s <> 0
      AND p.status = 0 AND p.email_address IS NOT NULL
      AND CASE WHEN %s THEN p.induction_status = 4 ELSE p.qts_date IS NOT NULL END
    ORDER BY p.person_id
    """
)
_ROUTE_EVENTS = ["RouteToProfessionalStatusCreatedEvent", "RouteToProfessionalStatusUpdatedEvent"]
_QTS_DATE_CHANGED = 33_554_432
_UNSENT = {
    "qts_awarded_emails_job": sql.SQL(
        "SELECT * FROM qts_awarded_emails_job_items "
        "WHERE qts_awarded_emails_job_id = %s AND NOT email_sent ORDER BY person_id"
    ),
    "induction_completed_emails_job": sql.SQL(
        "SELECT * FROM induction_completed_emails_job_items "
        "WHERE induction_completed_emails_job_id = %s AND NOT email_sent ORDER BY person_id"
    ),
}
_TO_UTC = {"qts_awarded_emails_job": "awarded_to_utc", "induction_completed_emails_job": "passed_end_utc"}
_LATEST = {
    "qts_awarded_emails_job": sql.SQL(
        "SELECT qts_awarded_emails_job_id AS job, awarded_to_utc AS until FROM qts_awarded_emails_jobs "
        "ORDER BY executed_utc DESC, qts_awarded_emails_job_id LIMIT 1"
    ),
    "induction_completed_emails_job": sql.SQL(
        "SELECT induction_completed_emails_job_id AS job, passed_end_utc AS until FROM induction_completed_emails_jobs "
        "ORDER BY executed_utc DESC, induction_completed_emails_job_id LIMIT 1"
    ),
}


def send(scene: Scene, template: str, address: str, personalization: dict[str, Any], person_id: UUID | None) -> Row:
    """Send an e-mail. Each store tells of it under an id of its own."""
    row: Row = {
        "email_id": scene.uuid(),
        "template_id": template,
        "email_address": address,
        "personalization": personalization,
        "metadata": {},
        "sent_on": scene.when,
        "email_reply_to_id": None,
    }
    scene.insert("emails", row)
    people = [] if person_id is None else [person_id]
    scene.legacy("EmailSentEvent", scene.lookup.system_user, {"Email": models.email(row)})
    with scene.process(NOTIFYING, scene.lookup.system_user) as process:
        process.event("EmailSentEvent", {"PersonId": person_id, "Email": models.email(row)}, people=people)
    return row


def send_one(scene: Scene, subject: Subject) -> bool:
    """A letter about one's TRN, one's request or one's access."""
    person = scene.person(subject.id)
    if person is None or person["email_address"] is None:
        return False
    personalization = {"name": f"{person['first_name']} {person['last_name']}", "trn": person["trn"]}
    send(scene, scene.chance.choice(_TEMPLATES), person["email_address"], personalization, person["person_id"])
    return True


def _weekly(table: str, *, induction: bool) -> Any:
    def play(scene: Scene, subject: Subject) -> bool:
        if subject.key == "collect":
            return _collect(scene, table, induction=induction)
        return _send_collected(scene, table, induction=induction)

    return play


def _collect(scene: Scene, table: str, *, induction: bool) -> bool:
    latest = scene.one(_LATEST[table])
    week = scene.when - timedelta(days=7)
    since: datetime = week if latest is None else max(latest["until"], week)
    names = ["PersonInductionUpdatedEvent"] if induction else _ROUTE_EVENTS
    mask = 1 if induction else _QTS_DATE_CHANGED
    found = scene.all(_AWARDED, (names, since, scene.when, mask, induction))
    job = scene.uuid()
    scene.insert(f"{table}s", {f"{table}_id": job, _TO_UTC[table]: scene.when, "executed_utc": scene.when})
    for person in found:
        scene.insert(
            f"{table}_items",
            {
                f"{table}_id": job,
                "person_id": person["person_id"],
                "trn": person["trn"],
                "email_address": person["email_address"],
                "personalization": {"first name": person["first_name"], "last name": person["last_name"]},
                "email_sent": False,
            },
        )
    return True


def _send_collected(scene: Scene, table: str, *, induction: bool) -> bool:
    latest = scene.one(_LATEST[table])
    if latest is None:
        return False
    items = scene.all(_UNSENT[table], (latest["job"],))
    for item in items:
        personalization = {**item["personalization"], "trn": item["trn"]}
        send(scene, _AWARD_TEMPLATE, item["email_address"], personalization, item["person_id"])
        scene.update(
            f"{table}_items", {f"{table}_id": latest["job"], "person_id": item["person_id"]}, {"email_sent": True}
        )
        if induction:
            values = {
                "InductionCompletedEmailsJobId": latest["job"],
                "PersonId": item["person_id"],
                "EmailAddress": item["email_address"],
            }
            scene.legacy(
                "InductionCompletedEmailSentEvent", scene.lookup.system_user, values, people=[item["person_id"]]
            )
    return bool(items)


KINDS = (Kind("email_sent", send_one, 6, WITH_EMAIL, weekend=0.2),)
JOBS = (
    Job(
        "induction_emails",
        _weekly("induction_completed_emails_job", induction=True),
        lambda day: day.weekday() == 4,
        [("collect", 19.0), ("send", 19.2)],
    ),
    Job(
        "award_emails",
        _weekly("qts_awarded_emails_job", induction=False),
        lambda day: day.weekday() == 3,
        [("collect", 19.0), ("send", 19.2)],
    ),
)
