"""The gate: everything that has to hold of a delivery's files before they leave, and one report of what does not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import psycopg

from warehouse.core.contracts import Contract
from warehouse.core.errors import CheckFailed
from warehouse.core.progress import Progress
from warehouse.deliver import singled_out
from warehouse.deliver.breach import in_words
from warehouse.deliver.check import Check
from warehouse.deliver.edition import Edition
from warehouse.deliver.files import FileFacts
from warehouse.deliver.foreign_keys import check_references
from warehouse.deliver.forms import check_same_rows
from warehouse.deliver.known_values import Sensitive
from warehouse.deliver.probe import probe
from warehouse.deliver.screened import pass_screening
from warehouse.deliver.volume import Volume, refused


@dataclass(frozen=True)
class Counted:
    """What was counted in files that passed.

    Attributes:
        formulas: how many texts of each file a spreadsheet would take for a formula, by the file's name.
        singled_out: who stands out in each table, by the name of its first file.
    """

    formulas: Mapping[str, int] = field(default_factory=dict)
    singled_out: Mapping[str, singled_out.Figures] = field(default_factory=dict)


def pass_gate(
    edition: Edition,
    files: Sequence[tuple[Path, FileFacts]],
    volume: Volume,
    check: Check,
    reader: psycopg.Connection,
    sensitive: Sensitive,
    progress: Progress,
) -> Counted:
    """Hold the files against the contract's rules, against what the warehouse knows, and the number of rows.

    Args:
        volume: what was found of the number of rows.
        check: the rules on values and keys.
        reader: to the warehouse; reads alone.
        sensitive: the sensitive columns that it has, of all files of a run.

    Returns:
        What was counted.

    Raises:
        CheckFailed: names each rule that does not hold, also of the number of rows.
        ScreeningFailed: a table of statistics breaks a published check.
        VolumeRefused: only the number of rows is not as the contract says.
    """
    found: list[CheckFailed] = []
    formulas: dict[str, int] = {}
    figures: dict[str, singled_out.Figures] = {}
    by_file = edition.by_file(files)
    first_form = dict[str, tuple[Contract, Sequence[tuple[Path, FileFacts]]]]()
    for contract, theirs in by_file:
        try:
            if contract.table in first_form:
                check_same_rows(first_form[contract.table], (contract, theirs))
                formulas |= {facts.name: 0 for _, facts in theirs}
                continue
            first_form[contract.table] = (contract, theirs)
            check(contract, theirs, progress)
            formulas |= probe(contract, theirs, reader, sensitive, progress)
            if of_table := singled_out.count(contract, theirs, progress):
                figures[theirs[0][1].name] = of_table
                if error := singled_out.refused(contract, of_table):
                    found.append(error)
            if contract.statistics:
                pass_screening(contract, [path for path, _ in theirs], progress)
        except CheckFailed as error:
            found.append(error)
    if not found:
        # Keys are read out of files of which it is known that they are what the contract says.
        found += check_references(edition.contract, list(first_form.values()), progress)
    if found:
        raise _together(found, volume)
    if volume.breaches:
        raise refused(edition.contract, edition.delivery_id, volume.breaches)
    return Counted(formulas, figures)


def _together(found: Sequence[CheckFailed], volume: Volume) -> CheckFailed:
    """All that does not hold, in one error. What cannot be released comes first: it is what has to be put right."""
    first, *others = found
    also = [*(one.what for one in others), *([f"{in_words(volume.breaches)}."] if volume.breaches else [])]
    if not also:
        return first
    kind = type(first) if len({type(one) for one in found}) == 1 else CheckFailed
    both = kind(f"{first.what} Also: {' '.join(also)}", meaning=first.meaning, next_command=first.next_command)
    both.report = "".join(one.report for one in found)
    both.rules = (*(rule for one in found for rule in one.rules), *(one.as_dict() for one in volume.breaches))
    return both


def written(error: CheckFailed) -> str:
    """The report that is put beside files that were refused: rules, columns and rows of the file, and no value."""
    return f"{error.what}\n{error.meaning}\n{error.next_command}\n{error.report}"
