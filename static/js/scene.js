/* Films, slides and logos of a scene: sent in pieces, put in order by buttons or by dragging.
   [data-files="kind"] is a panel with a list and a file field; an item that is ready carries [data-ready] and the field that
   names it in the form. Whatever changes the list fires "change" on the form, upon which the still is drawn anew. */

import { sentenceIn, show } from "./problems.js";

const TRIES = 6;
const PAUSE_MS = 700;

const form = document.getElementById("scene-form");
const headers = JSON.parse(document.body.getAttribute("hx-headers") ?? "{}");
let sending = 0;

/** @param {Element} inside @returns {HTMLElement} */
const panelOf = (inside) => inside.closest("[data-files]");
/** @param {Element} panel */
const listOf = (panel) => panel.querySelector(".av-scene-files");
/** @param {string} words @param {string} name */
const say = (words, name) => show(words.replace("%s", name));
const changed = () => form.dispatchEvent(new Event("change", { bubbles: true }));
const pause = (ms) => new Promise((resolve) => { setTimeout(resolve, ms); });

/** A PDF among slides becomes slides itself. @param {HTMLElement} panel @param {File} file */
const isDeck = (panel, file) =>
  panel.dataset.files === "slide" && (file.type === "application/pdf" || file.name.toLowerCase().endsWith(".pdf"));

/** Send files one after the other. @param {HTMLElement} panel @param {File[]} files */
async function take(panel, files) {
  for (const file of panel.dataset.files === "slide" ? files : files.slice(0, 1)) {
    const mostBytes = Number(isDeck(panel, file) ? panel.dataset.mostDeckBytes : panel.dataset.mostBytes);
    if (file.size === 0) say(form.dataset.empty, file.name);
    else if (file.size > mostBytes) say(form.dataset.tooLarge, file.name);
    else if (panel.dataset.files === "slide" && listOf(panel).children.length >= Number(form.dataset.mostSlides)) {
      show(form.dataset.full);
      return;
    } else await send(panel, file);
  }
}

/** @param {HTMLElement} panel @param {File} file */
async function send(panel, file) {
  sending += 1;
  try {
    const item = await announce(panel, file);
    if (item && (await sendPieces(item, file))) await look(item);
  } finally {
    sending -= 1;
  }
}

/** @returns {Promise<HTMLElement|null>} its place in the list */
async function announce(panel, file) {
  const kind = isDeck(panel, file) ? "deck" : panel.dataset.files;
  const body = new URLSearchParams({ kind, name: file.name, size_bytes: String(file.size) });
  const answer = await fetch(form.dataset.announce, { method: "POST", headers, body }).catch(() => null);
  if (!answer?.ok) {
    if (answer) show(sentenceIn(await answer.text()) || form.dataset.broken.replace("%s", file.name));
    else say(form.dataset.broken, file.name);
    return null;
  }
  listOf(panel).insertAdjacentHTML("beforeend", await answer.text());
  return listOf(panel).lastElementChild;
}

/** @returns {Promise<boolean>} false where the item was taken out meanwhile */
async function sendPieces(item, file) {
  const pieceBytes = Number(form.dataset.pieceBytes);
  for (let offset = 0, tries = 0; offset < file.size;) {
    if (!item.isConnected) return false;
    const place = `${item.dataset.pieces}?offset=${offset}`;
    const body = file.slice(offset, offset + pieceBytes);
    const answer = await fetch(place, { method: "PUT", headers, body }).catch(() => null);
    const said = (await answer?.json().catch(() => null)) ?? {};
    if (said.received_bytes > offset || (said.received_bytes < offset && answer.status === 409)) {
      offset = said.received_bytes;
      tries = 0;
      item.querySelector("progress").value = (100 * offset) / file.size;
    } else if (said.refused || answer?.status === 409 || answer?.status === 404) return true;
    else if ((tries += 1) === TRIES) {
      say(form.dataset.broken, file.name);
      item.remove();
      return false;
    } else await pause(PAUSE_MS * tries);
  }
  return true;
}

/** Draw an item as the server sees it now. @param {HTMLElement} item */
const look = (item) => window.htmx.ajax("GET", item.dataset.self, { target: item, swap: "outerHTML" });

/** An item has become ready: of films and logos the new one takes the old one's place, and the TV shows what has come. */
function onReady(item) {
  const panel = panelOf(item);
  if (panel.dataset.files !== "slide") {
    for (const other of listOf(panel).querySelectorAll("[data-ready]")) if (other !== item) other.remove();
  }
  const tv = form.elements.namedItem("tv");
  if (panel.dataset.tv && tv && !tv.disabled) tv.value = panel.dataset.tv;
  changed();
}

document.addEventListener("htmx:afterSettle", (event) => {
  for (const item of form.querySelectorAll("[data-ready]:not([data-seen])")) {
    item.toggleAttribute("data-seen", true);
    if (event.detail.elt !== document.body) onReady(item);
  }
});
for (const item of form.querySelectorAll("[data-ready]")) item.toggleAttribute("data-seen", true);

form.addEventListener("change", (event) => {
  for (const panel of form.querySelectorAll("[data-files]")) {
    const count = panel.querySelector("[data-count]");
    if (count) count.textContent = String(listOf(panel).querySelectorAll("[data-ready]").length);
  }
  form.querySelector("[data-own-place]").hidden = form.elements.namedItem("scene").value !== "";
  const field = event.target;
  if (!(field instanceof HTMLInputElement) || field.type !== "file") return;
  const files = [...field.files];
  field.value = "";
  take(panelOf(field), files);
});

form.addEventListener("click", (event) => {
  const button = event.target instanceof Element && event.target.closest("[data-move], [data-take-out]");
  if (!button) return;
  const item = button.closest("li");
  if (button.hasAttribute("data-take-out")) {
    const address = button.dataset.takeOut;
    if (address) fetch(address, { method: "POST", headers }).catch(() => {}); // what stays behind is shown again on the next visit
    item.remove();
  } else {
    const other = button.dataset.move === "1" ? item.nextElementSibling : item.previousElementSibling;
    if (!other) return;
    if (button.dataset.move === "1") other.after(item);
    else other.before(item);
    button.focus();
  }
  changed();
});

/* -- dragging: slides within their list, files from outside into a panel -- */

/** @type {HTMLElement|null} */ let dragged = null;
const hasFiles = (event) => event.dataTransfer?.types.includes("Files");

form.addEventListener("dragstart", (event) => {
  const item = event.target.closest?.(".av-slides > [data-ready]");
  if (!item) return;
  dragged = item;
  event.dataTransfer.effectAllowed = "move";
  item.classList.add("av-dragged");
});
form.addEventListener("dragover", (event) => {
  const panel = event.target.closest?.("[data-files]");
  if (hasFiles(event) && panel) event.preventDefault();
  const over = event.target.closest?.(".av-slides > li");
  if (!dragged || !over || over === dragged) return;
  event.preventDefault();
  const box = over.getBoundingClientRect();
  if (event.clientY > box.top + box.height / 2) over.after(dragged);
  else over.before(dragged);
});
form.addEventListener("drop", (event) => {
  const panel = event.target.closest?.("[data-files]");
  if (dragged || !panel || !hasFiles(event)) return;
  event.preventDefault();
  if (panel.querySelector("input[type=file]")) take(panel, [...event.dataTransfer.files]);
});
form.addEventListener("dragend", () => {
  if (!dragged) return;
  dragged.classList.remove("av-dragged");
  dragged = null;
  changed();
});

window.addEventListener("beforeunload", (event) => { if (sending) event.preventDefault(); });
