"""The section `health_monitoring`: the health checks, their groups and how they are run."""

from collections.abc import Mapping
from dataclasses import field
from typing import Any, Literal

from csg_otel.config.sections.concealed import WithSecrets
from csg_otel.config.sections.fields import setting
from csg_otel.config.sections.printed import Printed
from csg_otel.config.sections.secret import Secret
from csg_otel.config.sections.section import section

Target = str | Secret | Mapping[str, Any]
"""A check's target: a URL, a path or ``host:port``, or a mapping with more keys of the check's type."""


@section(frozen=True, kw_only=True)
class SystemResources(Printed):
    """Checks of the host: CPU, memory, disk and load."""

    enabled: bool = setting(True, "Run the checks of the host's resources.")
    cpu_warning_threshold: float = setting(80.0, "CPU use above which the state is WARNING.", unit="%", low=0, high=100)
    cpu_critical_threshold: float = setting(
        95.0, "CPU use above which the state is CRITICAL.", unit="%", low=0, high=100
    )
    memory_warning_threshold: float = setting(
        80.0, "Memory use above which the state is WARNING.", unit="%", low=0, high=100
    )
    memory_critical_threshold: float = setting(
        95.0, "Memory use above which the state is CRITICAL.", unit="%", low=0, high=100
    )
    disk_warning_threshold: float = setting(
        85.0, "Use of a disk, space or inodes, above which the state is WARNING.", unit="%", low=0, high=100
    )
    disk_critical_threshold: float = setting(
        95.0, "Use of a disk, space or inodes, above which the state is CRITICAL.", unit="%", low=0, high=100
    )
    load_warning_threshold: float = setting(
        2.0, "Load average of 5 minutes, per CPU, above which the state is WARNING.", low=0
    )
    load_critical_threshold: float = setting(
        5.0, "Load average of 5 minutes, per CPU, above which the state is CRITICAL.", low=0
    )
    mounts: tuple[str, ...] = setting((), "Mount points to check; by default every real file system.")
    interval: float | None = setting(None, "Time between runs; by default `check_interval`.", unit="s", above=0)
    timeout: float | None = setting(
        None, "Deadline of one run; by default `health_monitoring.timeout`.", unit="s", above=0
    )


@section(frozen=True, kw_only=True)
class Application(Printed):
    """Checks of the program: its modules, models, configuration, and a function that proves that it works."""

    enabled: bool = setting(True, "Run the checks of the application.")
    memory_limit_mb: float | None = setting(
        None, "Resident memory above which the state is CRITICAL.", unit="MB", above=0
    )
    response_time_threshold_ms: float = setting(1000.0, "Time the functional check may take.", unit="ms", above=0)
    modules: tuple[str, ...] = setting((), "Modules that must be importable; a separate process imports them.")
    nlp_models: tuple[str, ...] = setting((), "spaCy models, by name or path, that must load.")
    functional: str | None = setting(
        None, "`module:function` whose success proves that the application works.", free="function"
    )
    required_variables: tuple[str, ...] = setting(
        (), "Environment variables that must be set; only their names are shown."
    )
    interval: float | None = setting(None, "Time between runs; by default `check_interval`.", unit="s", above=0)
    timeout: float | None = setting(
        None, "Deadline of one run; by default `health_monitoring.timeout`.", unit="s", above=0
    )


@section(frozen=True, kw_only=True)
class Dependencies(WithSecrets):
    """Checks of the program's dependencies: services, files, packages, databases."""

    enabled: bool = setting(True, "Run the checks of dependencies.")
    check_apis: bool = setting(True, "Run the checks of `apis`.")
    check_filesystem: bool = setting(True, "Run the checks of `paths`.")
    check_python_environment: bool = setting(True, "Check the Python version and the installed packages.")
    apis: tuple[Target, ...] = setting(
        (), "HTTP services: a URL, or a mapping with `url` and the keys of a check of type http."
    )
    paths: tuple[Target, ...] = setting((), "Directories that must be writable.")
    databases: tuple[Target, ...] = setting((), "Database URLs, or mappings; a URL with a password is a secret.")
    tcp: tuple[Target, ...] = setting((), "`host:port` that must accept connections.")
    dns: tuple[Target, ...] = setting((), "Host names that must resolve.")
    tls: tuple[Target, ...] = setting((), "`host:port` whose certificate must be valid.")
    packages: tuple[str, ...] = setting((), "Packages that must be installed, as requirement specifiers (`PyYAML>=6`).")
    interval: float | None = setting(None, "Time between runs; by default `check_interval`.", unit="s", above=0)
    timeout: float | None = setting(
        None, "Deadline of one run; by default `health_monitoring.timeout`.", unit="s", above=0
    )


