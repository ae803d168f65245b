"""The scrubber of the process: the installed one, or one with every rule on. Pure."""

from __future__ import annotations

from csg_otel.privacy.scrubber import Scrubber

_installed: list[Scrubber] = []


def scrubber() -> Scrubber:
    """Return the installed scrubber; without one, a scrubber with every rule on, which knows no secrets."""
    try:
        return _installed[0]
    except IndexError:
        _installed[:] = [Scrubber()]  # two threads may both build one: the later stays
        return _installed[0]


def install(scrubber: Scrubber) -> None:
    """Make *scrubber* the scrubber of the process."""
    _installed[:] = [scrubber]
