"""
What is wrong before anybody has to be told: secrets that are not there, targets that reach nobody, silence for all.

Returns (setting, message) of a specification, and lines of an Alertmanager's file; only files of secrets are looked at. The
rule: each finding says what to do.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import yaml

from csg_otel.alerts import routing, windows
from csg_otel.alerts.alertmanager import config
from csg_otel.alerts.spec import SEVERITIES

if TYPE_CHECKING:
    from csg_otel.alerts.spec import AlertSpec, Options

Finding = tuple[str, str]

_DURATION: Final = re.compile(r"(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?(?:(\d+)ms)?")
_SECONDS: Final = (86_400, 3600, 60, 1, 0.001)
_MATCHER: Final = re.compile(r'\s*([A-Za-z_]\w*)\s*(=~|!~|!=|=)\s*"?(.*?)"?\s*', re.DOTALL)
_EVERYTHING: Final = (".*", ".+")


def secrets(spec: AlertSpec, options: Options) -> Iterator[Finding]:
    """Yield the secrets whose files are not on this machine as Alertmanager needs them."""
    for file in config.secret_files(spec, options):
        place = Path(options.secrets_dir) / file.name
        try:
            held = place.read_bytes()
        except OSError as error:
            yield file.path, f"{place} can't be read ({error.strerror}); write the secret into it, with mode 0600"
            continue
        if not held.strip():
            yield file.path, f"{place} is empty; write the secret into it"
        elif held.endswith((b"\n", b"\r")):
            yield (
                file.path,
                f"{place} ends with a newline, which Alertmanager 0.25 sends along; write it with printf %s",
            )


def escalations(spec: AlertSpec, rules: Sequence[Any]) -> Iterator[Finding]:
    """Yield escalations that tell nobody or silence everything; *rules* are the section ``escalation.rules``."""
    for at, rule in enumerate(rules):
        path = f"escalation.rules[{at}]"
        if not rule.enabled:
            continue
        if rule.condition == "time_window":
            yield from ((f"{path}.timezone", message) for message in _zone(rule.timezone))
        if rule.action == "suppress":
            silent = rule.condition == "time_window" and windows.always(rule)
            if silent and set(rule.severity_filter or SEVERITIES) == set(SEVERITIES):
                yield path, "mutes everything at all times; say start and end, days, or a severity_filter"
        elif not (rule.condition == "retry_count" and routing.to_severity(spec, rule)):
            taken = {one for _, _, severities in routing.targets(spec, rule) for one in severities}
            wanted = rule.severity_filter or routing.ESCALATED
            if not taken.intersection(wanted):
                message = f"{rule.target!r} tells nobody of {', '.join(wanted)}; give it a channel that takes them"
                yield f"{path}.target", message


def _zone(name: str) -> Iterator[str]:
    import zoneinfo

    try:
        zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        yield f"there is no time zone {name!r} here (such as Europe/Berlin, or UTC)"


def document(text: str, name: str = config.FILE) -> list[str]:
    """Return what is wrong with an Alertmanager's configuration, ours or another, each with its line."""
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        return [f"{name}: is not YAML: {' '.join(str(error).split())}"]
    if not isinstance(root, yaml.MappingNode):
        return [f"{name}:1:1: this is no configuration of Alertmanager"]
    found = [*_dangling(root), *_intervals(root), *_inhibitions(root)]
    return [f"{name}:{node.start_mark.line + 1}:{node.start_mark.column + 1}: {message}" for node, message in found]


_Located = tuple[yaml.Node, str]


def _dangling(root: yaml.Node) -> Iterator[_Located]:
    """Yield what routes name and nobody defines."""
    names = {
        key: {_text(_at(one, "name")) for one in _items(_at(root, key))} for key in ("receivers", "time_intervals")
    }
    names["time_intervals"] |= {_text(_at(one, "name")) for one in _items(_at(root, "mute_time_intervals"))}
    for route in _routes(root):
        if (given := _at(route, "receiver")) is not None and _text(given) not in names["receivers"]:
            yield given, f"there is no receiver {_text(given)!r}; add it to receivers"
        for key in ("mute_time_intervals", "active_time_intervals"):
            for given in _items(_at(route, key)):
                if _text(given) not in names["time_intervals"]:
                    yield given, f"there is no time interval {_text(given)!r}; add it to time_intervals"


def _intervals(root: yaml.Node) -> Iterator[_Located]:
    """Yield intervals so short that notifications are sent twice."""
    for route in _routes(root):
        given = _at(route, "group_interval")
        parts = _DURATION.fullmatch(_text(given)) if given is not None else None
        if given is not None and parts is not None:
            seconds = sum(int(part) * size for part, size in zip(parts.groups("0"), _SECONDS, strict=True))
            if seconds < routing.SHORTEST_INTERVAL_S:
                yield given, f"a group_interval of {_text(given)} sends notifications twice; 10s or more"


def _inhibitions(root: yaml.Node) -> Iterator[_Located]:
    """
    Yield inhibitions by which one alert can mute everything.

    Labels that source and target both lack count as equal, so one of ``equal`` must be there for certain at one of them.
    """
    for rule in _items(_at(root, "inhibit_rules")):
        equal = {_text(one) for one in _items(_at(rule, "equal"))}
        source, target = dict(_required(rule, "source")), dict(_required(rule, "target"))
        if equal:
            if not equal.intersection({"alertname", *source, *target}):
                cure = f"add the source matcher '{min(equal)}!=\"\"'"
                yield rule, f"this inhibition mutes everything that has no {' and no '.join(sorted(equal))}; {cure}"
        elif all(value in _EVERYTHING for value in target.values()):
            yield rule, "this inhibition mutes everything; say which labels must be equal: [instance]"


def _required(rule: yaml.Node, side: str) -> Iterator[tuple[str, str]]:
    """Yield the labels that the alerts on a *side* of an inhibition have for certain, with what they must be."""
    for one in _items(_at(rule, f"{side}_matchers")):
        found = _MATCHER.fullmatch(_text(one))
        if found and not _empty_matches(found[2], found[3]):
            yield found[1], found[3]
    for key in (f"{side}_match", f"{side}_match_re"):
        given = _at(rule, key)
        if isinstance(given, yaml.MappingNode):
            yield from ((_text(label), _text(value)) for label, value in given.value if _text(value))


def _empty_matches(operator: str, value: str) -> bool:
    """Tell whether a label that is missing, so empty, meets a matcher."""
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
