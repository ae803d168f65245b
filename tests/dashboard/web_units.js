// Run by test_web_files.py in a folder with copies of the modules.
import * as format from "./format.js";
import { colours, panels, latest } from "./series.js";
import { lines, index, ownTime, subtree } from "./tree.js";
import { worstSeries } from "./rules.js";
import assert from "node:assert/strict";

assert.deepEqual([1.2411, 0.0823, 0.00031, 2e-8, 0, 192, 3600, 93600].map(format.duration),
  ["1.24 s", "82.3 ms", "310 µs", "20 ns", "0 s", "3 min 12 s", "1 h", "1 d 2 h"]);
assert.deepEqual([[241e6, "By"], [3, "By/s"], [0.5, "s"], [12, "{item}"], [2, "1"], [1234567, "{item}/s"], [null, "s"]].map((one) => format.value(...one)),
  ["230 MiB", "3 B/s", "500 ms", "12 item", "2", "1.23 M item/s", "–"]);
assert.deepEqual([182731, 0.012345, 1.2, -4, 0, 1e-7].map(format.number), ["182,731", "0.0123", "1.2", "-4", "0", "1.0e-7"]);
assert.deepEqual([0.2, 59, 61, 7300, 2e5].map(format.since), ["now", "59 s", "1 min", "2 h", "2 d"]);

const places = colours(["b", "a", "constructor", "__proto__"]);
assert.equal(new Set(places.values()).size, 4);
assert.deepEqual(colours(["constructor", "a", "__proto__", "b"]), places);
assert.equal(latest([1, 2, null]), 2);
const series = ["p50", "p95", "rate"].map((field) => ({ field, values: [] }));
const chart = { id: "x", kind: "histogram", series, thresholds: [1], exemplars: [] };
assert.deepEqual(panels(chart, "").map((one) => one.series.map((each) => each.field)), [["p50", "p95"], ["rate"]]);
assert.deepEqual(panels(chart, "p95").map((one) => one.series.map((each) => each.field)), [["p95"], ["rate"]]);

const span = (span_id, parent_id, start, end) => ({ span_id, parent_id, start, end, duration_s: end && end - start });
const row = (span_id, depth, hidden = []) => ({ span_id, depth, count: 1 + hidden.length, hidden });
const page = {
  spans: [span("a", null, 0, 10), span("b", "a", 1, 3), span("c", "b", 1, 2), span("d", "a", 5, 6), span("e", "a", 6, 7), span("f", "a", 8, null)],
  rows: [row("a", 0), row("b", 1), row("c", 2), row("d", 1, ["e"]), row("f", 1)], logs: [{ span_id: "c" }],
};
const tree = index(page, 20);
const shown = (folded, unfolded) => lines(page, tree, new Set(folded), new Set(unfolded)).map((line) => line.span_id).join("");
assert.deepEqual([tree.start, tree.end], [0, 20]);
assert.deepEqual([shown([], []), shown(["b"], []), shown([], ["d"]), shown(["a"], [])], ["abcdf", "abdf", "abcddef", "a"]);
assert.deepEqual(ownTime(page.spans[0], tree.children.get("a"), 20), [[0, 1], [3, 5], [7, 8]]);
assert.deepEqual(subtree("b", tree), { spans: [page.spans[1], page.spans[2]], logs: page.logs });

const rule = (condition, ...values) => ({ condition, series: values.map((value) => ({ value, state: "ok" })) });
assert.equal(worstSeries(rule("> 5", 1, 3, 2)).value, 3);
assert.equal(worstSeries(rule("< 5", 7, 9)).value, 7);
assert.equal(worstSeries(rule("> 5")), null);
