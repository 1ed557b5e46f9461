/* uPlot, in our colours: stacked CPU with hatched steal, and strips on the same time axis. Times are seconds since 1970. */

import uPlot from "../vendor/uplot/uPlot.esm.js";

const FONT = '11px "IBM Plex Sans", sans-serif';
const GAP_S = 3; // readings further apart than this have a hole between them
const STEAL_DRAWN_PERCENT = 1;
const TONES = { person: "--text-2", ours: "--accent", steal: "--steal-text", warn: "--degraded" };
const TICK = 7; // height of a minor mark

/** @param {string} name @returns {string} the value of a CSS variable */
export const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

/** Steal's stripes. @returns {CanvasPattern} */
function hatch() {
  const size = 6;
  const ratio = window.devicePixelRatio || 1;
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = size * ratio;
  const pen = canvas.getContext("2d");
  pen.scale(ratio, ratio);
  pen.fillStyle = css("--steal-2");
  pen.fillRect(0, 0, size, size);
  pen.strokeStyle = css("--steal");
  pen.lineWidth = 1.9;
  for (const offset of [-size, 0, size]) {
    pen.beginPath();
    pen.moveTo(offset - 1, size + 1);
    pen.lineTo(offset + size + 1, -1);
    pen.stroke();
  }
  return pen.createPattern(canvas, "repeat");
}

/** Insert an all-null moment wherever readings are missing, so that a hole is a hole.
 * @param {number[]} at @param {(number|null)[][]} columns @param {number} gapS @returns {(number|null)[][]} aligned data */
export function withGaps(at, columns, gapS = GAP_S) {
  const result = [[], ...columns.map(() => [])];
  at.forEach((moment, place) => {
    if (place && moment - at[place - 1] > gapS) {
      result[0].push(at[place - 1] + 0.5);
      for (const column of result.slice(1)) column.push(null);
    }
    result[0].push(moment);
    columns.forEach((column, which) => result[which + 1].push(column[place] ?? null));
  });
  return result;
}

/** Sums from the bottom up; null where any part but steal is missing.
 * @param {(number|null)[][]} parts user, system, iowait, steal @returns {(number|null)[][]} the tops, lowest first */
export function stacked(parts) {
  const [user, system, iowait, steal] = parts;
  const tops = [[], [], [], []];
  user.forEach((_, place) => {
    const known = user[place] !== null && system[place] !== null;
    let sum = known ? user[place] : null;
    tops[0].push(sum);
    tops[1].push(known ? (sum += system[place]) : null);
    tops[2].push(known ? (sum += iowait[place] ?? 0) : null);
    tops[3].push(known ? sum + ((steal[place] ?? 0) >= STEAL_DRAWN_PERCENT ? steal[place] : 0) : null);
  });
  return tops;
}

/** @typedef {{range: () => [number, number], ticks: (from: number, to: number) => number[], label: (at: number, to: number) => string, zoom?: (from: number, to: number) => void}} TimeAxis */
/** @typedef {{at: number, label: string, tone: string, minor?: boolean}} Mark */

/** @param {TimeAxis} time @param {boolean} isShown */
const axisX = (time, isShown) => isShown ? {
  stroke: css("--text-3"), font: FONT, size: 24, gap: 5, grid: { show: false },
  ticks: { show: true, size: 4, stroke: css("--line-strong"), width: 1 },
  splits: (plot) => time.ticks(plot.scales.x.min, plot.scales.x.max), values: (plot, moments) => moments.map((at) => time.label(at, plot.scales.x.max)),
} : { show: false };

/** @param {string} unit @param {(number) => number[]} splits */
const axisY = (unit, splits) => ({
  stroke: css("--text-3"), font: FONT, size: 58, gap: 6, grid: { stroke: css("--grid"), width: 1 }, ticks: { show: false },
  splits: (plot) => splits(plot.scales.y.max), values: (_, values) => values.map((value) => `${Math.round(value)}\u00a0${unit}`),
});

/** Where words begin, in pixels: on the right of their line or on its left. What is said least often is said first, so that many late
 * frames hide no switch; a word that would run into another is left out.
 * @param {{mark: Mark, x: number, width: number}[]} words @param {number} left @param {number} right @returns {Map<Mark, number>} */
