"""Patterns of filters that are correct."""

from __future__ import annotations

BOTH = [
    *(
        r"a+b",
        r"5..",
        r"a+?b*?",
        r"(?i)abc",
        r"(?i:a)b",
        r"(?P<x>a)|b",
        r"[^]a]",
        r"[]+*]+",
        r"\[\[:alpha:\]",
        r"a\++",
    ),
    *(
        r"[a-z+]+",
        r"\d{3}",
        r"a{1000}",
        r"(a{10}){100}",
        r"a{2,}",
        r"\\u0041",
        r"\\Z",
        r"\b\w+\s",
        r"[\d.]+",
        r"x{a}",
    ),
    *(r"/api/(v1|v2)/.*", r"\x41", r"\(\?#", r"[(?=]", "é+", r"(?s-i:a)", r"[a\-\-b]", "a\nb"),
]
"""Patterns that Python and RE2 read alike."""
