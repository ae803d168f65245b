"""How well a scrubber does on the corpus: which items it handles, counted by layer, kind or place."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Sequence
from importlib import import_module
from typing import Any

from privacy_corpus.items import Item, leaks
from privacy_corpus.known import SECRETS


def scrubber() -> Any:
    """Return a scrubber with everything on, which holds the secrets of the layer "known"."""
    return import_module("csg_otel.privacy").Scrubber(secrets=SECRETS)


def scrub(ours: Any, item: Item) -> Any:
    """Return the value of *item* as an exporter would see it."""
    return ours.value(item.key, item.value) if item.key else ours.text(item.value)


def handled(ours: Any, items: Sequence[Item]) -> set[int]:
    """Return the numbers of the items whose secrets are gone; of harmless items, the numbers of those that changed."""
    numbers = set()
    for number, item in enumerate(items):
        scrubbed = scrub(ours, item)
        if not leaks(item, scrubbed) if item.secrets else scrubbed != item.value:
            numbers.add(number)
    return numbers


def shares(items: Sequence[Item], numbers: Collection[int], by: Callable[[Item], str]) -> dict[str, float]:
    """Return the share of *items* that is in *numbers*, for each group that *by* returns."""
    totals = Counter(map(by, items))
    hits = Counter(by(items[number]) for number in numbers)
    return {group: hits[group] / total for group, total in totals.items()}


def misses(ours: Any, items: Sequence[Item]) -> list[Item]:
    """Return the items that still have a secret, and the harmless ones that changed: what a failing test shows."""
    right = handled(ours, items)
    return [item for number, item in enumerate(items) if (number in right) != bool(item.secrets)]
