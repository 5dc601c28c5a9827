// One chart over time on a canvas: blocks, grid, limit, bands, lines, marks of validity, legend, hover. Times in seconds from time zero.

import { colourOf, dashOf, drawHead, line } from "./legend.js";
import { column, live } from "./live.js";
import { clock, firstAtLeast, timeTicks, valueScale } from "./scale.js";
import { FONT } from "./theme.js";

const LEFT = 44, RIGHT = 10, TOP = 36, BOTTOM = 18, MARKS = 12;
const MARK = { held: ["◍", "warn"], missing: ["✕", "bad"], settling: ["◌", "dim"] };

// Draws, and gives back where the time axis lies, for the pointer; null where there is no room.
export function drawPlot(pen, size, chart, view, colours) {
  const trS = live.about.tr_s ?? 1;
  const shown = chart.series.filter((s) => s.values?.length).map((s) => visible(s, view, trS));
  const right = shown.filter((s) => s.right);
  const area = { x: LEFT, y: TOP, w: size.w - LEFT - (right.length ? LEFT : RIGHT), h: size.h - TOP - BOTTOM - (chart.marks ? MARKS : 0) };
  if (area.w < 40 || area.h < 20) return null;
  const x = (t) => area.x + ((t - view.fromS) / (view.toS - view.fromS)) * area.w;
  const scale = valueScale(...range(shown.filter((s) => !s.right), chart.least), area.h);
  const place = { x, y: upwards(scale, area) };
  drawBlocks(pen, area, view, place, colours);
  drawGrid(pen, area, scale, view, place, colours);
  if (chart.limit != null) drawLimit(pen, area, chart, place, colours);
  const rightScale = right.length ? valueScale(...range(right), area.h) : null;
  if (rightScale) drawRightAxis(pen, area, rightScale, colours);
  const placeOf = (s) => (s.right ? { x, y: upwards(rightScale, area) } : place);
  pen.save();
  pen.beginPath();
  pen.rect(area.x, area.y, area.w, area.h);
  pen.clip();
  shown.forEach((s) => s.se && drawBand(pen, s, placeOf(s), colours));
  shown.forEach((s) => drawLine(pen, s, placeOf(s), colours, area.w));
  pen.restore();
  if (chart.marks) drawMarks(pen, area, view, place, trS, colours);
  const hover = view.hoverS === null || view.hoverS < view.fromS || view.hoverS > view.toS ? null : view.hoverS;
  if (hover !== null) drawHover(pen, area, x(hover), colours);
  drawHead(pen, size, chart, shown, hover, trS, colours);
  return area;
}

export function timeAt(area, view, xPx) {
  const t = area ? view.fromS + ((xPx - area.x) / area.w) * (view.toS - view.fromS) : NaN;
  return t >= view.fromS && t <= view.toS ? t : null;
}

function upwards(scale, area) {
  return (value) => area.y + area.h - ((value - scale.low) / (scale.high - scale.low)) * area.h;
}

function visible(s, view, trS) {
  const index = column(s.table, "index") ?? [];
  const first = Math.max(0, firstAtLeast(index, view.fromS / trS) - 1);
  const beyond = Math.min(index.length, firstAtLeast(index, view.toS / trS) + 1);
  return { ...s, index, first, beyond, trS };
}

function range(shown, least) {
  let [low, high] = least ?? [Infinity, -Infinity];
  for (const { values, se, first, beyond } of shown) {
    for (let row = first; row < beyond; row++) {
      const spread = se && se[row] === se[row] ? se[row] : 0;
      if (values[row] - spread < low) low = values[row] - spread;
      if (values[row] + spread > high) high = values[row] + spread;
    }
  }
  return low > high ? [0, 1] : [low, high];
}

function drawBlocks(pen, area, view, place, colours) {
  pen.font = FONT;
  pen.textAlign = "left";
  for (const block of live.about.blocks ?? []) {
    const endS = block.onset_s + block.duration_s;
    if (endS < view.fromS || block.onset_s > view.toS || block.role === "rest") continue;
    const x = place.x(Math.max(block.onset_s, view.fromS));
    pen.fillStyle = block.role === "regulate" ? colours.regulate : colours.other;
    pen.fillRect(x, area.y, place.x(Math.min(endS, view.toS)) - x, area.h);
  }
}

