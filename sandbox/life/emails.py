"""E-mails: single ones that follow from daily work, and the weekly runs about awards and inductions."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from psycopg import sql

from sandbox.domain import events
from sandbox.domain.award_emails import INDUCTION, QTS, AwardEmails
from sandbox.domain.numbers import LINK_KEY, SIGN_IN_LINK
from sandbox.life.kinds import Job, Kind, Subject
from sandbox.life.pool import Pool
from sandbox.life.scene import CalledOffError, Row, Scene

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
_INDUCTION_EVENTS = ["PersonInductionUpdatedEvent"]
_UNSENT = sql.SQL("SELECT * FROM {items} WHERE {key} = %s AND NOT email_sent ORDER BY person_id")
_LATEST = sql.SQL("SELECT {key} AS job, {until} AS until FROM {jobs} ORDER BY executed_utc DESC, {key} LIMIT 1")


def _of(run: AwardEmails, statement: sql.SQL) -> sql.Composed:
    return statement.format(**{part: sql.Identifier(getattr(run, part)) for part in ("jobs", "items", "key", "until")})


def send(scene: Scene, template: str, address: str, personalization: dict[str, Any], person_id: UUID | None) -> Row:
    """Send an e-mail. Each store records it under an id of its own."""
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
    email = events.state("Email", row)
    scene.legacy("EmailSentEvent", scene.lookup.system_user, {"Email": email})
    with scene.process("EmailSentEvent", scene.lookup.system_user) as process:
        process.event("EmailSentEvent", {"PersonId": person_id, "Email": email})
    return row


def send_one(scene: Scene, subject: Subject) -> None:
    """A letter about one's TRN, one's request or one's access."""
    person = scene.need_person(subject.id)
    if person["email_address"] is None:
        raise CalledOffError
    personalization = {"name": f"{person['first_name']} {person['last_name']}", "trn": person["trn"]}
    personalization[LINK_KEY] = SIGN_IN_LINK + person["trn"]
    send(scene, scene.chance.choice(_TEMPLATES), person["email_address"], personalization, person["person_id"])


def _weekly(run: AwardEmails, names: list[str], flag: str) -> Job:
    """The job of a run: on one evening of the week it collects who is concerned, then it sends."""
    induction = run is INDUCTION

    def collect(scene: Scene) -> bool:
        latest = scene.one(_of(run, _LATEST))
        week = scene.when - timedelta(days=7)
        since: datetime = week if latest is None else max(latest["until"], week)
        mask = events.flag(names[0], flag, store="events")
        job = scene.uuid()
        scene.insert(run.jobs, {run.key: job, run.until: scene.when, "executed_utc": scene.when})
        for person in scene.all(_AWARDED, (names, since, scene.when, mask, induction)):
            item = {column: person[column] for column in ("person_id", "trn", "email_address")}
            words = {"first name": person["first_name"], "last name": person["last_name"]}
            scene.insert(run.items, {run.key: job, **item, "personalization": words, "email_sent": False})
        return True

    def send_collected(scene: Scene) -> bool:
        latest = scene.one(_of(run, _LATEST))
        items = [] if latest is None else scene.all(_of(run, _UNSENT), (latest["job"],))
        for item in items:
            personalization = {**item["personalization"], "trn": item["trn"], LINK_KEY: SIGN_IN_LINK + item["trn"]}
            send(scene, _AWARD_TEMPLATE, item["email_address"], personalization, item["person_id"])
            scene.update(run.items, {run.key: item[run.key], "person_id": item["person_id"]}, {"email_sent": True})
            if induction:
                values = {"InductionCompletedEmailsJobId": item[run.key], "PersonId": item["person_id"]}
                values["EmailAddress"] = item["email_address"]
                scene.legacy("InductionCompletedEmailSentEvent", scene.lookup.system_user, values)
        return bool(items)

    def play(scene: Scene, subject: Subject) -> bool:
        return collect(scene) if subject.key == "collect" else send_collected(scene)

    weekday = 4 if induction else 3
    name = "induction_emails" if induction else "award_emails"
    return Job(name, play, lambda day: day.weekday() == weekday, [("collect", 19.0), ("send", 19.2)])


KINDS = (Kind("email_sent", send_one, 6, WITH_EMAIL, weekend=0.2),)
JOBS = (_weekly(INDUCTION, _INDUCTION_EVENTS, "InductionStatus"), _weekly(QTS, _ROUTE_EVENTS, "PersonQtsDate"))
