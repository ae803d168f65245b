// One trace: minimap, waterfall, and the chosen span.

import { h } from "../dom.js";
import { app, copy, draw, link, now, setParams } from "../app.js";
import { duration, fullTime, plural } from "../format.js";
import { ago, failed, loading, stateMark } from "../widgets.js";
import { Loaded } from "../load.js";
import { minimap } from "../minimap.js";
import { spanPanel } from "../span.js";
import { exceptionsOf, index, lines } from "../tree.js";
import { Waterfall } from "../waterfall.js";

/** Room at the right for marks at the end. */
const MARGIN = 1.02;

export function open(id) {
  const page = new Loaded();
  const state = { folded: new Set(), unfolded: new Set(), view: null, revealed: null, timer: 0 };
  const refresh = () => page.load(`traces/${id}`);
  const fold = (row) => {
    const set = row.count > 1 ? state.unfolded : state.folded;
    set.has(row.span_id) ? set.delete(row.span_id) : set.add(row.span_id);
    draw();
  };
  const waterfall = new Waterfall((span) => setParams({ span: app.route.params.get("span") === span ? null : span }), fold);
  return {
    topics: ["traces"],
    refresh,
    event: (name, doc) => name === "traces" && doc.traces.some((row) => row.trace_id === id) && refresh(),
    tick: () => page.doc?.summary.running > 0 && draw(),
    close: () => page.close(),
    key: (event) => keys(event, page, fold),
    view: () => view(id, page, state, waterfall, refresh),
  };
}

function keys(event, page, fold) {
  if (event.key === "Escape" && app.route.params.get("span")) return setParams({ span: null }), true;
  const id = event.target.closest?.("[data-span]")?.dataset.span;
  const row = page.doc?.rows.find((one) => one.span_id === id);
  if (!row || !["ArrowLeft", "ArrowRight"].includes(event.key)) return false;
  const expanded = event.target.getAttribute("aria-expanded");
  if (expanded === (event.key === "ArrowLeft" ? "true" : "false")) fold(row);
  return true;
}

function view(id, page, state, waterfall, refresh) {
  const { doc } = page;
  if (!doc) return page.error ? h("div", null, failed(page.error, refresh), h("p", { class: "pad" }, h("a", { href: link("traces") }, "All traces"))) : loading();
  const time = Math.max(now(), doc.time);
  const tree = index(doc, time);
  const selected = app.route.params.get("span");
  const rows = lines(doc, tree, state.folded, unfoldSelected(doc, state, selected));
  const scene = { tree, rows, time, selected, folded: state.folded, view: state.view ?? [tree.start, tree.start + (tree.end - tree.start) * MARGIN], services: [...doc.services].sort() };
  if (selected !== state.revealed && waterfall.element) {
    state.revealed = selected;
    waterfall.reveal(rows.findIndex((row) => row.span_id === selected && !row.group));
  }
  const span = tree.spans.get(selected);
  const choose = (part) => {
    state.view = part;
    draw();
  };
  return h("div", { class: `page trace ${span ? "with-panel" : ""}` },
    h("div", { class: "trace-main", key: "main" },
      header(doc, tree, time, state, choose),
      minimap(doc, tree, scene.view, time, choose),
      legend(scene),
      waterfall.view(scene)),
    span && spanPanel(span, doc.rows.find((row) => row.span_id === selected), tree, time, () => setParams({ span: null })));
}

/** A link to a span inside a line of repeats unfolds that line. */
function unfoldSelected(doc, state, selected) {
  const line = selected && doc.rows.find((row) => row.hidden.includes(selected));
  if (line && selected !== state.revealed) state.unfolded.add(line.span_id);
  return state.unfolded;
}

function header(doc, tree, time, state, choose) {
  const { summary } = doc;
  const exceptions = doc.spans.filter((span) => exceptionsOf(span).length).length;
  return h("div", { class: "trace-head", key: "head" },
    h("h2", null, h("a", { href: link("traces"), title: "All traces (Esc)" }, "Traces"), h("span", { class: "dim" }, " / "), summary.name || "(no name)",
      summary.errors > 0 && stateMark("error"), summary.running > 0 && h("span", { class: "tag running" }, "running")),
    h("p", { class: "line" },
      h("span", { class: "q" }, summary.duration_s === null ? `${duration(time - tree.start)} so far` : duration(summary.duration_s)),
      h("span", { class: "dim" }, ago(tree.start), h("span", { class: "sr" }, fullTime(tree.start))),
      h("span", { class: "dim" }, plural(summary.spans, "span")),
      summary.errors > 0 && h("span", { class: "s-critical" }, plural(summary.errors, "error")),
      exceptions > 0 && h("span", { class: "s-critical" }, plural(exceptions, "exception")),
      h("a", { href: link("logs", "", { trace: summary.trace_id }), id: "trace-logs" }, plural(doc.logs.length, "log record")),
      h("button", { class: "mono plain", title: "Copy the trace id", onclick: () => copy(summary.trace_id, "The trace id") }, summary.trace_id),
      h("button", { onclick: () => copy(location.href, "The link") }, "Copy link"),
      state.view && h("button", { onclick: () => choose(null) }, "Show everything")));
}

function legend(scene) {
  return h("p", { class: "legend", key: "legend" },
    scene.services.map((name, at) => h("span", { key: name }, h("span", { class: `dot c${at % 8}` }), " ", name)),
    h("span", { class: "dim" }, h("span", { class: "sample-path" }), " critical path"));
}
