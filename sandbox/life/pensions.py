"""A month of Teachers' Pensions: two files loaded, staged, matched, added and updated; ageing afterwards."""

from __future__ import annotations

import calendar
from datetime import date
from hashlib import blake2b
from typing import Any
from uuid import UUID

from psycopg import sql
from psycopg.types.json import Jsonb

from sandbox.domain import events
from sandbox.domain.codes import Item
from sandbox.domain.pensions import MONTHS_UNTIL_ENDED
from sandbox.life.gias import PREFERRED
from sandbox.life.kinds import Job, Subject
from sandbox.life.pensions_file import COLUMNS, lines
from sandbox.life.scene import CalledOffError, Row, Scene, legacy_row

# A file is worked in parts, each a transaction of its own.
PARTS = 4

_COPY_LOADED = sql.SQL("COPY tps_csv_extract_load_items ({}) FROM STDIN").format(
    sql.SQL(", ").join(map(sql.Identifier, COLUMNS))
)
_STAGED = sql.SQL(
    """
    INSERT INTO tps_csv_extract_items (
        tps_csv_extract_item_id, tps_csv_extract_id, tps_csv_extract_load_item_id, trn, national_insurance_number,
        date_of_birth, date_of_death, gender, member_postcode, member_email_address, local_authority_code,
        establishment_number, establishment_postcode, establishment_email_address, employment_start_date,
        employment_end_date, employment_type, withdrawal_indicator, extract_date, created, result, key)
    SELECT md5(tps_csv_extract_load_item_id::text || 'item')::uuid, tps_csv_extract_id, tps_csv_extract_load_item_id,
           trn, upper(regexp_replace(national_insurance_number, '[\\s-]', '', 'g')),
           to_date(date_of_birth, 'DD/MM/YYYY'), to_date(date_of_death, 'DD/MM/YYYY'), gender, member_postcode,
           member_email_address, local_authority_code, establishment_number, establishment_postcode,
           establishment_email_address, to_date(employment_start_date, 'DD/MM/YYYY'),
           to_date(employment_end_date, 'DD/MM/YYYY'),
           array_position(ARRAY['FT', 'PTR', 'PTI', 'PT'], full_or_part_time_indicator) - 1, withdrawal_indicator,
           to_date(extract_date, 'DD/MM/YYYY'), %s, NULL,
           concat_ws('.', trn, local_authority_code, coalesce(establishment_number, 'NULL'),
                     to_char(to_date(employment_start_date, 'DD/MM/YYYY'), 'YYYYMMDD'))
    FROM tps_csv_extract_load_items
    WHERE tps_csv_extract_id = %s AND errors = 0
    ORDER BY tps_csv_extract_load_item_id
    """
)
# An unknown number is the first thing found; deactivated people match too.
_UNKNOWN_TRN = sql.SQL(
    """
    UPDATE tps_csv_extract_items i SET result = 3
    WHERE i.tps_csv_extract_id = %s AND NOT EXISTS (SELECT FROM persons p WHERE p.trn = i.trn)
    """
)
_PLACES = sql.SQL(
    """
    CREATE TEMPORARY TABLE places ON COMMIT DROP AS
    SELECT i.tps_csv_extract_item_id, coalesce(known.establishment_id, campus.establishment_id) AS establishment_id
    FROM tps_csv_extract_items i
    LEFT JOIN ({preferred}) AS known
        ON known.la_code = i.local_authority_code AND known.establishment_number = i.establishment_number
    LEFT JOIN (
        SELECT DISTINCT ON (la_code, postcode) la_code, postcode, establishment_id
        FROM establishments
        WHERE establishment_type_code = '29' AND establishment_source_id = 1
        ORDER BY la_code, postcode, array_position(ARRAY[1, 3, 2, 4], establishment_status_code) NULLS LAST,
                 urn DESC NULLS LAST, establishment_id
    ) AS campus ON campus.la_code = i.local_authority_code AND campus.postcode = i.establishment_postcode
    WHERE i.tps_csv_extract_id = %s AND i.result IS NULL
    """
).format(preferred=PREFERRED)
_UNKNOWN_PLACE = sql.SQL(
    """
    UPDATE tps_csv_extract_items i SET result = 4
    FROM places p
    WHERE p.tps_csv_extract_item_id = i.tps_csv_extract_item_id AND p.establishment_id IS NULL
    """
)
# What a line says of an employment, beside the columns of the same names.
_SAID = sql.SQL(
    """
    i.tps_csv_extract_item_id AS item, i.employment_start_date AS said_start, i.employment_end_date AS said_end,
    i.extract_date AS said_on, i.withdrawal_indicator AS said_withdrawal, i.employment_type AS said_type,
    i.national_insurance_number AS said_nino, i.member_postcode, i.member_email_address, i.establishment_postcode,
    i.establishment_email_address
    """
)
_ADDED = sql.SQL(
    """
    SELECT DISTINCT ON (i.key) i.key, p.person_id, places.establishment_id, {said}
    FROM tps_csv_extract_items i
    JOIN persons p ON p.trn = i.trn
    JOIN places ON places.tps_csv_extract_item_id = i.tps_csv_extract_item_id
    WHERE i.tps_csv_extract_id = %s AND i.result IS NULL
      AND NOT EXISTS (SELECT FROM tps_employments t WHERE t.key = i.key)
    ORDER BY i.key, i.tps_csv_extract_item_id
    """
).format(said=_SAID)
_KNOWN = sql.SQL(
    """
    SELECT t.*, {said}
    FROM tps_csv_extract_items i
    JOIN tps_employments t ON t.key = i.key
    WHERE i.tps_csv_extract_id = %s AND i.result IS NULL
      AND get_byte(uuid_send(i.tps_csv_extract_item_id), 15) %% %s = %s
    ORDER BY t.tps_employment_id, i.tps_csv_extract_item_id
    """
).format(said=_SAID)
_RESULTS = sql.SQL(
    """
    UPDATE tps_csv_extract_items i SET result = r.result
    FROM unnest(%s::uuid[], %s::integer[]) AS r (item, result)
    WHERE i.tps_csv_extract_item_id = r.item
    """
)
_CHANGED = sql.SQL(
    """
    UPDATE tps_employments t
    SET end_date = c.end_date, last_known_tps_employed_date = c.last_known, last_extract_date = c.extracted,
        employment_type = c.kind, withdrawal_confirmed = c.withdrawn, person_postcode = c.person_postcode,
        person_email_address = c.person_email, employer_postcode = c.employer_postcode,
        employer_email_address = c.employer_email, updated_on = %s
    FROM unnest(%s::uuid[], %s::date[], %s::date[], %s::date[], %s::integer[], %s::boolean[], %s::varchar[],
                %s::varchar[], %s::varchar[], %s::varchar[])
        AS c (id, end_date, last_known, extracted, kind, withdrawn, person_postcode, person_email, employer_postcode,
              employer_email)
    WHERE t.tps_employment_id = c.id
    """
)
# The number has a trigger on it: only rows in which it is another one are written for it.
_RENUMBERED = sql.SQL("UPDATE tps_employments SET national_insurance_number = %s WHERE tps_employment_id = %s")
_AGED = sql.SQL(
    """
    SELECT t.* FROM tps_employments t
    WHERE t.end_date IS NULL
      AND t.last_known_tps_employed_date < (SELECT max(last_extract_date) FROM tps_employments) - interval '5 months'
    ORDER BY t.tps_employment_id
    """
)
_ENDED = sql.SQL(
    """
    UPDATE tps_employments SET end_date = last_known_tps_employed_date, updated_on = %s
    WHERE tps_employment_id = ANY(%s)
    """
)


