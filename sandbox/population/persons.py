"""Rows of `persons`, put together from everything that was decided about a person, search columns included."""

import numpy as np
import polars as pl

from sandbox.domain import dates
from sandbox.domain.codes import Award, PersonStatus
from sandbox.domain.defects import share_of
from sandbox.population import inductions
from sandbox.population.arrays import DAY, NO_DAY, NO_MOMENT, Moments, day
from sandbox.population.cohorts import ITT, TRAINING
from sandbox.population.draw import at_work, between, chance
from sandbox.population.inductions import Inductions
from sandbox.population.lifecycle import Lifecycle
from sandbox.population.people import People
from sandbox.population.routes import Routes, Statuses
from sandbox.population.series import gather, quoted_array, where
from sandbox.population.world import World


def person_rows(
    world: World,
    chunk: int,
    people: People,
    life: Lifecycle,
    routes: Routes,
    held: Statuses,
    induction: Inductions,
    previous: pl.DataFrame,
    employments: pl.DataFrame,
    requests: pl.DataFrame,
    route_updated: Moments,
) -> pl.DataFrame:
    """One row per person. Frames with `row` must be sorted by it; `route_updated` is aligned with the routes."""
    rng = world.stream("persons", chunk)
    count = len(people)
    made = requests.filter(pl.col("made"))
    request_of = np.full(count, -1, np.int64)
    request_of[made["row"].to_numpy()] = np.arange(len(made))
    updated = _updated(rng, world, people, life, routes, induction, previous, route_updated)
    has_eyps = held.has_eyps.copy()
    eyps_routes = np.unique(routes.row[routes.awards == Award.EYPS])
    wrong = eyps_routes[chance(rng, len(eyps_routes), share_of("has_eyps_wrong"))]
    if chunk == 0 and not len(wrong):
        wrong = eyps_routes[:1]
    has_eyps[wrong] = ~has_eyps[wrong]
    migrated = people.migrated
    uncreated = migrated & chance(rng, count, share_of("person_created_on_missing"))
    dqt_changed = np.minimum(updated, (day(dates.PEOPLE_MOVED) - 3 * DAY).astype("datetime64[us]"))
    dqt_changed = np.where(migrated, np.maximum(dqt_changed, people.created), NO_MOMENT)
    synced = np.maximum(people.created, np.datetime64("2023-11-20T02:00:00", "us")) + np.timedelta64(4, "m")
    frame = pl.DataFrame(
        {
            "person_id": people.person_id,
            "created_on": np.where(uncreated, NO_MOMENT, people.created),
            "updated_on": updated,
            "deleted_on": np.full(count, NO_MOMENT),
            "status": life.status,
            "merged_with_person_id": gather(people.person_id, life.merged_with),
            "trn": people.trn,
            "first_name": people.first_name,
            "middle_name": people.middle_name,
            "last_name": people.last_name,
            "date_of_birth": people.born.astype("datetime64[D]"),
            "email_address": people.email,
            "national_insurance_number": people.nino,
            "gender": where(people.gender > 0, pl.Series(people.gender)),
            "qts_date": held.qts_date.astype("datetime64[D]"),
            "qtls_status": held.qtls,
            "eyts_date": held.eyts_date.astype("datetime64[D]"),
            "has_eyps": has_eyps,
            "pqts_date": held.pqts_date.astype("datetime64[D]"),
            "created_by_tps": people.by_tps,
            "source_application_user_id": gather(made["application_user_id"], request_of) if len(made) else None,
            "source_trn_request_id": gather(made["request_id"], request_of) if len(made) else None,
            "allow_details_updates_from_source_application": (request_of >= 0)
            & np.isin(people.kind, (ITT, TRAINING))
            & ~people.awarded,
            "dqt_contact_id": where(migrated, people.person_id),
            "dqt_first_sync": np.where(migrated, synced, NO_MOMENT),
            "dqt_last_sync": np.where(migrated, np.maximum(dqt_changed, synced), NO_MOMENT),
            "dqt_state": where(
                migrated,
                pl.Series(
                    ((life.status == PersonStatus.DEACTIVATED) & (life.changed < day(dates.PEOPLE_MOVED))).astype(
                        np.int64
                    )
                ),
            ),
            "dqt_created_on": np.where(migrated, people.created, NO_MOMENT),
            "dqt_modified_on": dqt_changed,
            "dqt_first_name": where(migrated, people.first_name),
            "dqt_middle_name": where(migrated, people.middle_name),
            "dqt_last_name": where(migrated, people.last_name),
            "dqt_allow_teacher_identity_sign_in_with_prohibitions": chance(rng, count, 0.0005),
            "date_of_death": np.where(life.status == PersonStatus.DEACTIVATED, life.died, NO_DAY).astype(
                "datetime64[D]"
            ),
            **inductions.columns(world, chunk, induction),
        }
    )
    return frame.with_columns(**_search_columns(people, previous, employments))


def _updated(
    rng: np.random.Generator,
    world: World,
    people: People,
    life: Lifecycle,
    routes: Routes,
    induction: Inductions,
    previous: pl.DataFrame,
    route_updated: Moments,
) -> Moments:
    """The latest of all changes that touch the person's row."""
    updated = people.created.copy()
    touched = between(rng, day(dates.ROUTES_MOVED), world.now - 2 * DAY, len(people))
    updated = np.where(chance(rng, len(people), 0.12), np.maximum(updated, at_work(rng, touched)), updated)
    np.maximum.at(updated, routes.row, route_updated)
    for moments in (life.changed, induction.modified, induction.cpd_modified):
        updated = np.fmax(updated, moments)
    np.maximum.at(updated, previous["row"].to_numpy(), previous["updated_on"].to_numpy())
    return updated


def _search_columns(
    people: People, previous: pl.DataFrame, employments: pl.DataFrame
) -> dict[str, pl.Expr | pl.Series]:
    """What the triggers would write: words of all names, last names, and national insurance numbers."""
    count = len(people)
    base = pl.DataFrame(
        {
            "row": np.arange(count),
            "first": people.first_name,
            "middle": people.middle_name,
            "last": people.last_name,
            "nino": people.nino,
        }
    )
    earlier = (
        previous.filter(pl.col("deleted_on").is_null())
        .sort("row", "created_on", "previous_name_id")
        .group_by("row", maintain_order=True)
        .agg(
            said=pl.concat_str("first_name", "middle_name", "last_name", separator=" ").str.join(" "),
            lasts=pl.col("last_name"),
        )
    )
    worked = (
        employments.sort("row", "created_on", "tps_employment_id")
        .group_by("row", maintain_order=True)
        .agg(numbers=pl.col("national_insurance_number").drop_nulls())
    )
    joined = base.join(earlier, on="row", how="left", maintain_order="left").join(
        worked, on="row", how="left", maintain_order="left"
    )
    words = pl.concat_str("first", "middle", "last", pl.col("said").fill_null(""), separator=" ")
    empty = pl.lit(pl.Series([[]], dtype=pl.List(pl.String)))
    result = joined.select(
        names=quoted_array(
            words.str.strip_chars().str.replace_all(r"\s+", " ").str.split(" ").list.unique(maintain_order=True)
        ),
        last_names=quoted_array(
            pl.concat_list(pl.concat_list("last"), pl.col("lasts").fill_null(empty)).list.unique(maintain_order=True)
        ),
        national_insurance_numbers=quoted_array(
            pl.concat_list(pl.concat_list("nino"), pl.col("numbers").fill_null(empty))
            .list.drop_nulls()
            .list.unique(maintain_order=True)
        ),
    )
    return {column: result[column] for column in result.columns}
