"""The checks that settings define: the four categories, the user's own by type, and mistakes reported together."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from csg_otel.categories import SECTIONS
from csg_otel.config import load
from csg_otel.config.sections.health_monitoring import HealthMonitoring
from csg_otel.errors import HealthDefinitionError
from csg_otel.health import Check, HealthRegistry, builtin, default_registry
from csg_otel.health.definition import GROUPS
from csg_otel.health.monitor import (
    ApplicationHealthCheck,
    DependencyHealthCheck,
    HealthMonitor,
    PerformanceHealthCheck,
    SystemResourcesHealthCheck,
)
from csg_otel.status import HealthStatus


def settings(**checks: Any) -> HealthMonitoring:
    """Return settings as a file with these checks gives them."""
    return load({"health_monitoring": {"checks": checks}}).config.health_monitoring


def built(**checks: Any) -> dict[str, Check]:
    """Return the checks of these settings by name."""
    return {check.name: check for check in builtin.build(settings(**checks))}


def probe(check: Check) -> Any:
    """Return the object behind a check, with its parameters."""
    return check.function


def test_without_settings_every_category_has_a_check() -> None:
    """The default settings give each category a check, and none of them can restart a process."""
    checks = built()

    assert {check.category for check in checks.values()} == set(SECTIONS.values())
    assert {"cpu", "memory", "disk", "load"} <= checks.keys()
    assert not any("liveness" in check.groups for check in checks.values())


def test_thresholds_intervals_and_targets_come_from_the_settings() -> None:
    """Every key of the four sections has an effect."""
    checks = built(
        system_resources={"cpu_warning_threshold": 10, "cpu_critical_threshold": 20, "mounts": ["/"], "interval": 7},
        application={"modules": ["json"], "memory_limit_mb": 512, "functional": "platform:system", "timeout": 3},
        dependencies={"apis": ["http://user:pw@api.example.com/x?k=1"], "paths": ["/tmp"], "tcp": ["db:5432"]},
        performance={"processing_time_threshold_ms": 250, "memory_growth_threshold_mb": 5},
    )

    assert (probe(checks["cpu"]).warning_threshold, probe(checks["cpu"]).critical_threshold) == (10, 20)
    assert (probe(checks["disk"]).mounts, checks["disk"].interval_s) == (("/",), 7)
    assert (probe(checks["process_memory"]).limit_mb, checks["imports"].timeout_s) == (512, 3)
    assert probe(checks["processing"]).warning_s == 0.25
    assert probe(checks["memory_growth"]).warning_mb_per_h == 300
    assert {"http.api.example.com-x", "filesystem.tmp", "tcp.db-5432", "functional"} <= checks.keys()
    assert "readiness" in checks["tcp.db-5432"].groups


@pytest.mark.parametrize(
    ("limits", "per_hour"),
    [
        ({}, 100),
        ({"memory_growth_threshold_mb": 5}, 300),
        ({"memory_growth_threshold_mb_per_hour": 30}, 30),
        ({"memory_growth_threshold_mb": 5, "memory_growth_threshold_mb_per_hour": 500}, 300),
    ],
)
def test_growth_of_memory_has_a_limit_per_minute_and_one_per_hour(limits: dict[str, float], per_hour: float) -> None:
    """The lower counts; the monitoring guide's is per minute."""
    assert probe(built(performance=limits)["memory_growth"]).warning_mb_per_h == per_hour


def test_a_category_can_be_switched_off() -> None:
    """By its own key."""
    off = {"enabled": False}

    assert built(system_resources=off, application=off, dependencies=off, performance=off) == {}


def test_a_check_of_the_users_own_by_type() -> None:
    """A name that is no section defines a check by its type, with parameters beside the policy."""
    checks = built(
        broker={"type": "tcp", "address": "mq:5672", "groups": ["liveness"], "critical": False, "interval": 9}
    )

    broker = checks["broker"]
    assert (broker.groups, broker.critical, broker.interval_s, broker.category) == (
        ("liveness",),
        False,
        9,
        "dependency",
    )
    assert probe(broker).address == "mq:5672"


def test_mistakes_in_types_and_parameters_are_reported_together() -> None:
    """One error has all mistakes, with suggestions, before anything runs."""
    with pytest.raises(HealthDefinitionError) as caught:
        built(
            one={"type": "htpt", "url": "http://x"},
            two={"type": "http", "utl": "http://x"},
            three={"type": "tcp", "address": "no-port"},
        )

    message = str(caught.value)
    assert "unknown type 'htpt' (did you mean 'http'?)" in message
    assert "unknown parameter 'utl' (did you mean 'url'?)" in message
    assert "is not host:port" in message


