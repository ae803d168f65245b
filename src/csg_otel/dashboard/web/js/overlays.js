// What is drawn over a chart's lines: thresholds and exemplars.

import { value } from "./format.js";

const REACH = 10;

function prepare(plot) {
  const ratio = devicePixelRatio || 1;
  const { ctx, bbox } = plot;
  ctx.save();
  ctx.beginPath();
  ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
  ctx.clip();
  ctx.font = `${11 * ratio}px system-ui, sans-serif`;
  return ratio;
}

/** A dashed line per threshold with its name; one above the chart's range is named at the upper edge. */
export function drawThresholds(plot, chart) {
  const { thresholds, unit } = chart.doc;
  if (thresholds.length === 0) return;
  const ratio = prepare(plot);
  const { ctx, bbox } = plot;
  let above = 0;
  for (const one of thresholds) {
    const colour = chart.styled(one.severity === "critical" ? "--critical" : "--warning");
    const y = plot.valToPos(one.value, "y", true);
    const outside = y < bbox.top;
    const text = `${outside ? "↑ " : ""}${one.label} ${value(one.value, unit)}`;
    ctx.strokeStyle = ctx.fillStyle = colour;
    ctx.lineWidth = ratio;
    if (!outside) {
      ctx.setLineDash([4 * ratio, 4 * ratio]);
      ctx.beginPath();
      ctx.moveTo(bbox.left, y);
      ctx.lineTo(bbox.left + bbox.width, y);
      ctx.stroke();
    }
    ctx.textAlign = outside ? "right" : "left";
    const line = outside ? bbox.top + (11 + 13 * above++) * ratio : y - 5 * ratio > bbox.top + 11 * ratio ? y - 5 * ratio : y + 12 * ratio;
    ctx.fillText(text, outside ? bbox.left + bbox.width - 4 * ratio : bbox.left + 4 * ratio, line, bbox.width);
  }
  ctx.restore();
}

/** A hollow diamond per exemplar. */
export function drawExemplars(plot, chart) {
  if (chart.doc.exemplars.length === 0) return;
  const ratio = prepare(plot);
  const { ctx } = plot;
  const size = 4 * ratio;
  ctx.strokeStyle = chart.styled("--text");
  ctx.fillStyle = chart.styled("--page");
  ctx.lineWidth = ratio;
  for (const one of chart.doc.exemplars) {
    const [x, y] = [plot.valToPos(one.time, "x", true), plot.valToPos(one.value, "y", true)];
    ctx.beginPath();
    ctx.moveTo(x, y - size);
    ctx.lineTo(x + size, y);
    ctx.lineTo(x, y + size);
    ctx.lineTo(x - size, y);
    ctx.closePath();
    ctx.fill();
    ctx.stroke();
  }
  ctx.restore();
}

/** The exemplar under the cursor, or null. */
export function exemplarAt(plot, doc) {
  const { left, top } = plot.cursor;
  let [best, distance] = [null, REACH];
  for (const one of doc.exemplars) {
    const away = Math.hypot(plot.valToPos(one.time, "x") - left, plot.valToPos(one.value, "y") - top);
    if (away < distance) [best, distance] = [one, away];
  }
  return best;
}
