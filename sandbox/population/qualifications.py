"""Rows of `qualifications`: the details of each route, and mandatory qualifications."""

from dataclasses import dataclass

import numpy as np
import polars as pl

from sandbox.domain import dates
from sandbox.domain.codes import Award, Field
from sandbox.domain.defects import share_of
from sandbox.domain.routes import ABROAD, APPLY, QTLS, UK_NATIONS
from sandbox.domain.tables import weights
from sandbox.population import users
from sandbox.population.arrays import DAY, NO_DAY, Days, Ints, Mask, Moments, day, years_of
from sandbox.population.columns import degree_types, dqt_status_names, route_types, subjects
from sandbox.population.draw import at_work, between, chance, drawn, one_of, uuids, weighted
from sandbox.population.people import People
from sandbox.population.routes import Routes
from sandbox.population.series import digits, gather, text, where
from sandbox.population.world import World


@dataclass(frozen=True)
class RouteDetails:
    """Columns of the routes that other parts need (exemptions, dates, sources), and the finished rows."""

    exempt: Mask
    exempt_by_date: Mask
    created: Moments
    updated: Moments
    frame: pl.DataFrame


def describe_routes(world: World, chunk: int, people: People, routes: Routes) -> RouteDetails:
    """All columns of the routes. Fields that a type requires are filled, fields that do not apply are null."""
    rng = world.stream("route details", chunk)
    types, count = route_types(), len(routes)
    required = {field: values[routes.type] for field, values in types.required.items()}
    routes.qualification_id = uuids(rng, count)
    migrated = routes.migrated
    abroad, uk = np.isin(routes.type, types.numbers(*ABROAD)), np.isin(routes.type, types.numbers(*UK_NATIONS))
    start, end = _training_days(rng, routes, required, abroad | uk)
    created = at_work(rng, np.where(migrated, day(dates.ROUTES_MOVED), routes.registered))
    updated = _updated(rng, world, routes, created)
    exempt = _exempt(rng, routes, required)
    by_date = routes.holds & (routes.awards == Award.QTS) & (routes.due < day(dates.QTS_EXEMPT_BEFORE))
    is_primary = chance(rng, count, 0.52)
    old = years_of(routes.due) < 2003
    missing = (
        chance(rng, count, share_of("route_mandatory_field_missing"))
        & migrated
        & (required["training_provider"] == Field.MANDATORY)
    )
    has_provider = (required["training_provider"] != Field.NOT_APPLICABLE) & (routes.provider != "none")
    current, old_lists = world.providers.current, world.providers.old
    provider = np.where(
        routes.provider == "teach_first", world.providers.teach_first, old_lists[rng.integers(0, len(old_lists), count)]
    )
    provider = np.where(routes.provider == "current", current[rng.integers(0, len(current), count)], provider)
    range_kind, low, high = _ages(rng, is_primary, required["training_age_specialism_type"])
    source, reference = _sources(rng, world, routes)
    ended_far = chance(rng, count, share_of("route_training_end_beyond_9999")) & migrated & ~np.isnat(end)
    if chunk == 0 and not ended_far.any():
        ended_far[np.flatnonzero(migrated & ~np.isnat(end))[:2]] = True
    early = np.isin(routes.awards, (Award.EYTS, Award.EYPS))
    status_value = pl.Series(routes.dqt_status)
    status_name = status_value.replace_strict(dqt_status_names(), return_dtype=pl.String)
    frame = pl.DataFrame(
        {
            "qualification_id": routes.qualification_id,
            "created_on": created,
            "updated_on": updated,
            "deleted_on": at_work(rng, routes.deleted),
            "qualification_type": np.ones(count, np.int64),
            "person_id": people.person_id.gather(routes.row),
            "route_to_professional_status_type_id": types.ids.gather(routes.type),
            "source_application_user_id": source,
            "source_application_reference": reference,
            "status": routes.status,
            "holds_from": routes.holds_from.astype("datetime64[D]"),
            "training_start_date": start,
            "training_end_date": _far_dates(end, ended_far),
            "training_subject_ids": _subjects(rng, is_primary, old, required["training_subjects"]),
            "training_age_specialism_type": range_kind,
            "training_age_specialism_range_from": low,
            "training_age_specialism_range_to": high,
            "training_country_id": _country(rng, routes, abroad, required["training_country"]),
            "training_provider_id": gather(world.providers.ids, np.where(has_provider & ~missing, provider, -1)),
            "exempt_from_induction": where(
                (required["induction_exemption"] != Field.NOT_APPLICABLE) & routes.holds, pl.Series(exempt)
            ),
            "exempt_from_induction_due_to_qts_date": where(
                routes.holds & (routes.awards == Award.QTS), pl.Series(by_date)
            ),
            "degree_type_id": _degree(rng, routes, abroad, old, required["degree_type"]),
            "dqt_teacher_status_name": where(migrated & ~early, status_name),
            "dqt_teacher_status_value": where(migrated & ~early, status_value),
            "dqt_early_years_status_name": where(migrated & early, status_name),
            "dqt_early_years_status_value": where(migrated & early, status_value),
            "dqt_initial_teacher_training_id": where(migrated & ~abroad & ~uk, uuids(rng, count)),
            "dqt_qts_registration_id": where(migrated & routes.holds, uuids(rng, count)),
        }
    ).with_columns(
        dqt_age_range_from=pl.when(pl.Series(migrated)).then(
            pl.col("training_age_specialism_range_from").cast(pl.String)
        ),
        dqt_age_range_to=pl.when(pl.Series(migrated)).then(pl.col("training_age_specialism_range_to").cast(pl.String)),
    )
    return RouteDetails(exempt & routes.holds, by_date, created, updated, frame)


