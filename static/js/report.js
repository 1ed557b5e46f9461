/* A report's charts, from the curves that it keeps, and its print button. */

import { fixedAxis, strip, withGaps } from "./charts.js";
import { MIB } from "./figures.js";
import { fetchSamples } from "./series.js";

const panel = document.querySelector("[data-curves]");
const place = (name) => panel.querySelector(`[data-chart="${name}"]`);
/** @type {object|null} */ let curves = null;
/** @type {import("../vendor/uplot/uPlot.esm.js").default[]} */ let plots = [];

function draw() {
  for (const plot of plots) plot.destroy();
  const start = Number(panel.dataset.start);
  const at = curves.at_s.map((second) => start + second);
  const time = fixedAxis(at[0], Math.max(at.at(-1), at[0] + 1));
  const gap = Math.max(3, 2.5 * ((at.at(-1) - at[0]) / Math.max(1, at.length - 1)));
  const memory = curves.uss_bytes.map((value) => (value === null ? null : value / MIB));
  plots = [
    [strip(place("cpu"), { time, unit: "%", colour: "--user", least: 50, height: 110 }), curves.cpu_percent],
    [strip(place("steal"), { time, unit: "%", colour: "--steal", least: 10, isHatched: true }), curves.steal_percent],
    [strip(place("memory"), { time, unit: "MB", colour: "--text-2", least: 100, showTime: true }), memory],
  ].map(([plot, values]) => { plot.setData(withGaps(at, [values], gap)); return plot; });
}

async function load() {
  if (!place("cpu")) return;
  ({ curves } = await fetchSamples(panel.dataset.curves));
  draw();
}

document.querySelector("[data-print]").addEventListener("click", () => window.print());
document.addEventListener("theme", () => { if (curves) draw(); });
/* Paper is light: the canvases are drawn again in the light colours, and back. */
let themeOnScreen = null;
window.addEventListener("beforeprint", () => {
  themeOnScreen = document.documentElement.dataset.bsTheme;
  document.documentElement.dataset.bsTheme = "light";
  if (curves) draw();
});
window.addEventListener("afterprint", () => {
  if (themeOnScreen) document.documentElement.dataset.bsTheme = themeOnScreen;
  if (curves) draw();
});
document.fonts.ready.then(load);
