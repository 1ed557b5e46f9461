/* Keeps times true: [data-since] counts (12:04, or 0.6 s), [data-relative] says how long ago. */

import { serverNow } from "./clock.js";

const language = document.documentElement.lang || "en";
const words = document.body.dataset;
const tenths = new Intl.NumberFormat(language, { minimumFractionDigits: 1, maximumFractionDigits: 1 });

/** @param {number} seconds @returns {string} 12:04 or 1:02:30 */
function clock(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  const two = (n) => String(n).padStart(2, "0");
  const hours = Math.floor(whole / 3600);
  const minutes = Math.floor(whole / 60) % 60;
  return hours ? `${hours}:${two(minutes)}:${two(whole % 60)}` : `${minutes}:${two(whole % 60)}`;
}

/** @param {number} seconds from now, negative for the past @returns {string|null} null from two days on: the date stays */
function away(seconds) {
  const size = Math.abs(seconds);
  if (size >= 172_800) return null;
  if (size < 2) return words.atOnce;
  const [pattern, divisor] = size < 60 ? [words.seconds, 1] : size < 3600 ? [words.minutes, 60] : [words.hours, 3600];
  const time = pattern.replace("%s", new Intl.NumberFormat(language).format(seconds > 0 ? Math.round(size / divisor) : Math.floor(size / divisor)));
  return (seconds < 0 ? words.past : words.future).replace("%s", time);
}

function tick() {
  for (const element of document.querySelectorAll("[data-since]")) {
    const seconds = (serverNow() - Date.parse(element.dataset.since)) / 1000;
    element.textContent = element.dataset.form === "ms" && seconds < 60 ? `${tenths.format(Math.max(0, seconds))}\u00a0s` : clock(seconds);
  }
}

function tickSlowly() {
  for (const element of document.querySelectorAll("time[data-relative]")) {
    const text = away((Date.parse(element.dateTime) - serverNow()) / 1000);
    if (text !== null && text !== element.textContent) element.textContent = text;
  }
}

/* Tenths of a second count only where something starts; a hidden page counts nothing. */
setInterval(() => { if (!document.hidden && document.querySelector('[data-form="ms"]')) tick(); }, 100);
setInterval(() => { if (!document.hidden) { tick(); tickSlowly(); } }, 1000);
document.addEventListener("htmx:afterSettle", () => { tick(); tickSlowly(); });
tick();
tickSlowly();
