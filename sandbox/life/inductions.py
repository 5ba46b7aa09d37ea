"""Induction of a person: begun, passed, failed, exempted from, and an exemption taken away."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

from sandbox.domain import dates, events
from sandbox.domain.codes import Induction
from sandbox.domain.routes import PASSED_IN_WALES
from sandbox.life import routes
from sandbox.life.kinds import SCHOOL_YEAR_START, SUMMER_AWARDS, Kind, Subject
from sandbox.life.pool import Pool
from sandbox.life.scene import CalledOffError, Row, Scene
from sandbox.life.standing import standing

DUE = Pool("persons", "person_id", "t.status = 0 AND t.induction_status = 1 AND t.qts_date IS NOT NULL")
RUNNING = Pool(
    "persons",
    "person_id",
    "t.status = 0 AND t.induction_status = 3 AND t.qts_date IS NOT NULL AND t.induction_start_date IS NOT NULL",
)
# Induction takes a school year.
FINISHING = Pool(
    "persons",
    "person_id",
    "t.status = 0 AND t.induction_status = 3 AND t.qts_date IS NOT NULL "
    "AND t.induction_start_date < (SELECT today FROM sandbox.world) - 250",
)
EXEMPTED = Pool(
    "persons", "person_id", "t.status = 0 AND t.induction_status = 2 AND t.induction_exemption_reason_ids <> '{}'"
)


def enter(
    scene: Scene, person: Row, changes: Mapping[str, Any], user: UUID, reason: str | None, *, cpd: bool = False
) -> bool:
    """Enter something about a person's induction, let its status follow, and record the event."""
    entered = {**person, **changes}
    after = {**entered, **standing(entered, routes.of(scene, person["person_id"]), scene.lookup.route_types)}
    if cpd:
        after["cpd_induction_modified_on"] = scene.when
        after["cpd_induction_cpd_modified_on"] = scene.when
        after["cpd_induction_first_modified_on"] = person["cpd_induction_first_modified_on"] or scene.when
    values = {
        "PersonId": person["person_id"],
        "Induction": events.state("Induction", after),
        "OldInduction": events.state("Induction", person),
        "ChangeReason": reason,
    }
    if not events.changes("PersonInductionUpdatedEvent", values, "events"):
        return False
    after["induction_modified_on"] = after["updated_on"] = scene.when
    columns = {column: value for column, value in after.items() if value != person[column]}
    scene.update("persons", {"person_id": person["person_id"]}, columns)
    scene.legacy("PersonInductionUpdatedEvent", user, values)
    return True


def _of_status(scene: Scene, subject: Subject, status: int) -> Row:
    person = scene.need_person(subject.id)
    if person["induction_status"] != status:
        raise CalledOffError
    return person


def begin(scene: Scene, subject: Subject) -> bool:
    """A new teacher begins induction: the early-career service says so."""
    person = _of_status(scene, subject, Induction.REQUIRED)
    if person["qts_date"] is None:
        return False
    start = max(person["qts_date"], dates.EARLIEST_INDUCTION, scene.day - timedelta(days=scene.chance.randint(0, 40)))
    if start > scene.day:
        return False
    changes = {
        "induction_status_without_exemption": Induction.IN_PROGRESS,
        "induction_start_date": start,
        "induction_completed_date": None,
    }
    return enter(scene, person, changes, scene.lookup.early_career_user, None, cpd=True)


def _completed(status: int, from_status: int, *, cpd: bool) -> Any:
    def play(scene: Scene, subject: Subject) -> bool:
        person = _of_status(scene, subject, from_status)
        if person["qts_date"] is None:
            return False
        start = person["induction_start_date"] or max(
            person["qts_date"], dates.EARLIEST_INDUCTION, scene.day - timedelta(days=380)
        )
        completed = max(start, scene.day - timedelta(days=scene.chance.randint(0, 14)))
        if completed > scene.day:
            return False
        changes = {
            "induction_status_without_exemption": status,
            "induction_start_date": start,
            "induction_completed_date": completed,
            # A completed induction leaves no reason to be exempt from it.
            "induction_exemption_reason_ids": [],
            "induction_exempt_without_reason": False,
        }
        user = scene.lookup.early_career_user if cpd else scene.staff()
        return enter(scene, person, changes, user, None if cpd else "New information received", cpd=cpd)

    return play


def exempt(scene: Scene, subject: Subject) -> bool:
    """Somebody is found not to need induction."""
    person = _of_status(scene, subject, Induction.REQUIRED)
    changes = {
        "induction_exemption_reason_ids": [scene.chance.choice(scene.lookup.exemption_reasons)],
        "induction_start_date": None,
        "induction_completed_date": None,
    }
    return enter(scene, person, changes, scene.staff(), "Data loss or incomplete information")


def end_exemption(scene: Scene, subject: Subject) -> bool:
    """The reasons entered for a person no longer hold; a route may still exempt them."""
    person = _of_status(scene, subject, Induction.EXEMPT)
    changes = {"induction_exemption_reason_ids": [], "induction_exempt_without_reason": False}
    return enter(scene, person, changes, scene.staff(), "No longer exempt from induction")


def passed_in_wales(scene: Scene, person: Row) -> bool:
    """A Welsh pass exempts from induction here, unless a higher status stands; its dates are not kept."""
    reasons, passed = person["induction_exemption_reason_ids"], UUID(PASSED_IN_WALES)
    if passed in reasons or person["induction_status_without_exemption"] in {Induction.PASSED, Induction.FAILED}:
        return False
    return enter(scene, person, {"induction_exemption_reason_ids": [*reasons, passed]}, scene.lookup.system_user, None)


_passed = _completed(Induction.PASSED, Induction.IN_PROGRESS, cpd=True)
KINDS = (
    Kind("induction_started", begin, 4, DUE, season=SCHOOL_YEAR_START),
    Kind("induction_passed", _passed, 3, FINISHING, season=SUMMER_AWARDS),
    Kind("induction_failed", _completed(Induction.FAILED, Induction.IN_PROGRESS, cpd=False), 0.15, RUNNING),
    Kind("induction_failed_in_wales", _completed(Induction.FAILED_IN_WALES, Induction.REQUIRED, cpd=False), 0.1, DUE),
    Kind("induction_exempted", exempt, 0.7, DUE, part="early"),
    Kind("induction_exemption_removed", end_exemption, 0.4, EXEMPTED, part="late"),
)
