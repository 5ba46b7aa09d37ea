"""What follows from routes, from files of pensions and from flags: the pure rules, without a database."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.life import chance as luck
from sandbox.life.payloads import events, flags
from sandbox.life.pensions import derived, five_months_before
from sandbox.life.reference import QTLS
from sandbox.life.standing import EXEMPT, FAILED, IN_PROGRESS, NONE, PASSED, REQUIRED, exempt_by_date, standing

ITT, EARLY_YEARS, EYPS = UUID(int=1), UUID(int=2), UUID(int=3)
TYPES: dict[UUID, dict[str, Any]] = {
    ITT: {"professional_status_type": 0},
    EARLY_YEARS: {"professional_status_type": 1},
    EYPS: {"professional_status_type": 2},
    QTLS: {"professional_status_type": 0},
}


def person(without_exemption: int = NONE, **changes: Any) -> dict[str, Any]:
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
    assert found["induction_status"] == REQUIRED


def test_a_lapsed_membership_takes_its_date_and_its_exemption_away() -> None:
    membership = route(QTLS, date(2021, 1, 1), exempt_from_induction=True)
    held = standing(person(), [membership], TYPES)
    assert (held["qtls_status"], held["induction_status"]) == (2, EXEMPT)
    lapsed = standing(person(held["induction_status_without_exemption"]), [{**membership, "deleted_on": "now"}], TYPES)
    assert (lapsed["qtls_status"], lapsed["qts_date"], lapsed["induction_status"]) == (1, None, NONE)


def test_qts_from_before_induction_began_exempts_by_its_date() -> None:
    found = standing(person(), [route(ITT, date(2000, 5, 6))], TYPES)
    assert (found["induction_status"], found["induction_status_without_exemption"]) == (EXEMPT, NONE)
    assert standing(person(), [route(ITT, date(2000, 5, 7))], TYPES)["induction_status"] == REQUIRED


@pytest.mark.parametrize(
    ("entered", "status"), [(PASSED, PASSED), (FAILED, FAILED), (IN_PROGRESS, EXEMPT), (6, EXEMPT)]
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
    assert (ended == end) == (withdrawn or last_known < five_months_before(extracted))


def test_exactly_five_months_is_not_over() -> None:
    assert five_months_before(date(2026, 7, 31)) == date(2026, 2, 28)
    assert derived(date(2026, 5, 25), date(2026, 10, 25), None)[0] is None
    assert derived(date(2026, 5, 24), date(2026, 10, 25), None)[0] == date(2026, 5, 24)


@pytest.mark.parametrize(
    ("store", "name", "ours", "names"),
    [
        ("process_events", "AlertUpdatedEvent", flags.ALERT, {}),
        ("process_events", "PersonDetailsUpdatedEvent", flags.PERSON_DETAILS, {}),
        ("process_events", "PersonDeactivatedEvent", flags.PERSON_DEACTIVATED, {}),
        ("process_events", "MandatoryQualificationUpdatedEvent", flags.MANDATORY_QUALIFICATION, {}),
        ("process_events", "OneLoginUserUpdatedEvent", flags.ONE_LOGIN_USER, {}),
        ("process_events", "SupportTaskUpdatedEvent", flags.SUPPORT_TASK, {"ZendeskTickets": "ZendeskTicketUrls"}),
        ("process_events", "TrnRequestUpdatedEvent", flags.TRN_REQUEST, {}),
        ("events", "TpsEmploymentUpdatedEvent", flags.EMPLOYMENT, {}),
        (
            "events",
            "PersonInductionUpdatedEvent",
            flags.INDUCTION,
            {
                "Status": "InductionStatus",
                "StartDate": "InductionStartDate",
                "CompletedDate": "InductionCompletedDate",
                "ExemptionReasonIds": "InductionExemptionReasons",
                "StatusWithoutExemption": "InductionStatusWithoutExemption",
            },
        ),
    ],
)
def test_flags_have_the_numbers_of_their_event(store: Any, name: str, ours: Any, names: dict[str, str]) -> None:
    theirs = events.shapes()[store, name].flags
    assert {names.get(attribute, attribute): bit for attribute, bit in ours.items()}.items() <= theirs.items()


def test_the_older_store_keeps_attributes_of_people_higher() -> None:
    older = events.shapes()["events", "PersonDetailsUpdatedEvent"].flags
    assert {name: flags.legacy_person(bit) for name, bit in flags.PERSON_DETAILS.items()}.items() <= older.items()


def test_an_unknown_field_of_an_event_is_refused() -> None:
    with pytest.raises(KeyError, match="Colour"):
        events.process_event("NoteCreatedEvent", UUID(int=1), {"Colour": "red"})


def test_chance_is_the_same_in_any_process() -> None:
    # Written down once: the same world has to come out on any machine and any day.
    assert luck.uuid_from(luck.source(1, "2026-10-02", "kind", 3)) == UUID("e94e3165-0f97-4cd6-baa0-3f056e347484")
    assert [luck.count(luck.source(seed), 3.0) for seed in range(5)] == [4, 1, 4, 3, 1]
