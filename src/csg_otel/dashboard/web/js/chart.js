// One chart: uPlot with our axes, gaps, thresholds, exemplars, hover, linked cursors, and a legend with values.

import { h, render } from "./dom.js";
import { clock, day, fullTime, minute, value } from "./format.js";
import { loadPlot } from "./uplot.js";
import { colours, latest } from "./series.js";
import { drawExemplars, drawThresholds, exemplarAt } from "./overlays.js";

const HEIGHT = 180;
const BINARY = Array.from({ length: 50 }, (_, power) => 2 ** power);
const charts = new Set();

/** Draw all charts again, in the colours of the other theme. */
addEventListener("theme", () => charts.forEach((chart) => chart.rebuild()));

/** The chart of `doc` as an element; `actions` has `select(from, to)` and `open(exemplar)`. `height` in pixels. */
export function chartBox(doc, actions, height = HEIGHT) {
  return h("figure", {
    class: "chart", key: `chart ${doc.id}`, "data-chart": doc.id,
    mount: (el) => (el.chart = new Chart(el, doc, actions, height)),
    unmount: (el) => el.chart.close(),
    update: (el) => el.chart.set(doc, actions),
  });
}

class Chart {
  constructor(element, doc, actions, height) {
    Object.assign(this, { element, doc, actions, height, plot: null, closed: false, index: null, hovered: false });
    this.root = document.createElement("div");
    this.tip = document.createElement("div");
    this.tip.className = "tip";
    this.caption = document.createElement("figcaption");
    element.append(this.caption, this.root);
    this.observer = new ResizeObserver(() => this.resize());
    this.observer.observe(element);
    charts.add(this);
    this.build();
  }

  close() {
    this.closed = true;
    charts.delete(this);
    this.observer.disconnect();
    this.plot?.destroy();
  }

  set(doc, actions) {
    this.actions = actions;
    if (doc === this.doc) return;
    const same = this.shape(doc) === this.shape(this.doc);
    this.doc = doc;
    if (!same) this.rebuild();
    else this.plot?.setData(this.data());
    this.drawCaption();
  }

  /** What cannot be changed in a chart that exists. */
  shape(doc) {
    return JSON.stringify([doc.id, doc.unit, doc.series.map((series) => series.label)]);
  }

  data() {
    return [this.doc.times, ...this.doc.series.map((series) => series.values)];
  }

  rebuild() {
    this.plot?.destroy();
    this.plot = null;
    this.build();
  }

  async build() {
    const labels = this.doc.series.map((series) => series.label);
    this.colours = colours(labels);
    this.drawCaption();
    const Plot = await loadPlot();
    if (this.closed || this.plot) return;
    this.plot = new Plot(this.options(), this.data(), this.root);
    this.plot.over.append(this.tip);
    this.plot.over.addEventListener("click", () => this.click());
    this.plot.over.addEventListener("pointerenter", () => (this.hovered = true));
    this.plot.over.addEventListener("pointerleave", () => {
      this.hovered = false;
      this.tip.hidden = true;
    });
    this.root.setAttribute("aria-hidden", "true");
  }

  colour(label) {
    return this.styled(`--c${this.colours.get(label)}`);
  }

  /** A colour of the theme, as the canvas needs it: resolved. */
  styled(name) {
    this.element.style.color = `var(${name})`;
    const colour = getComputedStyle(this.element).color;
    this.element.style.color = "";
    return colour;
  }

  options() {
    const [text, grid] = [this.styled("--dim"), this.styled("--line")];
    const font = "11px system-ui, sans-serif";
    const axis = { stroke: text, font, grid: { stroke: grid, width: 1 }, ticks: { show: false } };
    return {
      width: this.root.clientWidth || 600,
      height: this.height,
      legend: { show: false },
      padding: [8, 8, 0, 0],
      cursor: {
        sync: { key: "charts", setSeries: false },
        drag: { x: true, y: false, setScale: false },
        points: { size: 5 },
      },
      scales: { x: { time: true }, y: { range: (_, low, high) => this.range(low, high) } },
      axes: [
        { ...axis, size: 28, space: 70, values: (_, times) => timeLabels(times) },
        { ...axis, size: 64, space: 32, incrs: this.doc.unit.startsWith("By") ? BINARY : undefined, values: (_, values) => values.map((one) => value(one, this.doc.unit)) },
      ],
      series: [{}, ...this.doc.series.map((series) => ({ label: series.label, stroke: this.colour(series.label), width: 1.5, spanGaps: false, points: { show: true, size: 4, filter: alone } }))],
      hooks: {
        setCursor: [(plot) => this.move(plot)],
        setSelect: [(plot) => this.selected(plot)],
        draw: [(plot) => drawThresholds(plot, this), (plot) => drawExemplars(plot, this)],
      },
    };
  }

