// Small pieces that all panes draw with: states, quantities, times, sparklines, empty and error texts.

import { h } from "./dom.js";
import { clock, fullTime, since, valueParts, durationParts, number } from "./format.js";
import { now, setParams } from "./app.js";

const SHAPES = {
  healthy: "M8 3a5 5 0 1 0 .01 0z",
  warning: "M8 2 15 14H1z",
  critical: "M8 1 15 8 8 15 1 8z",
  unknown: "M8 2a6 6 0 1 0 .01 0zM8 4.5a3.5 3.5 0 1 1-.01 0z",
  stale: "M3 3h10v2H3zM3 11h10v2H3zM3 7h4v2H3z",
};

/** Words of states and the state whose look they share. */
const LOOKS = new Map(Object.entries({
  ok: "healthy", degraded: "warning", down: "critical", firing: "critical", pending: "warning", "no data": "idle",
  error: "critical", fatal: "critical", warn: "warning", receiving: "healthy", waiting: "stale",
}));

export function look(state) {
  return LOOKS.get(state) ?? state;
}

export function icon(path, name = "icon") {
  return h("svg", { class: name, viewBox: "0 0 16 16", "aria-hidden": "true" }, h("path", { d: path, "fill-rule": "evenodd" }));
}

/** A state as shape, colour and word; `quiet` leaves the word to screen readers. */
export function stateMark(state, quiet = false) {
  const name = look(state);
  const shape = SHAPES[name] ?? SHAPES.unknown;
  return h("span", { class: `state s-${name}`, title: state }, icon(shape, "shape"), h("span", { class: quiet ? "sr" : "word" }, state));
}

/** A value with its unit, the unit lighter; the hover shows it unrounded. */
export function quantity(value, unit = "", name = "") {
  const [figure, shown] = valueParts(value, unit);
  const title = value === null || value === undefined ? "no value" : `${value} ${unit}`.trim();
  return h("span", { class: `q ${name}`, title }, figure, shown && h("span", { class: "unit" }, `\u00a0${shown}`));
}

export function durationText(seconds) {
  const [figure, unit] = durationParts(seconds);
  return h("span", { class: "q", title: seconds === null ? "" : `${seconds} s` }, figure, unit && h("span", { class: "unit" }, `\u00a0${unit}`));
}

/** A count with grouped digits. */
export function count(value) {
  return h("span", { class: "q", title: String(value) }, number(value));
}

/** "5 min ago", with the full time on hover. */
export function ago(time) {
  const age = now() - time;
  const text = age < 1 ? "now" : `${since(age)} ago`;
  return h("time", { class: "q", title: fullTime(time) }, text);
}

export function timeOfDay(time) {
  return h("time", { class: "q", title: fullTime(time) }, clock(time));
}

/** A line of values on the scale 0 to `top`; null is a gap. */
export function sparkline(values, top) {
  const width = 96;
  const height = 20;
  const step = width / Math.max(1, values.length - 1);
  let path = "";
  let pen = "M";
  values.forEach((value, index) => {
    if (value === null) {
      pen = "M";
      return;
    }
    const y = height - 1 - (Math.max(0, Math.min(value, top)) / (top || 1)) * (height - 2);
    path += `${pen}${(index * step).toFixed(1)} ${y.toFixed(1)}`;
    pen = "L";
  });
  return h("svg", { class: "spark", viewBox: `0 0 ${width} ${height}`, preserveAspectRatio: "none", "aria-hidden": "true" }, h("path", { d: path }));
}

/** The largest value, at least 0. */
export function largest(values) {
  return values.reduce((top, value) => (value !== null && value > top ? value : top), 0);
}

/** States over the time [from, to] as coloured stretches, and in words for screen readers. */
export function timeline(spans, from, to) {
  const place = (time) => Math.max(0, Math.min(100, ((time - from) / (to - from)) * 100));
  const rects = spans
    .filter((span) => (span.end ?? to) > from)
    .map((span) => {
      const x = place(span.start);
      const width = Math.max(0.4, place(span.end ?? to) - x);
      const tall = span.status === "healthy" ? 4 : 0;
      return h("rect", { class: `s-${span.status}`, x, y: tall, width, height: 16 - tall * 2 });
    });
  const bad = spans.filter((span) => span.status !== "healthy").length;
  const label = bad ? `${bad} stretches not healthy` : "healthy all the time";
  return h("svg", { class: "timeline", viewBox: "0 0 100 16", preserveAspectRatio: "none", role: "img", "aria-label": label }, rects);
}

/** What would be here, and the line that makes it so. */
export function empty(text, code = "") {
  return h("div", { class: "empty", key: "empty" }, h("p", null, text), code && h("pre", null, code));
}

export function loading(text = "Loading …") {
  return h("div", { class: "empty loading", key: "loading" }, h("p", null, text));
}

/** An error in the place of what it prevents, with a button to try again. */
export function failed(error, retry) {
  return h("div", { class: "empty failed", key: "failed", role: "alert" },
    h("p", null, stateMark("critical", true), " ", error.message),
    error.status === 0 && h("p", { class: "dim" }, "It may be restarting; this page tries again by itself."),
    retry && h("button", { onclick: retry }, "Try again"));
}

/** A text input that changes the URL's parameter `name` a moment after the last key. */
export function filterInput(name, params, placeholder, options = {}) {
  let timer = 0;
  const change = (event) => {
    clearTimeout(timer);
    const text = event.target.value;
    timer = setTimeout(() => setParams({ [name]: text }), event.type === "change" ? 0 : 250);
  };
  return h("input", {
    key: `filter-${name}`, type: "search", placeholder, "aria-label": placeholder, value: params.get(name) ?? "",
    autocomplete: "off", spellcheck: "false", oninput: change, ...options,
  });
}

/** A button that switches the URL's parameter `name` on and off. */
export function filterToggle(name, params, text) {
  const on = params.get(name) === "true";
  return h("button", { key: `toggle-${name}`, class: "toggle", "aria-pressed": String(on), onclick: () => setParams({ [name]: !on && "true" }) }, text);
}

/** Buttons of which one is chosen. `choices` are [value, text]. */
export function choice(label, choices, chosen, choose) {
  const buttons = choices.map(([value, text]) =>
    h("button", { key: value, "aria-pressed": String(value === chosen), onclick: () => choose(value) }, text));
  return h("div", { class: "choice", role: "group", "aria-label": label, key: `choice-${label}` }, buttons);
}

/** A removable filter. */
export function chip(text, remove) {
  return h("button", { class: "chip", key: `chip-${text}`, title: "Remove this filter", onclick: remove }, text, " ×");
}

/** Attributes as a two-column list; `act(name, value)` may return what follows a value. */
export function attributeList(attributes, act = null) {
  const names = Object.keys(attributes).sort();
  return h("dl", { class: "attributes" }, names.map((name) => [
    h("dt", null, name),
    h("dd", null, typeof attributes[name] === "string" ? attributes[name] : JSON.stringify(attributes[name]), act?.(name, attributes[name])),
  ]));
}
