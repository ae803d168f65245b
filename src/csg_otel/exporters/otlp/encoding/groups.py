"""
Requests: the encoded items of a batch, by resource and scope.

The fields around items are the same for all signals. Resources and scopes that are equal share one message, in the order of
their first item. The encoded resource and scope are kept, because nearly all items have the same ones.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from csg_otel.exporters.otlp.encoding import fields, values
from csg_otel.exporters.protobuf import message, varint
from csg_otel.pipeline.identity import ByIdentity

if TYPE_CHECKING:
    from collections.abc import Iterable

    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.util.instrumentation import InstrumentationScope

Item = tuple["Resource", "InstrumentationScope | None", bytes]
"""Resource, scope and content of an item."""

_MOST_KEPT: Final = 256
"""Resources or scopes that are kept; a program has one resource, and a scope for each of its libraries."""


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


def request(items: Iterable[Item]) -> bytes:
    """Return the request of *items*, each with its resource and scope."""
    groups: dict[_Owner, dict[_Owner, list[bytes]]] = {}
    group: list[bytes] = []
    last_resource: Any = group  # no resource is the same object
    last_scope: Any = None
    for resource, scope, body in items:
        if resource is not last_resource or scope is not last_scope:
            group = groups.setdefault(_resources.of(resource), {}).setdefault(_scopes.of(scope), [])
            last_resource, last_scope = resource, scope
        group += (b"\x12", varint(len(body)), body)
    return b"".join([_of_resource(resource, scopes.items()) for resource, scopes in groups.items()])


def metrics(items: Iterable[tuple[Resource, Iterable[tuple[InstrumentationScope, Iterable[bytes]]]]]) -> bytes:
    """Return the request of metrics, which are in groups already."""
    return b"".join(
        [
            _of_resource(
                _resources.of(resource),
                [(_scopes.of(scope), [message(2, body) for body in bodies]) for scope, bodies in scopes],
            )
            for resource, scopes in items
        ]
    )


def _of_resource(resource: _Owner, scopes: Iterable[tuple[_Owner, list[bytes]]]) -> bytes:
    groups = [message(2, b"".join([scope.field, *items, scope.schema])) for scope, items in scopes]
    return message(1, b"".join([resource.field, *groups, resource.schema]))