def work(scene: Scene, subject: Subject) -> None:
    """One step of the month for one of its two files."""
    step, _, rest = subject.key.partition(":")
    file, _, part = rest.partition(":")
    scene.later(int(part or 0))
    # Each step finds the file by an identifier that the day and the number of the file decide.
    extract_id = UUID(bytes=_digest(scene, file), version=4)
    if step == "load":
        _load(scene, int(file), extract_id)
    elif step == "stage":
        scene.run(_STAGED, (scene.when, extract_id))
    elif step == "add":
        _match_and_add(scene, extract_id)
    else:
        _update(scene, extract_id, int(part))


def _digest(scene: Scene, file: str) -> bytes:
    return blake2b(f"{scene.world.seed}|{scene.day}|extract|{file}".encode(), digest_size=16).digest()


def _load(scene: Scene, file: int, extract_id: Any) -> None:
    name = f"Workforce-Dataset-{file}-{scene.day:%Y%m%d}-1329.csv"
    scene.insert("tps_csv_extracts", {"tps_csv_extract_id": extract_id, "filename": name, "created_on": scene.when})
    rows = list(lines(scene, file - 1, extract_id, scene.day))
    with scene.cursor.copy(_COPY_LOADED) as copy:
        for row in rows:
            copy.write_row(row)


def derived(end: date, extracted: date, withdrawal: str | None) -> tuple[date | None, date, bool]:
    """End date, last known date and confirmed withdrawal of an employment, from a row of a file."""
    last_known = min(end, extracted)
    withdrawn = withdrawal == "W"
    ended = withdrawn or last_known < months_before(extracted, MONTHS_UNTIL_ENDED)
    return (end if ended else None), last_known, withdrawn


def months_before(day: date, months: int) -> date:
    """The same day so many calendar months earlier, or the last day of that month."""
    year, month = divmod(day.year * 12 + day.month - 1 - months, 12)
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))


def _as_said(line: Row) -> Row:
    """The columns of an employment that the newest line about it sets."""
    end, last_known, withdrawn = derived(line["said_end"], line["said_on"], line["said_withdrawal"])
    return {
        "end_date": end,
        "last_known_tps_employed_date": last_known,
        "last_extract_date": line["said_on"],
        "employment_type": line["said_type"],
        "withdrawal_confirmed": withdrawn,
        "person_postcode": line["member_postcode"],
        "person_email_address": line["member_email_address"],
        "employer_postcode": line["establishment_postcode"],
        "employer_email_address": line["establishment_email_address"],
        "national_insurance_number": line["said_nino"],
    }


