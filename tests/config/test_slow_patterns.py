"""Expressions of the user that may take minutes for one text are warned of; usual ones are not."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from csg_otel.config.expressions import slow_part
from csg_otel.config.load import load

SLOW = {
    r"(a+)+$": r"(a+)+",
    r"(a|a)*b": r"(a|a)*",
    r"(\w+\s?)*x": r"(\w+\s?)*",
    r"key=(?:.*)*;": r"(?:.*)*",
    r"(x+x+)+y": r"(x+x+)+",
    r"(a|b+)+c": r"(a|b+)+",
    r"(a|aa)+b": r"(a|aa)+",
    r"(a|ab|b)*c": r"(a|ab|b)*",
    r"(?:\d|\d\d)*x": r"(?:\d|\d\d)*",
    r"(?:[^,]|\s)*;": r"(?:[^,]|\s)*",
    r"(?:.|\s)*END": r"(?:.|\s)*",
    r"(?i)([a-z]|[^,;])*;": r"([a-z]|[^,;])*",
    r"(?s:.|\n)*END": r"(?s:.|\n)*",
    r"^(([a-z])+.)+[A-Z]$": r"(([a-z])+.)+",
    r'"(?:[^"\\]+|\\.)*"': r'(?:[^"\\]+|\\.)*',
    r"(?:[\w-]+\.?)+@x": r"(?:[\w-]+\.?)+",
    r"(?:\s*\w+\s*)*!": r"(?:\s*\w+\s*)*",
    r"(a*?)*?b": r"(a*?)*?",
    r"(a+)+(?=b)": r"(a+)+",
    r"(a+)+\b-": r"(a+)+",
    r"(?=(a+)+b)c": r"(a+)+",
    r"((ab)*)*c": r"((ab)*)*",
    r"(a?b?)*c": r"(a?b?)*",
    r"(x(a*|b*)y)*z": r"(x(a*|b*)y)*",
    r"(?:a{1,3}){20}b": r"(?:a{1,3}){20}",
    r"(a+){12}b": r"(a+){12}",
    r"\)(\(+)+x": r"(\(+)+",
    r"[]a]+(b*){2,}c": r"(b*){2,}",
    r"(\\+)+x": r"(\\+)+",
    r"(?P<n>\x61+)+(?P=n)": r"(?P<n>\x61+)+",
    "(?x) ( a + )+ # a ( \n b": "( a + )+",
}
QUICK = [
    *[r"\bACME-[0-9a-f]{8}\b", r"(?:\d{3}-){2}\d{4}", r"(foo|bar)+", r"(foo|bar)+x", r"(\d+,)+x", r"(?:[a-z]+\.)+com"],
    *[r"(a+)?b", r"(a+){2}b", r"(a+)+", r"(\w+\s?)*", r"(?:\b\w+\b\s*)+x", r"(\w+\b)+-", r"(?m)(?:^\w+$\n?)+x"],
    *[r'"(?:[^"\\]|\\.)*"', r"(?:(?!END).)*END", r"(.|\n)*?END", r"(?:\w|\d)*x", r"(?i)(a|A)*b", r"(a|a|b)*c"],
    *[r"(?:[0-9a-f]{2}:){19}x", r"(?:[0-9a-f]{2}){20}x", r"(?:a{16})+b", r"(?:[A-Za-z0-9+/]{4})+={0,2}x"],
    *[r"[\w.+-]+@(?:[\w-]+\.)+[a-z]{2,}", r"[^@\s]+@[^@\s]+\.[a-z]+", r"eyJ[\w-]+\.[\w-]+\.[\w-]+", r"(a)\1*b"],
    *[r"-----BEGIN[^-]+-----[\s\S]*?-----END[^-]+-----", r"(?:https?|ftp)://[^\s/$.?#].[^\s]*x", r"[(+*]+\(a+\)+"],
    *[r"(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)(?:\.(?!$)|$)){4}", r"\b(?:\d[ -]?){13,16}\b", r"(?#a+)(b)+c", r"\(a+\)+$"],
    *[r"(?:key|token)\s*[:=]\s*(['\"]?)([\w-]{16,})\1", r"([a-z0-9]+[-_.])*[a-z0-9]+x", r"(?s)<(?:[^<>]|<[^<>]*>)*>"],
    *[r"(?:\+\d{1,3}[ -]?)?\(?\d{2,4}\)?(?:[ -]?\d+)+", r"(?:(a)(?(1)b|c))*d", r"(x(a|)y)*z", r"a{,}b{}c{1"],
    "(?x) a + # (a+)+\n b",
]
ATOMIC = {
    r"(?>a+)+b": None,
    r"(a+)++b": None,
    r"(?>(a+)+b)c": "(a+)+",
    r"(?>a|ab)+b": None,
    r"((?>a+)|a)+b": "((?>a+)|a)+",
}


@pytest.mark.parametrize("pattern", SLOW)
def test_a_repeated_group_that_is_ambiguous_is_named(pattern: str) -> None:
    """The part is the smallest repeated group that matches the same characters in several ways, as it stands in the text."""
    re.compile(pattern)

    assert slow_part(pattern) == SLOW[pattern]


@pytest.mark.parametrize("pattern", QUICK)
def test_usual_expressions_are_not_warned_of(pattern: str) -> None:
    """Rounds that begin with a separator, alternatives that differ, bounded counts, and repetitions that can't fail."""
    re.compile(pattern)

    assert slow_part(pattern) is None


@pytest.mark.skipif(sys.version_info < (3, 11), reason="atomic groups and possessive repetitions came with Python 3.11")
@pytest.mark.parametrize("pattern", ATOMIC)
def test_atomic_groups_are_never_entered_again(pattern: str) -> None:
    """They have one way each, but for what is within them."""
    re.compile(pattern)

    assert slow_part(pattern) == ATOMIC[pattern]


@pytest.mark.parametrize(
    "pattern", ["a" * 5_000, "(a*)*" * 2_000 + "x", "(" * 200 + "a" + ")" * 200, "(?:" + "a?b" * 300 + "-)*,"]
)
def test_a_huge_expression_is_not_examined_for_ever(pattern: str) -> None:
    """What is too long or too deep has no result, or one after a bounded number of steps."""
    assert slow_part(pattern) in (None, "(a*)*")


def test_a_warning_says_which_why_and_what_to_do(tmp_path: Path) -> None:
    """It is a warning of the file like any other: it has the place, and it is no problem."""
    file = tmp_path / "monitoring_config.yaml"
    file.write_text(r"scrubbing: {extra_patterns: ['ACME-\d{8}', '(\w+\s?)*x']}", encoding="utf-8")
    (warning,) = load(file, environ={}).warnings

    assert "monitoring_config.yaml:1:44: scrubbing.extra_patterns[1]: " in warning
    assert r"'(\\w+\\s?)*' repeats a group" in warning
    assert "minutes" in warning
    assert "`a+` for `(a+)+`" in warning
