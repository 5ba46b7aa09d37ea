"""What the product consists of: its licences, its bill of materials, and what is known against its packages.

    python -m requirements.supply licences
    python -m requirements.supply advisories FOLDER
    python -m requirements.supply sbom

Nothing here uses the network. It belongs to whoever develops the product, and is not installed with it.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from importlib.metadata import Distribution, distributions
from pathlib import Path
from typing import Any

import yaml
from license_expression import ExpressionError, get_spdx_licensing
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

HERE = Path(__file__).parent
SBOM = HERE / "sbom.cdx.json"

_SPDX = get_spdx_licensing()


@dataclass(frozen=True)
class Rules:
    """licences.yml.

    Attributes:
        allowed: identifiers of the SPDX list that every package may have.
        words: what packages say in other words -> an SPDX expression.
        exceptions: package -> its row: `licence`, `why`, `decided`, `again` (dates).
        advisories: number of an advisory -> its row: `id`, `package`, `why`, `decided`, `again`.
    """

    allowed: frozenset[str]
    words: Mapping[str, str]
    exceptions: Mapping[str, Mapping[str, Any]]
    advisories: Mapping[str, Mapping[str, Any]]

    @classmethod
    def read(cls, path: Path = HERE / "licences.yml") -> Rules:
        said = yaml.safe_load(path.read_text(encoding="utf-8"))
        return cls(
            frozenset(said["allowed"]),
            said["words"],
            {row["package"]: row for row in said["exceptions"]},
            {row["id"]: row for row in said["advisories"]},
        )


def locked(lock: Path) -> dict[str, set[str]]:
    """Package -> its versions in a lock: more than one where versions of Python need different ones."""
    pins: dict[str, set[str]] = {}
    for name, version in re.findall(r"^([\w.-]+)==([^\s;\\]+)", lock.read_text(encoding="utf-8"), re.MULTILINE):
        pins.setdefault(canonicalize_name(name), set()).add(version)
    return pins


def licence_of(package: Distribution, words: Mapping[str, str]) -> str:
    """A package's licence as an SPDX expression, or what it says if that is none; "" if it says nothing."""
    about = package.metadata
    kinds = [value.split(" :: ")[-1] for value in about.get_all("Classifier") or () if value.startswith("License")]
    first_line = (about.get("License") or "").strip().split("\n")[0]
    # The expression is what the author means today; the free text is a whole licence with some.
    for said in (about.get("License-Expression"), first_line, *kinds):
        if said and (words.get(said) or _parsed(said) is not None):
            return words.get(said, said)
    return first_line or " ".join(kinds)


def _parsed(licence: str) -> Any:
    """The expression, or None if it is none or names what the SPDX list does not have."""
    try:
        return _SPDX.parse(licence, validate=True)
    except ExpressionError:
        return None


def _is_allowed(licence: str, allowed: frozenset[str]) -> bool:
    parsed = _parsed(licence)
    if parsed is None:
        return False
    # True when what is allowed is enough to satisfy the expression: one side of each OR, both of each AND.
    satisfied = {symbol: str(symbol) in allowed for symbol in parsed.symbols}
    return _holds(parsed, satisfied)


def _holds(expression: Any, satisfied: Mapping[Any, bool]) -> bool:
    if not expression.args:
        return satisfied[expression]
    join = any if expression.operator.strip() == "OR" else all
    return join(_holds(part, satisfied) for part in expression.args)


def wrong_licences(packages: Iterable[Distribution], rules: Rules, today: date) -> Iterator[str]:
    """One line for each package whose licence is not allowed, and for each exception that is not right any more."""
    installed = {}
    for package in packages:
        name = canonicalize_name(package.name)
        installed[name] = licence = licence_of(package, rules.words)
        row = rules.exceptions.get(name)
        if row is None and not _is_allowed(licence, rules.allowed):
            yield f"{name}: its licence is {licence or 'not stated'}, which is not on the list"
        if row is not None and row["licence"] != licence:
            yield f"{name}: its licence is {licence}; the exception is for {row['licence']}"
    for name, row in rules.exceptions.items():
        if name not in installed:
            yield f"{name}: there is an exception, and no such package"
        if row["again"] < today:
            yield f"{name}: the exception was to be looked at again on {row['again']}"


