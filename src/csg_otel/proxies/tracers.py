"""The proxy of a tracer. The rule: telemetry never replaces an exception of the program by another."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from contextlib import ContextDecorator
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final

from opentelemetry import context as otel_context
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import Link, SpanContext, SpanKind, Status, StatusCode

from csg_otel import attributes as clean
from csg_otel import faults, forks, interruptions

if TYPE_CHECKING:
    from csg_otel.proxies.base import Scope


class SafeTracer(trace.Tracer):
    """A tracer that passes every call to the real tracer."""

    def __init__(self, identity: Scope) -> None:
        self._scope = identity
        self._real: trace.Tracer = trace.NoOpTracer()

    def bind(self, get_tracer: Callable[..., trace.Tracer]) -> None:
        """Use the tracer that *get_tracer* returns from now on."""
        self._real = get_tracer(*self._scope)

    def start_span(self, *args: Any, **kwargs: Any) -> trace.Span:
        """Start a span on the real tracer; arguments that it refuses are cleaned."""
        if not forks.mark[0]:
            forks.enter_child()
        try:
            return self._real.start_span(*args, **kwargs)
        except Exception:  # noqa: BLE001 - telemetry never raises into the program
            interruptions.let_through()
            try:
                return self._real.start_span(**_cleaned(args, kwargs))
            except Exception:  # noqa: BLE001 - as above
                faults.contain("traces")
                return trace.INVALID_SPAN

    def span_site(self, shared: clean.Shared, otherwise: Callable[..., trace.Span]) -> Callable[..., trace.Span]:
        """
        Return a function that starts the spans of one place in the program, faster than :meth:`start_span`.

        All spans have what is *shared*. The function takes a context, the attributes of the span, and the time in nanoseconds
        since the epoch; so does *otherwise*, which it calls where only the tracer can start the span. The attributes are
        *shared*, or clean ones that contain these. The function serves until the next era of ``scope``.
        """
        make_site: Callable[..., Any] | None = getattr(self._real, "span_site", None)
        return otherwise if make_site is None else make_site(shared, otherwise)

    def start_as_current_span(self, *args: Any, **kwargs: Any) -> Any:
        """Return a context manager, also usable as a decorator, that starts a span on the real tracer and makes it current."""
        return _Current(self, *args, **kwargs)

    def __getattr__(self, name: str) -> Any:
        """Return an attribute of the real tracer that the API does not have (``sampler``, ``id_generator``, ...)."""
        if name == "_real" or name.startswith("__"):
            raise AttributeError(name)
        return getattr(self._real, name)


_PARAMETERS: Final = (
    "name", "context", "kind", "attributes", "links", "start_time", "record_exception", "set_status_on_exception",
)  # fmt: skip
"""The parameters of ``start_span``, in the API's order."""


def _cleaned(args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
    """Return the arguments of ``start_span`` by name; wrong arguments are cleaned or replaced by the default."""
    arguments: dict[str, Any] = {**dict(zip(_PARAMETERS, args, strict=False)), **kwargs}
    links = arguments.get("links")
    listed: list[Any] = [link for link in links if isinstance(link, Link)] if isinstance(links, (list, tuple)) else []
    to_spans = [link for link in listed if isinstance(link.context, SpanContext)]
    context, kind, start_time = arguments.get("context"), arguments.get("kind"), arguments.get("start_time")
    return {
        **arguments,
        "name": clean.text(arguments.get("name")),
        "context": context if isinstance(context, Context) else None,
        "kind": kind if isinstance(kind, SpanKind) else SpanKind.INTERNAL,
        "attributes": clean.clean(arguments.get("attributes")),
        "links": [Link(link.context, clean.clean(link.attributes)) for link in to_spans],
        "start_time": start_time if type(start_time) is int else None,
    }


class _Current(ContextDecorator):
    """
    A span that is current within a block, like the API's own ``use_span``.

    ``use_span`` itself is not used, because formatting an exception of the program can raise there, and because a class is
    faster than a generator.
    """

    def __init__(self, tracer: SafeTracer, *args: Any, end_on_exit: bool = True, **kwargs: Any) -> None:
        if len(args) > 8:  # end_on_exit, passed as the ninth positional argument of the API
            *args, end_on_exit = args  # type: ignore[assignment]
        self._make = (tracer, args, kwargs, end_on_exit)

    def __enter__(self) -> trace.Span:
        tracer, args, kwargs, _ = self._make
        self._span = tracer.start_span(*args, **kwargs)
        self._token = otel_context.attach(trace.set_span_in_context(self._span))
        return self._span

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        _, args, kwargs, end_on_exit = self._make
        otel_context.detach(self._token)
        try:
            # GeneratorExit, KeyboardInterrupt and SystemExit are no failures of the operation.
            if isinstance(error, Exception) and self._span.is_recording():
                record, status = (*args[6:8], True, True)[:2]
                if kwargs.get("record_exception", record):
                    self._span.record_exception(error)
                if kwargs.get("set_status_on_exception", status):
                    description = f"{type(error).__name__}: {clean.text(error)}"
                    self._span.set_status(Status(StatusCode.ERROR, description))
            if end_on_exit:
                self._span.end()
        except Exception:  # noqa: BLE001 - telemetry never raises into the program
            faults.contain("traces")

    def _recreate_cm(self) -> _Current:
        """Return a new context manager: a decorated function may run many times at once."""
        tracer, args, kwargs, end_on_exit = self._make
        return _Current(tracer, *args, end_on_exit=end_on_exit, **kwargs)

    def __call__(self, function: Callable[..., Any]) -> Any:
        """Return *function*, decorated so that each run has a span of its own."""
        if not inspect.iscoroutinefunction(function):
            return super().__call__(function)

        @functools.wraps(function)
        async def within(*args: Any, **kwargs: Any) -> Any:
            with self._recreate_cm():
                return await function(*args, **kwargs)

        return within
