"""
The graph of an expression: its places, each with the characters that it matches, and the steps between them (after Glushkov).

A part that may be repeated more than 16 times counts as one without an end. The one rule: a step that can be made in two
ways counts twice, because `re` tries both.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import product
from typing import Final, TypeVar

from csg_otel.config.expressions.pattern import (
    Assertion,
    Atomic,
    Characters,
    Choice,
    Part,
    Repeat,
    Sequence,
    UnreadableError,
)

_COPIES: Final = 16
"""A part that may be repeated more often counts as one without an end."""
_MOST_PLACES: Final = 500
"""Places of one expression, at most; a longer one is not understood."""
_MOST_STEPS: Final = 20_000
"""Steps of one expression, at most: about 0.3 s."""

K = TypeVar("K")
Needs = frozenset[str]
"""Assertions that must hold between two places."""


@dataclass
class Ends:
    """First and last places of a part, and the ways through it that read nothing, with their assertions; at most two count."""

    first: Counter[tuple[int, Needs]] = field(default_factory=Counter)
    last: Counter[tuple[int, Needs]] = field(default_factory=Counter)
    empty: Counter[Needs] = field(default_factory=Counter)


@dataclass
class Graph:
    """
    The graph of an expression.

    Attributes:
        places: The characters of each place.
        steps: Pairs of places that may follow each other, with the assertions between them, and the number of ways, 2 at most.
        loops: Repeated groups that hold a repetition or alternatives, with the places in them.

    """

    places: list[frozenset[str]] = field(default_factory=list)
    steps: Counter[tuple[int, int, Needs]] = field(default_factory=Counter)
    loops: list[tuple[Part, range]] = field(default_factory=list)

    def add(self, part: Part) -> Ends:
        """Add the places of *part*, and return its ends."""
        if isinstance(part, Characters):
            return self._place(part.characters, Counter())
        if isinstance(part, Assertion):
            return Ends(empty=Counter([frozenset([part.kind])]))
        if isinstance(part, Choice):
            branches = [self.add(branch) for branch in part.parts]
            return Ends(*(_sum(getattr(b, name) for b in branches) for name in ("first", "last", "empty")))
        if isinstance(part, Sequence):
            return self._sequence(self.add(below) for below in part.parts)
        if isinstance(part, Repeat):
            return self._repeat(part)
        if isinstance(part, Atomic):
            inner = Graph()
            ends = inner.add(part.part)
            first = frozenset[str]().union(*(inner.places[place] for place, _ in ends.first))
            return self._place(first, Counter(dict.fromkeys(ends.empty, 1)))
        raise UnreadableError(type(part).__name__)

    def _place(self, characters: frozenset[str], empty: Counter[Needs]) -> Ends:
        place = len(self.places)
        if place >= _MOST_PLACES:
            raise UnreadableError(f"more than {_MOST_PLACES} places")
        self.places.append(characters)
        return Ends(Counter([(place, frozenset())]), Counter([(place, frozenset())]), empty)

    def _sequence(self, parts: Iterable[Ends]) -> Ends:
        whole = Ends(empty=Counter([frozenset()]))
        for part in parts:
            self._connect(whole.last, part.first)
            whole = Ends(
                _sum((whole.first, _behind(part.first, whole.empty))),
                _sum((part.last, _behind(whole.last, part.empty))),
                _both(whole.empty, part.empty),
            )
        return whole

    def _connect(self, last: Mapping[tuple[int, Needs], int], first: Mapping[tuple[int, Needs], int]) -> None:
        for ((start, before), ways), ((end, after), more) in product(last.items(), first.items()):
            step = (start, end, before | after)
            self.steps[step] = min(self.steps[step] + ways * more, 2)
        if len(self.steps) > _MOST_STEPS:
            raise UnreadableError(f"more than {_MOST_STEPS} steps")

    def _repeat(self, part: Repeat) -> Ends:
        least, most = part.least, part.most
        if most is not None and (most > _COPIES or (most > 2 and _is_endless(part.part))):
            most = None if least != most or not isinstance(part.part, Characters) else _COPIES
        least = min(least, _COPIES)
        if most == 0:
            return Ends(empty=Counter([frozenset()]))
        copies = [self.add(part.part) for _ in range(max(least - (most is None), 0))]
        if most is None:
            begin = len(self.places)
            body = self.add(part.part)
            self._connect(body.last, body.first)
            if _branches(part.part):
                self.loops.append((part, range(begin, len(self.places))))
            copies.append(body if least else _optional(body))
            return self._sequence(copies)
        rest = Ends(empty=Counter([frozenset()]))
        for body in [self.add(part.part) for _ in range(most - least)]:
            rest = _optional(self._sequence([body, rest]))
        return self._sequence([*copies, rest])


def _branches(part: Part) -> bool:
    """Return whether *part* can go on in several ways."""
    return isinstance(part, (Repeat, Choice)) or (isinstance(part, Sequence) and any(map(_branches, part.parts)))


def _is_endless(part: Part) -> bool:
    """Return whether a text of any length matches *part*."""
    if isinstance(part, Repeat):
        return part.most is None or part.most > _COPIES or _is_endless(part.part)
    if isinstance(part, (Sequence, Choice)):
        return any(map(_is_endless, part.parts))
    return False


def _sum(counters: Iterable[Counter[K]]) -> Counter[K]:
    total: Counter[K] = Counter()
    for counter in counters:
        for key, ways in counter.items():
            total[key] = min(total[key] + ways, 2)
    return total


def _behind(ends: Counter[tuple[int, Needs]], empty: Counter[Needs]) -> Counter[tuple[int, Needs]]:
    """Return *ends* as seen from behind a part that may read nothing."""
    return _sum(
        Counter({(place, needs | more): ways * others})
        for ((place, needs), ways), (more, others) in product(ends.items(), empty.items())
    )


def _both(one: Counter[Needs], other: Counter[Needs]) -> Counter[Needs]:
    return _sum(Counter({a | b: m * n}) for (a, m), (b, n) in product(one.items(), other.items()))


def _optional(ends: Ends) -> Ends:
    return Ends(ends.first, ends.last, _sum((ends.empty, Counter([frozenset()]))))
