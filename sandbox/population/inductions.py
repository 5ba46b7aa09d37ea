"""Induction of each person: status by the rules of priority, dates, exemptions and who manages it."""

from dataclasses import dataclass

import numpy as np
import polars as pl

from sandbox.domain import dates
from sandbox.domain.codes import Induction as Status
from sandbox.domain.defects import share_of
from sandbox.domain.routes import PASSED_IN_WALES, QUALIFIED_BEFORE_2000, WELSH
from sandbox.population.arrays import DAY, NO_DAY, NO_MOMENT, Days, Ints, Mask, Moments, day
from sandbox.population.columns import route_types
from sandbox.population.draw import at_work, chance
from sandbox.population.people import People
from sandbox.population.routes import Routes, Statuses
from sandbox.population.series import text, where
from sandbox.population.world import World
from sandbox.schema import seed_rows


@dataclass
class Inductions:
    """One entry per person of the chunk."""

    status: Ints
    without_exemption: Ints
    reasons: pl.Series
    """Person-level reasons as an array literal."""
    without_reason: Mask
    start: Days
    completed: Days
    modified: Moments
    cpd_first: Moments
    cpd_modified: Moments
    by_route: Mask
    """A live held route carries an exemption."""
    by_date: Mask


def draw_inductions(
    world: World, chunk: int, people: People, routes: Routes, held: Statuses, route_exempt: Mask
) -> Inductions:
    """Inductions as the routes and the time since qualifying make them.

    `route_exempt` says per route whether it carries an exemption. Failed outranks passed, then exempt, in progress,
    failed in Wales, required to complete and none.
    """
    rng = world.stream("inductions", chunk)
    count = len(people)
    holds_qts = ~np.isnat(held.qts_date)
    by_date = holds_qts & (held.qts_date < day(dates.QTS_EXEMPT_BEFORE))
    by_route = np.zeros(count, np.bool_)
    by_route[routes.row[routes.live & routes.holds & route_exempt]] = True
    welsh = np.zeros(count, np.bool_)
    welsh[routes.row[routes.live & routes.holds & (routes.type == route_types().number(WELSH))]] = True

    base = _without_exemption(rng, world, held.qts_date, by_date, by_route, welsh)
    base, start, completed = _dates(rng, world, held.qts_date, base)
    decided = np.isin(base, (Status.PASSED, Status.FAILED))
    in_wales = welsh & ~decided & (base != Status.FAILED_IN_WALES) & chance(rng, count, 0.55)
    other = holds_qts & ~decided & chance(rng, count, np.where(by_date, 0.35, 0.05))
    nobody = ~holds_qts & chance(rng, count, 0.0006)
    without_reason = holds_qts & ~decided & ~in_wales & ~other & chance(rng, count, 0.005)
    exempt = by_date | by_route | in_wales | other | nobody | without_reason
    status = np.where(decided, base, np.where(exempt, Status.EXEMPT, base))
    # The status to return to: nothing for those whom the date exempts, else what it would be.
    returns_to = np.where((status == Status.EXEMPT) & by_date & (base == Status.REQUIRED), Status.NONE, base)
    modified = _modified(rng, world, held.qts_date, start, completed, status)
    first, last = _cpd(rng, world, base, start, completed)
    migrated = np.isnat(first) & (modified < day(dates.INDUCTIONS_MOVED))
    dated = np.isin(status, (Status.IN_PROGRESS, Status.PASSED, Status.FAILED, Status.FAILED_IN_WALES)) & migrated
    start = np.where(dated & chance(rng, count, share_of("induction_start_missing")), NO_DAY, start)
    ended = np.isin(status, (Status.PASSED, Status.FAILED)) & migrated
    completed = np.where(ended & chance(rng, count, share_of("induction_completed_missing")), NO_DAY, completed)
    return Inductions(
        status,
        returns_to,
        _reasons(rng, in_wales, other | nobody, by_date),
        without_reason,
        start.astype("datetime64[D]"),
        completed.astype("datetime64[D]"),
        modified,
        first,
        last,
        by_route,
        by_date,
    )


def _without_exemption(
    rng: np.random.Generator, world: World, qts: Days, by_date: Mask, by_route: Mask, welsh: Mask
) -> Ints:
    count = len(qts)
    years = np.where(np.isnat(qts), 0.0, (world.now - qts).astype(np.float64) / 365.25)
    long_ago = years >= 3.2
    passed = np.where(long_ago, 0.76, np.where(years >= 2.0, 0.45, np.where(years >= 1.1, 0.03, 0.0)))
    going = np.where(long_ago, 0.035, np.where(years >= 2.0, 0.30, np.where(years >= 0.1, 0.62, 0.2)))
    rarely = by_route | welsh
    passed, going = np.where(rarely, 0.04, passed), np.where(rarely, 0.01, going)
    # Those of before May 2000 had no induction, but for the first year of the scheme.
    first_year = by_date & (qts >= day(dates.EARLIEST_INDUCTION))
    passed = np.where(by_date, np.where(first_year, 0.5, 0.0), passed)
    going = np.where(by_date, 0.0, going)
    draw = rng.random(count)
    base = np.where(draw < passed, Status.PASSED, np.where(draw < passed + going, Status.IN_PROGRESS, Status.REQUIRED))
    failed = long_ago & ~by_date & ~rarely & chance(rng, count, 0.0018)
    base = np.where(failed, Status.FAILED, base)
    base = np.where(welsh & ~by_date & chance(rng, count, 0.02), Status.FAILED_IN_WALES, base)
    return np.where(np.isnat(qts), Status.NONE, base)


