"""Routes to professional status: which route each person took, when and where, and what came of it."""

import datetime
from dataclasses import dataclass

import numpy as np
import polars as pl

from sandbox.domain import dates
from sandbox.domain.codes import Award, Field, Qtls
from sandbox.domain.codes import RouteStatus as Status
from sandbox.domain.routes import APPLY, OVERSEAS_TRAINED, SCOTTISH, choices
from sandbox.domain.routes import QTLS as QTLS_ROUTE
from sandbox.population.arrays import DAY, NO_DAY, Days, Ints, Mask, day
from sandbox.population.cohorts import EYTS, ITT, KINDS, NONE, QTLS, TRAINING
from sandbox.population.columns import route_types
from sandbox.population.draw import between, chance, stream, weighted
from sandbox.population.people import People


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
        held: Mask = self.status == Status.HOLDS
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
        return np.where(self.holds & (self.awards != Award.EYPS), self.due, NO_DAY)


def draw_types(rng: np.random.Generator, kind: Ints, year: Ints) -> tuple[Ints, np.ndarray, np.ndarray]:
    """Route type, DQT status and provider list for each entry, by kind of person and financial year."""
    types = np.zeros(len(kind), np.int64)
    status = np.full(len(kind), "71", dtype="U3")
    provider = np.full(len(kind), "none", dtype="U11")
    cell = kind * 10_000 + year
    for value in np.unique(cell):
        members = np.flatnonzero(cell == value)
        listed = choices(KINDS[value // 10_000], int(value % 10_000))
        place = weighted(rng, len(members), [choice.weight for choice in listed])
        types[members] = np.array([route_types().number(choice.route) for choice in listed])[place]
        status[members] = np.array([choice.dqt_status for choice in listed])[place]
        provider[members] = np.array([choice.provider for choice in listed])[place]
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
    early = (types == route_types().number(APPLY)) & (due < day("2023-02-01"))
    types = np.where(early, route_types().number(OVERSEAS_TRAINED), types)
    dqt_status = np.where(early, "103", dqt_status)
    ahead = due >= now
    status = np.where(
        people.awarded[row],
        Status.HOLDS,
        np.where(
            np.isin(kind, (ITT, EYTS, TRAINING)),
            np.array([Status.IN_TRAINING, Status.DEFERRED, Status.UNDER_ASSESSMENT])[
                weighted(rng, count, (0.85, 0.08, 0.07))
            ],
            Status.UNDER_ASSESSMENT,
        ),
    )
    ended = np.array([Status.WITHDRAWN, Status.DEFERRED, Status.FAILED])[weighted(rng, count, (0.5, 0.25, 0.25))]
    # Skills tests were required from 2012 to 2019.
    ended = np.where((year >= 2012) & (year <= 2019) & chance(rng, count, 0.2), Status.DEFERRED_FOR_SKILLS_TEST, ended)
    status = np.where((kind == TRAINING) & ~ahead, ended, status)
    trains = route_types().required["training_start_date"][types] != Field.NOT_APPLICABLE
    still = np.isin(status, (Status.IN_TRAINING,)) & ~trains
    status = np.where(still, Status.UNDER_ASSESSMENT, status)
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
        registered = np.minimum(due, self.main.registered[chosen]) if name != QTLS_ROUTE else due
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
        """A course abandoned or failed before the one that led to the award."""
        chosen = self._pick((self.kind == ITT) & (self.year >= 1993), 0.04)
        back = self.rng.integers(365, 1500, len(chosen)) * DAY
        year = np.maximum(self.year[chosen] - 3, 1992)
        types, dqt_status, provider = draw_types(self.rng, np.full(len(chosen), TRAINING), year)
        status = np.where(chance(self.rng, len(chosen), 0.7), Status.WITHDRAWN, Status.FAILED)
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
        return self._named(QTLS_ROUTE, lapsed[again], due, Status.HOLDS, "71")

    def early_years_first(self) -> Routes:
        """Early years teachers who then trained for QTS."""
        chosen = self._pick((self.kind == ITT) & self.main.holds & (self.year >= 2015), 0.012)
        back = self.rng.integers(365, 1100, len(chosen)) * DAY
        due = np.maximum(self.main.due[chosen] - back, day("2013-09-01"))
        routes = self._named("Early Years ITT Graduate Entry", chosen, due, Status.HOLDS, "221")
        routes.provider[:] = "current"
        routes.registered = np.minimum(routes.registered, due - 200 * DAY)
        return routes

    def eyps_too(self) -> Routes:
        """Early years professionals who became teachers."""
        chosen = self._pick((self.kind == ITT) & self.main.holds & (self.year >= 2009) & (self.year <= 2016), 0.008)
        due = between(self.rng, day("2007-06-01"), day("2013-08-31"), len(chosen))
        return self._named("EYPS", chosen, due, Status.HOLDS, "222")

    def recognised_elsewhere(self) -> Routes:
        """A second recognition, of before the years whose awards are published."""
        chosen = self._pick((self.kind == ITT) & self.main.holds & (self.year >= 1985) & (self.year <= 2014), 0.006)
        due = self.main.due[chosen] + self.rng.integers(400, 2000, len(chosen)) * DAY
        due = np.minimum(due, day("2021-03-31"))
        return self._named(SCOTTISH, chosen, due, Status.HOLDS, "68")

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
    has_eyps[routes.row[counts & (routes.awards == Award.EYPS)]] = True
    is_qtls = routes.type == route_types().number(QTLS_ROUTE)
    qtls = np.zeros(count, np.int64)
    qtls[routes.row[is_qtls & routes.holds]] = Qtls.EXPIRED
    qtls[routes.row[is_qtls & counts]] = Qtls.ACTIVE
    return Statuses(earliest(Award.QTS), earliest(Award.EYTS), earliest(Award.PQTS), has_eyps, qtls)
