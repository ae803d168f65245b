// The details of one span: what happened in it, in order; its attributes; links; what can be done with it.

import { h } from "./dom.js";
import { copy, link } from "./app.js";
import { clockMs, duration, attributeText } from "./format.js";
import { attributeList, durationText, stateMark } from "./widgets.js";
import { exceptionText, levelMark } from "./panes/logs.js";
import { subtree } from "./tree.js";

/** The panel of `span`; `row` is its line of the waterfall or undefined, `close()` closes the panel. */
export function spanPanel(span, row, tree, time, close) {
  return h("aside", { class: "panel", key: `panel ${span.span_id}`, "aria-label": "Span" },
    h("h2", null, h("span", null, span.name || "(no name)"), h("button", { class: "tool", "aria-label": "Close (Esc)", onclick: close }, "×")),
    facts(span, row, tree, time),
    h("p", { class: "line" },
      h("button", { onclick: () => copy(JSON.stringify(subtree(span.span_id, tree), null, 2), "The span with all below it") }, "Copy subtree as JSON"),
      h("a", { class: "button", href: link("logs", "", { trace: span.trace_id, span: span.span_id }) }, "Logs"),
      h("a", { class: "button", href: link("metrics", "", { end: Math.ceil((span.end ?? time) + 60), range: 300 }) }, "Metrics at that time")),
    happenings(span, tree),
    h("h3", null, "Attributes"),
    Object.keys(span.attributes).length === 0 ? h("p", { class: "dim" }, "None.") : attributeList(span.attributes, (name, item) =>
      h("a", { class: "same", href: link("traces", "", { attr: `${name}=${attributeText(item)}` }), title: `Traces with this ${name}` }, "same")),
    links(span),
    resource(tree.resources[span.service]));
}

function facts(span, row, tree, time) {
  const items = [
    ["service", span.service], ["kind", span.kind], ["scope", span.scope],
    ["starts", `+${duration(span.start - tree.start)}`],
    [span.end === null ? "running for" : "took", durationText(span.duration_s ?? time - span.start)],
    ["own time", row?.self_s === null || row?.self_s === undefined ? null : durationText(row.self_s)],
    ["at", clockMs(span.start)], ["span id", h("span", { class: "mono" }, span.span_id)],
  ];
  return [
    span.status === "error" && h("p", { class: "message s-critical" }, stateMark("error"), " ", span.status_message),
    span.end === null && h("p", null, h("span", { class: "tag running" }, "still running")),
    h("dl", { class: "facts" }, items.filter(([, item]) => item).map(([name, item]) => h("div", { key: name }, h("dt", null, name), h("dd", null, item)))),
  ];
}

/** Events, exceptions and log records by time. */
function happenings(span, tree) {
  const events = span.events.map((event) => ({ time: event.time, event }));
  const logs = (tree.logs.get(span.span_id) ?? []).map((log) => ({ time: log.time, log }));
  const all = [...events, ...logs].sort((a, b) => a.time - b.time);
  if (all.length === 0) return null;
  return [
    h("h3", null, "What happened"),
    h("ol", { class: "happenings" }, all.slice(0, 200).map((one, at) => h("li", { key: at },
      h("span", { class: "q dim", title: clockMs(one.time) }, `+${duration(Math.max(0, one.time - span.start))}`),
      one.log ? logItem(one.log) : eventItem(one.event)))),
    all.length > 200 && h("p", { class: "dim" }, `and ${all.length - 200} more: see its logs`),
  ];
}

function logItem(log) {
  return h("div", null, levelMark(log.level), " ",
    h("a", { href: link("logs", "", { trace: log.trace_id, span: log.span_id }) }, log.body), log.exception && exceptionText(log.exception));
}

function eventItem(event) {
  const { "exception.type": type, "exception.message": message, "exception.stacktrace": stacktrace, ...rest } = event.attributes;
  if (event.name === "exception") return h("div", null, exceptionText({ type: type ?? "exception", message: message ?? "", stacktrace: stacktrace ?? "" }));
  const text = Object.entries(rest).map(([name, item]) => `${name}=${attributeText(item)}`).join(" ");
  return h("div", null, event.name, " ", h("span", { class: "dim" }, text));
}

/** What sent the span: the attributes of its service's resource, unless they are unknown. */
function resource(attributes) {
  return attributes && [h("h3", null, "Resource"), attributeList(attributes)];
}

function links(span) {
  if (span.links.length === 0) return null;
  return [
    h("h3", null, "Links"),
    h("ul", null, span.links.map((one, at) => h("li", { key: at },
      h("a", { class: "mono", href: link("traces", one.trace_id, { span: one.span_id }) }, one.trace_id.slice(0, 16)), " ",
      h("span", { class: "dim" }, Object.entries(one.attributes).map(([name, item]) => `${name}=${attributeText(item)}`).join(" "))))),
  ];
}