function placesOf(words, left, right) {
  const times = new Map();
  for (const { mark } of words) times.set(mark.label, (times.get(mark.label) ?? 0) + 1);
  const places = new Map(), taken = [];
  for (const { mark, x, width } of words.toSorted((a, b) => times.get(a.mark.label) - times.get(b.mark.label))) {
    const place = [x, x - width].find((from) => from >= left && from + width <= right && taken.every(([start, end]) => from >= end || from + width <= start));
    if (place === undefined) continue;
    places.set(mark, place);
    taken.push([place, place + width]);
  }
  return places;
}

/** Hairlines at marked moments; their words, and ticks for minor ones, on the uppermost strip only. @param {() => Mark[]} marks @param {boolean} withWords */
const marksPlugin = (marks, withWords) => ({ hooks: { draw: [(plot) => {
  const { ctx: pen, bbox: box } = plot;
  const ratio = window.devicePixelRatio || 1;
  pen.save();
  pen.font = `500 ${11 * ratio}px "IBM Plex Sans", sans-serif`;
  pen.textBaseline = "middle";
  pen.textAlign = "left";
  const shown = marks().filter(({ at }) => at >= plot.scales.x.min && at <= plot.scales.x.max)
    .map((mark) => ({ mark, x: Math.round(plot.valToPos(mark.at, "x", true)) + 0.5, width: pen.measureText(mark.label).width + 12 * ratio }));
  const places = withWords ? placesOf(shown.filter(({ mark }) => !mark.minor), box.left, box.left + box.width + 14 * ratio) : new Map();
  for (const { mark, x } of shown) {
    pen.strokeStyle = pen.fillStyle = css(TONES[mark.tone]);
    pen.lineWidth = ratio;
    if (mark.minor) {
      if (withWords) pen.fillRect(x - ratio, box.top + box.height - TICK * ratio, 2 * ratio, TICK * ratio);
      continue;
    }
    pen.setLineDash([3 * ratio, 3 * ratio]);
    pen.beginPath();
    pen.moveTo(x, places.has(mark) ? box.top - 14 * ratio : box.top);
    pen.lineTo(x, box.top + box.height);
    pen.stroke();
    if (places.has(mark)) pen.fillText(mark.label, places.get(mark) + 6 * ratio, box.top - 9 * ratio);
  }
  pen.restore();
}] } });

/** A dotted line at a limit. @param {number} value @param {string} label */
const limitPlugin = (value, label) => ({ hooks: { draw: [(plot) => {
  const { ctx: pen, bbox: box } = plot;
  const ratio = window.devicePixelRatio || 1;
  const y = Math.round(plot.valToPos(value, "y", true)) + 0.5;
  pen.save();
  pen.font = `${11 * ratio}px "IBM Plex Sans", sans-serif`;
  pen.strokeStyle = pen.fillStyle = css("--text-3");
  pen.setLineDash([2 * ratio, 3 * ratio]);
  pen.lineWidth = ratio;
  pen.beginPath();
  pen.moveTo(box.left, y);
  pen.lineTo(box.left + box.width, y);
  pen.stroke();
  pen.textAlign = "right";
  pen.textBaseline = "bottom";
  pen.fillText(label, box.left + box.width - 4 * ratio, y - 2 * ratio);
  pen.restore();
}] } });

/** @param {HTMLElement} element @param {TimeAxis} time @param {object} options @returns {uPlot} as wide as its place, also when that changes;
 *  one that is scrolled out of sight is drawn when it comes back */
function mount(element, time, options) {
  element.replaceChildren();
  // Dragging over a chart zooms all of its page.
  const cursor = time.zoom ? { x: false, y: false, points: { show: false }, drag: { x: true, y: false, setScale: false, dist: 8 } } : { show: false };
  const hooks = time.zoom ? { setSelect: [(plot) => {
    const { left, width } = plot.select;
    if (width > 8) time.zoom(plot.posToVal(left, "x"), plot.posToVal(left + width, "x"));
    plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
  }] } : {};
  const gone = { destroy: [() => sight.disconnect()] };
  const plot = new uPlot({ width: element.clientWidth, legend: { show: false }, cursor, hooks: { ...hooks, ...gone }, ...options }, [[]], element);
  const draw = plot.setData.bind(plot);
  let isSeen = true, waiting = null;
  plot.setData = (data) => { if (isSeen) draw(data); else waiting = data; };
  const sight = new IntersectionObserver((entries) => {
    isSeen = entries.at(-1).isIntersecting;
    if (isSeen && waiting) draw(waiting);
    waiting = null;
  });
  sight.observe(element);
  new ResizeObserver(() => {
    if (element.clientWidth && Math.abs(element.clientWidth - plot.width) > 1) plot.setSize({ width: element.clientWidth, height: plot.height });
  }).observe(element);
  return plot;
}

