"""The names of all rules with a description each; a setting that names a rule is compared with them. Pure."""

from __future__ import annotations

from typing import Final

_LAYERS: Final = {
    "known values": {
        "known-secret": "A secret of the configuration or the environment, also in base64, hexadecimal, JSON or an address"
    },
    "key": {
        "key": "The value of an attribute whose key names a secret",
        "extra-key": "The value of a key that contains a word of `scrubbing.extra_keys`",
    },
    "structure": {
        "key-value": "The value of a sensitive key within a text: `k=v`, `k: v`, JSON, Python repr, YAML, XML",
        "url-credentials": "The password, or a token as the user, in an address or a data source name",
        "url-parameter": "A signature, code or token among the parameters of an address",
        "header": "The header Authorization, Cookie or Set-Cookie within a text",
        "auth-scheme": "Credentials behind Bearer, Basic, Digest and similar words",
        "argument": "The value of a secret option in a command line",
        "private-key": "A private key as PEM, OpenSSH, PGP or PuTTY block, also a cut one",
        "extra-pattern": "A match of `scrubbing.extra_patterns`",
    },
    "personal data": {
        "email": "An e-mail address",
        "iban": "An IBAN with a right checksum",
        "card": "A payment card number of a known issuer with a right check digit",
        "ssn": "A US social security number",
        "phone": "A phone number with + and a country code, or the value of a phone's key",
        "ip": "The host part of a public IP address, which becomes 0",
        "person-name": "The name of a person, by its key",
        "postal-address": "A street, a postal code or an address, by its key",
        "birth-date": "A date or place of birth, by its key",
        "identity-number": "The number of a document or account, by its key",
    },
    "errors": {
        "rule-error": "A value at which a rule or `scrubbing.on_match` failed",
        "too-deep": "Values nested deeper than 24 levels, or more than 20,000 of them",
        "too-long": "The rest of a text behind its first 1,048,576 characters",
    },
}
PERSONAL: Final = frozenset(_LAYERS["personal data"])
"""Rules that `scrubbing.personal_data: false` switches off."""


def layers() -> dict[str, dict[str, str]]:
    """Return the description of each rule by its layer."""
    from csg_otel.privacy.formats import finder

    tables = {layer: dict(rules) for layer, rules in _LAYERS.items()}
    formats = dict(sorted(finder.descriptions().items()))
    return {"known values": tables.pop("known values"), "key": tables.pop("key"), "format": formats, **tables}


def names() -> tuple[str, ...]:
    """Return the name of every rule."""
    return tuple(rule for table in layers().values() for rule in table)
