"""Events of routes and inductions: written to the older store only."""

import numpy as np
import polars as pl

from sandbox.domain import dates
from sandbox.population.event_rows import EventRows, add_legacy, in_words, listed_ids, raised_by
from sandbox.population.inductions import Inductions
from sandbox.population.people import People
from sandbox.population.qualifications import RouteDetails
from sandbox.population.reference import EYPS_TYPE, EYTS_TYPE, PQTS_TYPE, QTS_TYPE
from sandbox.population.routes import HOLDS, IN_TRAINING, Routes, Statuses
from sandbox.population.vector import Mask, chance, day, moment
from sandbox.population.world import World

# Not every route was migrated in living memory of the event store: a sample of the migration's events is kept.
_MIGRATION_EVENTS_KEPT = 0.15
_INDUCTION_MIGRATION_EVENTS_KEPT = 0.08
_DATE_FLAG = {QTS_TYPE: 33554432, EYTS_TYPE: 67108864, EYPS_TYPE: 134217728, PQTS_TYPE: 268435456}
_INDUCTION_STATUS_FLAG = 536870912


def route_events(
    rows: EventRows,
    world: World,
    chunk: int,
    routes: Routes,
    details: RouteDetails,
    held: Statuses,
    induction: Inductions,
) -> None:
    """Created, updated (the award) and deleted for routes of TRS's time; migrated for a sample of the older ones."""
    rng = world.stream("route events", chunk)
    facts = details.frame.with_columns(
        row=pl.Series(routes.row),
        awards=pl.Series(routes.awards),
        due=pl.Series(routes.due.astype("datetime64[D]")),
        now_qts=pl.Series(held.qts_date[routes.row].astype("datetime64[D]")),
        now_eyts=pl.Series(held.eyts_date[routes.row].astype("datetime64[D]")),
        now_pqts=pl.Series(held.pqts_date[routes.row].astype("datetime64[D]")),
        now_eyps=pl.Series(held.has_eyps[routes.row]),
        now_qtls=pl.Series(held.qtls[routes.row]),
        induction_status=pl.Series(induction.status[routes.row]),
    )
    native = ~routes.migrated
    awarded_later = routes.holds & (routes.due >= day(dates.ROUTES_MOVED)) & (routes.due > routes.registered)
    flags = np.array([_DATE_FLAG[a] for a in range(4)])[routes.awards] | np.where(
        routes.awards == QTS_TYPE, _INDUCTION_STATUS_FLAG, 0
    )
    facts = facts.with_columns(flags=pl.Series(flags))
    created = facts.filter(pl.Series(native)).with_columns(
        created=pl.col("created_on"),
        status=pl.when(pl.Series(awarded_later[native])).then(IN_TRAINING).otherwise(pl.col("status")),
        holds_from=pl.when(~pl.Series(awarded_later[native])).then(pl.col("holds_from")),
    )
    common = {
        "ChangeReason": pl.lit(None, dtype=pl.String),
        "ChangeReasonDetail": pl.lit(None, dtype=pl.String),
        "EvidenceFile": pl.lit(None, dtype=pl.String),
    }
    add_legacy(
        rows,
        world,
        rng,
        "RouteToProfessionalStatusCreatedEvent",
        created,
        {
            "PersonId": pl.col("person_id"),
            "RouteToProfessionalStatus": _route(),
            **common,
            "Changes": pl.when(pl.col("status") == HOLDS).then(pl.col("flags")).otherwise(0),
            "PersonAttributes": _attributes(),
            "OldPersonAttributes": _attributes(before=True),
            "Induction": _induction(),
            "OldInduction": _induction(before=True),
        },
    )
    _award(rows, world, rng, facts.filter(pl.Series(awarded_later)), common)
    gone = facts.filter(pl.col("deleted_on").is_not_null()).with_columns(created=pl.col("deleted_on"))
    add_legacy(
        rows,
        world,
        rng,
        "RouteToProfessionalStatusDeletedEvent",
        gone,
        {
            "PersonId": pl.col("person_id"),
            "RouteToProfessionalStatus": _route(),
            "DeletionReason": pl.lit("Added in error"),
            "DeletionReasonDetail": pl.lit(None, dtype=pl.String),
            "EvidenceFile": pl.lit(None, dtype=pl.String),
            "Changes": pl.col("flags"),
            "PersonAttributes": _attributes(),
            "OldPersonAttributes": _attributes(),
            "Induction": _induction(),
            "OldInduction": _induction(),
        },
    )
    kept = facts.filter(pl.Series(routes.migrated & chance(rng, len(routes), _MIGRATION_EVENTS_KEPT)))
    _migrated(rows, world, rng, kept.with_columns(created=pl.col("created_on")))


