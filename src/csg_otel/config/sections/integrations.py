"""The section `integrations`: a Pushgateway, Grafana and the vendors of monitoring."""

from csg_otel.config.sections.concealed import WithSecrets
from csg_otel.config.sections.fields import setting
from csg_otel.config.sections.printed import Printed
from csg_otel.config.sections.secret import Address, Secret
from csg_otel.config.sections.section import section


@section(frozen=True, kw_only=True)
class PrometheusPush(WithSecrets):
    """Pushing metrics to a Pushgateway, for programs that end before they are scraped."""

    enabled: bool = setting(False, "Push all metrics at the interval and at the end of the program.")
    push_gateway: Address | None = setting(None, "Address of the Pushgateway, such as `http://gateway:9091`.")
    job_name: str | None = setting(None, "Label `job` of the pushed metrics; by default the service's name.")
    push_interval: float = setting(30.0, "Time between pushes.", unit="s", above=0)
    delete_on_shutdown: bool = setting(
        False, "Delete the metrics from the Pushgateway at the end; for programs that run long."
    )


@section(frozen=True, kw_only=True)
class Grafana(WithSecrets):
    """The Grafana that alert rules are pushed to."""

    enabled: bool = setting(False, "Let `csg-otel alerts push` push to this Grafana.")
    dashboard_url: Address | None = setting(None, "URL of Grafana.")
    api_key: Secret | None = setting(None, "Token of a service account.")


@section(frozen=True, kw_only=True)
class DatadogAccount(WithSecrets):
    """The Datadog account that monitors are pushed to."""

    enabled: bool = setting(False, "Use Datadog: send telemetry to its intake, and allow pushing monitors.")
    api_key: Secret | None = setting(None, "API key.")
    app_key: Secret | None = setting(None, "Application key; pushing monitors needs it.", env=("DD_APP_KEY",))
    api_url: Address | None = setting(None, "URL of the API; by default that of `exporters.datadog.site`.")


@section(frozen=True, kw_only=True)
class NewRelic(WithSecrets):
    """New Relic, as a preset of an OTLP destination."""

    enabled: bool = setting(False, "Send telemetry to New Relic.")
    license_key: Secret | None = setting(None, "License key.")


@section(frozen=True, kw_only=True)
class ElasticApm(WithSecrets):
    """Elastic APM, as a preset of an OTLP destination."""

    enabled: bool = setting(False, "Send telemetry to Elastic APM.")
    server_url: Address | None = setting(None, "URL of the APM server.")
    secret_token: Secret | None = setting(None, "Its secret token.")


@section(frozen=True, kw_only=True)
class ExternalMonitoring(Printed):
    """Vendors of monitoring."""

    enabled: bool = setting(False, "Use the vendors below that are enabled.")
    datadog: DatadogAccount = setting(DatadogAccount, "Datadog.")
    new_relic: NewRelic = setting(NewRelic, "New Relic.")
    elastic_apm: ElasticApm = setting(ElasticApm, "Elastic APM.")


@section(frozen=True, kw_only=True)
class Integrations(Printed):
    """Other systems."""

    prometheus: PrometheusPush = setting(PrometheusPush, "Pushing metrics to a Pushgateway.")
    grafana: Grafana = setting(Grafana, "Grafana.")
    external_monitoring: ExternalMonitoring = setting(ExternalMonitoring, "Vendors of monitoring.")
