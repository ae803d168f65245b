"""Token formats: each row of the tables finds its tokens in any text, and without its rule they stay."""

from __future__ import annotations

import random
import re
import string

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from csg_otel.privacy import Options, Scrubber, rules
from csg_otel.privacy.formats import finder, generic
from csg_otel.privacy.formats.shape import Inner, Shape

ROWS: list[Shape | Inner] = [*finder.SHAPES, *finder.INNER]
RULES = frozenset(rules.names())
_LOOK = re.compile(r"\(\?<?[=!][^()]*\)")


def _expression(row: Shape | Inner) -> str:
    """Return the expression of a row's tokens without what it looks at around them."""
    if isinstance(row, Inner):
        return _LOOK.sub("", row.before) + re.escape(row.anchor) + _LOOK.sub("", row.after)
    return f"(?:{'|'.join(map(re.escape, row.prefixes))})(?:{_LOOK.sub('', row.tail)})"


def _found(text: str, *off: str) -> set[str]:
    return {hit.rule for hit in finder.Formats(frozenset(off)).hits(text)}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.rule)
@settings(max_examples=5, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_each_row_finds_its_tokens(row: Shape | Inner, data: st.DataObject) -> None:
    """A token alone, in a sentence and in JSON is a hit of its rule where only that is on, and none where all are off."""
    token = data.draw(st.from_regex(_expression(row), fullmatch=True, alphabet=st.characters(codec="ascii")))
    if isinstance(row, Shape):
        assume(any(re.match(row.tail, token[len(prefix) :]) for prefix in row.prefixes if token.startswith(prefix)))
    assume(len(token) >= finder.SHORTEST)

    for text in (token, f"got {token} twice", f'{{"note": "{token}"}}'):
        found = _found(text, *(RULES - {row.rule}))
        assume(found or text is not token)
        assert found == {row.rule}
    assert _found(token, *RULES) == set()


def test_there_are_150_formats_with_a_description_each() -> None:
    """The page of rules lists each format."""
    assert len(finder.SHAPES) >= 150
    assert all(finder.descriptions().values())
    assert {row.rule for row in ROWS} < set(finder.descriptions()) <= RULES


def _random(length: int, alphabet: str = string.ascii_letters + string.digits) -> str:
    return "".join(random.Random(length).choices(alphabet, k=length))


@pytest.mark.parametrize(
    "token",
    [
        *[f"acme_live_{_random(32)}", f"xyzk_{_random(40)}", f"vend-{_random(48)}", f"zeta_secret_{_random(24)}"],
        *[
            f"foo_pat_{_random(40, string.hexdigits[:16])}",
            f"kfx_{_random(43, string.ascii_letters + string.digits + '-_')}x",
        ],
    ],
)
def test_tokens_of_unknown_services_are_found(token: str) -> None:
    """A prefix and a long random run are a token, and the rule can be switched off."""
    assert Scrubber().text(f"upstream refused {token}") == f"upstream refused [redacted:{generic.RULE}]"
    assert Scrubber(Options(disabled_rules=(generic.RULE, "mollie-key"))).text(token) == token


@pytest.mark.parametrize(
    "text",
    [
        *["chatcmpl-AXkq7ZtGz0b1c2d3e4f5g6h7i8j9k", "msg_01XFDUDYJgAACzvnptvVoYEL", "user_2NxKjVtLqEzR0aB9cD8eF7gH6iJ"],
        *[
            "sha512-AbCd1234EfGh5678IjKl9012MnOp3456QrSt7890UvWx1234YzAb5678CdEf9012==",
            "prod_9fceb02d0ae598e95dc970b74767",
        ],
        *[
            "test_TheRefreshOfTokensHandlesExpiredSessions2",
            "sk-circle-fade-dot-animation-1",
            "key-2026-11-27-orders-report",
        ],
        *[
            "arn:aws:iam::123456789012:role/orders",
            "h1:HJ7EGlBUDRHyjhB3vz8/6gQ3WqaUnZQ2Vp0VwGWmsgM=",
            "v1.2.3-45-gabc1234",
        ],
    ],
)
def test_identifiers_and_digests_are_no_tokens(text: str) -> None:
    """Identifiers with a prefix, digests, versions and names stay."""
    assert Scrubber().text(text) is text
