"""The gate's second look: what the files hold, whatever their columns are called and however they are classified.

A column of class open or personal is refused where its values have the form of a National Insurance number, an e-mail
address, a date of birth or (if open) a TRN, or are those of a sensitive column (known_values.py). What rightly looks
so has a dated row in replication/lowered.csv: of the extract's model, from sensitive to its class. Texts of any class
are refused where a hostile character is in them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

import psycopg
import pyarrow as pa
import pyarrow.compute as pc

from warehouse.core import class_floors, hostile
from warehouse.core.contracts import Column, Contract, Kind
from warehouse.core.errors import CheckFailed, DeliveryError
from warehouse.core.progress import Progress
from warehouse.deliver.breach import Breach
from warehouse.deliver.files import FileFacts
from warehouse.deliver.hostile_text import FORMULA_STARTS
from warehouse.deliver.known_values import FEWEST, KEYS, LARGEST_SHARE, Sample, Sensitive, keys_among, matches
from warehouse.deliver.read_back import batches

ROWS_SAMPLED: Final = 200
"""Of a delivery, evenly spread, each with the key of its person."""

VALUES_SAMPLED: Final = 300
"""Of a column's distinct values."""

_FEWEST_TRNS: Final = 20

# RE2, as Arrow has it. One value of the first two is one too many; of the others most distinct values must have it.
_ANY: Final = {
    "looks like National Insurance numbers": r"(?i)\b[a-z]{2} ?[0-9]{2} ?[0-9]{2} ?[0-9]{2} ?[a-d]\b",
    "looks like e-mail addresses": r"[^\s@]+@[^\s@]+\.[^\s@]+",
}
_DAY: Final = r"^(?:[12][0-9]{3}-[0-9]{2}-[0-9]{2}|[0-9]{1,2}[/.][0-9]{1,2}[/.][12]?[0-9]?[0-9]{2}|(?:19|20)[0-9]{6})$"
_TRN: Final = r"^[0-9]{7}$"
_SAYS_DATES: Final = re.compile(r"dates?|days?|start|end|since|until|when|month|year|timestamp|time", re.IGNORECASE)
_HOSTILE: Final = hostile.character_class(*(kind for kind in hostile.KINDS if kind != "surrogate"))
_LONDON: Final = ZoneInfo("Europe/London")


@dataclass
class _Seen:
    """What is known of a column so far: distinct values of the batches, and how many have a form."""

    column: Column
    is_probed: bool
    distinct: int = 0
    forms: dict[str, int] = field(default_factory=dict)
    days: int = 0
    trns: int = 0

    def found(self, rule: str, number: int) -> None:
        if number:
            self.forms[rule] = self.forms.get(rule, 0) + number

    def rules(self) -> Iterator[tuple[str, int]]:
        """The rules that do not hold, each with the number of values."""
        yield from self.forms.items()
        if self.distinct >= FEWEST and self.days >= LARGEST_SHARE * self.distinct:
            yield "reads as dates, such as dates of birth", self.days
        if self.distinct >= _FEWEST_TRNS and self.trns >= LARGEST_SHARE * self.distinct:
            yield "looks like TRNs", self.trns
        is_bare = self.column.type.kind is Kind.DATE and not _says_dates(self.column)
        if self.is_probed and is_bare and self.distinct:
            yield "has dates, of which neither its name nor its description says a word", self.distinct


