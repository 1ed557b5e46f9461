/* What stretch of time a page's charts show: a window that slides with the newest reading, one that stands still, or a part that was
   dragged out. Buttons: [data-window="<seconds>"], [data-pause], [data-zoomed]. */

import { clockOf, stepOf } from "./charts.js";
import { serverNow } from "./clock.js";

const RAW_LEAST_S = 300; // shorter windows show the end of it
const STEPS = 180; // a sliding window is drawn so often while it slides by its whole length: what moves by less is hardly seen
const REFETCH_MS = { 3600: 10_000, 86400: 60_000 };
const SILENT_AFTER_S = 10; // a newest reading that is older is not called now; rollups come later by themselves

export class ChartView {
  /** @param {HTMLElement} panel @param {{seconds: number, newest: () => number, whole?: () => [number, number], onWindow?: () => void, onView: () => void}} options
   *  `whole`: of a source that is over; `onWindow`: other readings are wanted; `onView`: paint again */
  constructor(panel, { seconds, newest, whole, onWindow = () => {}, onView }) {
    Object.assign(this, { panel, seconds, newest, whole, onWindow, onView });
    /** @type {[number, number]|null} */ this.zoomed = null;
    /** @type {number|null} */ this.pausedAt = null;
    /** Where the window ended when charts were drawn last. */ this.drawnTo = 0;
    /** What the time axis said then. */ this.drawnSilent = this.isSilent;
    panel.addEventListener("click", (event) => {
      const button = event.target.closest("button");
      if (button?.dataset.window) this.#choose(Number(button.dataset.window));
      else if (button?.hasAttribute("data-pause")) this.#pause(this.pausedAt === null);
      else if (button?.hasAttribute("data-zoomed")) this.#zoom(null);
    });
    panel.addEventListener("dblclick", (event) => { if (event.target.closest(".uplot")) this.#zoom(null); });
    this.#refetch();
    this.#show();
    setInterval(() => { if (!this.zoomed && this.drawnSilent !== this.isSilent) onView(); }, 1000);
  }

  /** Whether the newest reading was taken so long ago that the window's end is not now. */
  get isSilent() { return !this.whole && serverNow() / 1000 - this.newest() > SILENT_AFTER_S + (3 * (REFETCH_MS[this.seconds] ?? 0)) / 1000; }

  /** Seconds that readings are fetched for. */
  get fetched() { return Math.max(RAW_LEAST_S, this.seconds); }

  /** Whether readings are added as they come; long windows are fetched again instead. */
  get isLive() { return !(this.seconds in REFETCH_MS); }

  /** @returns {[number, number]} */
  range() {
    if (this.zoomed) return this.zoomed;
    if (this.whole) return this.whole();
    const end = this.pausedAt ?? this.newest();
    return [end - this.seconds, end];
  }

  /** Whether the window has slid far enough since it was last asked for charts to be drawn again. */
  isDue() {
    const [from, to] = this.range();
    if (Math.abs(to - this.drawnTo) < (to - from) / STEPS) return false;
    this.drawnTo = to;
    return true;
  }

  /** @param {string} nowWord @returns {import("./charts.js").TimeAxis} */
  axis(nowWord) {
    const slides = () => !this.zoomed && !this.whole;
    return {
      range: () => this.range(),
      ticks: (from, to) => {
        const step = stepOf(to - from);
        const first = slides() ? to - Math.floor((to - from) / step) * step : Math.ceil(from / step) * step;
        return Array.from({ length: Math.floor((to - first) / step + 1e-6) + 1 }, (_, n) => first + n * step);
      },
      label: (at, to) => { // `to` is where the chart ends, which the newest reading may have left behind
        const clock = clockOf(this.range()[1] - this.range()[0]);
        if (!slides()) return clock(at);
        const ago = Math.round(to - at);
        if (!ago) {
          this.drawnSilent = this.isSilent;
          return this.pausedAt === null && !this.drawnSilent ? nowWord : clock(at);
        }
        return ago % 3600 === 0 ? `−${ago / 3600} h` : ago % 60 === 0 ? `−${ago / 60} min` : `−${ago} s`;
      },
      zoom: (from, to) => this.#zoom([from, to]),
    };
  }

  /** @param {number} seconds */
  #choose(seconds) {
    this.seconds = seconds;
    this.zoomed = null;
    this.pausedAt = null;
    this.#refetch();
    this.#show();
    this.onWindow();
  }

  /** @param {boolean} isPaused */
  #pause(isPaused) {
    this.pausedAt = isPaused ? this.newest() : null;
    this.#show();
    if (isPaused) this.onView();
    else this.onWindow(); // what came meanwhile
  }

  /** @param {[number, number]|null} zoomed */
  #zoom(zoomed) {
    this.zoomed = zoomed;
    this.#show();
    this.onView();
  }

  #refetch() {
    clearInterval(this.timer);
    const everyMs = this.whole ? undefined : REFETCH_MS[this.seconds];
    if (everyMs) this.timer = setInterval(() => { if (!document.hidden && this.pausedAt === null) this.onWindow(); }, everyMs);
  }

  #show() {
    for (const button of this.panel.querySelectorAll("[data-window]")) button.setAttribute("aria-pressed", String(Number(button.dataset.window) === this.seconds));
    for (const button of this.panel.querySelectorAll("[data-pause]")) button.setAttribute("aria-pressed", String(this.pausedAt !== null));
    for (const button of this.panel.querySelectorAll("[data-zoomed]")) button.hidden = this.zoomed === null;
  }
}
