// Start: routes, live updates, the clock of the page.

import { render } from "./dom.js";
import { get, forgetSession } from "./api.js";
import { app, draw, now, readRoute } from "./app.js";
import { Live } from "./live.js";
import { drawShell } from "./shell.js";
import { listenToKeys } from "./keys.js";
import * as overview from "./panes/overview.js";
import * as health from "./panes/health.js";
import * as trace from "./panes/trace.js";
import * as traces from "./panes/traces.js";
import * as logs from "./panes/logs.js";
import * as metrics from "./panes/metrics.js";
import * as system from "./panes/system.js";
import * as alerts from "./panes/alerts.js";
import * as changed from "./panes/changed.js";

const panes = { overview, health, traces, logs, metrics, system, alerts, changed };

const root = document.getElementById("pane");
let shown = "";

/**
 * Show the page of the URL. A pane module has `open()`, which returns an object with `topics`, `view()`, and if it needs
 * them `show(params)` (the parameters changed), `refresh()`, `event(name, document)`, `tick()`, `key(event)`, `close()`.
 */
function follow() {
  app.route = readRoute();
  const { pane, id } = app.route;
  const page = `${pane}/${id}`;
  if (page === shown) {
    app.pane.show?.(app.route.params);
    draw();
    return;
  }
  shown = page;
  app.pane?.close?.();
  app.pane = (pane === "traces" && id ? trace : panes[pane]).open(id);
  root.scrollTop = 0;
  app.pane.show?.(app.route.params);
  // A new stream begins with `hello`, which fetches the pane's documents; the same stream goes on without it.
  if (!app.live.listen([...new Set(["status", ...app.pane.topics])])) app.pane.refresh?.();
  draw();
}

function drawPane() {
  root.className = `pane-${app.route.pane}`;
  render(root, app.pane.view());
}

function takeStatus(status) {
  app.status = status;
  app.problem = null;
  app.skew = status.time - Date.now() / 1000;
}

function deliver(events) {
  const newest = new Map(events.filter(([name]) => name !== "traces" && name !== "logs"));
  for (const [name, document] of events) {
    // Of states only the newest counts.
    if (newest.has(name) && newest.get(name) !== document) continue;
    if (name === "hello") greet(document);
    else if (name === "status") takeStatus(document);
    app.pane.event?.(name, document);
  }
  draw();
}

/** A new stream: what happened in between was missed, so everything shown is fetched. */
function greet(hello) {
  if (app.session && app.session !== hello.session) forgetSession();
  app.session = hello.session;
  app.pane.refresh?.();
}

function refresh() {
  app.pane.refresh?.();
  return fetchStatus();
}

async function fetchStatus() {
  try {
    takeStatus(await get("status"));
  } catch (error) {
    app.problem = error;
  }
  draw();
}

function tick() {
  if (document.hidden) return;
  app.pane.tick?.(now());
  draw();
}

/** Draw, follow the URL, and listen. */
function start() {
  app.drawers.push(drawShell, drawPane);
  addEventListener("hashchange", follow);
  listenToKeys(refresh);
  setInterval(tick, 1000);
  follow();
}

app.live = new Live(deliver, draw);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => dispatchEvent(new Event("theme")));
// The status comes with the page, so that the first draw has it; a program that is slow does not keep the page from being there.
if (document.hidden) start();
else Promise.race([fetchStatus(), new Promise((done) => setTimeout(done, 500))]).then(start);
