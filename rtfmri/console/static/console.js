// What a page does by itself, without the console's process: the theme, the keys, the counter since the last volume, the dialogs.

const THEMES = ["system", "light", "dark"];
const STORED = "rtfmri-theme";

function stored() {
  try {
    const name = localStorage.getItem(STORED);
    return THEMES.includes(name) ? name : "system";
  } catch {
    return "system"; // a browser that keeps nothing
  }
}

function showTheme(name) {
  window.Quasar.Dark.set(name === "system" ? "auto" : name === "dark");
  const button = document.getElementById("theme");
  if (button) button.textContent = `Theme: ${name}`;
}

function nextTheme() {
  const name = THEMES[(THEMES.indexOf(stored()) + 1) % THEMES.length];
  try {
    localStorage.setItem(STORED, name);
  } catch {
    // nothing is remembered then
  }
  showTheme(name);
}

// --- since the last volume: counted here, so that it goes on and warns even when no message comes any more ---

const since = new WeakMap(); // element -> {key, from: performance.now() at age 0}

function count() {
  for (const element of document.querySelectorAll("[data-since]")) {
    const { since: volume, age, warn } = element.dataset;
    if (!volume) {
      element.textContent = "–";
      element.removeAttribute("data-late");
      continue;
    }
    const key = `${volume} ${age}`; // told anew every second, as long as anything is told
    let known = since.get(element);
    if (!known || known.key !== key) {
      known = { key, from: performance.now() - 1000 * Number(age) };
      since.set(element, known);
    }
    const seconds = (performance.now() - known.from) / 1000;
    element.textContent = seconds < 10 ? `${seconds.toFixed(1)} s` : `${Math.round(seconds)} s`;
    element.toggleAttribute("data-late", seconds > Number(warn));
  }
}

// --- dialogs: the browser's own, so that Escape closes them and the focus stays inside and goes back ---

function onClick(event) {
  const opener = event.target.closest("[data-opens]");
  if (opener) document.getElementById(opener.dataset.opens)?.showModal();
  if (event.target.closest("[data-closes]")) event.target.closest("dialog")?.close();
  const filter = event.target.closest("[data-filters]");
  if (filter) filterEvents(filter);
  if (event.target.closest("#theme")) nextTheme();
}

function press(group, chosen) {
  for (const button of group) button.setAttribute("aria-pressed", String(button === chosen));
}

function filterEvents(button) {
  press(document.querySelectorAll("[data-filters]"), button);
  document.getElementById("events").dataset.filter = button.dataset.filters;
}

// --- keys: a button says its own in data-key ---

function onKey(event) {
  if (event.ctrlKey || event.altKey || event.metaKey || event.repeat) return;
  if (document.querySelector("dialog[open]") || event.target.closest("input, textarea, select, [contenteditable]")) return;
  const button = document.querySelector(`button[data-key="${CSS.escape(event.key.toLowerCase())}"]`);
  if (button && !button.disabled) {
    event.preventDefault();
    button.focus();
    button.click();
  }
}

// --- cut off: the console's process is gone, so everything here is old; nicegui shows its #popup then, in these words ---

function sayWhatCutOffMeans() {
  const [head, advice] = document.querySelectorAll("#popup > span");
  if (!head || !advice) return;
  head.textContent = "This page is cut off from its console: what it shows is old.";
  advice.textContent = "The run goes on without it. Start rtfmri console again; this page then goes on by itself.";
}

function begin() {
  if (!window.Quasar || !document.querySelector(".console, .safe")) return requestAnimationFrame(begin);
  showTheme(stored());
  document.addEventListener("click", onClick);
  document.addEventListener("keydown", onKey);
  setInterval(count, 200);
  sayWhatCutOffMeans();
}

begin();
