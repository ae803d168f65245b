// Overview: what is wrong first, then what changed, where telemetry goes, and the numbers of the process.

import { h } from "../dom.js";
import { app, link, now, hasFeature } from "../app.js";
import { since, number, plural } from "../format.js";
import { count, failed, loading, look, quantity, stateMark, ago } from "../widgets.js";
import { changeRows, noChanges } from "../changes.js";
import { Loaded } from "../load.js";
import { worstSeries } from "../rules.js";
import { receives } from "../services.js";

export const CHECK = `@csg_otel.health_check("database")
def database():
    connection.execute("select 1")`;

/** Seconds of the window of "what changed". */
const CHANGED_S = 300;

export function open() {
  const alerts = new Loaded();
  const fetchAlerts = () => hasFeature("alerts") && alerts.load("alerts");
  return {
    topics: ["alerts"],
    refresh: fetchAlerts,
    event: (name) => name === "alerts" && fetchAlerts(),
    close: () => alerts.close(),
    view: () => view(alerts.doc),
  };
}

function view(alerts) {
  const { status } = app;
  if (!status) return app.problem ? failed(app.problem) : loading();
  return h("div", { class: "scroll overview" },
    h("div", { class: "main-column" }, problems(status, alerts), errors(status), changed(status)),
    h("div", { class: "side-column" }, numbers(status), system(status), destinations(status), categories(status)));
}

/** Everything that is wrong as one list, the worst first. */
function problems(status, alerts) {
  const order = { critical: 0, warning: 1, unknown: 2 };
  const items = [...wrongChecks(status), ...wrongRules(alerts), ...wrongDestinations(status)];
  items.sort((a, b) => (order[look(a.state)] ?? 3) - (order[look(b.state)] ?? 3));
  if (items.length === 0 && status.checks.length === 0) return hasFeature("health") ? noChecks() : receives(status);
  return h("section", { key: "problems", class: "problems" },
    h("h2", null, items.length ? plural(items.length, "problem") : status.errors.length ? "All checks are healthy" : "Nothing is wrong"),
    items.length === 0 && h("p", { class: "dim" }, quiet(status)),
    h("div", { class: "rows", role: "list" }, items.slice(0, 50).map(problemRow)),
    items.length > 50 && h("p", { class: "dim" }, `and ${items.length - 50} more`));
}

/** What fails now: the kinds of errors of the last five minutes, the most frequent first. */
function errors(status) {
  if (!status.errors.length || !hasFeature("traces")) return null;
  return h("section", { key: "errors", class: "problems errors" },
    h("h2", null, h("a", { href: link("traces", "", { error: "true" }) }, "Errors"), h("span", { class: "dim" }, " in the last 5 minutes")),
    h("div", { class: "rows", role: "list" }, status.errors.map((error) =>
      h("a", { class: "row e-critical", role: "listitem", key: `${error.service} ${error.name} ${error.type}`, "data-row": true, tabindex: 0, href: link("traces", error.trace_id, { span: error.span_id }) },
        h("span", { class: "c-state q" }, count(error.count), h("span", { class: "dim" }, " ×")),
        h("span", { class: "c-name" }, error.name),
        h("span", { class: "c-text", title: error.message }, h("b", null, error.type || "error"), error.message && `: ${error.message}`),
        h("span", { class: "c-for q dim" }, ago(error.last))))));
}

function noChecks() {
  return h("section", { key: "problems", class: "problems" }, h("h2", null, "No health check has run yet"),
    h("p", { class: "dim" }, "This makes a function one:"), h("pre", null, CHECK));
}

function quiet(status) {
  const down = status.destinations.length;
  const said = [
    `${plural(status.checks.length, "check")} healthy`,
    status.alerts.rules && `${plural(status.alerts.rules, "rule")} quiet`,
    down && `${plural(down, "destination")} ${down === 1 ? "takes" : "take"} everything`,
  ];
  return `${said.filter(Boolean).join(", ")}.`;
}

function wrongChecks(status) {
  return status.checks.filter((check) => check.status !== "healthy").map((check) => ({
    key: `check ${check.name}`, state: check.status, name: check.name, text: check.message,
    for: check.for_s, href: link("health", "", { check: check.name }),
  }));
}

function wrongRules(alerts) {
  return (alerts?.rules ?? []).filter((rule) => rule.state === "firing" || rule.state === "pending").map((rule) => {
    const worst = worstSeries(rule);
    return {
      key: `rule ${rule.alert} ${rule.severity}`, state: rule.state, name: `${rule.alert} (${rule.severity})`, text: rule.summary, for: null,
      value: worst && quantity(worst.value, rule.unit), silenced: rule.silence !== null, href: link("alerts", "", { rule: rule.alert }),
    };
  });
}

function wrongDestinations(status) {
  return status.destinations.filter((one) => one.state !== "ok").map((one) => ({
    key: `destination ${one.name}`, state: one.state, name: one.name, text: one.last_error || "telemetry waits", for: one.failing_s, href: null,
  }));
}

