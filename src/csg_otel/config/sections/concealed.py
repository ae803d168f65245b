"""
Sections that a program makes itself: their texts that are secrets are hidden from the start.

Pure. The types of the settings decide, and for headers and parameters their names, as for a file. The one rule: a section
with a setting that may be a secret inherits from `WithSecrets`.
"""

from __future__ import annotations

import types
import typing
from collections.abc import Mapping
from functools import cache
from typing import Any

from csg_otel.config import credentials
from csg_otel.config.sections.fields import is_section, settings_of
from csg_otel.config.sections.printed import Printed
from csg_otel.config.sections.secret import Address, Secret, SecretUrl
from csg_otel.config.sections.section import section
from csg_otel.net import addresses


@section(frozen=True, kw_only=True)
class WithSecrets(Printed):
    """A section in which what is a secret is a `Secret`, also where a program passes text, in a container or not."""

    def __post_init__(self) -> None:
        """Hide the texts that are secrets."""
        section: type = type(self)
        for name, kind in _secret_settings(section):
            if value := getattr(self, name):
                object.__setattr__(self, name, _hidden(kind, value, ""))


@cache
def _secret_settings(section: type) -> tuple[tuple[str, Any], ...]:
    """Return name and type of each setting of *section* that may be a secret or hold some."""
    kinds = typing.get_type_hints(section)
    return tuple(
        (item.name, kinds[item.name])
        for _, item, declared in settings_of(section)
        if declared.free == "extra" or may_be_secret(kinds[item.name])
    )


@cache
def may_be_secret(kind: Any) -> bool:
    """Return whether a setting of the type *kind*, or a setting of the section *kind*, may be a secret or hold some."""
    if is_section(kind):
        nested = typing.get_type_hints(kind)
        return bool(_secret_settings(kind)) or any(may_be_secret(nested[item.name]) for _, item, _ in settings_of(kind))
    if isinstance(kind, type) and typing.get_origin(kind) is None:  # for Python 3.10 tuple[str] is a type, too
        return issubclass(kind, Secret)
    return any(may_be_secret(part) for part in typing.get_args(kind) if part is not ... and part is not None)


def _hidden(kind: Any, value: Any, key: str) -> Any:
    """
    Return *value* with secrets in place of the texts that are secrets.

    Args:
        kind: The type of the setting, or of an item in it.
        value: The value.
        key: The name of a header or of a parameter; empty for other values.
    """
    if isinstance(value, str):
        return _hidden_text(kind, value, key)
    if isinstance(value, Mapping):
        inner = typing.get_args(kind)[1] if _is_mapping(kind) else Any
        return {name: _hidden(inner, item, str(name)) for name, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return tuple(_hidden(_item_kind(kind), item, key) for item in value)
    return value


def _hidden_text(kind: Any, text: str, key: str) -> str | Secret:
    """Return *text* as the `Secret` that it is; unchanged if it is none. The arguments are those of `_hidden`."""
    kind = _item_kind(kind)
    alternatives = set(typing.get_args(kind)) - {type(None)} if isinstance(kind, types.UnionType) else {kind}
    if alternatives == set(typing.get_args(Address)):
        return SecretUrl(text) if addresses.holds_secret(text) else text
    if key or alternatives not in ({Secret}, {str, Secret}):  # a header, a parameter, a target
        # A text in place of a whole mapping of headers is a mistake that is reported, without the text.
        return hidden_parameter(text, is_secret=credentials.sensitive(key) or _is_mapping(kind))
    is_secret = alternatives == {Secret} or addresses.holds_secret(text)
    return Secret(text) if is_secret else text


def hidden_parameter(text: str, *, is_secret: bool) -> str | Secret:
    """Return the *text* of a header, a parameter or a target; as a secret if it *is_secret* by its name, or by its form."""
    if is_secret or credentials.in_text(text):
        return Secret(text)
    return SecretUrl(text) if addresses.is_web(text) and addresses.holds_secret(text) else text


def _is_mapping(kind: Any) -> bool:
    origin = typing.get_origin(kind)
    return isinstance(origin, type) and issubclass(origin, Mapping)


def _item_kind(kind: Any) -> Any:
    """Return the type of the items of a list; other types unchanged."""
    return typing.get_args(kind)[0] if typing.get_origin(kind) is tuple else kind