def probe(
    contract: Contract,
    files: Sequence[tuple[Path, FileFacts]],
    connection: psycopg.Connection,
    sensitive: Sensitive,
    progress: Progress,
) -> dict[str, int]:
    """Look at what the files of a delivery hold.

    Args:
        connection: to the warehouse; reads alone.
        sensitive: the sensitive columns that it has, of all files of a run.

    Returns:
        How many texts of each file, by its name, a spreadsheet would take for a formula; 0 for another than CSV.

    Raises:
        CheckFailed: names each rule that does not hold, its columns and how many values break it; never a value.
    """
    progress.say(f"looking at what {contract.of_what} holds")
    seen, sample = _seen(contract), Sample()
    total = sum(facts.rows or 0 for _, facts in files)
    step, place, formulas = max(1, total // ROWS_SAMPLED), 0, dict[str, int]()
    for path, facts in files:
        formulas[facts.name] = 0
        for batch in batches(path, contract):
            for one in seen:
                values = pc.value_counts(batch.column(one.column.name))
                formulas[facts.name] += _look(one, values, sample, csv=contract.format.kind == "csv")
            _sample_rows(batch, seen, sample, range(-place % step, batch.num_rows, step))
            place += batch.num_rows
            progress.count(f"looking into {path.name}", place)
    broken = [(rule, one.column.name, number) for one in seen for rule, number in one.rules()]
    try:
        found = matches(connection, sensitive, sample)
    except psycopg.Error as failure:
        state = f"SQLSTATE {failure.sqlstate}" if failure.sqlstate else type(failure).__name__
        raise DeliveryError(
            f"The files could not be compared with the sensitive columns of the warehouse ({state}).",
            meaning="Nothing was sent.",
            next_command="Run `warehouse doctor`, then `warehouse deliver` again.",
        ) from None
    broken += [(f"holds values of {one.place}", one.column, one.found) for one in found]
    if broken:
        told = "; ".join(f"column {column} {rule}: {number:,} values" for rule, column, number in broken)
        error = CheckFailed(
            f"{contract.of_what} holds what its classes do not say: {told}.",
            meaning="Nothing was sent. The files were put aside in the outbox, where only their owner may read them, "
            "until the next attempt.",
            next_command=f"Look at the model {contract.model}: classify the column as what it holds, or take it out. "
            "What only looks so needs a dated row in replication/lowered.csv. Then run `warehouse run`.",
        )
        error.rules = tuple(Breach(rule, (column,), number).as_dict() for rule, column, number in broken)
        raise error
    return formulas


def _seen(contract: Contract) -> list[_Seen]:
    given, today = class_floors.reasons(), datetime.now(_LONDON).date()
    return [
        _Seen(
            column,
            column.classification != "sensitive"
            and not class_floors.allowed(contract.model, column.name, "sensitive", column.classification, given, today),
        )
        for column in contract.columns
    ]


def _look(one: _Seen, counted: pa.StructArray, sample: Sample, *, csv: bool) -> int:
    """Look at the distinct values of a column in a batch; how many rows a spreadsheet would take for a formula."""
    values, counts = counted.field("values"), counted.field("counts")
    known = pc.is_valid(values)
    values, counts = values.filter(known), counts.filter(known)
    one.distinct += len(values)
    kind = one.column.type.kind
    if kind is Kind.INTEGER and one.is_probed and one.column.classification == "open":
        one.trns += _number(pc.and_(pc.greater_equal(values, 1_000_000), pc.less(values, 10_000_000)))
    if kind is not Kind.STRING:
        return 0
    one.found("has control, bidi or invisible characters", _number(pc.match_substring_regex(values, _HOSTILE)))
    if one.is_probed:
        for rule, form in _ANY.items():
            one.found(rule, _number(pc.match_substring_regex(values, form)))
        one.days += _number(pc.match_substring_regex(values, _DAY))
        if one.column.classification == "open":
            one.trns += _number(pc.match_substring_regex(values, _TRN))
        left = VALUES_SAMPLED - len(sample.values[one.column.name])
        for value in values[:: max(1, len(values) // VALUES_SAMPLED)][: max(0, left)].to_pylist():
            sample.add_value(one.column.name, value)
    if not csv:
        return 0
    starts = pc.utf8_slice_codeunits(values, 0, 1)
    second = pc.utf8_slice_codeunits(values, 1, 2)
    formulas = pa.array(list(FORMULA_STARTS))
    runs = pc.or_(pc.is_in(starts, formulas), pc.and_(pc.equal(starts, "'"), pc.is_in(second, formulas)))
    return int(pc.sum(counts.filter(runs)).as_py() or 0)


def _number(mask: pa.Array) -> int:
    return int(pc.sum(mask).as_py() or 0)


def _sample_rows(batch: pa.RecordBatch, seen: list[_Seen], sample: Sample, rows: range) -> None:
    """Some rows with the keys of their persons."""
    names = {one.column.name: one for one in seen}
    keys = keys_among([name for name, one in names.items() if one.column.type.kind is Kind.STRING])
    probed = [
        one.column.name
        for one in seen
        if one.is_probed and one.column.name not in KEYS and one.column.type.kind in (Kind.STRING, Kind.DATE)
    ]
    if not keys or not probed or not rows:
        return
    taken = batch.select([*keys, *probed]).take(pa.array(rows)).to_pylist()
    for row in taken:
        for key in keys:
            for name in probed:
                if row[key] is not None and row[name] is not None:
                    sample.add_row(row[key], name, str(row[name]))


def _says_dates(column: Column) -> bool:
    return bool(_SAYS_DATES.search(f"{column.name.replace('_', ' ')} {column.description}"))
