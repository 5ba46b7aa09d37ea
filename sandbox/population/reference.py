"""Reference rows as columns to draw from: route types, subjects, degrees, countries, providers, alert types."""

from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np
import polars as pl

from sandbox.domain import tables
from sandbox.population.vector import Ints, Mask, digits, stream, uuids
from sandbox.schema import seed_rows

OPTIONAL, MANDATORY, NOT_APPLICABLE = 0, 1, 2
QTS_TYPE, EYTS_TYPE, EYPS_TYPE, PQTS_TYPE = range(4)
GENERIC_EXEMPTION: Final = "a5faff9f-29ce-4a6b-a7b8-0c1f57f15920"


@dataclass(frozen=True)
class RouteTypes:
    """Route types in the order of the seed. `required` maps a field to OPTIONAL, MANDATORY or NOT_APPLICABLE."""

    names: tuple[str, ...]
    ids: pl.Series
    awards: Ints
    """0 QTS, 1 EYTS, 2 EYPS, 3 PQTS."""
    required: dict[str, Ints]
    exemption_reason: pl.Series

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
        pl.Series([row["induction_exemption_reason_id"] or None for row in rows]),
    )


@dataclass(frozen=True)
class Subjects:
    """Subjects that trainees take, commonest first, split by phase; and old codes for routes of DQT's time."""

    ids: pl.Series
    names: pl.Series
    references: pl.Series
    primary: Ints
    secondary: Ints
    old: Ints


@cache
def subjects() -> Subjects:
    """Positions of usable subjects in the seeded list."""
    rows = seed_rows("training_subjects")
    names = [row["name"] for row in rows]
    active = {row["name"]: i for i, row in enumerate(rows) if row["is_active"] == "true"}
    primary = [
        "primary teaching",
        "primary education",
        "early years teaching",
        "early years education",
        "special needs teaching",
    ]
    secondary = [
        "mathematics",
        "English studies",
        "biology",
        "physics",
        "chemistry",
        "history",
        "geography",
        "Physical Education",
        "religious studies",
        "French language",
        "Spanish language",
        "music",
        "drama",
        "design",
        "computer science",
        "business studies",
        "psychology",
        "German language",
        "fine art",
        "English literature",
        "sport and exercise sciences",
        "economics",
        "sociology",
        "dance",
        "law",
    ]
    # At most a thousand old codes: the long tail of DQT's list.
    old = [i for i, row in enumerate(rows) if row["is_active"] == "false"]
    return Subjects(
        pl.Series([row["training_subject_id"] for row in rows]),
        pl.Series(names),
        pl.Series([row["reference"] for row in rows]),
        np.array([active[n] for n in primary if n in active]),
        np.array([active[n] for n in secondary if n in active]),
        np.array(old),
    )


@cache
def degree_types() -> dict[str, str]:
    """Degree types: name -> identifier."""
    return {row["name"]: row["degree_type_id"] for row in seed_rows("degree_types")}


@dataclass(frozen=True)
class Providers:
    """Training providers. TRS loads them from elsewhere, so they are rows of the population, not seeds."""

    ids: pl.Series
    names: pl.Series
    ukprns: pl.Series
    current: Ints
    old: Ints
    teach_first: Ints

    def frame(self) -> pl.DataFrame:
        """The rows of training_providers."""
        active = np.zeros(len(self.ids), np.bool_)
        active[self.current] = True
        return pl.DataFrame(
            {"training_provider_id": self.ids, "ukprn": self.ukprns, "name": self.names, "is_active": active}
        )


def providers(seed: int) -> Providers:
    """Accredited providers by their public names, and the colleges of the past, which have no UKPRN."""
    rows = tables.rows("training_providers")
    active: Mask = np.array([row["is_active"] == "true" for row in rows])
    rng = stream(seed, "training providers")
    # Numbers from 10,900,000 on are not in use: no real provider is meant.
    ukprns = digits(10_900_000 + np.arange(len(rows)) * 7, 8)
    names = pl.Series([row["name"] for row in rows])
    return Providers(
        uuids(rng, len(rows)),
        names,
        pl.select(pl.when(pl.Series(active)).then(pl.lit(ukprns))).to_series(),
        np.flatnonzero(active),
        np.flatnonzero(~active),
        np.array([i for i, row in enumerate(rows) if row["name"] == "Teach First"]),
    )


@cache
def dqt_status_names() -> dict[str, str]:
    """DQT teacher and early-years statuses in use here: value -> name."""
    return {row["value"]: row["name"] for row in tables.rows("dqt_statuses")}
