"""The panes and their open views: each pane is a stack, from its list to the details; links open the view they name."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final, NamedTuple

from csg_otel.dashboard.terminal.filters import split_link
from csg_otel.dashboard.terminal.panes.alerts import AlertDetail, AlertList
from csg_otel.dashboard.terminal.panes.health import CheckDetail, HealthList
from csg_otel.dashboard.terminal.panes.logs import LogList
from csg_otel.dashboard.terminal.panes.metrics import MetricChart, MetricList
from csg_otel.dashboard.terminal.panes.overview import Overview
from csg_otel.dashboard.terminal.panes.span import SpanDetail
from csg_otel.dashboard.terminal.panes.system import SystemCharts
from csg_otel.dashboard.terminal.panes.traces import TraceList
from csg_otel.dashboard.terminal.panes.waterfall import Waterfall

if TYPE_CHECKING:
    from csg_otel.dashboard.terminal.panes.base import View


class Pane(NamedTuple):
    """A pane: its name in links, its title and icon, the feature that switches it, and its first view."""

    name: str
    title: str
    icon: str
    feature: str
    first: Callable[[], View]


PANES: Final = (
    Pane("overview", "Overview", "◎", "", Overview),
    Pane("health", "Health", "✚", "health", HealthList),
    Pane("traces", "Traces", "≡", "traces", TraceList),
    Pane("logs", "Logs", "¶", "logs", LogList),
    Pane("metrics", "Metrics", "≈", "performance", MetricList),
    Pane("system", "System", "▦", "system", SystemCharts),
    Pane("alerts", "Alerts", "△", "alerts", AlertList),
)
"""All panes, by their number key."""


class Navigation:
    """The pane that is shown, and the open views of every pane."""

    def __init__(self) -> None:
        self.pane = "overview"
        self._features: frozenset[str] | None = None
        self._stacks: dict[str, list[View]] = {pane.name: [pane.first()] for pane in PANES}

    @property
    def visible(self) -> list[Pane]:
        """The panes whose feature is on; all of them until the features are read."""
        return [p for p in PANES if not p.feature or self._features is None or p.feature in self._features]

    @property
    def stack(self) -> list[View]:
        """The open views of the pane, the deepest last."""
        return self._stacks[self.pane]

    @property
    def view(self) -> View:
        """The deepest open view."""
        return self.stack[-1]

    def use(self, features: frozenset[str]) -> None:
        """Hide the panes whose feature is off."""
        self._features = features
        if self.pane not in {pane.name for pane in self.visible}:
            self.pane = "overview"

    def show(self, name: str) -> bool:
        """Show the pane *name*; shown already, its list. Return whether there is such a pane."""
        if name not in {pane.name for pane in self.visible}:
            return False
        if name == self.pane:
            del self.stack[1:]
        self.pane = name
        return True

    def step(self, by: int) -> None:
        """Show the next or the previous pane."""
        names = [pane.name for pane in self.visible]
        self.pane = names[(names.index(self.pane) + by) % len(names)]

    def open(self, view: View) -> None:
        """Open a view on top of the others; details take the place of details."""
        if view.is_detail and self.view.is_detail:
            self.stack.pop()
        self.stack.append(view)

    def back(self) -> bool:
        """Close the deepest view. Return whether there was one besides the pane's list."""
        if len(self.stack) == 1:
            return False
        self.stack.pop()
        return True

    def forget(self) -> None:
        """Drop what came from another run of the program: its documents and details."""
        for stack in self._stacks.values():
            del stack[1:]
            stack[0].documents.clear()

    def go(self, link: str) -> bool:
        """Open the view that *link* names, the fragment of a web page's address. Return whether it is shown."""
        name, item, parameters = split_link(link)
        if name not in {pane.name for pane in self.visible}:
            return False
        first = next(pane.first for pane in PANES if pane.name == name)
        stack: list[View] = [first()]
        if name == "traces" and item:
            span = str(parameters.get("span", ""))
            stack += [Waterfall(item, span), *([SpanDetail(item, span)] if span else [])]
        elif name == "traces":
            stack = [TraceList(parameters)]
        elif name == "logs":
            stack = [LogList(parameters)]
        elif name == "metrics" and parameters.get("name"):
            stack.append(MetricChart(parameters))
        elif check := parameters.get("check"):
            stack[0].cursor = str(check)
            stack.append(CheckDetail(str(check)))
        elif alert := parameters.get("alert"):
            stack[0].cursor = str(alert)
            stack.append(AlertDetail(str(alert)))
        self.pane = name
        self._stacks[name] = stack
        return True