def _training_days(
    rng: np.random.Generator, routes: Routes, required: dict[str, Ints], recognised: Mask
) -> tuple[Days, Days]:
    count = len(routes)
    names = route_types().names
    long_types = [i for i, n in enumerate(names) if "ndergrad" in n or "Degree" in n or n in ("TC ITT", "UGMT ITT")]
    years_back = np.where(np.isin(routes.type, long_types), 3, 1)
    end = routes.due - rng.integers(0, 20, count) * DAY
    # Courses begin in September of the school year that ends with the course.
    month = (end - 240 * DAY).astype("datetime64[Y]") - (years_back - 1).astype("timedelta64[Y]")
    start = month.astype("datetime64[M]").astype("datetime64[D]") + 243 * DAY
    start = start + rng.integers(0, 24, count) * DAY
    start = np.where(start >= end, end - 280 * DAY, start)
    optional = ~recognised & chance(rng, count, np.where(routes.migrated, 0.85, 0.97))
    has_start = (required["training_start_date"] == Field.MANDATORY) | (
        (required["training_start_date"] != Field.NOT_APPLICABLE) & optional
    )
    has_end = (required["training_end_date"] == Field.MANDATORY) | (
        (required["training_end_date"] != Field.NOT_APPLICABLE) & optional
    )
    return (
        np.where(has_start, start, NO_DAY).astype("datetime64[D]"),
        np.where(has_end, end, NO_DAY).astype("datetime64[D]"),
    )


def _far_dates(days: Days, far: Mask) -> pl.Series:
    """Days as text; the marked ones with a fifth digit typed into the year (2004 becomes 20041)."""
    plain = pl.Series(days).dt.strftime("%Y-%m-%d")
    # No year that ends in 1 has a 29 February.
    of_any_year = plain.str.slice(4).str.replace("-02-29", "-02-28", literal=True)
    return where(far, text(plain.str.slice(0, 4), "1", of_any_year), plain)


def _updated(rng: np.random.Generator, world: World, routes: Routes, created: Moments) -> Moments:
    """Last change: the award when it came after the row was made, the deletion, or a later correction."""
    count = len(routes)
    last = created.astype("datetime64[D]")
    awarded = np.minimum(routes.due + rng.integers(0, 12, count) * DAY, world.now - DAY)
    last = np.where(routes.holds & (awarded > last), awarded, last)
    last = np.where(routes.live, last, np.where(np.isnat(routes.deleted), last, routes.deleted))
    corrected = chance(rng, count, 0.03) & routes.live
    last = np.where(corrected, between(rng, last, world.now - DAY, count), last)
    return np.maximum(at_work(rng, last.astype("datetime64[D]")), created)


def _exempt(rng: np.random.Generator, routes: Routes, required: dict[str, Ints]) -> Mask:
    shares = weights("exempting_route")
    share = np.array([shares.get(name, 0.0) for name in route_types().names])[routes.type]
    exempt: Mask = chance(rng, len(routes), share) & (required["induction_exemption"] != Field.NOT_APPLICABLE)
    return exempt


def _filled(rng: np.random.Generator, required: Ints, share: float) -> Mask:
    """Where a field is filled: always where it is mandatory, for a share of the routes where it is optional."""
    given = chance(rng, len(required), share)
    filled: Mask = (required == Field.MANDATORY) | ((required == Field.OPTIONAL) & given)
    return filled


