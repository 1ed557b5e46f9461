/* [data-copy] puts its text on the clipboard and says so for a moment in its own place. */

/** @param {string} text @returns {Promise<boolean>} */
async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    // Without a secure context there is no clipboard API: copy from a field, as of old.
    const field = document.createElement("textarea");
    field.value = text;
    field.className = "av-hidden";
    (document.querySelector("dialog[open]") ?? document.body).append(field);
    field.select();
    const done = document.execCommand("copy");
    field.remove();
    return done;
  }
}

document.addEventListener("click", async (event) => {
  const button = event.target instanceof Element ? event.target.closest("[data-copy]") : null;
  if (!button || !(await copy(button.dataset.copy))) return;
  const word = button.querySelector("span");
  const before = word?.textContent;
  if (word) word.textContent = button.dataset.copied;
  else button.classList.add("av-good");
  button.setAttribute("aria-label", button.dataset.copied);
  setTimeout(() => {
    if (word) word.textContent = before;
    button.classList.remove("av-good");
    button.removeAttribute("aria-label");
  }, 1600);
});
