"""The terminal dashboard, driven by keys and mouse: every pane and key, narrow terminals, stale data, hostile text."""

from __future__ import annotations

import json
from typing import Any, Final

import pytest
from textual.events import Key
from textual.widgets import Input

from csg_otel.dashboard.terminal.widgets import RowList, TextLine
from support.dashboard_documents import (
    FEATURES,
    NOW,
    TRACE,
    MemorySource,
    check,
    log,
    rule,
    span,
    status,
    summary,
    trace,
)
from support.driven_dashboard import Driven, driven, shows, text, until


@pytest.mark.parametrize(
    ("key", "words"),
    [
        (
            "1",
            [
                "2 of 4 checks not healthy",
                "database",
                "p95 of /checkout rose from 12.1 ms to 310 ms",
                "23.4%",
                "degraded",
                "412 traces",
                "slack",
            ],
        ),
        (
            "2",
            [
                "✖ CRITICAL",
                "database !",
                "connection to db:5432 refused",
                "▲ WARNING",
                "● HEALTHY",
                "12.4 ms",
                "3m 10s",
            ],
        ),
        ("3", ["POST /checkout", "running", "13.0 ms", "░▷", "Duration"]),
        ("4", ["WARN", "order 4895 is late", "ValueError", "5b8efff7"]),
        ("5", ["http.server.request.duration", "82.1 ms", "12.5/s", "91.6 MiB", "histogram"]),
        ("6", ["CPU", "Network  KiB/s", "KiB/s", "1 h"]),
        ("7", ["✖ FIRING", "HighMemory", "▲ PENDING", "310 ms", "> 250 ms", "2m 00s", "? NO DATA"]),
    ],
)
def test_every_pane_shows_its_documents(key: str, words: list[str]) -> None:
    """The number keys show the panes, and a pane shows the values of its document for people."""

    @driven()
    async def drive(pilot: Driven, source: MemorySource) -> None:
        await pilot.press(key)
        for word in words:
            await shows(pilot, word)

    drive()


@driven()
async def test_tab_goes_through_the_panes(pilot: Driven, source: MemorySource) -> None:
    """Tab shows the next pane and Shift+Tab the one before, around both ends."""
    await pilot.press("tab")
    await shows(pilot, "Check")
    await pilot.press("shift+tab", "shift+tab")
    await shows(pilot, "HighMemory")
    await pilot.press("tab")
    await shows(pilot, "Needs attention")


@driven()
async def test_a_waterfall_leads_to_spans_logs_and_back(pilot: Driven, source: MemorySource) -> None:
    """Enter opens the waterfall, then the span with its exception; l its logs; t the trace of a record; Esc goes back."""
    await pilot.press("3", "enter")
    await shows(pilot, "read_chunk x 20")
    waterfall = text(pilot)
    assert "✖  charge card" in waterfall
    assert "▷" in waterfall.splitlines()[-1]
    assert "◆" in next(line for line in waterfall.splitlines() if "charge card" in line)
    await pilot.press("down", "down", "down", "enter")
    await shows(pilot, "TimeoutError: no answer within 300 ms")
    assert "till-3" in text(pilot).partition("Resource")[2]
    await pilot.press("l")
    await shows(pilot, "order 4")
    assert ("logs", {"span": "d1", "trace": TRACE, "limit": "300"}) in source.asked
    await pilot.press("t")
    await shows(pilot, "POST /checkout")
    await pilot.press("escape", "escape")
    await shows(pilot, "Duration")


@driven()
async def test_a_subtree_is_copied_as_json_and_the_link_of_a_view(pilot: Driven, source: MemorySource) -> None:
    """c copies the selected span with those below it; y copies the address of the web page that shows the same."""
    await pilot.press("3", "enter")
    await shows(pilot, "load cart")
    await pilot.press("down", "c")
    await shows(pilot, "2 spans copied", "keys")
    assert [one["name"] for one in json.loads(pilot.app.clipboard)] == ["load cart", "SELECT cart"]
    await pilot.press("y")
    await until(pilot, lambda: pilot.app.clipboard == f"http://127.0.0.1:8080/#/traces/{TRACE}?span=b1")


