"""The file with which a recipient acknowledges a delivery, as a contract names it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from warehouse.core.contracts.model import Proof

_PLACES = ("{delivery}", "{period}")
_WHERE = "customProperties.acknowledgement"


def acknowledgement_of(custom: Mapping[str, object], proof: Proof, wrong: Callable[[str, str], None]) -> str | None:
    """The name below the destination, with the places that each delivery fills; None where nothing is agreed.

    Args:
        custom: the contract's own properties.
        wrong: told what is wrong, and where.
    """
    given = custom.get("acknowledgement")
    if given is None:
        return None
    name = str(given)
    rest = name
    for place in _PLACES:
        rest = rest.replace(place, "x")
    if rest == name:
        wrong(_WHERE, f"is `{name}`; it needs {' or '.join(_PLACES)}, so that each delivery has one of its own")
    elif not re.fullmatch(r"\w[\w. -]*(/\w[\w. -]*)*", rest, re.ASCII):
        wrong(_WHERE, f"is `{name}`, which is no path below the destination; no part of it begins with a dot")
    if proof is Proof.WRITE_ONLY:
        wrong(_WHERE, "is for places that may be read; with `confirmation: writeOnly` nobody sees the file")
    return name
