// The waterfall of a trace: one line per span, only the visible lines are drawn.

import { h } from "./dom.js";
import { draw } from "./app.js";
import { duration, fullTime } from "./format.js";
import { exceptionsOf, ownTime } from "./tree.js";

const ROW = 28;
const AHEAD = 10;

export class Waterfall {
  /** `choose(span_id)` is called when a line is chosen, `fold(row)` to fold or unfold it. */
  constructor(choose, fold) {
    this.choose = choose;
    this.fold = fold;
    this.element = null;
  }

  /** Scroll so that line `index` is seen. */
  reveal(index) {
    const { element } = this;
    if (!element || index < 0) return;
    const top = index * ROW;
    if (top < element.scrollTop || top + ROW > element.scrollTop + element.clientHeight - 28) {
      element.scrollTop = Math.max(0, top - element.clientHeight / 3);
    }
  }

  /** `scene` has tree, rows, view ([from, to]), time, selected, folded. */
  view(scene) {
    const top = this.element?.scrollTop ?? 0;
    const height = this.element?.clientHeight || 800;
    const first = Math.max(0, Math.floor(top / ROW) - AHEAD);
    const last = Math.min(scene.rows.length, Math.ceil((top + height) / ROW) + AHEAD);
    const lines = [];
    for (let at = first; at < last; at += 1) lines.push(this.line(scene, scene.rows[at], at));
    return h("div", { class: "waterfall", key: "waterfall", mount: (el) => this.mount(el), onscroll: draw, role: "tree", "aria-label": "Spans" },
      axis(scene),
      h("div", { class: "lines", style: { height: `${scene.rows.length * ROW}px` } }, lines));
  }

  mount(element) {
    this.element = element;
    queueMicrotask(draw);
  }

  line(scene, row, at) {
    const { tree, selected } = scene;
    const span = tree.spans.get(row.span_id);
    const chosen = selected === row.span_id && !row.group;
    const group = row.count > 1;
    return h("button", {
      class: `line ${chosen ? "chosen" : ""} ${span.status === "error" ? "t-error" : ""} ${row.critical ? "on-path" : ""}`,
      key: `${row.group ? "group " : ""}${row.span_id}`, "data-row": true, "data-span": row.span_id, "data-group": group ? "" : undefined,
      role: "treeitem", "aria-level": row.depth + 1, "aria-selected": String(chosen), "aria-expanded": this.expanded(scene, row),
      style: { top: `${at * ROW}px` }, tabindex: chosen || (at === 0 && !selected) ? 0 : -1,
      onclick: () => (group ? this.fold(row) : this.choose(row.span_id)),
    },
      h("span", { class: "label", style: { "padding-left": `${Math.min(row.depth, 24) * 12 + 4}px` } },
        this.handle(scene, row),
        h("span", { class: `dot c${serviceColour(scene, span.service)}`, title: span.service }),
        h("span", { class: "name", title: `${span.name} (${span.service})` }, span.name || "(no name)"),
        group && h("span", { class: "dim" }, ` × ${row.count}`)),
      h("span", { class: "track" }, group && !row.group ? repeats(scene, row) : bar(scene, span, row)),
      h("span", { class: "took q dim" }, took(scene, row, span)));
  }

  expanded(scene, row) {
    if (row.count > 1) return String(Boolean(row.group));
    return scene.tree.children.has(row.span_id) ? String(!scene.folded.has(row.span_id)) : undefined;
  }

  handle(scene, row) {
    const state = this.expanded(scene, row);
    if (state === undefined || row.within) return h("span", { class: "handle" });
    const toggle = (event) => {
      event.stopPropagation();
      this.fold(row);
    };
    return h("span", { class: "handle", onclick: toggle }, state === "true" ? "▾" : "▸");
  }
}

/** Percent of the width after which a tick has no room for its text. */
const LAST_TICK = 94;

/** The place of a time in the view, in percent. */
function place(scene, time) {
  const [from, to] = scene.view;
  return ((time - from) / (to - from)) * 100;
}

function box(scene, from, to) {
  const left = Math.max(-1, Math.min(101, place(scene, from)));
  const right = Math.max(-1, Math.min(101, place(scene, to)));
  return { left: `${left.toFixed(3)}%`, width: `max(2px, ${(right - left).toFixed(3)}%)` };
}

function serviceColour(scene, service) {
  return Math.max(0, scene.services.indexOf(service)) % 8;
}

/** A pale bar for the span, full where no child covers it; log records and exceptions at their time. */
function bar(scene, span, row) {
  const end = span.end ?? scene.time;
  const colour = `c${serviceColour(scene, span.service)}`;
  const own = ownTime(span, scene.tree.children.get(span.span_id) ?? [], scene.time);
  return [
    h("span", { class: `span-bar ${colour} ${span.end === null ? "open-end" : ""}`, style: box(scene, span.start, end) }),
    own.map(([from, to], at) => h("span", { key: `own ${at}`, class: `own-time ${colour} ${span.end === null && at === own.length - 1 ? "open-end" : ""}`, style: box(scene, from, to) })),
    row.critical && h("span", { key: "path", class: "path", style: box(scene, span.start, end) }),
    marks(scene, span),
  ];
}

/** The duration in a column of its own, where it covers no bar. */
function took(scene, row, span) {
  if (row.count > 1 && !row.group) return duration(row.total_s);
  return span.end === null ? `${duration(scene.time - span.start)} …` : duration(span.duration_s);
}

function marks(scene, span) {
  const logs = (scene.tree.logs.get(span.span_id) ?? []).slice(0, 100).map((log) =>
    h("span", { key: `log ${log.id}`, class: `mark m-${log.level}`, style: { left: `${place(scene, log.time)}%` }, title: `${log.level}: ${log.body}` }));
  const exceptions = exceptionsOf(span).map((event, at) =>
    h("span", { key: `exception ${at}`, class: "mark m-exception", style: { left: `${place(scene, event.time)}%` }, title: `${event.attributes["exception.type"] ?? "exception"}: ${event.attributes["exception.message"] ?? ""}` }));
  return [...logs, ...exceptions];
}

/** All spans of a line of repeats on one track. */
function repeats(scene, row) {
  const spans = [row.span_id, ...row.hidden].map((id) => scene.tree.spans.get(id)).filter(Boolean);
  return spans.slice(0, 300).map((span) => h("span", {
    key: span.span_id, class: `own-time c${serviceColour(scene, span.service)}`, style: box(scene, span.start, span.end ?? scene.time),
  }));
}

/** Round steps of the time axis, as offsets from the trace's start. */
export function ticks(from, to, most) {
  const rough = (to - from) / most;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((size) => size >= rough);
  const result = [];
  for (let at = Math.ceil(from / step - 1e-9) * step; at <= to; at += step) result.push(Math.abs(at) < step / 1e6 ? 0 : at);
  return result;
}

function axis(scene) {
  const { start } = scene.tree;
  const [from, to] = scene.view;
  return h("div", { class: "axis-line", key: "axis" }, h("span", { class: "label dim" }, `${scene.rows.length} lines`),
    h("span", { class: "track" }, ticks(from - start, to - start, innerWidth < 720 ? 3 : 6).filter((offset) => place(scene, start + offset) < LAST_TICK).map((offset, at) =>
      h("span", { key: at, class: "tick q", style: { left: `${place(scene, start + offset)}%` }, title: fullTime(start + offset) }, duration(offset)))));
}
