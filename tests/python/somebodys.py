"""Finds what could be somebody's in a text: numbers that are issued, addresses outside the reserved ranges."""

from __future__ import annotations

import re
from collections.abc import Iterator

_ALONE = (r"(?<![A-Za-z0-9/+=_.-])", r"(?![A-Za-z0-9/+=_@-])")
"""Not inside a longer word, such as an identifier or a checksum."""

_NINO = re.compile(r"([A-Za-z]{2})[ -]?\d{2}[ -]?\d{2}[ -]?\d{2}[ -]?[A-Da-dFfMmUu]".join(_ALONE))
_TEMPORARY = re.compile(r"\d{2}([A-Za-z])\d{5}".join(_ALONE))
_EMAIL = re.compile(r"[\w.+-]+@([\w-]+(?:\.[\w-]+)*\.[A-Za-z]{2,})")
_PHONE = re.compile(r"(?<![\w.-])(?:\+44[ -]?|0)[1-9]\d(?:[ -]?\d){7,8}(?![\w.-])")
_POSTCODE = re.compile(r"(?<![A-Za-z0-9])[A-Z]{1,2}\d[A-Z\d]? \d([A-Z]{2})(?![A-Za-z0-9])")

NEVER_FIRST = frozenset("DFIQUV")
NEVER_SECOND = frozenset("DFIOQUV")
NEVER_TOGETHER = frozenset({"BG", "GB", "KN", "NK", "NT", "TN", "ZZ"})
"""Prefixes that HM Revenue & Customs does not use."""

RESERVED_DOMAINS = re.compile(r"(?:^|\.)(?:example(?:\.(?:com|org|net))?|invalid|test|localhost)$", re.IGNORECASE)
"""RFC 2606 and RFC 6761."""

DRAMA = re.compile(
    r"^(?:7700900|1632960|2079460|1134960|1144960|1154960|1164960|1174960|1184960|1214960|1314960|"
    r"1414960|1514960|1614960|1914980|2896496|2920180|8081570|9098790|306999)"
)
"""The ranges that Ofcom keeps for drama, without the leading 0."""

NO_INWARD = frozenset("CIKMOV")


def could_be_somebodys(text: str) -> Iterator[tuple[str, str]]:
    """Each number or address that a person could have, with its kind."""
    for match in _NINO.finditer(text):
        prefix = match[1].upper()
        issued = prefix[0] not in NEVER_FIRST and prefix[1] not in NEVER_SECOND and prefix not in NEVER_TOGETHER
        if issued:
            yield "National Insurance number", match[0]
    for match in _TEMPORARY.finditer(text):
        if match[1].upper() not in NEVER_FIRST | NEVER_SECOND:
            yield "temporary reference", match[0]
    for match in _EMAIL.finditer(text):
        if not RESERVED_DOMAINS.search(match[1]):
            yield "e-mail address", match[0]
    for match in _PHONE.finditer(text):
        plain = re.sub(r"\D", "", match[0])
        if not DRAMA.match(plain.removeprefix("44").removeprefix("0")):
            yield "telephone", match[0]
    for match in _POSTCODE.finditer(text):
        if not NO_INWARD & set(match[1]):
            yield "postcode", match[0]
