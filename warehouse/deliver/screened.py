"""The published checks at the gate: tables of statistics are screened as Explore Education Statistics will see them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from warehouse.core.contracts import Contract
from warehouse.core.errors import ScreeningFailed
from warehouse.core.progress import Progress
from warehouse.core.settings import near
from warehouse.deliver.breach import in_words
from warehouse.deliver.screening.pair import NotReadable
from warehouse.deliver.screening.screen import screen
from warehouse.deliver.statistics_file import metadata_name


def pass_screening(contract: Contract, tables: Sequence[Path], progress: Progress) -> None:
    """Screen each table with the metadata beside it.

    Args:
        tables: the data files, in the outbox.
        progress: shown what is only a warning.

    Raises:
        ScreeningFailed: names each check that does not hold, with columns and rows of the file, never with a value.
    """
    for data in tables:
        try:
            found = screen(data, data.with_name(metadata_name(data.name)))
        except NotReadable as error:
            raise _failed(contract, str(error), (), "") from None
        if breaches := found.breaches():
            raise _failed(contract, in_words(breaches), tuple(one.as_dict() for one in breaches), found.report())
        for one in found.warnings:
            progress.say(f"{data.name}: the check `{one.check.name}` warns: {one.check.wants}")


def _failed(contract: Contract, what: str, rules: tuple[dict[str, object], ...], report: str) -> ScreeningFailed:
    error = ScreeningFailed(
        f"{contract.recipient}/{contract.name} breaks checks of Explore Education Statistics: {what}.",
        meaning="Nothing was sent. What was delivered before stays as it is.",
        next_command=f"Correct the labels in {near(contract.path)} or the model {contract.model}, run `warehouse run`, "
        "then `warehouse deliver`.",
    )
    error.rules, error.report = rules, report
    return error
