"""
Hooks in the methods of ``logging.Logger``: a hook calls the method that stood there before, exactly once.

Other libraries wrap the same methods (Sentry and New Relic wrap ``callHandlers``), before us or after us, and some put the
method back that they had saved, which drops every wrapper made since. So each wrapper of a hook keeps the method that it wraps
for ever, and a hook whose wrapper is not the outermost one wraps whatever stands there. The wrappers below are left in place;
the function that they call decides what a record that passes several of them needs.
"""

from __future__ import annotations

import logging
import weakref
from collections.abc import Callable
from types import FunctionType
from typing import Any, Final

Method = Callable[[logging.Logger, logging.LogRecord], Any]
"""A method of a logger that takes a record, called as a function."""

Around = Callable[[logging.Logger, logging.LogRecord, Method], Any]
"""A function that is called in place of a method, with the method as its last argument."""

_MAX_WRAPPERS: Final = 16
"""Most wrappers of one hook that others keep in use; then a library that also insists on being the outermost one is let be."""


_all_wrappers: Final[weakref.WeakSet[Method]] = weakref.WeakSet()
"""The wrappers in use, those of removed hooks included: other libraries may still call them, or put them back."""


class Hook:
    """A function around one method of one logger class."""

    def __init__(self, owner: type, name: str, around: Around) -> None:
        """Prepare to call *around* in place of the method *name* of *owner*; :meth:`keep` puts the hook there."""
        self._owner = owner
        self.attributes = vars(owner)
        self.name = name
        self._around: Around | None = around
        self.outermost: Any = None
        self._wrappers: weakref.WeakSet[Method] = weakref.WeakSet()

    def keep(self) -> None:
        """Make this hook the outermost wrapper of the method if something has changed. Without locks, for any thread."""
        present = self.attributes.get(self.name)
        if present is self.outermost:
            return
        if present is None or self._around is None or len(self._wrappers) >= _MAX_WRAPPERS:
            self.outermost = present
            return
        self.outermost = self._wrapper(_without_wrappers(present))
        setattr(self._owner, self.name, self.outermost)

    def remove(self) -> None:
        """Put the wrapped method back if this hook is the outermost wrapper; otherwise only stop to call the function."""
        self._around = None
        present = self.attributes.get(self.name)
        if (wrapped := _without_wrappers(present)) is not present:
            setattr(self._owner, self.name, wrapped)

    def _wrapper(self, wrapped: Any) -> Method:
        call = _as_function(wrapped)

        def method(logger: logging.Logger, record: logging.LogRecord) -> Any:
            around = self._around
            return call(logger, record) if around is None else around(logger, record, call)

        method.__name__ = self.name
        method.__qualname__ = f"{self._owner.__qualname__}.{self.name}"
        method.__wrapped__ = wrapped  # type: ignore[attr-defined] # as functools.wraps does
        self._wrappers.add(method)
        _all_wrappers.add(method)
        return method


class Hooks:
    """Hooks in the methods of all logger classes of the program."""

    def __init__(self, **functions: Around) -> None:
        """Prepare a hook for each method that is named, with the function to call in its place."""
        self._functions = functions
        self._hooks: dict[tuple[type, str], Hook] = {}
        self._of_class: dict[type, tuple[Hook, ...]] = {}

    def install(self) -> None:
        """Put the hooks in ``logging.Logger`` and in its subclasses with methods of their own."""
        classes = [logging.Logger]
        for kind in classes:
            classes.extend(kind.__subclasses__())
            self.keep(kind)

    def keep(self, kind: type) -> None:
        """Make the hooks the outermost wrappers of the methods of *kind*, a class of loggers. Quick: every record calls it."""
        for hook in self._of_class.get(kind) or self._hooks_of(kind):
            if hook.attributes.get(hook.name) is not hook.outermost:  # as the method does; four calls a record fewer
                hook.keep()

    def remove(self) -> None:
        """Remove all hooks."""
        for hook in self._hooks.values():
            hook.remove()
        self._hooks.clear()
        self._of_class.clear()

    def _hooks_of(self, kind: type) -> tuple[Hook, ...]:
        places = [(owner, name) for owner in kind.__mro__ for name in self._functions if name in vars(owner)]
        hooks = [self._hooks.setdefault(place, Hook(*place, self._functions[place[1]])) for place in places]
        self._of_class[kind] = tuple(hooks)
        return self._of_class[kind]


def _without_wrappers(method: Any) -> Any:
    """Return what the wrappers of hooks around *method* wrap; *method* itself if it is no wrapper of a hook."""
    # The type first: a proxy of a wrapper equals the wrapper.
    while type(method) is FunctionType and method in _all_wrappers:
        method = method.__wrapped__  # type: ignore[attr-defined] # every wrapper has it
    return method


def _as_function(method: Any) -> Method:
    """Return *method*, an attribute of a class, as a function of logger and record; it may be any kind of descriptor."""
    if (
        type(method) is FunctionType
    ):  # not isinstance: a proxy says that it is an instance of the class of what it wraps
        return method
    bind = getattr(type(method), "__get__", None)
    if bind is None:
        return lambda _logger, record: method(record)
    return lambda logger, record: bind(method, logger, type(logger))(record)
