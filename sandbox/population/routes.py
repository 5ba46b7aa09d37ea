"""Routes to professional status: which route each person took, when and where, and what came of it."""

import datetime
from dataclasses import dataclass
from functools import cache

import numpy as np
import polars as pl

from sandbox.domain import dates, tables
from sandbox.population.cohorts import EYTS, ITT, KINDS, NONE, QTLS, TRAINING
from sandbox.population.people import People
from sandbox.population.reference import EYPS_TYPE, QTS_TYPE, route_types
from sandbox.population.vector import DAY, NO_DAY, Days, Ints, Mask, between, chance, day, stream, weighted

IN_TRAINING, HOLDS, DEFERRED, DEFERRED_FOR_SKILLS_TEST, FAILED, WITHDRAWN, UNDER_ASSESSMENT = range(7)


@dataclass
class Routes:
    """Routes of one chunk, one entry each; `row` is the person's position in the chunk."""

    row: Ints
    type: Ints
    status: Ints
    due: Days
    registered: Days
    """Day on which the route came into the record; before the move to TRS it is migrated."""
    deleted: Days
    dqt_status: np.ndarray
    provider: np.ndarray
    """Which list the provider comes from: current, old, teach_first or none."""
    qualification_id: pl.Series | None = None

    def __len__(self) -> int:
        return len(self.row)

    @property
    def holds(self) -> Mask:
        held: Mask = self.status == HOLDS
        return held

    @property
    def live(self) -> Mask:
        return np.isnat(self.deleted)

    @property
    def awards(self) -> Ints:
        """0 QTS, 1 EYTS, 2 EYPS, 3 PQTS."""
        return route_types().awards[self.type]

    @property
    def migrated(self) -> Mask:
        return self.registered < day(dates.ROUTES_MOVED)

    @property
    def holds_from(self) -> Days:
        """Day of the award: set for routes that are held, except EYPS, which has none."""
        return np.where(self.holds & (self.awards != 2), self.due, NO_DAY)


@cache
def _choices(kind: str, year: int) -> tuple[Ints, tuple[float, ...], tuple[str, ...], tuple[str, ...]]:
    """Route types of one kind of person in one financial year with their weights, DQT statuses and provider lists."""
    rows = [r for r in tables.rows("routes_by_year") if r["kind"] == kind]
    # Later years carry on with what the last listed year had; earlier ones begin with what the first had.
    year = min(max(year, min(int(r["from_year"]) for r in rows)), max(int(r["to_year"]) for r in rows))
    rows = [r for r in rows if int(r["from_year"]) <= year <= int(r["to_year"])]
    return (
        np.array([route_types().number(r["route"]) for r in rows]),
        tuple(float(r["weight"]) for r in rows),
        tuple(r["dqt_status"] for r in rows),
        tuple(r["provider"] for r in rows),
    )


