"""
Recall and false positives of every layer, beside gitleaks, detect-secrets and logfire, and what scrubbing costs.

Run by ``make bench-scrub``; prints tables, writes bench-scrub-results.json. `--misses` prints each item that ours misses.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from privacy_corpus.corpus import SEEDS, corpus
from privacy_corpus.cost import TARGETS, measure
from privacy_corpus.items import LAYERS, Item
from privacy_corpus.oracles import ORACLES, Missing
from privacy_corpus.scores import handled, misses, scrubber, shares

RESULTS = Path("bench-scrub-results.json")
COLUMN = 15


def _numbers(items: Sequence[Item]) -> tuple[dict[str, set[int]], dict[str, str]]:
    """Return what each side handles, and the reasons of those that are missing."""
    numbers, reasons = {"csg-otel": handled(scrubber(), items)}, {}
    for name, oracle in ORACLES.items():
        try:
            numbers[name] = oracle(items)
        except Missing as reason:
            reasons[name] = str(reason)
    return numbers, reasons


def _row(name: str, count: int, cells: Sequence[str]) -> None:
    print(f"{name:<24}{count:>7}" + "".join(f"{cell:>{COLUMN}}" for cell in cells))


def _table(title: str, groups: dict[str, int], results: dict[str, dict[str, float]]) -> None:
    print()
    _row(title, sum(groups.values()), list(results))
    for group, count in groups.items():
        _row(group, count, [f"{result.get(group, 0):.2%}" for result in results.values()])


def _provider_rows(items: Sequence[Item], numbers: dict[str, set[int]]) -> list[str]:
    """Return the providers at which another finds more than ours."""
    by_side = {name: shares(items, found, lambda item: item.kind) for name, found in numbers.items()}
    return sorted(
        kind
        for kind, share in by_side["csg-otel"].items()
        if any(side.get(kind, 0) > share for name, side in by_side.items() if name != "csg-otel")
    )


def main() -> int:
    """Measure, print the tables, write the results."""
    parser = argparse.ArgumentParser(prog="make bench-scrub")
    parser.add_argument("--seed", type=int, default=SEEDS[0])
    parser.add_argument("--misses", action="store_true", help="print each item that ours misses or wrongly changes")
    options = parser.parse_args()
    items = corpus(options.seed)
    numbers, reasons = _numbers(items)

    by_layer = {name: shares(items, hits, lambda item: item.layer) for name, hits in numbers.items()}
    layers = {layer: sum(item.layer == layer for item in items) for layer in LAYERS}
    _table("recall, by layer", {layer: count for layer, count in layers.items() if layer != "benign"}, by_layer)

    places = [number for number, item in enumerate(items) if item.layer == "format"]
    chosen = [items[number] for number in places]
    local = {name: {index for index, number in enumerate(places) if number in hits} for name, hits in numbers.items()}
    by_place = {name: shares(chosen, hits, lambda item: item.place) for name, hits in local.items()}
    groups = {place: sum(item.place == place for item in chosen) for place in by_place["csg-otel"]}
    _table("tokens, innocent keys", groups, by_place)

    harmless = [(number, item) for number, item in enumerate(items) if item.layer == "benign"]
    kinds = {
        kind: sum(item.kind == kind for _, item in harmless)
        for kind in ("neighbour key", "attribute", "text", "random")
    }
    by_kind = {
        name: {
            kind: sum(number in hits for number, item in harmless if item.kind == kind) / kinds[kind] for kind in kinds
        }
        for name, hits in numbers.items()
    }
    _table("false positives", kinds, by_kind)
    _row("all", len(harmless), [f"{side['benign']:.2%}" for side in by_layer.values()])
    worse = _provider_rows(chosen, local)
    print(f"\nproviders at which another finds more than csg-otel: {', '.join(worse) or 'none'}")
    for name, reason in reasons.items():
        print(f"{name} is missing: {reason}")

    cost = measure()
    print("\nus for a span with 12 attributes:")
    for name, value in cost.items():
        print(f"{name:<24}{value:>7.1f}" + (f"   target {TARGETS[name]}" if name in TARGETS else ""))
    if options.misses:
        for item in misses(scrubber(), items):
            print(f"{item.layer} {item.kind} {item.place}: {item.key!r} = {str(item.value)[:300]!r} {item.secrets}")
    results = {
        "seed": options.seed,
        "layers": by_layer,
        "places": by_place,
        "false positives": by_kind,
        "us": cost,
        "missing": reasons,
    }
    RESULTS.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
