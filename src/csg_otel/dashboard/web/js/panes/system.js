// System: host, process and control group as charts.

import { h } from "../dom.js";
import { draw } from "../app.js";
import { empty, failed, loading, quantity } from "../widgets.js";
import { Loaded } from "../load.js";
import { chartBox } from "../chart.js";
import { Selection, isFixed, openExemplar, rangeChoice, rangeParameters } from "../ranges.js";

const NUMBERS = [
  ["CPU", "cpu_percent", "%"], ["memory", "memory_percent", "%"], ["memory used", "memory_used_bytes", "By"], ["memory total", "memory_total_bytes", "By"],
  ["disk", "disk_percent", "%"], ["disk free", "disk_free_bytes", "By"], ["load 1 min", "load_1m", ""], ["process CPU", "process_cpu_percent", "%"],
  ["process memory", "process_memory_bytes", "By"], ["threads", "process_threads", ""], ["open files", "process_open_files", ""],
];
const FRESH_S = 5;

export function open() {
  const page = new Loaded();
  const state = { selection: new Selection(), at: 0 };
  const refresh = () => {
    state.at = performance.now();
    return page.load("system", rangeParameters());
  };
  return {
    topics: ["metrics"],
    refresh,
    show: () => page.doc && refresh(),
    event: (name) => name === "metrics" && !isFixed() && performance.now() - state.at > FRESH_S * 1000 && refresh(),
    close: () => page.close(),
    view: () => view(page, state, refresh),
  };
}

function view(page, state, refresh) {
  if (!page.doc) return page.error ? failed(page.error, refresh) : loading();
  const { doc } = page;
  const actions = { select: (from, to) => (state.selection.select(from, to), draw()), open: openExemplar };
  const figures = NUMBERS.filter(([, name]) => doc.numbers[name] !== null);
  return h("div", { class: "scroll system" },
    h("div", { class: "filters" }, rangeChoice()),
    h("div", { class: "numbers", key: "numbers" }, figures.map(([text, name, unit]) =>
      h("div", { class: "figure", key: name, "data-number": name }, quantity(doc.numbers[name], unit), h("span", { class: "dim" }, text)))),
    page.error && failed(page.error, refresh),
    state.selection.view(draw),
    doc.charts.length === 0 && empty("No system numbers yet. They come with the monitors, which are on unless switched off:", "system_monitoring:\n  enabled: true"),
    h("div", { class: "charts", key: "charts" }, doc.charts.map((chart) => chartBox(chart, actions, 150))));
}
