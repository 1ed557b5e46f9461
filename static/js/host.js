/* A host's charts: whose load is it, ours or the machine's? And its figures and processes, once a second. */

import { relabel, stacked, stackedCpu, strip, withGaps } from "./charts.js";
import { serverNow } from "./clock.js";
import { GIB, MIB, figure, put, putWithUnit } from "./figures.js";
import { CPU_COLUMNS, Series, fetchSamples } from "./series.js";
import { ChartView } from "./view.js";

const SECONDS = 900;
const PRESSURES = ["cpu", "memory", "io"];
const panel = document.querySelector("[data-charts]");
const host = new Series([...CPU_COLUMNS, "memory_used_bytes", ...PRESSURES.map((name) => `${name}_pressure_percent`)], SECONDS);
let limitGb = 0;
let stepS = 1;
/** @type {import("./charts.js").Mark[]} */ let marks = [];
/** @type {Record<string, import("../vendor/uplot/uPlot.esm.js").default>} */ let plots = {};
let askedFor = ""; // processes whose rows were asked for last
/** @type {object|null} the newest second as the socket told it */ let newest = null;

const view = new ChartView(panel, {
  seconds: SECONDS,
  newest: () => host.newest ?? serverNow() / 1000,
  onWindow: () => load(),
  onView: () => { if (plots.cpu) { paint(); relabel(plots); } },
});
const place = (name) => panel.querySelector(`[data-chart="${name}"]`);

function build() {
  for (const plot of Object.values(plots)) plot.destroy();
  const shared = { time: view.axis(panel.dataset.now), marks: () => marks };
  plots = {
    cpu: stackedCpu(place("cpu"), { ...shared, height: 240 }),
    pressure: strip(place("pressure"), { ...shared, unit: "%", colour: "--user", others: ["--hear", "--iowait"], least: 20 }),
    memory: strip(place("memory"), { ...shared, ...limit(), unit: "GB", colour: "--text-2", least: limitGb * 1.1, showTime: true }),
  };
}

/** What may be used: all that the host has, or its control group's limit where that is lower. */
const limit = () => (limitGb ? { limit: limitGb, limitLabel: `${place("memory").dataset.limitWord} ${figure(limitGb, 1)}\u00a0GB` } : {});

function paint() {
  const [user, system, iowait, steal] = stacked(CPU_COLUMNS.map((name) => host.columns[name]));
  const gapS = 3 * stepS;
  plots.cpu.setData(withGaps(host.at, [steal, iowait, system, user], gapS));
  plots.pressure.setData(withGaps(host.at, PRESSURES.map((name) => host.columns[`${name}_pressure_percent`]), gapS));
  plots.memory.setData(withGaps(host.at, [host.columns.memory_used_bytes.map((value) => (value === null ? null : value / GIB))], gapS));
  showKnownPressures();
  panel.querySelector("[data-no-samples]").toggleAttribute("hidden", host.at.length > 0);
  writeFigures();
}

/** Rollups end a while ago: beside their curves stands the newest second all the same. @param {string} name */
const now = (name) => (view.isLive || !newest ? host.last(name) : (newest[name] ?? null));

function writeFigures() {
  for (const name of ["user", "system", "iowait", "steal"]) write(name, now(`${name}_percent`), "\u00a0%");
  for (const name of PRESSURES) write(`${name}-pressure`, now(`${name}_pressure_percent`), "\u00a0%");
  const memory = now("memory_used_bytes");
  write("memory", memory === null ? null : memory / GIB, "");
}

/** What the kernel keeps no account of is not spoken of. */
function showKnownPressures() {
  const isKnown = (name) => host.columns[`${name}_pressure_percent`].some((value) => value !== null);
  for (const name of PRESSURES) panel.querySelector(`[data-pressure="${name}"]`).hidden = !isKnown(name);
  panel.querySelector("[data-pressures]").hidden = !PRESSURES.some(isKnown);
}

/** @param {string} name @param {number|null} value @param {string} unit */
function write(name, value, unit) {
  for (const element of document.querySelectorAll(`[data-figure="${name}"]`)) put(element, figure(value, 1) + (value === null ? "" : unit));
}

/** Traffic, every core and every agent process, of the newest second. */
function tell() {
  if (!newest) return;
  const rate = (value) => (value === undefined ? null : value / 1000);
  write("received", rate(newest.received_bytes_per_s), "\u00a0kB/s");
  write("sent", rate(newest.sent_bytes_per_s), "\u00a0kB/s");
  write("throttled", newest.throttled_percent ?? null, "\u00a0%");
  (newest.per_core_busy_percent ?? []).forEach((share, core) => {
    const cell = document.querySelector(`[data-core="${core}"]`);
    if (cell) put(cell, figure(share));
    document.querySelector(`[data-core-bar="${core}"]`)?.setAttribute("width", `${share}%`);
  });
  for (const process of newest.processes ?? []) {
    const row = document.querySelector(`[data-pid="${process.pid}"]`);
    if (!row) continue;
    const cells = {
      cpu: [process.cpu_percent, 1, "%"], own: [process.uss_bytes && process.uss_bytes / MIB, 0, "MB"],
      threads: [process.threads, 0, ""], fds: [process.fds, 0, ""],
    };
    for (const [name, [value, digits, unit]] of Object.entries(cells)) {
      const cell = row.querySelector(`[data-cell="${name}"]`);
      if (!cell || value === undefined || value === null) continue;
      if (unit) putWithUnit(cell, figure(value, digits), unit);
      else put(cell, figure(value, digits));
    }
  }
  askForRows(newest.processes ?? []);
}

/** Processes that came or went: their rows are the server's to draw. @param {{pid: number}[]} processes */
function askForRows(processes) {
  const pids = processes.map(({ pid }) => pid).join();
  if (pids === askedFor) return;
  askedFor = pids;
  window.htmx.trigger(document.querySelector("[data-host-parts]"), "changed");
}

async function load() {
  const data = await fetchSamples(`${panel.dataset.charts}?seconds=${Math.max(SECONDS, view.fetched)}`);
  host.load(data.host, view.isLive);
  host.seconds = Math.max(SECONDS, view.fetched);
  ({ marks, step_s: stepS } = data);
  const before = limitGb;
  limitGb = (data.memory_total_bytes ?? 0) / GIB;
  if (!plots.cpu || limitGb !== before) build();
  paint();
}

document.addEventListener("sample", ({ detail }) => {
  if (detail.topic !== `host:${panel.dataset.host}`) return;
  newest = detail.data;
  tell();
  if (view.pausedAt !== null) return;
  if (!view.isLive) return writeFigures();
  host.add(Date.parse(detail.data.at) / 1000, detail.data);
  if (!plots.cpu) return;
  if (view.isDue()) paint();
  else writeFigures();
});
document.addEventListener("htmx:afterSettle", tell);
document.addEventListener("catch-up", () => { if (view.pausedAt === null) load(); });
document.addEventListener("theme", () => { build(); paint(); });
document.fonts.ready.then(load);
