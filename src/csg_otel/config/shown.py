"""
The text of a value in a message.

Pure. The one rule: it is the text in the source, never the content of a variable or a file, and never a secret.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from csg_otel.config import convert, credentials
from csg_otel.config.sections.concealed import may_be_secret

if TYPE_CHECKING:
    from csg_otel.config.tree import Node


def shown(node: Node, wanted: Any = None) -> str:
    """
    Return the text of *node* for a message: the text in the source, never the content of a variable or a file.

    It is left out in place of a list, mapping or section of the type *wanted* that may be or hold a secret.
    """
    if isinstance(node.value, str) and may_be_secret(wanted):
        return "the text"
    if isinstance(node.value, (dict, list)):
        return "a mapping" if isinstance(node.value, dict) else "a list"
    if node.source is not None:
        return f"the value of {convert.show(node.source)}"
    if node.raw is not None and not isinstance(node.value, str):
        return convert.short(node.raw)
    return credentials.printable_text(convert.show(node.value))
