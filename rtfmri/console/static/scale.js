// Numbers to pixels, and pixels' round numbers. Pure.

export function niceStep(range, most) {
  const rough = range / most;
  const power = 10 ** Math.floor(Math.log10(rough));
  return [1, 2, 5, 10].map((factor) => factor * power).find((step) => step >= rough);
}

// The smallest range of round numbers that holds [low, high], and its ticks.
export function valueScale(low, high, heightPx) {
  if (!(high > low)) [low, high] = [low - 1, high + 1];
  const step = niceStep(high - low, Math.max(2, Math.floor(heightPx / 30)));
  const first = Math.floor(low / step + 1e-9) * step;
  const last = Math.ceil(high / step - 1e-9) * step;
  const ticks = [];
  for (let value = first; value <= last + step / 2; value += step) ticks.push(Math.abs(value) < step / 1e6 ? 0 : value);
  return { low: first, high: last, ticks, digits: Math.max(0, -Math.floor(Math.log10(step) + 1e-9)) };
}

export function timeTicks(fromS, toS, widthPx) {
  const most = Math.max(2, widthPx / 70);
  const steps = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1200, 1800, 3600];
  const step = steps.find((s) => (toS - fromS) / s <= most) ?? 7200;
  const ticks = [];
  for (let t = Math.ceil(fromS / step) * step; t <= toS; t += step) ticks.push(t);
  return ticks;
}

export function clock(seconds) {
  const whole = Math.max(0, Math.round(seconds));
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}

// First row whose value is at least `wanted`; `values` grow.
export function firstAtLeast(values, wanted) {
  let low = 0, high = values.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (values[middle] < wanted) low = middle + 1;
    else high = middle;
  }
  return low;
}

export function percentile(values, percent) {
  const ranked = values.filter((value) => value === value).sort((a, b) => a - b);
  return ranked.length ? ranked[Math.min(ranked.length - 1, Math.floor((ranked.length * percent) / 100))] : NaN;
}
