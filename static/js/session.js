/* A session's charts: CPU of its host with its own line, frame time, memory; live, or the whole of one that is over.
   The report uses them too. Events of the session are marked in every strip. */

import { relabel, stacked, stackedCpu, strip, withGaps } from "./charts.js";
import { serverNow } from "./clock.js";
import { MIB, busy, figure, put } from "./figures.js";
import { CPU_COLUMNS, Series, fetchSamples } from "./series.js";
import { ChartView } from "./view.js";

const SECONDS = 300;
const SESSION_COLUMNS = ["cpu_percent", "uss_bytes", "pss_bytes", "frame_p50_ms", "frame_p95_ms", "frame_max_ms"];
const VISIT_COLUMNS = ["identity", "av_offset_ms", "round_trip_ms", "fps", "freezes", "freeze_ms", "jitter_ms", "lost_percent"]; // every ten seconds, from a visitor's browser
const MEDIA_COLUMNS = ["encoded_fps", "encode_ms", "sent_kbps", "lost_percent", "limited_by", "queued_frames", "queued_sound_ms"]; // every ten seconds, from the job
const DRIFT_GAP_S = 35;
const HERE_S = 25; // a visitor's browser that was heard of as lately as this before the newest one counts

const panel = document.querySelector("[data-charts]");
const address = panel.dataset.charts;
const isLive = Boolean(panel.dataset.topic);
// Of a session that is over a point may stand for many seconds: the busiest of them is drawn beside their mean.
const host = new Series(isLive ? CPU_COLUMNS : [...CPU_COLUMNS, "busy_max_percent"], SECONDS);
const own = new Series(isLive ? SESSION_COLUMNS : [...SESSION_COLUMNS, "cpu_max_percent"], SECONDS);
const visits = new Series(VISIT_COLUMNS, SECONDS);
const media = new Series(MEDIA_COLUMNS, SECONDS);
/** @type {{host: object|null, own: object|null}} the newest second of each as the socket told it */ const told = { host: null, own: null };
let stepS = 1;
let cores = null;
/** @type {import("./charts.js").Mark[]} */ let marks = [];
/** @type {Record<string, import("../vendor/uplot/uPlot.esm.js").default>} */ let plots = {};

const newest = () => Math.max(host.newest ?? 0, own.newest ?? 0) || serverNow() / 1000;
const place = (name) => panel.querySelector(`[data-chart="${name}"]`);

const first = () => Math.min(host.at[0] ?? Infinity, own.at[0] ?? Infinity);
const view = new ChartView(panel, {
  seconds: SECONDS,
  newest,
  whole: isLive ? undefined : () => [Math.min(first(), newest() - 1), newest() + stepS],
  onWindow: () => load(),
  onView: () => { if (plots.cpu) { paint(); relabel(plots); } },
});

function build() {
  for (const plot of Object.values(plots)) plot.destroy();
  const time = view.axis(panel.dataset.now);
  const shared = { time, marks: () => marks };
  const budget = place("frame") ? Number(place("frame").dataset.budget) : 0;
  plots = { cpu: stackedCpu(place("cpu"), { ...shared, withSession: true, withPeaks: !isLive }) };
  if (place("frame")) {
    const limits = { limit: budget, limitLabel: place("frame").dataset.budgetLabel };
    plots.frame = strip(place("frame"), { ...shared, ...limits, unit: "ms", colour: "--user", others: ["--text-3"], least: budget * 1.5 });
  }
  if (place("drift")) plots.drift = strip(place("drift"), { ...shared, unit: "ms", colour: "--text-2", least: 60, isSigned: true, limit: 45, limitLabel: "45\u00a0ms" });
  plots.memory = strip(place("memory"), { ...shared, unit: "MB", colour: "--text-2", least: 100, showTime: true });
}

/** Times on each point: from the session's own readings, at the host's moments. @param {string} name @returns {(number|null)[]} percent of all cores */
function share(name = "cpu_percent") {
  const readings = new Map(own.at.map((at, n) => [Math.round(at), own.columns[name][n]]));
  return host.at.map((at) => { const cpu = readings.get(Math.round(at)); return cpu === undefined || cpu === null || !cores ? null : cpu / cores; });
}

function paint() {
  const gap = 3 * stepS;
  const [user, system, iowait, steal] = stacked(CPU_COLUMNS.map((name) => host.columns[name]));
  const peaks = isLive ? [] : [host.columns.busy_max_percent, share("cpu_max_percent")];
  plots.cpu.setData(withGaps(host.at, [steal, iowait, system, user, share(), ...peaks], gap));
  plots.frame?.setData(withGaps(own.at, [own.columns.frame_p95_ms, own.columns.frame_max_ms], gap));
  plots.drift?.setData(withGaps(visits.at, [visits.columns.av_offset_ms], isLive ? DRIFT_GAP_S : Math.max(DRIFT_GAP_S, gap)));
  plots.memory.setData(withGaps(own.at, [own.columns.uss_bytes.map((value) => (value === null ? null : value / MIB))], gap));
  panel.querySelector("[data-peaks]")?.toggleAttribute("hidden", stepS === 1);
  panel.querySelector("[data-no-samples]")?.toggleAttribute("hidden", host.at.length + own.at.length > 0);
  writeFigures();
}

