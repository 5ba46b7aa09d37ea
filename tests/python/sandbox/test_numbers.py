"""What looks like a person's number or address, in the sandbox, in the tests and in the docs, can be nobody's."""

from __future__ import annotations

import subprocess
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.domain.numbers import OF_ONE_PREFIX, email, new_nino, nino, normal_nino, postcode, temporary_reference
from tests.python.somebodys import could_be_somebodys
from warehouse.core.settings import PROJECT

_SUFFIXES = {".py", ".sql", ".yml", ".yaml", ".md", ".csv", ".toml", ".example"}


def test_ten_thousand_people_have_numbers_that_are_never_issued_and_well_formed() -> None:
    chance = Random(20261128)
    numbers = [nino(chance.randrange(OF_ONE_PREFIX)) for _ in range(5_000)]
    new = [new_nino(chance) for _ in range(5_000)]
    temporary = [temporary_reference(chance.randrange(100), chance.randrange(100_000)) for _ in range(1_000)]
    assert not list(could_be_somebodys(" ".join([*numbers, *new, *temporary])))
    for number in (*numbers, *new, *temporary):
        assert normal_nino(number) == number
    assert not set(numbers) & set(new)


@given(st.integers(0, OF_ONE_PREFIX - 1), st.integers(0, OF_ONE_PREFIX - 1))
def test_each_number_gives_a_text_of_its_own(one: int, other: int) -> None:
    assert (nino(one) == nino(other)) is (one == other)


@given(st.integers(0, 2**32))
def test_addresses_are_nobodys(seed: int) -> None:
    chance = Random(seed)
    assert not list(could_be_somebodys(f"{email(chance, 'Ann', 'Smith')} {postcode(chance)}"))


@pytest.mark.parametrize(
    "text",
    # Put together here, so that this file is clean itself.
    [
        "WA" + "213686C",
        "KB" + "047392C",
        "ab 12" + " 34 56 f",
        "12" + "A34567",
        "ann@school" + ".sch.uk",
        "0114" + " 496 1234",
        "+44 7911" + " 123456",
        "LS1" + " 1AA",
    ],
)
def test_what_could_be_somebodys_is_found(text: str) -> None:
    assert list(could_be_somebodys(f'{{"x": "{text}"}}'))


def test_no_file_of_the_repository_holds_what_could_be_somebodys() -> None:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=PROJECT, capture_output=True, check=True).stdout.decode()  # noqa: S607
    found = {
        name: held
        for name in listed.split("\0")
        if any(name.endswith(suffix) for suffix in _SUFFIXES)
        and (held := sorted(set(could_be_somebodys((PROJECT / name).read_text(encoding="utf-8")))))
    }
    assert not found
