"""docs/api.md is generated from the docstrings, and every parameter of the public interface is described in one."""

from __future__ import annotations

import ast
import functools
import importlib
import inspect
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import csg_otel

DOC = Path(__file__).resolve().parents[2] / "docs" / "api.md"
MARK = "<!-- made from the docstrings by `make golden` -->\n"
SECTIONS = {
    "Start": ("instrument", "Telemetry", "ShutdownReport", "Config"),
    "Operations": ("observe",),
    "Metrics and events": (
        *("counter", "up_down_counter", "histogram", "gauge", "observable_gauge"),
        *("file", "file_processed", "cache", "observe_cache", "event", "watch_loop"),
    ),
    "Health": (
        *("health_check", "component", "maintenance", "CheckResult", "HealthStatus", "Critical", "Warn", "Measurement"),
        *("HealthMonitor", "SystemResourcesHealthCheck", "ApplicationHealthCheck", "DependencyHealthCheck"),
        *("PerformanceHealthCheck", "HealthRegistry"),
    ),
    "Classes for monitoring and alerts": ("SystemMonitor", "AlertingService", "Alert", "SentAlert"),
    "Mounting": ("asgi_app", "wsgi_app", "add_grpc_health"),
    "Errors": ("CsgOtelError", "ConfigError", "HealthDefinitionError", "InstrumentError", "MissingExtraError"),
}
"""All public names, in the order of the page."""

RETURNED = {
    "Telemetry": ("exporters.delivery.destination.DestinationStatus",),
    "observe": ("operations.operation.Operation",),
    "observable_gauge": (
        *("instruments.defined.Counter", "instruments.defined.UpDownCounter", "instruments.defined.Histogram"),
        *("instruments.defined.Gauge", "instruments.bound.BoundCounter", "instruments.bound.BoundHistogram"),
        "instruments.bound.BoundGauge",
    ),
    "cache": ("instruments.business.Cache",),
    "component": ("health.components.Component",),
    "HealthRegistry": ("health.definition.Check",),
}
"""Classes that are no public names, because only functions return them, by the name behind which the page shows them."""

UNDOCUMENTED = {"self", "cls", "target", "function"}
"""Parameters that need no description: what a decorator is put on."""

INTERNAL = {
    "Telemetry": ("__init__", "reconfigure", "reset_after_fork", "put_alert", "announce", "endpoints"),
    "Operation": ("attach", "detach", "leave", "end"),
    "Counter": ("start_at_zero",),
    "HealthRegistry": (
        "__init__",
        "configure",
        "configured",
        "running",
        "start",
        "stop",
        "reset_after_fork",
        "observe",
    ),
    "AlertingService": ("renew",),
    "SentAlert": ("__init__",),
}
"""Members that are public for other modules only, and constructors that programs do not call."""


# -- reading the sources -----------------------------------------------------------------------------------------------


@functools.cache
def _tree(path: str) -> ast.Module:
    return ast.parse(Path(path).read_text(encoding="utf-8"))


def _node(value: Any) -> Any:
    """Return the definition of *value*; of a function with overloads, the one with most parameters."""
    defined = [
        node
        for node in ast.walk(_tree(str(inspect.getsourcefile(value))))
        if getattr(node, "name", "") == value.__name__
    ]
    return max(defined, key=lambda node: len(_parameters(node)) if isinstance(node, ast.FunctionDef) else 0)


def _parameters(function: ast.FunctionDef | ast.AsyncFunctionDef) -> list[str]:
    arguments = function.args
    return [each.arg for each in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)]


def _call(function: ast.FunctionDef | ast.AsyncFunctionDef) -> str:
    """Return the parameters of *function* with their defaults, without types and without ``self``."""
    copy = ast.parse(ast.unparse(function)).body[0]
    assert isinstance(copy, (ast.FunctionDef, ast.AsyncFunctionDef))
    arguments = copy.args
    for each in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, arguments.vararg, arguments.kwarg):
        if each is not None:
            each.annotation = None
    arguments.args = [each for each in arguments.args if each.arg not in ("self", "cls")]
    return f"({ast.unparse(arguments)})"


def _members(name: str, node: ast.ClassDef) -> Iterator[Any]:
    """Yield the public methods and properties of a class, and its constructor."""
    for member in node.body:
        if isinstance(member, (ast.FunctionDef, ast.AsyncFunctionDef)):
            called = name in csg_otel.__all__ and _parameters(member) != ["self"]
            public = not member.name.startswith("_") or (member.name == "__init__" and called)
            if public and member.name not in INTERNAL.get(name, ()) and not _is_property_setter(member):
                yield member


def _is_property_setter(member: Any) -> bool:
    return any(isinstance(each, ast.Attribute) and each.attr == "setter" for each in member.decorator_list)


def _is_property(member: Any) -> bool:
    return any(getattr(each, "id", "") == "property" for each in member.decorator_list)


