"""
The page's modules as one script: a browser draws the page after three requests, not thirty. Pure.

The modules are ECMAScript modules whose imports and exports stand on lines of their own. Joined, each is a function that runs
once, after those that it imports from; what it exports is what the function returns.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable
from typing import Final

_IMPORT: Final = re.compile(r'^import (?:\* as (\w+)|(\{[^}]+\})) from "([^"]+)";$', re.MULTILINE)
_EXPORT: Final = re.compile(r"^export ((?:async )?function|class|const) (\w+)", re.MULTILINE)


def joined_modules(start: str, read: Callable[[str], str]) -> str:
    """
    Return the module *start* and all that it imports from as one script.

    Args:
        start: A path such as ``js/main.js``.
        read: Returns the text of the module at a path.
    """
    modules: dict[str, str] = {}
    _add(start, read, modules)
    return "\n".join(('"use strict";', "const modules = {};", *modules.values(), ""))


def _add(path: str, read: Callable[[str], str], modules: dict[str, str]) -> None:
    """Add the module at *path* after those that it needs; they need no module that needs them."""
    text = read(path)
    folder = posixpath.dirname(path)

    def imported(match: re.Match[str]) -> str:
        name, names, reference = match.groups()
        source = posixpath.normpath(posixpath.join(folder, reference))
        if source not in modules:
            _add(source, read, modules)
        return f'const {name or names.replace(" as ", ": ")} = modules["{source}"];'

    exports = ", ".join(name for _, name in _EXPORT.findall(text))
    body = _EXPORT.sub(r"\1 \2", _IMPORT.sub(imported, text))
    modules[path] = f'modules["{path}"] = (() => {{\n{body}return {{ {exports} }};\n}})();'
