"""The corpus is what it says: big enough, the same for the same seed, and each secret in its value."""

from __future__ import annotations

import pytest

from privacy_corpus.corpus import SEEDS, corpus, of
from privacy_corpus.items import LAYERS, leaks, shown
from privacy_corpus.shapes import SHAPES


@pytest.mark.parametrize("seed", SEEDS)
def test_each_item_has_its_secret_in_its_value(seed: int) -> None:
    """An untouched item counts as a leak, unless it is harmless: then it has no secret."""
    untouched = [item for item in corpus(seed) if item.layer != "benign"]

    assert [item for item in untouched if not leaks(item, item.value)] == []
    assert [item for item in untouched if any(secret not in shown(item.value) for secret in item.secrets)] == []
    assert [item for item in of(seed, "benign") if item.secrets] == []


@pytest.mark.parametrize("seed", SEEDS)
def test_the_corpus_is_big_enough(seed: int) -> None:
    """60 providers, 500 spellings of keys, 200 harmless neighbours, 400 harmless values, every layer."""
    assert len(SHAPES) >= 60
    assert len(of(seed, "key")) >= 500
    assert len({item.key for item in of(seed, "benign") if item.kind == "neighbour key"}) >= 200
    assert len([item for item in of(seed, "benign") if item.kind == "attribute"]) >= 400
    assert {item.layer for item in corpus(seed)} == set(LAYERS)


def test_a_seed_makes_the_same_items_and_another_seed_others() -> None:
    """A miss can be looked at again; and no rule can be written for the items of one run."""
    first, second = SEEDS
    again = corpus.__wrapped__(first)

    assert again == corpus(first)
    assert {item.value for item in of(first, "format")} & {item.value for item in of(second, "format")} == set()


def test_half_a_secret_is_a_leak() -> None:
    """A scrubber that cuts off a token's head does not count as a success."""
    item = of(SEEDS[0], "format")[0]
    (secret,) = item.secrets

    assert leaks(item, secret[len(secret) // 2 - 1 :])
    assert not leaks(item, secret[:4])
