"""
Load the configuration: file, environment and code, merged, checked, and each value with its origin.

Precedence, per value: code > environment > file (its `environments.<name>` over its base) > default. Starts nothing and
writes nothing. The one rule: one pass finds all problems, and they are raised together.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from csg_otel import environment
from csg_otel.config import consistency, severities
from csg_otel.config.bind import Binder
from csg_otel.config.root import ConfigRoot
from csg_otel.config.sections.exporters import OtlpExporter
from csg_otel.config.show import flatten
from csg_otel.config.sources import code as code_source
from csg_otel.config.sources import env, environments, foreign, implied, otlp_env, sdk_env, spellings
from csg_otel.config.sources.substitute import Substitution, expanded, names
from csg_otel.config.tree import Node, Origin, Report, from_plain, merge, sorted_problems
from csg_otel.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

FILE: Final = "monitoring_config.yaml"
VARIABLE: Final = "CSG_OTEL_CONFIG"


class Config(ConfigRoot):
    """Every setting with its value, and the ways to load one."""

    @classmethod
    def get_default(cls) -> Config:
        """Return the defaults with the environment over them, and no file; raises `ConfigError` for bad variables."""
        return load({}).config

    @classmethod
    def load(cls, path: str | Path) -> Config:
        """Return the settings of the file *path* with the environment over them; raises `ConfigError`."""
        return load(path).config


@dataclass(frozen=True)
class Loaded:
    """
    A configuration with its origins and problems.

    *origins* holds the origin of the value of every dotted key (``file monitoring_config.yaml:14``, ``environment:
    PROMETHEUS_PORT``, ``code: service_name``, ``default``); *locations* the place in the file
    (``monitoring_config.yaml:14:5``); *problems* is empty unless `load_lenient` returned it; *file* is the file's name.
    """

    config: Config
    origins: Mapping[str, str] = field(default_factory=dict)
    locations: Mapping[str, str] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    file: str | None = None

    def problem(self, path: str, message: str) -> str:
        """Return *message* about the dotted key *path*, with the place of the key, or else of its section, in the file."""
        nearest = path
        while nearest and nearest not in self.locations:
            nearest = nearest[: max(nearest.rfind("."), nearest.rfind("["), 0)]
        where = self.locations.get(nearest)
        return f"{where}: {path}: {message}" if where else f"{path}: {message}"


def given(config: Config | str | Path | Mapping[str, Any] | None) -> Config | None:
    """Return the *config* that a program has given to one of its classes, loaded; None for none. Raises ConfigError."""
    return config if config is None or isinstance(config, Config) else load(config).config


def load(
    source: str | Path | Mapping[str, Any] | Config | None = None,
    *,
    environ: Mapping[str, str] | None = None,
    code: Mapping[str, Any] | None = None,
    cwd: Path | None = None,
    strict: bool = False,
) -> Loaded:
    """
    Load the configuration from *source*, the environment and *code*; raises `ConfigError` with all problems.

    Args:
        source: A path, a mapping with the keys of the file, or a `Config` (taken as it is; only *code* goes over it).
            By default the file that ``CSG_OTEL_CONFIG`` names, else ``monitoring_config.yaml`` in *cwd*, else none.
        environ: The environment; by default the process's.
        code: Values by dotted key, or by a name of `csg_otel.config.sources.code.ARGUMENTS`.
        cwd: The folder of relative paths; by default the working directory.
        strict: Secrets that stand in the file are problems, as they are in production; by default they are warnings.
    """
    loaded = load_lenient(source, environ=environ, code=code, cwd=cwd, strict=strict)
    if loaded.problems:
        raise ConfigError(loaded.problems)
    return loaded


def load_lenient(
    source: str | Path | Mapping[str, Any] | Config | None = None,
    *,
    environ: Mapping[str, str] | None = None,
    code: Mapping[str, Any] | None = None,
    cwd: Path | None = None,
    strict: bool = False,
    unset_secrets: bool = False,
) -> Loaded:
    """
    Load as `load` does but never raise: a wrong setting keeps its default, and `Loaded.problems` holds the problems.

    Args:
        source: As for `load`.
        environ: As for `load`.
        code: As for `load`.
        cwd: As for `load`.
        strict: As for `load`.
        unset_secrets: Accept secrets whose variable is not set; for callers that need none, such as rule compilers.
    """
    environ = environment.snapshot() if environ is None else environ
    environ = {name: value for name, value in environ.items() if value}
    report = Report()
    read = _read(source, environ, cwd or Path(), report)
    variables: Mapping[str, str] = {}
    if not isinstance(source, Config):
        hidden = otlp_env.CHOICES if code_source.names_exporters(code or {}) else ()
        variables = {name: value for name, value in environ.items() if name not in hidden}
        variables = foreign.without_misfits(variables, report)
    options = {"strict": strict, "unset": unset_secrets}
    sources = _Sources(read, dict(code or {}), Substitution(environ, read.folder), report, options)
    bound, ignored = foreign.settle(variables, sources.bind)
    config, nodes = bound.config, bound.nodes
    others = (*sdk_env.warnings(environ), *env.unknown(variables, _variables(read.tree)))
    return Loaded(
        config=config,
        origins={path: _label(nodes[path]) if path in nodes else "default" for path in flatten(config)},
        locations={path: node.origin.where for path, node in nodes.items() if node.origin.kind == "file"},
        warnings=(*ignored, *bound.report.warnings, *others),
        problems=sorted_problems(bound.report.problems),
        file=read.name,
    )


@dataclass(frozen=True)
class _Bound:
    """A configuration, the node of each of its settings by dotted key, and the report about both."""

    config: Config
    nodes: Mapping[str, Node]
    report: Report


@dataclass(frozen=True)
class _Sources:
    """The sources of settings beside the environment, and the options of the binder."""

    read: _Read
    code: Mapping[str, Any]
    substitute: Substitution
    report: Report
    """The report about reading these sources."""
    options: Mapping[str, bool]

    def bind(self, variables: Mapping[str, str]) -> _Bound:
        """Return the configuration with *variables* as its environment."""
        report = Report(dict(self.report.problems), dict(self.report.warnings))
        file = spellings.settle(Config, self.read.tree, report)
        base, blocks = environments.split(file, report)
        layers = _Layers(code_source.layer(self.code, report), env.layer(variables, report), base, blocks)
        chosen = environments.name((layers.code, layers.environment, base), self.substitute)
        if chosen is None and (picked := environments.picked(blocks, variables)) is not None:
            layers = replace(layers, base=merge(picked, base))
            chosen = environments.name((layers.base,), self.substitute)
        environments.warn_of_misspelt(chosen, blocks, report)
        strict = self.options["strict"] or chosen in consistency.PRODUCTION
        parts = (layers.base, *layers.blocks.values(), layers.environment, layers.code)
        words = severities.words(parts, self.substitute)
        tree = _merged(layers, chosen, variables, Binder(report, strict=strict, severities=words))
        binder = Binder(report, self.substitute, strict=strict, unset=self.options["unset"], severities=words)
        config: Config = binder.section(Config, implied.complete(tree), "") or Config()
        consistency.check(config, binder.nodes, report)
        return _Bound(config, binder.nodes, report)


@dataclass(frozen=True)
class _Layers:
    """The settings of each source before they are merged; None where a source gives none."""

    code: Node | None
    environment: Node | None
    base: Node | None
    """The file without its blocks for environments."""
    blocks: Mapping[str, Node]


def _merged(layers: _Layers, chosen: str | None, variables: Mapping[str, str], binder: Binder) -> Node:
    """
    Return all settings as one tree, by precedence.

    Args:
        layers: The settings of code, environment and file.
        chosen: The name of the environment.
        variables: The environment variables; those of OpenTelemetry for OTLP change destinations of the file.
        binder: Checks each layer alone, so that a wrong value is a problem even where another source overrides it.
    """
    report = binder.report
    from_file = merge(layers.base, layers.blocks.get(chosen) if chosen else None)
    from_env = merge(otlp_env.layer(variables, from_file, report), layers.environment)
    for part in (layers.base, *layers.blocks.values(), from_env, layers.code):
        binder.section(Config, part, "")
    for part in otlp_env.parts(variables, report):  # they are no part of *from_env* where they describe no destination
        binder.section(OtlpExporter, part, otlp_env.OTLP)
    without_code = merge(from_file, from_env)
    tree = merge(without_code, code_source.complete(layers.code, without_code, variables, report))
    return merge(implied.layer(merge(from_file, layers.code), from_env), tree) or Node({}, Origin("default"))


@dataclass(frozen=True)
class _Read:
    """A source as a tree, the folder its relative paths start at, and its file's name."""

    tree: Node | None = None
    folder: Path = field(default_factory=Path)
    name: str | None = None


