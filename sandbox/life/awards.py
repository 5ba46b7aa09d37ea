"""Training for a professional status and being awarded it; QTLS; recognition of status from elsewhere."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from sandbox.domain import dates
from sandbox.domain.codes import Award, Field, Induction, Qtls
from sandbox.domain.codes import RouteStatus as Route
from sandbox.life import chance as luck
from sandbox.life import routes
from sandbox.life.kinds import SCHOOL_YEAR_START, SUMMER_AWARDS, Kind, Subject
from sandbox.life.lookup import APPLY, NORTHERN_IRISH, QTLS, SCOTTISH, WELSH
from sandbox.life.pool import OF_AN_ACTIVE_PERSON, Pool
from sandbox.life.scene import CalledOffError, Row, Scene

RANGE = 0

# Routes that may still lead to a status, or have.
_NO_ROUTE = (
    "NOT EXISTS (SELECT FROM qualifications q WHERE q.person_id = t.person_id "
    "AND q.qualification_type = 1 AND q.deleted_on IS NULL AND q.status IN (0, 1, 2, 6) OFFSET 0)"
)
UNQUALIFIED = Pool("persons", "person_id", f"t.status = 0 AND t.qts_date IS NULL AND {_NO_ROUTE}")
NO_QTLS = Pool("persons", "person_id", "t.status = 0 AND t.qtls_status <> 2 AND t.induction_status IN (0, 1)")


def _live(fits: str) -> Pool:
    """Routes of active people that are not deleted."""
    live = f"t.qualification_type = 1 AND t.deleted_on IS NULL AND {OF_AN_ACTIVE_PERSON}"
    return Pool("qualifications", "qualification_id", f"{live} AND {fits}")


_LONG_ENOUGH = "t.training_start_date < (SELECT today FROM sandbox.world) - 180"
_IS_QTLS = f"t.route_to_professional_status_type_id = '{QTLS}'"
TRAINING = _live("t.status = 0")
AWAITING = _live(f"t.status IN (0, 6) AND (t.training_start_date IS NULL OR {_LONG_ENOUGH})")
DEFERRED_ROUTES = _live("t.status = 2")
HELD = _live("t.status = 1 AND t.holds_from IS NOT NULL")
EXEMPTING = _live(f"t.status = 1 AND t.exempt_from_induction AND NOT {_IS_QTLS}")
MEMBERSHIPS = _live(f"t.status = 1 AND {_IS_QTLS}")

_BEFORE_INDUCTION = (Induction.NONE, Induction.REQUIRED)


def _training(scene: Scene, start: date) -> dict[str, Any]:
    lookup, chance = scene.lookup, scene.chance
    ages = luck.weighted(chance, [((3, 7), 1), ((5, 11), 4), ((7, 14), 1), ((11, 16), 4), ((11, 18), 2)])
    return {
        "training_start_date": start,
        "training_end_date": start + timedelta(days=chance.randint(270, 330)),
        "training_provider_id": chance.choice(lookup.providers) if lookup.providers else None,
        "degree_type_id": chance.choice(lookup.degrees),
        "training_country_id": "GB",
        "training_age_specialism_type": RANGE,
        "training_age_specialism_range_from": ages[0],
        "training_age_specialism_range_to": ages[1],
        "training_subject_ids": chance.sample(lookup.subjects, chance.randint(1, 2)),
    }


def start_training(scene: Scene, subject: Subject) -> None:
    """Somebody begins a course that leads to QTS or EYTS."""
    person = scene.need_person(subject.id)
    if person["qts_date"] is not None:
        raise CalledOffError
    chance, lookup = scene.chance, scene.lookup
    early_years = bool(lookup.early_years_routes) and chance.random() < 0.12
    type_id = chance.choice(lookup.early_years_routes if early_years else lookup.training_routes)
    start = scene.day - timedelta(days=chance.randint(0, 40))
    row = routes.fitting(scene, type_id, _training(scene, start))
    user = lookup.application("trainee", chance)
    row["status"] = Route.UNDER_ASSESSMENT if chance.random() < 0.06 else Route.IN_TRAINING
    # The system of the provider names the course; the pair with its user is unique for a person.
    row["source_application_user_id"] = user
    row["source_application_reference"] = f"{scene.day.year}/{chance.getrandbits(40):010x}"
    routes.add(scene, person, type_id, row, user)


def amend_training(scene: Scene, subject: Subject) -> bool:
    """A provider corrects what it said about a course."""
    person, route = routes.need(scene, subject.key)
    chance = scene.chance
    changes: Row = {"training_subject_ids": chance.sample(scene.lookup.subjects, chance.randint(1, 3))}
    # A day that is none (far_days.py) is not moved: whoever typed it did not see it.
    if isinstance(route["training_end_date"], date):
        changes["training_end_date"] = route["training_end_date"] + timedelta(days=chance.randint(1, 60))
    if route["training_provider_id"] is not None and scene.lookup.providers:
        changes["training_provider_id"] = chance.choice(scene.lookup.providers)
    return routes.change(scene, person, route, changes, route["source_application_user_id"] or scene.staff())


def award(scene: Scene, subject: Subject) -> bool:
    """A course ends in the status that it leads to."""
    person, route = routes.need(scene, subject.key)
    if route["status"] not in {Route.IN_TRAINING, Route.UNDER_ASSESSMENT}:
        return False
    rules = scene.lookup.route_types[route["route_to_professional_status_type_id"]]
    start = route["training_start_date"] or date.min
    holds_from = max(start, scene.day - timedelta(days=scene.chance.randint(0, 12)))
    if holds_from > scene.day:
        return False
    changes: Row = {
        "status": Route.HOLDS,
        "holds_from": None if rules["professional_status_type"] == Award.EYPS else holds_from,
    }
    if route["training_end_date"] is not None:
        changes["training_end_date"] = min(route["training_end_date"], holds_from)
    return routes.change(scene, person, route, changes, route["source_application_user_id"] or scene.staff())


def recognise(scene: Scene, subject: Subject) -> None:
    """QTS is given for a qualification from elsewhere, without training here."""
    person = scene.need_person(subject.id)
    if person["qts_date"] is not None:
        raise CalledOffError
    chance = scene.chance
    type_id, country = luck.weighted(
        chance,
        [
            ((APPLY, "IE"), 3),
            ((APPLY, "NG"), 3),
            ((SCOTTISH, "GB-SCT"), 2),
            ((NORTHERN_IRISH, "GB-NIR"), 1),
            ((WELSH, None), 2),
        ],
    )
    rules = scene.lookup.route_types[type_id]
    exempt = None if rules["induction_exemption_required"] == Field.NOT_APPLICABLE else chance.random() < 0.8
    row: Row = {
        "status": Route.HOLDS,
        "holds_from": scene.day - timedelta(days=chance.randint(0, 20)),
        "training_country_id": country,
        "exempt_from_induction": exempt,
    }
    user = scene.lookup.application("apply", chance) if type_id == APPLY else scene.staff()
    if type_id == APPLY:
        row["source_application_user_id"] = user
        row["source_application_reference"] = f"AQTS-{chance.getrandbits(36):09x}"
    routes.add(scene, person, type_id, row, user, None if type_id == APPLY else "New information received")


def grant_membership(scene: Scene, subject: Subject) -> None:
    """The Society for Education and Training says that someone has QTLS."""
    person = scene.need_person(subject.id)
    if person["qtls_status"] == Qtls.ACTIVE:
        raise CalledOffError
    holds_from = max(dates.QTLS_BEGAN, scene.day - timedelta(days=scene.chance.randint(0, 400)))
    row = {"status": Route.HOLDS, "holds_from": holds_from, "exempt_from_induction": True}
    routes.add(scene, person, QTLS, row, scene.lookup.application("society", scene.chance))


def lapse_membership(scene: Scene, subject: Subject) -> None:
    """Membership of the Society ends, and QTLS with it: the route is deleted softly."""
    person, route = routes.need(scene, subject.key)
    if person["induction_status_without_exemption"] not in _BEFORE_INDUCTION:
        # Whoever began induction on the strength of this status keeps the route until staff have looked at it.
        raise CalledOffError
    routes.remove(scene, person, route, scene.lookup.application("society", scene.chance))


def _moved(status: int, expected: int, reason: str) -> Any:
    def play(scene: Scene, subject: Subject) -> bool:
        person, route = routes.need(scene, subject.key)
        if route["status"] != expected:
            return False
        user = route["source_application_user_id"] or scene.staff()
        return routes.change(scene, person, route, {"status": status}, user, reason)

    return play


def delete_route(scene: Scene, subject: Subject) -> None:
    """A route was entered for the wrong person."""
    routes.remove(scene, *routes.need(scene, subject.key), scene.staff(), "Record was created in error")


def correct_award_date(scene: Scene, subject: Subject) -> bool:
    """The day of an award was wrong."""
    person, route = routes.need(scene, subject.key)
    if person["induction_status_without_exemption"] not in _BEFORE_INDUCTION:
        return False
    rules = scene.lookup.route_types[route["route_to_professional_status_type_id"]]
    if rules["professional_status_type"] == Award.PQTS or route["holds_from"] is None:
        return False
    holds_from = route["holds_from"] - timedelta(days=scene.chance.randint(1, 30))
    if route["training_end_date"] is not None and holds_from < route["training_end_date"]:
        holds_from = route["holds_from"] + timedelta(days=1)
    if holds_from > scene.day or holds_from < (route["training_start_date"] or date.min):
        return False
    return routes.change(
        scene, person, route, {"holds_from": holds_from}, scene.staff(), "Data loss or incomplete information"
    )


def end_route_exemption(scene: Scene, subject: Subject) -> bool:
    """A route turns out not to exempt its holder from induction."""
    person, route = routes.need(scene, subject.key)
    return routes.change(
        scene, person, route, {"exempt_from_induction": False}, scene.staff(), "No longer exempt from induction"
    )


KINDS = (
    Kind("training_started", start_training, 5, UNQUALIFIED, season=SCHOOL_YEAR_START, part="early"),
    Kind("training_amended", amend_training, 3, TRAINING),
    Kind("status_awarded", award, 3, AWAITING, season=SUMMER_AWARDS),
    Kind("status_recognised", recognise, 2, UNQUALIFIED),
    Kind("qtls_granted", grant_membership, 1, NO_QTLS, part="early"),
    Kind("qtls_lapsed", lapse_membership, 0.6, MEMBERSHIPS, part="late"),
    Kind("route_withdrawn", _moved(Route.WITHDRAWN, Route.IN_TRAINING, "Withdrawn"), 1, TRAINING),
    Kind("route_deferred", _moved(Route.DEFERRED, Route.IN_TRAINING, "Deferred"), 0.8, TRAINING, part="early"),
    Kind("route_failed", _moved(Route.FAILED, Route.IN_TRAINING, "Failed"), 0.4, TRAINING),
    Kind(
        "route_resumed",
        _moved(Route.IN_TRAINING, Route.DEFERRED, "Returned to training"),
        0.5,
        DEFERRED_ROUTES,
        part="late",
    ),
    Kind("route_deleted", delete_route, 0.3, TRAINING, part="late"),
    Kind("award_date_corrected", correct_award_date, 0.3, HELD),
    Kind("route_exemption_ended", end_route_exemption, 0.3, EXEMPTING, part="late"),
)
