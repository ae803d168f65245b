"""
Spans, log records and alerts as they leave the process: sanitized, then scrubbed of secrets and personal data.

Every way out calls these functions in place of those of ``sanitize``; metrics are scrubbed by the readers (``scrub_metrics``).
They run on the exporting threads, because a callback of the program may decide about a match. The rules: an item without a
match is returned unchanged; in a copy, ids, times and the numbers of dropped attributes, events and links stay as they are.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import Link, SpanContext, Status, TraceState

from csg_otel import names
from csg_otel.attributes import Shared
from csg_otel.pipeline import _compat, sanitize
from csg_otel.pipeline.identity import ByIdentity
from csg_otel.privacy import active

if TYPE_CHECKING:
    from opentelemetry.sdk._logs import ReadableLogRecord

    from csg_otel.alerts.events import Event as Alert
    from csg_otel.privacy import Scrubber

_Item = TypeVar("_Item")

_MOST_KEPT: Final = 1024
"""Resources or scopes whose results are kept; a program has one resource, and a scope for each of its libraries."""

_IDENTITY: Final = frozenset(("service.name", "service.namespace", "service.version", names.SERVICE_INSTANCE_ID))
"""Attributes of a resource that stay as they are: series and traces are found by them."""


class _Kept(Generic[_Item]):
    """The results of objects that many items share, for one scrubber."""

    def __init__(self, make: Callable[[Scrubber, _Item], _Item]) -> None:
        self._make = make
        self._present: tuple[Scrubber | None, ByIdentity[_Item, _Item]] = None, ByIdentity(lambda item: item, 0)

    def of(self, scrubber: Scrubber, original: _Item) -> _Item:
        """Return *original* scrubbed."""
        owner, results = self._present
        if owner is not scrubber:
            results = ByIdentity(partial(self._make, scrubber), _MOST_KEPT)
            self._present = scrubber, results
        return results.of(original)


def span(original: ReadableSpan) -> ReadableSpan:
    """Return *original*, or a copy that can be encoded and has no secret."""
    return _scrubbed_span(original)[0]


def span_contents(original: ReadableSpan) -> Any:
    """Return the contents (``_compat.span_contents``) of *original*, or of such a copy."""
    clean, contents = _scrubbed_span(original)
    return _compat.span_contents(clean) if contents is None else contents


def varying(original: ReadableSpan) -> tuple[Any, ...] | None:
    """
    Return the contents of *original* that it does not share with the spans of its place, as ``FastSpan.csg_otel_varying`` does.

    None if it has others, or if the scrubber in use has looked at none of these spans yet; else ``Shared.scrubbed`` has the
    resource and the scope as they leave the process.
    """
    of_fast_span = getattr(original, "csg_otel_varying", None)
    contents: tuple[Any, ...] | None = None if of_fast_span is None else of_fast_span()
    if contents is None:
        return None
    scrubbed = contents[0].scrubbed
    if scrubbed is None or scrubbed[0] is not active.scrubber():
        return None
    return contents if scrubbed[1] is contents[1] and scrubbed[2] is contents[2] else None


def _scrubbed_span(original: ReadableSpan) -> tuple[ReadableSpan, Any]:
    """Return *original* or a copy, and the contents of what is returned, or None if they were not read yet."""
    scrubber, sound = active.scrubber(), original
    contents = _compat.span_contents(original)
    if not sanitize.is_sound_span(contents):
        sound = sanitize.span(original)
        contents = _compat.span_contents(sound)
    old_name, old_context, _, _, _, _, old_status, old_owner, old_library, old_attributes, old_events, old_links, *_ = (
        contents
    )
    name, status = scrubber.text(old_name), _status(scrubber, old_status)
    context, owner = _context(scrubber, old_context), _resources.of(scrubber, old_owner)
    library = _scope(scrubber, old_library)
    attributes = _attributes(scrubber, old_attributes)
    events = _each(_event, scrubber, old_events)
    links = _each(_link, scrubber, old_links)
    if isinstance(old_attributes, Shared) and attributes is None and name is old_name is old_attributes.name:
        old_attributes.scrubbed = scrubber, old_owner, old_library, owner, library
    if (
        name is old_name
        and status is old_status
        and context is old_context
        and owner is old_owner
        and library is old_library
        and attributes is None
        and events is None
        and links is None
    ):
        return sound, contents
    copied = ReadableSpan(
        name=name,
        context=context,
        parent=sound.parent,
        resource=owner,
        attributes=_counted(attributes, sound.attributes, sound.dropped_attributes),
        events=sanitize.counted_list(events or list(sound.events), sound.dropped_events),
        links=sanitize.counted_list(links or list(sound.links), sound.dropped_links),
        kind=sound.kind,
        status=status,
        start_time=sound.start_time,
        end_time=sound.end_time,
        instrumentation_scope=library,
    )
    return copied, None


def record(original: ReadableLogRecord) -> ReadableLogRecord:
    """Return *original*, or a copy that can be encoded and has no secret."""
    scrubber, sound = active.scrubber(), sanitize.record(original)
    log, owner = sound.log_record, resource(sound.resource)
    library = _scope(scrubber, sound.instrumentation_scope)
    body = log.body if log.body is None else scrubber.value("", log.body)
    severity, event = _optional(scrubber, log.severity_text), _optional(scrubber, log.event_name)
    attributes = _attributes(scrubber, log.attributes)
    if body is log.body and severity is log.severity_text and event is log.event_name and attributes is None:
        if owner is sound.resource and library is sound.instrumentation_scope:
            return sound
        return replace(sound, resource=owner, instrumentation_scope=library)
    changed = copy.copy(log)
    changed.body, changed.severity_text, changed.event_name = body, severity, event
    changed.attributes = _counted(attributes, log.attributes, sound.dropped_attributes)
    return replace(sound, log_record=changed, resource=owner, instrumentation_scope=library)


def resource(original: Resource) -> Resource:
    """Return *original*, or a copy without secrets; the identity of the service stays."""
    return _resources.of(active.scrubber(), original)


def scope(original: InstrumentationScope) -> InstrumentationScope:
    """Return *original*, or a copy without secrets."""
    return _scopes.of(active.scrubber(), original)


def alert(original: Alert) -> Alert:
    """Return an alert of the program without secrets in its name, message and details; its id is made of these."""
    scrubber, details = active.scrubber(), dict(original.details)
    name, message, changed = (
        scrubber.text(original.name),
        scrubber.text(original.message),
        scrubber.mapping(details),
    )
    if name is original.name and message is original.message and changed is details:
        return original
    return replace(original, name=name, message=message, details=tuple((k, str(v)) for k, v in changed.items()))


# -- parts of an item; None stands for a part without a match ------------------------------------------------------------


def _attributes(scrubber: Scrubber, attributes: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    if not attributes:
        return None
    plain: Mapping[str, Any] = _compat.plain(attributes)
    changed = scrubber.mapping(plain)
    return None if changed is plain else changed


def _counted(
    changed: Mapping[str, Any] | None, attributes: Mapping[str, Any] | None, dropped: int
) -> Mapping[str, Any]:
    """Return the *changed* attributes, else *attributes*, of which so many were *dropped*."""
    return sanitize.counted_attributes(dict(changed or attributes or {}), dropped)


def _each(
    scrubbed: Callable[[Scrubber, _Item], _Item], scrubber: Scrubber, items: Sequence[_Item]
) -> list[_Item] | None:
    if not items:
        return None
    results = [scrubbed(scrubber, item) for item in items]
    return None if all(map(lambda old, new: old is new, items, results)) else results


def _event(scrubber: Scrubber, original: Event) -> Event:
    name, attributes = scrubber.text(original.name), _attributes(scrubber, original.attributes)
    if name is original.name and attributes is None:
        return original
    counted = _counted(attributes, original.attributes, original.dropped_attributes)
    return Event(name, counted, original.timestamp)


def _link(scrubber: Scrubber, original: Link) -> Link:
    context, attributes = _context(scrubber, original.context), _attributes(scrubber, original.attributes)
    if context is original.context and attributes is None:
        return original
    return Link(context, _counted(attributes, original.attributes, original.dropped_attributes))


def _context(scrubber: Scrubber, original: SpanContext) -> SpanContext:
    """Return *original*; where its trace state, which other programs have sent, has a secret, without the state's entry."""
    if not original.trace_state:
        return original
    state = dict(original.trace_state)
    if (changed := scrubber.mapping(state)) is state:
        return original
    clean = TraceState([(key, value) for key, value in state.items() if changed.get(key) == value])
    return SpanContext(original.trace_id, original.span_id, original.is_remote, original.trace_flags, clean)


