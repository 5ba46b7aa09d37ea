"""A table of statistics as it leaves: its small counts hidden and the others rounded, with its metadata beside it."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence

from warehouse.core.contracts import Contract
from warehouse.core.contracts.statistics import Statistics
from warehouse.core.errors import CountsNotProtected
from warehouse.deliver.csv_file import line
from warehouse.deliver.disclosure.hiding import Cell, NotATable, Threshold
from warehouse.deliver.disclosure.published import Control, Told, percentage, published
from warehouse.deliver.files import METADATA
from warehouse.deliver.screening.known import FILTER, INDICATOR, LEVELS, META_COLUMNS, OPTIONAL_META_COLUMNS, TOTAL

_TIME = ("time_period", "time_identifier")
_LEVEL = "geographic_level"
_CODE = 0
"""Where the code is among a level's columns."""


def metadata_name(data_name: str) -> str:
    """What the metadata of a data file is called."""
    return data_name.removesuffix(".csv") + METADATA


def metadata(statistics: Statistics) -> bytes:
    """The metadata of a table: what each filter and indicator is called and measures."""
    names = (*META_COLUMNS, *OPTIONAL_META_COLUMNS)
    rows: list[dict[str, str]] = [
        {
            "col_name": one.name,
            "col_type": FILTER,
            "label": one.label,
            "filter_hint": one.hint,
            "filter_grouping_column": one.group,
            "filter_default": one.default,
        }
        for one in statistics.filters
    ]
    rows += [
        {
            "col_name": one.name,
            "col_type": INDICATOR,
            "label": one.label,
            "indicator_grouping": one.grouping,
            "indicator_unit": one.unit,
            "indicator_dp": str(one.places),
        }
        for one in statistics.indicators
    ]
    return b"".join([line(names), *(line([row.get(name) or None for name in names]) for row in rows)])


def controlled(
    blocks: Iterable[Sequence[bytes]], contract: Contract, told: Told | None = None
) -> Iterator[list[bytes]]:
    """The rows of COPY with what may be published in the place of each count.

    All rows are held at once, as a count is only safe beside the others of its table.

    Args:
        blocks: rows as PostgreSQL's COPY writes CSV.
        contract: of a table of statistics.
        told: adds up how many cells became what.

    Raises:
        CountsNotProtected: the rows are no whole tables, or a total is not the sum of its parts.
    """
    statistics = contract.statistics
    assert statistics is not None, "the contract is of statistics"
    names = [column.name for column in contract.columns]
    rows = [row for block in blocks for row in csv.reader(io.StringIO(b"".join(block).decode(), newline=""))]
    try:
        _control(rows, names, statistics, told)
    except NotATable as error:
        raise CountsNotProtected(
            f"{contract.recipient}/{contract.name}: rule `disclosure control` cannot be kept: {error}.",
            meaning="A count is only protected beside all others of its table. Nothing was sent.",
            next_command=f"Correct the model {contract.model}: every combination has a row, and each total is the sum "
            "of its parts. Run `warehouse build`, then `warehouse deliver` again.",
        ) from None
    # A row of COPY ends in one line feed; an empty cell is a null, as no filter or indicator is an empty text.
    yield [line([cell or None for cell in row])[:-2] + b"\n" for row in rows]


def _control(rows: list[list[str]], names: list[str], statistics: Statistics, told: Told | None) -> None:
    """Replace the counts in the rows by what is published, and the shares by those of what is published."""
    place = {name: number for number, name in enumerate(names)}
    count, codes = place[statistics.count.name], _codes(names)
    adding = [*codes, *(place[one.name] for one in statistics.filters if one.adds_up)]
    apart = [place[one.name] for one in statistics.filters if not one.adds_up]
    control = Control(Threshold(statistics.suppress_under, statistics.hides_zeros), statistics.round_to, TOTAL)

    def cell(row: list[str]) -> Cell:
        return tuple(row[number] or TOTAL for number in adding)

    cohorts: dict[Cell, dict[Cell, dict[Cell, list[str]]]] = {}
    for row in rows:
        time = tuple(row[place[name]] for name in _TIME)
        tables = cohorts.setdefault(time, {})
        cells = tables.setdefault(tuple(row[number] for number in apart), {})
        if cell(row) in cells:
            raise NotATable("two rows are about the same")
        cells[cell(row)] = row
    for tables in cohorts.values():
        counts = [{one: int(row[count]) for one, row in cells.items()} for cells in tables.values()]
        shown = published(counts, control, told)
        for cells, of_cell in zip(tables.values(), shown, strict=True):
            for share in statistics.shares:
                over = adding.index(place[share.over])
                for one, row in cells.items():
                    whole = (*one[:over], TOTAL, *one[over + 1 :])
                    row[place[share.name]] = percentage(of_cell[one], of_cell[whole], share.places)
            for one, row in cells.items():
                row[count] = of_cell[one]


def _codes(names: Sequence[str]) -> list[int]:
    """Where the codes of places below the country are: a row of a higher level has none, and is their total."""
    codes = [level.columns[_CODE] for level in LEVELS.values() if level.name != "National"]
    return [names.index(code) for code in codes if code in names]
