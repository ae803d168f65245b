// Logs: live, newest first; a record unfolds to its attributes, exception and trace.

import { h } from "../dom.js";
import { app, draw, link, setParams } from "../app.js";
import { clockMs, fullTime, number, plural } from "../format.js";
import { attributeList, chip, empty, filterInput, stateMark } from "../widgets.js";
import { LiveList } from "../list.js";

const CODE = `logging.getLogger("app").info("order accepted")`;
const FILTERS = ["text", "level", "logger", "trace", "span"];
export const LEVELS = ["trace", "debug", "info", "warn", "error", "fatal"];

export function open() {
  const list = new LiveList({ path: "logs", field: "logs", key: (row) => row.id, order: (row) => row.id });
  const state = { opened: null };
  let query = null;
  const refresh = () => list.load(parameters());
  return {
    topics: ["logs"],
    refresh: () => ((query = JSON.stringify(parameters())), refresh()),
    show: () => {
      const next = JSON.stringify(parameters());
      if (query !== null && next !== query) refresh();
      query = query === null ? null : next;
    },
    event: (name, doc) => name === "logs" && list.add(doc.logs.filter(matches(list.parameters))),
    close: () => list.close(),
    view: () => view(list, state, refresh),
  };
}

function parameters() {
  const { params } = app.route;
  return Object.fromEntries(FILTERS.map((name) => [name, params.get(name) ?? ""]));
}

/** The program's filter, for rows that arrive live. */
function matches(filters) {
  const least = LEVELS.indexOf(filters.level);
  const text = filters.text?.toLowerCase();
  return (row) =>
    LEVELS.indexOf(row.level) >= least && (!filters.logger || row.logger.startsWith(filters.logger)) &&
    (!filters.trace || row.trace_id === filters.trace) && (!filters.span || row.span_id === filters.span) &&
    (!text || `${row.body} ${row.logger} ${JSON.stringify(row.attributes)} ${row.exception?.type ?? ""} ${row.exception?.message ?? ""}`.toLowerCase().includes(text));
}

function view(list, state, refresh) {
  const { params } = app.route;
  const head = h("div", { class: "row head", key: "head", "aria-hidden": "true" }, h("span", null, "Time"), h("span", null, "Level"), h("span", { class: "c-logger" }, "Logger"), h("span", null, "Message"), h("span", null));
  return h("div", { class: "page logs" }, filters(params, list),
    list.view(head, (row) => logRow(row, state), (row) => state.opened === row.id, () => nothing(params, list), refresh));
}

function filters(params, list) {
  const loggers = [...new Set(list.rows.map((row) => row.logger))].sort();
  const level = params.get("level") ?? "";
  return h("div", { class: "filters", key: "filters" },
    filterInput("text", params, "Search text"),
    h("select", { key: "level", "aria-label": "lowest level", onchange: (event) => setParams({ level: event.target.value }) },
      h("option", { value: "", selected: level === "" }, "all levels"),
      LEVELS.slice(1).map((name) => h("option", { value: name, selected: level === name }, name === "fatal" ? name : `${name} and above`))),
    filterInput("logger", params, "logger", { list: "loggers", class: "narrow" }),
    h("datalist", { id: "loggers" }, loggers.map((name) => h("option", { key: name, value: name }))),
    params.get("trace") && [
      chip(`trace ${params.get("trace").slice(0, 8)}…`, () => setParams({ trace: null, span: null })),
      h("a", { class: "button", key: "back", href: link("traces", params.get("trace"), { span: params.get("span") }) }, "Back to the trace"),
    ],
    params.get("span") && chip(`span ${params.get("span").slice(0, 8)}…`, () => setParams({ span: null })),
    list.page && h("span", { class: "dim total" }, `${number(list.page.total)} of ${plural(list.page.kept, "record")}`));
}

function logRow(row, state) {
  const opened = state.opened === row.id;
  const toggle = () => {
    state.opened = opened ? null : row.id;
    draw();
  };
  return h("div", { class: "item", role: "listitem", key: row.id },
    h("button", { class: `row l-${row.level}`, "data-row": true, "data-log": row.id, "aria-expanded": String(opened), onclick: toggle },
      h("time", { class: "q", title: fullTime(row.time) }, clockMs(row.time)),
      h("span", { class: "c-level" }, levelMark(row.level)),
      h("span", { class: "c-logger dim", title: row.logger }, row.logger),
      h("span", { class: "c-text" }, row.body, row.exception && h("span", { class: "s-critical" }, ` ${row.exception.type}: ${row.exception.message}`)),
      h("span", { class: "c-trace dim" }, row.trace_id ? "trace" : "")),
    opened && detail(row));
}

export function levelMark(level) {
  return ["warn", "error", "fatal"].includes(level) ? stateMark(level) : h("span", { class: "dim" }, level);
}

function detail(row) {
  return h("div", { class: "detail one" },
    h("p", { class: "line" },
      row.trace_id && h("a", { class: "button", href: link("traces", row.trace_id, { span: row.span_id }) }, "Open the trace"),
      row.trace_id && h("button", { onclick: () => setParams({ trace: row.trace_id, span: null }) }, "Only this trace"),
      h("button", { onclick: () => setParams({ logger: row.logger }) }, "Only this logger"),
      h("a", { class: "button", href: link("metrics", "", { end: Math.ceil(row.time + 60), range: 300 }) }, "Metrics at that time")),
    h("p", { class: "message mono" }, row.body),
    row.exception && exceptionText(row.exception),
    h("p", { class: "dim" }, `${row.service} · severity ${row.severity} · ${fullTime(row.time)}`),
    attributeList(row.attributes));
}

export function exceptionText(exception) {
  return h("div", { class: "exception" },
    h("p", { class: "s-critical" }, `${exception.type}: ${exception.message}`),
    exception.stacktrace && h("pre", null, exception.stacktrace));
}

function nothing(params, list) {
  if (!FILTERS.some((name) => params.get(name))) return empty("No log record yet. The standard library's logging is enough:", CODE);
  return h("div", { class: "empty" }, h("p", null, `None of ${plural(list.page.kept, "log record")} matches.`),
    h("button", { onclick: () => setParams(Object.fromEntries(FILTERS.map((name) => [name, null]))) }, "Remove the filters"));
}
