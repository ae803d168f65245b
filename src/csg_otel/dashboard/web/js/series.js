// Colours and order of a chart's series. Pure.

const PLACES = new Map([["p50", 0], ["p95", 1], ["p99", 6]]);
const COLOURS = 8;

function hash(text) {
  let sum = 7;
  for (const letter of text) sum = (sum * 31 + letter.codePointAt(0)) % 1000003;
  return sum;
}

/** A colour number for each label: by its name, the next free one where two names meet, so it is the same everywhere. */
export function colours(labels) {
  const result = new Map();
  const used = new Set();
  const fixed = (label) => (PLACES.has(label) ? 0 : 1);
  for (const label of [...new Set(labels)].sort((a, b) => fixed(a) - fixed(b) || (a < b ? -1 : 1))) {
    let place = PLACES.get(label) ?? hash(label) % COLOURS;
    for (let tries = 0; used.has(place) && tries < COLOURS; tries += 1) place = (place + 1) % COLOURS;
    used.add(place);
    result.set(label, place);
  }
  return result;
}

/** The quantiles that a histogram's chart can show alone. */
export const QUANTILES = ["p50", "p95", "p99"];

/**
 * Charts of one document by what can share an axis: a histogram's quantiles and its rate are two. `field` is the
 * quantile to show, empty for all.
 */
export function panels(chart, field) {
  const rates = chart.kind === "histogram" ? chart.series.filter((series) => series.field === "rate") : [];
  if (rates.length === 0 && !field) return [chart];
  const rest = chart.series.filter((series) => series.field !== "rate" && (!field || !QUANTILES.includes(series.field) || series.field === field));
  const rate = { ...chart, id: `${chart.id} rate`, title: "Rate", unit: "1/s", series: rates, thresholds: [], exemplars: [] };
  return [...(rest.length ? [{ ...chart, series: rest }] : []), ...(rates.length ? [rate] : [])];
}

/** The newest value of a series that exists, or null. */
export function latest(values) {
  for (let at = values.length - 1; at >= 0; at -= 1) if (values[at] !== null) return values[at];
  return null;
}
