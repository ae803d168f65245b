// The tree of a trace's spans, and which lines of its waterfall are shown. Pure.

/** Spans by id, children by parent's id, resources by service, and the trace's bounds; a running span ends at `time`. */
export function index(page, time) {
  const spans = new Map(page.spans.map((span) => [span.span_id, span]));
  const children = new Map();
  for (const span of page.spans) {
    const parent = spans.has(span.parent_id) ? span.parent_id : "";
    if (!children.has(parent)) children.set(parent, []);
    children.get(parent).push(span);
  }
  const logs = new Map();
  for (const row of page.logs) {
    if (!logs.has(row.span_id)) logs.set(row.span_id, []);
    logs.get(row.span_id).push(row);
  }
  let [start, end] = [Infinity, -Infinity];
  for (const span of page.spans) {
    start = Math.min(start, span.start);
    end = Math.max(end, span.end ?? time);
  }
  return { spans, children, logs, resources: page.resources, start, end: Math.max(end, start + 1e-6) };
}

/** The lines to show: without those below a folded span, repeats replaced by their spans where they are unfolded. */
export function lines(page, tree, folded, unfolded) {
  const shown = [];
  let hiddenBelow = Infinity;
  for (const row of page.rows) {
    if (row.depth > hiddenBelow) continue;
    hiddenBelow = Infinity;
    const opened = row.count > 1 && unfolded.has(row.span_id);
    if (opened) shown.push({ ...row, group: true }, ...single(row, tree));
    else shown.push(row);
    if (folded.has(row.span_id)) hiddenBelow = row.depth;
  }
  return shown;
}

/** The spans of a line of repeats, each as a line of its own. */
function single(row, tree) {
  return [row.span_id, ...row.hidden].filter((id) => tree.spans.has(id)).map((id) => ({
    span_id: id, depth: row.depth + 1, critical: false, self_s: null, count: 1, total_s: tree.spans.get(id).duration_s, hidden: [], within: row.span_id,
  }));
}

/** The stretches of a span that no child covers, as [from, to]: where its own time went. */
export function ownTime(span, children, time) {
  const end = span.end ?? time;
  const stretches = [];
  let at = span.start;
  for (const child of children) {
    if (child.start > at) stretches.push([at, Math.min(child.start, end)]);
    at = Math.max(at, child.end ?? time);
    if (at >= end) break;
  }
  if (at < end) stretches.push([at, end]);
  return stretches.slice(0, 100);
}

/** A span and everything below it, as the API returned them, with their log records. */
export function subtree(id, tree) {
  const spans = [];
  const add = (span) => {
    spans.push(span);
    for (const child of tree.children.get(span.span_id) ?? []) add(child);
  };
  add(tree.spans.get(id));
  return { spans, logs: spans.flatMap((span) => tree.logs.get(span.span_id) ?? []) };
}

export function exceptionsOf(span) {
  return span.events.filter((event) => event.name === "exception");
}
