"""What holds for any text, of secrets and of anything else: idempotent, the same object if clean, never an error, linear."""

from __future__ import annotations

import random
from collections.abc import Callable
from time import process_time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from csg_otel.privacy import Match, Options, Scrubber, text_rules
from csg_otel.privacy.options import marker
from privacy_corpus.corpus import SEEDS, corpus
from privacy_corpus.items import shown

FRAGMENTS = sorted({shown(item.value)[:200] for item in random.Random(5).sample(corpus(SEEDS[1]), 400)})
TEXTS = st.lists(st.one_of(st.sampled_from(FRAGMENTS), st.text(max_size=30)), max_size=5).map("".join)
MARKS = st.text(alphabet="\"'\\=:;,.@/-_<>{}[]()%&?#$ \nabcPASSWORDtoken0123", max_size=80)
VALUES = st.recursive(
    st.one_of(TEXTS, st.integers(), st.floats(), st.booleans(), st.none(), st.binary(max_size=60)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.tuples(inner, inner), st.dictionaries(st.text(max_size=20), inner, max_size=4)
    ),
    max_leaves=12,
)
MATCHES: list[Match] = []
LISTENER = Scrubber(Options(on_match=MATCHES.append))
FIRST, SECOND = Scrubber(), Scrubber()
KEYS = st.one_of(st.sampled_from(sorted({item.key for item in corpus(SEEDS[1])})), st.text(max_size=30))


@settings(max_examples=150, deadline=None, derandomize=True)
@given(text=st.one_of(TEXTS, MARKS))
def test_a_scrubbed_text_stays_as_it_is(text: str) -> None:
    """Scrubbing again changes nothing; a clean text is the same object; nothing is raised."""
    clean = FIRST.text(text)

    assert SECOND.text(clean) == clean
    assert clean is text or clean != text


@settings(max_examples=100, deadline=None, derandomize=True)
@given(key=KEYS, value=VALUES)
def test_a_scrubbed_value_stays_as_it_is(key: str, value: Any) -> None:
    """The same for values of any depth under any key."""
    clean = FIRST.value(key, value)

    assert repr(SECOND.value(key, clean)) == repr(clean)
    assert clean is value or repr(clean) != repr(value)


@settings(max_examples=100, deadline=None, derandomize=True)
@given(text=TEXTS)
def test_a_marker_never_contains_its_match(text: str) -> None:
    """What is replaced is not in what replaces it."""
    MATCHES.clear()
    LISTENER.text(text)

    for match in MATCHES:
        assert match.value not in marker(match.rule, match.value)
        assert all(match.value not in finding.replacement for finding in FIRST.findings(match.value, "password"))


def test_a_rule_that_throws_redacts_the_text(monkeypatch: pytest.MonkeyPatch) -> None:
    """A text about which nothing is known does not leave."""
    scrubber = Scrubber()
    monkeypatch.setattr(text_rules.TextRules, "_structure", lambda *_: 1 / 0)

    assert scrubber.text("nothing is @ home") == "[redacted:rule-error]"
    assert scrubber.value("note", {"a": ["all are @ work"]}) == {"a": ["[redacted:rule-error]"]}


@pytest.mark.parametrize(
    "make",
    [
        *[
            lambda n, part=part: part * n
            for part in ("a", "-", "_a", "a.", "@", "a@", ":", "=", "password=", "://", "://a:", "\\")
        ],
        *[
            lambda n, part=part: part * n
            for part in ("'", '"', "(", "[{", "<a>", "--a ", "%40", "eyJ", "eyJ.", "sk-", "xoxb-", "1 ")
        ],
        *[
            lambda n, part=part: part * n
            for part in (
                "4111",
                "DE89 ",
                "+1 ",
                "1.",
                "a:",
                "ab_",
                "Ab1_",
                "token ",
                "curl -u a:b ",
                "curl '-u', 'a:",
                "docker -p ",
                "&a",
                "://a:b@",
                "4242 ",
            )
        ],
        *[
            lambda n, part=part: part * n
            for part in (
                "-----BEGIN PRIVATE KEY-----",
                "-----END PRIVATE KEY-----",
                "A1b2C3",
                "key,'",
                "INSERT INTO t (pin) VALUES ('",
                '{"name":"token",',
                "a,token\n",
                "a|token ",
                "password for a",
                "set_password('a',",
                "&#x70;",
                'Digest mac="a1b2c3d4" ',
            )
        ],
    ],
)
def test_the_time_is_linear_in_the_length(make: Callable[[int], str]) -> None:
    """Of a hostile text eight times as long takes at most 30 times as long: a quadratic rule would take 64 times."""
    few, many = make(1500), make(12_000)
    FIRST.text(few)
    short, long = (min(_seconds(text) for _ in range(2)) for text in (few, many))

    assert long <= 30 * short + 0.05


def _seconds(text: str) -> float:
    started = process_time()
    FIRST.text(text)
    return process_time() - started
