"""What Explore Education Statistics knows: columns, levels, kinds of time, symbols and lengths."""

from __future__ import annotations

import re
from dataclasses import dataclass

META_COLUMNS = (
    "col_name",
    "col_type",
    "label",
    "indicator_grouping",
    "indicator_unit",
    "indicator_dp",
    "filter_hint",
    "filter_grouping_column",
)
OPTIONAL_META_COLUMNS = ("filter_default",)
DATA_COLUMNS = ("time_period", "time_identifier", "geographic_level", "country_code", "country_name")

FILTER, INDICATOR = "Filter", "Indicator"
TOTAL = "Total"


@dataclass(frozen=True)
class Level:
    """A geographic level, with the columns that say which place a row is about."""

    name: str
    columns: tuple[str, ...]


LEVELS = {
    level.name: level
    for level in (
        Level("National", ("country_code", "country_name")),
        Level("Regional", ("region_code", "region_name")),
        Level("Local authority", ("new_la_code", "la_name", "old_la_code")),
        Level("Local authority district", ("lad_code", "lad_name")),
        Level("RSC region", ("rsc_region_lead_name",)),
        Level("Parliamentary constituency", ("pcon_code", "pcon_name")),
        Level("Local skills improvement plan area", ("lsip_code", "lsip_name")),
        Level(
            "Local enterprise partnership",
            ("local_enterprise_partnership_code", "local_enterprise_partnership_name"),
        ),
        Level("English devolved area", ("english_devolved_area_code", "english_devolved_area_name")),
        Level("Opportunity area", ("opportunity_area_code", "opportunity_area_name")),
        Level("Ward", ("ward_code", "ward_name")),
        Level("MAT", ("trust_id", "trust_name")),
        Level("Sponsor", ("sponsor_id", "sponsor_name")),
        Level("School", ("school_urn", "school_name", "school_laestab")),
        Level("Provider", ("provider_ukprn", "provider_name")),
        Level("Institution", ("institution_id", "institution_name")),
        Level("Planning area", ("planning_area_code", "planning_area_name")),
        Level("Police force area", ("pfa_code", "pfa_name")),
    )
}
SCREENED_LEVELS = ("National", "Provider")
"""Those that are screened here: of the others the codes would have to be held against lists of the ONS."""

IGNORED_LEVELS = ("School", "Provider", "Institution", "Planning area")
"""Levels whose rows the table tool leaves out where there are rows of another level, too."""

OBSERVATIONAL = frozenset(
    ("time_period", "time_identifier", "geographic_level", *(one for level in LEVELS.values() for one in level.columns))
)
"""Columns that say what a row is about, not what was found: they are in no metadata."""

LIKE_A_PLACE = re.compile(
    r"^(country|sch|prov|inst|estab|reg|la|local|rsc|pfa|pcon|lep|mca|oa|ward|mat).*(name|code|urn|ukprn|number|upin|id)$"
    r"|^(laestab|estab|sch|school|schools|prov|provider|providers|inst|institution|institutions|name|code|urn|ukprn"
    r"|number|upin|id|region|la|lad|rsc|pcon|lep|mca|oa|ward|mat)$",
    re.IGNORECASE,
)
"""What a column of a place may be called by mistake."""

COUNTRIES = {
    "E92000001": "England",
    "K02000001": "United Kingdom",
    "K03000001": "Great Britain",
    "K04000001": "England and Wales",
    "N92000002": "Northern Ireland",
    "S92000003": "Scotland",
    "W92000004": "Wales",
    "x": "Not available",
    "z": "Not applicable",
}
NOT_AVAILABLE = ("x", "Not available")

_TERMS = frozenset({"Spring term", "Autumn term", "Summer term"})
_QUARTERS = frozenset(f"Financial year Q{one}" for one in range(1, 5))
_HALVES = frozenset({"Part 1 (April to September)", "Part 2 (October to March)"})
_WEEKS = frozenset(f"Week {one}" for one in range(1, 53))
_MONTHS = frozenset(
    (
        *("January", "February", "March", "April", "May", "June"),
        *("July", "August", "September", "October", "November", "December"),
    )
)
KINDS_OF_TIME = (
    *(
        frozenset({one})
        for one in (
            "Autumn and spring term",
            "Calendar year",
            "Financial year",
            "Academic year",
            "Tax year",
            "Reporting year",
        )
    ),
    _TERMS,
    _WEEKS,
    _MONTHS,
    _QUARTERS,
    _HALVES,
)
"""Time identifiers; those of one set may be mixed in a file."""

FOUR_DIGITS = frozenset({"Calendar year", "Reporting year", *_WEEKS, *_MONTHS})

UNITS = frozenset({"", "%", "pp", "£", "£m", "numberstring"})

NULLS = frozenset({"NULL", "Null", "null", "NA", "na"})
OLD_SYMBOLS = frozenset({"N/A", "n/a", ".", "..", "-", ":", "~"})
SYMBOLS = frozenset({"z", "x", "c", "low", "k", "u"})
NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?\Z")

SMUSHED = re.compile(
    "male|asian|chinese|indian|pakistani|bangladeshi|black|african|caribbean|white|roma|irish|english|british"
    "|scottish|welsh|arab",
    re.IGNORECASE,
)
"""What a name of an indicator has in it where a filter should say it (`female` has `male` in it)."""

LONGEST_COLUMN, LONGEST_LABEL, LONGEST_CODE, LONGEST_ITEM = 50, 80, 30, 120
"""Characters. The screener lets a label have 100, the guidance of the API 80."""

MOST_ITEMS = 25_000
"""Of a filter."""
