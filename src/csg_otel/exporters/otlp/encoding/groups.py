"""
Requests: the encoded items of a batch, by resource and scope.

The fields around items are the same for all signals. Resources and scopes that are equal share one message, in the order of
their first item. The encoded resource and scope are kept, because nearly all items have the same ones.

A large batch takes several milliseconds, in which the interpreter would let no other thread run: a thread that wakes up waits
until its switch interval of 5 ms is over. So the interpreter is released between items, or metrics, as soon as a turn is over.
"""

from __future__ import annotations

import functools
import time
from typing import TYPE_CHECKING, Any, Final

from csg_otel import clocks
from csg_otel.exporters.otlp.encoding import fields, values
from csg_otel.exporters.protobuf import message, nested, varint
from csg_otel.pipeline.identity import ByIdentity

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from opentelemetry.sdk.metrics.export import Metric, MetricsData
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.util.instrumentation import InstrumentationScope

Item = tuple["Resource", "InstrumentationScope | None", bytes]
"""Resource, scope and content of an item."""

_MOST_KEPT: Final = 256
"""Resources or scopes that are kept; a program has one resource, and a scope for each of its libraries."""


_TURN_S: Final = 0.0002
"""Seconds after which other threads may run. The pause itself takes 0.06 ms where no other thread waits."""

_LOOK_ITEMS: Final = 16
"""
Items after which the clock is read.

A thread of the program that encodes for a full queue (``delivery.burst``) has no more items, and so never waits here.
"""


class _Owner:
    """A resource or a scope: its field, and the one with its schema; the key of its items in a request."""

    __slots__ = ("_hash", "_original", "field", "schema")

    def __init__(self, original: Resource | InstrumentationScope | None, content: bytes) -> None:
        self._original = original
        self._hash = hash(original)  # of a resource it takes as long as encoding an item
        self.field = message(1, content)
        self.schema = b"" if original is None else fields.text(3, original.schema_url)

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        return self is other or (isinstance(other, _Owner) and self._original == other._original)


def _resource(original: Resource) -> _Owner:
    return _Owner(original, values.attributes(b"\x0a", original.attributes))


def _scope(original: InstrumentationScope | None) -> _Owner:
    if original is None:
        return _Owner(None, b"")
    content = fields.text(1, original.name) + fields.text(2, original.version)
    return _Owner(original, content + values.attributes(b"\x1a", original.attributes))


_resources: Final = ByIdentity(_resource, _MOST_KEPT)
_scopes: Final = ByIdentity(_scope, _MOST_KEPT)


class _Turn:
    """The time in which this thread keeps the interpreter."""

    def __init__(self) -> None:
        self._ends = clocks.monotonic() + _TURN_S

    def look(self) -> None:
        """Let other threads run, if the time is over."""
        if clocks.monotonic() > self._ends:
            time.sleep(0)
            self._ends = clocks.monotonic() + _TURN_S


@functools.lru_cache(maxsize=1024)
def _before_item(length: int) -> bytes:
    """Return the tag and the length of an item in a request; most items have one of few lengths."""
    return b"\x12" + varint(length)


def request(items: Iterable[Item]) -> bytes:
    """Return the request of *items*, each with its resource and scope."""
    groups: dict[_Owner, dict[_Owner, list[bytes]]] = {}
    group: list[bytes] = []
    last_resource: Any = group  # no resource is the same object
    last_scope: Any = None
    turn = _Turn()
    for number, (resource, scope, body) in enumerate(items):
        if resource is not last_resource or scope is not last_scope:
            group = groups.setdefault(_resources.of(resource), {}).setdefault(_scopes.of(scope), [])
            last_resource, last_scope = resource, scope
        group += (_before_item(len(body)), body)
        if not number % _LOOK_ITEMS and number:
            turn.look()
    return _request(
        (owner, [(scope, [b"".join(items)]) for scope, items in scopes.items()]) for owner, scopes in groups.items()
    )


def metrics_request(data: MetricsData, encode: Callable[[Metric], list[bytes]]) -> bytes:
    """Return the request of the metrics in *data*, which are in groups already; *encode* returns the parts of a metric."""
    return _request(
        (
            _resources.of(group.resource),
            [(_scopes.of(scope.scope), _metrics(scope.metrics, encode)) for scope in group.scope_metrics],
        )
        for group in data.resource_metrics
    )


def _metrics(metrics: Iterable[Metric], encode: Callable[[Metric], list[bytes]]) -> list[bytes]:
    parts: list[bytes] = []
    turn = _Turn()
    for metric in metrics:
        parts += nested(2, *encode(metric))
        turn.look()
    return parts


def _request(groups: Iterable[tuple[_Owner, Iterable[tuple[_Owner, list[bytes]]]]]) -> bytes:
    """Return the request of *groups*: of resources, of scopes, and of the parts of the items in these."""
    parts: list[bytes] = []
    for resource, scopes in groups:
        of_scopes: list[bytes] = []
        for scope, items in scopes:
            of_scopes += nested(2, scope.field, *items, scope.schema)
        parts += nested(1, resource.field, *of_scopes, resource.schema)
    return b"".join(parts)