def draw_types(rng: np.random.Generator, kind: Ints, year: Ints) -> tuple[Ints, np.ndarray, np.ndarray]:
    """Route type, DQT status and provider list for each entry, by kind of person and financial year."""
    types = np.zeros(len(kind), np.int64)
    status = np.full(len(kind), "71", dtype="U3")
    provider = np.full(len(kind), "none", dtype="U11")
    cell = kind * 10_000 + year
    for value in np.unique(cell):
        members = np.flatnonzero(cell == value)
        numbers, weights, statuses, lists = _choices(KINDS[value // 10_000], int(value % 10_000))
        drawn = weighted(rng, len(members), weights)
        types[members] = numbers[drawn]
        status[members] = np.array(statuses)[drawn]
        provider[members] = np.array(lists)[drawn]
    return types, status, provider


def draw_routes(seed: int, chunk: int, people: People, today: datetime.date, died: Days) -> Routes:
    """Everyone's main route, then the other ones that some people have. Nothing is added for those who `died`."""
    now = day(today)
    main = _main(stream(seed, "routes", chunk), people, now)
    extra = _Extra(stream(seed, "more routes", chunk), people, main, now, died)
    parts = [
        main,
        extra.ended_before(),
        extra.lapsed_qtls(),
        extra.early_years_first(),
        extra.eyps_too(),
        extra.recognised_elsewhere(),
        extra.entered_twice(),
    ]
    fields = ("row", "type", "status", "due", "registered", "deleted", "dqt_status", "provider")
    return Routes(
        **{field: np.concatenate([getattr(part, field) for part in parts]) for field in fields}  # type: ignore[arg-type]
    )


def _main(rng: np.random.Generator, people: People, now: np.datetime64) -> Routes:
    row = np.flatnonzero(people.kind != NONE)
    kind, year, due = people.kind[row], people.year[row], people.due[row]
    types, dqt_status, provider = draw_types(rng, kind, year)
    count = len(row)
    # The Apply service opened on 1 February 2023, within its first financial year; until then recognition as before.
    early = (types == route_types().number("Apply for Qualified Teacher Status in England")) & (due < day("2023-02-01"))
    types = np.where(early, route_types().number("Overseas Trained Teacher Recognition"), types)
    dqt_status = np.where(early, "103", dqt_status)
    ahead = due >= now
    status = np.where(
        people.awarded[row],
        HOLDS,
        np.where(
            np.isin(kind, (ITT, EYTS, TRAINING)),
            np.array([IN_TRAINING, DEFERRED, UNDER_ASSESSMENT])[weighted(rng, count, (0.85, 0.08, 0.07))],
            UNDER_ASSESSMENT,
        ),
    )
    ended = np.array([WITHDRAWN, DEFERRED, FAILED])[weighted(rng, count, (0.5, 0.25, 0.25))]
    # Skills tests were required from 2012 to 2019.
    ended = np.where((year >= 2012) & (year <= 2019) & chance(rng, count, 0.2), DEFERRED_FOR_SKILLS_TEST, ended)
    status = np.where((kind == TRAINING) & ~ahead, ended, status)
    trains = route_types().required["training_start_date"][types] != 2
    still = np.isin(status, (IN_TRAINING,)) & ~trains
    status = np.where(still, UNDER_ASSESSMENT, status)
    registered = people.created[row].astype("datetime64[D]")
    # People moved in one load have a loading day as creation date; their routes are as old as the award.
    return Routes(row, types, status, due, registered, np.full(count, NO_DAY), dqt_status, provider)


class _Extra:
    """Second routes. Each method gives the ones of one reason; none adds to the awards of the published years."""

    def __init__(self, rng: np.random.Generator, people: People, main: Routes, now: np.datetime64, died: Days) -> None:
        self.rng, self.people, self.main, self.now = rng, people, main, now
        self.kind = people.kind[main.row]
        working = np.isnat(died) & (now - people.born < np.timedelta64(65 * 365, "D"))
        self.working = working[main.row]
        self.year = people.year[main.row]

    def _pick(self, mask: Mask, share: float) -> Ints:
        return np.flatnonzero(mask & chance(self.rng, len(mask), share))

    def _named(
        self, name: str, chosen: Ints, due: Days, status: int, dqt_status: str, deleted: Days | None = None
    ) -> Routes:
        count = len(chosen)
        due = due.astype("datetime64[D]")
        registered = np.minimum(due, self.main.registered[chosen]) if name != "QTLS and SET Membership" else due
        return Routes(
            self.main.row[chosen],
            np.full(count, route_types().number(name)),
            np.full(count, status),
            due,
            registered,
            np.full(count, NO_DAY) if deleted is None else deleted,
            np.full(count, dqt_status, dtype="U3"),
            np.full(count, "none", dtype="U11"),
        )

    def ended_before(self) -> Routes:
        """A course given up or failed before the one that led to the award."""
        chosen = self._pick((self.kind == ITT) & (self.year >= 1993), 0.04)
        back = self.rng.integers(365, 1500, len(chosen)) * DAY
        year = np.maximum(self.year[chosen] - 3, 1992)
        types, dqt_status, provider = draw_types(self.rng, np.full(len(chosen), TRAINING), year)
        status = np.where(chance(self.rng, len(chosen), 0.7), WITHDRAWN, FAILED)
        due = self.main.due[chosen] - back
        registered = np.minimum(self.main.registered[chosen], due - 100 * DAY)
        return Routes(
            self.main.row[chosen], types, status, due, registered, np.full(len(chosen), NO_DAY), dqt_status, provider
        )

    def lapsed_qtls(self) -> Routes:
        """Some memberships lapsed, so the main route is deleted; some of these were renewed by a new route."""
        lapsed = self._pick((self.kind == QTLS) & self.main.holds & self.working, 0.22)
        first = np.maximum(self.main.due[lapsed] + DAY, day(dates.ROUTES_MOVED) + 2 * DAY)
        deleted = between(self.rng, first, self.now - DAY, len(lapsed))
        possible = deleted < self.now
        lapsed, deleted = lapsed[possible], deleted[possible]
        self.main.deleted[lapsed] = deleted
        again = chance(self.rng, len(lapsed), 0.3) & (deleted < self.now - 3 * DAY)
        due = between(self.rng, deleted[again] + DAY, self.now - DAY, int(again.sum()))
        return self._named("QTLS and SET Membership", lapsed[again], due, HOLDS, "71")

    def early_years_first(self) -> Routes:
        """Early years teachers who then trained for QTS."""
        chosen = self._pick((self.kind == ITT) & self.main.holds & (self.year >= 2015), 0.012)
        back = self.rng.integers(365, 1100, len(chosen)) * DAY
        due = np.maximum(self.main.due[chosen] - back, day("2013-09-01"))
        routes = self._named("Early Years ITT Graduate Entry", chosen, due, HOLDS, "221")
        routes.provider[:] = "current"
        routes.registered = np.minimum(routes.registered, due - 200 * DAY)
        return routes

    def eyps_too(self) -> Routes:
        """Early years professionals who became teachers."""
        chosen = self._pick((self.kind == ITT) & self.main.holds & (self.year >= 2009) & (self.year <= 2016), 0.008)
        due = between(self.rng, day("2007-06-01"), day("2013-08-31"), len(chosen))
        return self._named("EYPS", chosen, due, HOLDS, "222")

    def recognised_elsewhere(self) -> Routes:
        """A second recognition, of before the years whose awards are published."""
        chosen = self._pick((self.kind == ITT) & self.main.holds & (self.year >= 1985) & (self.year <= 2014), 0.006)
        due = self.main.due[chosen] + self.rng.integers(400, 2000, len(chosen)) * DAY
        due = np.minimum(due, day("2021-03-31"))
        return self._named("Scottish Recognition", chosen, due, HOLDS, "68")

    def entered_twice(self) -> Routes:
        """Copies entered by mistake and deleted soon after."""
        chosen = self._pick((self.kind == ITT) & self.main.holds, 0.003)
        first = np.maximum(self.main.due[chosen], day(dates.ROUTES_MOVED)) + 3 * DAY
        deleted = between(self.rng, first, self.now - DAY, len(chosen))
        possible = deleted < self.now
        chosen, deleted = chosen[possible], deleted[possible]
        return Routes(
            self.main.row[chosen],
            self.main.type[chosen],
            self.main.status[chosen],
            self.main.due[chosen],
            self.main.registered[chosen],
            deleted,
            self.main.dqt_status[chosen],
            self.main.provider[chosen],
        )


@dataclass(frozen=True)
class Statuses:
    """What people hold by their live routes."""

    qts_date: Days
    eyts_date: Days
    pqts_date: Days
    has_eyps: Mask
    qtls: Ints
    """0 never, 1 expired, 2 active."""


def statuses(people: People, routes: Routes) -> Statuses:
    """Earliest award of each status over live routes that are held, and the state of QTLS."""
    count = len(people)
    counts = routes.live & routes.holds

    def earliest(award: int) -> Days:
        members = np.flatnonzero(counts & (routes.awards == award))
        dates = np.full(count, np.iinfo(np.int64).max)
        np.minimum.at(dates, routes.row[members], routes.due[members].astype(np.int64))
        return np.where(dates == np.iinfo(np.int64).max, NO_DAY, dates.astype("datetime64[D]"))

    has_eyps = np.zeros(count, np.bool_)
    has_eyps[routes.row[counts & (routes.awards == EYPS_TYPE)]] = True
    is_qtls = routes.type == route_types().number("QTLS and SET Membership")
    qtls = np.zeros(count, np.int64)
    qtls[routes.row[is_qtls & routes.holds]] = 1
    qtls[routes.row[is_qtls & counts]] = 2
    return Statuses(earliest(QTS_TYPE), earliest(1), earliest(3), has_eyps, qtls)
