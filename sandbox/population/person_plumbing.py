"""Smaller tables that hang on persons: award emails, the report of the route migration, the older search attributes."""

from collections.abc import Iterator
from typing import Final

import numpy as np
import polars as pl

from sandbox.domain.award_emails import ALL, EYTS, INDUCTION, OVERSEAS_QTS, QTS, AwardEmails
from sandbox.domain.codes import RouteStatus
from sandbox.domain.numbers import LINK_KEY, SIGN_IN_LINK
from sandbox.population import users
from sandbox.population.arrays import DAY
from sandbox.population.columns import route_types
from sandbox.population.draw import chance, stream, uuids
from sandbox.population.qualifications import RouteDetails
from sandbox.population.routes import Routes
from sandbox.population.series import text
from sandbox.population.world import World

_WEEKS: Final = 8
_TEMPLATES: Final = ("c6d4f2a0-0b1e-4f53-9a2d-1f6a3a7b0c01", "c6d4f2a0-0b1e-4f53-9a2d-1f6a3a7b0c02")


def award_jobs(world: World, kind: AwardEmails) -> pl.DataFrame:
    """One run a week over the last eight weeks, oldest first. Every chunk can name the same runs."""
    rng = stream(world.seed, f"jobs {kind.name}")
    until = (world.now - np.arange(7 * _WEEKS - 6, 0, -7).astype("timedelta64[D]")).astype("datetime64[us]")
    return pl.DataFrame(
        {kind.key: uuids(rng, len(until)), kind.until: until, "executed_utc": until + np.timedelta64(7, "h")}
    )


def award_emails(world: World, chunk: int, persons: pl.DataFrame) -> Iterator[tuple[str, pl.DataFrame]]:
    """Items of the award email jobs for recent awards, and the emails themselves."""
    rng = world.stream("award emails", chunk)
    apply_sent = pl.col("source_application_user_id") == world.users.application(users.AFQTS)
    days = {QTS: "qts_date", OVERSEAS_QTS: "qts_date", EYTS: "eyts_date", INDUCTION: "induction_completed_date"}
    for kind in ALL:
        jobs = award_jobs(world, kind)
        until = jobs[kind.until].to_numpy()
        wanted = persons.filter(pl.col("email_address").is_not_null() & pl.col(days[kind]).is_not_null())
        if kind is OVERSEAS_QTS:
            wanted = wanted.filter(apply_sent.fill_null(False))
        week = np.searchsorted(until, wanted[days[kind]].to_numpy().astype("datetime64[us]"))
        first_day = until[0] - 7 * DAY
        recent = (week < len(until)) & (wanted[days[kind]].to_numpy() > first_day)
        if chunk == 0 and not recent.any() and len(wanted):
            recent[-1:], week = True, np.minimum(week, len(until) - 1)
        facts, week = wanted.filter(pl.Series(recent)), week[recent]
        personal = pl.concat_str(
            pl.lit('{"first name":"'),
            "first_name",
            pl.lit('","last name":"'),
            "last_name",
            pl.lit(f'","{LINK_KEY}":"{SIGN_IN_LINK}'),
            "trn",
            pl.lit('"}'),
        )
        items = facts.select(
            pl.lit(jobs[kind.key].gather(week)).alias(kind.key),
            "person_id",
            "trn",
            "email_address",
            personalization=personal,
            email_sent=pl.Series(chance(rng, len(facts), 0.97)),
        )
        yield kind.items, items
        sent = pl.Series(until[week] + np.timedelta64(8, "h"))
        yield (
            "emails",
            facts.select(
                "email_address",
                email_id=uuids(rng, len(facts)),
                template_id=pl.lit(_TEMPLATES[kind is INDUCTION]),
                personalization=personal,
                metadata=pl.concat_str(pl.lit('{"PersonId":"'), "person_id", pl.lit('","Trn":"'), "trn", pl.lit('"}')),
                sent_on=sent,
            ),
        )


def migration_report(world: World, chunk: int, routes: Routes, details: RouteDetails) -> pl.DataFrame:
    """Rows of the report of the route migration for one migrated route in 25; one in twenty was not migrated."""
    rng = world.stream("migration report", chunk)
    chosen = np.flatnonzero(routes.migrated & routes.live & chance(rng, len(routes), 0.04))
    count = len(chosen)
    names = pl.Series(route_types().names).gather(routes.type[chosen])
    statuses = pl.Series(
        ("InTraining", "Holds", "Deferred", "DeferredForSkillsTest", "Failed", "Withdrawn", "UnderAssessment")
    )
    refused = chance(rng, count, 0.05)
    facts = details.frame[chosen]
    migrated = pl.lit(pl.Series(~refused))
    dqt = ["initial_teacher_training_id", "qts_registration_id", "teacher_status_name", "teacher_status_value"]
    dqt += ["early_years_status_name", "early_years_status_value", "age_range_from", "age_range_to"]
    kept = ["route_to_professional_status_type_id", "holds_from", "training_start_date", "training_country_id"]
    kept += ["training_provider_id", "exempt_from_induction"]
    return facts.select(
        "person_id",
        "created_on",
        *(f"dqt_{column}" for column in dqt),
        **{column: pl.when(migrated).then(pl.col(column)) for column in kept},
        route_migration_report_item_id=uuids(rng, count),
        migrated=migrated,
        not_migrated_reason=pl.when(~migrated).then(pl.lit("MultipleIttRecords")),
        dqt_itt_programme_start_date="training_start_date",
        dqt_itt_result=pl.when(pl.col("status") == RouteStatus.HOLDS)
        .then(pl.lit("Pass"))
        .otherwise(pl.lit("Withdrawn")),
        dqt_qts_date="holds_from",
        dqt_itt_country_name=pl.lit("England"),
        status_derived_route_to_professional_status_type_id="route_to_professional_status_type_id",
        status_derived_route_to_professional_status_type_name=pl.lit(names),
        contact_itt_row_count=pl.lit(pl.Series(rng.integers(1, 3, count))),
        contact_qts_row_count=pl.lit(pl.Series(rng.integers(0, 2, count))),
        multiple_potential_compatible_itt_records=pl.when(~migrated).then(pl.lit(text("{", uuids(rng, count), "}"))),
        route_to_professional_status_type_name=pl.when(migrated).then(pl.lit(names)),
        status=pl.when(migrated).then(pl.lit(statuses.gather(routes.status[chosen]))),
    )


def search_attributes(chunk: int, persons: pl.DataFrame) -> pl.DataFrame:
    """The older form of the search columns: four rows for the first people of each chunk, no longer kept up."""
    some = persons.head(200 if len(persons) >= 200 else len(persons))
    first_id = chunk * 1000 + 1
    parts = [
        some.select("person_id", attribute_type=pl.lit(kind), attribute_value=value)
        for kind, value in (
            ("FirstName", pl.col("first_name")),
            ("LastName", pl.col("last_name")),
            ("DateOfBirth", pl.col("date_of_birth").dt.strftime("%Y-%m-%d")),
            ("NationalInsuranceNumber", pl.col("national_insurance_number")),
        )
    ]
    rows = pl.concat(parts).filter(pl.col("attribute_value").is_not_null() & (pl.col("attribute_value") != ""))
    return rows.with_columns(person_search_attribute_id=pl.int_range(first_id, first_id + len(rows)), tags=pl.lit("{}"))
