"""Well-known tokens where nothing but their shape shows them: under innocent keys, in texts, JSON, URLs, headers, traces."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from typing import Final

from privacy_corpus.items import Item
from privacy_corpus.shapes import MULTILINE, tokens
from privacy_corpus.structures import INNOCENT, traceback

_SENTENCES: Final = (
    "upstream refused {} with status 401",
    "Loaded {} from the vault, continuing.",
    "the customer pasted {} into the chat",
    "value was '{}' (expected a number)",
    "retry 3/5 for {}; next in 4 s",
    "[worker-2] got {}",
)


def _json(rng: random.Random, token: str) -> str:
    return json.dumps({"id": rng.randint(1, 999), "note": token, "items": [1, 2]})


PLACES: Final[dict[str, Callable[[random.Random, str], str]]] = {
    "bare": lambda _, token: token,
    "sentence": lambda rng, token: rng.choice(_SENTENCES).format(token),
    "json": _json,
    "url": lambda rng, token: rng.choice(["https://api.example.com/v1/{}/status", "/search?q={}&page=2"]).format(token),
    "header": lambda rng, token: f"{rng.choice(['X-Request-Context', 'X-Note', 'Via'])}: {token}",
    "traceback": lambda rng, token: traceback(rng, f"cannot parse {token}"),
}
"""How a token is written down."""


def formats(rng: random.Random) -> Iterator[Item]:
    """Yield each shape in each place, under an innocent key."""
    for provider, token in tokens(rng):
        for place, write in PLACES.items():
            standing_alone = provider in MULTILINE or token.startswith("https://") or " " in token
            if standing_alone and place in ("url", "header"):
                continue
            value = write(rng, token)
            yield Item("format", provider, rng.choice(INNOCENT), value, _secret(provider, token, value), place)


def _secret(provider: str, token: str, value: str) -> tuple[str, ...]:
    """Return what must vanish: the secret path of a webhook, not its host; the lines of a key, for JSON escapes their ends."""
    if token.startswith("https://"):
        return (token.rstrip("/").rsplit("/", 1)[1],)
    if provider in MULTILINE:
        return tuple(line for line in token.split("\n") if not line.startswith("-----") and line in value)
    return (token,)