def _status(scrubber: Scrubber, original: Status) -> Status:
    description = original.description
    if description is None or (changed := scrubber.text(description)) is description:
        return original
    return Status(original.status_code, changed)


def _optional(scrubber: Scrubber, text: str | None) -> str | None:
    return text if text is None else scrubber.text(text)


def _scope(scrubber: Scrubber, original: InstrumentationScope | None) -> InstrumentationScope | None:
    return original if original is None else _scopes.of(scrubber, original)


def _scrubbed_resource(scrubber: Scrubber, original: Resource) -> Resource:
    kept = {key: value for key, value in original.attributes.items() if key in _IDENTITY}
    others = {key: value for key, value in original.attributes.items() if key not in _IDENTITY}
    changed, schema_url = scrubber.mapping(others), scrubber.text(original.schema_url)
    if changed is others and schema_url is original.schema_url:
        return original
    return Resource({**changed, **kept}, schema_url)


def _scrubbed_scope(scrubber: Scrubber, original: InstrumentationScope) -> InstrumentationScope:
    name, version = scrubber.text(original.name), _optional(scrubber, original.version)
    schema_url, attributes = _optional(scrubber, original.schema_url), _attributes(scrubber, original.attributes)
    same = name is original.name and version is original.version and schema_url is original.schema_url
    if same and attributes is None:
        return original
    return InstrumentationScope(name, version, schema_url, attributes or original.attributes)


_resources: Final = _Kept(_scrubbed_resource)
_scopes: Final = _Kept(_scrubbed_scope)
