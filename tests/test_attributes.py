"""Whatever a program gives as an attribute comes out as something every backend takes."""

from __future__ import annotations

import enum
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from csg_otel.attributes import clean, value


class Color(enum.Enum):
    """An enumeration of the program."""

    RED = "red"


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("x", "x"),
        (True, True),
        (3, 3),
        (2.5, 2.5),
        (None, None),
        (2**63, str(2**63)),
        (float("inf"), "inf"),
        (b"a\xff", "a\ufffd"),
        (Color.RED, "red"),
        (["a", 1], ("a", "1")),
        ([1, 2], (1, 2)),
        ({7}, (7,)),
        ([True, False], (True, False)),
        ([1, 2.5], (1.0, 2.5)),
        ([1, True], ("1", "True")),
        ([1, 2**63], ("1", str(2**63))),
        ([1.5, float("nan")], ("1.5", "nan")),
        ([1.5, 10**400], ("1.5", str(10**400))),
        ([], ()),
        ({"a": 1}, "{'a': 1}"),
        ("\ud800", "?"),
        ("x" * 2000, "x" * 1024),
    ],
)
def test_values_keep_their_meaning(given: Any, expected: Any) -> None:
    """What OTel takes stays as it is; the rest becomes text."""
    assert value(given) == expected
    assert type(value(given)) is type(expected)
    if isinstance(expected, tuple):
        assert list(map(type, value(given))) == list(map(type, expected))  # type: ignore[arg-type] # a tuple, too


scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary()
anything = st.recursive(scalars, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner) | st.sets(scalars))


@given(st.dictionaries(scalars, anything))
def test_everything_can_be_hashed_and_encoded(attributes: dict[Any, Any]) -> None:
    """Nothing raises, and nothing comes out that would cost its batch."""
    cleaned = clean(attributes)

    hash(frozenset(cleaned.items()))
    for key, one in cleaned.items():
        assert key
        key.encode()
        repr(one).encode()
        for item in one if isinstance(one, tuple) else (one,):
            assert not isinstance(item, str) or len(item) <= 1024
            str(item).encode()
