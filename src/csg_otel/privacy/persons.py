"""
Personal data by key: names of people, postal addresses, dates of birth, numbers of documents. Pure.

Names of things (`service.name`, `host.name`), network addresses (`server.address`) and logins (`user.name`, `db.user`) are kept,
unless a login looks like a first and a last name.
"""

from __future__ import annotations

import re
from typing import Final

from csg_otel.privacy.separate import separate

_PEOPLE: Final = frozenset(
    separate(
        """
    customer patient contact person employee guest passenger recipient sender cardholder holder member student client
    buyer seller payer payee subscriber applicant beneficiary owner billing shipping delivery author driver tenant user
    enduser resident caller attendee
    """
    )
)
_SURE: Final = _PEOPLE - {
    "client",
    "owner",
    "author",
    "user",
    "enduser",
    "tenant",
    "sender",
    "driver",
    "holder",
    "caller",
    "member",
    "delivery",
}
_NAMES: Final = frozenset(
    [
        "firstname",
        "lastname",
        "surname",
        "fullname",
        "middlename",
        "maidenname",
        "givenname",
        "familyname",
        "forename",
        "realname",
        "cardholdername",
        *separate(
            "vorname nachname familienname geburtsname prenom prénom apellido apellidos cognome voornaam achternaam"
        ),
    ]
)
_NAME_BEFORE: Final = frozenset(
    separate(
        """
    first last full middle maiden given family legal real birth preferred cardholder nick
    """
    )
)
_STREET: Final = frozenset(
    separate(
        """
    street streetaddress homeaddress postaladdress zipcode postcode postalcode plz postleitzahl strasse straße anschrift
    """
    )
)
_ADDRESS_BEFORE: Final = frozenset(
    separate(
        """
    street home postal billing shipping delivery mailing residential customer patient contact person employee recipient
    permanent
    """
    )
)
_NO_POST: Final = frozenset(
    separate(
        """
    ip mac email mail memory server host bind listen peer client source destination network socket remote local url
    wallet contract web hardware base virtual physical node
    """
    )
)
"""Words before ``address`` that make it one of a machine."""
_BIRTH: Final = frozenset(
    separate(
        """
    dob birthdate birthday dateofbirth birthplace geburtsdatum geburtstag geburtsort naissance nacimiento nascita
    nascimento geboortedatum
    """
    )
)
_DOCUMENTS: Final = frozenset(
    separate(
        """
    passport nationalid nino aadhaar curp cpf nhs bsn nif driverslicense steuernummer ausweisnummer reisepass
    sozialversicherungsnummer versicherungsnummer kontonummer
    """
    )
)
_PHONES: Final = frozenset(
    separate(
        """
    phone mobile telephone cellphone phonenumber mobilenumber fax msisdn tel telefon telefonnummer handy handynummer
    mobilnummer rufnummer telefono teléfono téléphone
    """
    )
)
_TWO_NAMES: Final = re.compile(r"[^\W\d_][\w'’.-]+(?: [^\W\d_][\w'’.-]*){1,3}")
_THING: Final = frozenset(["true", "false", "none", "null", "unknown", "n/a", "anonymous"])
_NOT_A_VALUE: Final = frozenset(
    separate(
        """
    count type length format valid verified required status present total is has hash field
    """
    )
)


def rule(parts: list[str], value: str) -> str:
    """Return the name of the rule that redacts *value* under a key with the words *parts*, or an empty text."""
    if not parts or len(value) < 2 or value.lower() in _THING or _NOT_A_VALUE.intersection(parts[-1:]):
        return ""
    last, before = parts[-1], parts[-2] if len(parts) > 1 else ""
    if last in _NAMES or (last == "name" and _is_person(before, value)):
        return "person-name" if any(c.isalpha() for c in value) else ""
    code = last in ("zip", "zipcode", "postcode", "postalcode", "plz", "postleitzahl") or (
        last == "code" and before in ("zip", "postal", "post")
    )
    if code or last in _STREET:
        return "postal-address" if not code or any(c.isdigit() for c in value) else ""
    if _is_address(parts, last, before, value):
        return "postal-address"
    if (
        last in _BIRTH
        or parts[-3:] == ["date", "of", "birth"]
        or (before == "birth" and last in ("date", "day", "place"))
    ):
        return (
            "birth-date"
            if any(c.isdigit() for c in value) or (last.endswith(("place", "ort")) and value[:1].isalpha())
            else ""
        )
    digits = sum(c.isdigit() for c in value)
    if _is_document(parts, last, before) and digits >= 4:
        return "identity-number"
    phone = last in _PHONES or (last in ("number", "no") and before in _PHONES)
    return "phone" if phone and 7 <= digits <= 15 and len(value) < 40 else ""


def _is_person(before: str, value: str) -> bool:
    if before in _NAME_BEFORE or before in _SURE:
        return True
    return before in _PEOPLE and _TWO_NAMES.fullmatch(value) is not None


def _is_address(parts: list[str], last: str, before: str, value: str) -> bool:
    line = last in ("line", "1", "2", "line1", "line2") and "address" in parts
    named = last == "address" and before in _ADDRESS_BEFORE
    alone = last == "address" and " " in value.strip() and any(c.isdigit() for c in value) and value[:1] != "<"
    alone = alone or (last == "address" and before in ("user", "member", "client", "holder") and len(value.split()) > 1)
    alone = alone and "://" not in value and before not in _NO_POST
    return (line or named or alone) and any(c.isalpha() for c in value) and "@" not in value


def _is_document(parts: list[str], last: str, before: str) -> bool:
    if last in _DOCUMENTS or (before in _DOCUMENTS and last in ("number", "no", "id", "num")):
        return True
    if last in ("number", "no", "id", "num") and (
        before in ("account", "routing", "tax", "national", "licence", "license", "insurance")
    ):
        return before in ("tax", "national") or last != "id"
    return last in ("pan", "iban", "bic") or parts[-2:] in (["card", "number"], ["card", "no"])