def _fields(node: ast.ClassDef) -> list[ast.AnnAssign]:
    """Return the fields of a dataclass."""
    if not any("dataclass" in ast.unparse(each) for each in node.decorator_list):
        return []
    return [
        each
        for each in node.body
        if isinstance(each, ast.AnnAssign) and isinstance(each.target, ast.Name) and not each.target.id.startswith("_")
    ]


# -- the page ----------------------------------------------------------------------------------------------------------


def document() -> str:
    """Return the page below the mark."""
    parts = []
    for section, names in SECTIONS.items():
        parts.append(f"\n## {section}\n")
        for name in names:
            if name not in csg_otel.__all__:
                continue
            parts.append(_entry(f"csg_otel.{name}", name, getattr(csg_otel, name)))
            for path in RETURNED.get(name, ()):
                module, _, returned = path.rpartition(".")
                parts.append(
                    _entry(returned, returned, getattr(importlib.import_module(f"csg_otel.{module}"), returned))
                )
    return "".join(parts)


def _entry(shown: str, name: str, value: Any) -> str:
    node = _node(value)
    if not isinstance(node, ast.ClassDef):
        return f"\n### `{shown}{_call(node)}`\n\n{_markdown(inspect.getdoc(value) or '')}"
    fields = _fields(node)
    call = ""
    if fields:
        call = "(" + ", ".join(ast.unparse(each.target) + _default(each) for each in fields) + ")"
    text = f"\n### `{shown}{call}`\n\n{_markdown(ast.get_docstring(node) or '')}"
    for member in _members(name, node):
        head = (
            member.name
            if _is_property(member)
            else f"{'' if member.name == '__init__' else member.name}{_call(member)}"
        )
        head = f"{name}{head}" if member.name == "__init__" else head
        text += f"\n**`{head}`** {_markdown(ast.get_docstring(member) or '')}"
    return text


def _default(field: ast.AnnAssign) -> str:
    return "" if field.value is None or "field(" in ast.unparse(field.value) else f"={ast.unparse(field.value)}"


def _markdown(text: str) -> str:
    """Return a docstring as Markdown: one line for each paragraph, parameter and error."""
    paragraphs = []
    for block in re.split(r"\n\s*\n", inspect.cleandoc(text)):
        title, _, rest = block.partition("\n")
        if title in ("Args:", "Raises:", "Attributes:"):
            items = re.split(r"\n    (?! )", f"\n{rest}")[1:]
            paragraphs.append("\n".join(_item(item, "raises " if title == "Raises:" else "") for item in items))
        else:
            paragraphs.append(_inline(block))
    return "\n\n".join(paragraphs) + "\n"


def _item(item: str, word: str) -> str:
    name, _, text = item.partition(": ")
    return f"- {word}`{name.lstrip('*')}`: {_inline(text)}"


def _inline(text: str) -> str:
    text = re.sub(r":\w+:`~?(?:[\w.]*\.)?(\w+)`", r"`\1`", " ".join(text.split()))
    text = re.sub(r"``([^`]*)``", r"`\1`", text)
    return re.sub(r"(?<![\w*`])\*(\w+)\*(?![\w*])", r"`\1`", text)


# -- the tests ---------------------------------------------------------------------------------------------------------


def test_the_page_is_current(check_generated: Callable[..., None]) -> None:
    """It is that of the docstrings."""
    check_generated(DOC, document(), begin=MARK)


def test_every_public_name_is_on_the_page() -> None:
    """A new name needs a place."""
    named = {name for names in SECTIONS.values() for name in names}

    assert set(csg_otel.__all__) - named - {"__version__"} == set()


def test_every_parameter_is_described() -> None:
    """A new option without a description fails here: each parameter is in the docstring of its function or class."""
    shown: dict[str, Any] = {name: getattr(csg_otel, name) for name in csg_otel.__all__ if name != "__version__"}
    for path in (path for paths in RETURNED.values() for path in paths):
        module, _, name = path.rpartition(".")
        shown[name] = getattr(importlib.import_module(f"csg_otel.{module}"), name)
    missing = []
    for name, value in shown.items():
        node = _node(value)
        of_class = (ast.get_docstring(node) or "") if isinstance(node, ast.ClassDef) else ""
        functions = list(_members(name, node)) if isinstance(node, ast.ClassDef) else [node]
        for function in functions:
            text = inspect.getdoc(value) if function is node else ast.get_docstring(function)
            parameters = set(_parameters(function)) - UNDOCUMENTED
            missing += [
                f"{name}.{function.name}({each}=)" for each in parameters if not _names(each, f"{text} {of_class}")
            ]
    assert sorted(missing) == []


def _names(parameter: str, text: str) -> bool:
    return bool(re.search(rf"(\*|`){parameter}(\*|`)|^\s*\**{parameter}: ", text, re.MULTILINE))
