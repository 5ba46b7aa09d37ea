"""Events of routes and inductions: written to the older store only."""

import numpy as np
import polars as pl

from sandbox.domain import dates
from sandbox.domain.codes import Award, RouteStatus
from sandbox.domain.codes import Induction as Status
from sandbox.population.arrays import day, moment
from sandbox.population.draw import chance
from sandbox.population.event_log import EventLog, EventWriter, Values, obj
from sandbox.population.inductions import Inductions
from sandbox.population.people import People
from sandbox.population.qualifications import RouteDetails
from sandbox.population.routes import Routes, Statuses

# Not every route was migrated in living memory of the event store: a sample of the migration's events is kept.
_MIGRATION_EVENTS_KEPT = 0.15
_INDUCTION_MIGRATION_EVENTS_KEPT = 0.08
_IN_TRAINING = obj(Status=RouteStatus.IN_TRAINING, HoldsFrom=None)
_NOTHING_HELD = obj(QtsDate=None, EytsDate=None, HasEyps=False, PqtsDate=None, QtlsStatus=0)
_DQT_STATUSES = {
    Status.REQUIRED: "RequiredToComplete",
    Status.EXEMPT: "Exempt",
    Status.IN_PROGRESS: "InProgress",
    Status.PASSED: "Pass",
    Status.FAILED: "Fail",
    Status.FAILED_IN_WALES: "FailedinWales",
}


def route_events(log: EventLog, routes: Routes, details: RouteDetails, held: Statuses, induction: Inductions) -> None:
    """Created, updated (the award) and deleted for routes of TRS's time; migrated for a sample of the older ones."""
    events = log.writer("route events")
    of_person = {
        "qts_date": held.qts_date.astype("datetime64[D]"),
        "eyts_date": held.eyts_date.astype("datetime64[D]"),
        "pqts_date": held.pqts_date.astype("datetime64[D]"),
        "has_eyps": held.has_eyps,
        "qtls_status": held.qtls,
        "induction_status": induction.status,
    }
    facts = details.frame.with_columns(
        awards=pl.Series(routes.awards),
        due=pl.Series(routes.due.astype("datetime64[D]")),
        **{name: pl.Series(values[routes.row]) for name, values in of_person.items()},
    )
    later = routes.holds & (routes.due >= day(dates.ROUTES_MOVED)) & (routes.due > routes.registered)
    now: Values = {"RouteToProfessionalStatus": obj(), "PersonAttributes": obj(), "Induction": obj()}
    before = {"OldPersonAttributes": _NOTHING_HELD, "OldInduction": obj(Status=Status.NONE)}
    same = {"OldPersonAttributes": obj(), "OldInduction": obj()}
    created = "RouteToProfessionalStatusCreatedEvent"
    events.legacy(created, facts.filter(~routes.migrated & ~later & routes.holds), {**now, **before})
    events.legacy(created, facts.filter(~routes.migrated & ~later & ~routes.holds), {**now, **same})
    nothing = {"PersonAttributes": _NOTHING_HELD, "Induction": obj(Status=Status.NONE), **before}
    values: Values = {"RouteToProfessionalStatus": _IN_TRAINING, **nothing}
    events.legacy(created, facts.filter(~routes.migrated & later), values)
    awarded = _awarded(events, facts.filter(later))
    values = {**now, **before, "OldRouteToProfessionalStatus": _IN_TRAINING}
    events.legacy("RouteToProfessionalStatusUpdatedEvent", awarded, values, at="awarded")
    gone = facts.filter(pl.col("deleted_on").is_not_null())
    values = {**now, **same, "DeletionReason": "Added in error"}
    events.legacy("RouteToProfessionalStatusDeletedEvent", gone, values, at="deleted_on")
    kept = routes.migrated & chance(events.rng, len(routes), _MIGRATION_EVENTS_KEPT)
    _migrated(events, facts.filter(kept))


def _awarded(events: EventWriter, facts: pl.DataFrame) -> pl.DataFrame:
    """With the moment of the award: some hours after its day, but neither today nor before the route was made."""
    hours = pl.Series(events.rng.integers(8, 60, len(facts))) * pl.duration(hours=1)
    last = pl.lit(events.world.moment - np.timedelta64(1, "h")).cast(pl.Datetime("us"))
    awarded = pl.min_horizontal(pl.col("due").cast(pl.Datetime("us")) + hours, last)
    return facts.with_columns(awarded=pl.max_horizontal(awarded, "created_on"))


