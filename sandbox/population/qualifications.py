"""Rows of `qualifications`: the details of each route, and mandatory qualifications."""

from dataclasses import dataclass

import numpy as np
import polars as pl

from sandbox.domain import dates
from sandbox.population import users
from sandbox.population.defects import share_of
from sandbox.population.people import People
from sandbox.population.reference import (
    EYPS_TYPE,
    EYTS_TYPE,
    MANDATORY,
    NOT_APPLICABLE,
    QTS_TYPE,
    degree_types,
    dqt_status_names,
    route_types,
    subjects,
)
from sandbox.population.routes import Routes
from sandbox.population.vector import (
    DAY,
    NO_DAY,
    Days,
    Ints,
    Mask,
    Moments,
    at_work,
    between,
    chance,
    day,
    digits,
    gather,
    one_of,
    uuids,
    weighted,
    where,
    years_of,
)
from sandbox.population.world import World

_POSTGRADUATE = (
    "Postgraduate Certificate in Education",
    "Postgraduate Diploma in Education",
    "Professional Graduate Certificate in Education",
    "Professional Graduate Diploma in Education",
)
_UNDERGRADUATE = ("BA (Hons)", "BEd (Hons)", "BSc (Hons)", "BA (Hons) with Intercalated PGCE", "BA Education")
_OLD = (
    "Certificate in Education",
    "BEd",
    "BEd (Hons)",
    "Postgraduate Certificate in Education",
    "Teachers Certificate",
)
_ABROAD = ("Degree Equivalent (this will include foreign qualifications)", "Qualification gained in Europe", "Degree")
_COUNTRIES = (
    "NG",
    "GH",
    "JM",
    "IN",
    "ZA",
    "ZW",
    "ES",
    "US",
    "AU",
    "CA",
    "PL",
    "GR",
    "HK",
    "UA",
    "IE",
    "FR",
    "PK",
    "NZ",
)
_COUNTRY_WEIGHTS = (150, 110, 110, 90, 90, 70, 60, 60, 50, 30, 30, 40, 30, 30, 20, 18, 30, 20)
# Age ranges, primary ones first; then the other kinds of age specialism (foundation stage, key stages 1 to 4, FE).
_RANGES = ((3, 7), (5, 11), (7, 11), (3, 11), (11, 16), (11, 18), (14, 19), (11, 14))


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
    abroad = np.isin(
        routes.type,
        types.numbers(
            "Apply for Qualified Teacher Status in England",
            "European Recognition",
            "EC directive",
            "Overseas Trained Teacher Recognition",
            "European Recognition - PQTS",
        ),
    )
    uk = np.isin(routes.type, types.numbers("Welsh Recognition", "Scottish Recognition", "Northern Irish Recognition"))
    start, end = _training_days(rng, routes, required, abroad | uk)
    created = at_work(rng, np.where(migrated, day(dates.ROUTES_MOVED), routes.registered))
    updated = _updated(rng, world, routes, created)
    exempt = _exempt(rng, routes, required)
    by_date = routes.holds & (routes.awards == QTS_TYPE) & (routes.due < day(dates.QTS_EXEMPT_BEFORE))
    is_primary = chance(rng, count, 0.52)
    old = years_of(routes.due) < 2003
    missing = (
        chance(rng, count, share_of("route_mandatory_field_missing"))
        & migrated
        & (required["training_provider"] == MANDATORY)
    )
    has_provider = (required["training_provider"] != NOT_APPLICABLE) & (routes.provider != "none")
    provider = np.where(
        routes.provider == "current",
        world.providers.current[rng.integers(0, len(world.providers.current), count)],
        np.where(
            routes.provider == "teach_first",
            world.providers.teach_first[0],
            world.providers.old[rng.integers(0, len(world.providers.old), count)],
        ),
    )
    range_kind, low, high = _ages(rng, is_primary, required["training_age_specialism_type"])
    source, reference = _sources(rng, world, routes)
    ended_far = chance(rng, count, share_of("route_training_end_beyond_9999")) & migrated & ~np.isnat(end)
    if chunk == 0 and not ended_far.any():
        ended_far[np.flatnonzero(migrated & ~np.isnat(end))[:2]] = True
    early = np.isin(routes.awards, (EYTS_TYPE, EYPS_TYPE))
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
                (required["induction_exemption"] != NOT_APPLICABLE) & routes.holds, pl.Series(exempt)
            ),
            "exempt_from_induction_due_to_qts_date": where(
                routes.holds & (routes.awards == QTS_TYPE), pl.Series(by_date)
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
    has_start = (required["training_start_date"] == MANDATORY) | ((required["training_start_date"] != 2) & optional)
    has_end = (required["training_end_date"] == MANDATORY) | ((required["training_end_date"] != 2) & optional)
    return (
        np.where(has_start, start, NO_DAY).astype("datetime64[D]"),
        np.where(has_end, end, NO_DAY).astype("datetime64[D]"),
    )


def _far_dates(days: Days, far: Mask) -> pl.Series:
    """Days as text; the marked ones with a fifth digit typed into the year (2004 becomes 20041)."""
    text = pl.Series(days).dt.strftime("%Y-%m-%d")
    return pl.select(
        pl.when(pl.Series(far))
        .then(pl.concat_str(pl.lit(text).str.slice(0, 4), pl.lit("1"), pl.lit(text).str.slice(4)))
        .otherwise(pl.lit(text))
    ).to_series()


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
    names = route_types().names
    shares = {
        "Apply for Qualified Teacher Status in England": 0.75,
        "Northern Irish Recognition": 0.9,
        "Scottish Recognition": 0.9,
        "QTLS and SET Membership": 1.0,
        "European Recognition": 0.6,
        "EC directive": 0.6,
        "Overseas Trained Teacher Recognition": 0.4,
        "Graduate Teacher Programme": 0.01,
        "FE Recognition 2000-2004": 0.3,
        "Overseas Trained Teacher Programme": 0.25,
    }
    share = np.array([shares.get(name, 0.0) for name in names])[routes.type]
    exempt: Mask = chance(rng, len(routes), share) & (required["induction_exemption"] != NOT_APPLICABLE)
    return exempt


def _ages(rng: np.random.Generator, primary: Mask, required: Ints) -> tuple[pl.Series, pl.Series, pl.Series]:
    count = len(primary)
    filled = (required == MANDATORY) | ((required != NOT_APPLICABLE) & chance(rng, count, 0.9))
    kind = np.where(
        chance(rng, count, 0.93), 0, np.where(primary, rng.integers(3, 5, count), rng.integers(5, 7, count))
    )
    kind = np.where((kind != 0) & chance(rng, count, 0.15), np.where(primary, 1, 2), kind)
    which = np.where(
        primary, weighted(rng, count, (0.2, 0.6, 0.12, 0.08)), 4 + weighted(rng, count, (0.35, 0.5, 0.1, 0.05))
    )
    ranges = np.array(_RANGES)[which]
    is_range = filled & (kind == 0)
    return (
        where(filled, pl.Series(kind)),
        where(is_range, pl.Series(ranges[:, 0])),
        where(is_range, pl.Series(ranges[:, 1])),
    )


def _subjects(rng: np.random.Generator, primary: Mask, old: Mask, required: Ints) -> pl.Series:
    """One subject mostly, sometimes two or three, or none, as an array literal."""
    count, lists = len(primary), subjects()

    def draw() -> Ints:
        recent = np.where(
            primary,
            lists.primary[weighted(rng, count, (8, 3, 1, 1, 0.4)[: len(lists.primary)])],
            lists.secondary[(rng.random(count) ** 1.6 * len(lists.secondary)).astype(np.int64)],
        )
        return np.where(old & chance(rng, count, 0.8), lists.old[rng.integers(0, len(lists.old), count)], recent)

    number = np.array([0, 1, 2, 3])[weighted(rng, count, (0.05, 0.72, 0.19, 0.04))]
    number = np.where(required == MANDATORY, np.maximum(number, 1), number)
    first, second, third = draw(), draw(), draw()
    second_kept = (number >= 2) & (second != first)
    third_kept = (number >= 3) & second_kept & (third != first) & (third != second)
    parts = [
        where(number >= 1, lists.ids.gather(first)),
        where(second_kept, lists.ids.gather(second)),
        where(third_kept, lists.ids.gather(third)),
    ]
    inner = pl.concat_str(*(pl.lit(p) for p in parts), separator=",", ignore_nulls=True)
    return pl.select(pl.concat_str(pl.lit("{"), inner, pl.lit("}"))).to_series()


def _country(rng: np.random.Generator, routes: Routes, abroad: Mask, required: Ints) -> pl.Series:
    count, types = len(routes), route_types()
    home = one_of(rng, count, ("GB-ENG", "GB"), (96, 4))
    away = one_of(rng, count, _COUNTRIES, _COUNTRY_WEIGHTS)
    # International QTS is trained for abroad, the other nations' recognitions in those nations.
    abroad = abroad | (routes.type == types.number("International Qualified Teacher Status"))
    country = pl.select(
        pl.when(pl.Series(abroad))
        .then(pl.lit(away))
        .when(pl.Series(routes.type == types.number("Welsh Recognition")))
        .then(pl.lit("GB-WLS"))
        .when(pl.Series(routes.type == types.number("Scottish Recognition")))
        .then(pl.lit("GB-SCT"))
        .when(pl.Series(routes.type == types.number("Northern Irish Recognition")))
        .then(pl.lit("GB-NIR"))
        .otherwise(pl.lit(home))
    ).to_series()
    filled = (required == MANDATORY) | ((required != NOT_APPLICABLE) & chance(rng, count, 0.93))
    return where(filled, country)


def _degree(rng: np.random.Generator, routes: Routes, abroad: Mask, old: Mask, required: Ints) -> pl.Series:
    count, ids = len(routes), degree_types()

    def pick(names: tuple[str, ...], weights: tuple[float, ...]) -> pl.Series:
        return one_of(rng, count, [ids[n] for n in names], weights)

    names = route_types().names
    undergraduate = np.isin(routes.type, [i for i, n in enumerate(names) if "ndergrad" in n or "Degree Appr" in n])
    degree = pl.select(
        pl.when(pl.Series(abroad))
        .then(pl.lit(pick(_ABROAD, (6, 3, 1))))
        .when(pl.Series(old))
        .then(pl.lit(pick(_OLD, (4, 2, 2, 4, 1))))
        .when(pl.Series(undergraduate))
        .then(pl.lit(pick(_UNDERGRADUATE, (6, 2, 2, 0.5, 1))))
        .otherwise(pl.lit(pick(_POSTGRADUATE, (8, 1, 2, 0.3))))
    ).to_series()
    filled = (required == MANDATORY) | ((required != NOT_APPLICABLE) & chance(rng, count, 0.85))
    return where(filled, degree)


def _sources(rng: np.random.Generator, world: World, routes: Routes) -> tuple[pl.Series, pl.Series]:
    """The application that sent the route and its reference, unique per person: the route's number is part of it."""
    count, types = len(routes), route_types()
    apply = routes.type == types.number("Apply for Qualified Teacher Status in England")
    qtls = routes.type == types.number("QTLS and SET Membership")
    registered = (routes.provider == "current") & (routes.due >= day("2018-06-01"))
    application = np.where(apply, users.AFQTS, np.where(qtls, users.SET, users.REGISTER))
    serial = digits(np.arange(count) + 1, 6)
    slug = pl.select(pl.lit(uuids(rng, count)).str.replace_all("-", "").str.slice(0, 18) + pl.lit(serial)).to_series()
    reference = pl.select(
        pl.when(pl.Series(apply)).then(pl.concat_str(pl.lit("AfQTS-"), pl.lit(serial))).otherwise(pl.lit(slug))
    ).to_series()
    return (
        gather(world.users.applications, np.where(apply | qtls | registered, application, -1)),
        where(apply | registered, reference),
    )
