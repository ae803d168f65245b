"""Numbers of people: payment cards, IBANs, US social security numbers, phones. Pure and linear; checksums keep other numbers out."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from csg_otel.privacy.options import Hit
from csg_otel.privacy.separate import separate

_CARD: Final = re.compile(r"(?<![\w.])(?<!\d-)\d{14,19}(?![\w-]|[.]\d)")
_CHAIN: Final = re.compile(r"(?<![\w.])(?<!\d-)\d{1,7}(?:[ -]\d{1,7})+")
"""Numbers of which four, or three, may be the groups of a card."""
_CARD_GROUPS: Final = re.compile(r"\d{4}([ -])(?:\d{4}\1\d{4}\1\d{1,7}|\d{6}\1\d{4,5})(?![\w-]|[.]\d)")
_DIGITS: Final = re.compile(r"\d+")
_IBAN: Final = re.compile(r"(?<![A-Za-z0-9])[A-Z]{2}\d{2}(?=(?:[ -]?[A-Z0-9]){11})")
_IBAN_TAIL: Final = re.compile(r"(?:[ -]?[A-Z0-9]){1,34}")
_SSN: Final = re.compile(r"(?<![\w.-])(?!000|666|9)\d{3}([- ])(?!00)\d{2}\1(?!0000)\d{4}(?![\w-]|\.\d)")
_NUMBER: Final = r"(?:\+|%2B|(?<=tel:)00)(?=[1-9])\d{1,4}(?:[ .\-/]?\(?\d{1,5}\)?){2,7}(?![\w])"
_PHONE: Final = re.compile(rf"(?<![\w+.]){_NUMBER}")
_NEXT_PHONE: Final = re.compile(_NUMBER)
_IBAN_LENGTHS: Final = {
    country: int(length)
    for length, countries in (
        item.split(":")
        for item in separate(
            """
    15:NO 16:BE 18:DK,FK,FO,FI,GL,NL,SD 19:MK,SI 20:AT,BA,EE,KZ,LT,LU,MN,XK 21:CH,HR,LI,LV
    22:BG,BH,CR,DE,GB,GE,IE,ME,RS,VA 23:AE,GI,IL,IQ,OM,SO,TL 24:AD,CZ,ES,MD,PK,RO,SA,SE,SK,TN,VG 25:LY,PT,ST 26:IS,TR
    27:BI,DJ,FR,GR,IT,MC,MR,SM 28:AL,AZ,BY,CY,DO,GT,HU,LB,NI,PL,SV 29:BR,EG,PS,QA,UA 30:JO,KW,MU,YE 31:MT,SC 32:LC 33:RU
    """
        )
    )
    for country in countries.split(",")
}


def cards(text: str) -> Iterator[Hit]:
    """Yield the payment card numbers: groups as on a card, a known issuer with its length, and a right check digit."""
    for match in _CARD.finditer(text):
        if _issued(match[0]) and _luhn(match[0]):
            yield Hit(match.start(), match.end(), "card")
    for chain in _CHAIN.finditer(text):
        yield from _grouped_cards(text, *chain.span())


def _grouped_cards(text: str, start: int, end: int) -> Iterator[Hit]:
    """Yield the cards in a chain of numbers: at its start, behind another card, or behind a number that is no group of four."""
    card_end, may_begin = start, True
    for number in _DIGITS.finditer(text, start, end):
        if number.start() < card_end:
            continue
        match = _CARD_GROUPS.match(text, number.start()) if may_begin else None
        digits = "" if match is None else match[0].replace(match[1], "")
        if match is not None and _issued(digits, grouped=True) and _luhn(digits):
            yield Hit(match.start(), match.end(), "card")
            card_end = match.end()
        else:
            may_begin = len(number[0]) != 4


def card_number(value: int) -> bool:
    """Return whether *value* is a card number of 15 or 16 digits."""
    digits = str(value)
    return len(digits) in (15, 16) and _issued(digits) and _luhn(digits)


def _issued(digits: str, grouped: bool = False) -> bool:
    """Return whether the first digits and the length belong to an issuer; rare lengths only where the digits are *grouped*."""
    length, two, four = len(digits), int(digits[:2]), int(digits[:4])
    return (
        (digits[0] == "4" and (length == 16 or (grouped and length in (13, 19))))
        or ((51 <= two <= 55 or 2221 <= four <= 2720) and length == 16)
        or (two in (34, 37) and length == 15)
        or ((four == 6011 or two == 65 or 644 <= four // 10 <= 649 or two == 62) and length in (16, 19))
        or (3528 <= four <= 3589 and length == 16)
        or ((two in (36, 38, 39) or 300 <= four // 10 <= 305) and length in (14, 16))
        or (
            (two in (50, 67) or four in (5018, 5020, 5038, 5893, 6304, 6759))
            and (length == 16 or (grouped and 13 <= length <= 19))
        )
        or (2200 <= four <= 2204 and length == 16)
    )


def _luhn(digits: str) -> bool:
    total = 0
    for index, character in enumerate(reversed(digits)):
        value = int(character) * (1 + index % 2)
        total += value - 9 if value > 9 else value
    return total % 10 == 0 and len(set(digits)) > 1


def ibans(text: str) -> Iterator[Hit]:
    """Yield the IBANs of a known country, its length, and a right checksum."""
    for match in _IBAN.finditer(text):
        length = _IBAN_LENGTHS.get(match[0][:2])
        tail = _IBAN_TAIL.match(text, match.end())
        if length is None or tail is None:
            continue
        end, taken = match.end(), 4
        while taken < length and end < tail.end():
            taken += text[end] not in " -"
            end += 1
        number = re.sub(r"[ -]", "", text[match.start() : end])
        if taken == length and not text[end : end + 1].isalnum() and _iban_checksum(number):
            yield Hit(match.start(), end, "iban")


def _iban_checksum(number: str) -> bool:
    return int("".join(str(int(c, 36)) for c in number[4:] + number[:4])) % 97 == 1


def social_security(text: str) -> Iterator[Hit]:
    """Yield US social security numbers with a valid area, group and serial."""
    for match in _SSN.finditer(text):
        yield Hit(match.start(), match.end(), "ssn")


def phones(text: str) -> Iterator[Hit]:
    """Yield phone numbers with ``+`` and a country code, of 8 to 15 digits."""
    match = _PHONE.search(text)
    while match is not None:
        digits = sum(c.isdigit() for c in match[0].removeprefix("%2B"))
        if 8 <= digits <= 15:
            yield Hit(match.start(), match.end(), "phone")
        end = match.end()
        match = _NEXT_PHONE.match(text, end) or _PHONE.search(text, end)
