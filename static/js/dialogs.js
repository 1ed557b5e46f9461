/* Native dialogs: [data-opens="id"] opens one, [data-close] and a click beside it close it. A drawer opens when htmx has
   filled it. Menus (details) close on a click elsewhere and on Escape. Forms that the browser sends itself show that they were taken. */

/** @param {HTMLDialogElement} dialog */
const close = (dialog) => dialog.close();

document.addEventListener("click", (event) => {
  if (!(event.target instanceof Element)) return;
  for (const menu of document.querySelectorAll("details[data-menu][open]")) if (!menu.contains(event.target)) menu.open = false;
  const opener = event.target.closest("[data-opens]");
  if (opener) document.getElementById(opener.dataset.opens)?.showModal();
  const dialog = event.target.closest("dialog");
  if (!dialog) return;
  if (event.target.closest("[data-close]")) {
    event.preventDefault();
    close(dialog);
  } else if (event.target === dialog && isBeside(dialog, event)) close(dialog);
});

document.addEventListener("keydown", (event) => {
  const menu = event.key === "Escape" && document.querySelector("details[data-menu][open]");
  if (!menu) return;
  menu.open = false;
  menu.querySelector("summary").focus();
});

/** @param {HTMLDialogElement} dialog @param {MouseEvent} event @returns {boolean} the click hit the backdrop */
function isBeside(dialog, event) {
  const box = dialog.getBoundingClientRect();
  return event.clientX < box.left || event.clientX > box.right || event.clientY < box.top || event.clientY > box.bottom;
}

document.addEventListener("htmx:afterSwap", (event) => {
  const drawer = event.detail.target;
  if (drawer instanceof HTMLDialogElement && drawer.hasAttribute("data-opens-on-swap") && !drawer.open) drawer.showModal();
});

/* A closed drawer is empty: what was in it asks for nothing any more. */
document.addEventListener("close", ({ target }) => { if (target.matches("[data-opens-on-swap]")) target.replaceChildren(); }, true);

/* What holds an open dialog is not redrawn under somebody's hand, unless by the dialog itself; it is once the dialog is closed. */
document.addEventListener("htmx:beforeSwap", (event) => {
  const open = event.detail.target.querySelector?.("dialog[open]");
  if (open && !open.contains(event.detail.requestConfig.elt)) event.detail.shouldSwap = false;
});
document.addEventListener("close", ({ target }) => { target.closest("[data-topic]")?.dispatchEvent(new Event("changed")); }, true);

/* What a dialog's form asked for was done: the dialog goes, unless the answer replaced it already. */
document.addEventListener("htmx:afterRequest", (event) => {
  const dialog = event.detail.elt.closest?.("dialog:not(.av-drawer)");
  if (dialog?.open) close(dialog);
});

document.addEventListener("submit", (event) => {
  if (!event.target.matches("[data-busy-on-submit]")) return;
  const button = event.target.querySelector("button[type=submit]");
  button?.setAttribute("aria-busy", "true");
  // Disabled after the form was read, or its own name would be missing from it.
  setTimeout(() => { if (button) button.disabled = true; });
});

document.addEventListener("change", (event) => {
  if (event.target instanceof Element) event.target.closest("form[data-submit-on-change]")?.requestSubmit();
});

/* A page that comes back from the browser's memory has no form under way. */
window.addEventListener("pageshow", () => {
  for (const button of document.querySelectorAll("[aria-busy=true]")) {
    button.removeAttribute("aria-busy");
    button.disabled = false;
  }
});
