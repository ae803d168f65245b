// Start: routes, live updates, the clock of the page.

import { render } from "./dom.js";
import { get, forgetSession } from "./api.js";
import { app, draw, now, readRoute } from "./app.js";
import { Live } from "./live.js";
import { drawShell } from "./shell.js";
import { listenToKeys } from "./keys.js";
import { loading, failed } from "./widgets.js";
import * as overview from "./panes/overview.js";

const loaders = {
  overview: async () => overview,
  health: () => import("./panes/health.js"),
  traces: () => (app.route.id ? import("./panes/trace.js") : import("./panes/traces.js")),
  logs: () => import("./panes/logs.js"),
  metrics: () => import("./panes/metrics.js"),
  system: () => import("./panes/system.js"),
  alerts: () => import("./panes/alerts.js"),
  changed: () => import("./panes/changed.js"),
};

const root = document.getElementById("pane");
let shown = "";

/**
 * Show the page of the URL. A pane module has `open()`, which returns an object with `topics`, `view()`, and if it needs
 * them `show(params)` (the parameters changed), `refresh()`, `event(name, document)`, `tick()`, `key(event)`, `close()`.
 */
async function follow() {
  app.route = readRoute();
  const { pane, id } = app.route;
  const page = `${pane}/${id}`;
  if (page === shown) {
    app.pane?.show?.(app.route.params);
    draw();
    return;
  }
  shown = page;
  app.pane?.close?.();
  app.pane = null;
  draw();
  try {
    const module = await loaders[pane]();
    if (page !== shown) return;
    app.pane = module.open(id);
  } catch (error) {
    app.pane = { topics: [], view: () => failed({ message: "This part of the page could not be loaded.", status: 0 }, () => location.reload()), error };
  }
  root.scrollTop = 0;
  app.pane.show?.(app.route.params);
  // A new stream begins with `hello`, which fetches the pane's documents; the same stream goes on without it.
  if (!app.live.listen([...new Set(["status", ...app.pane.topics])])) app.pane.refresh?.();
  draw();
}

function drawPane() {
  root.className = `pane-${app.route.pane}`;
  render(root, app.pane ? app.pane.view() : loading());
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
    app.pane?.event?.(name, document);
  }
  draw();
}

/** A new stream: what happened in between was missed, so everything shown is fetched. */
function greet(hello) {
  if (app.session && app.session !== hello.session) forgetSession();
  app.session = hello.session;
  app.pane?.refresh?.();
}

function refresh() {
  app.pane?.refresh?.();
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
  app.pane?.tick?.(now());
  draw();
}

app.drawers.push(drawShell, drawPane);
app.live = new Live(deliver, draw);
addEventListener("hashchange", follow);
addEventListener("theme", () => app.pane?.theme?.());
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => dispatchEvent(new Event("theme")));
listenToKeys(refresh);
setInterval(tick, 1000);
follow();
if (!document.hidden) fetchStatus();
