"""Reference rows as columns to draw from: route types, subjects, degrees, countries, providers, alert types."""

from dataclasses import dataclass
from functools import cache

import numpy as np
import polars as pl

from sandbox.domain import tables
from sandbox.domain.tables import weights, words
from sandbox.population.arrays import Ints, Mask
from sandbox.population.draw import stream, uuids
from sandbox.population.series import digits, where
from sandbox.schema import seed_rows


@dataclass(frozen=True)
class RouteTypes:
    """Route types in the order of the seed. `required` maps a field to OPTIONAL, MANDATORY or NOT_APPLICABLE."""

    names: tuple[str, ...]
    ids: pl.Series
    awards: Ints
    """0 QTS, 1 EYTS, 2 EYPS, 3 PQTS."""
    required: dict[str, Ints]

    def number(self, name: str) -> int:
        """Position of the type with this name."""
        return self.names.index(name)

    def numbers(self, *wanted: str) -> list[int]:
        """Positions of several types."""
        return [self.names.index(name) for name in wanted]


@cache
def route_types() -> RouteTypes:
    """The 66 seeded route types."""
    rows = seed_rows("route_to_professional_status_types")
    fields = [column.removesuffix("_required") for column in rows[0] if column.endswith("_required")]
    return RouteTypes(
        tuple(row["name"] for row in rows),
        pl.Series([row["route_to_professional_status_type_id"] for row in rows]),
        np.array([int(row["professional_status_type"]) for row in rows]),
        {field: np.array([int(row[f"{field}_required"]) for row in rows]) for field in fields},
    )


@dataclass(frozen=True)
class Subjects:
    """Subjects that trainees take, commonest first, split by phase; and old codes for routes of DQT's time."""

    ids: pl.Series
    primary: Ints
    secondary: Ints
    old: Ints


@cache
def subjects() -> Subjects:
    """Positions of usable subjects in the seeded list."""
    rows = seed_rows("training_subjects")
    active = {row["name"]: i for i, row in enumerate(rows) if row["is_active"] == "true"}
    return Subjects(
        pl.Series([row["training_subject_id"] for row in rows]),
        np.array([active[name] for name in weights("primary_subject")]),
        np.array([active[name] for name in words("secondary_subject")]),
        np.array([i for i, row in enumerate(rows) if row["is_active"] == "false"]),
    )


@cache
def degree_types() -> dict[str, str]:
    """Degree types: name -> identifier."""
    return {row["name"]: row["degree_type_id"] for row in seed_rows("degree_types")}


@dataclass(frozen=True)
class Providers:
    """Training providers. TRS loads them from elsewhere, so they are rows of the population, not seeds."""

    frame: pl.DataFrame
    """The rows of training_providers."""
    current: Ints
    old: Ints
    teach_first: int

    @property
    def ids(self) -> pl.Series:
        """Identifiers of all of them, in the order of the list."""
        return self.frame["training_provider_id"]


def providers(seed: int) -> Providers:
    """Accredited providers by their public names, and the colleges of the past, which have no UKPRN."""
    rows = tables.rows("training_providers")
    active: Mask = np.array([row["is_active"] == "true" for row in rows])
    names = [row["name"] for row in rows]
    # Numbers from 10,900,000 on are not in use: no real provider is meant.
    ukprns = where(active, digits(10_900_000 + np.arange(len(rows)) * 7, 8))
    ids = uuids(stream(seed, "training providers"), len(rows))
    frame = pl.DataFrame({"training_provider_id": ids, "ukprn": ukprns, "name": names, "is_active": active})
    return Providers(frame, np.flatnonzero(active), np.flatnonzero(~active), names.index("Teach First"))


@cache
def dqt_status_names() -> dict[str, str]:
    """DQT teacher and early-years statuses in use here: value -> name."""
    return {row["value"]: row["name"] for row in tables.rows("dqt_statuses")}
