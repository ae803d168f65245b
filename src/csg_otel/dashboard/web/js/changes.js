// The list of "what changed", on the overview and on its own page.

import { h } from "./dom.js";
import { clock, duration } from "./format.js";
import { app, now } from "./app.js";
import { largest, sparkline } from "./widgets.js";

/** Seconds of data that a comparison needs before the window: four steps, and the one that they begin with. */
const BEFORE_S = 50;

/** Why there is no change in a window that begins at `from`; `last` is its length where it ends now, otherwise 0. */
export function noChanges(from, last, compared = true) {
  const since = app.status?.kept_since ?? null;
  if (since === null) return h("p", { class: "dim" }, "No metric has a value yet, so there is nothing to compare.");
  if (from >= since + BEFORE_S) return h("p", { class: "dim" }, compared ? "No series moved more than usual." : "Comparing …");
  const ready = since + last + BEFORE_S;
  return h("p", { class: "dim" },
    "Nothing to compare with yet: there is no data from before ", h("span", { class: "q" }, clock(since)), ". ",
    last > 0 && [`The last ${duration(last)} can be compared from `, h("span", { class: "q" }, clock(ready)), ` on, in ${duration(Math.max(1, Math.ceil(ready - now()))).replaceAll(" ", "\u00a0")}.`]);
}

/** The changes as rows that open what they are about. */
export function changeRows(changes) {
  return h("div", { class: "rows changes", role: "list" }, changes.map(changeRow));
}

function changeRow(change) {
  const labels = Object.entries(change.attributes).map(([name, item]) => `${name}=${item}`).join(" ");
  return h("a", { class: "row", role: "listitem", "data-row": true, key: `${change.what} ${change.name} ${change.field} ${labels}`, href: `#/${change.link}`, title: `${change.name} ${labels}` },
    h("span", { class: "c-kind dim" }, change.what),
    h("span", { class: "c-spark" }, sparkline(change.values, largest(change.values))),
    h("span", { class: "sentence" }, change.text));
}
