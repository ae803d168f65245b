"""Canaries: secrets and personal data at random places of telemetry, and the search for them in bytes, in every form."""

from __future__ import annotations

import base64
import random
import string
from collections.abc import Callable, Iterable, Mapping
from typing import Final, NamedTuple
from urllib.parse import quote

CORE: Final = 16
"""Characters of a canary that are random; no two canaries have the same."""
_WINDOW: Final = 12
"""Characters of it that count as a leak; in base64 and hexadecimal these are 9 and 6 bytes."""
_CHUNK: Final = 200_000

KEYS: Final = ("password", "db.passwd", "clientSecret", "x-api-key", "access_token", "private_key", "auth.bearer_token")

WEIGHTS: Final = {
    **dict.fromkeys(("span_name", "span_attribute", "span_list", "event_name", "event_attribute", "link"), 8),
    **dict.fromkeys(("status", "exception", "stack", "baggage", "trace_state"), 8),
    **dict.fromkeys(("log_body", "log_arguments", "log_extra", "log_exception", "log_nested", "log_attribute"), 8),
    **dict.fromkeys(("counter", "histogram", "gauge", "observable"), 8),
    **dict.fromkeys(("log_event_name", "severity_text"), 2),
    **dict.fromkeys(("description", "unit", "span_scope", "meter_scope", "own_line", "exporter_line", "callback"), 1),
    **dict.fromkeys(("health_message", "health_detail", "measurement"), 1),
    **dict.fromkeys(("alert_name", "alert_message", "alert_detail", "resource", "argument"), 1),
}
"""Carriers, and the share of the placements of each."""


class Canary(NamedTuple):
    """One placement: the *text* that the program puts into the *carrier*, under *key* where the carrier has keys."""

    carrier: str
    kind: str
    form: str
    core: str
    key: str
    text: str


FORMS: Final[Mapping[str, Callable[[str], str]]] = {
    "raw": str,
    "base64": lambda text: base64.b64encode(text.encode()).decode(),
    "url": lambda text: quote(text, safe=""),
    "hex": lambda text: text.encode().hex(),
}


def core(chance: random.Random) -> str:
    """Return random letters and digits, with at least one of each."""
    text = "".join(chance.choices(string.ascii_letters + string.digits, k=CORE - 3))
    return f"{text}q{chance.randint(0, 9)}Z"


def secret(chance: random.Random) -> tuple[str, str]:
    """Return a secret that no rule but that of known values redacts, and its core."""
    middle = core(chance)
    return f"w/{middle}+{chance.choice('klm')}", middle


def placements(number: int, secrets: Mapping[str, list[tuple[str, str]]], seed: int) -> list[Canary]:
    """Return so many random placements; *secrets* are the known ones by where the program has them."""
    chance = random.Random(seed)
    carriers = chance.choices(list(WEIGHTS), list(WEIGHTS.values()), k=number)
    return [_placement(chance, carrier, secrets) for carrier in carriers]


def _placement(chance: random.Random, carrier: str, secrets: Mapping[str, list[tuple[str, str]]]) -> Canary:
    kind = chance.choice([*secrets, "token", "key", "dsn", "mail"])
    if kind in secrets:
        form, (value, middle) = chance.choice(list(FORMS)), chance.choice(secrets[kind])
        return Canary(carrier, kind, form, middle, "note", f"calling with {FORMS[form](value)} now")
    middle = core(chance)
    if kind == "key":
        form, key = chance.choice(list(FORMS)), chance.choice(KEYS)
        return Canary(carrier, kind, form, middle, key, FORMS[form](middle))
    form = chance.choice(("raw", "url"))
    if kind == "token":
        long = middle + "".join(chance.choices(string.ascii_letters + string.digits, k=20))
        text = chance.choice((f"ghp_{long}", f"npm_{long}", f"glpat-{long[:20]}", f"sk_live_{long[:24]}"))
    elif kind == "dsn":
        word = middle if form == "raw" else quote(f"p@{middle}/", safe="")
        return Canary(
            carrier, kind, form, middle, "note", f"no answer of postgresql://app:{word}@db.internal:5432/shop"
        )
    else:
        text = f"{middle}@example.org"
    return Canary(carrier, kind, form, middle, "note", f"from {FORMS[form](text)} today")


def windows(core: str) -> set[str]:
    """Return the texts of which each shows a part of *core*."""
    raw = core.encode()
    shown = {core[:_WINDOW], core[-_WINDOW:]}
    for text in (raw.hex(), raw.hex().upper()):
        shown |= {text[:_WINDOW], text[-_WINDOW:]}
    for offset in range(3):
        text = base64.b64encode(b"\0" * offset + raw).decode()[(0, 2, 3)[offset] :][:_WINDOW]
        shown |= {text, text.replace("+", "-").replace("/", "_")}
    return shown


def leaks(outputs: Mapping[str, bytes], cores: Iterable[str]) -> dict[str, set[str]]:
    """Return the cores of which a part is in each of the *outputs* that has one."""
    owners = {window.encode(): core for core in cores for window in windows(core)}
    keys = frozenset(owners)
    results: dict[str, set[str]] = {}
    for name, data in outputs.items():
        seen: set[bytes] = set()
        for start in range(0, len(data), _CHUNK):
            part = data[start : start + _CHUNK + _WINDOW - 1]
            seen |= keys.intersection([part[at : at + _WINDOW] for at in range(len(part) - _WINDOW + 1)])
        if seen:
            results[name] = {owners[window] for window in seen}
    return results
