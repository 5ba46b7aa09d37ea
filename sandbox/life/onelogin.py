"""GOV.UK One Login: accounts appear, sign in, are connected to a record, sometimes with the help of staff."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from psycopg import sql
from psycopg.types.json import Jsonb

from sandbox.domain import events, tasks
from sandbox.domain.codes import Attribute, Matched, Outcome, ProcessType, Task, Verified
from sandbox.domain.numbers import email
from sandbox.life import names, support, webhooks
from sandbox.life.kinds import Kind, Subject
from sandbox.life.people import ANYONE
from sandbox.life.pool import OF_AN_ACTIVE_PERSON, Pool
from sandbox.life.scene import CalledOffError, Process, Row, Scene

_ACCOUNT = sql.SQL("SELECT * FROM one_login_users WHERE subject = %s FOR UPDATE")


# Keys are text, so a draw is not by random start: accounts of a few letters at the end of their key, by turns.
def _accounts(fits: str) -> Pool:
    return Pool(
        "one_login_users",
        "subject",
        fits,
        person="person_id",
        order="md5(t.subject || (SELECT today FROM sandbox.world)::text)",
    )


CONNECTED = _accounts(f"t.person_id IS NOT NULL AND {OF_AN_ACTIVE_PERSON}")
ALONE = _accounts("t.person_id IS NULL")


def _json(row: Mapping[str, Any]) -> dict[str, Any]:
    kinds = {"verified_names", "verified_dates_of_birth", "last_core_identity_vc", "matched_attributes"}
    return {key: Jsonb(value) if key in kinds and value is not None else value for key, value in row.items()}


def change(scene: Scene, process: Process, account: Row, changes: Mapping[str, Any], trn: str | None) -> Row:
    """Change an account and record the event."""
    after = {**account, **changes}
    scene.update("one_login_users", {"subject": account["subject"]}, _json(changes))
    people = dict.fromkeys(row["person_id"] for row in (after, account) if row["person_id"] is not None)
    old, new = events.state("OneLoginUser", account), events.state("OneLoginUser", after)
    values = {"OneLoginUser": new, "OldOneLoginUser": old}
    process.event("OneLoginUserUpdatedEvent", values, people=list(people), subjects=[account["subject"]])
    person = None if trn is None else {"trn": trn}
    data = {"subject": account["subject"], "emailAddress": after["email_address"], "connectedPerson": person}
    webhooks.notify(scene, "one_login_user.updated", data)
    return after


def _sign_in(scene: Scene, process: Process, account: Row) -> None:
    people = [account["person_id"]] if account["person_id"] is not None else []
    values = {"OneLoginUser": events.state("OneLoginUser", account)}
    process.event("OneLoginUserSignedInEvent", values, people=people, subjects=[account["subject"]])
    if not scene.lookup.oidc_applications:
        return
    application = scene.chance.choice(scene.lookup.oidc_applications)
    authorization: Row = {
        "id": scene.uuid(),
        "application_id": application,
        "concurrency_token": str(scene.uuid()),
        "creation_date": scene.when,
        "scopes": '["email","openid","profile","teaching_record"]',
        "status": "valid",
        "subject": account["subject"],
        "type": "ad-hoc",
    }
    scene.insert("oidc_authorizations", authorization)
    token = {
        "id": scene.uuid(),
        "application_id": application,
        "authorization_id": authorization["id"],
        "concurrency_token": str(scene.uuid()),
        "creation_date": scene.when,
        "expiration_date": scene.when + timedelta(hours=1),
        "payload": None,
        "reference_id": f"{scene.chance.getrandbits(256):064x}",
        "status": "valid",
        "subject": account["subject"],
        "type": "access_token",
    }
    scene.insert("oidc_tokens", token)


def sign_in(scene: Scene, subject: Subject) -> None:
    """A teacher signs in to see their record."""
    account = scene.need(_ACCOUNT, (subject.key,))
    with scene.process("OneLoginUserSignedInEvent", scene.lookup.application("access", scene.chance)) as process:
        _sign_in(scene, process, account)


def appear(scene: Scene, subject: Subject) -> None:
    """Somebody signs in for the first time. Most are matched at once; others wait for staff."""
    chance = scene.chance
    person = scene.need_person(subject.id)
    first, last = person["first_name"] or names.first_name(chance), person["last_name"]
    account: Row = {
        **dict.fromkeys(events.objects()["OneLoginUser"].columns.values()),
        "subject": f"urn:fdc:gov.uk:2022:{chance.getrandbits(256):064x}",
        "email_address": person["email_address"] or email(chance, first, last),
    }
    scene.insert("one_login_users", account)
    values = {"OneLoginUser": events.state("OneLoginUser", account)}
    with scene.process("OneLoginUserSignedInEvent", scene.lookup.application("access", chance)) as process:
        process.event("OneLoginUserCreatedEvent", values, subjects=[account["subject"]])
        how = chance.random()
        if how < 0.8:
            verified = _verified(scene, Verified.BY_ONE_LOGIN, {**person, "first_name": first})
            if how < 0.6 and person["date_of_birth"] is not None:
                connection = _connection(scene, person, Matched.AUTOMATIC)
                account = change(scene, process, account, {**verified, **connection}, person["trn"])
            else:
                account = change(scene, process, account, verified, None)
                _ask_staff(scene, process, account, Task.RECORD_MATCHING, person)
        else:
            _ask_staff(scene, process, account, Task.ID_VERIFICATION, person)
        _sign_in(scene, process, account)


def _verified(scene: Scene, route: int, person: Row) -> dict[str, Any]:
    born = person["date_of_birth"]
    return {
        "verified_on": scene.when,
        "verification_route": route,
        "verified_names": [[person["first_name"], person["last_name"]]],
        "verified_dates_of_birth": [born.isoformat()] if born is not None else [],
    }


def _connection(scene: Scene, person: Row, route: int) -> dict[str, Any]:
    values = {
        Attribute.FULL_NAME: f"{person['first_name']} {person['last_name']}",
        Attribute.DATE_OF_BIRTH: events.text(person["date_of_birth"]),
        Attribute.NINO: person["national_insurance_number"],
    }
    matched = {str(attribute): value for attribute, value in values.items() if value is not None}
    return {
        "person_id": person["person_id"],
        "matched_on": scene.when,
        "match_route": route,
        "matched_attributes": matched if route == Matched.AUTOMATIC else None,
    }


def _ask_staff(scene: Scene, process: Process, account: Row, task_type: int, person: Row) -> None:
    data = {
        "OneLoginUserSubject": account["subject"],
        "OneLoginUserEmail": account["email_address"],
        "StatedTrn": person["trn"],
        "StatedNationalInsuranceNumber": person["national_insurance_number"],
        "Outcome": None,
    }
    values = {
        "one_login_user_subject": account["subject"],
        "subject_email_address": account["email_address"],
        "subject_name": f"{person['first_name']} {person['last_name']}",
    }
    support.raise_task(scene, process, task_type, data, values)


_BY_TRN = sql.SQL("SELECT person_id FROM persons WHERE trn = %s")


def close_task(scene: Scene, subject: Subject) -> None:
    """Staff verify a person's identity or find their record, or do not."""
    task = support.need(scene, subject.key)
    account = scene.need(_ACCOUNT, (task["one_login_user_subject"],))
    stated = scene.one(_BY_TRN, (task["data"].get("StatedTrn"),))
    person = None if stated is None else scene.person(stated["person_id"])
    task_type = task["support_task_type"]
    verifying = task_type == Task.ID_VERIFICATION
    well = person is not None and scene.chance.random() < 0.7
    # Verified and connected, or not verified; connected, or no matches.
    code = (
        (Outcome.VERIFIED_AND_CONNECTED if well else Outcome.NOT_VERIFIED)
        if verifying
        else (Outcome.CONNECTED if well else Outcome.NO_MATCHES)
    )
    outcome = tasks.outcomes()[code]
    with scene.process(outcome.process_type, scene.staff()) as process:
        closing: dict[str, Any] = {"data": {**task["data"], "Outcome": outcome.decision}}
        if well and person is not None:
            changes = _connection(scene, person, Matched.SUPPORT_UI)
            if verifying:
                changes |= _verified(scene, Verified.BY_SUPPORT, person)
            change(scene, process, account, changes, person["trn"])
            closing["person_id"] = person["person_id"]
        support.close_task(scene, process, task, outcome.code, closing)


