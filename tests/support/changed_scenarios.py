"""A simulated hour of a web shop: 290 series, spans and log records, in which one cause may be planted."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from typing import Any

from csg_otel.dashboard.changed import SeriesValues

NOW = 1_800_000_000.0
STEP_S = 10.0
TIMES = [NOW - 3600 + STEP_S * step for step in range(360)]
WINDOW = (NOW - 300, NOW)
BASELINE = (NOW - 3600, NOW - 300)
_FIRST = 330
"""The step at which the window begins."""

ROUTES = [f"/{name}" for name in "abcdefghijklmnopqrst"]
OPERATIONS = [
    f"shop.{name}" for name in ("load", "save", "price", "ship", "bill", "mail", "scan", "rate", "sync", "trim")
]
CACHES = ["users", "prices", "pages", "sessions"]

Values = list[float | None]


_ordinary: dict[int, tuple[tuple[SeriesValues, ...], Any]] = {}
"""The series of each seed, and the state of its random numbers after them: making them takes the most time."""


class Hour:
    """The series, spans and log records of one hour; *began* is the step at which the planted cause begins."""

    def __init__(self, seed: int, began: int = _FIRST) -> None:
        """Make an ordinary hour, which is the same for the same *seed*."""
        self.random = random.Random(seed)
        self.began = began
        self.series: list[SeriesValues] = []
        self.spans: list[Any] = []
        self.logs: list[Any] = []
        self._ids = 0
        if seed not in _ordinary:
            self._requests()
            self._operations()
            self._host()
            self._odd_ones()
            _ordinary[seed] = (tuple(self.series), self.random.getstate())
        series, state = _ordinary[seed]
        self.series = list(series)
        self.random.setstate(state)

    def add(
        self, name: str, kind: Any, unit: str, field: Any, value: Callable[..., float | None], **attributes: str
    ) -> None:
        """Add a series with the *value* of each step; the keys of *attributes* have ``__`` for a dot."""
        keys = {key.replace("__", "."): text for key, text in attributes.items()}
        self.series.append(SeriesValues(name, kind, unit, keys, field, TIMES, [value(step) for step in range(360)]))

    def change(self, name: str, change: Callable[[float, SeriesValues], float], **attributes: str) -> None:
        """Change the values of the metric *name* with *attributes* from the step ``began`` on."""
        keys = {key.replace("__", "."): text for key, text in attributes.items()}
        for place, one in enumerate(self.series):
            if one.name == name and keys.items() <= one.attributes.items():
                values = [
                    change(value, one) if step >= self.began and value is not None else value
                    for step, value in enumerate(one.values)
                ]
                self.series[place] = SeriesValues(
                    one.name, one.kind, one.unit, one.attributes, one.field, one.times, values
                )

    def histogram(self, name: str, typical_s: float, per_second: float, **attributes: str) -> None:
        """Add the fields of a histogram of durations; rare ones have gaps."""
        draw = self.random
        load = 1 + 0.3 * math.sin(draw.random())
        spread = draw.uniform(0.05, 0.4)

        def rate(step: int) -> float:
            calls = per_second * load * (1 + 0.2 * math.sin(step / 200)) * STEP_S
            return max(0, round(draw.gauss(calls, math.sqrt(calls)))) / STEP_S

        rates = [rate(step) for step in range(360)]
        self.add(name, "histogram", "s", "rate", lambda step: rates[step], **attributes)
        for field, factor, noise in (("mean", 1.0, 1.0), ("p95", 2.2, 1.8)):
            self.add(
                name, "histogram", "s", field,
                lambda step, f=factor, n=noise: (
                    typical_s * f * math.exp(draw.gauss(0, spread * n / math.sqrt(1 + rates[step]))) if rates[step] else None
                ),
                **attributes,
            )  # fmt: skip

    def _requests(self) -> None:
        draw = self.random
        for route in ROUTES:
            per_second = draw.choice([0.02, 0.1, 0.5, 2, 8])
            self.histogram("http.server.request.duration", draw.uniform(0.005, 0.3), per_second, http__route=route)
            self.histogram(
                "db.client.operation.duration",
                draw.uniform(0.001, 0.05),
                per_second * 2,
                db__collection__name=route[1:],
            )
        self.add(
            "http.server.active_requests",
            "up_down_counter",
            "{request}",
            "value",
            lambda _: max(0, round(draw.gauss(4, 2))),
        )

    def _operations(self) -> None:
        draw = self.random
        for name in OPERATIONS:
            self.histogram(
                "csg.operation.duration", draw.uniform(0.002, 2), draw.choice([0.05, 0.3, 2]), csg__operation__name=name
            )
            self.add(
                "csg.operation.active", "up_down_counter", "{operation}", "value",
                lambda _: float(draw.random() < 0.3), csg__operation__name=name,
            )  # fmt: skip
        for name in CACHES:
            for result, per_second in (("hit", draw.uniform(2, 30)), ("miss", draw.uniform(0.1, 1))):
                self.add(
                    "csg.cache.requests", "counter", "{request}", "rate",
                    lambda _, r=per_second: max(0, round(draw.gauss(r * 10, math.sqrt(r * 10)))) / 10,
                    csg__cache__name=name, csg__cache__result=result,
                )  # fmt: skip
        for name in OPERATIONS[:4]:
            self.add(
                "csg.operation.duration", "histogram", "s", "rate", lambda _: float(draw.random() < 0.02) / 10,
                csg__operation__name=name, error__type="ValueError",
            )  # fmt: skip

    def _host(self) -> None:
        draw = self.random
        phase = draw.uniform(0, 6.28)
        for cpu in range(8):
            for mode in ("user", "system", "idle", "iowait"):
                base = {"user": 0.2, "system": 0.05, "idle": 0.74, "iowait": 0.01}[mode]
                drift = draw.uniform(0, 0.5)

                def share(step: int, base: float = base, drift: float = drift) -> float:
                    daily = 1 + drift * math.sin(phase + step / 1400)
                    return min(1.0, max(0.0, base * daily * draw.uniform(0.7, 1.3)))

                self.add(
                    "system.cpu.utilization", "gauge", "1", "value", share, cpu__logical_number=str(cpu), cpu__mode=mode,
                )  # fmt: skip
        for device in ("sda", "sdb", "eth0", "eth1"):
            for direction in ("read", "write"):
                scale = 10 ** draw.uniform(2, 6)
                self.add(
                    "system.disk.io", "counter", "By", "rate", lambda _, s=scale: s * draw.lognormvariate(0, 1.2),
                    system__device=device, disk__io__direction=direction,
                )  # fmt: skip
        for name in ("process.memory.usage", "system.memory.usage"):
            level = [draw.uniform(1e8, 1e9)]
            for _ in range(359):
                level.append(max(5e7, level[-1] * (1 + draw.gauss(0.0002, 0.004))))
            self.add(name, "up_down_counter", "By", "value", lambda step, values=level: values[step])
        for mount in ("/", "/data", "/var"):
            start, growth = draw.uniform(0.2, 0.8), draw.uniform(0, 1e-4)
            self.add(
                "system.filesystem.utilization", "gauge", "1", "value",
                lambda step, s=start, g=growth: s + g * step, system__filesystem__mountpoint=mount,
            )  # fmt: skip
        self.add(
            "process.thread.count", "up_down_counter", "{thread}", "value", lambda _: 14.0 + (draw.random() < 0.01)
        )
        self.add(
            "process.unix.file_descriptor.count",
            "up_down_counter",
            "{file_descriptor}",
            "value",
            lambda _: 40.0 + draw.randrange(4),
        )
        self.add("process.uptime", "gauge", "s", "value", lambda step: 50.0 + 10 * step)
        for generation in range(3):
            rate = 10**-generation
            for metric, unit in (
                ("cpython.gc.collections", "{collection}"),
                ("cpython.gc.collected_objects", "{object}"),
            ):
                self.add(
                    metric, "counter", unit, "rate", lambda _, r=rate: r * draw.expovariate(1) * 40,
                    cpython__gc__generation=str(generation),
                )  # fmt: skip
            self.add(
                "csg.runtime.gc.pause", "histogram", "s", "p95",
                lambda _, g=generation: 0.002 * (1 + g) * draw.lognormvariate(0, 0.8), cpython__gc__generation=str(generation),
            )  # fmt: skip
        for number in range(20):
            value = draw.uniform(1, 100)
            self.add("shop.setting", "gauge", "", "value", lambda _, v=value: v, number=str(number))

    def _odd_ones(self) -> None:
        """Add series that begin or end, random walks, peaks that come back, and steps of the past."""
        draw = self.random
        for number in range(6):
            moment = draw.randrange(340)
            self.add(
                "shop.jobs",
                "counter",
                "{job}",
                "rate",
                lambda step, m=moment: None if step < m else draw.choice([0.0, 0.1, 0.2]),
                queue=f"new-{number}",
            )
            self.add(
                "shop.jobs",
                "counter",
                "{job}",
                "rate",
                lambda step, m=moment: 0.3 if step < m else None,
                queue=f"old-{number}",
            )
            self.add(
                "shop.stock",
                "gauge",
                "{item}",
                "value",
                lambda step, m=moment: None if step < m else 20.0,
                shelf=f"new-{number}",
            )
        for number in range(12):
            level = [draw.uniform(50, 500)]
            for _ in range(359):
                level.append(max(1.0, level[-1] + draw.gauss(0, level[0] / 60)))
            self.add(
                "shop.queue.length",
                "gauge",
                "{order}",
                "value",
                lambda step, values=level: values[step],
                queue=str(number),
            )
        for number in range(8):
            period, offset = draw.choice([30, 60, 90]), draw.randrange(30)
            self.add(
                "shop.batch.size",
                "gauge",
                "{order}",
                "value",
                lambda step, p=period, o=offset: 900.0 if (step + o) % p < 5 else 20 * draw.uniform(0.8, 1.2),
                job=str(number),
            )
        for number in range(6):
            moment, size = draw.randrange(60, 250), draw.uniform(1.5, 5)
            self.add(
                "shop.workers",
                "up_down_counter",
                "{worker}",
                "value",
                lambda step, m=moment, s=size: (8 * s if step >= m else 8) + draw.randrange(2),
                pool=str(number),
            )

    def span(
        self, name: str, end: float, duration_s: float, *, parent: str | None = None, error: str = "", **attributes: Any
    ) -> str:
        """Add an ended span, and return its id."""
        self._ids += 1
        keys = {key.replace("__", "."): value for key, value in attributes.items()}
        self.spans.append(
            {
                "trace_id": f"{self._ids:032x}", "span_id": f"{self._ids:016x}", "parent_id": parent, "name": name,
                "kind": "internal", "service": "shop", "scope": "", "start": end - duration_s, "end": end,
                "duration_s": duration_s, "status": "error" if error else "unset", "status_message": "",
                "attributes": {**keys, **({"error.type": error} if error else {})}, "events": [], "links": [],
            }
        )  # fmt: skip
        return f"{self._ids:016x}"

    def log(self, time: float, level: Any, body: str, logger: str = "shop") -> None:
        """Add a log record."""
        self._ids += 1
        self.logs.append(
            {
                "id": self._ids, "time": time, "level": level, "severity": 9, "logger": logger, "body": body, "service": "shop",
                "trace_id": "", "span_id": "", "attributes": {}, "exception": None,
            }
        )  # fmt: skip

    def trace_requests(
        self,
        *,
        count: int = 1500,
        route: str = "",
        slower: float = 1.0,
        inner: float = 1.0,
        error: str = "",
        share: float = 0.0,
    ) -> None:
        """
        Add *count* requests with a query each, spread over the last 40 minutes.

        Args:
            count: requests.
            route: the route that differs from ``began`` on.
            slower: factor of its own time.
            inner: factor of its query's time.
            error: the type of its errors.
            share: the share of its requests that fail.
        """
        draw = self.random
        typical = {one: draw.uniform(0.01, 0.2) for one in ROUTES}
        for number in range(count):
            end = NOW - 2400 * (1 - number / count)
            one = draw.choice(ROUTES[:8])
            hit = one == route and end >= TIMES[self.began]
            own = typical[one] * draw.lognormvariate(0, 0.4) * (slower if hit else 1)
            query = typical[one] / 3 * draw.lognormvariate(0, 0.4) * (inner if hit else 1)
            failure = error if hit and draw.random() < share else "ValueError" if draw.random() < 0.005 else ""
            request = self.span(
                f"GET {one}", end, own + query, error=failure, http__route=one, csg__tenant=draw.choice("xyz")
            )
            self.span(f"SELECT {one[1:]}", end - own / 2, query, parent=request)
            self.log(end, "info", f"GET {one} took {own * 1000:.0f} ms")
            if failure:
                self.log(end, "error", f"order {draw.randrange(10**6)} failed: {failure}", "shop.orders")
            elif draw.random() < 0.01:
                self.log(end, "warn", f"slow answer of 10.0.0.{draw.randrange(255)}")

    def move_unrelated(self) -> None:
        """Let some series move with an incident, or at the same time by chance."""
        draw = self.random
        self.change("http.server.active_requests", lambda value, _: value * draw.uniform(2, 5) + 2)
        self.change("process.thread.count", lambda value, _: value + 6)
        self.change("cpython.gc.collections", lambda value, _: value * 1.8)
        self.change("system.disk.io", lambda value, _: value * 2, system__device="sdb")
        self.change("system.cpu.utilization", lambda value, one: min(1.0, value * 1.5), cpu__mode="user")
        self.change("shop.queue.length", lambda value, _: value * 2, queue="3")
        other = draw.choice(ROUTES[10:])
        factor = draw.uniform(1.2, 1.6)
        self.change(
            "http.server.request.duration",
            lambda value, one: value * (1 if one.field == "rate" else factor),
            http__route=other,
        )
        self.change("http.server.request.duration", lambda value, one: value * (0.7 if one.field == "rate" else 1))