  /** From 0 (or below) to a little above the highest value; a threshold near the values is inside. */
  range(low, high) {
    const top = Math.max(high ?? 0, 0);
    const near = this.doc.thresholds.map((one) => one.value).filter((one) => one <= top * 2.5);
    const seen = this.doc.exemplars.map((one) => one.value).filter((one) => one <= top * 4);
    const most = Math.max(top, ...near, ...seen);
    return [Math.min(0, low ?? 0), most > 0 ? most * 1.08 : 1];
  }

  resize() {
    const width = this.root.clientWidth;
    if (width && this.plot && width !== this.plot.width) this.plot.setSize({ width, height: this.height });
  }

  selected(plot) {
    const { left, width } = plot.select;
    if (width < 4) return;
    const [from, to] = [plot.posToVal(left, "x"), plot.posToVal(left + width, "x")];
    plot.setSelect({ left: 0, width: 0, top: 0, height: 0 }, false);
    this.actions.select(from, to);
  }

  click() {
    const exemplar = this.plot && exemplarAt(this.plot, this.doc);
    if (exemplar) this.actions.open(exemplar);
  }

  /** The cursor moved here or in a linked chart: values in the legend, all series in the hover. */
  move(plot) {
    this.index = plot.cursor.idx ?? null;
    this.drawCaption();
    const { left } = plot.cursor;
    this.tip.hidden = !this.hovered || this.index === null || left < 0;
    if (this.tip.hidden) return;
    const exemplar = exemplarAt(plot, this.doc);
    plot.over.classList.toggle("on-exemplar", exemplar !== null);
    render(this.tip, this.hover(exemplar));
    const right = left > plot.over.clientWidth / 2;
    this.tip.style.left = right ? "" : `${left + 12}px`;
    this.tip.style.right = right ? `${plot.over.clientWidth - left + 12}px` : "";
  }

  hover(exemplar) {
    const rows = this.doc.series.map((series) => [series, series.values[this.index]]).filter(([, one]) => one !== null && one !== undefined);
    rows.sort(([, a], [, b]) => b - a);
    return [
      h("p", { class: "dim" }, `${day(this.doc.times[this.index])} ${clock(this.doc.times[this.index])}`),
      rows.slice(0, 12).map(([series, one]) => h("p", { key: series.label }, this.swatch(series.label), h("span", { class: "name" }, series.label), h("span", { class: "q" }, value(one, this.doc.unit)))),
      rows.length > 12 && h("p", { class: "dim" }, `and ${rows.length - 12} lower`),
      rows.length === 0 && h("p", { class: "dim" }, "no data"),
      exemplar && h("p", null, `exemplar ${value(exemplar.value, this.doc.unit)}: click opens its trace`),
    ];
  }

  swatch(label) {
    return h("span", { class: `dot c${this.colours.get(label)}` });
  }

  drawCaption() {
    const { doc, index } = this;
    const at = index !== null && index < doc.times.length ? index : null;
    const shown = doc.series.slice(0, 12);
    render(this.caption,
      h("h3", null, doc.title, at !== null && h("time", { class: "dim q", title: fullTime(doc.times[at]) }, ` ${clock(doc.times[at])}`)),
      h("p", { class: "legend" }, shown.map((series) => {
        const one = at === null ? latest(series.values) : series.values[at];
        return h("span", { key: series.label, "data-series": series.label, title: one === null ? "no data" : String(one) }, this.swatch(series.label), " ", series.label, " ", h("span", { class: "q" }, value(one, doc.unit)));
      }), doc.series.length > 12 && h("span", { class: "dim" }, `and ${doc.series.length - 12} more`),
      doc.hidden > 0 && h("span", { class: "dim" }, `${doc.hidden} series left out`)));
  }
}

/** The places of a series whose neighbours are gaps: no line shows them, so they are points. */
function alone(plot, series) {
  const values = plot.data[series];
  const missing = (at) => values[at] === null || values[at] === undefined;
  return values.flatMap((_, at) => (!missing(at) && missing(at - 1) && missing(at + 1) ? [at] : []));
}

/** Hours and minutes; the day where it begins; seconds where the range is short. */
function timeLabels(times) {
  const step = times.length > 1 ? times[1] - times[0] : 60;
  return times.map((time) => {
    const date = new Date(time * 1000);
    if (step >= 3600 && date.getHours() === 0 && date.getMinutes() === 0) return day(time);
    return step < 60 ? clock(time) : minute(time);
  });
}
