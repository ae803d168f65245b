"""
Load the configuration: file, environment and code, merged, checked, and each value with its origin.

Precedence, per value: code > environment > file (its `environments.<name>` over its base) > default. Starts nothing and
writes nothing. The one rule: all problems are found in one go and raised together.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from csg_otel import environment
from csg_otel.config import consistency
from csg_otel.config.bind import Binder
from csg_otel.config.model import Config
from csg_otel.config.show import flatten
from csg_otel.config.sources import env, implied, otlp_env
from csg_otel.config.sources.exporter_list import CONFIGURED, exporter_overrides
from csg_otel.config.sources.substitute import Substitution, SubstitutionError, names
from csg_otel.config.tree import Node, Origin, Report, from_dotted, from_plain, merge, sorted_problems
from csg_otel.errors import ConfigError, suggestion

if TYPE_CHECKING:
    from collections.abc import Mapping

FILE: Final = "monitoring_config.yaml"
VARIABLE: Final = "CSG_OTEL_CONFIG"
ARGUMENTS: Final[Mapping[str, str]] = {
    "service_name": "service.name",
    "service_version": "service.version",
    "environment": "service.environment",
    "resource_attributes": "service.attributes",
}
"""Names that `code` may use besides dotted keys; ``exporters`` may be a list of names and URLs."""


@dataclass(frozen=True)
class Loaded:
    """
    A configuration and what is known about it.

    *origins* says for every dotted key where its value is from (``file monitoring_config.yaml:14``, ``environment:
    PROMETHEUS_PORT``, ``code: service_name``, ``default``); *locations* where it stands in the file
    (``monitoring_config.yaml:14:5``); *problems* is empty unless `load_lenient` made it; *file* is the file's name.
    """

    config: Config
    origins: Mapping[str, str] = field(default_factory=dict)
    locations: Mapping[str, str] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    file: str | None = None

    def problem(self, path: str, message: str) -> str:
        """Return *message* about the dotted key *path*, or the section it lacks in, as a located problem."""
        near = path
        while near and near not in self.locations:
            near = near[: max(near.rfind("."), near.rfind("["), 0)]
        where = self.locations.get(near)
        return f"{where}: {path}: {message}" if where else f"{path}: {message}"


def load(
    source: str | Path | Mapping[str, Any] | Config | None = None,
    *,
    environ: Mapping[str, str] | None = None,
    code: Mapping[str, Any] | None = None,
    cwd: Path | None = None,
    allow_literal_secrets: bool = False,
) -> Loaded:
    """
    Load the configuration from *source*, the environment and *code*; raises `ConfigError` with all problems.

    *source* is a path, a mapping like the file's, a `Config` (taken as it is, only *code* goes over it), or None: the
    file that ``CSG_OTEL_CONFIG`` names, else ``monitoring_config.yaml`` in *cwd* (the working directory), else none.
    *environ* None is the process's. *code* maps dotted keys, or the names in `ARGUMENTS`, to values.
    """
    loaded = load_lenient(source, environ=environ, code=code, cwd=cwd, allow_literal_secrets=allow_literal_secrets)
    if loaded.problems:
        raise ConfigError(loaded.problems)
    return loaded


def load_lenient(
    source: str | Path | Mapping[str, Any] | Config | None = None,
    *,
    environ: Mapping[str, str] | None = None,
    code: Mapping[str, Any] | None = None,
    cwd: Path | None = None,
    allow_literal_secrets: bool = False,
    unset_secrets: bool = False,
) -> Loaded:
    """
    Load as `load` does but never raise: wrong settings keep their defaults, and `problems` says what is wrong.

    *unset_secrets* is for who needs no secret, such as compilers of alert rules: one that is not set is no problem then.
    """
    given = {name: value for name, value in (environment.snapshot() if environ is None else environ).items() if value}
    report = Report()
    found = _source(source, given, cwd or Path(), report)
    arguments = _code_layer(dict(code or {}), report)
    chosen = isinstance((code or {}).get("exporters"), (list, tuple, set, frozenset, str))
    variables = {} if isinstance(source, Config) else _without_choice(given) if chosen else given
    substitute = Substitution(given, found.folder)

    base, blocks = _split_environments(found.tree, report)
    from_env = env.layer(variables, report)
    name = _environment_name((arguments, from_env, base), substitute)
    written = merge(base, blocks.get(name) if name else None)
    from_env = merge(otlp_env.layer(variables, written, report), from_env)
    for part in (base, *blocks.values(), from_env, arguments):
        Binder(report, literals=allow_literal_secrets).config(part)
    tree = merge(merge(written, from_env), _with_configured(arguments, merge(written, from_env), variables, report))
    tree = merge(implied.layer(merge(written, arguments), from_env), tree) or Node({}, Origin("default"))

    binder = Binder(report, substitute, literals=allow_literal_secrets, unset=unset_secrets)
    config = binder.config(implied.complete(tree))
    consistency.check(config, binder.nodes, report)
    warnings = (*report.warnings, *env.unknown(variables, _names(found.tree)), *_unknown_block(name, blocks))
    return Loaded(
        config=config,
        origins=_origins(config, binder.nodes),
        locations={path: node.origin.where for path, node in binder.nodes.items() if node.origin.kind == "file"},
        warnings=warnings,
        problems=sorted_problems(report.problems),
        file=found.name,
    )


@dataclass(frozen=True)
class _Found:
    tree: Node | None = None
    folder: Path = field(default_factory=Path)
    name: str | None = None


def _source(source: Any, environ: Mapping[str, str], cwd: Path, report: Report) -> _Found:
    if isinstance(source, Config):
        return _Found(from_plain(source, Origin("code", "config")), cwd)
    if hasattr(source, "items"):
        return _Found(from_plain(source, Origin("code", "config"), live=True), cwd)
    if source is None and VARIABLE in environ:
        source = environ[VARIABLE]
    elif source is None:
        if not (cwd / FILE).is_file():
            return _Found(folder=cwd)
        source = FILE
    if not isinstance(source, (str, Path)):
        report.problems[f"argument config: {type(source).__name__} is not a path, a mapping or a Config"] = None
        return _Found(folder=cwd)
    from csg_otel.config.sources.yaml_file import read_file  # YAML costs a program without a file nothing

    path = cwd / Path(source).expanduser()
    return _Found(read_file(path, str(source), report), path.parent, str(source))


def _code_layer(code: dict[str, Any], report: Report) -> Node | None:
    values: dict[str, Any] = {}
    origins: dict[str, Origin] = {}
    tree: Node | None = None
    specs = code.get("exporters")
    if isinstance(specs, (list, tuple, set, frozenset, str)):
        del code["exporters"]
        try:
            values.update(exporter_overrides([specs] if isinstance(specs, str) else list(specs)))
        except ConfigError as error:
            report.problems.update(dict.fromkeys(error.problems))
        origins.update(dict.fromkeys(values, Origin("code", "exporters")))
    for key, value in code.items():
        if value is not None:
            path = ARGUMENTS.get(key, key)
            values[path] = value
            origins[path] = Origin("code", key)
    # Keys with indexes make lists, which replace each other as a whole, so they are put together first.
    alone = [[path] for path in values if "[" not in path]
    for group in (*alone, [path for path in values if "[" in path]):
        try:
            tree = merge(tree, from_dotted({path: values[path] for path in group}, origins))
        except ConfigError as error:
            report.problems.update(dict.fromkeys(error.problems))
    return tree


def _with_configured(
    arguments: Node | None, below: Node | None, environ: Mapping[str, str], report: Report
) -> Node | None:
    """Let OTLP destinations named in code take the environment's headers, and ``otlp`` mean the configured ones."""
    listed = arguments.at("exporters", "otlp") if arguments is not None else None
    if arguments is None or listed is None or listed.origin.where != "exporters" or not isinstance(listed.value, list):
        return arguments
    shared = otlp_env.common(environ, report)
    before = below.at("exporters", "otlp") if below is not None else None
    configured = before.value if before is not None and isinstance(before.value, list) else []
    made: list[Node] = []
    for item in listed.value:
        bare = isinstance(item.value, dict) and set(item.value) == set(CONFIGURED)
        made.extend(configured if bare and configured else [merge(shared, item) or item])
    return merge(arguments, from_dotted({listed.path: listed.with_value(made)}, {listed.path: listed.origin}))