function drawGrid(pen, area, scale, view, place, colours) {
  pen.font = FONT;
  pen.lineWidth = 1;
  pen.strokeStyle = colours.grid;
  pen.fillStyle = colours.dim;
  pen.textAlign = "right";
  pen.textBaseline = "middle";
  pen.beginPath();
  for (const tick of scale.ticks) {
    const y = Math.round(place.y(tick)) + 0.5;
    pen.moveTo(area.x, y);
    pen.lineTo(area.x + area.w, y);
    pen.fillText(tick.toFixed(scale.digits), area.x - 6, y);
  }
  pen.stroke();
  pen.textAlign = "center";
  pen.textBaseline = "bottom";
  const foot = area.y + area.h;
  for (const tick of timeTicks(view.fromS, view.toS, area.w)) {
    const half = pen.measureText(clock(tick)).width / 2;
    pen.fillText(clock(tick), Math.min(place.x(tick), area.x + area.w + RIGHT - half), foot + BOTTOM + (view.marks ? MARKS : 0) - 2);
  }
  if (scale.low < 0 && scale.high > 0) {
    pen.strokeStyle = colours.dim;
    line(pen, area.x, place.y(0), area.x + area.w, place.y(0));
  }
}

function drawRightAxis(pen, area, scale, colours) {
  pen.fillStyle = colours.dim;
  pen.textAlign = "left";
  pen.textBaseline = "middle";
  const y = upwards(scale, area);
  for (const tick of scale.ticks) pen.fillText(tick.toFixed(scale.digits), area.x + area.w + 6, y(tick));
}

function drawLimit(pen, area, chart, place, colours) {
  pen.strokeStyle = colours.bad;
  pen.lineWidth = 1.5;
  pen.setLineDash([8, 4]);
  line(pen, area.x, place.y(chart.limit), area.x + area.w, place.y(chart.limit));
  pen.setLineDash([]);
}

// Where values are missing a band or a line ends: nothing is drawn across what was not measured.
function stretches({ values, first, beyond }, each) {
  let begun = -1;
  for (let row = first; row <= beyond; row++) {
    const there = row < beyond && values[row] === values[row];
    if (there && begun < 0) begun = row;
    if (!there && begun >= 0) {
      each(begun, row);
      begun = -1;
    }
  }
}

function drawBand(pen, s, place, colours) {
  pen.fillStyle = colourOf(s, colours);
  pen.globalAlpha = s.colour === "main" ? 0.12 : 0.18;
  const x = (row) => place.x(s.index[row] * s.trS);
  const spread = (row) => (s.se[row] === s.se[row] ? s.se[row] : 0);
  stretches(s, (begun, ended) => {
    pen.beginPath();
    for (let row = begun; row < ended; row++) pen.lineTo(x(row), place.y(s.values[row] + spread(row)));
    for (let row = ended - 1; row >= begun; row--) pen.lineTo(x(row), place.y(s.values[row] - spread(row)));
    pen.fill();
  });
  pen.globalAlpha = 1;
}

function drawLine(pen, s, place, colours, widthPx) {
  pen.strokeStyle = colourOf(s, colours);
  pen.lineWidth = s.beyond - s.first > widthPx ? 0.7 * s.width : s.width; // a dense line of full width is a blot
  pen.lineJoin = "round";
  pen.setLineDash(dashOf(s));
  pen.beginPath();
  stretches(s, (begun, ended) => {
    pen.moveTo(place.x(s.index[begun] * s.trS), place.y(s.values[begun]));
    if (ended - begun === 1) pen.lineTo(place.x(s.index[begun] * s.trS) + 1, place.y(s.values[begun]));
    for (let row = begun + 1; row < ended; row++) pen.lineTo(place.x(s.index[row] * s.trS), place.y(s.values[row]));
  });
  pen.stroke();
  pen.setLineDash([]);
}

function drawMarks(pen, area, view, place, trS, colours) {
  const validity = column("volumes", "validity") ?? [];
  const index = column("volumes", "index") ?? [];
  pen.font = FONT;
  pen.textAlign = "center";
  pen.textBaseline = "middle";
  for (let row = firstAtLeast(index, view.fromS / trS); row < validity.length; row++) {
    const mark = MARK[validity[row]];
    if (!mark) continue;
    pen.fillStyle = colours[mark[1]];
    pen.fillText(mark[0], place.x(index[row] * trS), area.y + area.h + MARKS / 2 + 1);
  }
}

function drawHover(pen, area, x, colours) {
  pen.strokeStyle = colours.dim;
  pen.lineWidth = 1;
  line(pen, Math.round(x) + 0.5, area.y, Math.round(x) + 0.5, area.y + area.h);
}