def test_built_in_checks_can_be_put_into_groups() -> None:
    """`groups` in the settings adds a check to a probe and takes one out."""
    loaded = load({"health_monitoring": {"groups": {"readiness": {"include": ["disk"], "exclude": ["configuration"]}}}})
    registry = HealthRegistry()
    registry.configure(loaded.config.health_monitoring, builtin.build(loaded.config.health_monitoring))
    members = {view.name for view in registry.snapshot().members("readiness")}

    assert "disk" in members
    assert "configuration" not in members


def test_the_checks_of_the_four_categories() -> None:
    """Each is the worst of its category, with a message and details of every check in it."""
    kinds = (SystemResourcesHealthCheck, ApplicationHealthCheck, DependencyHealthCheck, PerformanceHealthCheck)
    for kind, category in zip(kinds, SECTIONS.values(), strict=True):
        result = kind().check()

        assert result.message.startswith(category)
        assert result.details
        assert result.response_time_ms > 0


def test_the_monitor_summarises_all_checks() -> None:
    """The counts by status add up to the number of checks, and every check has a timestamp."""
    monitor = HealthMonitor()
    summary = monitor.get_health_summary()

    counts = summary["summary"]
    assert counts["total_checks"] == len(summary["checks"].keys() - SECTIONS.keys()) >= 8
    assert counts["total_checks"] == sum(counts[f"{status.value}_checks"] for status in HealthStatus)
    assert summary["overall_status"] == monitor.get_overall_status().name
    assert all(check["timestamp"] for check in summary["checks"].values())


def test_the_monitor_has_the_worst_of_each_category_by_its_section() -> None:
    """The four names of the file are results, too; every check carries its category."""
    registry = default_registry()
    checks = {"disk": ("system", HealthStatus.HEALTHY), "db": ("dependency", HealthStatus.CRITICAL)}
    checks["api"] = ("dependency", HealthStatus.WARNING)
    registry.configure(
        HealthMonitoring(),
        [
            Check(name=name, function=lambda status=status: status, category=category, own=True)
            for name, (category, status) in checks.items()
        ],
    )
    monitor = HealthMonitor()
    results, summary = monitor.run_all_checks(), monitor.get_health_summary()

    assert {name: (result.category, result.status.name) for name, result in results.items()} == {
        "system_resources": ("system", "HEALTHY"),
        "dependencies": ("dependency", "CRITICAL"),
        "disk": ("system", "HEALTHY"),
        "db": ("dependency", "CRITICAL"),
        "api": ("dependency", "WARNING"),
    }
    assert {name: (check["category"], check["status"]) for name, check in summary["checks"].items()} == {
        name: (result.category, result.status.name) for name, result in results.items()
    }
    assert results["dependencies"].details["api"]["status"] == "WARNING"
    assert summary["summary"]["total_checks"] == 3


def test_a_limit_may_be_a_range() -> None:
    """`warning_threshold: "10:20"` in the file is the range of good values; other text is an error that names its check."""
    checks = built(space={"type": "disk", "warning_threshold": "10:", "critical_threshold": "~:95", "mounts": ["/"]})[
        "space"
    ]
    assert (str(probe(checks).warning_threshold), str(probe(checks).critical_threshold)) == ("10:", "~:95")

    with pytest.raises(HealthDefinitionError, match=r"space.*'many' is not a range"):
        built(space={"type": "disk", "warning_threshold": "many"})


def performance(section: dict[str, Any], **checks: Any) -> dict[str, Check]:
    """Return the built-in checks of performance for the section `performance` of a file, by name."""
    config = load({"performance": section, "health_monitoring": {"checks": {"performance": checks}}}).config
    own = builtin.build(config.health_monitoring, performance=config.performance)
    return {check.name: check for check in own if check.category == "performance"}


def test_the_benchmark_is_a_check_of_its_own() -> None:
    """It runs at its own interval, for each of the sizes, with a deadline that leaves time for them."""
    off = performance({})
    section = {"benchmarking": {"enabled": True, "interval": "10m", "test_sizes": [0.5, 1.0, 2]}}
    on = performance(section, benchmark="platform:system", processing_time_threshold_ms=250)

    assert off.keys() == {"processing", "memory_growth"}
    assert on.keys() == {"processing", "memory_growth", "benchmark"}
    assert (on["benchmark"].interval_s, on["benchmark"].timeout_s) == (600, 60)
    assert (probe(on["benchmark"]).function, probe(on["benchmark"]).sizes) == ("platform:system", (0.5, 1, 2))
    assert probe(on["benchmark"]).warning_s == 0.25
    assert performance(section, timeout=7)["benchmark"].timeout_s == 7
    assert performance(section, enabled=False) == {}


