"""Events of mandatory qualifications (copied to the newer store) and of employments (in the older store only)."""

import polars as pl

from sandbox.domain import dates
from sandbox.population.employments import extract_days
from sandbox.population.event_rows import EventRows, add_legacy, add_process, in_words, raised_by, struct_of
from sandbox.population.users import SYSTEM_USER_ID
from sandbox.population.vector import chance, moment, uuids
from sandbox.population.world import World


def mq_events(rows: EventRows, world: World, chunk: int, qualifications: pl.DataFrame) -> None:
    """Mandatory qualifications: created in the newer store if of TRS's time, else a copied event of the older one."""
    rng = world.stream("mq events", chunk)
    provider = pl.struct(
        MandatoryQualificationProviderId="mq_provider_id", DqtMqEstablishmentId="dqt_mq_establishment_id"
    )
    body = {
        "PersonId": pl.col("person_id"),
        "MandatoryQualification": pl.struct(
            QualificationId="qualification_id",
            Provider=provider,
            Specialism="mq_specialism",
            Status="mq_status",
            StartDate=in_words("start_date"),
            EndDate=in_words("end_date"),
        ),
    }
    old = pl.col("created_on") < pl.lit(moment(dates.MQS_MOVED))
    facts = qualifications.with_columns(created=pl.col("created_on"))
    before, after = facts.filter(old), facts.filter(~old)
    add_process(rows, world, rng, 54, "MandatoryQualificationCreatedEvent", after, body)
    ids = uuids(rng, len(before))
    add_process(rows, world, rng, 54, "MandatoryQualificationCreatedEvent", before, body, event_id=ids, dqt_share=0.6)
    add_legacy(
        rows,
        world,
        rng,
        "MandatoryQualificationCreatedEvent",
        before,
        body,
        event_id=ids,
        undated_share=0.1,
        raised=raised_by(world, rng, len(before), dqt_share=0.7),
    )
    deleted = facts.filter(pl.col("deleted_on").is_not_null()).with_columns(created=pl.col("deleted_on"))
    add_process(rows, world, rng, 56, "MandatoryQualificationDeletedEvent", deleted, body)


def employment_events(rows: EventRows, world: World, chunk: int, employments: pl.DataFrame) -> None:
    """Employments first seen in the last year, and a sample of what the newest extract changed."""
    rng = world.stream("employment events", chunk)
    extracts = extract_days(world.today)
    year_ago = extracts[max(0, len(extracts) - 12)].astype("datetime64[us]")
    new = employments.filter(pl.col("created_on") >= year_ago).with_columns(created=pl.col("created_on"))
    system = f'"{SYSTEM_USER_ID}"'
    add_legacy(
        rows,
        world,
        rng,
        "TpsEmploymentCreatedEvent",
        new,
        {"PersonId": pl.col("person_id"), "TpsEmployment": _employment()},
        raised=pl.Series([system] * len(new)),
    )
    newest = extracts[-1]
    seen = employments.filter(
        (pl.col("last_extract_date") == pl.lit(newest).cast(pl.Date))
        & (pl.col("created_on") < newest.astype("datetime64[us]"))
    )
    seen = seen.filter(pl.Series(chance(rng, len(seen), 0.06))).with_columns(created=pl.col("updated_on"))
    before = pl.col("last_extract_date").dt.offset_by("-1mo").dt.strftime("%Y-%m-%d")
    known = pl.min_horizontal(pl.col("last_known_tps_employed_date"), pl.col("last_extract_date").dt.offset_by("-1mo"))
    add_legacy(
        rows,
        world,
        rng,
        "TpsEmploymentUpdatedEvent",
        seen,
        {
            "PersonId": pl.col("person_id"),
            "TpsEmployment": _employment(),
            "OldTpsEmployment": _employment(
                LastExtractDate=before,
                LastKnownTpsEmployedDate=known.dt.strftime("%Y-%m-%d"),
                EndDate=pl.lit(None, dtype=pl.String),
            ),
            "Changes": pl.when(pl.col("end_date").is_not_null()).then(2 | 16 | 32).otherwise(16 | 32),
        },
        raised=pl.Series([system] * len(seen)),
    )


def _employment(**old: pl.Expr) -> pl.Expr:
    fields: dict[str, pl.Expr] = {
        "PersonEmploymentId": pl.col("tps_employment_id"),
        "PersonId": pl.col("person_id"),
        "EstablishmentId": pl.col("establishment_id"),
        "StartDate": in_words("start_date"),
        "EndDate": in_words("end_date"),
        "LastKnownTpsEmployedDate": in_words("last_known_tps_employed_date"),
        "EmploymentType": pl.col("employment_type"),
        "WithdrawalConfirmed": pl.col("withdrawal_confirmed"),
        "LastExtractDate": in_words("last_extract_date"),
        "NationalInsuranceNumber": pl.col("national_insurance_number"),
        "PersonPostcode": pl.col("person_postcode"),
        "PersonEmailAddress": pl.col("person_email_address"),
        "EmployerPostcode": pl.col("employer_postcode"),
        "EmployerEmailAddress": pl.col("employer_email_address"),
        "Key": pl.col("key"),
    }
    return struct_of({**fields, **old})