def _migrated(events: EventWriter, facts: pl.DataFrame) -> None:
    holds_from = pl.col("holds_from").dt.strftime("%Y-%m-%d")
    training = obj(
        InitialTeacherTrainingId=pl.col("dqt_initial_teacher_training_id"),
        SlugId=pl.col("source_application_reference"),
        ProgrammeStartDate=pl.col("training_start_date").dt.strftime("%Y-%m-%d"),
        ProgrammeEndDate=pl.col("training_end_date"),
        Result=pl.when(pl.col("status") == RouteStatus.HOLDS).then(pl.lit("Pass")).otherwise(pl.lit("Withdrawn")),
        ProviderId=pl.col("training_provider_id"),
        CountryName="England",
        CountryValue="XF",
        AgeRangeFrom=pl.col("dqt_age_range_from"),
        AgeRangeTo=pl.col("dqt_age_range_to"),
    )
    columns = ("teacher_status_name", "teacher_status_value", "early_years_status_name", "early_years_status_value")
    fields = ("TeacherStatusName", "TeacherStatusValue", "EarlyYearsStatusName", "EarlyYearsStatusValue")
    dated = {"QtsDate": Award.QTS, "EytsDate": Award.EYTS, "PartialRecognitionDate": Award.PQTS}
    registration = obj(
        QtsRegistrationId=pl.col("dqt_qts_registration_id"),
        **{field: pl.col(f"dqt_{column}") for field, column in zip(fields, columns, strict=True)},
        **{field: pl.when(pl.col("awards") == award).then(holds_from) for field, award in dated.items()},
    )
    values = {
        "RouteToProfessionalStatus": obj(),
        "PersonAttributes": obj(),
        "OldPersonAttributes": obj(),
        "DqtInitialTeacherTraining": training.only_with("dqt_initial_teacher_training_id"),
        "DqtQtsRegistration": registration.only_with("dqt_qts_registration_id"),
    }
    events.legacy("RouteToProfessionalStatusMigratedEvent", facts, values, system_share=1.0, undated_share=0.05)


def induction_events(log: EventLog, people: People, induction: Inductions) -> None:
    """Updates of TRS's time, and a sample of the migration's events."""
    events = log.writer("induction events")
    facts = pl.DataFrame(
        {
            "person_id": people.person_id,
            "modified": induction.modified,
            "induction_status": induction.status,
            "induction_status_without_exemption": induction.without_exemption,
            "induction_start_date": induction.start,
            "induction_completed_date": induction.completed,
            "induction_exemption_reason_ids": induction.reasons,
            "cpd_induction_cpd_modified_on": induction.cpd_modified,
            "induction_exempt_without_reason": induction.without_reason,
        }
    )
    real, moved = induction.status != Status.NONE, moment(dates.INDUCTIONS_MOVED)
    passed = pl.col("induction_status").is_in([Status.PASSED, Status.FAILED])
    status = pl.when(passed).then(Status.IN_PROGRESS).otherwise(Status.REQUIRED)
    old = obj(
        Status=status,
        StatusWithoutExemption=status,
        StartDate=pl.when(passed).then(pl.col("induction_start_date").dt.strftime("%Y-%m-%d")),
        CompletedDate=None,
        ExemptionReasonIds=pl.lit(pl.Series([[]], dtype=pl.List(pl.String))),
        CpdCpdModifiedOn=None,
        InductionExemptWithoutReason=False,
    )
    recent = facts.filter(real & (induction.modified >= moved))
    events.legacy("PersonInductionUpdatedEvent", recent, {"Induction": obj(), "OldInduction": old}, at="modified")
    kept = chance(events.rng, len(people), _INDUCTION_MIGRATION_EVENTS_KEPT)
    older = facts.filter(real & (induction.modified < moved) & kept).with_columns(
        moved=pl.lit(moved).cast(pl.Datetime("us")) + pl.int_range(pl.len()) * pl.duration(milliseconds=30)
    )
    values = {
        "Key": pl.concat_str(pl.col("person_id"), pl.lit("-induction")),
        "DqtInductionStatus": pl.col("induction_status").replace_strict(_DQT_STATUSES, return_dtype=pl.String),
    }
    events.legacy(
        "InductionMigratedEvent", older, values, at="moved", dqt_share=0.3, system_share=0.7, undated_share=0.05
    )