def _ages(rng: np.random.Generator, primary: Mask, required: Ints) -> tuple[pl.Series, pl.Series, pl.Series]:
    """The kind of age specialism (a range, foundation stage, further education, key stages 1 to 4), and the range."""
    count = len(primary)
    filled = _filled(rng, required, 0.9)
    kind = np.where(
        chance(rng, count, 0.93), 0, np.where(primary, rng.integers(3, 5, count), rng.integers(5, 7, count))
    )
    kind = np.where((kind != 0) & chance(rng, count, 0.15), np.where(primary, 1, 2), kind)
    ages = where(primary, drawn(rng, count, "primary_ages"), drawn(rng, count, "secondary_ages")).str.split("-")
    low, high = (ages.list.get(place).cast(pl.Int64) for place in (0, 1))
    is_range = filled & (kind == 0)
    return where(filled, pl.Series(kind)), where(is_range, low), where(is_range, high)


def _subjects(rng: np.random.Generator, primary: Mask, old: Mask, required: Ints) -> pl.Series:
    """One subject mostly, sometimes two or three, or none, as an array literal."""
    count, lists = len(primary), subjects()

    def draw() -> Ints:
        recent = np.where(
            primary,
            lists.primary[weighted(rng, count, list(weights("primary_subject").values()))],
            lists.secondary[(rng.random(count) ** 1.6 * len(lists.secondary)).astype(np.int64)],
        )
        return np.where(old & chance(rng, count, 0.8), lists.old[rng.integers(0, len(lists.old), count)], recent)

    number = np.array([0, 1, 2, 3])[weighted(rng, count, (0.05, 0.72, 0.19, 0.04))]
    number = np.where(required == Field.MANDATORY, np.maximum(number, 1), number)
    first, second, third = draw(), draw(), draw()
    second_kept = (number >= 2) & (second != first)
    third_kept = (number >= 3) & second_kept & (third != first) & (third != second)
    kept = ((number >= 1, first), (second_kept, second), (third_kept, third))
    parts = [where(mask, lists.ids.gather(subject)) for mask, subject in kept]
    inner = pl.concat_str([pl.lit(part) for part in parts], separator=",", ignore_nulls=True)
    return text("{", pl.select(inner).to_series(), "}")


def _country(rng: np.random.Generator, routes: Routes, abroad: Mask, required: Ints) -> pl.Series:
    count, types = len(routes), route_types()
    country, away = one_of(rng, count, ("GB-ENG", "GB"), (96, 4)), drawn(rng, count, "country")
    # International QTS is trained for abroad, the other nations' recognitions in those nations.
    abroad = abroad | (routes.type == types.number("International Qualified Teacher Status"))
    for name, nation in UK_NATIONS.items():
        country = where(routes.type == types.number(name), nation, country)
    return where(_filled(rng, required, 0.93), where(abroad, away, country))


def _degree(rng: np.random.Generator, routes: Routes, abroad: Mask, old: Mask, required: Ints) -> pl.Series:
    names, ids = route_types().names, degree_types()
    undergraduate = np.isin(routes.type, [i for i, n in enumerate(names) if "ndergrad" in n or "Degree Appr" in n])
    lists = {kind: drawn(rng, len(routes), f"degree_{kind}") for kind in ("abroad", "old", "undergraduate")}
    degree = drawn(rng, len(routes), "degree_postgraduate")
    for kind, mask in (("undergraduate", undergraduate), ("old", old), ("abroad", abroad)):
        degree = where(mask, lists[kind], degree)
    return where(_filled(rng, required, 0.85), degree.replace_strict(ids, return_dtype=pl.String))


def _sources(rng: np.random.Generator, world: World, routes: Routes) -> tuple[pl.Series, pl.Series]:
    """The application that sent the route and its reference, unique per person: the route's number is part of it."""
    count, types = len(routes), route_types()
    apply, qtls = routes.type == types.number(APPLY), routes.type == types.number(QTLS)
    registered = (routes.provider == "current") & (routes.due >= day("2018-06-01"))
    application = np.where(apply, users.AFQTS, np.where(qtls, users.SET, users.REGISTER))
    serial = digits(np.arange(count) + 1, 6)
    slug = text(uuids(rng, count).str.replace_all("-", "").str.slice(0, 18), serial)
    return (
        gather(world.users.applications, np.where(apply | qtls | registered, application, -1)),
        where(apply | registered, where(apply, text("AfQTS-", serial), slug)),
    )
