"""Operations before, beside and after the exchange of the providers: what runs are observed, and by whom."""

from __future__ import annotations

from pathlib import Path

from support.programs import Program


def _lines(source: str, tmp_path: Path, count: int, **environ: str) -> list[str]:
    with Program(source, tmp_path, env=environ) as program:
        assert program.wait() == 0
        return [program.line() for _ in range(count)]


_RUN = """
    import csg_otel
    from opentelemetry import context, trace

    @csg_otel.observe("work", args=("n",))
    def work(n):
        return context.get_current(), trace.get_current_span()
"""


def test_before_any_provider_is_set_a_run_is_not_observed(tmp_path: Path) -> None:
    """The function runs in the context of its caller; the operation of a block takes every call."""
    source = f"""{_RUN}
    with csg_otel.observe("outer") as operation:
        operation.set_attribute("a", 1)
        operation.add_event("e")
        operation.set_error(ValueError())
        same = work(1)[0] is context.get_current()
        print(same, operation.span is trace.INVALID_SPAN, dict(context.get_current()))
    """

    assert _lines(source, tmp_path, 1) == ["True True {}"]


def test_a_run_that_began_before_instrument_is_no_piece_of_work(tmp_path: Path) -> None:
    """A decorated ``main()`` that calls ``instrument()`` is not observed: the operations in it are the program's work."""
    source = """
    import csg_otel

    @csg_otel.observe
    def step():
        pass

    @csg_otel.observe
    def main():
        telemetry = csg_otel.instrument("shop", exporters=["prometheus"])
        step()
        step()
        return telemetry

    telemetry = main()
    rows = telemetry.metrics_snapshot()["metrics"]
    print(sum(row["value"] for row in rows if row["name"] == "csg.operation.work.finished"))
    print(sorted(row["attributes"]["csg.operation.name"] for row in rows if row["name"] == "csg.operation.active"))
    telemetry.shutdown()
    """

    assert _lines(source, tmp_path, 2) == ["2", "['step']"]


def test_the_programs_own_provider_gets_operations_without_instrument(tmp_path: Path) -> None:
    """``observe`` uses OpenTelemetry's API: a provider that the program sets between two runs gets the second one."""
    source = f"""{_RUN}
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    work(1)
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    trace.set_tracer_provider(provider)
    work(2)
    with csg_otel.observe("block"):
        pass
    for span in exporter.get_finished_spans():
        print(span.name, span.attributes.get("n"))
    """

    assert _lines(source, tmp_path, 2) == ["work 2", "block None"]


def test_a_provider_that_a_variable_names_is_loaded_by_the_first_run(tmp_path: Path) -> None:
    """As by the first use of OpenTelemetry's API."""
    source = f"""{_RUN}
    print(work(1)[1].get_span_context().is_valid)
    """

    assert _lines(source, tmp_path, 1, OTEL_PYTHON_TRACER_PROVIDER="sdk_tracer_provider") == ["True"]


def test_a_current_span_that_raises_costs_no_run(tmp_path: Path) -> None:
    """The function runs and its duration is recorded although another vendor's span is current and does not answer."""
    source = f"""{_RUN}
    class Broken(trace.NonRecordingSpan):
        def get_span_context(self):
            raise ValueError("gone")

    telemetry = csg_otel.instrument("shop", exporters=["prometheus"])
    token = context.attach(trace.set_span_in_context(Broken(trace.INVALID_SPAN_CONTEXT)))
    work(1)
    work(2)
    context.detach(token)
    rows = telemetry.metrics_snapshot()["metrics"]
    print(*(row["value"]["count"] for row in rows if row["name"] == "csg.operation.duration"))
    """

    assert _lines(source, tmp_path, 1) == ["2"]
