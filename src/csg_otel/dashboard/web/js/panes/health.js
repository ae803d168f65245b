// Health: every check with its state over the last hour; a check unfolds to measurements, failures and details.

import { h } from "../dom.js";
import { app, now, setParams } from "../app.js";
import { since, plural, minute, value } from "../format.js";
import { ago, attributeList, choice, empty, failed, filterInput, loading, quantity, stateMark, timeline, timeOfDay } from "../widgets.js";
import { Loaded } from "../load.js";
import { CHECK } from "./overview.js";

const HOUR = 3600;

/** Seconds that the timelines show: an hour, of a young program the time that it has. */
function span() {
  return Math.max(300, Math.min(HOUR, now() - (app.status?.kept_since ?? 0)));
}

export function open() {
  const page = new Loaded();
  const refresh = () => page.load("health");
  return {
    topics: ["health"],
    refresh,
    event: (name, doc) => name === "health" && ((page.doc = doc), (page.error = null)),
    close: () => page.close(),
    key: (event) => fold(event),
    view: () => view(page, refresh),
  };
}

/** The right and left arrow unfold and fold the focused check. */
function fold(event) {
  const name = event.target.closest?.("[data-check]")?.dataset.check;
  if (name === undefined) return false;
  const opened = app.route.params.get("check") === name;
  if (event.key === "ArrowRight" && !opened) return setParams({ check: name }), true;
  if (event.key === "ArrowLeft" && opened) return setParams({ check: null }), true;
  return false;
}

function view(page, refresh) {
  if (!page.doc) return page.error ? failed(page.error, refresh) : loading();
  const { params } = app.route;
  const doc = page.doc;
  if (doc.checks.length === 0) return empty("No health check is registered. This one line makes a function one:", CHECK);
  const tree = params.get("view") === "tree";
  const rows = tree ? asTree(doc.checks) : doc.checks.map((check) => ({ check, depth: 0 }));
  const text = (params.get("text") ?? "").toLowerCase();
  const shown = rows.filter(({ check }) => matches(check, text));
  return h("div", { class: "scroll health" },
    h("div", { class: "filters" },
      filterInput("text", params, "Filter checks"),
      choice("Order", [["", "Worst first"], ["tree", "Dependencies"]], params.get("view") ?? "", (value) => setParams({ view: value })),
      h("span", { class: "groups" }, Object.entries(doc.groups).filter(([name]) => name !== "overall").map(([name, state]) => h("span", { key: name }, stateMark(state, true), " ", name)))),
    h("div", { class: "row head", "aria-hidden": "true" }, h("span", null, "State"), h("span", null, "Check"), h("span", null, "Message"),
      h("span", { class: "axis" }, h("span", null, minute(now() - span())), h("span", null, "now")), h("span", { class: "right" }, "Took"), h("span", { class: "right" }, "For")),
    h("div", { class: "rows", role: "list" }, shown.map((row) => checkRow(row, params.get("check")))),
    shown.length === 0 && h("p", { class: "dim pad" }, `None of ${plural(rows.length, "check")} matches.`));
}

function matches(check, text) {
  return !text || `${check.name} ${check.category} ${check.message} ${check.status} ${check.groups.join(" ")}`.toLowerCase().includes(text);
}

/** Each check below the one that depends on it: what needs others is at the top, its causes below. */
function asTree(checks) {
  const byName = new Map(checks.map((check) => [check.name, check]));
  const needed = new Set(checks.flatMap((check) => check.depends_on));
  const rows = [];
  const seen = new Set();
  const add = (check, depth) => {
    if (seen.has(check.name)) {
      rows.push({ check, depth, repeated: true });
      return;
    }
    seen.add(check.name);
    rows.push({ check, depth });
    for (const name of check.depends_on) if (byName.has(name)) add(byName.get(name), depth + 1);
  };
  for (const check of checks) if (!needed.has(check.name)) add(check, 0);
  for (const check of checks) if (!seen.has(check.name)) add(check, 0);
  return rows;
}