def test_memory_is_watched_at_its_own_interval() -> None:
    """`monitoring_interval` goes over the interval of the section; switched off, memory is not watched."""
    assert performance({}, interval=9)["memory_growth"].interval_s == 9
    watched = performance({"memory_optimization": {"monitoring_interval": 2}}, interval=9)
    assert (watched["memory_growth"].interval_s, watched["processing"].interval_s) == (2, 9)
    assert probe(watched["memory_growth"]).window_s == 3600
    rare = performance({"memory_optimization": {"monitoring_interval": "30m"}})
    assert probe(rare["memory_growth"]).window_s == 18_000, "enough readings to judge, however rare they are"
    assert "memory_growth" not in performance({"memory_optimization": {"enabled": False}})


def test_nothing_of_a_switched_off_performance_section_takes_effect() -> None:
    """Neither a benchmark nor a watch on memory; the checks of health monitoring itself stay."""
    assert performance({"enabled": False, "benchmarking": {"enabled": True}}).keys() == {"processing"}


LIMITS = [
    (f"{name}_{level}_threshold", name, f"{level}_threshold")
    for name in ("cpu", "memory", "disk", "load")
    for level in ("warning", "critical")
]


@pytest.mark.parametrize(("key", "name", "parameter"), LIMITS)
def test_each_limit_of_the_host_reaches_its_check(key: str, name: str, parameter: str) -> None:
    """Each of the eight limits is the limit of its own check, and of no other."""
    value = 1.5 if key.endswith("warning_threshold") else 96
    checks, defaults = built(system_resources={key: value}), built()

    assert getattr(probe(checks[name]), parameter) == value
    changed = {name for name in ("cpu", "memory", "disk", "load") if probe(checks[name]) != probe(defaults[name])}
    assert changed == {name}


def test_a_limit_below_the_real_use_is_exceeded() -> None:
    """Memory and disks are never empty, so that a tiny limit makes the state WARNING or CRITICAL."""
    tiny = {"memory_warning_threshold": 0.001, "disk_warning_threshold": 0.001, "disk_critical_threshold": 0.002}
    loaded = settings(system_resources={**tiny, "mounts": [str(Path(__file__).parent.root)]})
    registry = HealthRegistry()
    registry.configure(loaded, builtin.build(loaded))
    results = registry.run_all(["memory", "disk"])

    assert (results["memory"].status, results["disk"].status) == (HealthStatus.WARNING, HealthStatus.CRITICAL)


@pytest.mark.parametrize("category", ["system_resources", "application", "dependencies", "performance"])
def test_each_category_has_times_of_its_own(category: str) -> None:
    """`interval` and `timeout` of a section are the times of all its checks, and of no other section's."""
    kind = {"system_resources": "system", "dependencies": "dependency"}.get(category, category)
    checks = built(**{category: {"interval": 7, "timeout": 3}})
    times = {(check.category == kind, check.interval_s, check.timeout_s) for check in checks.values()}

    assert (True, 7, 3) in times
    assert {mine for mine, _, timeout_s in times if timeout_s == 3} == {True}
    assert {timeout_s for mine, _, timeout_s in times if mine} == {3}


def test_the_keys_of_the_application_reach_its_checks() -> None:
    """Models, variables and the time of the functional check."""
    keys = {"nlp_models": ["/models/de_small"], "required_variables": ["SHOP_KEY"]}
    checks = built(application={**keys, "functional": "platform:system", "response_time_threshold_ms": 250})

    assert probe(checks["nlp_model.de_small"]).model == "/models/de_small"
    assert probe(checks["configuration"]).required_variables == ("SHOP_KEY",)
    assert (probe(checks["functional"]).function, probe(checks["functional"]).limit_s) == ("platform:system", 0.25)


def test_a_missing_variable_is_critical(monkeypatch: pytest.MonkeyPatch) -> None:
    """`required_variables` names variables without which the application does not work."""
    loaded = settings(application={"required_variables": ["SHOP_KEY"]})
    states = []
    for value in ("", "k"):
        monkeypatch.setenv("SHOP_KEY", value)
        registry = HealthRegistry()
        registry.configure(loaded, builtin.build(loaded))
        states.append(registry.run("configuration").status)

    assert states == [HealthStatus.CRITICAL, HealthStatus.HEALTHY]


