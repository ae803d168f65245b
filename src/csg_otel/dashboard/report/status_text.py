"""The status as text: the sections, lines and labels of the monitoring guide's example output. Pure."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Final

from csg_otel.categories import SECTIONS
from csg_otel.display import clean

if TYPE_CHECKING:
    from csg_otel.dashboard.model import Status

_WIDTH: Final = 80
_SECTION_WIDTH: Final = 40
_MARKS: Final = {"healthy": "✅", "warning": "⚠️", "critical": "❌", "unknown": "❓"}
_PLAIN_MARKS: Final = {"healthy": "[OK]", "warning": "[WARN]", "critical": "[FAIL]", "unknown": "[?]"}
SYMBOLS: Final = "🔍📅🔧🌡🏥💻📊📈🖥🧠💾💿⏱🚨✅⚠❌❓\ufe0f"
"""The characters beyond ASCII that the text has with *symbols*."""

_RESOURCES: Final = (
    ("🖥️ ", "CPU Usage", "cpu_percent", "cpu"),
    ("🧠", "Memory Usage", "memory_percent", "memory"),
    ("💾", "Disk Usage", "disk_percent", "disk"),
)
"""Symbol, label, number, and the check whose state the line has."""


def render(status: Status, *, symbols: bool) -> str:
    """Return *status* as text without a line break at its end; *symbols* adds those of the guide, else it is plain ASCII."""
    return "\n".join(_Text(status, symbols=symbols).lines())


class _Text:
    """One rendering of a status, with or without symbols."""

    def __init__(self, status: Status, *, symbols: bool) -> None:
        self._status = status
        self._symbols = symbols

    def lines(self) -> list[str]:
        """Return all lines."""
        sections = (self._head(), self._health(), self._monitoring(), self._performance(), self._attention())
        lines: list[str] = []
        for section in filter(None, sections):
            lines += [*section, ""]
        return lines[:-1]

    def _head(self) -> list[str]:
        status = self._status
        name = clean(status["service"]["name"]).replace("-", " ").replace("_", " ").upper()
        at = datetime.fromtimestamp(status["time"]).astimezone()
        overall = status["overall"]
        return [
            "=" * _WIDTH,
            self._line("🔍", f"{name} - MONITORING DASHBOARD"),
            "=" * _WIDTH,
            self._line("📅", f"Last Updated: {at:%Y-%m-%dT%H:%M:%S}"),
            self._line("🔧", f"Monitoring Available: {self._yes(status['monitored'])}"),
            "",
            self._line("🌡️ ", f"OVERALL STATUS: {self._mark(overall)} {overall.upper()}"),
        ]

    def _health(self) -> list[str]:
        lines = self._title("🏥", "HEALTH CHECKS")
        for row in sorted(self._status["categories"], key=lambda row: _place(row["name"])):
            duration = row["response_time_ms"]
            lines += [
                f"   {self._mark(row['status'])} {row['title']}",
                f"      Status: {row['status'].upper()}",
                f"      Message: {clean(row['message'])}",
                *([f"      Response Time: {duration:.1f}ms"] if duration is not None else []),
                "",
            ]
        return lines[:-1]

    def _monitoring(self) -> list[str]:
        status = self._status
        if status["prometheus_running"]:
            prometheus = f"{self._mark('healthy')} Running"
        else:
            prometheus = f"{self._mark('warning')} " + ("Not running" if status["prometheus_enabled"] else "Off")
        return [
            *self._title("💻", "SYSTEM MONITORING"),
            self._line("   🔍", f"Monitoring Active: {self._yes(status['monitoring_enabled'])}"),
            self._line("   📊", f"Prometheus: {prometheus}"),
            self._line("   🌡️ ", f"Health Status: {status['overall'].upper()}"),
        ]

    def _performance(self) -> list[str]:
        status = self._status
        numbers = status["system"]
        states = {check["name"]: check["status"] for check in status["checks"]}
        lines = self._title("📈", "PERFORMANCE METRICS")
        for symbol, label, key, check in _RESOURCES:
            value = numbers[key]  # type: ignore[literal-required]
            if value is not None:
                mark = self._mark(states.get(check, "healthy"))
                lines.append(self._line(f"   {symbol}", f"{label}: {mark} {value:.1f}%"))
        if numbers["disk_free_bytes"] is not None:
            lines.append(self._line("   💿", f"Free Space: {numbers['disk_free_bytes'] / 1024**3:.1f} GB"))
        if status["uptime_s"] is not None:
            lines.append(self._line("   ⏱️ ", f"Uptime: {status['uptime_s'] / 3600:.1f} hours"))
        return lines

    def _attention(self) -> list[str]:
        """Return what the guide's example has no line for, because there everything is well."""
        status = self._status
        lines = [
            f"   {self._mark('critical' if row['state'] == 'down' else 'warning')} Destination {clean(row['name'])}: "
            f"{row['state'].upper()}, {clean(row['last_error'])}"
            for row in status["destinations"]
            if row["state"] != "ok"
        ]
        alerts = status["alerts"]
        if alerts["firing"] or alerts["pending"]:
            mark = self._mark("critical" if alerts["firing"] else "warning")
            lines.append(f"   {mark} Alerts: {alerts['firing']} firing, {alerts['pending']} pending")
        return [*self._title("🚨", "NEEDS ATTENTION"), *lines] if lines else []

    def _title(self, symbol: str, title: str) -> list[str]:
        return [self._line(symbol, title), "-" * _SECTION_WIDTH]

    def _line(self, symbol: str, text: str) -> str:
        if self._symbols:
            return f"{symbol} {text}"
        return " " * (len(symbol) - len(symbol.lstrip())) + text

    def _mark(self, state: str) -> str:
        return (_MARKS if self._symbols else _PLAIN_MARKS)[state]

    def _yes(self, value: bool) -> str:
        return f"{self._mark('healthy' if value else 'critical')} {'Yes' if value else 'No'}"


def _place(category: str) -> int:
    """Return the place of *category* in the guide's order; those of the user come last."""
    order = list(SECTIONS.values())
    return order.index(category) if category in order else len(order)