def _match_and_add(scene: Scene, extract_id: Any) -> None:
    scene.run(_UNKNOWN_TRN, (extract_id,))
    scene.run(_PLACES, (extract_id,))
    scene.run(_UNKNOWN_PLACE)
    written, results = [], []
    for line in scene.all(_ADDED, (extract_id,)):
        row: Row = {
            "tps_employment_id": scene.uuid(),
            "person_id": line["person_id"],
            "establishment_id": line["establishment_id"],
            "start_date": line["said_start"],
            "key": line["key"],
            **_as_said(line),
            "created_on": scene.when,
            "updated_on": scene.when,
        }
        scene.insert("tps_employments", row)
        values = {"PersonId": row["person_id"], "TpsEmployment": events.state("TpsEmployment", row)}
        written.append(_event(scene, "TpsEmploymentCreatedEvent", values))
        results.append((line["item"], Item.ADDED))
    _write(scene, written, results)


def _update(scene: Scene, extract_id: Any, part: int) -> None:
    written, results = [], []
    changed: dict[UUID, Row] = {}
    for found in scene.all(_KNOWN, (extract_id, PARTS, part)):
        # A key may come twice in a file: the second line finds what the first one left.
        left = changed.get(found["tps_employment_id"], {})
        row: Row = {**found, **left}
        after: Row = {**row, **_as_said(found)}
        counted = ("employment_type", "last_known_tps_employed_date", "last_extract_date")
        changes = any(after[column] != row[column] for column in counted)
        results.append((row["item"], Item.UPDATED if changes else Item.NO_CHANGE))
        old, new = events.state("TpsEmployment", row), events.state("TpsEmployment", after)
        if old == new:
            continue
        changed[row["tps_employment_id"]] = _as_said(found)
        if after["national_insurance_number"] != row["national_insurance_number"]:
            scene.run(_RENUMBERED, (after["national_insurance_number"], row["tps_employment_id"]))
        values = {"PersonId": row["person_id"], "TpsEmployment": new, "OldTpsEmployment": old}
        written.append(_event(scene, "TpsEmploymentUpdatedEvent", values))
    if changed:
        said = [list(row.values()) for row in changed.values()]
        # The number is the last of the columns, and written apart.
        columns = [list(column) for column in zip(*said, strict=True)][:-1]
        scene.run(_CHANGED, (scene.when, list(changed), *columns))
    _write(scene, written, results)


def age(scene: Scene, _: Subject) -> None:
    """End employments that no file has named for five months.

    The application puts the state before into `TpsEmployment` and the one after into `OldTpsEmployment` here: readers
    of its events have to know, so this world does the same.
    """
    aged = scene.all(_AGED)
    if not aged:
        raise CalledOffError
    written = []
    for row in aged:
        after = {**row, "end_date": row["last_known_tps_employed_date"]}
        values = {
            "PersonId": row["person_id"],
            "TpsEmployment": events.state("TpsEmployment", row),
            "OldTpsEmployment": events.state("TpsEmployment", after),
        }
        written.append(_event(scene, "TpsEmploymentUpdatedEvent", values))
    scene.run(_ENDED, (scene.when, [row["tps_employment_id"] for row in aged]))
    _write(scene, written, [])


def _event(scene: Scene, name: str, values: dict[str, Any]) -> Row:
    return legacy_row(name, scene.uuid(), scene.when, scene.lookup.system_user, values)


_COPY_EVENTS = sql.SQL("COPY events ({}) FROM STDIN")


def _write(scene: Scene, written: list[Row], results: list[tuple[Any, int]]) -> None:
    if results:
        # Where two employments share a key, the line that met both counts as having changed something if either did.
        final = dict(sorted(results, key=lambda result: (str(result[0]), result[1])))
        scene.run(_RESULTS, (list(final), list(final.values())))
    if written:
        columns = sql.SQL(", ").join(map(sql.Identifier, written[0]))
        with scene.cursor.copy(_COPY_EVENTS.format(columns)) as copy:
            for row in written:
                copy.write_row([Jsonb(value) if column == "payload" else value for column, value in row.items()])


def _month() -> list[tuple[str, float]]:
    steps: list[tuple[str, float]] = []
    for file in (1, 2):
        steps += [(f"load:{file}", 12.0 + file), (f"stage:{file}", 12.2 + file), (f"add:{file}", 12.4 + file)]
        steps += [(f"update:{file}:{part}", 12.5 + file) for part in range(PARTS)]
    return steps


JOBS = (
    Job("pensions_month", work, lambda day: day.day == 25, _month()),
    Job("employments_aged", age, lambda day: day.day == 27, [("", 10.0)]),
)
