"""
Visit every setting, with its key, type, default and variables.

The environment mapping, the schema and the reference are generated from this walk. The one rule: the declarations are the
only list of settings.
"""

from __future__ import annotations

import dataclasses
import types
import typing
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from csg_otel.config.root import ConfigRoot
from csg_otel.config.sections.fields import Setting, default_of, is_section, settings_of
from csg_otel.config.tree import join

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

PREFIX: Final = "CSG_OTEL_"


@dataclass(frozen=True)
class Leaf:
    """
    One setting.

    *key* is the key in the file (``[]`` is an item of a list, ``<name>`` a name that the user chooses), *kind* the type.
    *no_effect* is the reason why the setting or its section changes nothing; empty if it has an effect. *owner* and *name*
    are the dataclass and its field. *variant* is the item's type, in a list whose items are of several sections.
    """

    key: str
    kind: Any
    default: Any
    setting: Setting
    variables: tuple[str, ...]
    no_effect: str
    owner: type
    name: str
    variant: str = ""


@cache
def kinds(section: type) -> Mapping[str, Any]:
    """Return the types of the fields of *section* by name."""
    return typing.get_type_hints(section)


def without_none(kind: Any) -> Any:
    """Return *kind* without ``| None``."""
    if typing.get_origin(kind) in {types.UnionType, typing.Union}:
        rest = [part for part in typing.get_args(kind) if part is not type(None)]
        return rest[0] if len(rest) == 1 else typing.Union[tuple(rest)]  # noqa: UP007 - built at run time
    return kind


def shaped(kind: Any, value: Any) -> Any:
    """Return *kind* without ``| None``; of several alternatives those with the form of *value*: mapping, list or scalar."""
    kind = without_none(kind)
    if typing.get_origin(kind) not in {types.UnionType, typing.Union}:
        return kind
    form = "mapping" if isinstance(value, dict) else "list" if isinstance(value, list) else "scalar"
    fitting = [part for part in typing.get_args(kind) if _form(part) == form]
    scalars = [part for part in typing.get_args(kind) if _form(part) == "scalar"]
    return typing.Union[tuple(fitting or scalars)]  # noqa: UP007 - built at run time


def _form(kind: Any) -> str:
    return "mapping" if is_section(kind) else "list" if typing.get_origin(kind) is tuple else "scalar"


def is_union(kind: Any) -> bool:
    """Return whether *kind* is a union of several types."""
    return len(typing.get_args(kind)) > 1 and typing.get_origin(kind) is not typing.Literal


def has_required(section: type) -> bool:
    """Return whether a setting of *section* has no default."""
    return any(default_of(item) is dataclasses.MISSING for _, item, _ in settings_of(section))


def variants(kind: Any) -> Mapping[str, type]:
    """Return the sections of the union *kind* by the word that the setting `type` has in each; empty for other types."""
    parts = typing.get_args(without_none(kind)) if is_union(without_none(kind)) else ()
    if not parts or not all(is_section(part) for part in parts):
        return {}
    return {typing.get_args(kinds(part)["type"])[0]: part for part in parts}


def inner_section(kind: Any) -> tuple[type, str] | None:
    """Return the section inside *kind* and the suffix of its key (``""``, ``[]``, ``<name>``), or None for a value."""
    kind = without_none(kind)
    if is_section(kind):
        return kind, ""
    arguments = typing.get_args(kind)
    if typing.get_origin(kind) is tuple and is_section(arguments[0]):
        return arguments[0], "[]"
    if len(arguments) == 2 and arguments[0] is str and is_section(arguments[1]):
        return arguments[1], "<name>"
    return None


def leaves(section: type = ConfigRoot, prefix: str = "", *, fixed: bool = True, no_effect: str = "") -> Iterator[Leaf]:
    """
    Yield every setting below *section*.

    Args:
        section: The dataclass to walk; by default the root.
        prefix: The dotted key of *section*; by default empty, for the root.
        fixed: Whether the key has no ``[]`` and no ``<name>``; only then the setting has variables. By default True.
        no_effect: The reason why nothing below *section* has an effect; by default there is none.
    """
    for key, item, declared in settings_of(section):
        path = join(prefix, key)
        kind = kinds(section)[item.name]
        inside = inner_section(kind)
        reason = declared.no_effect or no_effect
        if typing.get_origin(kind) is tuple and (several := variants(typing.get_args(kind)[0])):
            for word, child in several.items():
                for leaf in leaves(child, f"{path}[]", fixed=False, no_effect=reason):
                    yield dataclasses.replace(leaf, variant=word)
            continue
        if inside is None or declared.like:
            if declared.free == "environments":
                continue
            named = fixed and declared.free != "extra" and not declared.warn
            derived = (PREFIX + path.upper().replace(".", "_"),) if named and not _is_mapping(kind) else ()
            variables = (*derived, *declared.env) if fixed else ()
            yield Leaf(path, kind, default_of(item), declared, variables, reason, section, item.name)
            continue
        child, suffix = inside
        if suffix == "<name>":
            path = join(prefix if declared.free == "names" else path, suffix)
        optional = item.default is None
        path += "[]" if suffix == "[]" else ""
        yield from leaves(child, path, fixed=fixed and not suffix and not optional, no_effect=reason)


@cache
def every() -> tuple[Leaf, ...]:
    """Return all settings of the configuration."""
    return tuple(leaves())


def _is_mapping(kind: Any) -> bool:
    origin = typing.get_origin(without_none(kind))
    return isinstance(origin, type) and issubclass(origin, typing.Mapping)
