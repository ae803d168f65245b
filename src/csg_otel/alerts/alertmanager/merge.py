"""
The merge of compiled configurations of several services, which share one Alertmanager.

Pure. Each compiled file has one route for its service, and its receivers and time intervals begin with the service's name. So a
merge puts the files side by side. A *base* is a configuration of other people: its routes come last and stay as they are.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

import yaml

from csg_otel.alerts import routing
from csg_otel.alerts.text import owners, yaml_file
from csg_otel.errors import AlertError

_NAMED: Final = ("receivers", "time_intervals")
"""The lists whose items have names."""

_LISTS: Final = (*_NAMED, "inhibit_rules")


class _Loader(yaml.SafeLoader):
    """Reads scalars as Go does: ``10:30`` is a text, not a number of base 60, and a date is a text. Other tags are errors."""


_PLAIN: Final = {f"tag:yaml.org,2002:{name}" for name in ("null", "bool", "int", "float", "str", "seq", "map")}

_Loader.yaml_constructors = {
    tag: construct for tag, construct in yaml.SafeLoader.yaml_constructors.items() if tag is None or tag in _PLAIN
}
_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if not tag.endswith((":int", ":float", ":timestamp"))]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver("tag:yaml.org,2002:int", re.compile(r"[-+]?(0|[1-9][0-9]*)$"), list("-+0123456789"))
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"[-+]?[0-9]+\.[0-9]*([eE][-+]?[0-9]+)?$"), list("-+0123456789")
)


def merge(files: Mapping[str, str], base: tuple[str, str] | None = None) -> str:
    """
    Return the configuration that contains those of all *files*. Raises AlertError with every problem.

    Args:
        files: compiled configurations by the names of their files, each of services with a name.
        base: name and text of a configuration of other people; by default an alert of no service has no receiver.
    """
    problems: list[str] = []
    merged: dict[str, Any] = {"route": {"receiver": routing.NO_RECEIVER}, "receivers": []}
    origins: dict[tuple[str, str], str] = {}
    if base is not None:
        merged = _read(*base, problems) or merged
        _claim(merged, base[0], origins)
    base_routes = merged["route"].pop("routes", None) or []
    routes: list[Any] = []
    services: dict[str, str] = {}
    relays: dict[str, str] = {}
    for name, text in files.items():
        content = _read(name, text, problems)
        if not owners(text):
            problems.append(f"{name}: is not from `csg-otel alerts compile` with a service.name; compile it first")
        elif content is not None:
            problems += [
                f"{name}: the service {service!r} is in {services[service]}, too; give one file for each service"
                for service in owners(text) or ()
                if services.setdefault(service, name) != name
            ]
            problems += _shared_relays(content, name, relays)
            routes += content["route"].get("routes") or []
            problems += _add(merged, content, name, origins)
    if problems:
        raise AlertError(problems)
    merged["route"]["routes"] = [*routes, *base_routes]
    try:
        return yaml_file(merged, *sorted(services))
    except RecursionError:
        raise AlertError(
            ["a file refers to itself by an alias of YAML, or is nested too deeply; write it flat"]
        ) from None


def _read(name: str, text: str, problems: list[str]) -> dict[str, Any] | None:
    """Return the content of *text*; None after a problem was added, because it is no configuration."""
    try:
        content = yaml.load(text, Loader=_Loader)  # noqa: S506 - a safe loader
    except (
        yaml.YAMLError,
        ValueError,
        KeyError,
        RecursionError,
    ) as error:  # PyYAML has no error of its own for `!!int x`
        problems.append(f"{name}: is not YAML: {_reason(error)}")
        return None
    if not isinstance(content, dict) or not isinstance(content.get("route"), dict):
        problems.append(f"{name}: is no configuration of Alertmanager; it has no route")
        return None
    misfits = [f"{name}: {misfit}" for misfit in _misfits(content)]
    problems += misfits
    return None if misfits else content


def _reason(error: Exception) -> str:
    """Return the reason of *error* without the line of the file, which may contain a secret."""
    if isinstance(error, yaml.MarkedYAMLError):
        mark = error.problem_mark or error.context_mark
        where = f"line {mark.line + 1}: " if mark else ""
        return f"{where}{error.problem or error.context}"
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    return "a character or a value with !! is not what it should be"


def _misfits(content: Mapping[str, Any]) -> Iterator[str]:
    """Yield in words each part that a merge reads and that has another form than Alertmanager's."""
    lists = {"route.routes": content["route"].get("routes"), **{key: content.get(key) for key in _LISTS}}
    for key, items in lists.items():
        if items is not None and not isinstance(items, list):
            yield f"{key} is no list; write its items behind dashes"
            continue
        for at, item in enumerate(items or ()):
            if not isinstance(item, dict):
                yield f"{key}[{at}] is no mapping; write its settings as key: value"
            elif key in _NAMED and (isinstance(item.get("name"), bool) or not isinstance(item.get("name"), (str, int))):
                yield f"{key}[{at}] has no name; add one"


def _shared_relays(content: Mapping[str, Any], name: str, relays: dict[str, str]) -> Iterator[str]:
    """
    Yield the relays that another service has, which would answer 404 to the notifications of this one.

    Args:
        content: a compiled configuration.
        name: name of its file.
        relays: the files of the relays so far, by their addresses.
    """
    for receiver in content.get("receivers") or ():
        path = routing.relay_path(str(receiver["name"]))
        hooks = receiver.get("webhook_configs")
        urls = [one.get("url") for one in hooks if isinstance(one, dict)] if isinstance(hooks, list) else []
        for url in (url for url in urls if isinstance(url, str) and url.endswith(path)):
            base = url.removesuffix(path)
            if relays.setdefault(base, name) != name:
                yield (
                    f"{name}: {receiver['name']!r} is sent by the relay at {base}, which is that of {relays[base]};"
                    " start a relay for each service, and compile this one with the --relay-url of its own"
                )


def _claim(content: Mapping[str, Any], name: str, origins: dict[tuple[str, str], str]) -> None:
    """Note that the receivers and time intervals of *content* are from the file *name*."""
    origins.update({(key, item["name"]): name for key in _NAMED for item in content.get(key) or ()})


def _add(
    merged: dict[str, Any], content: Mapping[str, Any], name: str, origins: dict[tuple[str, str], str]
) -> list[str]:
    """
    Add receivers, time intervals and inhibitions of *content* to *merged*, and return the problems.

    Args:
        merged: the configuration so far.
        content: a compiled configuration.
        name: name of its file.
        origins: the files of the receivers and time intervals so far, by (list, name).
    """
    problems = []
    for key in _NAMED:
        there = merged.get(key) or []
        for item in content.get(key) or ():
            same = [one for one in there if one["name"] == item["name"]]
            if same and same[0] != item:
                other = origins.get((key, item["name"]), "another file")
                problems.append(f"{name}: {item['name']!r} of {key} is something else in {other}; rename one of them")
            elif not same:
                there.append(item)
        if there:
            merged[key] = there
    _claim(content, name, origins)
    if content.get("inhibit_rules"):
        merged["inhibit_rules"] = [*(merged.get("inhibit_rules") or ()), *content["inhibit_rules"]]
    return problems