def _award(
    rows: EventRows, world: World, rng: np.random.Generator, facts: pl.DataFrame, common: dict[str, pl.Expr]
) -> None:
    hours = pl.Series(rng.integers(8, 60, len(facts))) * pl.duration(hours=1)
    last = pl.lit(world.moment - np.timedelta64(1, "h")).cast(pl.Datetime("us"))
    moment = pl.max_horizontal(
        pl.min_horizontal(pl.col("due").cast(pl.Datetime("us")) + hours, last), pl.col("created_on")
    )
    facts = facts.with_columns(created=moment)
    old = {"status": pl.lit(IN_TRAINING), "holds_from": pl.lit(None, dtype=pl.String)}
    add_legacy(
        rows,
        world,
        rng,
        "RouteToProfessionalStatusUpdatedEvent",
        facts,
        {
            "PersonId": pl.col("person_id"),
            "RouteToProfessionalStatus": _route(),
            "OldRouteToProfessionalStatus": _route(**old),
            **common,
            "Changes": pl.col("flags") | 2 | 16,
            "PersonAttributes": _attributes(),
            "OldPersonAttributes": _attributes(before=True),
            "Induction": _induction(),
            "OldInduction": _induction(before=True),
        },
    )


def _migrated(rows: EventRows, world: World, rng: np.random.Generator, facts: pl.DataFrame) -> None:
    training = pl.when(pl.col("dqt_initial_teacher_training_id").is_not_null()).then(
        pl.struct(
            InitialTeacherTrainingId="dqt_initial_teacher_training_id",
            SlugId="source_application_reference",
            ProgrammeStartDate=in_words("training_start_date"),
            ProgrammeEndDate="training_end_date",
            Result=pl.when(pl.col("status") == HOLDS).then(pl.lit("Pass")).otherwise(pl.lit("Withdrawn")),
            ProviderId="training_provider_id",
            CountryName=pl.lit("England"),
            CountryValue=pl.lit("XF"),
            AgeRangeFrom="dqt_age_range_from",
            AgeRangeTo="dqt_age_range_to",
        )
    )
    registration = pl.when(pl.col("dqt_qts_registration_id").is_not_null()).then(
        pl.struct(
            QtsRegistrationId="dqt_qts_registration_id",
            TeacherStatusName="dqt_teacher_status_name",
            TeacherStatusValue="dqt_teacher_status_value",
            EarlyYearsStatusName="dqt_early_years_status_name",
            EarlyYearsStatusValue="dqt_early_years_status_value",
            QtsDate=pl.when(pl.col("awards") == QTS_TYPE).then(in_words("holds_from")),
            EytsDate=pl.when(pl.col("awards") == EYTS_TYPE).then(in_words("holds_from")),
            PartialRecognitionDate=pl.when(pl.col("awards") == PQTS_TYPE).then(in_words("holds_from")),
        )
    )
    add_legacy(
        rows,
        world,
        rng,
        "RouteToProfessionalStatusMigratedEvent",
        facts,
        {
            "PersonId": pl.col("person_id"),
            "RouteToProfessionalStatus": _route(),
            "PersonAttributes": _attributes(),
            "OldPersonAttributes": _attributes(),
            "DqtInitialTeacherTraining": training,
            "DqtQtsRegistration": registration,
            "DqtQtlsDate": pl.lit(None, dtype=pl.String),
            "DqtQtlsDateHasBeenSet": pl.lit(None, dtype=pl.Boolean),
        },
        raised=raised_by(world, rng, len(facts), system_share=1.0),
        undated_share=0.05,
    )