def _dates(rng: np.random.Generator, world: World, qts: Days, base: Ints) -> tuple[Ints, Days, Days]:
    """Start in the September after qualifying or some time later; a year long, two from September 2021 on."""
    count = len(qts)
    delay = np.where(chance(rng, count, 0.6), rng.integers(20, 90, count), rng.integers(20, 700, count))
    start = np.maximum(qts + delay.astype("timedelta64[D]"), day(dates.EARLIEST_INDUCTION))
    length = np.where(
        start >= day(dates.CPD_INDUCTIONS_BEGAN), rng.integers(640, 800, count), rng.integers(300, 460, count)
    )
    completed = start + length.astype("timedelta64[D]")
    ends = np.isin(base, (Status.PASSED, Status.FAILED, Status.FAILED_IN_WALES))
    not_over = ends & (completed >= world.now)
    base = np.where(not_over, Status.IN_PROGRESS, base)
    not_begun = (base == Status.IN_PROGRESS) & (start >= world.now)
    base = np.where(not_begun, Status.REQUIRED, base)
    ends = np.isin(base, (Status.PASSED, Status.FAILED, Status.FAILED_IN_WALES))
    begun = ends | (base == Status.IN_PROGRESS)
    return base, np.where(begun, start, NO_DAY), np.where(ends, completed, NO_DAY)


def _modified(rng: np.random.Generator, world: World, qts: Days, start: Days, completed: Days, status: Ints) -> Moments:
    latest = np.where(~np.isnat(completed), completed, np.where(~np.isnat(start), start, qts))
    latest = latest + rng.integers(0, 40, len(qts)) * DAY
    latest = np.minimum(np.maximum(latest, day(dates.DQT_LOADED)), world.now - DAY)
    latest = np.where((status == Status.NONE) | np.isnat(qts), NO_DAY, latest)
    return at_work(rng, latest.astype("datetime64[D]"))


def _cpd(rng: np.random.Generator, world: World, base: Ints, start: Days, completed: Days) -> tuple[Moments, Moments]:
    """First and last change by the service for early-career teachers, which manages most inductions since 2021."""
    count = len(base)
    managed = (
        np.isin(base, (Status.IN_PROGRESS, Status.PASSED, Status.FAILED))
        & (start >= day(dates.CPD_INDUCTIONS_BEGAN))
        & chance(rng, count, 0.88)
    )
    yesterday = world.now - DAY
    first = np.minimum(start + rng.integers(0, 30, count) * DAY, yesterday)
    last = np.where(np.isnat(completed), first, np.minimum(completed + 7 * DAY, yesterday))
    first_moment = at_work(rng, np.where(managed, first, NO_DAY).astype("datetime64[D]"))
    last_moment = at_work(rng, np.where(managed, last, NO_DAY).astype("datetime64[D]"))
    return first_moment, np.maximum(first_moment, last_moment)


def _reasons(rng: np.random.Generator, in_wales: Mask, other: Mask, by_date: Mask) -> pl.Series:
    count = len(in_wales)
    usable = [
        r["induction_exemption_reason_id"]
        for r in seed_rows("induction_exemption_reasons")
        if r["route_only_exemption"] == "false" and r["induction_exemption_reason_id"] != QUALIFIED_BEFORE_2000
    ]
    drawn, second = (pl.Series(usable).gather(rng.integers(0, len(usable), count)) for _ in range(2))
    other_reason = where(other & by_date, QUALIFIED_BEFORE_2000, where(other, drawn))
    reason = where(in_wales, PASSED_IN_WALES, other_reason)
    two = (in_wales | other) & chance(rng, count, 0.04) & (reason != second).fill_null(False).to_numpy()
    listed = pl.concat_str(pl.lit(reason), pl.lit(where(two, second)), separator=",", ignore_nulls=True)
    return text("{", pl.select(listed).to_series(), "}")


def columns(world: World, chunk: int, inductions: Inductions) -> dict[str, pl.Series]:
    """The induction columns of `persons`."""
    rng = world.stream("induction columns", chunk)
    from_dqt = ~np.isnat(inductions.modified) & (inductions.modified < day(dates.INDUCTIONS_MOVED))
    synced = np.where(from_dqt, day(dates.INDUCTIONS_MOVED) - DAY, NO_DAY).astype("datetime64[D]")
    return {
        "induction_status": pl.Series(inductions.status),
        "induction_status_without_exemption": pl.Series(inductions.without_exemption),
        "induction_exemption_reason_ids": inductions.reasons,
        "induction_exempt_without_reason": pl.Series(inductions.without_reason),
        "induction_start_date": pl.Series(inductions.start),
        "induction_completed_date": pl.Series(inductions.completed),
        "induction_modified_on": pl.Series(inductions.modified),
        "cpd_induction_modified_on": pl.Series(inductions.cpd_modified),
        "cpd_induction_first_modified_on": pl.Series(inductions.cpd_first),
        "cpd_induction_cpd_modified_on": pl.Series(inductions.cpd_modified),
        "dqt_induction_last_sync": pl.Series(at_work(rng, synced)),
        "dqt_induction_modified_on": pl.Series(np.where(from_dqt, inductions.modified, NO_MOMENT)),
    }
