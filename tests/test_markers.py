"""The mark of a callback that only reads a snapshot."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import pytest

from csg_otel.markers import is_marked, reads_snapshot


def plain() -> None:
    """A callback of the program."""


@reads_snapshot
def marked() -> None:
    """A callback of the package."""


@reads_snapshot
class Reader:
    """Its objects are callbacks, and one of its methods is."""

    def __call__(self) -> None:
        """Read."""

    @reads_snapshot
    def observe(self) -> None:
        """Read, too."""

    def other(self) -> None:
        """Not marked."""


class Derived(Reader):
    """A program's class; nothing is known of it."""


class Anything:
    """An object that has every attribute."""

    def __getattr__(self, name: str) -> Any:
        """Return something."""
        return self


class Broken:
    """An object that fails at every attribute."""

    def __getattribute__(self, name: str) -> Any:
        """Fail."""
        raise ValueError(name)


@pytest.mark.parametrize(
    "callback",
    [marked, Reader(), Reader().observe, Derived().observe, reads_snapshot(lambda: None),
     reads_snapshot(functools.partial(plain))],
)  # fmt: skip
def test_a_marked_callback_is_recognised(callback: Callable[[], None]) -> None:
    """A function, a bound method, a lambda, a partial or an object, wherever its module is."""
    assert is_marked(callback)


@pytest.mark.parametrize(
    "callback",
    [plain, lambda: None, Reader().other, Derived(), functools.partial(marked), functools.wraps(marked)(lambda: None),
     Anything(), None],
)  # fmt: skip
def test_a_mark_is_not_handed_on(callback: object) -> None:
    """What wraps a marked callback, or inherits from one, may do anything, and so may an object that answers to all names."""
    assert not is_marked(callback)


def test_an_object_that_fails_at_everything_carries_no_mark() -> None:
    """Looking for the mark raises nothing."""
    assert not is_marked(Broken())
