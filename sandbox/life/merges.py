"""Two records of one human being become one: the second is deactivated and points to the first."""

from __future__ import annotations

from uuid import UUID

from psycopg import sql

from sandbox.domain import events
from sandbox.domain.codes import PersonStatus, ProcessType
from sandbox.life import onelogin as accounts
from sandbox.life import people, webhooks
from sandbox.life.kinds import Kind, Subject
from sandbox.life.scene import CalledOffError, Process, Row, Scene

# Staff merge the younger, emptier record away: one with a finished induction or an open alert is looked at first.
_NEXT = sql.SQL(
    """
    SELECT t.person_id FROM persons t
    WHERE t.person_id > %s AND t.status = 0 AND t.induction_status IN (0, 1, 2)
      AND NOT EXISTS (
          SELECT FROM alerts a WHERE a.person_id = t.person_id AND a.end_date IS NULL AND a.deleted_on IS NULL
          OFFSET 0
      )
    ORDER BY t.person_id LIMIT 1
    """
)
_ACCOUNTS = sql.SQL("SELECT o.* FROM one_login_users o WHERE o.person_id = %s ORDER BY o.subject")


def merge(scene: Scene, subject: Subject) -> None:
    """Staff merge two active records."""
    retained = scene.need_person(subject.id)
    found = scene.one(_NEXT, (retained["person_id"],)) or scene.need(_NEXT, (UUID(int=0),))
    if found["person_id"] == retained["person_id"]:
        raise CalledOffError
    merged = scene.need_person(found["person_id"])
    changes = {}
    if merged["email_address"] and scene.chance.random() < 0.5:
        changes["email_address"] = merged["email_address"]
    if retained["national_insurance_number"] is None and merged["national_insurance_number"] is not None:
        changes["national_insurance_number"] = merged["national_insurance_number"]
    evidence = events.file(scene.uuid(), "merge.pdf") if scene.chance.random() < 0.2 else None
    comment = "Same person" if scene.chance.random() < 0.5 else None
    why = events.change_reason("Merge", comment, evidence)
    with scene.process(ProcessType.MERGING, scene.staff(), why) as process:
        after = retained
        if any(retained[column] != value for column, value in changes.items()):
            _, after = people.set_details(scene, process, retained, changes)
        event_id = absorb(scene, process, merged, retained)
        values = {
            **people.both_sides(retained, after),
            "PersonTrn": retained["trn"],
            "SecondaryPersonId": merged["person_id"],
            "SecondaryPersonTrn": merged["trn"],
            "SecondaryPersonStatus": PersonStatus.DEACTIVATED,
            "EvidenceFile": evidence,
            "Comments": comment,
        }
        process.mirror(event_id, "PersonsMergedEvent", values, [retained["person_id"], merged["person_id"]])


def absorb(scene: Scene, process: Process, merged: Row, retained: Row) -> UUID:
    """Deactivate a record in favour of another; its One Login accounts move, everything else stays where it is."""
    scene.update(
        "persons",
        {"person_id": merged["person_id"]},
        {"status": PersonStatus.DEACTIVATED, "merged_with_person_id": retained["person_id"], "updated_on": scene.when},
    )
    values = {
        "PersonId": merged["person_id"],
        "MergedWithPersonId": retained["person_id"],
        "Changes": events.flag("PersonDeactivatedEvent", "MergedWithPersonId"),
    }
    event_id = process.event("PersonDeactivatedEvent", values)
    for account in scene.all(_ACCOUNTS, (merged["person_id"],)):
        accounts.change(scene, process, account, {"person_id": retained["person_id"]}, retained["trn"])
    webhooks.notify(scene, "person.deactivated", {"trn": merged["trn"], "mergedWith": {"trn": retained["trn"]}})
    return event_id


KINDS = (Kind("persons_merged", merge, 0.8, people.ANYONE),)
