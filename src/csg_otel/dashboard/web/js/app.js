// The page's state and its one way of drawing: panes change state and call `draw`, which draws once per frame.

export const PANES = [
  { id: "overview", title: "Overview", feature: null },
  { id: "health", title: "Health", feature: "health" },
  { id: "traces", title: "Traces", feature: "traces" },
  { id: "logs", title: "Logs", feature: "logs" },
  { id: "metrics", title: "Metrics", feature: "performance" },
  { id: "system", title: "System", feature: "system" },
  { id: "alerts", title: "Alerts", feature: "alerts" },
];
/** Pages without an entry of their own in the rail: [id, the pane whose entry is marked, feature]. */
export const PAGES = [{ id: "changed", title: "What changed", within: "overview", feature: "trends" }];

export const app = {
  status: null,
  problem: null,
  session: "",
  route: { pane: "overview", id: "", params: new URLSearchParams() },
  pane: null,
  live: null,
  skew: 0,
  drawers: [],
};

/** The program's clock, in seconds: ages are right although this computer's clock is not. */
export function now() {
  return Date.now() / 1000 + app.skew;
}

let scheduled = 0;

/** Draw everything at the next frame. */
export function draw() {
  if (scheduled) return;
  scheduled = requestAnimationFrame(() => {
    scheduled = 0;
    for (const drawer of app.drawers) drawer();
  });
}

export function hasFeature(name) {
  return name === null || !app.status || app.status.features.includes(name);
}

export function visiblePanes() {
  return PANES.filter((pane) => hasFeature(pane.feature));
}

/** Read the URL's fragment: "#/traces/ID?span=..." */
export function readRoute() {
  const [path, query = ""] = splitOnce(location.hash.replace(/^#\/?/, ""), "?");
  const [pane, id = ""] = path.split("/");
  const page = [...PANES, ...PAGES].find((candidate) => candidate.id === pane);
  return { pane: page ? pane : "overview", id: decode(id), params: new URLSearchParams(query) };
}

function decode(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function splitOnce(text, mark) {
  const at = text.indexOf(mark);
  return at < 0 ? [text] : [text.slice(0, at), text.slice(at + 1)];
}

/** The fragment of a page; empty parameters are left out, lists repeat the name. */
export function link(pane, id = "", params = {}) {
  const query = params instanceof URLSearchParams ? params : new URLSearchParams();
  if (query !== params) {
    for (const [name, value] of Object.entries(params)) {
      for (const item of Array.isArray(value) ? value : [value]) {
        if (item !== undefined && item !== null && item !== "" && item !== false) query.append(name, item);
      }
    }
  }
  const text = query.toString();
  return `#/${pane}${id ? `/${encodeURIComponent(id)}` : ""}${text ? `?${text}` : ""}`;
}

/** Go to a page, as a click on its link does. */
export function go(pane, id, params) {
  location.hash = link(pane, id, params);
}

/** Change parameters of the present page without a new entry of the browser's history; null removes one. */
export function setParams(changes) {
  const params = new URLSearchParams(app.route.params);
  for (const [name, value] of Object.entries(changes)) {
    params.delete(name);
    for (const item of Array.isArray(value) ? value : [value]) {
      if (item !== undefined && item !== null && item !== "" && item !== false) params.append(name, item);
    }
  }
  history.replaceState(null, "", link(app.route.pane, app.route.id, params));
  dispatchEvent(new HashChangeEvent("hashchange"));
}

let noticeTimer = 0;

/** Say one sentence at the page's foot for a few seconds. */
export function notice(text) {
  const box = document.getElementById("notice");
  box.textContent = text;
  clearTimeout(noticeTimer);
  noticeTimer = setTimeout(() => (box.textContent = ""), 5000);
}

/** Copy a text, and say so. */
export async function copy(text, what) {
  try {
    await navigator.clipboard.writeText(text);
    notice(`${what} copied.`);
  } catch {
    notice("The browser does not allow copying here.");
  }
}
