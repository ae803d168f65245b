// Dialogs: help, export and import, silence. One at a time, closed with Escape.

import { h, render } from "./dom.js";
import { app, notice, draw } from "./app.js";
import { post } from "./api.js";
import { plural } from "./format.js";

const root = () => document.getElementById("dialogs");

export function dialogOpen() {
  return root().querySelector("dialog") !== null;
}

export function closeDialog() {
  const open = root().querySelector("dialog");
  open?.close();
  return open !== null;
}

/** Show a dialog; its contents are drawn by `view()`, again by `redraw`. Returns `redraw`. */
function show(title, view) {
  const before = document.activeElement;
  const close = () => {
    render(root());
    before?.focus?.();
  };
  const redraw = () => render(root(), h("dialog", {
    "aria-label": title, mount: (el) => queueMicrotask(() => el.showModal()), onclose: close,
    onclick: (event) => event.target.tagName === "DIALOG" && event.target.close(),
  }, h("div", { class: "sheet" }, h("h2", null, title, h("button", { class: "tool", "aria-label": "Close", onclick: closeDialog }, "×")), view())));
  redraw();
  return redraw;
}

/** Every shortcut with its explanation. */
const SHORTCUTS = [
  ["1 – 7", "the panes, in the rail's order"],
  ["/", "search or filter"],
  ["↓ ↑ or j k", "next, previous row"],
  ["Home End", "first, last row"],
  ["Enter", "open the row, or unfold it"],
  ["← →", "fold, unfold (waterfall, tree)"],
  ["Esc", "close; leave the search; go up"],
  ["c", "what changed"],
  ["x", "export and import"],
  ["r", "refresh"],
  ["t", "dark or light"],
  ["?", "this help"],
];

export function openHelp() {
  show("Keyboard", () => [
    h("dl", { class: "shortcuts" }, SHORTCUTS.map(([key, text]) => [h("dt", null, key), h("dd", null, text)])),
    h("p", { class: "dim" }, "The address of this page holds pane, filters, window and selection: a copy of it shows the same elsewhere."),
    app.status?.metrics_url && h("p", { class: "dim" }, "Metrics for Prometheus: ", h("code", null, app.status.metrics_url)),
  ]);
}

const SIGNALS = ["traces", "logs", "metrics"];

export function openData() {
  const state = { signals: new Set(SIGNALS), text: "" };
  const redraw = show("Export and import", () => [
    h("p", null, "What is kept, as OTLP JSON: one request per line, as the collector's file exporter writes."),
    h("p", { class: "line" }, SIGNALS.map((name) => h("label", null, h("input", {
      type: "checkbox", checked: state.signals.has(name),
      onchange: (event) => (event.target.checked ? state.signals.add(name) : state.signals.delete(name), redraw()),
    }), ` ${name}`))),
    h("p", null, h("a", { class: "button", href: `/api/v1/export?signals=${[...state.signals].join(",")}`, download: "telemetry.jsonl" }, "Export")),
    h("p", null, h("label", null, "Import a file: ", h("input", { type: "file", accept: ".json,.jsonl,application/json", onchange: (event) => importFile(event.target, state, redraw) }))),
    h("p", { role: "status" }, state.text),
    app.status?.actions.includes("restart") && h("p", null, h("button", { onclick: () => restart(state, redraw) }, "Restart the monitoring services")),
  ]);
}

async function importFile(input, state, redraw) {
  const [file] = input.files;
  if (!file) return;
  state.text = "Importing …";
  redraw();
  try {
    const counts = await post("import", await file.text());
    state.text = `Imported ${plural(counts.spans, "span")}, ${plural(counts.logs, "log record")}, ${plural(counts.metrics, "metric")}.${counts.left_out && ` Left out: ${counts.left_out}.`}`;
  } catch (error) {
    state.text = error.message;
  }
  redraw();
}

async function restart(state, redraw) {
  state.text = "Restarting …";
  redraw();
  try {
    await post("services/restart", {});
    state.text = "Restarted.";
  } catch (error) {
    state.text = error.message;
  }
  redraw();
}

const SPANS = [["1800", "30 min"], ["3600", "1 h"], ["14400", "4 h"], ["86400", "1 d"]];

/** Ask for duration, comment and author of a silence. `done()` is called after it is made. */
export function openSilence(rule, labels, done) {
  const state = { problem: "", author: remembered() };
  const redraw = show(`Silence ${rule.alert}`, () => h("form", {
    method: "dialog", onsubmit: (event) => (event.preventDefault(), silence(event.target, rule, labels, state, redraw, done)),
  },
    h("p", { class: "dim" }, "Alertmanager sends no notification for these labels until it ends: "),
    h("p", { class: "mono" }, Object.entries(labels).map(([name, value]) => `${name}="${value}"`).join(", ") || "all series of the rule"),
    h("label", { class: "field" }, "For", h("select", { name: "duration" }, SPANS.map(([value, text]) => h("option", { value, selected: value === "3600" }, text)))),
    h("label", { class: "field" }, "Comment", h("input", { name: "comment", required: true, placeholder: "why, and what is being done", autofocus: true })),
    h("label", { class: "field" }, "Your name", h("input", { name: "author", required: true, value: state.author })),
    h("p", { role: "alert", class: "s-critical" }, state.problem),
    h("button", { class: "primary" }, "Silence")));
}

function remembered() {
  try {
    return localStorage.getItem("author") ?? "";
  } catch {
    return "";
  }
}

async function silence(form, rule, labels, state, redraw, done) {
  const [comment, author] = [form.elements.comment.value, form.elements.author.value];
  try {
    localStorage.setItem("author", author);
  } catch {
    // Storage is switched off: the name is typed again next time.
  }
  try {
    await post("alerts/acknowledge", { alert: rule.alert, labels, duration_s: Number(form.elements.duration.value), comment, author });
    closeDialog();
    notice(`${rule.alert} is silenced.`);
    done();
    draw();
  } catch (error) {
    state.problem = error.message;
    redraw();
  }
}
