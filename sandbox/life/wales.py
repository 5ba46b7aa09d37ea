"""Files of the Education Workforce Council: QTS awarded and induction passed in Wales."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from sandbox.domain.codes import Induction, Interface, RouteStatus, RowStatus
from sandbox.life import chance as luck
from sandbox.life import inductions, ledger, routes
from sandbox.life.awards import UNQUALIFIED
from sandbox.life.clock import is_working_day
from sandbox.life.kinds import Job, Subject
from sandbox.life.ledger import Record
from sandbox.life.lookup import WELSH
from sandbox.life.pool import Pool, draw
from sandbox.life.scene import Row, Scene

_HEADING = (
    "REFERENCE_NO,FIRST_NAME,LAST_NAME,DATE_OF_BIRTH,START_DATE,PASS_DATE,FAIL_DATE,EMPLOYER_NAME,EMPLOYER_CODE,"
    "IND_STATUS_NAME"
)
# From this day on a status means QTS awarded in Wales and nothing else.
_AWARDED_IN_WALES = ("49", "71")
_DONE = {
    Induction.IN_PROGRESS: "in progress",
    Induction.PASSED: "passed",
    Induction.FAILED: "failed",
    Induction.FAILED_IN_WALES: "failed in Wales",
}
TRAINED = Pool("persons", "person_id", "t.status = 0 AND t.qts_date IS NOT NULL AND t.date_of_birth IS NOT NULL")


def _some(scene: Scene, pool: Pool, per_20_000: float) -> list[Row]:
    connection: Any = scene.cursor.connection
    wanted = max(2, luck.count(scene.chance, per_20_000 * scene.world.people / 20_000))
    rows = (scene.person(person) for person in _keys(draw(connection, pool, wanted, scene.chance, set())))
    return [row for row in rows if row is not None]


def _keys(drawn: list[tuple[str, str | None]]) -> Any:
    return (key for key, _ in drawn)


def _day(value: date | None) -> str:
    return "" if value is None else value.strftime("%d/%m/%Y")


def _named(person: Row) -> list[str]:
    return [person["trn"], person["first_name"], person["last_name"], _day(person["date_of_birth"])]


def load_awards(scene: Scene, _: Subject) -> None:
    """Each row of the file gives somebody a Welsh route that holds QTS, or is refused."""
    records = [_award(scene, person) for person in _some(scene, UNQUALIFIED, 3)]
    records.append(_nobody(scene, ["71", _day(scene.day)], ";\r\n"))
    ledger.write(scene, Interface.EWC, f"QTS_{scene.day:%Y%m%d}.csv", records)


def _award(scene: Scene, person: Row) -> Record:
    awarded = scene.day - timedelta(days=scene.chance.randint(5, 40))
    code = scene.chance.choice(_AWARDED_IN_WALES)
    row = [*_named(person), code, _day(awarded)]
    alert = ledger.has_open_alert(scene, person["person_id"])
    if person["date_of_birth"] is None or scene.chance.random() < 0.1:
        row[3] = "31/02/1990"
        message = "Invalid Date of Birth;\r\n"
        return Record(",".join(row), RowStatus.FAILURE, message, person["person_id"], has_active_alert=alert)
    values = {"status": RouteStatus.HOLDS, "holds_from": awarded}
    routes.add(scene, person, WELSH, values, scene.lookup.system_user)
    return Record(",".join(row), person_id=person["person_id"], has_active_alert=alert)


def load_inductions(scene: Scene, _: Subject) -> None:
    """Each row of the file exempts somebody as having passed in Wales, or is refused."""
    records = [_induction(scene, person) for person in _some(scene, TRAINED, 4)]
    records.append(_nobody(scene, [_day(scene.day), _day(scene.day), "", "", "", "Pass"], "\r\n", f"{_HEADING}\r\n"))
    ledger.write(scene, Interface.EWC, f"IND_{scene.day:%Y%m%d}.csv", records)


def _induction(scene: Scene, person: Row) -> Record:
    started = max(person["qts_date"], scene.day - timedelta(days=400))
    passed = max(started, scene.day - timedelta(days=20))
    school = ["", "Ysgol y Bryn", "6601234", "Pass"]
    row = _HEADING + "\r\n" + ",".join([*_named(person), _day(started), _day(passed), *school])
    alert = ledger.has_open_alert(scene, person["person_id"])
    status = person["induction_status"]
    if status in _DONE:
        message = f"Teacher with trn {person['trn']} completed induction already or is {_DONE[status]}.\r\n"
        return Record(row, RowStatus.FAILURE, message, person["person_id"], has_active_alert=alert)
    inductions.passed_in_wales(scene, person)
    return Record(row, person_id=person["person_id"], has_active_alert=alert)


def _nobody(scene: Scene, rest: list[str], end: str, heading: str = "") -> Record:
    # Numbers of this range are never given out.
    trn = f"00000{scene.chance.randrange(100):02d}"
    row = heading + ",".join([trn, "Nia", "Prydderch", "01/02/1990", *rest])
    return Record(row, RowStatus.FAILURE, f"Teacher with TRN {trn} was not found{end}", has_active_alert=False)


JOBS = (
    Job("welsh_awards_loaded", load_awards, lambda day: day.weekday() == 0 and is_working_day(day), [("", 8.0)]),
    Job(
        "welsh_inductions_loaded", load_inductions, lambda day: day.weekday() == 2 and is_working_day(day), [("", 8.0)]
    ),
)
