"""Personal data of five locales: from Faker where it has them, with right check digits everywhere."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Final

from faker import Faker

from privacy_corpus.items import Item
from privacy_corpus.structures import INNOCENT

LOCALES: Final = ("en_US", "de_DE", "fr_FR", "it_IT", "pl_PL")

_CARDS: Final = ("visa16", "mastercard", "amex", "discover", "diners", "jcb16")
_PHONES: Final = (
    *("+49 30 ########", "+49 (0)89 #######", "+4915#########", "+1 212-555-####", "+1 (415) 555-####", "+1415555####"),
    *(
        "+33 1 ## ## ## ##",
        "+336########",
        "+39 02 #### ####",
        "+48 ### ### ###",
        "+44 20 7946 ####",
        "+81 3-####-####",
    ),
)
_SENTENCES: Final = (
    "order of {} could not be shipped",
    "user {} not found",
    "called {}, no answer",
    "duplicate entry '{}' in table customers",
    '{{"contact": "{}", "id": 3}}',
    "mail=({}) retry=2",
    "contact: {}.",
)
_NAME_KEYS: Final = (
    *(
        "user.full_name",
        "customer.first_name",
        "customer.last_name",
        "patient_name",
        "billing.first_name",
        "surname",
        "lastName",
    ),
    *("firstName", "fullName", "contact.full_name", "given_name", "family_name", "enduser.full_name"),
)
_ADDRESS_KEYS: Final = (
    *(
        "billing_address",
        "street_address",
        "customer.address",
        "shippingAddress",
        "postal_address",
        "home_address",
        "user.address",
    ),
    *("delivery.street", "shipping.address"),
)
_PUBLIC_FIRST: Final = (5, 23, 31, 45, 62, 80, 93, 109, 134, 151, 178, 185, 213)


def _spaced(text: str, rng: random.Random) -> str:
    mark = rng.choice(["", " ", " "])
    return mark.join(text[start : start + 4] for start in range(0, len(text), 4))


def _card(fake: Faker, rng: random.Random, issuer: str) -> str:
    number = fake.credit_card_number(card_type=issuer)
    while (
        issuer == "jcb16" and not 3528 <= int(number[:4]) <= 3589
    ):  # Faker's numbers are not all in the issuer's range
        number = fake.credit_card_number(card_type=issuer)
    mark = rng.choice(["", " ", "-"])
    groups = (4, 6, 5) if len(number) == 15 else (4, 6, 4) if len(number) == 14 else (4, 4, 4, 4)
    parts, start = [], 0
    for size in groups:
        parts.append(number[start : start + size])
        start += size
    return mark.join(parts)


def _phone(rng: random.Random) -> str:
    return "".join(str(rng.randint(2, 9)) if char == "#" else char for char in rng.choice(_PHONES))


def _ip4(rng: random.Random) -> str:
    return f"{rng.choice(_PUBLIC_FIRST)}.{rng.randint(1, 254)}.{rng.randint(1, 254)}.{rng.randint(10, 254)}"


def _ip6(rng: random.Random) -> str:
    tail = ":".join(f"{rng.randint(0x1000, 0xFFFF):x}" for _ in range(rng.choice([4, 6])))
    return f"{rng.choice(['2a02:8109', '2001:4860', '2600:1f18'])}:{'' if tail.count(':') == 5 else ':'}{tail}"


def _ssn(rng: random.Random) -> str:
    return f"{rng.choice([123, 219, 457, 601, 542])}-{rng.randint(10, 98)}-{rng.randint(1000, 9999)}"


def people(seed: int, rounds: int = 3) -> Iterator[Item]:
    """Yield personal data: e-mail, IBAN, card, SSN, phone and address of the network in texts; names and addresses by key."""
    rng = random.Random(f"people {seed}")
    for locale in LOCALES:
        fake = Faker(locale)
        fake.seed_instance(seed)
        for _ in range(rounds):
            rows = [
                ("e-mail", fake.email()),
                ("e-mail", fake.company_email()),
                ("e-mail", f"{fake.user_name()}+news@mail.example.co.uk"),
            ]
            rows += [
                ("iban", _spaced(fake.iban(), rng)),
                ("phone", _phone(rng)),
                ("phone", _phone(rng)),
                ("ssn", _ssn(rng)),
            ]
            rows += [("card", _card(fake, rng, issuer)) for issuer in _CARDS]
            rows += [("ip", _ip4(rng)), ("ip", _ip4(rng)), ("ip", _ip6(rng))]
            for kind, text in rows:
                key = rng.choice(["client.address", "network.peer.address"]) if kind == "ip" else rng.choice(INNOCENT)
                yield Item("personal", kind, key, text, (text,))
                sentence = rng.choice(_SENTENCES).format(text)
                yield Item("personal", kind, rng.choice(INNOCENT), sentence, (text,), "sentence")
            name = rng.choice([fake.first_name(), fake.last_name(), fake.name()])
            yield Item("personal", "name", rng.choice(_NAME_KEYS), name, (name,))
            address = rng.choice([fake.street_address(), fake.address()])
            yield Item("personal", "address", rng.choice(_ADDRESS_KEYS), address, (address,))
