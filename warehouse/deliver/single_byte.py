"""Text in a code page that has one byte for each character: what it cannot hold is transliterated, or refused.

The rule, in this order: a character that the code page has stays (an accent that is a character of its own is first put
together with its letter). A letter with marks that it has not loses the marks. A letter or sign of TRANSLITERATED is
written as that says. All else, such as Greek or Chinese letters, is refused: it has no one form in Latin letters.
"""

from __future__ import annotations

import unicodedata
from typing import Final

from warehouse.core.contracts.layout import Encoding

TRANSLITERATED: Final = {
    "Æ": "AE", "æ": "ae", "Œ": "OE", "œ": "oe", "ß": "ss", "ẞ": "SS", "Ø": "O", "ø": "o", "Ð": "D", "ð": "d",
    "Þ": "TH", "þ": "th", "Đ": "D", "đ": "d", "Ħ": "H", "ħ": "h", "ı": "i", "ĸ": "k", "Ł": "L", "ł": "l", "Ŋ": "NG",
    "ŋ": "ng", "Ŧ": "T", "ŧ": "t", "Ə": "E", "ə": "e", "Ƴ": "Y", "ƴ": "y", "Ɓ": "B", "ɓ": "b", "Ɗ": "D", "ɗ": "d",
    "Ƙ": "K", "ƙ": "k", "ʻ": "'", "ʼ": "'", "ʹ": "'", "‘": "'", "’": "'", "‚": "'", "‛": "'", "′": "'", "´": "'",
    "“": '"', "”": '"', "„": '"', "″": '"', "‐": "-", "‑": "-", "‒": "-", "–": "-", "—": "-", "―": "-", "−": "-",
    "…": "...", "·": ".", "\u200c": "", "\u200d": "",
    # What was put in the place of a hostile character.
    "\ufffd": "?",
}  # fmt: skip
"""Letters that no mark was put on, and signs: what each is written as where the code page has not got it."""


class Unwritable(ValueError):
    """A text with a character that the code page cannot hold, and that has no transliteration."""


def encoded(text: str, encoding: Encoding) -> tuple[bytes, bool]:
    """A text in a code page, a byte for each character, and whether anything in it was transliterated.

    Raises:
        Unwritable: a character can be neither held nor transliterated, or would move the place of what follows it.
    """
    whole = unicodedata.normalize("NFC", text)
    try:
        content, changed = whole.encode(encoding), False
    except UnicodeEncodeError:
        content, changed = b"".join(_one(character, encoding) for character in whole), True
    if any(byte < 0x20 or byte == 0x7F for byte in content):
        raise Unwritable
    return content, changed


def _one(character: str, encoding: Encoding) -> bytes:
    if character in TRANSLITERATED:
        forms = [character, TRANSLITERATED[character]]
    else:
        marked = unicodedata.normalize("NFKD", character)
        plain = "".join(one for one in marked if not unicodedata.combining(one))
        # A letter with a mark may be one of the table's: ǿ is ø and an accent.
        forms = [character, plain, "".join(TRANSLITERATED.get(one, one) for one in plain)]
    for form in forms:
        try:
            return form.encode(encoding)
        except UnicodeEncodeError:
            continue
    raise Unwritable
