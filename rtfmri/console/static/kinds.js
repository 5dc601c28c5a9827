// What each chart shows: a title, the unit of its axis, its series and limits. Pure: from the run to a description.
// A series: {label (empty: not in the legend), table, values, se?, dash, colour (a place among the theme's, or "main"), width, digits,
// right? (its axis is the right one)}.

import { column, live } from "./live.js";

const AXES = ["x", "y", "z"];

function series(label, table, name, place, more = {}) {
  return { label, table, values: column(table, name), colour: place, dash: place, width: 1.5, digits: 2, ...more };
}

function regions(each) {
  return (live.about.rois ?? []).flatMap((name, place) => each(name, place));
}

function ofAxes(prefix, digits) {
  return AXES.map((axis, place) => series(axis, "volumes", `${prefix}.${axis}`, place, { digits }));
}

const UNITS = { percent: "%", decision: "decision value" };

// The study's measure where it is not the regulation itself; on an axis of its own, at the right, where its unit is another.
function measure() {
  const { measure: name, unit } = live.about;
  if (!name || name === "difference") return [];
  const more = { se: column("volumes", "value.se"), width: 2, right: unit !== "percent" };
  return [series(`${name}, ${UNITS[unit] ?? unit}${more.right ? " (right)" : ""}`, "volumes", "value", 4, more)];
}

export const KINDS = {
  regions: () => ({
    title: "Regions and regulation",
    unit: "% signal change",
    least: [-(live.about.range_percent ?? 1), live.about.range_percent ?? 1],
    marks: true,
    series: [
      ...regions((name, place) => [series(name, "volumes", `roi.${name}.psc`, place, { se: column("volumes", `roi.${name}.se`) })]),
      series("regulation", "volumes", "regulation", "main", { se: column("volumes", "regulation.se"), dash: 0, width: 2 }),
      ...measure(),
    ],
  }),
  raw: () => ({
    title: "Raw and cleaned signal",
    unit: "scanner units, raw dotted",
    series: regions((name, place) => [
      series("", "volumes", `roi.${name}.raw`, place, { dash: 2, width: 1, digits: 1 }),
      series(name, "volumes", `roi.${name}.cleaned`, place, { dash: place ? 1 : 0, width: 2, digits: 1 }),
    ]),
  }),
  translation: () => ({ title: "Translation", unit: "mm", least: [-0.5, 0.5], series: ofAxes("trans", 2) }),
  rotation: () => ({ title: "Rotation", unit: "degrees", least: [-0.5, 0.5], series: ofAxes("rot", 2) }),
  displacement: () => ({
    title: "FD",
    unit: `mm, held above ${live.about.fd_hold_mm ?? "?"}`,
    least: [0, 1.3 * (live.about.fd_hold_mm ?? 0.5)],
    limit: live.about.fd_hold_mm,
    series: [series("FD", "volumes", "fd", 0)],
  }),
  dvars: () => ({ title: "DVARS", unit: "% of the mean", least: [0, 2], series: [series("DVARS", "volumes", "dvars", 2, { dash: 0 })] }),
  tsnr: () => ({
    title: "tSNR so far",
    unit: "mean / SD",
    least: [0, 10],
    series: [
      ...regions((name, place) => [series(name, "quality", `tsnr.${name}`, place, { digits: 0 })]),
      series("brain", "quality", "tsnr.brain", "main", { dash: 0, width: 2, digits: 0 }),
    ],
  }),
};

export function missingBecauseBlind(kind) {
  return live.about.blind && ["regions", "raw"].includes(kind);
}
