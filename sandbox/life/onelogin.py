"""GOV.UK One Login: accounts appear, sign in, are connected to a record, sometimes with the help of staff."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from psycopg import sql
from psycopg.types.json import Jsonb

from sandbox.domain.numbers import email
from sandbox.life import names, support, webhooks
from sandbox.life.kinds import Kind, Subject
from sandbox.life.payloads import flags, models
from sandbox.life.people import ANYONE
from sandbox.life.pool import OF_AN_ACTIVE_PERSON, Pool
from sandbox.life.scene import Process, Row, Scene

SIGNING_IN, CONNECTING, DISCONNECTING = 36, 44, 45
VERIFICATION_COMPLETING, MATCHING_COMPLETING = 23, 34
BY_ONE_LOGIN, BY_SUPPORT = 1, 2
AUTOMATIC, SUPPORT_UI = 1, 4
FULL_NAME, DATE_OF_BIRTH, NINO = 1, 3, 4

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
    """Change an account and tell of it."""
    after = {**account, **changes}
    scene.update("one_login_users", {"subject": account["subject"]}, _json(changes))
    old, new = models.one_login_user(account), models.one_login_user(after)
    people = [row["person_id"] for row in (after, account) if row["person_id"] is not None]
    process.event(
        "OneLoginUserUpdatedEvent",
        {"OneLoginUser": new, "OldOneLoginUser": old, "Changes": flags.changed(old, new, flags.ONE_LOGIN_USER)},
        people=list(dict.fromkeys(people)),
        subjects=[account["subject"]],
    )
    person = None if trn is None else {"trn": trn}
    data = {"subject": account["subject"], "emailAddress": after["email_address"], "connectedPerson": person}
    webhooks.notify(scene, "one_login_user.updated", data)
    return after


def _sign_in(scene: Scene, process: Process, account: Row) -> None:
    people = [account["person_id"]] if account["person_id"] is not None else []
    values = {"OneLoginUser": models.one_login_user(account)}
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


def sign_in(scene: Scene, subject: Subject) -> bool:
    """A teacher signs in to see their record."""
    account = scene.one(_ACCOUNT, (subject.key,))
    if account is None:
        return False
    with scene.process(SIGNING_IN, scene.lookup.application("access", scene.chance)) as process:
        _sign_in(scene, process, account)
    return True


def appear(scene: Scene, subject: Subject) -> bool:
    """Somebody signs in for the first time. Most are matched at once; others wait for staff."""
    chance = scene.chance
    person = scene.person(subject.id)
    if person is None:
        return False
    first, last = person["first_name"] or names.first_name(chance), person["last_name"]
    account: Row = {
        "subject": f"urn:fdc:gov.uk:2022:{chance.getrandbits(256):064x}",
        "email_address": person["email_address"] or email(chance, first, last),
        "person_id": None,
        "verified_on": None,
        "verification_route": None,
        "verified_names": None,
        "verified_dates_of_birth": None,
        "last_core_identity_vc": None,
        "matched_on": None,
        "match_route": None,
        "matched_attributes": None,
        "verified_by_application_user_id": None,
    }
    scene.insert("one_login_users", account)
    values = {"OneLoginUser": models.one_login_user(account)}
    with scene.process(SIGNING_IN, scene.lookup.application("access", chance)) as process:
        process.event("OneLoginUserCreatedEvent", values, subjects=[account["subject"]])
        how = chance.random()
        if how < 0.8:
            verified = _verified(scene, BY_ONE_LOGIN, [first, last], person["date_of_birth"])
            if how < 0.6 and person["date_of_birth"] is not None:
                connection = _connection(scene, person, AUTOMATIC)
                account = change(scene, process, account, {**verified, **connection}, person["trn"])
            else:
                account = change(scene, process, account, verified, None)
                _ask_staff(scene, process, account, support.RECORD_MATCHING, person)
        else:
            _ask_staff(scene, process, account, support.ID_VERIFICATION, person)
        _sign_in(scene, process, account)
    return True


def _verified(scene: Scene, route: int, name: list[str], born: Any) -> dict[str, Any]:
    dates = [born.isoformat()] if born is not None else []
    return {
        "verified_on": scene.when,
        "verification_route": route,
        "verified_names": [name],
        "verified_dates_of_birth": dates,
    }


def _connection(scene: Scene, person: Row, route: int) -> dict[str, Any]:
    values = {
        FULL_NAME: f"{person['first_name']} {person['last_name']}",
        DATE_OF_BIRTH: models.text(person["date_of_birth"]),
        NINO: person["national_insurance_number"],
    }
    matched = {str(attribute): value for attribute, value in values.items() if value is not None}
    return {
        "person_id": person["person_id"],
        "matched_on": scene.when,
        "match_route": route,
        "matched_attributes": matched if route == AUTOMATIC else None,
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


def close_task(scene: Scene, subject: Subject) -> bool:
    """Staff verify somebody's identity or find their record, or do not."""
    task = support.find(scene, subject.key)
    account = None if task is None else scene.one(_ACCOUNT, (task["one_login_user_subject"],))
    if task is None or account is None:
        return False
    stated = scene.one(_BY_TRN, (task["data"].get("StatedTrn"),))
    person = None if stated is None else scene.person(stated["person_id"])
    verifying = task["support_task_type"] == support.ID_VERIFICATION
    well = person is not None and scene.chance.random() < 0.7
    with scene.process(VERIFICATION_COMPLETING if verifying else MATCHING_COMPLETING, scene.staff()) as process:
        if well and person is not None:
            changes = _connection(scene, person, SUPPORT_UI)
            if verifying:
                name = [person["first_name"], person["last_name"]]
                changes |= _verified(scene, BY_SUPPORT, name, person["date_of_birth"])
            change(scene, process, account, changes, person["trn"])
        # Verified and connected, or not verified; connected, or no matches.
        outcome = (10 if well else 7) if verifying else (13 if well else 12)
        stored = (3 if well else 0) if verifying else (3 if well else 2)
        closing: dict[str, Any] = {"data": {**task["data"], "Outcome": stored}}
        if well and person is not None:
            closing["person_id"] = person["person_id"]
        support.close_task(scene, process, task, outcome, closing)
    return True