function problemRow(item) {
  const tag = item.href ? "a" : "div";
  return h(tag, { class: `row e-${look(item.state)}`, role: "listitem", key: item.key, href: item.href ?? undefined, "data-row": true, tabindex: 0 },
    h("span", { class: "c-state" }, stateMark(item.state)),
    h("span", { class: "c-name" }, item.name),
    h("span", { class: "c-text", title: item.text }, item.text, item.silenced && h("span", { class: "tag" }, "silenced")),
    h("span", { class: "c-for q dim" }, item.value ?? (item.for === null ? "" : item.for < 1 ? "now" : `for ${since(item.for)}`)));
}

function changed(status) {
  if (!hasFeature("trends")) return null;
  return h("section", { key: "changed" },
    h("h2", null, h("a", { href: link("changed") }, "What changed"), h("span", { class: "dim" }, " in the last 5 minutes")),
    status.changed?.length ? changeRows(status.changed) : noChanges(now() - CHANGED_S, CHANGED_S, status.changed !== null));
}

function numbers(status) {
  const { counts } = status;
  const items = [
    ["traces", counts.traces, link("traces")], ["running", counts.running, link("traces", "", { running: "true" })],
    ["with errors", counts.errors, link("traces", "", { error: "true" })], ["spans", counts.spans, null],
    ["log records", counts.logs, link("logs")], ["series", counts.series, link("metrics")],
  ];
  return h("section", { key: "numbers" },
    h("h2", null, "Kept here", counts.dropped > 0 && h("span", { class: "dim" }, ` ${number(counts.dropped)} dropped`)),
    h("div", { class: "numbers" }, items.map(([name, value, href]) =>
      h(href ? "a" : "div", { class: "figure", key: name, href: href ?? undefined, "data-count": name }, count(value), h("span", { class: "dim" }, name)))));
}

function system(status) {
  const { system: figures } = status;
  const items = [
    ["CPU", figures.cpu_percent, "%"], ["memory", figures.memory_percent, "%"], ["disk", figures.disk_percent, "%"],
    ["process CPU", figures.process_cpu_percent, "%"], ["process memory", figures.process_memory_bytes, "By"], ["load", figures.load_1m, ""],
  ].filter(([, value]) => value !== null);
  if (items.length === 0 || !hasFeature("system")) return null;
  return h("section", { key: "system" }, h("h2", null, h("a", { href: link("system") }, "System")),
    h("div", { class: "numbers" }, items.map(([name, value, unit]) =>
      h("a", { class: "figure", key: name, href: link("system") }, quantity(value, unit), h("span", { class: "dim" }, name)))));
}

function destinations(status) {
  if (status.workers === 0) return null;
  const head = ["Destination", "Delivered", "Queued", "Spooled", "Dropped"];
  return h("section", { key: "destinations" }, h("h2", null, "Destinations"),
    status.destinations.length === 0 && h("p", { class: "dim" }, "Telemetry is sent nowhere. ", h("code", null, "OTEL_EXPORTER_OTLP_ENDPOINT=http://collector:4318")),
    status.destinations.length > 0 && h("table", null,
      h("thead", null, h("tr", null, head.map((text, index) => h("th", { class: index ? "right" : "" }, text)))),
      h("tbody", null, status.destinations.map(destinationRow))));
}

function destinationRow(one) {
  const dropped = Object.values(one.dropped).reduce((sum, value) => sum + value, 0);
  const why = Object.entries(one.dropped).map(([reason, value]) => `${reason}: ${value}`).join(", ");
  return h("tr", { key: one.name, "data-destination": one.name },
    h("td", { title: `${one.address} ${one.last_error}` }, stateMark(one.state, true), " ", one.name),
    h("td", { class: "right" }, count(one.delivered)), h("td", { class: "right" }, count(one.queued)),
    h("td", { class: "right" }, count(one.spooled)),
    h("td", { class: `right ${dropped ? "s-critical" : ""}`, title: why }, count(dropped)));
}

function categories(status) {
  if (status.categories.length === 0 || !hasFeature("health")) return null;
  return h("section", { key: "categories" }, h("h2", null, h("a", { href: link("health") }, "Checks by category")),
    h("div", { class: "rows", role: "list" }, status.categories.map((one) =>
      h("a", { class: "row category", role: "listitem", key: one.name, href: link("health", "", { text: one.name }) },
        h("span", null, stateMark(one.status, true), " ", one.title),
        h("span", { class: "c-text dim", title: one.message }, one.message),
        h("span", { class: "q" }, one.response_time_ms !== null && quantity(one.response_time_ms, "ms"))))),
    newest(status));
}

function newest(status) {
  return h("p", { class: "dim" }, "Checked ", ago(now() - (status.data_age_s ?? 0) - Math.max(0, now() - status.time)), ".");
}
