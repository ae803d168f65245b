"""The section `performance`: durations of operations, benchmarks and the growth of memory."""

from csg_otel.config.sections.fields import setting
from csg_otel.config.sections.printed import Printed
from csg_otel.config.sections.section import section


@section(frozen=True, kw_only=True)
class Benchmarking(Printed):
    """Regular benchmarks of the program."""

    enabled: bool = setting(
        False,
        "Run the check `benchmark`; it needs `health_monitoring.checks.performance`. It measures the time of the function "
        "named there as `benchmark`, or of a built-in computation, for each of `test_sizes`.",
    )
    interval: float = setting(3600.0, "Time between runs.", unit="s", above=0)
    test_sizes: tuple[float, ...] = setting(
        (1.0,),
        "Sizes for the benchmark, one after the other; megabytes for the built-in computation.",
        unit="MB",
        low=0,
    )


@section(frozen=True, kw_only=True)
class MemoryOptimization(Printed):
    """The watch on the growth of memory."""

    enabled: bool = setting(
        True, "Run the check `memory_growth`, which needs `health_monitoring.checks.performance` as well."
    )
    monitoring_interval: float | None = setting(
        None,
        "Time between readings of memory; by default `health_monitoring.checks.performance.interval`.",
        unit="s",
        above=0,
    )
    gc_frequency: float | None = setting(
        None,
        "A setting for the program itself.",
        warn="the program tunes its own garbage collector; call gc.set_threshold() in it",
    )
    streaming_threshold_mb: float | None = setting(
        None,
        "A setting for the program itself.",
        unit="MB",
        warn="the program chooses between reading and streaming; set the limit where it reads files",
    )


@section(frozen=True, kw_only=True)
class ResponseTimeTracking(Printed):
    """Durations of operations."""

    enabled: bool = setting(True, "Record durations of operations as `csg.operation.duration`.")
    percentiles: tuple[float, ...] = setting(
        (50.0, 95.0, 99.0),
        "Percentiles of durations in the metrics snapshot, in percent: 95, not 0.95.",
        unit="%",
        low=0,
        high=100,
    )
    histogram_buckets: tuple[float, ...] = setting(
        (), "Buckets of `csg.operation.duration`; by default from 0.005 to 10.", unit="s", above=0
    )


@section(frozen=True, kw_only=True)
class Performance(Printed):
    """Durations of operations, benchmarks and the growth of memory."""

    enabled: bool = setting(True, "Use this section; `false` switches off all of it but `fast_path`.")
    fast_path: bool = setting(
        True,
        "Make spans and add up measurements in a fraction of the time of the OpenTelemetry SDK, with the same data; with "
        "`false` all of them go through its public API.",
    )
    benchmarking: Benchmarking = setting(Benchmarking, "Regular benchmarks.")
    memory_optimization: MemoryOptimization = setting(MemoryOptimization, "Memory.")
    response_time_tracking: ResponseTimeTracking = setting(ResponseTimeTracking, "Durations.")
