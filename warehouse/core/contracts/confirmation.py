"""How an arrival is confirmed, as a contract says it: what proves it, and the file that acknowledges it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from warehouse.core.contracts.model import Proof

_PLACES = ("{delivery}", "{period}")
_WHERE = "customProperties.acknowledgement"


def proof_of(custom: Mapping[str, object], wrong: Callable[[str, str], None]) -> Proof:
    """What proves that a file arrived.

    Args:
        custom: the contract's own properties.
        wrong: told what is wrong, and where.
    """
    given = custom.get("confirmation", Proof.READ_BACK.value)
    if given not in [one.value for one in Proof]:
        wrong("customProperties.confirmation", f"is `{given}`; it must be one of {', '.join(Proof)}")
        return Proof.READ_BACK
    return Proof(str(given))


def acknowledgement_of(custom: Mapping[str, object], proof: Proof, wrong: Callable[[str, str], None]) -> str | None:
    """The name of the acknowledgement below the destination, with places that each delivery fills; None for none.

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