def known_advisories(folder: Path, packages: Mapping[str, set[str]], rules: Rules, today: date) -> Iterator[str]:
    """One line for each advisory that concerns a version of ours.

    Args:
        folder: of advisories in the Open Source Vulnerability format, a JSON file each (its archive for Python,
            unpacked): https://ossf.github.io/osv-schema/.
        packages: package -> its versions.
    """
    for path in sorted(folder.glob("**/*.json")):
        advisory = json.loads(path.read_text(encoding="utf-8"))
        if advisory.get("withdrawn"):
            continue
        row = rules.advisories.get(advisory["id"])
        for affected in advisory.get("affected", ()):
            name = canonicalize_name(affected.get("package", {}).get("name", ""))
            if name not in packages or affected["package"].get("ecosystem") != "PyPI":
                continue
            ours = sorted(version for version in packages[name] if _concerns(affected, version))
            if ours and (row is None or row["again"] < today):
                yield f"{name} {', '.join(ours)}: {advisory['id']} {advisory.get('summary', '')}".rstrip()
                break


def _concerns(affected: Mapping[str, Any], version: str) -> bool:
    if version in affected.get("versions", ()):
        return True
    return any(
        _within(each["events"], Version(version))
        for each in affected.get("ranges", ())
        if each.get("type") == "ECOSYSTEM"
    )


def _within(events: Iterable[Mapping[str, str]], version: Version) -> bool:
    """Whether a version is between an introduction and the end that follows it; the events are in order."""
    inside = False
    for event in events:
        kind, at = next(iter(event.items()))
        try:
            limit = Version(at)
        except InvalidVersion:
            return True  # what cannot be ruled out is reported
        if kind == "introduced":
            inside = inside or version >= limit
        elif (kind == "fixed" and version >= limit) or (kind == "last_affected" and version > limit):
            inside = False
    return inside


def bill_of_materials() -> str:
    """The production installation as CycloneDX JSON: name, version, licence and address of each package.

    It is made from a new environment of the product's lock; it has no time and no folder in it, so that a change of it
    is a change of the product.
    """
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([HERE / "install", "product", f"{folder}/product"], check=True, stdout=subprocess.DEVNULL)
        uv, python = HERE.parent / ".tools" / "bin" / "uv", f"{folder}/tool/bin/python"
        subprocess.run([uv, "venv", "--quiet", "--python", sys.executable, f"{folder}/tool"], check=True)
        wheels = ("--require-hashes", "--only-binary", ":all:")
        subprocess.run([uv, "pip", "sync", "--quiet", "--python", python, *wheels, HERE / "sbom.lock"], check=True)
        said = subprocess.run(
            [python, "-m", "cyclonedx_py", "environment", "--output-reproducible", "--of", "JSON",
             f"{folder}/product/bin/python"],
            check=True, capture_output=True, text=True,
        ).stdout  # fmt: skip
    bill = json.loads(said)
    own = "teaching-record-warehouse"
    bill["components"] = [
        {key: each[key] for key in ("bom-ref", "type", "name", "version", "purl", "licenses") if key in each}
        for each in bill["components"]
        if each["name"] != own
    ]
    bill["dependencies"] = [each for each in bill["dependencies"] if not each["ref"].startswith(own)]
    bill["metadata"] = {"component": {"type": "application", "name": own, "bom-ref": own}}
    return json.dumps(bill, indent=1, sort_keys=True) + "\n"


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m requirements.supply", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("licences")
    commands.add_parser("sbom")
    commands.add_parser("advisories").add_argument("folder", type=Path)
    chosen = parser.parse_args(arguments)
    if chosen.command == "sbom":
        SBOM.write_text(bill_of_materials(), encoding="utf-8")
        return 0
    rules, today = Rules.read(), datetime.now(UTC).date()
    if chosen.command == "licences":
        wrong = list(wrong_licences(distributions(), rules, today))
    else:
        if not list(chosen.folder.glob("**/*.json")):
            print(f"There are no advisories below {chosen.folder}, so nothing was compared.", file=sys.stderr)
            print(
                "Next: unpack the archive of the Open Source Vulnerability database for Python there.", file=sys.stderr
            )
            return 2
        wrong = list(known_advisories(chosen.folder, locked(HERE / "development.lock"), rules, today))
    for line in wrong:
        print(line)
    print(f"{chosen.command}: {len(wrong)} to look at" if wrong else f"{chosen.command}: nothing to look at")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
