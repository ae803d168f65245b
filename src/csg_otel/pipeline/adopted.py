"""
Providers that the program has set before this package: they stay in use, and get a processor or readers of this package.

The rule: an adopted provider keeps its settings, resource, views, processors and readers; what is added is removed again at the
end.
"""

from __future__ import annotations

import logging
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from opentelemetry.sdk.metrics import MeterProvider

from csg_otel import clocks, interruptions
from csg_otel.pipeline import _compat
from csg_otel.threads import OwnThread

if TYPE_CHECKING:
    from collections.abc import Sequence

    from opentelemetry.sdk.metrics.export import MetricReader
    from opentelemetry.sdk.resources import Resource

_log = logging.getLogger("csg_otel")

_FOLLOW_S: Final = 10.0
"""Seconds in which a wrapper gets its new provider: setting up exporters and detecting a resource take some of them."""

_POLL_S: Final = 0.01
"""Seconds between two looks; spans that end between them are lost for this package."""


def class_name(provider: Any) -> str:
    """Return the full name of the class of *provider*."""
    return f"{type(provider).__module__}.{type(provider).__qualname__}"


class Adopted:
    """An adopted provider of one signal."""

    def __init__(self, signal: str, provider: Any, sdk_class: type, add: str) -> None:
        """
        Adopt *provider*.

        Args:
            signal: ``traces``, ``metrics`` or ``logs``.
            provider: The program's provider: the SDK's, a wrapper around one, or any other.
            sdk_class: The SDK's class of such providers.
            add: The name of the method that adds a processor or reader.
        """
        self.problem = ""
        """The reason why this package's destinations do not get the signal; empty if they do."""
        self._signal = signal
        self.provider = provider
        self._sdk_class = sdk_class
        self._add = add
        self._added: dict[int, tuple[Any, Any]] = {}
        _log.info(
            "the program has set a %s already; it stays in use, and csg_otel adds its exporters",
            class_name(self.provider),
        )

    @property
    def target(self) -> Any:
        """The SDK's provider: the adopted one, or the one that it wraps now; else the adopted one."""
        if isinstance(self.provider, self._sdk_class):
            return self.provider
        attributes = getattr(self.provider, "__dict__", {})
        return next((value for value in attributes.values() if isinstance(value, self._sdk_class)), self.provider)

    @property
    def is_wrapper(self) -> bool:
        """Whether the adopted provider wraps one of the SDK, which may change."""
        return self.target is not self.provider

    @property
    def resource(self) -> Resource | None:
        """The provider's resource; None if it has none."""
        return _compat.resource_of(self.target)

    def attach(self, item: Any) -> None:
        """Add *item*, a processor or reader, unless it is there already."""
        target = self.target
        if (present := self._added.get(id(item))) is not None:
            if present[0] is target:
                return
            self.detach(item)
        try:
            getattr(target, self._add)(item)
        except Exception as error:  # noqa: BLE001 - a provider of any kind
            interruptions.let_through()
            self._report(f"{type(error).__name__}: {error}")
        else:
            self._added[id(item)] = (target, item)
            self.problem = ""

    def follow(self) -> None:
        """Add the items again where the adopted provider wraps another provider than before."""
        for _, item in tuple(self._added.values()):
            self.attach(item)

    def detach(self, item: Any) -> None:
        """Remove *item*, if it has been added."""
        target, _ = self._added.pop(id(item), (None, None))
        if target is not None:
            self._remove(target, item)

    def _remove(self, target: Any, item: Any) -> None:
        _compat.remove_processor(target, item)

    def _report(self, error: str) -> None:
        """Set the problem, and log it with the remedy, once."""
        warned = bool(self.problem)
        name = class_name(self.provider)
        self.problem = f"{self._signal} do not reach csg_otel: the program's {name} cannot be extended ({error})"
        if not warned:
            _log.warning(
                "%s; call csg_otel.instrument() before it is set, or set one of the OpenTelemetry SDK; see csg-otel doctor",
                self.problem,
            )


def follow(providers: Sequence[Adopted]) -> None:
    """
    Follow *providers* for some seconds, on a thread: one of them has been shut down.

    A wrapper gets another provider then, in all signals (``logfire.configure()`` a second time).
    """
    wrappers = [provider for provider in providers if provider.is_wrapper]
    if not wrappers or any(thread.name == "csg-otel-follow" for thread in threading.enumerate()):
        return

    def work() -> None:
        deadline = clocks.monotonic() + _FOLLOW_S
        while clocks.monotonic() < deadline:
            for provider in wrappers:
                provider.follow()
            time.sleep(_POLL_S)

    with suppress(RuntimeError):  # the interpreter is ending, or the system has no more threads
        OwnThread(target=work, name="csg-otel-follow").start()


class AdoptedTracers(Adopted):
    """An adopted tracer provider."""

    _is_quick = False

    def quicken(self, *, fast: bool) -> None:
        """Let the tracer of this package make fast spans where the SDK allows it; with *fast* False the SDK's own."""
        if fast or self._is_quick:
            from csg_otel.pipeline import _compat_adopted  # see ``self_test``

            _compat_adopted.quicken(self.target, fast=fast)
            self._is_quick = fast


class AdoptedMeters(Adopted):
    """An adopted meter provider."""

    def replace(self, old: MetricReader, new: MetricReader) -> None:
        """Let *new* continue the sums of *old*, which collects no more; in a foreign provider its sums start at 0."""
        target, _ = self._added.get(id(old), (None, None))
        if target is self.target and isinstance(target, MeterProvider):
            del self._added[id(old)]
            self._added[id(new)] = (target, new)
            _compat.hand_over(target, old, new)
        else:
            self.detach(old)
            self.attach(new)

    def reset_locks(self) -> None:
        """Replace the locks in a forked child, and start this package's sums at 0."""
        if isinstance(self.target, MeterProvider):
            _compat.reset_after_fork(self.target, [item for _, item in self._added.values()])

    def _remove(self, target: Any, item: Any) -> None:
        if isinstance(target, MeterProvider):
            _compat.forget_reader(target, item)
        elif hasattr(target, "remove_metric_reader"):
            target.remove_metric_reader(item)