def test_each_kind_of_dependency_has_a_check() -> None:
    """Every target is a check of its kind with the target as its parameter."""
    targets = {
        "databases": ["sqlite:///shop.db"],
        "dns": ["db.example.com"],
        "tls": ["shop.example.com:443"],
        "packages": ["PyYAML>=6"],
    }
    checks = built(dependencies=targets)

    assert probe(checks["database.shop.db"]).url == "sqlite:///shop.db"
    assert probe(checks["dns.db.example.com"]).host == "db.example.com"
    assert probe(checks["tls.shop.example.com-443"]).address == "shop.example.com:443"
    assert probe(checks["python_environment"]).packages == ("PyYAML>=6",)


@pytest.mark.parametrize(
    ("key", "name"),
    [
        ("check_apis", "http.api.example.com"),
        ("check_filesystem", "filesystem.tmp"),
        ("check_python_environment", "python_environment"),
    ],
)
def test_a_kind_of_dependency_can_be_switched_off(key: str, name: str) -> None:
    """Each of the three switches takes exactly its own checks away."""
    targets = {"apis": ["http://api.example.com"], "paths": ["/tmp"]}

    assert built(dependencies=targets).keys() - built(dependencies={**targets, key: False}).keys() == {name}


@pytest.mark.parametrize(
    ("key", "value", "attribute"),
    [
        ("category", "billing", "category"),
        ("groups", ("startup",), "groups"),
        ("critical", False, "critical"),
        ("interval", 9, "interval_s"),
        ("timeout", 4, "timeout_s"),
        ("failure_threshold", 3, "failure_threshold"),
        ("success_threshold", 2, "success_threshold"),
        ("failure_status", "warning", "failure_status"),
        ("stale_after", 90, "stale_after_s"),
        ("depends_on", ("cpu",), "depends_on"),
    ],
)
def test_each_key_of_the_users_own_check_is_part_of_its_policy(key: str, value: Any, attribute: str) -> None:
    """A key changes one attribute of the check; the registry's tests show what the attribute does."""
    given = list(value) if isinstance(value, tuple) else value
    plain, changed = (
        built(mine={"type": "function", "function": "platform:system", **more})["mine"] for more in ({}, {key: given})
    )

    assert getattr(changed, attribute) == value
    differ = {each.name for each in fields(Check) if getattr(plain, each.name) != getattr(changed, each.name)}
    assert differ - {"function"} == {attribute}


def test_a_check_of_the_users_own_can_be_switched_off() -> None:
    """`enabled: false` keeps its definition in the file, and nothing runs."""
    assert "mine" not in built(mine={"type": "tcp", "address": "mq:5672", "enabled": False})


@pytest.mark.parametrize("group", ["liveness", "readiness", "startup"])
def test_each_group_includes_and_excludes(group: str) -> None:
    """`include` and `exclude` change the group that they are written under, and no other."""
    checks = {
        "mine": {"type": "function", "function": "platform:system", "groups": ["liveness", "readiness", "startup"]}
    }
    section = {"checks": checks, "groups": {group: {"include": ["disk"], "exclude": ["mine"]}}}
    loaded = load({"health_monitoring": section}).config.health_monitoring
    registry = HealthRegistry()
    registry.configure(loaded, builtin.build(loaded))
    members = {name: {view.name for view in registry.snapshot().members(name)} for name in GROUPS}

    assert {name for name in GROUPS if "disk" in members[name]} == {group}
    assert {name for name in GROUPS if "mine" not in members[name]} == {group}


def test_the_name_of_a_check_has_no_token_of_its_target() -> None:
    """Names are in metrics and on pages; two webhooks of a host have different ones, and ordinary paths stay."""
    urls = [f"https://h.example/hooks/v2/{token}/x" for token in ("c4naryT0ken9x8y7", "c4naryT0ken9x8y8", "orders")]
    section = {"checks": {"dependencies": {"apis": urls}}}
    names = [
        check.name for check in builtin.build(load({"health_monitoring": section}, environ={}).config.health_monitoring)
    ]
    names = [name for name in names if name.startswith("http.")]

    assert "http.h.example-hooks-v2-orders-x" in names
    assert len(set(names)) == 3
    assert "c4nary" not in " ".join(names)
