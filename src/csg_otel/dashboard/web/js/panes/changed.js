// What changed: the series that moved most in a window, against the time before.

import { h } from "../dom.js";
import { app, now, setParams } from "../app.js";
import { clock } from "../format.js";
import { choice, failed, loading } from "../widgets.js";
import { changeRows, noChanges } from "../changes.js";
import { Loaded } from "../load.js";

const LASTS = [["60", "1 m"], ["300", "5 m"], ["900", "15 m"], ["3600", "1 h"]];

export function open() {
  const page = new Loaded();
  const refresh = () => page.load("changed", parameters());
  return {
    topics: [],
    refresh,
    show: () => page.doc && refresh(),
    close: () => page.close(),
    view: () => view(page, refresh),
  };
}

function parameters() {
  const { params } = app.route;
  const last = Number(params.get("last"));
  const from = last > 0 ? String(now() - last) : params.get("from") ?? "";
  return { from, to: last > 0 ? "" : params.get("to") ?? "", limit: 30 };
}

function view(page, refresh) {
  const { params } = app.route;
  const { doc } = page;
  const chosen = params.get("last") ?? (params.get("from") ? "" : "300");
  return h("div", { class: "scroll changed" },
    h("div", { class: "filters" },
      choice("Window", LASTS, chosen, (value) => setParams({ last: value, from: null, to: null })),
      doc && h("span", null, "window ", h("strong", { class: "q" }, `${clock(doc.window[0])} – ${clock(doc.window[1])}`), h("span", { class: "dim" }, ` against ${clock(doc.baseline[0])} – ${clock(doc.baseline[1])}`)),
      h("button", { onclick: refresh }, "Look again")),
    h("p", { class: "dim pad" }, "Drag over any chart to look at another window."),
    page.error && failed(page.error, refresh),
    !doc && !page.error && loading(),
    doc && doc.changes.length === 0 && h("div", { class: "pad" }, noChanges(doc.window[0], Number(chosen))),
    doc && doc.changes.length > 0 && [h("h2", { class: "pad" }, `${doc.changes.length} series moved most`), changeRows(doc.changes)]);
}
