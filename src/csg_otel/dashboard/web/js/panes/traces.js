// Traces: the live list, with duration bars on one logarithmic scale.

import { h } from "../dom.js";
import { app, link, now, setParams } from "../app.js";
import { duration, number, plural, since } from "../format.js";
import { ago, chip, durationText, empty, filterInput, filterToggle, icon } from "../widgets.js";
import { LiveList } from "../list.js";

const CODE = `@csg_otel.observe
def charge(order): ...`;
const ERROR = "M8 1 15 8 8 15 1 8z";
const FILTERS = ["text", "name", "service", "min_ms", "max_ms", "error", "running"];

export function open() {
  const list = new LiveList({ path: "traces", field: "traces", key: (row) => row.trace_id, order: (row) => row.start });
  let query = null;
  const refresh = () => list.load(parameters());
  return {
    topics: ["traces"],
    refresh: () => ((query = JSON.stringify(parameters())), refresh()),
    show: () => {
      const next = JSON.stringify(parameters());
      if (query !== null && next !== query) refresh();
      query = query === null ? null : next;
    },
    event: (name, doc) => name === "traces" && take(list, doc.traces, refresh),
    close: () => list.close(),
    view: () => view(list, refresh),
  };
}

function parameters() {
  const { params } = app.route;
  const result = Object.fromEntries(FILTERS.map((name) => [name, params.get(name) ?? ""]));
  return { ...result, attr: params.getAll("attr") };
}

/** Filters that only the program can apply mean asking it; otherwise rows are taken as they come. */
function take(list, traces, refresh) {
  const filters = list.parameters;
  const known = new Set(list.rows.map((row) => row.trace_id));
  const changed = traces.filter((row) => known.has(row.trace_id));
  list.add(changed);
  if (FILTERS.some((name) => filters[name]) || filters.attr?.length) {
    if (!list.mustWait()) refresh();
    return;
  }
  list.add(traces);
}

function view(list, refresh) {
  const { params } = app.route;
  const scale = durations(list.rows);
  const head = h("div", { class: "row head", key: "head", "aria-hidden": "true" },
    h("span", null), h("span", null, "Started"), h("span", null, "Trace"), h("span", { class: "c-service" }, "Service"),
    h("span", { class: "axis" }, h("span", null, duration(scale.low)), h("span", { class: "dim" }, "log scale"), h("span", null, duration(scale.high))),
    h("span", { class: "right" }, "Duration"), h("span", { class: "right c-count" }, "Spans"), h("span", { class: "right c-count" }, "Logs"));
  return h("div", { class: "page traces" }, filters(params, list),
    list.view(head, (row) => traceRow(row, scale), (row) => look(row, scale), () => nothing(params, list), refresh));
}

function filters(params, list) {
  const services = [...new Set(list.rows.map((row) => row.service))].sort();
  return h("div", { class: "filters", key: "filters" },
    filterInput("text", params, "Search name, ids, attributes"),
    filterToggle("error", params, "errors"), filterToggle("running", params, "running"),
    filterInput("service", params, "service", { list: "services", class: "narrow" }),
    h("datalist", { id: "services" }, services.map((name) => h("option", { key: name, value: name }))),
    filterInput("min_ms", params, "min ms", { type: "number", min: "0", class: "tiny" }),
    filterInput("max_ms", params, "max ms", { type: "number", min: "0", class: "tiny" }),
    attributeInput(params),
    params.getAll("attr").map((text) => chip(text, () => setParams({ attr: params.getAll("attr").filter((other) => other !== text) }))),
    params.get("name") && chip(`name: ${params.get("name")}`, () => setParams({ name: null })),
    list.page && h("span", { class: "dim total" }, `${number(list.page.total)} of ${plural(list.page.kept, "trace")}`));
}

function attributeInput(params) {
  const add = (event) => {
    const text = event.target.value.trim();
    if (!/^[^=]+=./.test(text)) return;
    event.target.value = "";
    setParams({ attr: [...params.getAll("attr"), text] });
  };
  return h("input", { key: "attr", class: "narrow", placeholder: "attribute=value", "aria-label": "attribute=value, then Enter", onchange: add, spellcheck: "false" });
}

/** The scale of all duration bars: whole powers of ten around the durations of the list. */
function durations(rows) {
  const values = rows.map((row) => row.duration_s ?? now() - row.start).filter((value) => value > 0);
  const low = Math.floor(Math.log10(Math.max(1e-6, Math.min(...values, 0.001))));
  const high = Math.max(low + 1, Math.ceil(Math.log10(Math.max(...values, 0.01))));
  const place = (value) => Math.max(1.5, Math.min(100, ((Math.log10(Math.max(value, 1e-9)) - low) / (high - low)) * 100));
  return { low: 10 ** low, high: 10 ** high, place };
}

/** What a row shows besides its own values: the scale, the age, and the time so far. */
function look(row, scale) {
  const age = now() - row.start;
  return `${scale.low} ${scale.high} ${row.duration_s === null ? age : since(age)}`;
}

function traceRow(row, scale) {
  const running = row.running > 0;
  const seconds = row.duration_s ?? Math.max(0, now() - row.start);
  const state = row.errors ? "error" : running ? "running" : "fine";
  return h("a", {
    class: `row t-${state}`, role: "listitem", key: row.trace_id, href: link("traces", row.trace_id), "data-row": true, "data-trace": row.trace_id,
  },
    h("span", { class: "c-mark", title: row.errors ? plural(row.errors, "error") : "" }, row.errors > 0 && [icon(ERROR, "shape s-critical"), h("span", { class: "sr" }, "error")]),
    h("span", { class: "dim" }, ago(row.start)),
    h("span", { class: "c-name", title: row.name }, row.name || "(no name)", running && h("span", { class: "tag running" }, "running")),
    h("span", { class: "c-service dim", title: row.service }, row.service),
    h("span", { class: "c-bar" }, h("span", { class: `bar-fill ${running ? "open-end" : ""}`, style: { width: `${scale.place(seconds)}%` } })),
    h("span", { class: "right" }, durationText(seconds)),
    h("span", { class: "right q dim c-count" }, String(row.spans)),
    h("span", { class: "right q dim c-count" }, row.logs ? String(row.logs) : ""));
}

function nothing(params, list) {
  const filtered = FILTERS.some((name) => params.get(name)) || params.getAll("attr").length > 0;
  if (!filtered) return empty("No trace yet. Each request, job or call that is observed becomes one:", CODE);
  return h("div", { class: "empty" }, h("p", null, `None of ${plural(list.page.kept, "trace")} matches.`),
    h("button", { onclick: () => setParams(Object.fromEntries([...FILTERS, "attr"].map((name) => [name, null]))) }, "Remove the filters"));
}
