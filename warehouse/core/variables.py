"""The variables that a person set, in the environment or in `.env`, before they are read as settings.

A misspelt or empty variable would leave its setting at a default, which in production can do harm: files in a folder
here instead of at the recipient, a sandbox in the place of the operational database. So both are refused.
"""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from dotenv import dotenv_values
from pydantic import SecretStr

from warehouse.core.errors import SettingsError

DESTINATION = "WAREHOUSE_DESTINATION_"
KEY = "WAREHOUSE_KEY_"

_KEY = re.compile(KEY + r"([A-Z][A-Z0-9_]*_V[1-9][0-9]*)\Z")

_OURS = "WAREHOUSE_"
_TRS = "TRS_DATABASE_URL"
_OTHERS = frozenset({"WAREHOUSE_DEBUG"})
"""Read outside the settings."""

_MAY_BE_EMPTY = frozenset({"WAREHOUSE_DEBUG", "WAREHOUSE_TODAY"})
"""Empty means unset, and unset is what nearly everybody wants: no trace, the calendar's date."""

_OF_DBT = re.compile(r"env_var\(\s*['\"](WAREHOUSE_\w+)['\"]")
_NEAR_ENOUGH_TO_BE_MEANT = 0.85
_SECRET_NAME = re.compile(r"PASSWORD|SECRET|TOKEN|_KEY(?!_FILE|S_)", re.IGNORECASE)
_PASSWORD_IN_URL = re.compile(r"://[^/@\s]*:[^/@\s]+@|password=", re.IGNORECASE)


def given(env_file: Path) -> dict[str, str]:
    """Every variable that is set, by its name in capitals; the environment's before the file's."""
    of_file = {name: value or "" for name, value in dotenv_values(env_file).items()} if env_file.is_file() else {}
    return {name.upper(): value for name, value in {**of_file, **os.environ}.items()}


def holds_a_secret(env_file: Path) -> bool:
    """Whether a file of variables has a password, a key or a token in it."""
    if not env_file.is_file() or not os.access(env_file, os.R_OK):
        return False
    return any(
        value and (_SECRET_NAME.search(name) or _PASSWORD_IN_URL.search(value))
        for name, value in dotenv_values(env_file).items()
    )


def destination_of(recipient: str) -> str:
    """The variable that says where a recipient's files go."""
    return f"{DESTINATION}{recipient.upper()}"


def destinations(variables: Mapping[str, str]) -> dict[str, str]:
    """The destination of each recipient that has one of its own."""
    return {
        name.removeprefix(DESTINATION).lower(): value
        for name, value in variables.items()
        if name.startswith(DESTINATION) and value
    }


def key_of(name: str, version: int) -> str:
    """The variable that may hold a key, such as WAREHOUSE_KEY_DANDI_STATISTICS_V1."""
    return f"{KEY}{name.replace('.', '_').upper()}_V{version}"


def keys(variables: Mapping[str, str]) -> dict[str, SecretStr]:
    """The keys that the variables hold, by the names of the variables."""
    return {name: SecretStr(value) for name, value in variables.items() if _KEY.match(name) and value}


def recipients(project: Path) -> list[str]:
    """Everybody who gets extracts: each has a folder in `exports/`."""
    return sorted(folder.name for folder in (project / "exports").iterdir() if folder.is_dir())


def check(variables: Mapping[str, str], settings: Iterable[str], project: Path) -> None:
    """Refuse variables of ours that mean nothing, and empty ones.

    Args:
        variables: as `given` reads them.
        settings: the names of all settings but the destinations and the keys.
        project: where `exports/` names the recipients, and the profiles of dbt its variables.

    Raises:
        SettingsError: names each variable, and the known one that is nearest; never a value.
    """
    own = set(settings)
    of_dbt = set(_OF_DBT.findall((project / "profiles.example.yml").read_text(encoding="utf-8"))) - own
    known = {*own, *map(destination_of, recipients(project)), *_OTHERS, *of_dbt}
    problems = []
    for name in sorted(variables):
        if _KEY.match(name):
            problems += [] if variables[name].strip() else [f"{name} is empty"]
        elif name.startswith(_OURS) and name not in known:
            problems.append(f"{name} is not a setting{_meant(name, known)}")
        elif name not in known and difflib.SequenceMatcher(None, name, _TRS).ratio() >= _NEAR_ENOUGH_TO_BE_MEANT:
            problems.append(f"{name} is not a setting; {_TRS} is")
        elif name in known - of_dbt - _MAY_BE_EMPTY and not variables[name].strip():
            problems.append(f"{name} is empty")
    if problems:
        raise SettingsError(
            f"Among the environment's variables and those of .env: {'; '.join(problems)}.",
            meaning="Nothing was started and nothing was changed: without it a default would be taken, unseen.",
            next_command="Correct or remove it (docs/settings.md lists them all; a destination is known when exports/ "
            "has a folder for its recipient), then run the command again.",
        )


def _meant(name: str, known: Iterable[str]) -> str:
    own = {one.removeprefix(_OURS): one for one in known}
    near = difflib.get_close_matches(name.removeprefix(_OURS), list(own), 1)
    return f"; {own[near[0]]} is" if near else ""