@driven()
async def test_a_check_shows_limits_timeline_failures_and_dependencies(pilot: Driven, source: MemorySource) -> None:
    """The details of a check have everything that is known of it, and its dependencies are links."""
    await pilot.press("2", "enter")
    for words in (
        "connections pool=main",
        "60",
        "80",
        "Timeline",
        "▄",
        "Last failures",
        "└─ ● HEALTHY  network",
        "port  5432",
    ):
        await shows(pilot, words)
    await pilot.press("enter")
    await shows(pilot, "3 routes")
    assert "Needed by" in text(pilot)


@driven()
async def test_a_metric_is_a_chart_with_axis_split_range_and_exemplars(pilot: Driven, source: MemorySource) -> None:
    """Enter shows the chart; b splits by attribute; [ takes a shorter range; Enter on an exemplar opens its trace."""
    await pilot.press("5", "down", "enter")
    for words in ("200 │", "p95", "duration  ms", "trace 5b8efff7"):
        await shows(pilot, words)
    assert any("\u2800" < character <= "\u28ff" for character in text(pilot))
    await pilot.press("b", "left_square_bracket")
    wanted = {"name": "http.server.request.duration", "by": "http.route", "range": "1800", "points": "200"}
    await until(pilot, lambda: ("metrics/series", wanted) in source.asked)
    await pilot.press("enter")
    await shows(pilot, "charge card")


@driven()
async def test_the_mouse_over_a_chart_shows_the_values_of_that_time(pilot: Driven, source: MemorySource) -> None:
    """The legend has the time under the mouse, and the values of all series at it."""
    await pilot.press("5", "down", "enter")
    await shows(pilot, "━ p95 176 ms")
    await pilot.hover("#list", offset=(40, 8))
    await until(pilot, lambda: "━ p95 176 ms" not in text(pilot) and "│" in text(pilot))


@driven()
async def test_the_mouse_selects_panes_and_rows(pilot: Driven, source: MemorySource) -> None:
    """A click on the rail shows a pane; a click selects a row, and a second one opens it."""
    await pilot.click("#rail", offset=(4, 1))
    await shows(pilot, "disk_space")
    await pilot.click("#list", offset=(20, 2))
    await pilot.click("#list", offset=(20, 2))
    await shows(pilot, "groups")
    assert "liveness" in text(pilot)


@driven()
async def test_r_asks_again_and_s_restarts_the_services(pilot: Driven, source: MemorySource) -> None:
    """r asks at once for what is shown; s runs the source's action and shows its end, or why it failed."""
    await pilot.press("2")
    await shows(pilot, "database")
    source.asked.clear()
    await pilot.press("r")
    await until(pilot, lambda: {path for path, _ in source.asked} == {"status", "health"})
    await pilot.press("s")
    await shows(pilot, "restart of the monitoring services: done", "keys")
    assert source.posted == [("services/restart", {})]
    source.refused = "the services belong to another process"
    await pilot.press("s")
    await shows(pilot, "belong to another process", "keys")


def test_s_starts_the_services_of_the_own_process() -> None:
    """A program without a running service gives its own function for s."""
    started: list[bool] = []

    @driven(restart=lambda: started.append(True))
    async def drive(pilot: Driven, source: MemorySource) -> None:
        await pilot.press("s")
        await until(pilot, lambda: started)
        assert source.posted == []

    drive()


@driven()
async def test_q_quits_while_the_source_hangs(pilot: Driven, source: MemorySource) -> None:
    """No key waits for I/O: the panes change and q quits although a request does not end."""
    source.go_on.clear()
    await pilot.press("3")
    await shows(pilot, "Loading ...")
    await pilot.press("2", "q")
    await until(pilot, lambda: not pilot.app.is_running or pilot.app._exit)
    source.go_on.set()


