// The list of "what changed", on the overview and on its own page.

import { h } from "./dom.js";
import { value } from "./format.js";
import { largest, sparkline } from "./widgets.js";

const KINDS = { metric: "metric", traces: "traces", logs: "logs", health: "health" };

/** The changes as rows that open what they are about. */
export function changeRows(changes) {
  return h("div", { class: "rows changes", role: "list" }, changes.map(changeRow));
}

function changeRow(change) {
  const labels = Object.entries(change.attributes).map(([name, item]) => `${name}=${item}`).join(" ");
  return h("a", { class: "row", role: "listitem", "data-row": true, key: `${change.what} ${change.name} ${change.field} ${labels}`, href: `#/${change.link}` },
    h("span", { class: "c-kind dim" }, KINDS[change.what] ?? change.what),
    h("span", { class: "c-spark" }, sparkline(change.values, largest(change.values))),
    h("span", { class: "c-text" }, h("span", { class: "name" }, change.name), " ", h("span", { class: "dim" }, labels), h("span", { class: "text" }, change.text)),
    h("span", { class: "c-move q" }, move(change)));
}

/** "80 ms → 1.2 s". */
function move(change) {
  if (change.before === null && change.after === null) return "";
  return [h("span", { class: "dim" }, value(change.before, change.unit)), " → ", value(change.after, change.unit)];
}
