"""
Settings that follow from others: a receiver's channel is on, a section for Datadog switches Datadog on, a variable Slack.

Works on trees before they become values. The one rule: an implied setting never overrides a written one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from csg_otel.config.convert import MismatchError, boolean
from csg_otel.config.sources.substitute import names
from csg_otel.config.tree import DEFAULT, Node, from_plain, join, merge

if TYPE_CHECKING:
    from csg_otel.config.tree import Origin

_OWN: Final = frozenset({"severity_filter", "enabled"})
_SHARED: Final[Mapping[str, tuple[str, ...]]] = {
    "email": ("smtp_server", "smtp_port", "use_tls", "username", "password", "from_email"),
    "slack": ("webhook_url", "username", "icon_emoji"),
}
"""What a named channel has from the one of its kind in `notifications`, if it lacks the first of these settings."""


def layer(written: Node | None, environment: Node | None) -> Node | None:
    """Return the settings that *written* (file and code) and *environment* imply."""
    implied: Node | None = None
    node = _written(environment, "notifications", "slack", "webhook_url")
    if node is not None and not _has_channel_for(node, written):
        implied = merge(implied, _tree({"notifications": {"slack": {"enabled": True}}}, node.origin))
    if (node := _written(written, "exporters", "datadog")) is not None and isinstance(node.value, dict):
        implied = merge(implied, _tree({"exporters": {"datadog": {"enabled": True}}}, node.origin))
    vendors = _written(written, "integrations", "external_monitoring")
    datadog = vendors.get("datadog") if vendors is not None else None
    if vendors is not None and datadog is not None and _on(vendors) and _on(datadog):
        implied = merge(implied, _tree({"exporters": {"datadog": {"enabled": True, "mode": "direct"}}}, datadog.origin))
        if (key := datadog.get("api_key")) is not None:
            whole = Node({"exporters": Node({"datadog": Node({"api_key": key}, key.origin)}, key.origin)}, key.origin)
            implied = merge(implied, whole)
    return implied


def _has_channel_for(url: Node, written: Node | None) -> bool:
    """
    Return whether a named channel of *written* posts what Slack's section would post to its *url*: each alert arrives once.

    A named channel that a route, an escalation or the watchdog leads to is none, and where one of these leads to the section,
    this is on. Nor is a channel of Slack whose name differs from that in the section.
    """
    led_to = _led_to(written)
    listed, own = _written(written, "notifications", "channels"), _written(written, "notifications", "slack", "channel")
    for item in listed.value if listed is not None and isinstance(listed.value, list) and "slack" not in led_to else ():
        kind, name, room, enabled = (_written(item, key) for key in ("type", "name", "channel", "enabled"))
        if kind is None or str(kind.value).strip().lower() != "slack" or (enabled is not None and not _on(item)):
            continue
        if (name is not None and str(name.value) in led_to) or (own is not None and _text(own) != _text(room)):
            continue
        text = _text(_written(item, "webhook_url"))
        if not text or text == _text(url) or names(text) == {url.origin.where}:
            return True
    return False


def _led_to(written: Node | None) -> set[str]:
    """Return the names of the channels that a route, an escalation or the watchdog of *written* leads to."""
    texts = [_text(_written(written, "notifications", "watchdog"))]
    for keys, key in ((("notifications", "routes"), "to"), (("escalation", "rules"), "target")):
        listed = _written(written, *keys)
        for item in listed.value if listed is not None and isinstance(listed.value, list) else ():
            target = _written(item, key)
            several = target.value if target is not None and isinstance(target.value, list) else [target]
            texts += map(_text, several)
    return set(texts)


def _text(node: Node | None) -> str:
    return "" if node is None or node.value is None else str(node.value)


def complete(tree: Node) -> Node:
    """Return the merged *tree* with receivers' channels and the names of OTLP destinations filled in."""
    receivers = tree.at("escalation", "receivers")
    if receivers is not None and isinstance(receivers.value, dict):
        shared = tree.get("notifications")
        completed = {name: _receiver(receiver, shared) for name, receiver in receivers.value.items()}
        tree = _replaced(tree, ("escalation", "receivers"), receivers.with_value(completed))
    shared, listed = tree.get("notifications"), tree.at("notifications", "channels")
    if shared is not None and listed is not None and isinstance(listed.value, list):
        channels = [_channel(item, shared) for item in listed.value]
        tree = _replaced(tree, ("notifications", "channels"), listed.with_value(channels))
    destinations = tree.at("exporters", "otlp")
    if destinations is not None and isinstance(destinations.value, list):
        tree = _replaced(tree, ("exporters", "otlp"), destinations.with_value(_named(destinations.value)))
    return tree


def _receiver(receiver: Node, notifications: Node | None) -> Node:
    if not isinstance(receiver.value, dict):
        return receiver
    channels: dict[str, Node] = {}
    for name, channel in receiver.value.items():
        shared = notifications.get(name) if notifications is not None else None
        if isinstance(channel.value, dict):
            inherited = dict(shared.value) if shared is not None and isinstance(shared.value, dict) else {}
            base = {key: node for key, node in inherited.items() if key not in _OWN}
            base["enabled"] = Node(True, channel.origin, join(channel.path, "enabled"))
            channel = merge(channel.with_value(base), channel) or channel  # noqa: PLW2901 - the completed one
        channels[name] = channel
    return receiver.with_value(channels)


def _channel(item: Node, notifications: Node) -> Node:
    """Return a named channel with what it has from the one of its kind: a mail server with its account, or a webhook."""
    kind = item.get("type")
    keys = _SHARED.get(str(kind.value).strip().lower() if kind is not None else "", ())
    shared = notifications.get(str(kind.value).strip().lower()) if kind is not None and keys else None
    if shared is None or not isinstance(shared.value, dict) or _written(item, keys[0]) is not None:
        return item
    inherited = {key: node for key, node in shared.value.items() if key in keys}
    return merge(item.with_value(inherited), item) or item


def _named(items: list[Node]) -> list[Node]:
    taken = {str(node.value) for item in items if (node := item.get("name")) is not None}
    named: list[Node] = []
    for item in items:
        if isinstance(item.value, dict) and item.get("name") is None:
            free = (f"otlp-{number}" if number > 1 else "otlp" for number in range(1, len(items) + len(taken) + 2))
            name = next(name for name in free if name not in taken)
            taken.add(name)
            item = item.with_value({"name": Node(name, DEFAULT), **item.value})  # noqa: PLW2901 - the named one
        named.append(item)
    return named


def _written(tree: Node | None, *keys: str) -> Node | None:
    node = tree.at(*keys) if tree is not None else None
    return node if node is not None and node.value is not None else None


def _on(section: Node) -> bool:
    enabled = section.get("enabled")
    try:
        return enabled is not None and boolean(enabled.value, "")
    except MismatchError:
        return False


def _tree(plain: dict[str, Any], origin: Origin) -> Node:
    return from_plain(plain, origin)


def _replaced(tree: Node, keys: tuple[str, ...], node: Node) -> Node:
    if not keys:
        return node
    child = tree.get(keys[0])
    return tree if child is None else tree.with_value({**tree.value, keys[0]: _replaced(child, keys[1:], node)})