def induction_events(rows: EventRows, world: World, chunk: int, people: People, induction: Inductions) -> None:
    """Updates of TRS's time, and a sample of the migration's events."""
    rng = world.stream("induction events", chunk)
    count = len(people)
    facts = pl.DataFrame(
        {
            "person_id": people.person_id,
            "created": induction.modified,
            "Status": induction.status,
            "StatusWithoutExemption": induction.without_exemption,
            "start": induction.start,
            "completed": induction.completed,
            "reasons": induction.reasons,
            "cpd": induction.cpd_modified,
            "without": induction.without_reason,
        }
    )
    recent: Mask = (induction.modified >= day(dates.INDUCTIONS_MOVED)) & (induction.status != 0)
    now = pl.struct(
        "Status",
        "StatusWithoutExemption",
        StartDate=in_words("start"),
        CompletedDate=in_words("completed"),
        ExemptionReasonIds=listed_ids("reasons"),
        CpdCpdModifiedOn=pl.col("cpd").dt.strftime("%Y-%m-%dT%H:%M:%SZ"),
        InductionExemptWithoutReason="without",
    )
    passed = pl.col("Status").is_in([4, 5])
    before = pl.struct(
        Status=pl.when(passed).then(3).otherwise(1),
        StatusWithoutExemption=pl.when(passed).then(3).otherwise(1),
        StartDate=pl.when(passed).then(in_words("start")),
        CompletedDate=pl.lit(None, dtype=pl.String),
        ExemptionReasonIds=pl.lit(pl.Series([[]], dtype=pl.List(pl.String))),
        CpdCpdModifiedOn=pl.lit(None, dtype=pl.String),
        InductionExemptWithoutReason=pl.lit(False),
    )
    add_legacy(
        rows,
        world,
        rng,
        "PersonInductionUpdatedEvent",
        facts.filter(pl.Series(recent)),
        {
            "PersonId": pl.col("person_id"),
            "Induction": now,
            "OldInduction": before,
            "ChangeReason": pl.lit(None, dtype=pl.String),
            "ChangeReasonDetail": pl.lit(None, dtype=pl.String),
            "EvidenceFile": pl.lit(None, dtype=pl.String),
            "Changes": pl.when(passed).then(1 | 4 | 128).otherwise(1 | 2 | 128),
        },
    )
    older = (
        (induction.modified < day(dates.INDUCTIONS_MOVED))
        & (induction.status != 0)
        & chance(rng, count, _INDUCTION_MIGRATION_EVENTS_KEPT)
    )
    moved = facts.filter(pl.Series(older)).with_columns(
        created=pl.lit(moment(dates.INDUCTIONS_MOVED)).cast(pl.Datetime("us"))
        + pl.int_range(pl.len()) * pl.duration(milliseconds=30)
    )
    names = {1: "RequiredToComplete", 2: "Exempt", 3: "InProgress", 4: "Pass", 5: "Fail", 6: "FailedinWales"}
    add_legacy(
        rows,
        world,
        rng,
        "InductionMigratedEvent",
        moved,
        {
            "Key": pl.concat_str(pl.col("person_id"), pl.lit("-induction")),
            "PersonId": pl.col("person_id"),
            "InductionStartDate": in_words("start"),
            "InductionCompletedDate": in_words("completed"),
            "InductionStatus": pl.col("Status"),
            "InductionExemptionReasonId": pl.lit(None, dtype=pl.String),
            "DqtInduction": pl.lit(None, dtype=pl.String),
            "DqtInductionStatus": pl.col("Status").replace_strict(names, return_dtype=pl.String),
        },
        raised=raised_by(world, rng, len(moved), dqt_share=0.3, system_share=0.7),
        undated_share=0.05,
    )


def _route(**old: pl.Expr) -> pl.Expr:
    return pl.struct(
        QualificationId="qualification_id",
        SourceApplicationUserId="source_application_user_id",
        SourceApplicationReference="source_application_reference",
        RouteToProfessionalStatusTypeId="route_to_professional_status_type_id",
        Status=old.get("status", pl.col("status")),
        HoldsFrom=old.get("holds_from", in_words("holds_from")),
        TrainingStartDate=in_words("training_start_date"),
        TrainingEndDate="training_end_date",
        TrainingSubjectIds=listed_ids("training_subject_ids"),
        TrainingAgeSpecialismType="training_age_specialism_type",
        TrainingAgeSpecialismRangeFrom="training_age_specialism_range_from",
        TrainingAgeSpecialismRangeTo="training_age_specialism_range_to",
        TrainingCountryId="training_country_id",
        TrainingProviderId="training_provider_id",
        ExemptFromInduction="exempt_from_induction",
        ExemptFromInductionDueToQtsDate="exempt_from_induction_due_to_qts_date",
        DegreeTypeId="degree_type_id",
    )


def _attributes(before: bool = False) -> pl.Expr:
    if before:
        nothing = pl.lit(None, dtype=pl.String)
        return pl.struct(
            QtsDate=nothing, EytsDate=nothing, HasEyps=pl.lit(False), PqtsDate=nothing, QtlsStatus=pl.lit(0)
        )
    return pl.struct(
        QtsDate=in_words("now_qts"),
        EytsDate=in_words("now_eyts"),
        HasEyps="now_eyps",
        PqtsDate=in_words("now_pqts"),
        QtlsStatus="now_qtls",
    )


def _induction(before: bool = False) -> pl.Expr:
    return pl.struct(
        Status=pl.lit(0) if before else pl.col("induction_status"),
        StartDate=pl.lit(None, dtype=pl.String),
        CompletedDate=pl.lit(None, dtype=pl.String),
    )
