"""docs/how-to.md, tried: with all steps of a list its checks pass, and each step that is forgotten fails its own check.

The page and steps.py name the same checks, in the same order.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from docs.reference import FOLDER
from tests.python.docs.growing import Growing, Said
from tests.python.docs.steps import (
    COLUMN,
    COLUMN_BY_COMMAND,
    COLUMN_BY_HAND,
    GUIDES,
    PLACEHOLDERS,
    WHERE,
    Step,
    in_drill,
)
from warehouse.core.errors import ContractError, SettingsError


def take(copy: Growing, steps: tuple[Step, ...], forgotten: Step | None = None) -> None:
    """Take the steps but one, in a copy that is as it was."""
    copy.restore()
    missing = False
    for step in steps:
        if step is forgotten:
            missing = step.starts
            if step.instead is not None:
                step.instead(copy)
        elif not missing:
            step.do(copy)
    for old, new in PLACEHOLDERS.items():
        in_drill(old, new)(copy)


_NOWHERE = {
    "TRS_DATABASE_URL": "postgresql://nobody@127.0.0.1:1/trs",
    "WAREHOUSE_DATABASE_URL": "postgresql://nobody@127.0.0.1:1/warehouse",
    "WAREHOUSE_DESTINATION_DANDI": "/nowhere",
    "WAREHOUSE_DESTINATION_TAD": "/nowhere",
    "WAREHOUSE_DESTINATION_TPS": "/nowhere",
    "WAREHOUSE_DESTINATION_TRA": "/nowhere",
}
"""Settings with which `warehouse run` checks the destinations, and then finds no database."""

COMMANDS = {
    "warehouse contract new": (("contract", "new", "ofsted/teachers"), {ContractError.exit_code}),
    "warehouse contract check": (("contract", "check", "ofsted/teachers"), {ContractError.exit_code}),
    "warehouse run": (("run",), {SettingsError.exit_code}),
}
"""The commands that are checks, and the exit codes with which they say that a step was forgotten."""


def failed(copy: Growing, checks: list[str]) -> dict[str, str]:
    """Which of the checks fail, with what they print."""
    tests = [check for check in checks if check in WHERE]
    said = copy.check(*(f"tests/python/{WHERE[test]}::{test}" for test in tests)) if tests else Said(0, "")
    found = {test: said.text for test in tests if re.search(rf"^(FAILED|ERROR) .*::{test}\b", said.text, re.M)}
    assert bool(found) == (said.code != 0), said.text
    for check in checks:
        if check == "make docs" and (made := copy.make_docs()).code != 0:
            found[check] = made.text
        if check in COMMANDS:
            arguments, codes = COMMANDS[check]
            done = copy.warehouse(*arguments, **(_NOWHERE if check == "warehouse run" else {}))
            if done.code in codes:
                found[check] = done.text
    return found


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Growing]:
    with Growing(tmp_path_factory.mktemp("growing")) as made:
        yield made


def test_the_page_names_the_steps_that_are_tried() -> None:
    text = (FOLDER / "how-to.md").read_text(encoding="utf-8")
    lists = {
        heading: re.findall(r"^\d+\. .*?\*If forgotten:\* `([^`]+)` fails\.$", body, re.M | re.S)
        for heading, body in re.findall(r"^## (.+?)\n(.*?)(?=^## |\Z)", text, re.M | re.S)
    }
    assert lists == {heading: [step.check for step in steps] for heading, steps in GUIDES.items()}
    numbered = re.findall(r"^\d+\. ", text, re.M)
    assert len(numbered) == sum(map(len, lists.values())), "a step without a check"


@pytest.mark.slow
@pytest.mark.parametrize("guide", GUIDES)
def test_every_step_is_needed_and_all_together_are_enough(copy: Growing, guide: str) -> None:
    steps = GUIDES[guide]
    take(copy, steps)
    if steps is COLUMN:
        assert copy.changed() == COLUMN_BY_HAND | COLUMN_BY_COMMAND
        rules = copy.check(
            *(f"tests/python/dbt/{name}" for name in ("test_fields.py", "test_staging.py", "test_layers.py"))
        )
        assert rules.code == 0, rules.text
    # A contract that is there is not written again.
    assert failed(copy, sorted({step.check for step in steps} - {"warehouse contract new"})) == {}
    for number, step in enumerate(steps, start=1):
        take(copy, steps, forgotten=step)
        assert step.check in failed(copy, [step.check]), f"{guide}, step {number} was forgotten, and nothing said so"
    copy.restore()
