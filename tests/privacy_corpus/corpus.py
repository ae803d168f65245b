"""The whole corpus, from a seed: generated when it is needed, never kept in a file."""

from __future__ import annotations

import functools
import random
from collections import Counter

from privacy_corpus.benign import benign
from privacy_corpus.formats import formats
from privacy_corpus.items import Item
from privacy_corpus.keys import neighbours, sensitive
from privacy_corpus.known import known
from privacy_corpus.people import people
from privacy_corpus.structures import errors, structures

SEEDS = (20261127, 7)


@functools.cache
def corpus(seed: int) -> tuple[Item, ...]:
    """Return all items of *seed*, layer by layer; the same seed makes the same items."""
    rng = random.Random(seed)
    return (
        *known(rng),
        *sensitive(rng),
        *formats(rng),
        *structures(rng),
        *people(seed),
        *errors(rng),
        *neighbours(),
        *benign(rng),
    )


def of(seed: int, layer: str) -> list[Item]:
    """Return the items of one *layer*."""
    return [item for item in corpus(seed) if item.layer == layer]


def counts(seed: int) -> Counter[str]:
    """Return how many items each layer has."""
    return Counter(item.layer for item in corpus(seed))