@driven()
async def test_a_filter_is_typed_kept_and_cleared(pilot: Driven, source: MemorySource) -> None:
    """/ opens the filter; names, durations, flags and attributes are parameters; Enter keeps it, Esc clears it."""
    await pilot.press("3", "slash")
    await pilot.press(*"import min:250ms error user.id=42".replace(" ", "_"))
    field = pilot.app.screen.query_one("#filter", Input)
    field.value = "import min:250ms error user.id=42"
    wanted = {"attr": ["user.id=42"], "error": "true", "limit": "200", "min_ms": "250", "text": "import"}
    await until(pilot, lambda: ("traces", wanted) in source.asked)
    await until(pilot, lambda: "import orders" in text(pilot) and "GET /cart" not in text(pilot))
    await pilot.press("enter")
    await shows(pilot, "filter: import min:250ms error user.id=42", "keys")
    await pilot.press("escape")
    await shows(pilot, "GET /cart")


@driven()
async def test_keys_typed_ahead_reach_the_filter(pilot: Driven, source: MemorySource) -> None:
    """A filter that is typed or pasted in one go is no row of commands; a slash in it is a character."""
    await pilot.press("5")
    await shows(pilot, "Metric")
    for key in ("slash", *"quit/s", "enter"):
        pilot.app.post_message(Key(key, "/" if key == "slash" else key if len(key) == 1 else None))
    await shows(pilot, "filter: quit/s", "keys")
    assert source.posted == []


@driven()
async def test_health_and_alerts_are_filtered_here(pilot: Driven, source: MemorySource) -> None:
    """The lists that come whole are filtered by text and state."""
    await pilot.press("2", "slash", *"disk", "enter")
    await until(pilot, lambda: "disk_space" in text(pilot) and "database" not in text(pilot))
    await pilot.press("7", "slash", *"state:pending", "enter")
    await until(pilot, lambda: "SlowCheckout" in text(pilot) and "HighMemory" not in text(pilot))
    await pilot.press("slash", *"zzz")
    await shows(pilot, "No rule matches the filter.")


def _line_of_dialog(pilot: Driven, name: str) -> str:
    """Return the first line that a widget of the topmost screen shows; empty as long as there is none."""
    widgets = pilot.app.screen.query(f"#{name}").results(TextLine)
    return "".join(widget.lines[0] for widget in widgets if widget.lines)


@driven()
async def test_a_acknowledges_an_alert(pilot: Driven, source: MemorySource) -> None:
    """a asks how long and why, and makes a silence; a wrong duration is refused; Esc makes none."""
    await pilot.press("7")
    await shows(pilot, "HighMemory")
    await pilot.press("a")
    await until(pilot, lambda: _line_of_dialog(pilot, "question"))
    await pilot.press(*"soon", "enter")
    await until(pilot, lambda: "A duration is needed" in _line_of_dialog(pilot, "advice"))
    pilot.app.screen.query_one("#duration", Input).value = "30m"
    await pilot.press("enter", *"on_it", "enter")
    await shows(pilot, "silence of HighMemory: done", "keys")
    assert [path for path, _ in source.posted] == ["alerts/acknowledge"]
    body = source.posted[0][1]
    assert (body["alert"], body["labels"], body["duration_s"], body["comment"]) == ("HighMemory", {}, 1800.0, "on_it")
    await pilot.press("a")
    await until(pilot, lambda: _line_of_dialog(pilot, "question"))
    await pilot.press("escape")
    await until(pilot, lambda: len(pilot.app.screen_stack) == 1)
    await pilot.press("enter", "a")
    await until(pilot, lambda: "host=web-3" in _line_of_dialog(pilot, "question"))
    await pilot.press("escape")
    assert len(source.posted) == 1


@driven()
async def test_without_alertmanager_an_alert_cannot_be_acknowledged(pilot: Driven, source: MemorySource) -> None:
    """The key says why there is no silence."""
    source.documents["alerts"].update(can_acknowledge=False, problem="alerting.alertmanager has no address")
    await pilot.press("7")
    await shows(pilot, "alerting.alertmanager has no address")
    await pilot.press("a")
    await shows(pilot, "alerting.alertmanager has no address", "keys")


@driven()
async def test_help_lists_keys_and_filters(pilot: Driven, source: MemorySource) -> None:
    """? shows every key; Tab stays inside; Esc closes it."""
    await pilot.press("question_mark")
    await until(pilot, lambda: len(pilot.app.screen_stack) == 2)

    def help_text() -> str:
        return "\n".join(line for widget in pilot.app.screen.query(RowList) for line in widget.lines)

    for words in ("acknowledge", "refresh", "restart", "quit", "min:250ms"):
        await until(pilot, lambda words=words: words in help_text())  # type: ignore[misc]
    await pilot.press("tab", "escape")
    await until(pilot, lambda: len(pilot.app.screen_stack) == 1)
    assert "Needs attention" in text(pilot)