def connect(scene: Scene, subject: Subject) -> None:
    """Staff connect a record to an account that stands alone."""
    person = scene.need_person(subject.id)
    found = scene.need(_NEXT_ALONE, (f"urn:fdc:gov.uk:2022:{scene.chance.getrandbits(256):064x}",))
    account = scene.need(_ACCOUNT, (found["subject"],))
    changes = _connection(scene, person, Matched.SUPPORT_UI)
    if account["verified_on"] is None:
        changes |= _verified(scene, Verified.BY_SUPPORT, person)
    with scene.process(ProcessType.CONNECTING, scene.staff()) as process:
        change(scene, process, account, changes, person["trn"])


_NEXT_ALONE = sql.SQL(
    """
    (SELECT subject FROM one_login_users WHERE person_id IS NULL AND subject >= %s ORDER BY subject LIMIT 1)
    UNION ALL
    (SELECT subject FROM one_login_users WHERE person_id IS NULL ORDER BY subject LIMIT 1)
    LIMIT 1
    """
)


def disconnect(scene: Scene, subject: Subject) -> None:
    """An account was connected to the wrong record."""
    account = scene.need(_ACCOUNT, (subject.key,))
    if account["person_id"] is None:
        raise CalledOffError
    reason = {"$change-reason-type": "DisconnectReason", "Reason": scene.chance.randrange(2), "Details": None}
    nothing = {"person_id": None, "matched_on": None, "match_route": None, "matched_attributes": None}
    with scene.process(ProcessType.DISCONNECTING, scene.staff(), reason) as process:
        change(scene, process, account, nothing, None)


_ALL_DAY = (6.0, 23.5)
KINDS = (
    Kind("one_login_appeared", appear, 8, ANYONE, weekend=0.5, hours=_ALL_DAY, part="early"),
    Kind("one_login_signed_in", sign_in, 40, CONNECTED, weekend=0.5, hours=_ALL_DAY),
    Kind("one_login_connected", connect, 0.8, ANYONE, part="late"),
    Kind("one_login_disconnected", disconnect, 0.2, CONNECTED, part="late"),
    Kind(
        "one_login_task_closed",
        close_task,
        2.5,
        support.waiting(Task.RECORD_MATCHING, Task.ID_VERIFICATION),
        part="late",
    ),
)
