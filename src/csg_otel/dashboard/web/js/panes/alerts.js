// Alerts: the rules evaluated here and now, each value against its threshold.

import { h } from "../dom.js";
import { app, now, setParams } from "../app.js";
import { duration, since, value } from "../format.js";
import { empty, failed, filterInput, loading, look, quantity, stateMark } from "../widgets.js";
import { Loaded } from "../load.js";
import { openSilence } from "../dialogs.js";
import { worstSeries } from "../rules.js";

const CODE = `alerting:
  rules:
    - name: orders_fail
      metric: orders.failed
      condition: ">"
      threshold: 0.1
      for: 5m`;

export function open() {
  const page = new Loaded();
  const refresh = () => page.load("alerts");
  return {
    topics: ["alerts"],
    refresh,
    event: (name) => name === "alerts" && refresh(),
    close: () => page.close(),
    view: () => view(page, refresh),
  };
}

function view(page, refresh) {
  if (!page.doc) return page.error ? failed(page.error, refresh) : loading();
  const { doc } = page;
  const { params } = app.route;
  const text = (params.get("text") ?? "").toLowerCase();
  const shown = doc.rules.filter((rule) => `${rule.alert} ${rule.severity} ${rule.state} ${rule.metric} ${rule.summary}`.toLowerCase().includes(text));
  if (doc.rules.length === 0) return empty("No alert rule. One in the configuration:", CODE);
  return h("div", { class: "scroll alerts" },
    h("div", { class: "filters" }, filterInput("text", params, "Filter rules"), alertmanagers(doc)),
    doc.problem && h("p", { class: "pad s-warning", role: "alert" }, doc.problem),
    h("div", { class: "row head", "aria-hidden": "true" }, h("span", null, "State"), h("span", null, "Rule"), h("span", { class: "c-severity" }, "Severity"), h("span", { class: "right" }, "Value"), h("span", null, "Threshold"), h("span", { class: "c-text" }, "Summary")),
    h("div", { class: "rows", role: "list" }, shown.map((rule) => ruleRow(rule, params.get("rule"), doc, refresh))),
    shown.length === 0 && h("p", { class: "dim pad" }, "No rule matches."));
}

function alertmanagers(doc) {
  return h("span", { class: "groups" }, doc.alertmanagers.map((one) =>
    h("span", { key: one.address, title: one.error }, stateMark(one.reachable ? "ok" : "down", true), ` Alertmanager ${one.address}`)));
}

function ruleRow(rule, opened, doc, refresh) {
  const isOpen = opened === rule.alert;
  const worst = worstSeries(rule);
  return h("div", { class: "item", role: "listitem", key: `${rule.alert} ${rule.severity}` },
    h("button", {
      class: `row e-${look(rule.state)}`, "data-row": true, "data-rule": rule.alert, "aria-expanded": String(isOpen),
      onclick: () => setParams({ rule: isOpen ? null : rule.alert }),
    },
      h("span", { class: "c-state" }, stateMark(rule.state)),
      h("span", { class: "c-name" }, rule.alert, rule.silence && h("span", { class: "tag", title: rule.silence.comment }, "silenced")),
      h("span", { class: "c-severity dim" }, rule.severity),
      h("span", { class: "right" }, worst ? quantity(worst.value, rule.unit) : h("span", { class: "dim" }, "–")),
      h("span", { class: "c-gauge" }, gauge(worst, rule), h("span", { class: "dim" }, value(rule.threshold, rule.unit))),
      h("span", { class: "c-text dim", title: rule.summary }, waiting(rule) ?? (rule.state === "firing" || rule.state === "unknown" ? rule.summary : `${rule.metric} ${rule.condition}`))),
    isOpen && detail(rule, doc, refresh));
}

function waiting(rule) {
  const left = rule.series.map((one) => one.remaining_s).filter((one) => one !== null);
  return rule.state === "pending" && left.length ? `fires in ${duration(Math.ceil(Math.min(...left)))} unless it recovers` : null;
}

/** The value on a scale where the threshold stands at two thirds. */
function gauge(series, rule) {
  const state = series && series.state !== "ok" ? `s-${look(series.state)}` : "";
  const share = series && rule.threshold ? Math.max(0, Math.min(100, (series.value / rule.threshold) * 66.7)) : 0;
  return h("span", { class: "gauge" }, h("span", { class: `fill ${state}`, style: { width: `${share}%` } }), h("span", { class: "limit", style: { left: "66.7%" } }));
}

function detail(rule, doc, refresh) {
  const silence = (labels) => openSilence(rule, labels, refresh);
  return h("div", { class: "detail one" },
    h("p", { class: "message" }, rule.summary),
    h("p", { class: "dim" }, h("span", { class: "mono" }, `${rule.metric} ${rule.condition}`), rule.for_s > 0 && ` for ${duration(rule.for_s)}`),
    h("p", { class: "line" },
      isWeb(rule.runbook_url) && h("a", { class: "button", href: rule.runbook_url, target: "_blank", rel: "noopener noreferrer" }, "Runbook"),
      rule.runbook_url && !isWeb(rule.runbook_url) && h("span", { class: "mono dim" }, rule.runbook_url),
      doc.can_acknowledge && h("button", { onclick: () => silence({}) }, "Silence the rule")),
    rule.silence && h("p", null, `Silenced for ${since(Math.max(1, rule.silence.ends - now()))} more by ${rule.silence.created_by}: ${rule.silence.comment}`),
    rule.series.length === 0 ? h("p", { class: "dim" }, rule.state === "unknown" ? "" : "No series has a value for this rule yet.") :
      h("table", null, h("tbody", null, rule.series.map((one, at) => seriesRow(one, at, rule, doc, silence)))));
}

function seriesRow(one, at, rule, doc, silence) {
  const labels = Object.entries(one.labels).map(([name, item]) => `${name}="${item}"`).join(", ");
  return h("tr", { key: at },
    h("td", null, stateMark(one.state)), h("td", { class: "mono" }, labels || "no labels"),
    h("td", { class: "right" }, quantity(one.value, rule.unit)), h("td", null, gauge(one, rule)),
    h("td", { class: "dim" }, one.remaining_s !== null && `${duration(Math.ceil(one.remaining_s))} left`),
    h("td", null, doc.can_acknowledge && one.state !== "ok" && h("button", { onclick: () => silence(one.labels) }, "Silence")));
}

/** Only addresses of the web become links: a runbook's text cannot run anything. */
function isWeb(address) {
  return /^https?:\/\//i.test(address);
}
