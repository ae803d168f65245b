"""What scrubbing costs on the export thread, for a span with 12 attributes: with values that repeat, and with new ones."""

from __future__ import annotations

import random
import statistics
import time
import uuid
from string import ascii_lowercase

from csg_otel.privacy import Scrubber
from privacy_corpus.scores import scrubber

ROUNDS = 9
SPANS = 200


TARGETS = {"warm": 10, "cold": 60, "cold, hyperscan": 5}
"""Microseconds for a span of 12 attributes, on a machine of its own."""


def span(rng: random.Random) -> dict[str, object]:
    """Return the attributes of a server's span, of which half differ from request to request."""
    return {
        "http.request.method": "GET",
        "http.route": "/api/v2/customers/{customer_id}/orders",
        "url.full": f"https://shop.example.com/api/v2/customers/{rng.randrange(10**6)}/orders?page={rng.randrange(10**4)}&sort=-created_at",
        "http.response.status_code": 200,
        "server.address": "orders.internal.example.com",
        "client.address": "10.42.7.19",
        "user_agent.original": "Mozilla/5.0 (X11; Linux x86_64; rv:133.0) Gecko/20100101 Firefox/133.0",
        "http.request.id": str(uuid.UUID(int=rng.getrandbits(128))),
        "db.query.text": f"SELECT id, name FROM orders WHERE customer_id = $1 AND page > {rng.randrange(10**6)}",
        "messaging.message.id": f"{rng.getrandbits(128):032x}",
        "thread.name": f"worker-{rng.randrange(10**6)}",
        "db.response.returned_rows": rng.randrange(1000),
    }


def fresh(rng: random.Random, *, words: bool = False) -> dict[str, object]:
    """Return the attributes of a span of which each text has a new number, or a new word of random letters."""

    def new() -> str:
        return "".join(rng.choices(ascii_lowercase, k=7)) if words else f"n{rng.randrange(10**7)}"

    return {key: f"{value} {new()}" if isinstance(value, str) else value for key, value in span(rng).items()}


def _engines() -> dict[str, Scrubber]:
    """Return scrubbers that screen by words, and by hyperscan if it is installed."""
    words, native = scrubber(), scrubber()
    words._rules._screen._until_native = 0
    return {"": words, **({", hyperscan": native} if native._rules._screen.use_native() else {})}


def measure() -> dict[str, float]:
    """Return the medians of processor time, in microseconds a span: the same again, half or all new, or new words."""
    rng = random.Random(3)
    same = [span(rng)] * SPANS
    engines = _engines()
    results: dict[str, list[float]] = {}
    for _ in range(ROUNDS):
        for engine, ours in engines.items():
            rows = {
                "warm": same,
                "mixed": [span(rng) for _ in range(SPANS)],
                "cold": [fresh(rng) for _ in range(SPANS)],
                "new words": [fresh(rng, words=True) for _ in range(SPANS)],
            }
            for name, spans in rows.items():
                started = time.thread_time()
                for attributes in spans:
                    ours.mapping(attributes)
                results.setdefault(name + engine, []).append((time.thread_time() - started) / SPANS * 1e6)
    return {name: statistics.median(times) for name, times in results.items()}
