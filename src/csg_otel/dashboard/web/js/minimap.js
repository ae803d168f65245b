// The minimap of a trace: all spans small; a drag chooses the part that the waterfall shows.

import { h } from "./dom.js";

const HEIGHT = 40;
const MOST = 4000;

/** Draw `tree` with the chosen part `view` ([from, to] in seconds); `choose(view)` is called after a drag, with null for everything. */
export function minimap(page, tree, view, time, choose) {
  const x = (at) => ((at - tree.start) / (tree.end - tree.start)) * 1000;
  const [from, to] = view.map(x);
  return h("div", { class: "minimap", key: "minimap", onpointerdown: (event) => drag(event, tree, choose), ondblclick: () => choose(null), title: "Drag to show a part; double click for everything" },
    h("svg", { viewBox: `0 0 1000 ${HEIGHT}`, preserveAspectRatio: "none", role: "img", "aria-label": `${page.spans.length} spans` },
      bars(page, x, time).map(([name, path]) => h("path", { key: name, class: name, d: path })),
      from > 0 && h("rect", { key: "before", class: "outside", x: 0, y: 0, width: from, height: HEIGHT }),
      to < 1000 && h("rect", { key: "after", class: "outside", x: to, y: 0, width: 1000 - to, height: HEIGHT })));
}

/** One path per look: thousands of spans stay two elements. */
function bars(page, x, time) {
  const paths = { span: "", error: "" };
  const spans = page.spans.slice(0, MOST);
  const depth = Math.max(1, spans.length);
  const tall = Math.max(0.6, Math.min(3, HEIGHT / depth));
  spans.forEach((span, at) => {
    const y = (at / depth) * (HEIGHT - tall);
    const left = x(span.start);
    const width = Math.max(1.5, x(span.end ?? time) - left);
    paths[span.status === "error" ? "error" : "span"] += `M${left.toFixed(1)} ${y.toFixed(1)}h${width.toFixed(1)}v${tall.toFixed(1)}h-${width.toFixed(1)}z`;
  });
  return Object.entries(paths);
}

function drag(event, tree, choose) {
  const box = event.currentTarget.getBoundingClientRect();
  const target = event.currentTarget;
  const at = (place) => tree.start + (Math.max(0, Math.min(1, (place - box.left) / box.width))) * (tree.end - tree.start);
  const begin = event.clientX;
  target.setPointerCapture(event.pointerId);
  const move = (moved) => {
    if (Math.abs(moved.clientX - begin) > 3) choose([at(Math.min(begin, moved.clientX)), at(Math.max(begin, moved.clientX))]);
  };
  const end = () => {
    target.removeEventListener("pointermove", move);
    target.removeEventListener("pointerup", end);
    target.removeEventListener("pointercancel", end);
  };
  target.addEventListener("pointermove", move);
  target.addEventListener("pointerup", end);
  target.addEventListener("pointercancel", end);
}