@driven(interval_s=0.05)
async def test_data_goes_stale_and_comes_back_by_itself(pilot: Driven, source: MemorySource) -> None:
    """Without an answer the bar says stale, since when and why; the word replaces old numbers; both end by themselves."""
    source.down = "nothing answers at http://127.0.0.1:8080: is the program running?"
    await shows(pilot, "◌ STALE", "status")
    await shows(pilot, "last data", "status")
    await shows(pilot, "is the program running?")
    await until(pilot, lambda: "23.4%" not in text(pilot))
    await shows(pilot, "stale")
    source.down = ""
    await shows(pilot, "✖ CRITICAL", "status")
    await shows(pilot, "23.4%")
    await shows(pilot, "The program answers again.", "keys")


@driven(interval_s=0.05)
async def test_a_new_process_starts_from_scratch(pilot: Driven, source: MemorySource) -> None:
    """Another session means another process: details of the old one are closed, and its documents are dropped."""
    await pilot.press("3", "enter")
    await shows(pilot, "load cart")
    source.documents["traces"] = [summary(0, trace_id="f" * 32, name="after the restart")]
    source.documents["status"] = status(session="two")
    await shows(pilot, "after the restart")
    await shows(pilot, "The program was restarted", "keys")


@driven()
async def test_panes_of_features_that_are_off_are_hidden(pilot: Driven, source: MemorySource) -> None:
    """A pane whose feature is off has no entry, no key and no link; the other numbers stay."""
    source.documents["status"] = status(features=[name for name in FEATURES if name not in ("traces", "performance")])
    await pilot.press("r")
    await until(pilot, lambda: "Traces" not in text(pilot, "rail"))
    assert "Metrics" not in text(pilot, "rail")
    assert "6 ▦ System" in text(pilot, "rail")
    await pilot.press("3")
    await shows(pilot, "Needs attention")
    await pilot.press("4")
    await shows(pilot, "order 4895 is late")
    await pilot.press("up", "up", "t")
    await shows(pilot, "switched off", "keys")


@driven()
async def test_a_resize_to_80_by_24_drops_columns_and_never_wraps(pilot: Driven, source: MemorySource) -> None:
    """The rail becomes a tab line, and every row of every pane fits the width."""
    for size, rail in (((80, 24), False), ((40, 12), False), ((160, 50), True)):
        await pilot.resize_terminal(*size)
        for number in "1234567":
            await pilot.press(number)
            shown = pilot.app.query_one("#list", RowList)
            await until(pilot, lambda shown=shown: shown.lines and "Loading" not in text(pilot))  # type: ignore[misc]
            await until(pilot, lambda shown=shown: max(map(len, shown.lines)) <= max(79, shown.width))  # type: ignore[misc]
        assert pilot.app.query_one("#rail").display is rail
        assert pilot.app.query_one("#tabs").display is not rail
        assert len(text(pilot, "tabs")) <= max(80, size[0])
    await pilot.resize_terminal(80, 24)
    await pilot.press("3")
    await until(pilot, lambda: "Service" not in text(pilot) and "Duration" in text(pilot))


@driven(size=(170, 40))
async def test_details_stand_beside_their_list_where_there_is_room(pilot: Driven, source: MemorySource) -> None:
    """In a wide terminal the details follow the cursor of the list; Right moves into them."""
    await pilot.press("2", "enter")
    await shows(pilot, "connections pool=main", "detail")
    assert "disk_space" in text(pilot)
    await pilot.press("down")
    await shows(pilot, "/var is 87% full", "detail")
    await pilot.press("right")
    await until(pilot, lambda: pilot.app.query_one("#detail").has_focus)
    await pilot.press("escape")
    await until(pilot, lambda: not pilot.app.query_one("#detail").display)