def connect(scene: Scene, subject: Subject) -> bool:
    """Staff connect a record to an account that stands alone."""
    person = scene.person(subject.id)
    found = scene.one(_NEXT_ALONE, (f"urn:fdc:gov.uk:2022:{scene.chance.getrandbits(256):064x}",))
    account = None if found is None else scene.one(_ACCOUNT, (found["subject"],))
    if person is None or account is None or account["person_id"] is not None:
        return False
    changes = _connection(scene, person, SUPPORT_UI)
    if account["verified_on"] is None:
        changes |= _verified(scene, BY_SUPPORT, [person["first_name"], person["last_name"]], person["date_of_birth"])
    with scene.process(CONNECTING, scene.staff()) as process:
        change(scene, process, account, changes, person["trn"])
    return True


_NEXT_ALONE = sql.SQL(
    """
    (SELECT subject FROM one_login_users WHERE person_id IS NULL AND subject >= %s ORDER BY subject LIMIT 1)
    UNION ALL
    (SELECT subject FROM one_login_users WHERE person_id IS NULL ORDER BY subject LIMIT 1)
    LIMIT 1
    """
)


def disconnect(scene: Scene, subject: Subject) -> bool:
    """An account was connected to the wrong record."""
    account = scene.one(_ACCOUNT, (subject.key,))
    if account is None or account["person_id"] is None:
        return False
    reason = {"$change-reason-type": "DisconnectReason", "Reason": scene.chance.randrange(2), "Details": None}
    nothing = {"person_id": None, "matched_on": None, "match_route": None, "matched_attributes": None}
    with scene.process(DISCONNECTING, scene.staff(), reason) as process:
        change(scene, process, account, nothing, None)
    return True


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
        support.waiting(support.RECORD_MATCHING, support.ID_VERIFICATION),
        part="late",
    ),
)
