"""A small world with one person in every table that can hold one, another who stays, and rows about both."""

from __future__ import annotations

import gzip
import hashlib
import json
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

_DEFAULTS: dict[str, Any] = {
    "uuid": uuid.uuid4,
    "boolean": lambda: False,
    "date": lambda: date(1980, 1, 2),
    "jsonb": lambda: "{}",
    "timestamp with time zone": lambda: datetime(2026, 1, 1, tzinfo=UTC),
}
_REQUIRED = """
select a.attname, format_type(a.atttypid, -1) from pg_attribute as a
where a.attrelid = to_regclass(%s) and a.attnum > 0 and not a.attisdropped and a.attnotnull and not a.atthasdef
    and a.attidentity = ''
"""


def add(connection: psycopg.Connection, table: str, **values: Any) -> None:
    """Insert a row; what the table demands and the test does not care about is filled in."""
    for column, kind in connection.execute(_REQUIRED, (table,)).fetchall():
        if column not in values:
            if kind.endswith("[]"):
                values[column] = []
            else:
                values[column] = _DEFAULTS.get(kind, lambda: 0 if kind in ("integer", "bigint") else "x")()  # noqa: B023
    connection.execute(
        sql.SQL("insert into {} ({}) values ({})").format(
            sql.Identifier(table),
            sql.SQL(", ").join(map(sql.Identifier, values)),
            sql.SQL(", ").join(sql.Placeholder() for _ in values),
        ),
        list(values.values()),
    )


@dataclass
class Person:
    """One person and what identifies them."""

    trn: str
    mark: str
    person_id: uuid.UUID = field(default_factory=uuid.uuid4)
    application: uuid.UUID = field(default_factory=uuid.uuid4)

    @property
    def email(self) -> str:
        return f"{self.mark.lower()}@example.org"

    @property
    def nino(self) -> str:
        return "AB" + self.trn[:6] + "C"

    @property
    def subject(self) -> str:
        return f"urn:fdc:gov.uk:2022:{self.mark}_"

    @property
    def task(self) -> str:
        return "TRS-9" + self.trn[-3:]

    @property
    def request(self) -> str:
        return f"request-{self.mark}"

    @property
    def traces(self) -> list[bytes]:
        """What must be nowhere, as it may stand in files: each in the forms that the database and people write."""
        mark = self.mark.encode()
        return [mark, mark.lower(), self.trn.encode(), str(self.person_id).encode(), self.person_id.bytes]


def fill(trs: psycopg.Connection, who: Person) -> None:
    """A row of the person in each table that can hold one."""
    person, mark = who.person_id, who.mark
    event = {"EventId": str(uuid.uuid4()), "PersonId": str(person), "Details": {"FirstName": mark}}
    add(
        trs,
        "persons",
        person_id=person,
        trn=who.trn,
        first_name=mark,
        last_name=mark,
        email_address=who.email.upper(),
        national_insurance_number=who.nino,
        source_application_user_id=who.application,
        source_trn_request_id=who.request,
    )
    add(trs, "previous_names", person_id=person, first_name=mark)
    add(trs, "alerts", person_id=person, details=mark)
    add(trs, "qualifications", person_id=person, source_application_reference=mark)
    add(trs, "notes", person_id=person, content=mark)
    add(trs, "route_migration_report_items", person_id=person, dqt_itt_slug_id=mark)
    add(trs, "one_login_users", subject=who.subject, email_address=who.email, person_id=person)
    add(trs, "emails", email_address=who.email, personalization=json.dumps({"name": mark}))
    add(trs, "emails", email_address="office@example.org", metadata=json.dumps({"Trn": who.trn}))
    made = {"event_name": "PersonCreatedEvent", "payload": json.dumps(event)}
    add(trs, "events", person_id=person, person_ids=[person], inserted="-infinity", **made)
    # Before the request was matched, its events named no person.
    unmatched = {"TrnRequest": {"ApplicationUserId": str(who.application), "RequestId": who.request, "FirstName": mark}}
    add(trs, "process_events", event_name="TrnRequestCreatedEvent", payload=json.dumps(unmatched))
    add(trs, "process_events", person_ids=[person], one_login_user_subjects=[who.subject], **made)
    add(trs, "processes", person_ids=[person], change_reason=json.dumps({"Reason": mark}))
    add(trs, "processes", one_login_user_subjects=[who.subject], dqt_user_name=mark)
    add(trs, "integration_transaction_records", person_id=person, failure_message=mark)
    add(trs, "integration_transaction_records", failure_message=f"no {who.trn}, {mark}")
    add(
        trs,
        "trn_request_metadata",
        application_user_id=who.application,
        request_id=who.request,
        resolved_person_id=person,
        first_name=mark,
    )
    stated = json.dumps({"StatedFirstName": mark})
    add(trs, "support_tasks", support_task_reference=who.task, support_task_type=8, person_id=person, data=stated)
    add(
        trs,
        "support_tasks",
        support_task_reference=f"{who.task}1",
        one_login_user_subject=who.subject,
        subject_name=mark,
    )
    add(trs, "support_task_notes", support_task_reference=who.task, content=mark)
    add(trs, "tps_csv_extract_load_items", trn=who.trn, member_id=mark[:10])
    add(trs, "tps_csv_extract_items", trn=who.trn, national_insurance_number=who.nino, key=f"{who.trn}.330.1")
    add(trs, "tps_employments", person_id=person, person_email_address=who.email, key=f"{who.trn}.330.1.20260901")


