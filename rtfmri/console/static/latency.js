// How long each stage took: p50 as a bar, p95 as a tick, the largest as a dot, and in figures; the whole against TR.

import { drawTitle } from "./legend.js";
import { column, live } from "./live.js";
import { firstAtLeast, percentile } from "./scale.js";
import { BOLD, FONT } from "./theme.js";

const FIGURES = ["p50", "p95", "max"];
const HEAD_Y = 23, TOP = 31, TALLEST = 19, NAMES = 66, FIGURE = 36, LEAST_ROOM = 40;

export function drawLatency(pen, size, view, colours) {
  const rows = stages(view);
  const trMs = live.about.tr_s ? 1000 * live.about.tr_s : NaN;
  const total = rows.find((row) => row.name === "total");
  pen.textBaseline = "middle";
  pen.textAlign = "left";
  drawTitle(pen, "Latency", total && trMs ? `ms; p95 ${((100 * total.p95) / trMs).toFixed(1)} % of TR` : "ms", colours);
  pen.textAlign = "right";
  FIGURES.forEach((word, n) => pen.fillText(word, figureX(size, n), HEAD_Y));
  const full = Math.max(1, ...rows.map((row) => row.max));
  const room = size.w - NAMES - 16 - FIGURES.length * FIGURE;
  const perMs = room < LEAST_ROOM ? null : room / full; // null: the figures alone say it
  const height = Math.min(TALLEST, (size.h - TOP) / rows.length);
  rows.forEach((row, n) => drawRow(pen, row, TOP + (n + 0.5) * height, size, perMs, colours));
}

function figureX(size, n) {
  return size.w - 8 - (FIGURES.length - 1 - n) * FIGURE;
}

function stages(view) {
  const found = [];
  for (const [table, prefix] of [["volumes", "ms."], ["latencies", ""]]) {
    const index = column(table, "index") ?? [];
    const first = firstAtLeast(index, view.fromS / (live.about.tr_s ?? 1));
    for (const [name, values] of live.tables[table]?.columns ?? []) {
      if (name === "index" || !name.startsWith(prefix)) continue;
      const seen = values.slice(first);
      const known = { p50: percentile(seen, 50), p95: percentile(seen, 95), max: percentile(seen, 100) };
      if (known.p50 === known.p50) found.push({ name: name.slice(prefix.length), ...known });
    }
  }
  return found;
}

function drawRow(pen, row, middle, size, perMs, colours) {
  const bold = row.name === "total";
  pen.font = bold ? BOLD : FONT;
  pen.fillStyle = colours.text;
  pen.textAlign = "left";
  pen.fillText(row.name, 8, middle);
  pen.textAlign = "right";
  FIGURES.forEach((word, n) => pen.fillText(row[word].toFixed(row[word] < 99.95 ? 1 : 0), figureX(size, n), middle));
  if (perMs === null) return;
  pen.fillStyle = bold ? colours.main : colours.series[0];
  pen.fillRect(NAMES, middle - 3, Math.max(1, row.p50 * perMs), 6);
  pen.fillRect(NAMES + row.p95 * perMs - 1, middle - 5, 2, 10);
  pen.beginPath();
  pen.arc(NAMES + row.max * perMs, middle, 2.5, 0, 2 * Math.PI);
  pen.fill();
}