def _read(source: Any, environ: Mapping[str, str], cwd: Path, report: Report) -> _Read:
    """
    Return *source* as a tree.

    Args:
        source: As for `load`.
        environ: The variables that are set.
        cwd: The folder of relative paths.
        report: Receives the problems.
    """
    if isinstance(source, Config):
        return _Read(from_plain(source, Origin("code", "config")), cwd)
    if hasattr(source, "items"):
        return _Read(from_plain(source, Origin("code", "config"), live=True), cwd)
    if source is None and VARIABLE in environ:
        source = environ[VARIABLE]
    elif source is None:
        if not (cwd / FILE).is_file():
            return _Read(folder=cwd)
        source = FILE
    if not isinstance(source, (str, Path)):
        kind = f"{type(source).__module__}.{type(source).__qualname__}"
        report.problems[
            f"argument config: an object of {kind} is not a path, a mapping or a csg_otel.Config; leave config= out to use "
            f"{FILE} and the environment, or give the path of a file"
        ] = None
        return _Read(folder=cwd)
    from csg_otel.config.sources.yaml_file import read_file  # a program without a file need not load YAML

    path = cwd / expanded(str(source))
    return _Read(read_file(path, str(source), report), path.parent, str(source))


def _variables(node: Node | None) -> set[str]:
    """Return the names of the variables that the texts below *node* refer to."""
    if node is None:
        return set()
    if isinstance(node.value, dict):
        return set().union(*(_variables(child) for child in node.value.values()))
    if isinstance(node.value, list):
        return set().union(*(_variables(child) for child in node.value))
    return names(node.value) if isinstance(node.value, str) else set()


def _label(node: Node) -> str:
    """Return a value's origin; a mapping that was merged from several sources has the origins of all."""
    if isinstance(node.value, dict) and node.value:
        return ", ".join(dict.fromkeys(_label(child) for child in node.value.values()))
    return node.origin.label
