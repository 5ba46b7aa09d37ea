"""The gate: everything that has to hold of a delivery's files before they leave, and one report of what does not."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import psycopg

from warehouse.core.errors import CheckFailed
from warehouse.core.progress import Progress
from warehouse.deliver.breach import in_words
from warehouse.deliver.check import Check
from warehouse.deliver.edition import Edition
from warehouse.deliver.files import FileFacts
from warehouse.deliver.probe import probe
from warehouse.deliver.volume import Volume, refused


def pass_gate(
    edition: Edition,
    files: Sequence[tuple[Path, FileFacts]],
    volume: Volume,
    check: Check,
    reader: psycopg.Connection,
    progress: Progress,
) -> dict[str, int]:
    """Hold the files against the contract's rules, against what the warehouse knows, and the number of rows.

    Args:
        volume: what was found of the number of rows.
        check: the rules on values and keys.
        reader: to the warehouse; reads alone.

    Returns:
        How many texts of each file a spreadsheet would take for a formula.

    Raises:
        CheckFailed: names each rule that does not hold, also of the number of rows.
        VolumeRefused: only the number of rows is not as the contract says.
    """
    contract = edition.contract
    try:
        check(contract, files, progress)
        formulas = probe(contract, files, reader, progress)
    except CheckFailed as error:
        if not volume.breaches:
            raise
        # The first words stay first: what cannot be released is what has to be put right.
        both = CheckFailed(
            f"{error.what} Also: {in_words(volume.breaches)}.", meaning=error.meaning, next_command=error.next_command
        )
        both.rules = (*error.rules, *(one.as_dict() for one in volume.breaches))
        raise both from None
    if volume.breaches:
        raise refused(contract, edition.delivery_id, volume.breaches)
    return formulas


def written(error: CheckFailed) -> str:
    """The report that is put beside files that were refused: rules, columns and rows of the file, and no value."""
    return f"{error.what}\n{error.meaning}\n{error.next_command}\n"
