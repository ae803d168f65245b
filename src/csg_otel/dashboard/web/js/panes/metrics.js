// Metrics: every instrument with its newest value; the chosen one as charts.

import { h } from "../dom.js";
import { app, draw, link, setParams } from "../app.js";
import { plural, value, clock } from "../format.js";
import { chip, choice, empty, failed, filterInput, largest, loading, quantity, sparkline } from "../widgets.js";
import { Loaded } from "../load.js";
import { chartBox } from "../chart.js";
import { QUANTILES, panels } from "../series.js";
import { Selection, isFixed, openExemplar, points, rangeChoice, rangeParameters } from "../ranges.js";

const CODE = `orders = csg_otel.counter("orders.accepted", unit="{order}")
orders.add(1)`;
const KINDS = { counter: "counter", up_down_counter: "up-down counter", gauge: "gauge", histogram: "histogram" };

export function open() {
  const list = new Loaded();
  const chart = new Loaded();
  const state = { selection: new Selection(), panels: [], of: null };
  const refresh = () => {
    list.load("metrics");
    show();
  };
  const show = () => {
    const { params } = app.route;
    const name = params.get("name");
    if (!name) return;
    chart.load("metrics/series", { name, by: params.getAll("by"), attr: params.getAll("attr"), ...rangeParameters(), points: points() }, name);
  };
  return {
    topics: ["metrics"],
    refresh,
    show: () => list.doc && show(),
    event: (name) => name === "metrics" && (list.load("metrics"), isFixed() || show()),
    close: () => (list.close(), chart.close()),
    view: () => view(list, chart, state, refresh),
  };
}

function view(list, chart, state, refresh) {
  if (!list.doc) return list.error ? failed(list.error, refresh) : loading();
  if (list.doc.metrics.length === 0) return empty("No metric has a value yet. This makes one:", CODE);
  const { params } = app.route;
  const name = params.get("name");
  const row = list.doc.metrics.find((metric) => metric.name === name);
  return h("div", { class: `page metrics ${name ? "with-chart" : ""}` },
    instruments(list.doc.metrics, params),
    h("div", { class: "scroll chart-side", key: "side" }, name ? detail(name, row, chart, state, params) :
      h("div", { class: "empty" }, h("p", null, "Choose an instrument to see its chart."))));
}

/** The list, filtered by every word of the search. */
function instruments(metrics, params) {
  const words = (params.get("text") ?? "").toLowerCase().split(/\s+/).filter(Boolean);
  const shown = metrics.filter((metric) => words.every((word) => `${metric.name} ${metric.description} ${metric.kind}`.toLowerCase().includes(word)));
  return h("div", { class: "instruments", key: "instruments" },
    h("div", { class: "filters" }, filterInput("text", params, "Search metrics"), h("span", { class: "dim total" }, shown.length === metrics.length ? String(metrics.length) : `${shown.length} of ${metrics.length}`)),
    h("div", { class: "scroll" }, h("div", { class: "rows", role: "list" }, shown.map((metric) => instrument(metric, params)))),
    shown.length === 0 && h("p", { class: "dim pad" }, `None of ${plural(metrics.length, "metric")} matches.`));
}

function instrument(metric, params) {
  const chosen = params.get("name") === metric.name;
  const href = link("metrics", "", { text: params.get("text"), name: metric.name, range: params.get("range"), end: params.get("end") });
  return h("a", { class: "row", role: "listitem", key: metric.name, href, "data-row": true, "data-metric": metric.name, "aria-current": chosen ? "true" : undefined, title: metric.description },
    h("span", { class: "c-name" }, metric.name),
    h("span", { class: "c-spark" }, sparkline(metric.values, largest(metric.values))),
    h("span", { class: "right" }, metric.latest === null && metric.series > 1 ? h("span", { class: "dim" }, `${metric.series} series`) : quantity(metric.latest, latestUnit(metric))));
}

/** A counter's newest value is a rate; what is counted is in the name already. */
function latestUnit(metric) {
  const unit = metric.unit.startsWith("{") ? "" : metric.unit;
  return metric.kind === "counter" ? `${unit}/s` : unit;
}

