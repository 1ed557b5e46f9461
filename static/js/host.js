/* A host's chart: whose load is it, ours or the machine's? */

import { slidingAxis, stacked, stackedCpu, strip, withGaps } from "./charts.js";
import { GIB, figure } from "./figures.js";
import { HOST_COLUMNS, Series, fetchSamples } from "./series.js";

const SECONDS = 900;
const panel = document.querySelector("[data-charts]");
const host = new Series(HOST_COLUMNS, SECONDS);
let totalGb = 1;
/** @type {Record<string, import("../vendor/uplot/uPlot.esm.js").default>} */ let plots = {};

const place = (name) => panel.querySelector(`[data-chart="${name}"]`);

function build() {
  for (const plot of Object.values(plots)) plot.destroy();
  const time = slidingAxis(() => host.newest ?? Date.now() / 1000, SECONDS, panel.dataset.now);
  plots = {
    cpu: stackedCpu(place("cpu"), { time, height: 240 }),
    memory: strip(place("memory"), { time, unit: "GB", colour: "--text-2", least: 0, whole: totalGb, showTime: true }),
  };
}

function paint() {
  const [user, system, iowait, steal] = stacked(HOST_COLUMNS.slice(0, 4).map((name) => host.columns[name]));
  plots.cpu.setData(withGaps(host.at, [steal, iowait, system, user]));
  plots.memory.setData(withGaps(host.at, [host.columns.memory_used_bytes.map((value) => (value === null ? null : value / GIB))]));
  panel.querySelector("[data-no-samples]").toggleAttribute("hidden", host.at.length > 0);
  for (const name of ["user", "system", "iowait", "steal"]) write(name, host.last(`${name}_percent`), "\u00a0%");
  const memory = host.last("memory_used_bytes");
  write("memory", memory === null ? null : memory / GIB, "");
}

/** @param {string} name @param {number|null} value @param {string} unit */
function write(name, value, unit) {
  panel.querySelector(`[data-figure="${name}"]`).textContent = figure(value, 1) + (value === null ? "" : unit);
}

async function load() {
  const data = await fetchSamples(panel.dataset.charts);
  host.load(data.host);
  if (data.memory_total_bytes) totalGb = data.memory_total_bytes / GIB;
  if (!plots.cpu) build();
  paint();
}

document.addEventListener("sample", ({ detail }) => {
  if (detail.topic !== `host:${panel.dataset.host}`) return;
  host.add(Date.parse(detail.data.at) / 1000, detail.data);
  if (plots.cpu) paint();
});
document.addEventListener("catch-up", () => load());
document.addEventListener("theme", () => { build(); paint(); });
document.fonts.ready.then(load);