/** Rollups end a while ago: beside their curves stands the newest second all the same.
 * @param {Series} series @param {object|null} second @param {string} name */
const now = (series, second, name) => (view.isLive || !second ? series.last(name) : (second[name] ?? null));

function writeFigures() {
  const ofHost = (name) => now(host, told.host, name);
  const ofIt = (name) => now(own, told.own, name);
  const cpu = ofIt("cpu_percent");
  const mb = (name) => (ofIt(name) === null ? null : ofIt(name) / MIB);
  write("busy", busy(ofHost("user_percent"), ofHost("system_percent")));
  write("share", cpu === null || !cores ? null : cpu / cores);
  write("steal", ofHost("steal_percent"), 1);
  for (const name of ["p50", "p95", "max"]) write(`frame-${name}`, ofIt(`frame_${name}_ms`), 1);
  write("memory", mb("uss_bytes"));
  write("pss", mb("pss_bytes"));
  for (const name of ["av_offset_ms", "round_trip_ms"]) write(name, visits.last(name));
  writeSent();
  writeReceived();
}

function writeSent() {
  panel.querySelector("[data-sent]").hidden = media.newest === null;
  for (const name of ["encoded_fps", "encode_ms", "sent_kbps", "queued_frames", "queued_sound_ms"]) write(`sent-${name}`, media.last(name));
  write("sent-lost_percent", media.last("lost_percent"), 1);
  const held = panel.querySelector("[data-held]");
  put(held, held.dataset[media.last("limited_by")] ?? "");
}

/** Of several visitors the worst figure; freezes are all that the charts' time holds. */
function writeReceived() {
  panel.querySelector("[data-received]").hidden = visits.newest === null;
  const newest = new Map(visits.columns.identity.map((identity, n) => [identity, n]));
  const here = [...newest.values()].filter((n) => visits.at[n] > visits.newest - HERE_S);
  const known = (name, places) => places.map((n) => visits.columns[name][n]).filter((value) => value !== null);
  const one = (values, choose) => (values.length ? choose(...values) : null);
  const sum = (...values) => values.reduce((all, value) => all + value, 0);
  write("received-fps", one(known("fps", here), Math.min));
  write("received-jitter_ms", one(known("jitter_ms", here), Math.max));
  write("received-lost_percent", one(known("lost_percent", here), Math.max), 1);
  for (const name of ["freezes", "freeze_ms"]) write(`received-${name}`, one(known(name, [...visits.at.keys()]), sum));
}

/** The host's and the session's reading of one second come one after the other: both are painted in the next frame. */
let isDue = false;
function paintSoon() {
  if (isDue) return;
  isDue = true;
  requestAnimationFrame(() => {
    isDue = false;
    if (view.isDue()) paint();
    else writeFigures();
  });
}

/** @param {string} name @param {number|null} value @param {number} digits */
function write(name, value, digits = 0) {
  for (const element of panel.querySelectorAll(`[data-figure="${name}"]`)) put(element, figure(value, digits));
}

async function load() {
  const data = await fetchSamples(isLive ? `${address}?seconds=${view.fetched}` : address);
  cores = data.cores;
  marks = data.marks;
  stepS = data.step_s;
  host.seconds = own.seconds = visits.seconds = media.seconds = view.fetched;
  host.load(data.host, isLive && view.isLive);
  own.load(data.session, isLive && view.isLive);
  visits.load(data.visits, isLive);
  media.load(data.media, isLive);
  if (!plots.cpu || !isLive) build();
  paint();
}

document.addEventListener("sample", ({ detail: { topic, data } }) => {
  const isOfHost = topic === `host:${panel.dataset.host}`;
  if (!isOfHost && topic !== `session:${panel.dataset.session}`) return;
  const of = isOfHost ? "host" : data.visit ? "visit" : data.media ? "media" : "own";
  if (of in told) told[of] = data;
  if (view.pausedAt !== null) return;
  const at = Date.parse(data.at) / 1000;
  if (of === "host") cores = data.cores;
  if (of === "visit") visits.add(at, data.visit);
  else if (of === "media") media.add(at, data.media);
  else if (view.isLive) (of === "host" ? host : own).add(at, data);
  if (plots.cpu) paintSoon();
});
document.addEventListener("catch-up", () => { if (view.pausedAt === null) load(); });
document.addEventListener("theme", () => { build(); paint(); });
/* A new event may deserve a mark: the events panel was fetched again. */
document.addEventListener("htmx:afterSettle", async (event) => {
  if (event.detail.elt.id !== "events" || !isLive) return;
  ({ marks } = await fetchSamples(`${address}?seconds=${view.fetched}`));
  if (plots.cpu) paint();
});
/* Another mode has another frame budget: what stands under the picture was fetched again. */
document.addEventListener("htmx:afterSettle", (event) => {
  const { budget, budgetLabel } = event.detail.elt.id === "facts" ? event.detail.elt.dataset : {};
  if (!budget || !place("frame") || budget === place("frame").dataset.budget) return;
  Object.assign(place("frame").dataset, { budget, budgetLabel });
  panel.querySelector("[data-budget-words]").textContent = budgetLabel;
  if (plots.cpu) { build(); paint(); }
});
/* Fonts first, or the canvas is written in another one. */
document.fonts.ready.then(load);