function detail(name, row, chart, state, params) {
  const actions = {
    select: (from, to) => (state.selection.select(from, to), draw()),
    open: openExemplar,
  };
  const known = QUANTILES.filter((name) => chart.doc?.series.some((series) => series.field === name));
  const field = quantile(known, params);
  if (state.of !== chart.doc || state.field !== field) {
    Object.assign(state, { of: chart.doc, field, panels: chart.doc ? panels(chart.doc, field) : [] });
  }
  return [
    h("div", { class: "chart-head", key: "chart-head" },
      h("h2", null, h("a", { class: "back", href: link("metrics", "", { text: params.get("text") }) }, "‹ Metrics"), " ", name),
      row && h("p", { class: "dim" }, `${KINDS[row.kind] ?? row.kind}${row.unit && row.unit !== "1" ? ` in ${row.unit}` : ""}, ${row.series} series. ${row.description}`),
      h("div", { class: "filters" }, rangeChoice(), row?.kind === "histogram" && chart.doc && quantiles(known, field), row && split(row, params), attributeFilters(row, params))),
    chart.error && failed(chart.error),
    !chart.doc && !chart.error && loading(),
    state.selection.view(draw),
    state.panels.map((doc, at) => doc.series.length ? chartBox(doc, actions, at === 0 ? 300 : 140) : h("p", { class: "dim pad", key: `none ${at}` }, "No data in this range.")),
    chart.doc && exemplars(chart.doc),
  ];
}

/** The quantile to show: all where the chart is not split, else the 95 % one unless chosen. */
function quantile(known, params) {
  const chosen = params.get("field") ?? (params.has("by") ? "p95" : "");
  return known.includes(chosen) ? chosen : "";
}

function quantiles(known, field) {
  if (known.length === 0) return h("span", { class: "dim", key: "quantiles" }, "means: quantiles need lines of one series each");
  return choice("Quantile", [["", "all"], ...known.map((name) => [name, name])], field, (value) => setParams({ field: value || "all" }));
}

function split(row, params) {
  const names = Object.keys(row.attributes).sort();
  if (names.length === 0) return null;
  const by = params.getAll("by");
  return h("span", { class: "split", key: "split" }, h("span", { class: "dim" }, "split by "),
    names.map((name) => h("button", {
      key: name, class: "toggle", "aria-pressed": String(by.includes(name)),
      onclick: () => setParams({ by: by.includes(name) ? by.filter((other) => other !== name) : [...by, name] }),
    }, name)));
}

function attributeFilters(row, params) {
  const chosen = params.getAll("attr");
  const without = (text) => setParams({ attr: chosen.filter((other) => other !== text) });
  const options = row ? Object.entries(row.attributes).flatMap(([name, values]) => values.map((one) => `${name}=${one}`)) : [];
  return [
    options.length > 0 && h("select", { key: "attr", "aria-label": "Only series with", onchange: (event) => event.target.value && (setParams({ attr: [...chosen, event.target.value] }), (event.target.value = "")) },
      h("option", { value: "" }, "only with …"), options.filter((text) => !chosen.includes(text)).map((text) => h("option", { key: text, value: text }, text))),
    chosen.map((text) => chip(text, () => without(text))),
  ];
}

/** The exemplars as links, the largest first: reachable by keyboard. */
function exemplars(doc) {
  if (doc.exemplars.length === 0) return null;
  const sorted = [...doc.exemplars].sort((a, b) => b.value - a.value).slice(0, 20);
  return h("section", { key: "exemplars", class: "exemplars" }, h("h3", null, "Exemplars", h("span", { class: "dim" }, " the largest, with their traces")),
    h("div", { class: "rows", role: "list" }, sorted.map((one, at) =>
      h("a", { class: "row", role: "listitem", key: `${one.trace_id} ${one.span_id} ${at}`, href: link("traces", one.trace_id, { span: one.span_id }), "data-exemplar": one.trace_id },
        h("span", { class: "q dim" }, clock(one.time)), h("span", { class: "q right" }, value(one.value, doc.unit)),
        h("span", { class: "mono dim" }, one.trace_id), h("span", { class: "dim" }, Object.entries(one.attributes).map(([name, item]) => `${name}=${item}`).join(" "))))));
}