@section(frozen=True, kw_only=True)
class PerformanceChecks(Printed):
    """Checks of the program's performance."""

    enabled: bool = setting(True, "Run the checks of performance.")
    processing_time_threshold_ms: float = setting(
        5000.0, "Time the benchmark may take; the median of its runs counts.", unit="ms", above=0
    )
    memory_growth_threshold_mb: float | None = setting(
        None, "Growth of resident memory per minute above which the state is WARNING.", unit="MB", above=0
    )
    memory_growth_threshold_mb_per_hour: float | None = setting(
        None,
        "The same per hour, for slow leaks; of both, the lower counts. By default 100 where none of them is given.",
        unit="MB",
        above=0,
    )
    benchmark: str | None = setting(
        None, "`module:function` whose time is measured; by default a small computation.", free="function"
    )
    interval: float | None = setting(None, "Time between runs; by default `check_interval`.", unit="s", above=0)
    timeout: float | None = setting(
        None, "Deadline of one run; by default `health_monitoring.timeout`.", unit="s", above=0
    )


@section(frozen=True, kw_only=True)
class CheckDefinition(WithSecrets):
    """A check with a name of your own; every other key is a parameter of its type."""

    type: str = setting(
        doc="The kind of check: http, tcp, dns, tls, database, redis, filesystem, imports, nlp_model, function, ...",
    )
    category: str | None = setting(
        None,
        "`system`, `application`, `dependency`, `performance`, or a word of your own; by default the type's category.",
    )
    groups: tuple[str, ...] = setting(
        (), "Groups it counts in, besides the overall state: `liveness`, `readiness`, `startup`."
    )
    critical: bool = setting(
        True, "Whether its failure makes its groups CRITICAL; with `false` they are WARNING at most."
    )
    interval: float | None = setting(None, "Time between runs; by default `check_interval`.", unit="s", above=0)
    timeout: float | None = setting(
        None, "Deadline of one run; by default `health_monitoring.timeout`.", unit="s", above=0
    )
    failure_threshold: int | None = setting(
        None, "Failures in a row before it counts as failed; by default `health_monitoring.failure_threshold`.", low=1
    )
    success_threshold: int | None = setting(
        None,
        "Successes in a row before it counts as healthy again; by default `health_monitoring.success_threshold`.",
        low=1,
    )
    failure_status: Literal["warning", "critical"] = setting(
        "critical", "The state that a failure results in.", noun="failure status"
    )
    stale_after: float | None = setting(
        None, "Age from which a result counts as UNKNOWN; by default 2 x interval + timeout.", unit="s", above=0
    )
    depends_on: tuple[str, ...] = setting(
        (), "Names of checks; while one of them is CRITICAL, this check is skipped and UNKNOWN."
    )
    enabled: bool = setting(True, "Run this check.")
    parameters: Mapping[str, Any] = setting(
        dict, "Parameters of its type; usually they are written beside the other keys.", free="extra"
    )
    location: str = field(default="", compare=False)


@section(frozen=True, kw_only=True)
class Checks(Printed):
    """Four sections of built-in checks, and checks of your own by name."""

    system_resources: SystemResources = setting(SystemResources, "The host: CPU, memory, disk and load.")
    application: Application = setting(Application, "The program itself.")
    dependencies: Dependencies = setting(Dependencies, "The program's dependencies.")
    performance: PerformanceChecks = setting(PerformanceChecks, "The program's performance.")
    custom: Mapping[str, CheckDefinition] = setting(dict, "Any other name: a check of your own.", free="names")


@section(frozen=True, kw_only=True)
class Group(Printed):
    """A change to a group; besides it, a check may list the group itself."""

    include: tuple[str, ...] = setting((), "Checks to add, by name.")
    exclude: tuple[str, ...] = setting((), "Checks to leave out, by name.")


@section(frozen=True, kw_only=True)
class Groups(Printed):
    """The groups of checks that the probes of Kubernetes request."""

    liveness: Group = setting(Group, "`/livez`: a failure restarts the process.")
    readiness: Group = setting(Group, "`/readyz`: a failure stops new requests.")
    startup: Group = setting(Group, "`/startupz`: a failure makes Kubernetes wait for the start.")


@section(frozen=True, kw_only=True)
class HealthMonitoring(Printed):
    """Health checks: the checks, their interval, and the number of failures that counts."""

    enabled: bool = setting(True, "Run health checks.", env=("ENABLE_HEALTH_MONITORING",))
    check_interval: float = setting(
        30.0, "Time between two runs of a check.", unit="s", above=0, env=("HEALTH_CHECK_INTERVAL",)
    )
    timeout: float = setting(5.0, "Deadline of one run of a check.", unit="s", above=0)
    checks: Checks = setting(Checks, "The checks.")
    groups: Groups = setting(Groups, "The checks behind each probe.")
    failure_threshold: int = setting(1, "Failures in a row before a check counts as failed.", low=1)
    success_threshold: int = setting(1, "Successes in a row before a failed check counts as healthy again.", low=1)
    stale_after: float | None = setting(
        None, "Age from which a result counts as UNKNOWN; by default 2 x interval + timeout.", unit="s", above=0
    )
    show_details: Literal["never", "authorized", "always"] = setting(
        "authorized", "The clients that see a check's details over HTTP."
    )
    bypass: bool = setting(
        False,
        "Run no check; every probe passes, with a message that health checks are switched off.",
        env=("DISABLE_HEALTH_CHECKS",),
    )
    ready: Literal["started", "readiness"] = setting(
        "started",
        "When READY is sent to systemd: once the program has started, or once readiness passes.",
    )
    trace: Literal["all", "failures", "never"] = setting("failures", "The runs of checks that are recorded as spans.")
