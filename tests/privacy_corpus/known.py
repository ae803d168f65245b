"""Secrets the program holds: without a shape, anywhere, plain and encoded."""

from __future__ import annotations

import base64
import random
import urllib.parse
from collections.abc import Iterator
from typing import Final

from privacy_corpus.items import Item
from privacy_corpus.structures import INNOCENT

SECRETS: Final = (
    *("Kiebitz-im-Nebel-77", "hunter22hunter", "s3cr3t/with+signs=&more", "plain lower words of it", "ümläut-geheim-9"),
    *("Zx9", "a1b2c3d4e5f6a7b8c9d0", "0451893321", "P@ss:word%41!", "tail$1\\2^x", 'quote\'d "value" 8'),
)
"""What the scrubber is constructed with; the one of 3 characters is too short to be looked for."""

_TEXTS: Final = (
    *(
        "{}",
        "connect failed with {}",
        "x={};y",
        "/path/{}/rest",
        "<{}>",
        "prefix{}suffix",
        "a {} and {} again",
        "line one\n{}\n",
    ),
    *("[{}]", "user:{}@host"),
)


def _spellings(secret: str) -> Iterator[tuple[str, str]]:
    raw = secret.encode()
    yield "plain", secret
    yield "base64", base64.b64encode(raw).decode()
    yield "base64url", base64.urlsafe_b64encode(raw).decode().rstrip("=")
    yield "url", urllib.parse.quote(secret, safe="")
    yield "form", urllib.parse.quote_plus(secret)
    yield "hex", raw.hex()
    yield "HEX", raw.hex().upper()


def known(rng: random.Random) -> Iterator[Item]:
    """Yield each secret of eight characters or more, in each encoding and text, under innocent keys."""
    for secret in SECRETS:
        if len(secret) < 8:
            continue
        for spelling, text in _spellings(secret):
            for frame in _TEXTS:
                yield Item("known", spelling, rng.choice(INNOCENT), frame.replace("{}", text), (text,))
