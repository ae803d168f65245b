"""Personal data behind a key or a label in a text: how far its value reaches, and whether it has the form of one. Pure and linear."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from csg_otel.privacy import keys
from csg_otel.privacy.separate import separate

_LABEL: Final = re.compile(r"(?<![\w.\-])[A-Za-z]{2,12} (?:of )?\Z")
_LABELLED: Final = frozenset(separate("number no nr num birth code phone"))
"""Last words of a label that say nothing alone."""
_PHONE: Final = re.compile(
    r"(?:tel:)?\+?\(?\d[\d ()/.\-]{5,30}\d(?![\w:%]| ?(?:[kmgt]?i?b|[mun]?s|px|bytes|rows|items|of)\b)", re.IGNORECASE
)
_NO_PHONE: Final = re.compile(r"(?:19|20)\d\d-\d\d-\d\d|\d{1,4}\.\d{1,4}\.\d{1,4}\.\d{1,4}|\d+\.\d+")
_DATE: Final = re.compile(
    r"\d{1,4}[./\-]\d{1,2}[./\-]\d{1,4}|\d{8}(?!\d)|\d{1,2}\.? [^\W\d_]{3,9}\.?,? \d{4}|[^\W\d_]{3,9}\.? \d{1,2}(?:st|nd|rd|th)?,? \d{4}|\d{4}(?![\w.:])"
)
_CODE: Final = re.compile(
    r"[A-Z]{1,2}\d[A-Z\d]? ?\d[A-Z]{2}|[A-Z]\d[A-Z] ?\d[A-Z]\d|(?:[A-Z]{1,2}-)?\d{4,6}(?:-\d{3,4})?(?![\w.:])"
)
_STREET: Final = re.compile(
    r"\d{1,5}[a-z]?,? (?:[A-Z][\w.'\-]{1,30} ?){1,4}|(?:[^\W\d_][\w.'\-]{1,30} ){1,4}\d{1,5} ?[a-z]?(?![\w.:])"
)
_FORMS: Final = (("phone", _PHONE), ("birth-date", _DATE), ("postal-address", _CODE), ("postal-address", _STREET))
_CODES: Final = tuple([word] for word in separate("zip zipcode postcode postalcode plz postleitzahl code"))

Personal = Callable[[str, str], str]
"""Returns the rule that redacts a value under a key, or an empty text."""


def label(text: str, start: int, key: str) -> str:
    """Return *key*, which begins at *start*, with the words before it where it needs them: ``phone number``, ``date of birth``."""
    if key.lower() not in _LABELLED:
        return key
    first = _LABEL.search(text, max(0, start - 20), start)
    return key if first is None else f"{first[0].strip()} {key}".replace(" ", "_")


def reach(text: str, start: int, end: int, key: str, personal: Personal) -> tuple[str, int]:
    """Return the rule of the value without quotes from *start* to *end*, or no rule, and where it ends: some have spaces in them."""
    for rule, form in _FORMS:
        match = form.match(text, start)
        if match is None or personal(key, match[0]) != rule:
            continue
        if rule != "phone" or _NO_PHONE.fullmatch(match[0]) is None:
            return rule, start + len(match[0].rstrip()) if rule == "phone" else max(end, start + len(match[0].rstrip()))
    rule = personal(key, text[start:end])
    code = keys.split(key)[-1:] in _CODES
    wrong = (
        rule == "phone"
        or (rule == "birth-date" and not text[start : start + 1].isalpha())
        or text[start : start + 1] == "("
        or (rule == "postal-address" and code)
    )
    return ("" if wrong else rule), end
