// What stands around every pane: the status bar, the rail, the theme.

import { h, render } from "./dom.js";
import { since, duration } from "./format.js";
import { app, now, link, hasFeature, visiblePanes, PAGES, draw } from "./app.js";
import { icon, look, stateMark, timeOfDay } from "./widgets.js";
import { openHelp, openData } from "./dialogs.js";

const ICONS = {
  overview: "M1 2h6v5H1zm8 0h6v3H9zM1 9h6v5H1zm8-2h6v7H9z",
  health: "M8 14 2 8a3.6 3.6 0 0 1 5-5l1 1 1-1a3.6 3.6 0 0 1 5 5z",
  traces: "M1 2h9v3H1zm4 5h8v3H5zm3 5h7v3H8z",
  logs: "M1 2h14v2H1zm0 4h10v2H1zm0 4h14v2H1zm0 4h7v1.5H1z",
  metrics: "M1 1h2v12h12v2H1zm3.5 9 3-5 2.5 3 4-6 1.5 1L10 11 7.6 8 6 10.7z",
  system: "M4 1h8v2h2v2h1v2h-1v2h1v2h-1v2h-2v2H4v-2H2v-2H1V9h1V7H1V5h1V3h2zm1 4v6h6V5z",
  alerts: "M8 1a5 5 0 0 1 5 5v4l2 2v1H1v-1l2-2V6a5 5 0 0 1 5-5zM6 14h4a2 2 0 0 1-4 0z",
  theme: "M8 1a7 7 0 1 0 .01 0zM8 3v10A5 5 0 0 1 8 3z",
  help: "M8 1a7 7 0 1 0 .01 0zM7.2 11h1.6v1.6H7.2zM5 6.3C5 4.500 6.200 3.400 8 3.400s3 1 3 2.500c0 1.900-2.200 2-2.200 4H7.200c0-2.700 2-2.800 2-4 0-.6-.5-1-1.200-1s-1.300.5-1.300 1.400z",
  data: "M7 1h2v6h3l-4 5-4-5h3zM1 13h14v2H1z",
};

/** Dim the page while nothing is heard, and say since when. */
export function drawShell() {
  const { live } = app;
  const lost = live?.lostAt !== null && live?.lostAt !== undefined;
  document.body.classList.toggle("lost", lost);
  render(document.getElementById("bar"), bar(lost), lost && lostLine(live));
  render(document.getElementById("rail"), rail());
}

function lostLine(live) {
  const signedOut = live.problem === 401;
  const what = signedOut ? "You are signed out. A new link: " : "Connection lost. Everything below is as it was at ";
  return h("p", { class: "lost-line", key: "lost", role: "alert" }, what,
    signedOut ? h("code", null, `csg-otel dashboard --web --url ${location.origin}`) : timeOfDay(live.lostAt),
    !signedOut && ` (${since(Date.now() / 1000 - live.lostAt)} ago); trying again.`);
}

/** The age of the newest data in seconds: what the program said, and the time since then. */
function dataAge(status) {
  return status.data_age_s === null ? null : status.data_age_s + Math.max(0, now() - status.time);
}

function isStale(status) {
  const age = dataAge(status);
  return status.workers > 0 && age !== null && age > Math.max(30, 4 * status.refresh_interval_s);
}

function bar(lost) {
  const { status } = app;
  if (!status) return h("div", { class: "bar", key: "bar" }, h("strong", null, app.problem ? "No status" : "Connecting …"), spacer(), tools());
  const state = lost || isStale(status) ? "stale" : status.state;
  const { service } = status;
  document.title = `${state}: ${service.name}`;
  return h("div", { class: `bar b-${look(state)}`, key: "bar" },
    h("a", { class: "overall", href: link(hasFeature("health") ? "health" : "overview"), id: "overall" }, stateMark(state)),
    summary(status),
    spacer(),
    h("span", { class: "who" },
      h("strong", null, service.name), service.version && h("span", { class: "dim" }, ` ${service.version}`),
      service.environment && h("span", { class: "dim" }, ` · ${service.environment}`)),
    h("span", { class: "fact wide", title: "instance" }, service.instance),
    status.workers > 1 && h("span", { class: "fact wide" }, `${status.workers} workers`),
    status.uptime_s !== null && fact("up", duration(Math.floor(status.uptime_s + Math.max(0, now() - status.time)))),
    status.data_age_s !== null && fact("data", dataAge(status) < 1 ? "now" : `${since(dataAge(status))} old`),
    tools());
}

function summary(status) {
  const wrong = status.checks.filter((check) => check.status !== "healthy").length;
  const firing = status.alerts.firing;
  const texts = [
    status.maintenance && `maintenance: ${status.maintenance}`,
    status.bypass && "readiness bypassed",
    wrong > 0 && `${wrong} of ${status.checks.length} checks`,
    firing > 0 && `${firing} firing`,
  ].filter(Boolean);
  return h("span", { class: "why" }, texts.join(" · "));
}

function fact(name, text) {
  return h("span", { class: "fact" }, h("span", { class: "dim" }, `${name} `), h("span", { class: "q" }, text));
}

function spacer() {
  return h("span", { class: "spacer" });
}

function tools() {
  const tool = (name, text, action) =>
    h("button", { class: "tool", key: name, title: text, "aria-label": text, onclick: action }, icon(ICONS[name]));
  return h("span", { class: "tools" },
    tool("data", "Export and import", openData),
    tool("theme", "Switch between dark and light (t)", switchTheme),
    tool("help", "Keyboard and help (?)", openHelp));
}

function rail() {
  const { route, status } = app;
  const current = PAGES.find((page) => page.id === route.pane)?.within ?? route.pane;
  return h("ul", null, visiblePanes().map((pane, index) =>
    h("li", { key: pane.id }, h("a", {
      href: link(pane.id), "aria-current": pane.id === current ? "page" : undefined, title: `${pane.title} (${index + 1})`,
    }, icon(ICONS[pane.id]), h("span", { class: "name" }, pane.title), badge(pane.id, status)))));
}

/** The number of things that are wrong there. */
function badge(pane, status) {
  if (!status) return null;
  const wrong = {
    health: status.checks.filter((check) => check.status === "critical" || check.status === "warning").length,
    alerts: status.alerts.firing,
  }[pane];
  return wrong ? h("span", { class: "badge" }, String(wrong)) : null;
}

/** Switch the theme, and remember it; the system's theme again where it is the same. */
export function switchTheme() {
  const root = document.documentElement;
  const system = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
  const next = (root.dataset.theme ?? system) === "dark" ? "light" : "dark";
  if (next === system) delete root.dataset.theme;
  else root.dataset.theme = next;
  // The program puts the choice into the page, so that the page never flashes in the other theme.
  const age = next === system ? 0 : 31536000;
  document.cookie = `csg_otel_theme=${next}; path=/; max-age=${age}; samesite=strict`;
  dispatchEvent(new Event("theme"));
  draw();
}
