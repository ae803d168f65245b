// Ranges of charts, and the window that a drag selects.

import { h } from "./dom.js";
import { app, go, link, now, setParams, hasFeature } from "./app.js";
import { clock } from "./format.js";
import { choice } from "./widgets.js";

const RANGES = [["300", "5 m"], ["3600", "1 h"], ["21600", "6 h"], ["86400", "24 h"]];
const POINTS = 200;

/** Until the user picks one: the shortest that shows all data, an hour at most. A shorter one has too few steps of 10 s. */
const FITTING = [["120", "2 m"], ["300", "5 m"], ["900", "15 m"], ["1800", "30 m"], ["3600", "1 h"]];

function usual() {
  const since = app.status?.kept_since ?? now();
  return FITTING.find(([range]) => now() - since <= Number(range))?.[0] ?? "3600";
}

/** The ranges to choose from, with the present one. */
function choices(present) {
  const added = FITTING.filter(([range]) => range === present && !RANGES.some(([other]) => other === range));
  return [...RANGES, ...added].sort(([a], [b]) => a - b);
}

/** The parameters range and end for the API; no end means until now. */
export function rangeParameters() {
  const { params } = app.route;
  const range = Number(params.get("range"));
  return { range: range > 0 ? params.get("range") : usual(), end: params.get("end") ?? "" };
}

export function points() {
  return innerWidth < 720 ? POINTS / 2 : POINTS;
}

export function isFixed() {
  return Boolean(app.route.params.get("end"));
}

/** Buttons of the ranges; a fixed window can be left. */
export function rangeChoice() {
  const { range, end } = rangeParameters();
  const last = Number(end);
  return h("span", { class: "ranges", key: "ranges" },
    choice("Range", choices(range), range, (value) => setParams({ range: value, end: null })),
    end && h("button", { class: "chip", onclick: () => setParams({ end: null, range: null }) }, `${clock(last - Number(range))} – ${clock(last)} ×`));
}

/** What a drag in a chart does: the window is marked, with what can be done with it. */
export class Selection {
  constructor() {
    this.window = null;
  }

  select(from, to) {
    this.window = [from, Math.min(to, now())];
  }

  view(draw) {
    if (!this.window) return null;
    const [from, to] = this.window;
    const clear = () => {
      this.window = null;
      draw();
    };
    const zoom = () => {
      this.window = null;
      setParams({ range: String(Math.max(10, Math.round(to - from))), end: String(Math.round(to)) });
    };
    return h("p", { class: "selection", key: "selection", role: "status" },
      h("strong", { class: "q" }, `${clock(from)} – ${clock(to)}`),
      hasFeature("trends") && h("a", { class: "button primary", href: link("changed", "", { from: from.toFixed(1), to: to.toFixed(1) }) }, "What changed?"),
      h("button", { onclick: zoom }, "Zoom in"),
      h("button", { onclick: clear }, "Clear"));
  }
}

export function openExemplar(exemplar) {
  go("traces", exemplar.trace_id, { span: exemplar.span_id });
}
