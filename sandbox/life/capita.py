"""Files exchanged with the administrator of Teachers' Pensions: new people and amendments out, people in."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any

from psycopg import sql
from psycopg.types.json import Jsonb

from sandbox.domain import events, tasks
from sandbox.domain.codes import Interface, Outcome, ProcessType, RowStatus, Task
from sandbox.life import chance as luck
from sandbox.life import ledger, merges, names, people, requests, support
from sandbox.life.clock import is_working_day
from sandbox.life.kinds import Job, Kind, Subject
from sandbox.life.ledger import Record
from sandbox.life.pool import draw
from sandbox.life.scene import Row, Scene

_NEW = sql.SQL(
    """
    SELECT person_id, trn, gender, date_of_birth, last_name, first_name, middle_name
    FROM persons
    WHERE created_on > %s AND created_on <= %s AND NOT created_by_tps AND gender IN (1, 2) AND status = 0
    ORDER BY created_on, person_id
    """
)
_PREVIOUS = sql.SQL(
    """
    SELECT payload -> 'OldPersonAttributes' ->> 'LastName' AS last_name
    FROM events
    WHERE person_id = %s AND event_name = 'PersonDetailsUpdatedEvent' AND (payload -> 'Changes')::bigint & 262144 <> 0
    ORDER BY created DESC, event_id LIMIT 1
    """
)
_AMENDED = sql.SQL(
    """
    SELECT DISTINCT ON (p.person_id) p.person_id, p.trn, p.gender, p.last_name, p.date_of_birth,
           p.national_insurance_number, (e.payload -> 'Changes')::bigint & 524288 <> 0 AS born
    FROM events e JOIN persons p ON p.person_id = e.person_id
    WHERE e.event_name IN ('PersonDetailsUpdatedEvent', 'ChangeDateOfBirthRequestSupportTaskApprovedEvent')
      AND e.created > %s AND e.created <= %s AND (e.payload -> 'Changes')::bigint & (524288 | 2097152) <> 0
    ORDER BY p.person_id, e.created DESC
    """
)
_REMEMBER = sql.SQL(
    """
    INSERT INTO job_metadata (job_name, metadata) VALUES (%s, %s)
    ON CONFLICT (job_name) DO UPDATE SET metadata = excluded.metadata
    """
)
_REMEMBERED = sql.SQL("SELECT metadata ->> 'LastRunDate' AS until FROM job_metadata WHERE job_name = %s")
_MATCH = sql.SQL(
    """
    SELECT person_id FROM persons
    WHERE last_names::text[] @> ARRAY[%s] AND date_of_birth = %s AND status = 0 AND person_id <> %s
    ORDER BY person_id LIMIT 1
    """
)


def _since(scene: Scene, job: str) -> datetime:
    row = scene.one(_REMEMBERED, (job,))
    yesterday = scene.when - timedelta(days=1)
    try:
        return yesterday if row is None or row["until"] is None else datetime.fromisoformat(row["until"])
    except ValueError:
        return yesterday


def _until(scene: Scene, job: str) -> None:
    scene.run(_REMEMBER, (job, Jsonb({"LastRunDate": scene.when.isoformat()})))


def _file(scene: Scene, kind: str) -> str:
    return f"Reg01_DTR_{scene.when:%Y%m%d}_{scene.when:%H%M%S}_{kind}.txt"


def export_new(scene: Scene, _: Subject) -> None:
    """People who are new since the last run, in rows of 86 characters; a file is written even if it is empty."""
    records = []
    for person in scene.all(_NEW, (_since(scene, "CapitaExportNewJob"), scene.when)):
        previous = scene.one(_PREVIOUS, (person["person_id"],))
        head = f"{person['trn']}{person['gender']}{'':9}"
        born = "" if person["date_of_birth"] is None else f"{person['date_of_birth']:%d%m%y}"
        both = " ".join(filter(None, (person["first_name"], person["middle_name"])))
        flag = "1" if previous else " "
        row = f"{head}{born:6} {person['last_name'][:17]:17}{flag}{both[:35]:35} 1018Z981"
        records.append(Record(row, person_id=person["person_id"]))
        if previous:
            row = f"{head}{previous['last_name'][:54]:54}{'':7}2018Z981"
            records.append(Record(row, person_id=person["person_id"]))
    ledger.write(scene, Interface.EXPORT_NEW, _file(scene, "New"), records)
    _until(scene, "CapitaExportNewJob")


def export_amended(scene: Scene, _: Subject) -> None:
    """People whose date of birth or National Insurance number changed since the last run."""
    records = []
    for person in scene.all(_AMENDED, (_since(scene, "CapitaExportAmendJob"), scene.when)):
        gender = str(person["gender"]) if person["gender"] in {1, 2} else " "
        head = f"{person['trn']}{gender}//{person['last_name'][:6]:6} "
        if person["born"] and person["date_of_birth"] is not None:
            row = f"{head}{person['date_of_birth']:%d%m%y}* {'':9}{'':44}1211ZE1*"
        else:
            row = f"{head}{'':7} {person['national_insurance_number'] or '':9}{'':44} 321ZE2*"
        records.append(Record(row, person_id=person["person_id"]))
    ledger.write(scene, Interface.EXPORT_AMEND, _file(scene, "Amend"), records)
    _until(scene, "CapitaExportAmendJob")


def _row(trn: str, person: Mapping[str, Any], died: date | None = None) -> str:
    born = "" if person["date_of_birth"] is None else f"{person['date_of_birth']:%Y%m%d}"
    forenames = " ".join(filter(None, (person["first_name"], person["middle_name"])))
    nino = person["national_insurance_number"] or ""
    dead = "" if died is None else f"{died:%Y%m%d}"
    return ";".join([trn, str(person["gender"] or ""), person["last_name"], forenames, "", born, nino, dead]) + ";" * 41


def load(scene: Scene, _: Subject) -> None:
    """One file: new people, some of whom may be known already; people known, of whom it says something else; deaths."""
    chance = scene.chance
    connection: Any = scene.cursor.connection
    scale = scene.world.people / 20_000
    known = [
        person
        for key, _person in draw(connection, people.ANYONE, max(3, luck.count(chance, 3 * scale)), chance, set())
        if (person := scene.person(Subject(key).id)) is not None and person["date_of_birth"] is not None
    ]
    records = [_new(scene, names.person(chance, scene.day), None) for _ in range(max(1, luck.count(chance, 2 * scale)))]
    for position, person in enumerate(known):
        if position % 3 == 0 and chance.random() < 0.5:
            records.append(_new(scene, _same(scene, person), person))
        elif position % 7 == 6:
            records.append(_dead(scene, person))
        else:
            records.append(_known(person))
    records.append(
        Record(
            ";".join(["123456", "1", "Short", "Number", "", "19800101", "", ""]) + ";" * 41,
            RowStatus.FAILURE,
            "Validation failed on field: TRN,",
        )
    )
    ledger.write(scene, Interface.IMPORT, f"pickup/Reg01_DTR_{scene.when:%Y%m%d}_Import.txt", records)


def _same(scene: Scene, person: Row) -> Row:
    new = names.person(scene.chance, scene.day)
    new |= {column: person[column] for column in ("first_name", "last_name", "date_of_birth")}
    new["gender"] = person["gender"] if person["gender"] in {1, 2} else 2
    return new


def _new(scene: Scene, details: Row, like: Row | None) -> Record:
    details = {**details, "email_address": None, "gender": details["gender"] if details["gender"] in {1, 2} else 2}
    user = scene.lookup.pensions_user
    row = requests.request(scene, details, user, identity_verified=None, potential_duplicate=like is not None)
    with scene.process(ProcessType.PENSIONS_IMPORTING, user) as process:
        blank = requests.person_of(scene, row)
        blank["created_by_tps"] = True
        person = people.create(scene, process, blank, row)
        if like is not None:
            values = {
                "person_id": person["person_id"],
                "trn_request_application_user_id": user,
                "trn_request_id": row["request_id"],
                "subject_name": " ".join(row["name"]),
                "source_application_user_id": user,
            }
            data = {"FileName": f"Reg01_DTR_{scene.when:%Y%m%d}_Import.txt", "IntegrationTransactionId": None}
            support.raise_task(scene, process, Task.PENSIONS_DUPLICATE, data, values)
        else:
            requests.resolve(scene, process, row, person)
    return Record(_row(person["trn"], details), person_id=person["person_id"], duplicate=like is not None)


def _dead(scene: Scene, person: Row) -> Record:
    died = scene.day - timedelta(days=scene.chance.randint(3, 40))
    people.die(scene, person, died, ProcessType.PENSIONS_IMPORTING, scene.lookup.system_user)
    return Record(_row(person["trn"], person, died), person_id=person["person_id"], duplicate=False)


def _known(person: Row) -> Record:
    if person["gender"] in {1, 2}:
        said = {**person, "gender": 3 - person["gender"]}
        message = f"Warning: Attempted to update gender from {person['gender']} to {said['gender']},"
        return Record(_row(person["trn"], said), RowStatus.WARNING, message, person["person_id"], duplicate=False)
    return Record(_row(person["trn"], person), person_id=person["person_id"], duplicate=False)


def resolve(scene: Scene, subject: Subject) -> None:
    """Staff decide whether a record made by Teachers' Pensions is a second one of somebody known."""
    task = support.need(scene, subject.key)
    made, row = scene.need_person(task["person_id"]), requests.of_task(scene, task)
    found = scene.one(_MATCH, (row["last_name"], row["date_of_birth"], made["person_id"]))
    known = None if found is None or scene.chance.random() < 0.4 else scene.person(found["person_id"])
    outcome = tasks.outcomes()[Outcome.WITHOUT_MERGE if known is None else Outcome.WITH_MERGE]
    comments = "Compared with the file" if scene.chance.random() < 0.3 else None
    with scene.process(outcome.process_type, scene.staff()) as process:
        kept, old = made, None
        if known is not None:
            kept, old = known, events.state("PersonDetails", known)
            if known["national_insurance_number"] is None and made["national_insurance_number"] is not None:
                changes = {"national_insurance_number": made["national_insurance_number"]}
                _, kept = people.set_details(scene, process, known, changes)
            merges.absorb(scene, process, made, known)
        after_request = requests.resolve(scene, process, row, kept)
        event_id, after = support.close_task(scene, process, task, outcome.code, comments=comments)
        values = {
            **support.both_sides(task, after),
            "PersonId": kept["person_id"],
            "RequestData": events.state("TrnRequestMetadata", after_request),
            "ChangeReason": 1 if known is None else 2,
            "PersonAttributes": events.state("PersonDetails", kept),
            "OldPersonAttributes": old,
            "Comments": comments,
        }
        process.mirror(event_id, outcome.mirror or "", values)


KINDS = (Kind("pensions_duplicate_resolved", resolve, 1, support.waiting(Task.PENSIONS_DUPLICATE), part="late"),)
JOBS = (
    Job("capita_new_exported", export_new, lambda _: True, [("", 3.0)]),
    Job("capita_amended_exported", export_amended, lambda _: True, [("", 3.05)]),
    Job("capita_file_loaded", load, is_working_day, [("", 4.0)]),
)