function checkRow({ check, depth, repeated }, opened) {
  const isOpen = opened === check.name && !repeated;
  const to = now();
  const key = `${check.name}${repeated ? ` again at ${depth}` : ""}`;
  return h("div", { class: "item", role: "listitem", key },
    h("button", {
      class: `row e-${check.status}`, "data-row": true, "data-check": check.name, "aria-expanded": String(isOpen),
      onclick: () => setParams({ check: isOpen ? null : check.name }),
    },
      h("span", { class: "c-state" }, stateMark(check.status)),
      h("span", { class: "c-name", style: { "padding-left": `${depth * 16}px` } }, depth > 0 && h("span", { class: "dim" }, "└ "), check.name,
        check.critical && h("span", { class: "tag", title: "an outage of it is one of the service" }, "critical")),
      h("span", { class: "c-text", title: check.message }, check.skipped_by ? `skipped: ${check.skipped_by} is critical` : check.message),
      h("span", { class: "c-line" }, timeline(check.timeline, to - span(), to)),
      h("span", { class: "right" }, check.duration_ms === null ? h("span", { class: "q dim" }, "–") : quantity(check.duration_ms, "ms")),
      h("span", { class: "right q dim" }, since(check.for_s))),
    isOpen && detail(check));
}

function detail(check) {
  return h("div", { class: "detail" },
    h("div", null,
      h("p", { class: "message" }, check.message || "no message", check.error_type && h("span", { class: "tag" }, check.error_type)),
      h("p", { class: "dim" }, [
        check.category, check.groups.join(", "), check.depends_on.length && `depends on ${check.depends_on.join(", ")}`,
        check.raw !== check.status && `reported ${check.raw}`, check.availability !== null && `available ${Number((check.availability * 100).toPrecision(5))} %`,
      ].filter(Boolean).join(" · ")),
      check.age_s !== null && h("p", { class: "dim" }, "Checked ", ago(now() - check.age_s)),
      check.measurements.length > 0 && h("div", { class: "measurements" }, check.measurements.map(measurement)),
      Object.keys(check.details).length > 0 && attributeList(check.details)),
    h("div", null, h("h3", null, "Last failures"),
      check.failures.length === 0 ? h("p", { class: "dim" }, "None that is remembered.") :
        h("ul", { class: "failures" }, check.failures.map((failure, index) =>
          h("li", { key: index }, timeOfDay(failure.time), " ", stateMark(failure.status, true), " ", failure.message)))));
}

/** A measurement with its limits; a bar where the limits are numbers. */
function measurement(one) {
  const numeric = (bound) => (typeof bound === "number" ? bound : null);
  const limits = [one.warning, one.critical].map(numeric);
  const top = one.maximum ?? Math.max(...limits.filter((bound) => bound !== null), one.value ?? 0) * 1.25;
  const at = (figure) => `${Math.max(0, Math.min(100, (figure / (top || 1)) * 100))}%`;
  const labels = Object.values(one.attributes).join(" ");
  const state = one.value === null ? "" : limits[1] !== null && one.value > limits[1] ? "s-critical" : limits[0] !== null && one.value > limits[0] ? "s-warning" : "";
  return h("div", { class: "measurement", key: `${one.name} ${labels}` },
    h("span", null, one.name, " ", h("span", { class: "dim" }, labels)),
    quantity(one.value, one.unit, state),
    limits.some((bound) => bound !== null) && one.value !== null ? h("span", { class: "gauge" },
      h("span", { class: `fill ${state}`, style: { width: at(one.value) } }),
      limits.map((bound, index) => bound !== null && h("span", { class: `limit ${index ? "s-critical" : "s-warning"}`, style: { left: at(bound) } }))) : h("span", null),
    h("span", { class: "dim" }, [one.warning !== null && `warning ${limit(one.warning, one.unit)}`, one.critical !== null && `critical ${limit(one.critical, one.unit)}`].filter(Boolean).join(", ")));
}

/** A limit as text: a number with its unit, or a range as Nagios writes it. */
function limit(bound, unit) {
  return typeof bound === "number" ? value(bound, unit) : bound;
}
