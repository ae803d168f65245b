"""
The scrubber of a configuration: its settings, the secrets that it holds, and those of the environment.

The rule: a callback that can't be loaded is logged, and every match becomes the marker.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import fields, is_dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

from csg_otel import environment
from csg_otel.config.sections.secret import Secret
from csg_otel.privacy import Match, Options, Scrubber, keys
from csg_otel.threads import OwnThread

if TYPE_CHECKING:
    from csg_otel.config import Config

_log = logging.getLogger("csg_otel")


def make_scrubber(config: Config) -> Scrubber:
    """Return a new scrubber for *config*."""
    settings = config.scrubbing
    options = Options(
        enabled=settings.enabled,
        extra_keys=settings.extra_keys,
        extra_patterns=settings.extra_patterns,
        allow_keys=settings.allow_keys,
        personal_data=settings.personal_data,
        disabled_rules=settings.disabled_rules,
        on_match=None if settings.on_match is None else _function(settings.on_match),
    )
    variables = environment.snapshot().items()

    def secrets() -> set[str]:
        from csg_otel.privacy import secret_parts  # late, as the rules: this runs at the first text

        held = [*_secrets(config), *(value for name, value in variables if keys.secret(name, value))]
        in_addresses = (part for _, value in variables for part in secret_parts.of_address(value))
        return {*held, *in_addresses}

    return Scrubber(options, secrets, _in_background)


def _in_background(build: Callable[[], object]) -> None:
    """Run *build* on a thread; nothing in a program that ends."""
    with suppress(RuntimeError):
        OwnThread(target=build, name="csg-otel-redact").start()


def _secrets(section: Any) -> Iterator[str]:
    """Yield the text of every secret in *section*."""
    if isinstance(section, Secret):
        yield section.reveal()
    elif is_dataclass(section):
        for field in fields(section):
            yield from _secrets(getattr(section, field.name))
    elif isinstance(section, (Mapping, tuple, list)):
        for item in section.values() if isinstance(section, Mapping) else section:
            yield from _secrets(item)


def _function(reference: str) -> Callable[[Match], str | None] | None:
    """Return the function that ``module:name`` names; None and a warning if there is none."""
    module, _, name = reference.partition(":")
    try:
        function: Any = import_module(module)
        for attribute in name.split("."):
            function = getattr(function, attribute)
        if callable(function):
            return function  # type: ignore[no-any-return] # as just checked
        problem = "it is not a function"
    except Exception as error:  # noqa: BLE001 - a module of the program may raise anything
        problem = type(error).__name__
    _log.warning("scrubbing.on_match: %s can't be used (%s); matches become [redacted:rule]", reference, problem)
    return None