@driven(interval_s=0.05)
async def test_new_rows_move_only_a_list_at_its_end(pilot: Driven, source: MemorySource) -> None:
    """At its end a list of logs follows; elsewhere it stays, and says how many are new."""
    shown = pilot.app.query_one("#list", RowList)
    await pilot.press("4")
    await until(pilot, lambda: shown.cursor == "199")
    source.documents["logs"] = [log(200), *source.documents["logs"]]
    await until(pilot, lambda: shown.cursor == "200")
    await pilot.press("up", "up")
    await until(pilot, lambda: shown.cursor == "198")
    source.documents["logs"] = [log(203), log(202), log(201), *source.documents["logs"]]
    await shows(pilot, "3 new: End", "keys")
    assert shown.cursor == "198"
    await pilot.press("end")
    await until(pilot, lambda: shown.cursor == "203" and "new" not in text(pilot, "keys"))


@driven()
async def test_the_end_of_the_list_of_traces_loads_more(pilot: Driven, source: MemorySource) -> None:
    """The first page is short; the last row asks for the longest page."""
    source.documents["traces"] = [summary(i) for i in range(500)]
    await pilot.press("3")
    await until(pilot, lambda: len(pilot.app.query_one("#list", RowList).lines) == 201)
    await pilot.press("end")
    await until(pilot, lambda: len(pilot.app.query_one("#list", RowList).lines) == 501)


HOSTILE = "[red]x[/red][@click=app.quit]y[/] \x1b[31mz\x1b]0;t\x07 \u202eabc 日本語 \x00\r\n</b>${jndi}"


SHOP: Final = {"name": "shop", "language": "java", "spans": 240, "errors": 3, "rate": 0.8, "last": NOW - 2}
"""A program that sends."""


@driven()
async def test_a_dashboard_that_receives_says_how_its_programs_do(pilot: Driven, source: MemorySource) -> None:
    """Before the first arrival, where to send to; afterwards each program, which leads to its traces."""
    received: Any = {"receives_at": {"grpc": "http://127.0.0.1:4317"}, "checks": [], "errors": [], "changed": []}
    source.documents["status"] = status(state="waiting", overall="unknown", services=[], **received)
    await pilot.press("1", "r")
    await shows(pilot, "OTEL_EXPORTER_OTLP_PROTOCOL=grpc OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:4317")
    await shows(pilot, "WAITING", "status")
    source.documents["status"] = status(state="receiving", overall="unknown", services=[SHOP], **received)
    await pilot.press("r")
    await shows(pilot, "1 program sends here")
    assert "OTEL_EXPORTER_OTLP_ENDPOINT" not in text(pilot)
    (line,) = (line for line in text(pilot).splitlines() if line.lstrip().startswith("shop"))
    assert line.split()[1:4] == ["0.8/s", "240", "3"], line
    await pilot.press("enter")
    await until(pilot, lambda: any(path == "traces" and asked.get("service") == "shop" for path, asked in source.asked))


@driven()
async def test_each_level_of_a_rule_has_its_details(pilot: Driven, source: MemorySource) -> None:
    """Two rows have the same alert, and each opens its own; a name may contain spaces."""
    source.documents["alerts"]["rules"] = [
        rule("Many threads", "firing", "warning", 1.0, summary="more than ten"),
        rule("Many threads", "ok", "critical", 1.0, summary="not more than a hundred"),
    ]
    await pilot.press("r", "7", "enter")
    await shows(pilot, "more than ten")
    await pilot.press("escape", "down", "enter")
    await shows(pilot, "not more than a hundred")


