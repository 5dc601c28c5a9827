// Colours after Okabe and Ito (Color Universal Design), chosen per theme so that each stands out from the page's panels; dashes beside them.

const LIGHT = {
  text: "#1d2430", dim: "#4f5b6b", grid: "#e3e7ec", regulate: "rgba(0,114,178,0.10)", other: "rgba(90,100,115,0.07)",
  main: "#000000", series: ["#0072b2", "#c04a00", "#00785a", "#a05a8a", "#8a6500", "#2a7fa8"], bad: "#b3261e", warn: "#8a5a00",
};
const DARK = {
  text: "#e8ecf2", dim: "#aab4c2", grid: "#2a313c", regulate: "rgba(86,180,233,0.16)", other: "rgba(170,180,195,0.08)",
  main: "#ffffff", series: ["#56b4e9", "#f0894a", "#35c79b", "#e0a0c8", "#f0e442", "#9ad0f0"], bad: "#ff8a80", warn: "#f5c04a",
};
export const DASHES = [[], [7, 3], [2, 3], [9, 3, 2, 3], [4, 2], [1, 2]];
export const FONT = "11.5px system-ui, -apple-system, 'Segoe UI', sans-serif";
export const BOLD = `600 ${FONT}`;

export function theme() {
  return document.body.classList.contains("body--dark") ? DARK : LIGHT;
}
