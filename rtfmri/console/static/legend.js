// What stands above a chart, and how a series is drawn there as in the chart.

import { clock, firstAtLeast } from "./scale.js";
import { BOLD, DASHES, FONT } from "./theme.js";

const EDGE = 6, TITLE_Y = 7, LEGEND_Y = 23;
const NEAR = 10; // volumes: the next tSNR may come so much later
const ROOMY = [17, 9], TIGHT = [11, 5]; // a legend's sample of the line, and what follows an entry

// Title and unit, or where the pointer is; below, the legend with the newest values, or with those under the pointer.
export function drawHead(pen, size, chart, shown, hoverS, trS, colours) {
  pen.textBaseline = "middle";
  pen.textAlign = "left";
  drawTitle(pen, chart.title, hoverS === null ? chart.unit : `${clock(hoverS)}, no. ${Math.round(hoverS / trS) + 1}`, colours);
  pen.font = FONT;
  const named = shown.filter((s) => s.label);
  let words = named.map((s) => {
    const value = s.values[hoverS === null ? s.index.length - 1 : rowAt(s.index, hoverS / trS)];
    return `${s.label} ${value === undefined || Number.isNaN(value) ? "–" : signed(value, s.digits)}`;
  });
  let [sample, gap] = ROOMY;
  const length = () => pen.measureText(words.join("")).width + words.length * (sample + 4 + gap);
  if (length() > size.w - EDGE) [sample, gap] = TIGHT;
  if (length() > size.w - EDGE) words = named.map((s) => s.label);
  let x = EDGE;
  named.forEach((s, n) => {
    pen.strokeStyle = colourOf(s, colours);
    pen.lineWidth = s.width + 0.5;
    pen.setLineDash(dashOf(s));
    line(pen, x, LEGEND_Y, x + sample, LEGEND_Y);
    pen.setLineDash([]);
    pen.fillStyle = colours.text;
    pen.fillText(words[n], x + sample + 4, LEGEND_Y);
    x += sample + 4 + pen.measureText(words[n]).width + gap;
  });
}

export function drawTitle(pen, title, more, colours) {
  pen.font = BOLD;
  pen.fillStyle = colours.text;
  pen.fillText(title, EDGE, TITLE_Y);
  const x = EDGE + pen.measureText(title).width + 8;
  pen.font = FONT;
  pen.fillStyle = colours.dim;
  pen.fillText(more, x, TITLE_Y);
}

export function colourOf(s, colours) {
  return s.colour === "main" ? colours.main : colours.series[s.colour % colours.series.length];
}

export function dashOf(s) {
  return DASHES[(s.dash === "main" ? 0 : s.dash) % DASHES.length];
}

export function line(pen, x0, y0, x1, y1) {
  pen.beginPath();
  pen.moveTo(x0, y0);
  pen.lineTo(x1, y1);
  pen.stroke();
}

function rowAt(index, wanted) {
  const row = firstAtLeast(index, wanted - 0.5);
  return index[row] <= wanted + NEAR ? row : -1;
}

function signed(value, digits) {
  return value.toFixed(digits).replace("-", "−");
}
