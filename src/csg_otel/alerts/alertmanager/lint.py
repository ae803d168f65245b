"""
Mistakes in an Alertmanager's files: secrets that it can't read, routes without a receiver, inhibitions that mute everything.

Reads the secret files, and nothing else. Each finding contains a correction. A finding about a secret is the dotted key of a
setting and a message; a finding about a configuration is a line with its position.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

import yaml

from csg_otel import regular_file
from csg_otel.alerts import routing
from csg_otel.alerts.alertmanager import config

if TYPE_CHECKING:
    from csg_otel.alerts.compilers import Options
    from csg_otel.alerts.lint import Finding
    from csg_otel.alerts.model import AlertSpec

_DURATION: Final = re.compile(r"(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?(?:(\d+)ms)?")
_SECONDS: Final = (86_400, 3600, 60, 1, 0.001)
_MATCHER: Final = re.compile(r'\s*([A-Za-z_]\w*)\s*(=~|!~|!=|=)\s*"?(.*?)"?\s*', re.DOTALL)
_EVERYTHING: Final = (".*", ".+")


def secrets(spec: AlertSpec, options: Options) -> Iterator[Finding]:
    """Yield a finding for each secret file that Alertmanager can't use: missing, empty, or with a newline at its end."""
    for secret in config.secret_files(spec, options):
        file = Path(options.secrets_dir) / secret.name
        try:
            content = regular_file.read(file, regular_file.MAX_SECRET_BYTES)
        except OSError as error:
            yield secret.path, f"{file} can't be read ({error.strerror}); write the secret into it, with mode 0600"
            continue
        if not content.strip():
            yield secret.path, f"{file} is empty; write the secret into it"
        elif content.endswith((b"\n", b"\r")):
            yield (
                secret.path,
                f"{file} ends with a newline, which Alertmanager 0.25 sends as part of the secret; write it with printf %s",
            )


def document(text: str, name: str = config.FILE) -> list[str]:
    """Return the findings about an Alertmanager's configuration, compiled or written by hand, each with its position."""
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        return [f"{name}: is not YAML: {' '.join(str(error).split())}"]
    if not isinstance(root, yaml.MappingNode):
        return [f"{name}:1:1: this is not a configuration of Alertmanager; give the file that it was started with"]
    findings = [*_dangling(root), *_intervals(root), *_inhibitions(root)]
    return [f"{name}:{node.start_mark.line + 1}:{node.start_mark.column + 1}: {message}" for node, message in findings]


_Located = tuple[yaml.Node, str]


def _dangling(root: yaml.Node) -> Iterator[_Located]:
    """Yield a finding for each name that a route uses and no section defines."""
    names = {
        key: {_text(_at(item, "name")) for item in _items(_at(root, key))} for key in ("receivers", "time_intervals")
    }
    names["time_intervals"] |= {_text(_at(item, "name")) for item in _items(_at(root, "mute_time_intervals"))}
    for route in _routes(root):
        if (receiver := _at(route, "receiver")) is not None and _text(receiver) not in names["receivers"]:
            yield receiver, f"there is no receiver {_text(receiver)!r}; add it to receivers"
        for key in ("mute_time_intervals", "active_time_intervals"):
            for interval in _items(_at(route, key)):
                if _text(interval) not in names["time_intervals"]:
                    yield interval, f"there is no time interval {_text(interval)!r}; add it to time_intervals"


def _intervals(root: yaml.Node) -> Iterator[_Located]:
    """Yield a finding for each group interval that is so short that Alertmanager sends notifications twice."""
    for route in _routes(root):
        interval = _at(route, "group_interval")
        numbers = _DURATION.fullmatch(_text(interval)) if interval is not None else None
        if interval is not None and numbers is not None:
            seconds = sum(int(count) * size for count, size in zip(numbers.groups("0"), _SECONDS, strict=True))
            if seconds < routing.SHORTEST_INTERVAL_S:
                yield (
                    interval,
                    f"a group_interval of {_text(interval)} sends notifications twice; set it to 10s or more",
                )


def _inhibitions(root: yaml.Node) -> Iterator[_Located]:
    """
    Yield a finding for each inhibition by which one alert can mute everything.

    Alertmanager takes a label that both alerts lack as equal. So the matchers of one side must require at least one label of
    ``equal``.
    """
    for rule in _items(_at(root, "inhibit_rules")):
        equal = {_text(label) for label in _items(_at(rule, "equal"))}
        source, target = dict(_required(rule, "source")), dict(_required(rule, "target"))
        if equal:
            if not equal.intersection({"alertname", *source, *target}):
                cure = f"add the source matcher '{min(equal)}!=\"\"'"
                yield rule, f"this inhibition mutes everything that has no {' and no '.join(sorted(equal))}; {cure}"
        elif all(value in _EVERYTHING for value in target.values()):
            yield rule, "this inhibition mutes everything; list the labels that must be equal, such as [instance]"


def _required(rule: yaml.Node, side: str) -> Iterator[tuple[str, str]]:
    """Yield the labels that the matchers of one *side* (``source`` or ``target``) require, each with the matcher's value."""
    for item in _items(_at(rule, f"{side}_matchers")):
        matcher = _MATCHER.fullmatch(_text(item))
        if matcher and not _matches_missing(matcher[2], matcher[3]):
            yield matcher[1], matcher[3]
    for key in (f"{side}_match", f"{side}_match_re"):
        labels = _at(rule, key)
        if isinstance(labels, yaml.MappingNode):
            yield from ((_text(label), _text(value)) for label, value in labels.value if _text(value))


def _matches_missing(operator: str, value: str) -> bool:
    """Return whether a missing label, whose value is empty, meets a matcher."""
    if operator in ("=", "!="):
        return (value == "") == (operator == "=")
    try:
        return (re.fullmatch(value, "") is not None) == (operator == "=~")
    except re.error:
        return True


def _routes(root: yaml.Node) -> Iterator[yaml.Node]:
    """Yield every route, outermost first."""
    waiting = [_at(root, "route")]
    while waiting:
        route = waiting.pop(0)
        if route is not None:
            yield route
            waiting.extend(_items(_at(route, "routes")))


def _at(node: yaml.Node | None, key: str) -> yaml.Node | None:
    if not isinstance(node, yaml.MappingNode):
        return None
    return next((value for name, value in node.value if _text(name) == key), None)


def _items(node: yaml.Node | None) -> list[yaml.Node]:
    return node.value if isinstance(node, yaml.SequenceNode) else []


def _text(node: yaml.Node | None) -> str:
    return str(node.value) if isinstance(node, yaml.ScalarNode) else ""
