"""A new contract from an extract's model: what follows from the model is written, what a person has to say is a gap."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from warehouse.core.contracts.extract_model import ExtractModel
from warehouse.core.contracts.model import IDENTIFIER
from warehouse.core.contracts.place import EXPORTS, ExtractName
from warehouse.core.contracts.read import contract_error
from warehouse.core.contracts.sync import synced
from warehouse.core.destinations import server_types
from warehouse.core.errors import UsageError
from warehouse.core.settings import near

_TEMPLATE = "new_contract.yml"
_AS_AT = """\
  - property: asAtColumn
    value: as_at_date
"""


def new_contract(extract: ExtractName, model: ExtractModel, folder: Path = EXPORTS) -> Path:
    """Write a contract that names every column of the model, with gaps that `load_contract` refuses.

    Returns:
        The file.

    Raises:
        UsageError: there is a file already; it is left alone.
        ContractError: the model names a column as no file may.
    """
    path = check_absent(extract, folder)
    names = [column.name for column in model.columns]
    if bad := [name for name in names if not IDENTIFIER.match(name)]:
        raise contract_error(path, [f"{model.name} has columns that no file may have: {', '.join(map(repr, bad))}"])
    text = files(__package__).joinpath(_TEMPLATE).read_text(encoding="utf-8")
    for word, value in {
        "@recipient@": extract.recipient,
        "@RECIPIENT@": extract.recipient.upper(),
        "@extract@": extract.name,
        "@model@": model.name,
        "@grain@": ", ".join(model.grain) or "not stated",
        "@kinds@": server_types(),
        "@as_at@": _AS_AT if "as_at_date" in names else "",
        "@columns@": "\n".join(f"      - name: {name}" for name in names),
    }.items():
        text = text.replace(word, value)
    content = synced(path, text.encode("utf-8"), [model]).content
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with path.open("xb") as file:
            file.write(content)
    except FileExistsError:
        raise _already_there(path) from None
    return path


def check_absent(extract: ExtractName, folder: Path = EXPORTS) -> Path:
    """Where a new contract goes.

    Raises:
        UsageError: there is a file already.
    """
    path = extract.path(folder)
    if path.exists():
        raise _already_there(path)
    return path


def _already_there(path: Path) -> UsageError:
    """A person may have written half of it."""
    return UsageError(
        f"{near(path)} exists already.",
        meaning="Nothing was written.",
        next_command="Bring it up to date with `warehouse contract sync`, or remove it first.",
    )
