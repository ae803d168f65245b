"""
Expressions that may match one text in so many ways that `re` tries them for minutes.

Where two different ways lead from a place of an expression back to itself over the same characters, and the text behind
them does not match, the number of ways doubles with every round: `(a+)+$`, `(a|a)*b`. A place at which the expression may
end at once is left out, because `re` is content there. The one rule: no warning without such a pair of ways.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from itertools import product
from typing import Final

from csg_otel.config.expressions.pattern import Part, Reader, UnreadableError
from csg_otel.config.expressions.places import Graph, Needs

_MOST_PAIRS: Final = 100_000
"""Pairs of places that are examined, at most: about 0.3 s."""

_KINDS: Final = ("newline", "word", "other")
"""Kinds of characters that the assertions `^`, `$`, `\\b` and `\\B` tell apart."""

State = tuple[int, str]
"""A place, and the kind of the character that is read there: `newline`, `word` or `other`."""
Edges = dict[State, Counter[State]]


def slow_part(pattern: str) -> str | None:
    """
    Return the part of *pattern* whose repetition may take exponential time, such as `(a+)+` of `(a+)+$`; None if there is none.

    None, too, for an expression that is not understood or too long to examine.
    """
    reader = Reader(pattern)
    try:
        parts = [reader.read()]
        for part in (*parts, *reader.separate):
            if (place := _slow(part)) is not None:
                return pattern[place.start : place.end]
    except (UnreadableError, RecursionError):
        pass
    return None


def _slow(part: Part) -> Part | None:
    graph = Graph()
    ends = graph.add(part)
    content = {place for (place, needs) in ends.last if not needs}
    edges, characters = _states(graph, content)
    states = _ambiguous(edges, characters, _components(edges))
    if states is None:
        return None
    around = [loop for loop, places in graph.loops if all(place in places for place, _ in states)]
    return min(around, key=lambda loop: loop.end - loop.start, default=part)


def _states(graph: Graph, content: set[int]) -> tuple[Edges, dict[State, frozenset[str]]]:
    """Return the steps between places and kinds of characters, without those of *content*, and the characters of each."""
    characters: dict[State, frozenset[str]] = {}
    for place, matched in enumerate(graph.places):
        if place not in content:
            for kind in set(map(_kind, matched)):
                characters[place, kind] = frozenset(sign for sign in matched if _kind(sign) == kind)
    edges: Edges = defaultdict(Counter)
    for (start, end, needs), ways in graph.steps.items():
        for before, after in product(_KINDS, _KINDS):
            if (start, before) in characters and (end, after) in characters and _holds(needs, before, after):
                edges[start, before][end, after] += ways
    return edges, characters


def _kind(sign: str) -> str:
    return "newline" if sign == "\n" else "word" if sign.isalnum() or sign == "_" else "other"


def _ambiguous(
    edges: Edges, characters: Mapping[State, frozenset[str]], component: Mapping[State, State]
) -> tuple[State, State] | None:
    """Return two places on different ways from one place back to itself over the same characters; None if there are none."""
    for start, ends in edges.items():
        for end, ways in ends.items():
            if ways > 1 and component[start] == component[end]:
                return start, end
    waiting = [(state, state) for state in edges]
    seen = set(waiting)
    while waiting and len(seen) < _MOST_PAIRS:
        one, other = waiting.pop()
        for pair in product(edges.get(one, ()), edges.get(other, ())):
            left, right = pair
            if component[left] != component[one] or component[right] != component[one]:
                continue
            if left == right:
                if one != other:
                    return one, other
            elif pair not in seen and characters[left] & characters[right]:
                seen.add(pair)
                waiting.append(pair)
    return None


def _components(edges: Edges) -> dict[State, State]:
    """Return a representative of the strongly connected component of each state (Kosaraju's algorithm)."""
    order: list[State] = []
    seen: set[State] = set()
    for root in list(edges):
        order += _finished(root, edges, seen)
    reverse: Edges = defaultdict(Counter)
    for start, ends in edges.items():
        for end in ends:
            reverse[end][start] += 1
    seen = set()
    return {state: root for root in reversed(order) if root not in seen for state in _finished(root, reverse, seen)}


def _finished(root: State, edges: Edges, seen: set[State]) -> Iterator[State]:
    """Yield what *root* reaches and is not *seen*, each state behind those that it reaches."""
    if root in seen:
        return
    seen.add(root)
    path = [(root, iter(edges.get(root, ())))]
    while path:
        state, ends = path[-1]
        for end in ends:
            if end not in seen:
                seen.add(end)
                path.append((end, iter(edges.get(end, ()))))
                break
        else:
            path.pop()
            yield state


def _holds(needs: Needs, before: str, after: str) -> bool:
    """Return whether all of *needs* hold between characters of these kinds."""
    return not (
        "edge" in needs
        or ("^" in needs and before != "newline")
        or ("$" in needs and after != "newline")
        or ("\\b" in needs and (before == "word") == (after == "word"))
        or ("\\B" in needs and (before == "word") != (after == "word"))
    )
