"""Personal data: by its form with a checksum where there is one, or by its key; numbers that only look like it stay."""

from __future__ import annotations

import pytest

from csg_otel.privacy import Options, Scrubber

SCRUBBER = Scrubber()


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        *[
            ("email", "jane.doe+news@mail.example.co.uk"),
            ("email", "?mail=jane.doe%40example.com"),
            ("email", "jörg@müller.de"),
        ],
        *[("iban", "DE89 3704 0044 0532 0130 00"), ("iban", "GB29NWBK60161331926819"), ("iban", "NO93 8601 1117 947")],
        *[("iban", "FR14 2004 1010 0505 0001 3M02 606"), ("iban", "MT84MALT011000012345MTLCAST001S")],
        *[("iban", "BR1800360305000010009795493C1"), ("iban", "SA0380000000608010167519")],
        *[("card", "4111 1111 1111 1111"), ("card", "5555-5555-5555-4444"), ("card", "378282246310005")],
        *[("card", "6011111111111117"), ("card", "3530111333300000"), ("card", "3056 930902 5904")],
        *[
            ("ssn", "219-09-9999"),
            ("phone", "+49 30 12345678"),
            ("phone", "+1 (415) 555-2671"),
            ("phone", "+33 1 23 45 67 89"),
        ],
        *[("phone", "tel:+44-20-7946-0018"), ("phone", "+81 3-1234-5678")],
    ],
)
def test_personal_data_goes_in_any_text(rule: str, text: str) -> None:
    """Its rule replaces it in a sentence; with `personal_data: false` it stays."""
    sentence = f"customer {text} called"

    assert f"[redacted:{rule}]" in SCRUBBER.text(sentence)
    assert [finding.rule for finding in SCRUBBER.findings(sentence)] == [rule]
    assert Scrubber(Options(personal_data=False)).text(sentence) is sentence


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("client 93.184.216.34 closed", "client 93.184.216.0 closed"),
        ("2a02:8109:abcd:12::7", "2a02:8109:abcd::"),
        ("[2001:4860:4860::8888]:443", "[2001:4860:4860::]:443"),
        *[
            (text, text)
            for text in ("10.0.0.7", "192.168.1.4", "::1", "fe80::1", "2001:db8::7", "203.0.113.9", "127.0.0.1")
        ],
        *[(text, text) for text in ("Chrome/131.0.6778.86", "version 10.0.19045.5131", "1.2.3.4-beta", "12:34:56")],
    ],
)
def test_public_network_addresses_lose_their_host(text: str, clean: str) -> None:
    """/24 and /48 remain; private and documentation addresses, versions and times are as they were."""
    assert SCRUBBER.text(text) == clean
    assert SCRUBBER.text(clean) is clean


@pytest.mark.parametrize(
    ("rule", "key", "value"),
    [
        *[("person-name", "customer.first_name", "Ada"), ("person-name", "patientName", "Ada Lovelace")],
        *[("postal-address", "billing_address", "12 Main Street"), ("postal-address", "zip_code", "53113")],
        *[("birth-date", "user.date_of_birth", "1990-06-22"), ("birth-date", "birthplace", "Bonn")],
        *[("identity-number", "passport_number", "C01X00T47"), ("phone", "contact.phone", "030 1234567")],
    ],
)
def test_personal_data_goes_by_its_key(rule: str, key: str, value: str) -> None:
    """Names, addresses, dates of birth and numbers of documents have no form of their own."""
    assert SCRUBBER.value(key, value) == f"[redacted:{rule}]"
    assert Scrubber(Options(disabled_rules=(rule,))).value(key, value) is value


@pytest.mark.parametrize(
    ("key", "value"),
    [
        *[
            ("service.name", "orders"),
            ("server.address", "db 1"),
            ("memory.address", "<a.B object at 0x7f>"),
            ("zip", "deflate"),
        ],
        *[("order.number", "4589061895197"), ("order", "1234567890123456"), ("note", "DE00 0000 0000 0000 0000 00")],
        *[("note", "000-12-3456"), ("note", "555-1234"), ("note", "+49 hours"), ("note", "2026-11-27T08:25:34+01:00")],
        *[
            ("note", "git@github.com:acme/shop.git"),
            ("note", "logo@2x.png"),
            ("note", "requests@2.32.3"),
            ("host.name", "web-07"),
        ],
        *[("birthday", "self.generator.date()"), ("snowflake", "1157782203480085701"), ("isbn", "978-3-16-148410-0")],
    ],
)
def test_numbers_and_names_of_things_stay(key: str, value: str) -> None:
    """A wrong checksum, an unknown issuer, a machine's address or a thing's name is no personal data."""
    assert SCRUBBER.value(key, value) is value


@pytest.mark.parametrize("before", [r"line\n", r"\t", r"\u0022", "%3D", "my%20card%20", "\x1b[31m", r"\x1b[31m"])
@pytest.mark.parametrize(
    "number", ["4111111111111111", "536-90-4399", "93.184.216.34", "GB82WEST12345698765432", "4111+1111+1111+1111"]
)
def test_a_number_goes_behind_an_escape(before: str, number: str) -> None:
    """The letter at the end of an escape is no part of a word."""
    assert number not in SCRUBBER.text(f"{before}{number} y")


@pytest.mark.parametrize(
    ("raw", "clean"),
    [
        ("pay 4242424242424242 10 EUR", "pay X 10 EUR"),
        ("item 7 4242 4242 4242 4242", "item 7 X"),
        ("4242 4242 4242 4242 1227 123", "X 1227 123"),
        ("3782 822463 10005 4242 4242 4242 4242", "X X"),
        (" ".join(["4242424242424242"] * 60), " ".join("X" * 60)),
        (" ".join(["4242 4242 4242 4242"] * 60), " ".join("X" * 60)),
        ("1234 4242 4242 4242 4242", "1234 4242 4242 4242 4242"),
        ("4242-4242-4242-4242-11", "4242-4242-4242-4242-11"),
        ("42424242424242421234567", "42424242424242421234567"),
    ],
)
def test_a_card_goes_beside_other_numbers(raw: str, clean: str) -> None:
    """A card goes beside a number, its date or the next card; a table of numbers of four digits holds none."""
    assert SCRUBBER.text(raw) == clean.replace("X", "[redacted:card]")


def test_a_card_as_a_number_goes() -> None:
    """An integer with an issuer and a check digit is a card's number; a moment in microseconds is not."""
    assert SCRUBBER.value("payment", 4111111111111111) == "[redacted:card]"
    assert SCRUBBER.value("moment", 1732694400123456) == 1732694400123456
