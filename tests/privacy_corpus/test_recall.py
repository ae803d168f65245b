"""The scrubber finds what it promises to find, and leaves harmless telemetry alone."""

from __future__ import annotations

import pytest

from privacy_corpus.corpus import SEEDS, corpus, of
from privacy_corpus.items import Item
from privacy_corpus.oracles import ORACLES
from privacy_corpus.scores import handled, misses, scrub, scrubber, shares

pytest.importorskip("csg_otel.privacy")

TARGETS = {"known": 1.0, "key": 1.0, "format": 0.995, "structure": 0.99, "personal": 0.99, "errors": 1.0}
PHONES = 0.9
FALSE_POSITIVES = 0.005


def _brief(items: list[Item]) -> list[str]:
    return [f"{item.kind}, {item.place}: {item.key!r} = {str(item.value)[:400]!r}" for item in items]


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("layer", TARGETS)
def test_a_layer_reaches_its_target(layer: str, seed: int) -> None:
    """The share of the corpus' secrets that vanish is at least what the layer promises; phones have a target of their own."""
    items = [item for item in of(seed, layer) if item.kind != "phone"]
    missed = misses(scrubber(), items)

    assert 1 - len(missed) / len(items) >= TARGETS[layer], "\n".join(_brief(missed))


@pytest.mark.parametrize("seed", SEEDS)
def test_phones_are_found(seed: int) -> None:
    """Nine of ten phone numbers with a country's code vanish."""
    items = [item for item in of(seed, "personal") if item.kind == "phone"]
    missed = misses(scrubber(), items)

    assert 1 - len(missed) / len(items) >= PHONES, "\n".join(_brief(missed))


@pytest.mark.parametrize("seed", SEEDS)
def test_no_harmless_key_is_taken_for_a_sensitive_one(seed: int) -> None:
    """`session.count`, `token_type`, `secret_name`, `keyboard` and their like keep their values: all of them."""
    items = [item for item in of(seed, "benign") if item.kind == "neighbour key"]

    assert _brief(misses(scrubber(), items)) == []


@pytest.mark.parametrize("seed", SEEDS)
def test_harmless_telemetry_stays_as_it_is(seed: int) -> None:
    """At most one harmless value in 200 is changed."""
    items = of(seed, "benign")
    changed = misses(scrubber(), items)

    assert len(changed) / len(items) <= FALSE_POSITIVES, "\n".join(_brief(changed))


@pytest.mark.parametrize(
    "oracle", [pytest.param("gitleaks", marks=pytest.mark.real("gitleaks")), pytest.param("detect-secrets")]
)
def test_no_scanner_finds_more(oracle: str) -> None:
    """For every provider ours finds at least the share of tokens that a scanner finds in the same items."""
    items = of(SEEDS[0], "format")
    ours = shares(items, handled(scrubber(), items), lambda item: item.kind)
    theirs = shares(items, ORACLES[oracle](items), lambda item: item.kind)

    assert {kind: (ours[kind], share) for kind, share in theirs.items() if share > ours[kind]} == {}


def test_false_positives_are_a_tenth_of_those_of_a_scanner() -> None:
    """detect-secrets takes ten times as many harmless values for secrets, or more; gitleaks, in this corpus, takes none."""
    items = of(SEEDS[0], "benign")

    assert len(misses(scrubber(), items)) <= len(ORACLES["detect-secrets"](items)) / 10


@pytest.mark.parametrize("seed", SEEDS)
def test_scrubbing_again_changes_nothing(seed: int) -> None:
    """A marker is never scrubbed again, and what is left of a value has no secret."""
    ours = scrubber()
    once = [(item, scrub(ours, item)) for item in corpus(seed)]

    assert [
        value for item, value in once if (ours.value(item.key, value) if item.key else ours.text(value)) != value
    ] == []


@pytest.mark.parametrize("seed", SEEDS)
def test_a_clean_value_is_the_same_object(seed: int) -> None:
    """What has no secret is not copied: the export thread pays for what it changes only."""
    ours = scrubber()
    changed = set(map(id, misses(ours, of(seed, "benign"))))
    items = [item for item in of(seed, "benign") if id(item) not in changed]

    assert [item for item in items if scrub(ours, item) is not item.value] == []
