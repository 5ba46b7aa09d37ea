"""What a contract says of a table of statistics: its filters and indicators, and how its counts are kept confidential.

A column's part is in its own properties, `statistics: {role: filter}` or `{role: indicator}`, and its label in
`businessName`; what is done to small counts is in `disclosureControl` of the contract.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from open_data_contract_standard.model import SchemaProperty

_Wrong = Callable[[str, str], None]

_FILTER = {"role", "hint", "group", "default", "addsUp"}
_INDICATOR = {"role", "unit", "decimalPlaces", "grouping", "shareOf", "over"}
_CONTROL = {"suppressUnder", "roundTo", "zeros"}


@dataclass(frozen=True)
class Filter:
    """A column by which figures are broken down.

    Attributes:
        group: the column that groups its items; empty for none.
        default: the item that is shown where a reader chooses none.
        adds_up: whether its items add up to its total; without it each item is a table by itself.
    """

    name: str
    label: str
    hint: str = ""
    group: str = ""
    default: str = "Total"
    adds_up: bool = True


@dataclass(frozen=True)
class Indicator:
    """A column of figures.

    Attributes:
        unit: as Explore Education Statistics has them; empty for a number.
        share_of: the indicator of which it is a percentage; empty for a count.
        over: the filter in whose total it is the share.
    """

    name: str
    label: str
    unit: str = ""
    places: int = 0
    grouping: str = ""
    share_of: str = ""
    over: str = ""


@dataclass(frozen=True)
class Statistics:
    """A table of statistics.

    Attributes:
        suppress_under: counts below it are hidden.
        round_to: the base that counts are rounded to.
        hides_zeros: whether a count of nobody is hidden like a small one.
    """

    filters: tuple[Filter, ...]
    indicators: tuple[Indicator, ...]
    suppress_under: int
    round_to: int
    hides_zeros: bool

    @property
    def count(self) -> Indicator:
        """The one indicator that is a count: it is known to be there."""
        return next(one for one in self.indicators if not one.share_of)

    @property
    def shares(self) -> tuple[Indicator, ...]:
        return tuple(one for one in self.indicators if one.share_of)


def statistics_of(
    control: Any, table: str, columns: Sequence[SchemaProperty], kind: object, wrong: _Wrong
) -> Statistics | None:
    """What a contract says of a table of statistics; None where the table is none.

    Args:
        control: what the contract does with small counts.
        table: where the table is in the contract, such as "schema[0]".
        columns: of the table.
        kind: of the contract's files.
        wrong: called with the place of each mistake, and what it is.
    """
    filters: list[Filter] = []
    indicators: list[Indicator] = []
    for position, entry in enumerate(columns):
        found = _column(entry, f"{table}.properties[{position}] ({entry.name}).customProperties.statistics", wrong)
        if isinstance(found, Filter):
            filters.append(found)
        elif found is not None:
            indicators.append(found)
    if not filters and not indicators:
        return None
    if kind != "csv":
        wrong("customProperties.fileFormat", f"is `{kind}`; statistics are a csv file with its metadata")
    counts = [one.name for one in indicators if not one.share_of]
    if len(counts) != 1:
        wrong(f"{table}.properties", f"has {len(counts)} indicators that are counts; a table of statistics has one")
    adding = [one.name for one in filters if one.adds_up]
    for one in indicators:
        if one.share_of and (one.share_of not in counts or one.over not in adding):
            wrong(f"{table}.properties", f"`{one.name}` has to be the share of the count over a filter that adds up")
    return _controlled(control, tuple(filters), tuple(indicators), wrong)


def _column(entry: SchemaProperty, place: str, wrong: _Wrong) -> Filter | Indicator | None:
    given = {str(one.property): one.value for one in entry.customProperties or []}.get("statistics")
    if given is None:
        return None
    role = given.get("role") if isinstance(given, dict) else None
    if role not in ("filter", "indicator"):
        wrong(place, "needs a `role`: filter or indicator")
        return None
    for name in sorted(set(given) - (_FILTER if role == "filter" else _INDICATOR)):
        wrong(place, f"`{name}` is not said of a {role}")
    if not (entry.businessName or "").strip():
        wrong(place, "wants the column's label, in its businessName")
    return _filter(entry, given) if role == "filter" else _indicator(entry, given, place, wrong)


def _filter(entry: SchemaProperty, given: Mapping[str, Any]) -> Filter:
    return Filter(
        name=entry.name or "",
        label=(entry.businessName or "").strip(),
        hint=str(given.get("hint", "")),
        group=str(given.get("group", "")),
        default=str(given.get("default", "Total")),
        adds_up=bool(given.get("addsUp", True)),
    )


def _indicator(entry: SchemaProperty, given: Mapping[str, Any], place: str, wrong: _Wrong) -> Indicator:
    places = given.get("decimalPlaces", 0)
    if not isinstance(places, int) or not 0 <= places <= 6:
        wrong(place, "`decimalPlaces` must be a whole number from 0 to 6")
        places = 0
    return Indicator(
        name=entry.name or "",
        label=(entry.businessName or "").strip(),
        unit=str(given.get("unit", "")),
        places=places,
        grouping=str(given.get("grouping", "")),
        share_of=str(given.get("shareOf", "")),
        over=str(given.get("over", "")),
    )


def _controlled(
    control: Any, filters: tuple[Filter, ...], indicators: tuple[Indicator, ...], wrong: _Wrong
) -> Statistics | None:
    place = "customProperties.disclosureControl"
    if not isinstance(control, dict) or set(control) != _CONTROL:
        wrong(place, f"must say {', '.join(sorted(_CONTROL))}, and nothing else: what is done to small counts")
        return None
    under, base, zeros = control["suppressUnder"], control["roundTo"], control["zeros"]
    for name, value, least in (("suppressUnder", under, 0), ("roundTo", base, 1)):
        if not isinstance(value, int) or isinstance(value, bool) or value < least:
            wrong(place, f"`{name}` must be a whole number, {least} or more")
            return None
    if zeros not in ("keep", "suppress"):
        wrong(place, f"`zeros` is `{zeros}`; it must be keep or suppress")
        return None
    return Statistics(filters, indicators, under, base, zeros == "suppress")
