"""Spans as items of a request."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from opentelemetry.trace import SpanKind, StatusCode

from csg_otel.exporters.otlp.encoding import fields, groups
from csg_otel.exporters.otlp.encoding.values import attributes
from csg_otel.exporters.protobuf import message

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import Event
    from opentelemetry.trace import Link, Status

_KINDS: Final = {id(kind): fields.enum(6, kind.value + 1) for kind in SpanKind}
"""The field of each kind by its identity: the hash of a member of an enumeration is a function in Python."""

_HAS_REMOTE, _IS_REMOTE = 0x100, 0x200
"""Flags of a span about its parent, and of a link about its target: whether it is of another process is set, and it is."""

_LOCAL_PARENT: Final = fields.fixed32(16, _HAS_REMOTE)
_REMOTE_PARENT: Final = fields.fixed32(16, _HAS_REMOTE | _IS_REMOTE)
_LOCAL_LINK: Final = fields.fixed32(6, _HAS_REMOTE)
_REMOTE_LINK: Final = fields.fixed32(6, _HAS_REMOTE | _IS_REMOTE)
_UNSET: Final = message(15, b"")

_pack_times: Final = struct.Struct("<BQBQ").pack
_pack_ids: Final = struct.Struct(">BBQQBBQ").pack
_pack_parent: Final = struct.Struct(">BBQ").pack
_LOW: Final = 2**64 - 1


def encoded(contents: Any) -> groups.Item:
    """Return the span with *contents* (``_compat.span_contents``). May raise any exception for a span that OTLP can't carry."""
    name, context, parent, kind, start, end, status, resource, scope, pairs, events, links, *dropped = contents
    parts = [
        b"\x0a\x10",
        context.trace_id.to_bytes(16, "big"),
        b"\x12\x08",
        context.span_id.to_bytes(8, "big"),
        fields.kept_text(5, name),
        _KINDS[id(kind)],
        attributes(b"\x4a", pairs),
        _status(status),
    ]
    if start.__class__ is end.__class__ is int:
        parts.append(_pack_times(0x39, start, 0x41, end))
    else:
        parts += fields.fixed64(7, start), fields.fixed64(8, end)
    if parent:
        parts += b"\x22\x08", parent.span_id.to_bytes(8, "big"), _REMOTE_PARENT if parent.is_remote else _LOCAL_PARENT
    else:
        parts.append(_LOCAL_PARENT)
    if state := context.trace_state:
        parts.append(fields.text(3, ",".join([f"{key}={value}" for key, value in state.items()])))
    if events or links or dropped != _NONE:
        parts += _rarer(events, links, dropped)
    return resource, scope, b"".join(parts)


def of_place(contents: tuple[Any, ...]) -> groups.Item:
    """Return a span of which only the ids and times are its own: see ``scrub.varying``."""
    shared, _, _, trace_id, span_id, parent_id, is_remote, start, end = contents
    _, _, _, resource, scope = shared.scrubbed
    same = shared.encoded
    if same is None:
        fixed = (fields.kept_text(5, shared.name), _KINDS[id(shared.kind)], attributes(b"\x4a", shared), _UNSET)
        same = shared.encoded = b"".join(fixed)
    body = _pack_ids(0x0A, 0x10, trace_id >> 64, trace_id & _LOW, 0x12, 0x08, span_id) + same
    body += _pack_times(0x39, start, 0x41, end)
    if not parent_id:
        return resource, scope, body + _LOCAL_PARENT
    return (
        resource,
        scope,
        body + _pack_parent(0x22, 0x08, parent_id) + (_REMOTE_PARENT if is_remote else _LOCAL_PARENT),
    )


_NONE: Final = [0, 0, 0]


def _rarer(events: Sequence[Event], links: Sequence[Link], dropped: Sequence[int]) -> list[bytes]:
    """Return the fields that most spans do not have; *dropped* counts attributes, events and links."""
    return [
        *(message(11, _event(event)) for event in events or ()),
        *(message(13, _link(link)) for link in links or ()),
        *(fields.uint32(field, count) for field, count in zip((10, 12, 14), dropped, strict=True)),
    ]


def _event(event: Event) -> bytes:
    pairs, dropped = attributes(b"\x1a", event.attributes), fields.uint32(4, event.dropped_attributes)
    return fields.fixed64(1, event.timestamp) + fields.kept_text(2, event.name) + pairs + dropped


def _link(link: Link) -> bytes:
    target = link.context
    ids = b"\x0a\x10" + target.trace_id.to_bytes(16, "big") + b"\x12\x08" + target.span_id.to_bytes(8, "big")
    pairs, dropped = attributes(b"\x22", link.attributes), fields.uint32(5, link.dropped_attributes)
    return ids + pairs + dropped + (_REMOTE_LINK if target.is_remote else _LOCAL_LINK)


def _status(status: Status | None) -> bytes:
    if status is None:
        return b""
    code, description = status.status_code, status.description
    if code is StatusCode.UNSET and description is None:
        return _UNSET
    return message(15, fields.text(2, description) + fields.enum(3, code.value))
