// <rt-chart kind="..."> and <rt-span>: elements that any page may hold. All charts of a page are drawn in one frame after each piece.

import { KINDS, missingBecauseBlind } from "./kinds.js";
import { drawLatency } from "./latency.js";
import { column, listen, live } from "./live.js";
import { drawPlot, timeAt } from "./plot.js";
import { FONT, theme } from "./theme.js";

const SPANS = [["Whole run", null], ["5 min", 300], ["2 min", 120]];
const LEAST_S = 20;
const OWN_TABLE = { latency: "latencies", tsnr: "quality" };
const charts = new Set();
const due = new Set();
let spanS = null;
let hoverS = null;
let frame = 0;
let listening = false;

// What came late (latencies, tSNR) touches its own chart only: the others are not drawn a second time for it.
function drawGrown(tables) {
  const all = tables === null || tables.includes("volumes");
  drawSoon(all ? charts : [...charts].filter((chart) => tables.includes(OWN_TABLE[chart.getAttribute("kind")])));
}

function drawSoon(which = charts) {
  which.forEach((chart) => due.add(chart));
  if (!frame) frame = requestAnimationFrame(drawAll);
}

function drawAll() {
  frame = 0;
  const view = viewNow();
  const colours = theme();
  due.forEach((chart) => chart.draw(view, colours));
  due.clear();
  const sent = column("volumes", "sent");
  if (sent?.length) {
    const detail = { index: column("volumes", "index").at(-1), sentUnixS: sent.at(-1) };
    document.dispatchEvent(new CustomEvent("rtfmri-drawn", { detail }));
  }
}

function viewNow() {
  const trS = live.about.tr_s ?? 1;
  const nowS = ((column("volumes", "index")?.at(-1) ?? 0) + 1) * trS;
  if (spanS !== null) return { fromS: Math.max(0, nowS - spanS), toS: Math.max(nowS, spanS), hoverS };
  return { fromS: 0, toS: Math.max(LEAST_S, nowS, (live.about.planned ?? 0) * trS), hoverS };
}

class Chart extends HTMLElement {
  connectedCallback() {
    this.canvas = document.createElement("canvas");
    this.replaceChildren(this.canvas);
    this.setAttribute("role", "img");
    this.sizes = new ResizeObserver(() => drawSoon([this]));
    this.sizes.observe(this);
    this.sight = new IntersectionObserver(([entry]) => {
      this.hidden_ = !entry.isIntersecting;
      drawSoon([this]);
    });
    this.sight.observe(this);
    this.onpointermove = (event) => hoverAt(timeAt(this.area, viewNow(), event.offsetX));
    this.onpointerleave = () => hoverAt(null);
    charts.add(this);
    if (!listening) listen(drawGrown);
    listening = true;
    drawSoon([this]);
  }

  disconnectedCallback() {
    this.sizes.disconnect();
    this.sight.disconnect();
    charts.delete(this);
    due.delete(this);
  }

  size() {
    return { w: this.clientWidth, h: this.clientHeight };
  }

  draw(view, colours) {
    const size = this.size();
    if (this.hidden_ || !size.w || !size.h) return;
    const pen = this.cleared(size);
    const kind = this.getAttribute("kind");
    if (missingBecauseBlind(kind)) return say(pen, size, "Hidden: this run is blind.", colours);
    if (kind === "latency") return drawLatency(pen, size, view, colours);
    const chart = KINDS[kind]();
    this.describe(chart);
    this.area = drawPlot(pen, size, chart, { ...view, marks: chart.marks }, colours);
  }

  cleared(size) {
    const sharp = window.devicePixelRatio || 1;
    const [w, h] = [Math.round(size.w * sharp), Math.round(size.h * sharp)];
    if (this.canvas.width !== w || this.canvas.height !== h) [this.canvas.width, this.canvas.height] = [w, h];
    const pen = (this.pen ??= this.canvas.getContext("2d"));
    pen.setTransform(sharp, 0, 0, sharp, 0, 0);
    pen.clearRect(0, 0, size.w, size.h);
    return pen;
  }

  describe(chart) {
    const newest = chart.series.filter((s) => s.label).map((s) => `${s.label} ${s.values?.at(-1)?.toFixed(s.digits) ?? "none"}`);
    const words = `${chart.title}, ${chart.unit}: ${newest.join(", ")}`;
    if (words !== this.ariaLabel) this.ariaLabel = words;
  }
}

function hoverAt(seconds) {
  hoverS = seconds;
  drawSoon();
}

function say(pen, size, words, colours) {
  pen.font = FONT;
  pen.fillStyle = colours.dim;
  pen.textAlign = "center";
  pen.textBaseline = "middle";
  pen.fillText(words, size.w / 2, size.h / 2);
}

class Span extends HTMLElement {
  connectedCallback() {
    this.setAttribute("role", "group");
    this.setAttribute("aria-label", "Time shown in the charts");
    this.replaceChildren(...SPANS.map(([words, seconds]) => this.button(words, seconds)));
  }

  button(words, seconds) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = words;
    button.setAttribute("aria-pressed", String(seconds === spanS));
    button.onclick = () => {
      spanS = seconds;
      document.querySelectorAll("rt-span").forEach((choice) => choice.connectedCallback());
      drawSoon();
      this.querySelector("[aria-pressed=true]").focus();
    };
    return button;
  }
}

new MutationObserver(() => drawSoon()).observe(document.body, { attributeFilter: ["class"] }); // light or dark
customElements.define("rt-chart", Chart);
customElements.define("rt-span", Span);