const line = (colour, width, extra = {}) => ({ stroke: colour, width, points: { show: false }, spanGaps: false, ...extra });

/** Stacked CPU of a host with the session's own line over it. Data: at, top of steal, iowait, system, user[, session[, most in use, most of the session]].
 * @param {HTMLElement} element @param {{time: TimeAxis, marks?: () => Mark[], height?: number, withSession?: boolean, withPeaks?: boolean, showTime?: boolean}} options */
export function stackedCpu(element, { time, marks = () => [], height = 190, withSession = false, withPeaks = false, showTime = false }) {
  const filled = (fill, stroke) => line(stroke ?? fill, stroke ? 1.25 : 0, { fill });
  return mount(element, time, {
    height, padding: [20, 26, showTime ? 0 : 12, 0],
    scales: { x: { time: false, range: time.range }, y: { range: (_, __, top) => [0, top > 60 ? 100 : top > 30 ? 60 : 30] } },
    axes: [axisX(time, showTime), axisY("%", (top) => [0, top / 2, top])],
    series: [{}, filled(hatch()), filled(css("--iowait")), filled(css("--system")), filled(css("--user-fill"), css("--user")),
      ...(withSession ? [line(css("--text"), 1.5)] : []), ...(withPeaks ? ["--user", "--text"].map((tone) => line(css(tone), 1, { dash: [2, 2] })) : [])],
    plugins: [marksPlugin(marks, true)],
  });
}

/** One figure over time, or several. @param {HTMLElement} element
 * @param {{time: TimeAxis, unit: string, colour: string, least: number, limit?: number, limitLabel?: string, marks?: () => Mark[], height?: number, showTime?: boolean, isSigned?: boolean, others?: string[]}} options `least`: the axis reaches at least this far; `isSigned`: as far below zero; `others`: colours of further lines */
export function strip(element, { time, unit, colour, least, limit, limitLabel = "", marks = () => [], height = 72, showTime = false, isSigned = false, others = [] }) {
  return mount(element, time, {
    height: height + (showTime ? 24 : 0), padding: [14, 26, showTime ? 0 : 12, 0],
    scales: { x: { time: false, range: time.range }, y: { range: (_, bottom, top) => {
      const reach = niceTop(Math.max(least, (top ?? 0) * 1.1, isSigned ? -(bottom ?? 0) * 1.1 : 0));
      const most = unit === "%" ? Math.min(100, reach) : reach;
      return [isSigned ? -most : 0, most];
    } } },
    axes: [axisX(time, showTime), axisY(unit, (top) => (isSigned ? [-top, 0, top] : [0, top / 2, top]))],
    series: [{}, line(css(colour), 1.5, isSigned ? {} : { fill: `${css(colour)}24` }), ...others.map((other) => line(css(other), 1.25))],
    plugins: [marksPlugin(marks, false), ...(limit === undefined ? [] : [limitPlugin(limit, limitLabel)])],
  });
}

/** @param {number} value @returns {number} the next 1, 2, 3, 5, 8 with zeros that halves well */
function niceTop(value) {
  const size = 10 ** Math.floor(Math.log10(value || 1));
  return [1, 2, 4, 6, 8, 10].map((n) => n * size).find((n) => n >= value) ?? value;
}

/** Axes are written anew, also where no scale moved. @param {Record<string, uPlot>} plots */
export function relabel(plots) { for (const plot of Object.values(plots)) plot.redraw(false, true); }

const STEPS_S = [1, 10, 15, 60, 180, 300, 900, 1800, 3600, 10800, 14400];

/** @param {number} span seconds @returns {number} seconds between two labels of an axis */
export const stepOf = (span) => STEPS_S.find((step) => span / step <= 6) ?? 21600;

/** A clock for an axis of that many seconds. @param {number} span @returns {(at: number) => string} */
export function clockOf(span) {
  const show = new Intl.DateTimeFormat(document.documentElement.lang, { hour: "2-digit", minute: "2-digit", hourCycle: "h23", ...(span < 300 ? { second: "2-digit" } : {}) });
  return (at) => show.format(at * 1000);
}
