"""What follows from routes, from files of pensions and from flags: the pure rules, without a database."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.domain import events
from sandbox.domain.codes import Induction
from sandbox.domain.events import Store
from sandbox.life import chance as luck
from sandbox.life.lookup import QTLS
from sandbox.life.pensions import derived, months_before
from sandbox.life.standing import exempt_by_date, standing

ITT, EARLY_YEARS, EYPS = UUID(int=1), UUID(int=2), UUID(int=3)
TYPES: dict[UUID, dict[str, Any]] = {
    ITT: {"professional_status_type": 0},
    EARLY_YEARS: {"professional_status_type": 1},
    EYPS: {"professional_status_type": 2},
    QTLS: {"professional_status_type": 0},
}


def person(without_exemption: int = Induction.NONE, **changes: Any) -> dict[str, Any]:
    row = {
        "induction_status_without_exemption": without_exemption,
        "induction_exemption_reason_ids": [],
        "induction_exempt_without_reason": False,
    }
    return {**row, **changes}


def route(kind: UUID, holds_from: date | None, status: int = 1, **changes: Any) -> dict[str, Any]:
    row = {
        "route_to_professional_status_type_id": kind,
        "status": status,
        "holds_from": holds_from,
        "deleted_on": None,
        "exempt_from_induction": None,
        "exempt_from_induction_due_to_qts_date": exempt_by_date(
            TYPES[kind]["professional_status_type"], status, holds_from
        ),
    }
    return {**row, **changes}


def test_the_earliest_live_route_gives_the_date() -> None:
    routes = [
        route(ITT, date(2024, 7, 1)),
        route(ITT, date(2020, 7, 1), deleted_on="then"),
        route(EARLY_YEARS, date(2019, 7, 1)),
        route(ITT, None, status=0),
    ]
    found = standing(person(), routes, TYPES)
    assert (found["qts_date"], found["eyts_date"]) == (date(2024, 7, 1), date(2019, 7, 1))
    assert found["induction_status"] == Induction.REQUIRED


def test_a_lapsed_membership_takes_its_date_and_its_exemption_away() -> None:
    membership = route(QTLS, date(2021, 1, 1), exempt_from_induction=True)
    held = standing(person(), [membership], TYPES)
    assert (held["qtls_status"], held["induction_status"]) == (2, Induction.EXEMPT)
    lapsed = standing(person(held["induction_status_without_exemption"]), [{**membership, "deleted_on": "now"}], TYPES)
    assert (lapsed["qtls_status"], lapsed["qts_date"], lapsed["induction_status"]) == (1, None, Induction.NONE)


def test_qts_from_before_induction_began_exempts_by_its_date() -> None:
    found = standing(person(), [route(ITT, date(2000, 5, 6))], TYPES)
    assert (found["induction_status"], found["induction_status_without_exemption"]) == (
        Induction.EXEMPT,
        Induction.NONE,
    )
    assert standing(person(), [route(ITT, date(2000, 5, 7))], TYPES)["induction_status"] == Induction.REQUIRED


@pytest.mark.parametrize(
    ("entered", "status"),
    [
        (Induction.PASSED, Induction.PASSED),
        (Induction.FAILED, Induction.FAILED),
        (Induction.IN_PROGRESS, Induction.EXEMPT),
        (6, Induction.EXEMPT),
    ],
)
def test_an_exemption_gives_way_to_what_is_higher(entered: int, status: int) -> None:
    exempting = [route(ITT, date(2020, 1, 1), exempt_from_induction=True)]
    assert standing(person(entered), exempting, TYPES)["induction_status"] == status


@given(st.dates(date(2020, 1, 1), date(2030, 12, 31)), st.integers(-400, 400), st.sampled_from(["W", None]))
def test_an_employment_ends_by_withdrawal_or_after_five_months(
    extracted: date, days: int, withdrawal: str | None
) -> None:
    end = extracted + timedelta(days=days)
    ended, last_known, withdrawn = derived(end, extracted, withdrawal)
    assert last_known == min(end, extracted)
    assert withdrawn == (withdrawal == "W")
    assert (ended == end) == (withdrawn or last_known < months_before(extracted, 5))


def test_exactly_five_months_is_not_over() -> None:
    assert months_before(date(2026, 7, 31), 5) == date(2026, 2, 28)
    assert derived(date(2026, 5, 25), date(2026, 10, 25), None)[0] is None
    assert derived(date(2026, 5, 24), date(2026, 10, 25), None)[0] == date(2026, 5, 24)


def one_differs(store: Store, name: str, field: str, attribute: str) -> int:
    """The changes of an event in which one attribute of an object differs from the old object."""
    shape = events.shapes()[store, name].objects[field]
    old = dict.fromkeys(shape.columns)
    return events.changes(name, {field: {**old, attribute: "new"}, f"Old{field}": old}, store)


@pytest.mark.parametrize(
    ("store", "name", "field", "named"),
    [
        ("process_events", "AlertUpdatedEvent", "Alert", {}),
        ("process_events", "PersonDetailsUpdatedEvent", "PersonDetails", {}),
        ("process_events", "MandatoryQualificationUpdatedEvent", "MandatoryQualification", {}),
        ("process_events", "OneLoginUserUpdatedEvent", "OneLoginUser", {}),
        ("process_events", "SupportTaskUpdatedEvent", "SupportTask", {"ZendeskTicketUrls": "ZendeskTickets"}),
        ("process_events", "TrnRequestUpdatedEvent", "TrnRequest", {}),
        ("events", "TpsEmploymentUpdatedEvent", "TpsEmployment", {}),
        ("events", "PersonDetailsUpdatedEvent", "PersonAttributes", {}),
        (
            "events",
            "PersonInductionUpdatedEvent",
            "Induction",
            {
                "InductionStatus": "Status",
                "InductionStartDate": "StartDate",
                "InductionCompletedDate": "CompletedDate",
                "InductionExemptionReasons": "ExemptionReasonIds",
                "InductionStatusWithoutExemption": "StatusWithoutExemption",
            },
        ),
        (
            "events",
            "RouteToProfessionalStatusUpdatedEvent",
            "RouteToProfessionalStatus",
            {
                "Route": "RouteToProfessionalStatusTypeId",
                "StartDate": "TrainingStartDate",
                "EndDate": "TrainingEndDate",
                "TrainingCountry": "TrainingCountryId",
                "TrainingProvider": "TrainingProviderId",
                "DegreeType": "DegreeTypeId",
            },
        ),
    ],
)
def test_each_flag_of_an_event_says_that_its_attribute_changed(
    store: Store, name: str, field: str, named: dict[str, str]
) -> None:
    groups = {"NameChange", "OtherThanNameChange"}
    flags = events.shapes()[store, name].flags
    tested = {flag: bit for flag, bit in flags.items() if flag not in groups and not flag.startswith("Person")}
    assert tested
    for flag, bit in tested.items():
        assert one_differs(store, name, field, named.get(flag, flag)) == bit, flag


def test_the_event_of_a_route_says_what_changed_for_its_person() -> None:
    event = ("events", "RouteToProfessionalStatusUpdatedEvent")
    flags = events.shapes()[event].flags
    assert one_differs(*event, "PersonAttributes", "QtsDate") == flags["PersonQtsDate"] == 33_554_432
    assert one_differs(*event, "Induction", "Status") == flags["PersonInductionStatus"] == 536_870_912


def test_the_older_store_keeps_attributes_of_people_higher() -> None:
    older = events.shapes()["events", "PersonDetailsUpdatedEvent"].flags
    newer = events.shapes()["process_events", "PersonDetailsUpdatedEvent"].flags
    for attribute in events.objects()["PersonDetails"].columns:
        assert older[attribute] == newer[attribute] << 16


def test_an_unknown_field_of_an_event_is_refused() -> None:
    with pytest.raises(KeyError, match="Colour"):
        events.payload("NoteCreatedEvent", {"Colour": "red"})


def test_chance_is_the_same_in_any_process() -> None:
    # Written down once: the same world has to come out on any machine and any day.
    assert luck.uuid_from(luck.source(1, "2026-10-02", "kind", 3)) == UUID("e94e3165-0f97-4cd6-baa0-3f056e347484")
    assert [luck.count(luck.source(seed), 3.0) for seed in range(5)] == [4, 1, 4, 3, 1]