def fill_shared(trs: psycopg.Connection, gone: Person, stays: Person) -> None:
    """Rows that are the other's or concern both."""
    both = [gone.person_id, stays.person_id]
    merge = json.dumps(
        {"PersonId": str(stays.person_id), "SecondaryPersonId": str(gone.person_id), "SecondaryPersonTrn": gone.mark}
    )
    add(trs, "events", event_name="PersonsMergedEvent", person_id=stays.person_id, person_ids=both, payload=merge)
    add(trs, "processes", process_type=77, person_ids=both, change_reason=json.dumps({"Reason": gone.mark}))
    trs.execute("update persons set merged_with_person_id = %s where person_id = %s", (gone.person_id, stays.person_id))
    add(
        trs,
        "notes",
        person_id=stays.person_id,
        content=f"Asked about {gone.trn} {gone.mark}",
        updated_by_dqt_user_id=uuid.UUID(int=1),
    )
    data = json.dumps({"StatedTrn": gone.trn, "StatedFirstName": gone.mark})
    add(trs, "support_tasks", support_task_reference="TRS-1", support_task_type=8, person_id=stays.person_id, data=data)
    # An account that was linked to the one and is the other's now, and an address that both have.
    add(trs, "one_login_users", subject="urn:moved", email_address="both@example.org", person_id=gone.person_id)
    add(trs, "emails", email_address="both@example.org", metadata=json.dumps({"Trn": stays.trn}))


def change(trs: psycopg.Connection, gone: Person, stays: Person) -> None:
    """Changes, so that there is history before the erasure."""
    trs.execute("update persons set middle_name = first_name where person_id = %s", (gone.person_id,))
    trs.execute("update persons set middle_name = 'Mid' where person_id = %s", (stays.person_id,))
    trs.execute("update alerts set details = details || details where person_id = %s", (gone.person_id,))
    trs.execute("update one_login_users set person_id = %s where subject = 'urn:moved'", (stays.person_id,))


def erase_at_source(trs: psycopg.Connection, gone: Person, stays: Person) -> None:
    """What the operational system does when it erases a person."""
    trs.execute("update persons set merged_with_person_id = null where person_id = %s", (stays.person_id,))
    trs.execute("update notes set content = 'Asked' where person_id = %s", (stays.person_id,))
    trs.execute("update support_tasks set data = '{}' where support_task_reference = 'TRS-1'")
    trs.execute(
        "update events set payload = '{}', person_ids = %s where event_name = 'PersonsMergedEvent'",
        ([stays.person_id],),
    )
    trs.execute(
        "update processes set change_reason = '{}', person_ids = %s where process_type = 77", ([stays.person_id],)
    )
    tables = trs.execute("select relname from pg_class where relnamespace = 'public'::regnamespace and relkind = 'r'")
    for (table,) in tables.fetchall():
        words = [gone.mark, gone.mark.lower(), str(gone.person_id), gone.trn]
        trs.execute(
            sql.SQL('delete from {} as t where (t::text collate "C") ~* {}').format(
                sql.Identifier(table), sql.Literal("|".join(words))
            )
        )


def contents(connection: psycopg.Connection, schemas: list[str]) -> dict[str, list[str]]:
    """Every row of every table of some schemas, as text, sorted."""
    tables = connection.execute(
        "select n.nspname, c.relname from pg_class as c join pg_namespace as n on n.oid = c.relnamespace"
        " where c.relkind in ('r', 'p') and not c.relispartition and n.nspname = any(%s) order by 1, 2",
        (schemas,),
    ).fetchall()
    return {
        f"{schema}.{table}": sorted(
            row[0]
            for row in connection.execute(sql.SQL("select t::text from {} as t").format(sql.Identifier(schema, table)))
        )
        for schema, table in tables
    }


def digest(contents_: dict[str, list[str]]) -> str:
    return hashlib.sha256(json.dumps(contents_).encode()).hexdigest()


def files_with(folder: Path, traces: list[bytes]) -> Iterator[str]:
    """The files below a folder in which a trace stands."""
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            content = path.read_bytes()
            if path.suffix == ".gz":
                content = gzip.decompress(content)
            if any(trace in content for trace in traces):
                yield str(path.relative_to(folder))
