"""The nightly refresh of establishments: schools change, close, open again as academies; employments follow."""

from __future__ import annotations

from typing import Any

from psycopg import sql

from sandbox.domain import events
from sandbox.domain.codes import School
from sandbox.life import chance as luck
from sandbox.life.kinds import Job, Subject
from sandbox.life.pool import Pool, draw
from sandbox.life.scene import Row, Scene

OPEN_SCHOOLS = Pool(
    "establishments",
    "establishment_id",
    "t.establishment_source_id = 1 AND t.establishment_status_code = 1 AND t.establishment_number IS NOT NULL",
    person=None,
)
_SCHOOL = sql.SQL("SELECT * FROM establishments WHERE establishment_id = %s FOR UPDATE")
_HIGHEST_URN = sql.SQL("SELECT max(urn) AS urn FROM establishments")
# One establishment for each (LA, number): open before closing before closed before proposed, then the highest URN.
PREFERRED = sql.SQL(
    """
    SELECT DISTINCT ON (la_code, establishment_number) la_code, establishment_number, establishment_id
    FROM establishments
    WHERE establishment_number IS NOT NULL
    ORDER BY la_code, establishment_number,
             array_position(ARRAY[1, 3, 2, 4], establishment_status_code) NULLS LAST, urn DESC NULLS LAST,
             establishment_id
    """
)
# Employments of schools that were closed lately: those are the ones that may have to move.
_TO_MOVE = sql.SQL(
    """
    WITH preferred AS ({preferred})
    SELECT t.*, preferred.establishment_id AS preferred_id
    FROM establishments old
    JOIN preferred ON preferred.la_code = old.la_code AND preferred.establishment_number = old.establishment_number
    JOIN tps_employments t ON t.establishment_id = old.establishment_id
    WHERE old.establishment_status_code = 2 AND preferred.establishment_id <> old.establishment_id
    ORDER BY t.tps_employment_id
    LIMIT 1000
    """
).format(preferred=PREFERRED)
_MOVED = sql.SQL("UPDATE tps_employments SET establishment_id = %s, updated_on = %s WHERE tps_employment_id = %s")


def refresh(scene: Scene, subject: Subject) -> bool:
    """Load the night's file, or afterwards point employments to the establishment that is now preferred."""
    return _load(scene) if subject.key == "load" else _repoint(scene)


def _load(scene: Scene) -> bool:
    chance = scene.chance
    connection: Any = scene.cursor.connection
    wanted = max(3, luck.count(chance, 12 * scene.world.people / 20_000))
    drawn = draw(connection, OPEN_SCHOOLS, wanted, chance, set())
    for position, (key, _) in enumerate(drawn):
        school = scene.one(_SCHOOL, (key,))
        if school is None:
            continue
        # Two nights a week a school closes and opens again the same night as an academy, with the same number.
        if position == 0 and scene.day.weekday() in {1, 3}:
            _convert(scene, school)
            continue
        pupils = max(0, (school["number_of_pupils"] or 200) + chance.randint(-15, 15))
        changes: Row = {"number_of_pupils": pupils}
        if chance.random() < 0.5:
            changes["free_school_meals_percentage"] = round(chance.uniform(2, 45), 2)
        if chance.random() < 0.2 and not school["establishment_name"].endswith("Church of England School"):
            changes["establishment_name"] = (
                f"{school['establishment_name'].removesuffix(' School')[:90]} Community School"
            )
        scene.update("establishments", {"establishment_id": school["establishment_id"]}, changes)
    return bool(drawn)


def _status(code: int) -> Row:
    return {"establishment_status_code": code, "establishment_status_name": School.NAMES[code]}


def _convert(scene: Scene, school: Row) -> None:
    key = {"establishment_id": school["establishment_id"]}
    scene.update("establishments", key, _status(School.CLOSED))
    highest = scene.one(_HIGHEST_URN)
    assert highest is not None
    academy = {
        **school,
        "establishment_id": scene.uuid(),
        "urn": (highest["urn"] or 100_000) + 1,
        "establishment_name": f"{school['establishment_name'].removesuffix(' School')[:100]} Academy",
        "establishment_type_code": "34",
        "establishment_type_name": "Academy converter",
        "establishment_type_group_code": 10,
        "establishment_type_group_name": "Academies",
        **_status(School.OPEN),
    }
    scene.insert("establishments", academy)


def _repoint(scene: Scene) -> bool:
    moving = scene.all(_TO_MOVE)
    for row in moving:
        after = {**row, "establishment_id": row["preferred_id"]}
        scene.run(_MOVED, (row["preferred_id"], scene.when, row["tps_employment_id"]))
        values = {
            "PersonId": row["person_id"],
            "TpsEmployment": events.state("TpsEmployment", after),
            "OldTpsEmployment": events.state("TpsEmployment", row),
        }
        scene.legacy("TpsEmploymentUpdatedEvent", scene.lookup.system_user, values)
    return bool(moving)


JOBS = (Job("gias_refreshed", refresh, lambda _: True, [("load", 2.0), ("repoint", 2.4)]),)
