"""What scrubbing costs on the export thread, for a span with 12 attributes: with values that repeat, and with new ones."""

from __future__ import annotations

import random
import statistics
import time
import uuid

from privacy_corpus.scores import scrubber

ROUNDS = 9
SPANS = 200


def span(rng: random.Random) -> dict[str, object]:
    """Return the attributes of a server's span, of which a third differ from request to request."""
    return {
        "http.request.method": "GET",
        "http.route": "/api/v2/customers/{customer_id}/orders",
        "url.path": f"/api/v2/customers/{rng.randrange(10**6)}/orders",
        "url.query": f"page={rng.randrange(10**6)}&sort=-created_at",
        "http.response.status_code": 200,
        "server.address": "orders.internal.example.com",
        "client.address": "10.42.7.19",
        "user_agent.original": "Mozilla/5.0 (X11; Linux x86_64; rv:133.0) Gecko/20100101 Firefox/133.0",
        "http.request.id": str(uuid.UUID(int=rng.getrandbits(128))),
        "db.query.text": f"SELECT id, name FROM orders WHERE customer_id = $1 AND page > {rng.randrange(10**6)}",
        "messaging.message.id": f"{rng.getrandbits(128):032x}",
        "thread.name": f"worker-{rng.randrange(10**6)}",
    }


def fresh(rng: random.Random) -> dict[str, object]:
    """Return the attributes of a span of which no text has been seen before, as long as those of `span`."""
    texts = {
        key: f"{value} {rng.randrange(10**9)}" if isinstance(value, str) else value for key, value in span(rng).items()
    }
    return {**texts, "http.request.method": f"GET{rng.randrange(10**9)}"}


def measure() -> dict[str, float]:
    """Return the medians, in microseconds a span: the same values again, a third new, and all new."""
    rng = random.Random(3)
    ours = scrubber()
    same = [span(rng)] * SPANS
    results: dict[str, list[float]] = {"warm": [], "mixed": [], "cold": []}
    for _ in range(ROUNDS):
        rows = {"warm": same, "mixed": [span(rng) for _ in range(SPANS)], "cold": [fresh(rng) for _ in range(SPANS)]}
        for name, spans in rows.items():
            started = time.thread_time()
            for attributes in spans:
                ours.mapping(attributes)
            results[name].append((time.thread_time() - started) / SPANS * 1e6)
    return {name: statistics.median(times) for name, times in results.items()}
