/** Puts a view on the page: shows and hides what the template has written. Holds no sentences. */

/** @typedef {import("./stages.js").View} View */

/** An element's conditions: `data-when-mic="on muted"` and any others must all hold. */
const WHEN = "when";

export class Screens {
  /** @param {HTMLElement} root */
  constructor(root) {
    this.root = root;
    this.talk = root.querySelector("[data-talk]");
    this.page = root.querySelector(".page");
    this.conditional = [...root.querySelectorAll("*")].filter((element) => conditionsOf(element).length > 0);
    /** @type {View} */
    this.shown = {};
  }

  /** @param {View} view */
  show(view) {
    const before = this.shown;
    this.shown = view;
    for (const element of this.conditional) {
      element.hidden = !conditionsOf(element).every(([key, values]) => values.includes(view[key]));
    }
    for (const button of this.root.querySelectorAll("[data-pressed]")) {
      button.setAttribute("aria-pressed", String(view[button.dataset.pressed] === "on"));
    }
    for (const key of ["screen", "layout", "state", "gate", "stage"]) this.root.dataset[key] = view[key];
    this.talk.inert = view.screen !== "talk";
    this.page.inert = view.screen === "talk";
    if (before.screen && before.screen !== view.screen) this.#focus(view.screen);
  }

  /** The sentence of a refused join comes from the server. @param {string} sentence */
  refusalSentence(sentence) {
    this.root.querySelector("[data-refusal-sentence]").textContent = sentence;
  }

  /** Keyboard and screen reader go on where the eye is. */
  #focus(screen) {
    const part = screen === "talk" ? this.talk : this.root.querySelector(`[data-when-screen="${screen}"]`);
    part?.querySelector(screen === "talk" ? "button" : "[data-focus]")?.focus({ preventScroll: true });
  }
}

/** @param {Element} element @returns {[string, string[]][]} */
function conditionsOf(element) {
  return Object.entries(element.dataset ?? {})
    .filter(([name]) => name.startsWith(WHEN))
    .map(([name, value]) => [name.slice(WHEN.length).toLowerCase(), value.split(" ")]);
}
