"""The section `dashboard`: the dashboard in the terminal and in the browser."""

from csg_otel.config.sections.fields import setting
from csg_otel.config.sections.printed import Printed
from csg_otel.config.sections.section import section


@section(frozen=True, kw_only=True)
class DashboardFeatures(Printed):
    """The panes of the dashboard."""

    health: bool = setting(True, "The health checks.", also=("health_overview",))
    system: bool = setting(True, "The system's resources.", also=("system_metrics",))
    performance: bool = setting(True, "The performance metrics.", also=("performance_charts",))
    alerts: bool = setting(True, "The alerts.", also=("alert_history",))
    traces: bool = setting(True, "The traces.")
    logs: bool = setting(True, "The log records.", also=("log_viewer",))
    trends: bool = setting(True, "The history.")


@section(frozen=True, kw_only=True)
class DashboardCharts(Printed):
    """The charts of the dashboard."""

    time_window: float = setting(3600.0, "Period that a chart shows at first.", unit="s", above=0)
    data_points: int = setting(100, "Highest number of points in a chart.", low=2)
    auto_refresh: bool = setting(True, "Refresh the charts without a click.")


@section(frozen=True, kw_only=True)
class Dashboard(Printed):
    """The dashboard, in the terminal and in the browser."""

    enabled: bool = setting(False, "Serve the web dashboard from the program.")
    host: str = setting("127.0.0.1", "Address the web dashboard listens on.")
    port: int = setting(
        8080,
        "Port the web dashboard listens on; 0 takes a free one.",
        low=0,
        high=65535,
        env=("MONITORING_DASHBOARD_PORT",),
    )
    refresh_interval: float = setting(
        5.0, "Time between refreshes.", unit="s", above=0, env=("DASHBOARD_REFRESH_INTERVAL",)
    )
    features: DashboardFeatures = setting(
        DashboardFeatures, "The panes that are shown; a list of their names shows these alone."
    )
    charts: DashboardCharts = setting(DashboardCharts, "The charts.")
