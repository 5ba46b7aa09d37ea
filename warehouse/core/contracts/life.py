"""A contract's life, and on what ground it is: its status and version, who answers for it, under which agreement.

The standard has words for the status, the version, the purpose and the team. It has none for the agreement, its legal
basis and its rules of disclosure: those are properties of our own.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any, Final

from open_data_contract_standard.model import OpenDataContractStandard, Team

GROUNDS: Final = ("agreement", "legalBasis", "disclosureRules")
"""The properties of a contract that this module reads."""

_VERSION: Final = re.compile(r"(0|[1-9][0-9]*)(\.(0|[1-9][0-9]*)){2}")
_UNSIGNED: Final = re.compile(r"to be agreed\b", re.IGNORECASE)
_SAYS_NOTHING: Final = re.compile(r"\W*(tb[acd]|to ?do|n/?a|none|null|unknown|pending|draft|agreed|yes|x*)\W*", re.I)
_OPEN: Final = "`to be agreed: ` and who has to agree it"

Wrong = Callable[[str, str], None]


class Status(StrEnum):
    """In the standard's own words."""

    PROPOSED = "proposed"
    DRAFT = "draft"
    ACTIVE = "active"
    DEPRECATED = "deprecated"
    RETIRED = "retired"

    @property
    def is_delivered(self) -> bool:
        """Whether files are sent under a contract of this status."""
        return self in (Status.ACTIVE, Status.DEPRECATED)


@dataclass(frozen=True)
class Agreement:
    """What the recipient and the department signed.

    Attributes:
        reference: under which it is kept.
        signed: the day of it.
        until: the last day on which it holds; None where it holds until it is ended.
    """

    reference: str
    signed: date
    until: date | None = None

    def __str__(self) -> str:
        until = f", until {self.until}" if self.until else ""
        return f"{self.reference}, signed {self.signed}{until}"


@dataclass(frozen=True)
class Grounds:
    """On what ground people's data is given.

    Attributes:
        owner: the team that answers for the contract.
        agreement: what was signed; a text while nothing is, which says who has to.
    """

    owner: str
    agreement: Agreement | str
    legal_basis: str
    disclosure_rules: str

    def why_not_agreed(self, today: date) -> str | None:
        """Why nothing of a real person may be given on a day; None when it may."""
        agreement = self.agreement
        if isinstance(agreement, str):
            return f"no agreement is signed ({agreement or 'none is named'})"
        if _UNSIGNED.match(self.legal_basis):
            return f"the legal basis is open ({self.legal_basis})"
        if today < agreement.signed:
            return f"the agreement is of {agreement.signed}, a day to come"
        if agreement.until and agreement.until < today:
            return f"the agreement ended on {agreement.until}"
        return None


def status_of(document: OpenDataContractStandard, wrong: Wrong) -> Status:
    """The status.

    Args:
        wrong: called with the place of each mistake, and what it is.
    """
    if document.status not in list(Status):
        wrong("status", f"is `{document.status}`; it must be one of {', '.join(Status)}")
        return Status.DRAFT
    return Status(document.status)


def version_of(document: OpenDataContractStandard, wrong: Wrong) -> str:
    """The version: three numbers, so that a receiver sees what a change means for them."""
    version = str(document.version)
    if not _VERSION.fullmatch(version):
        wrong("version", f"is `{version}`; it must be a semantic version of three numbers, such as 1.2.0")
    return version


def grounds_of(
    document: OpenDataContractStandard, custom: Mapping[str, Any], status: Status, wrong: Wrong
) -> tuple[str, Grounds]:
    """The purpose and the grounds. What is delivered needs all of them; a draft may lack some, but none that says
    nothing."""
    purpose = (document.description.purpose if document.description else None) or ""
    if status.is_delivered and not purpose.strip():
        wrong("description.purpose", "is missing: nothing leaves without a stated purpose")
    owner = (document.team.name if isinstance(document.team, Team) else None) or ""
    if status.is_delivered and not owner.strip():
        wrong("team.name", "is missing: which team answers for the contract?")
    basis, rules = (_text(name, custom.get(name), status, wrong) for name in ("legalBasis", "disclosureRules"))
    return purpose.strip(), Grounds(owner.strip(), _agreement(custom.get("agreement"), status, wrong), basis, rules)


def _text(name: str, given: object, status: Status, wrong: Wrong) -> str:
    place = f"customProperties.{name}"
    parts = given if isinstance(given, list) else [given]
    text = " ".join(" ".join(str(part).split()) for part in parts if part is not None)
    if not text and not status.is_delivered:
        return ""
    if not text:
        wrong(place, f"is missing: write it, or {_OPEN}")
    elif _SAYS_NOTHING.fullmatch(text) or not all(isinstance(part, str) for part in parts):
        wrong(place, f"is `{text}`, which says nothing: write it, or {_OPEN}")
    return text


def _agreement(given: object, status: Status, wrong: Wrong) -> Agreement | str:
    place = "customProperties.agreement"
    if given is None or isinstance(given, str):
        text = _text("agreement", given, status, lambda _, what: wrong(place, what))
        if text and not _UNSIGNED.match(text):
            wrong(place, f"needs a `reference` and the day on which it was `signed`; until then, {_OPEN}")
        return text
    if not isinstance(given, dict) or not {"reference", "signed"} <= set(given) <= {"reference", "signed", "until"}:
        wrong(place, "has a `reference`, the day `signed`, and where it ends the last day `until`; nothing else")
        return ""
    reference = _text("agreement.reference", given["reference"], Status.ACTIVE, wrong)
    if _UNSIGNED.match(reference):
        wrong(
            f"{place}.reference", f"is open, and a day is given on which it was signed. Write {_OPEN} in place of both"
        )
    signed = _day(f"{place}.signed", given["signed"], wrong)
    until = _day(f"{place}.until", given["until"], wrong) if "until" in given else None
    if signed is None:
        return reference
    if until and until < signed:
        wrong(f"{place}.until", "is before the day on which it was signed")
    return Agreement(reference, signed, until)


def _day(place: str, given: object, wrong: Wrong) -> date | None:
    try:
        return date.fromisoformat(str(given))
    except ValueError:
        wrong(place, "is not an ISO date, such as 2026-01-31")
        return None