def _without_choice(environ: Mapping[str, str]) -> dict[str, str]:
    chosen = {"OTEL_TRACES_EXPORTER", "OTEL_METRICS_EXPORTER", "OTEL_LOGS_EXPORTER"}
    return {name: value for name, value in environ.items() if name not in chosen}


def _split_environments(tree: Node | None, report: Report) -> tuple[Node | None, dict[str, Node]]:
    if tree is None or not isinstance(tree.value, dict):
        return None, {}
    base = tree.with_value({key: node for key, node in tree.value.items() if key != "environments"})
    blocks = tree.get("environments")
    if blocks is None or blocks.value is None:
        return base, {}
    if not isinstance(blocks.value, dict):
        report.problem(blocks, "is not a mapping of environments (production: {section: {key: value}})")
        return base, {}
    for block in blocks.value.values():
        if (nested := block.get("environments")) is not None:
            report.problem(nested, "an environment has no environments of its own")
    return base, {name: block for name, block in blocks.value.items() if block.value is not None}


def _environment_name(layers: tuple[Node | None, ...], substitute: Substitution) -> str | None:
    for tree in layers:
        node = tree.at("service", "environment") if tree is not None else None
        if node is None or node.value is None:
            continue
        try:
            text = str(node.raw if node.raw is not None and not isinstance(node.value, str) else node.value)
            return (substitute(text) if node.live else text) or None
        except SubstitutionError:
            return None  # binding the setting reports it
    return None


def _unknown_block(name: str | None, blocks: Mapping[str, Node]) -> tuple[str, ...]:
    if not name or not blocks or name in blocks or not (hint := suggestion(name, tuple(blocks))):
        return ()
    return (f"service.environment: environments has no {name!r}{hint}",)


def _names(node: Node | None) -> set[str]:
    if node is None:
        return set()
    if isinstance(node.value, dict):
        return set().union(*(_names(child) for child in node.value.values()))
    if isinstance(node.value, list):
        return set().union(*(_names(child) for child in node.value))
    return names(node.value) if isinstance(node.value, str) else set()


def _origins(config: Config, nodes: Mapping[str, Node]) -> dict[str, str]:
    return {path: _label(nodes[path]) if path in nodes else "default" for path in flatten(config)}


def _label(node: Node) -> str:
    """Return a value's origin; a mapping put together from several has them all."""
    if isinstance(node.value, dict) and node.value:
        return ", ".join(dict.fromkeys(_label(child) for child in node.value.values()))
    return node.origin.label
