"""
Which values of a source are secrets, before their variables are replaced.

Pure. The one rule: what `credentials` takes for a credential is a secret, and so is one that was a `Secret` before.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from csg_otel.config import credentials
from csg_otel.config.sections.secret import Secret
from csg_otel.config.sources.substitute import has_form
from csg_otel.net import addresses

if TYPE_CHECKING:
    from csg_otel.config.tree import Node


def is_secret(key: str, node: Node, *, is_address: bool = False) -> bool:
    """
    Return whether the value at *node* is a secret, before its variables are replaced.

    Args:
        key: The last part of the setting's key; a key such as ``password`` makes every text a secret.
        node: The value.
        is_address: Whether it is a webhook's URL: a secret by its form (`addresses`), and if a part of it comes from a
            variable. By default it is any value, which may be or contain a URL with a password.
    """
    text = node.value
    if not isinstance(text, str):
        return isinstance(text, Secret)  # in a Config that was loaded before
    if is_address:
        return addresses.holds_secret(text) or (node.live and has_form(text))
    return credentials.sensitive(key) or credentials.in_text(text)
