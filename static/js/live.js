/* One live socket a page. Elements name what they care about in data-topic ("overview", "session:<code>", "profile:<code>", "host:<name>").
   The server sends {"type": "listening", "now"} once, then {"type": "sample", "topic", "data"} and {"type": "changed", "topic"}.
   - a sample becomes a "sample" event on document (detail: {topic, data}), and is measured until it is painted;
   - a change triggers "changed" on each element of its topic, on which htmx fetches the element again.
   A hidden page has no socket and catches up when it is seen; a lost socket comes back by itself. */

import { setClock } from "./clock.js";

const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 10_000;
const CHANGE_PAUSE_MS = 250; // two fetches of one element are at least this far apart
const SOCKET_REFUSED = 4400; // from here on: the server will not let this page in, however often it asks
const SIGNED_OUT = [4401, 4403];

/** @type {{at: string, painted_ms: number}[]} the last 200 samples: taken at, and milliseconds until painted */
window.avataryPaint = [];

/** @type {WebSocket|null} */ let socket = null;
let pauseMs = FIRST_PAUSE_MS;
let joined = "";
let wasListening = false;
let again = 0; // timer of the next try
/** @type {Map<Element, {timer: number, lastAt: number}>} */
const fetches = new Map();

/** @returns {string[]} all topics of the page, sorted */
function topics() {
  const found = [...document.querySelectorAll("[data-topic]")].flatMap((element) => element.dataset.topic.split(" "));
  return [...new Set(found.filter(Boolean))].sort();
}

function connect() {
  clearTimeout(again);
  if (document.hidden) return;
  const wanted = topics();
  joined = wanted.join(",");
  if (!joined) return;
  const address = new URL("/ws/live/", location.href);
  address.protocol = location.protocol === "https:" ? "wss:" : "ws:";
  address.searchParams.set("topics", joined);
  const opened = new WebSocket(address);
  socket = opened;
  opened.addEventListener("open", () => {
    pauseMs = FIRST_PAUSE_MS;
    lamp(false);
  });
  opened.addEventListener("message", (event) => receive(JSON.parse(event.data)));
  opened.addEventListener("close", (event) => {
    if (socket !== opened) return; // replaced on purpose
    lamp(true);
    // Signed out meanwhile: loading the page again leads to the sign-in, and back here.
    if (SIGNED_OUT.includes(event.code) && wasListening) location.reload();
    if (event.code >= SOCKET_REFUSED) return;
    again = setTimeout(connect, pauseMs * (0.75 + Math.random() / 2));
    pauseMs = Math.min(LONGEST_PAUSE_MS, pauseMs * 2);
  });
}

/** @param {{type: string, topic: string, data?: object, now?: string}} message */
function receive(message) {
  if (message.type === "listening") {
    wasListening = true;
    setClock(message.now);
    catchUp(); // what changed since the page was drawn, or while the socket was away, was told to nobody
  } else if (message.type === "changed") {
    for (const element of document.querySelectorAll(`[data-topic~="${CSS.escape(message.topic)}"][hx-get]`)) fetchAgain(element);
  } else if (message.type === "sample") {
    document.dispatchEvent(new CustomEvent("sample", { detail: message }));
    measure(message.data?.at ?? message.data?.host?.at);
  }
}

/** Note when what a sample changed was painted: the task after the next frame. @param {string|undefined} at */
function measure(at) {
  if (!at) return;
  requestAnimationFrame(() => {
    const channel = new MessageChannel();
    channel.port1.onmessage = () => {
      window.avataryPaint.push({ at, painted_ms: Date.now() - Date.parse(at) });
      if (window.avataryPaint.length > 200) window.avataryPaint.shift();
    };
    channel.port2.postMessage(null);
  });
}

/** @param {Element} element fetched at once, but not more often than every CHANGE_PAUSE_MS */
function fetchAgain(element) {
  if (document.hidden) return;
  const entry = fetches.get(element) ?? { timer: 0, lastAt: -Infinity };
  fetches.set(element, entry);
  if (entry.timer) return;
  const wait = Math.max(0, entry.lastAt + CHANGE_PAUSE_MS - performance.now());
  entry.timer = setTimeout(() => {
    entry.timer = 0;
    entry.lastAt = performance.now();
    if (!element.isConnected) fetches.delete(element);
    else if (isBusy(element)) fetchAgain(element);
    else window.htmx.trigger(element, "changed");
  }, wait);
}

/** True while a person types in it, has its dialog open or plays its film: it is fetched when they are done. @param {Element} element */
function isBusy(element) {
  if ([...element.querySelectorAll("video")].some((video) => !video.paused && !video.ended)) return true;
  return Boolean(element.querySelector("dialog[open], input:focus, textarea:focus, select:focus, details[open]"));
}

function catchUp() {
  for (const element of document.querySelectorAll("[data-topic][hx-get]")) fetchAgain(element);
  document.dispatchEvent(new CustomEvent("catch-up"));
}

function disconnect() {
  const old = socket;
  socket = null;
  old?.close();
}

/** @param {boolean} lost */
function lamp(lost) {
  document.querySelector("[data-live-lamp]")?.toggleAttribute("data-lost", lost);
}

/* What is fetched from time to time is not fetched for a page that nobody sees. */
document.addEventListener("htmx:beforeRequest", (event) => {
  if (document.hidden && event.detail.elt.matches('[hx-trigger*="every "]')) event.preventDefault();
});
document.addEventListener("visibilitychange", () => (document.hidden ? disconnect() : connect()));
document.addEventListener("htmx:afterSettle", () => {
  for (const element of fetches.keys()) if (!element.isConnected) fetches.delete(element);
  if (topics().join(",") === joined) return;
  disconnect();
  connect();
});
connect();