@driven()
async def test_hostile_text_stays_text(pilot: Driven, source: MemorySource) -> None:
    """Markup, escape sequences, control characters and wide characters of names and messages change nothing but text."""
    documents = source.documents
    documents["health"]["checks"] = [
        check(HOSTILE, "critical", HOSTILE, details={HOSTILE: HOSTILE}, error_type=HOSTILE)
    ]
    documents["traces"] = [summary(0, name=HOSTILE, service=HOSTILE)]
    page = trace()
    page["spans"] = [span("a1", None, HOSTILE, 0, 1.0, attributes={HOSTILE: HOSTILE}, status_message=HOSTILE)]
    page["rows"] = page["rows"][:1]
    documents[f"traces/{TRACE}"] = page
    documents["logs"] = [log(1, body=HOSTILE, logger=HOSTILE, attributes={HOSTILE: [HOSTILE]})]
    documents["metrics"]["metrics"][0].update(name=HOSTILE, unit=HOSTILE, description=HOSTILE)
    documents["system"]["charts"][0].update(title=HOSTILE, unit=HOSTILE)
    documents["system"]["charts"][0]["series"][0]["label"] = HOSTILE
    documents["alerts"]["rules"] = [rule(HOSTILE, "firing", HOSTILE, 1.0, summary=HOSTILE, runbook_url=HOSTILE)]
    documents["status"] = status(maintenance=HOSTILE, checks=documents["health"]["checks"], active_notifiers=[HOSTILE])
    documents["status"]["service"]["name"] = HOSTILE
    await pilot.press("r")
    for keys in ("1", "2 enter", "3 enter enter", "4 enter", "5 enter", "6", "7 enter"):
        await pilot.press(*keys.split())
        await shows(pilot, "[red]x")
        drawn = "".join(
            segment.text
            for widget in pilot.app.query(RowList)
            for y in range(widget.size.height)
            for segment in widget.render_line(y)
        )
        assert drawn.isprintable()
    assert "\\x1b[31m" in text(pilot)
    assert "There is no rule" not in text(pilot)
    await shows(pilot, "[red]x", "status")


@driven(color=False)
async def test_without_colours_nothing_is_coloured(pilot: Driven, source: MemorySource) -> None:
    """With NO_COLOR, or on a terminal without colours, states are words and shapes, and the cursor is reversed."""
    await pilot.press("2")
    await shows(pilot, "✖ CRITICAL")
    filters = pilot.app.get_line_filters()
    for widget in pilot.app.query(RowList):
        segments = list(widget.render_line(1))
        for one in filters:
            segments = one.apply(segments, widget.background_colors[1])
        assert {s.style.color.name for s in segments if s.style and s.style.color} <= {"default"}
        assert {s.style.bgcolor.name for s in segments if s.style and s.style.bgcolor} <= {"default"}
    selected = pilot.app.query_one("#list", RowList).render_line(1)
    assert all(segment.style and segment.style.reverse for segment in selected)


@driven()
async def test_d_changes_between_dark_and_light(pilot: Driven, source: MemorySource) -> None:
    """The colours of all widgets follow the theme."""
    dark = pilot.app.screen.background_colors[1]
    await pilot.press("d")
    await until(pilot, lambda: pilot.app.screen.background_colors[1].brightness > 0.9 > dark.brightness)


@driven(interval_s=0.05)
async def test_only_lines_that_changed_are_drawn(pilot: Driven, source: MemorySource) -> None:
    """Rounds with the same documents draw nothing; one changed row draws one line."""
    await pilot.press("2")
    await shows(pilot, "database")
    source.asked.clear()
    await until(pilot, lambda: len(source.asked) > 6)  # until the first rounds have drawn
    shown = pilot.app.query_one("#list", RowList)
    drawn: list[tuple[object, ...]] = []
    refresh = shown.refresh

    def record(*regions: Any, **more: Any) -> Any:
        drawn.append(regions)
        return refresh(*regions, **more)

    shown.refresh = record  # type: ignore[method-assign]
    source.asked.clear()
    await until(pilot, lambda: len(source.asked) > 12)
    assert drawn == []
    source.documents["health"] = {**source.documents["health"], "checks": [*source.documents["health"]["checks"]]}
    source.documents["health"]["checks"][1] = check("disk_space", "warning", "/var is 88% full", category="system")
    await shows(pilot, "88% full")
    assert [len(regions) for regions in drawn] == [1]


@pytest.mark.parametrize(
    ("pane", "words"), [("2", "health_check"), ("3", "observe"), ("4", "logging"), ("5", "counter")]
)
def test_an_empty_pane_says_what_fills_it(pane: str, words: str) -> None:
    """A pane without rows shows the line of code that makes some."""

    @driven()
    async def drive(pilot: Driven, source: MemorySource) -> None:
        source.documents.update(traces=[], logs=[])
        source.documents["health"]["checks"] = []
        source.documents["metrics"]["metrics"] = []
        await pilot.press(pane)
        await shows(pilot, words)

    drive()
