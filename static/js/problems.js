/* What htmx asked for and did not get: the server's own sentence, or ours where it did not answer. */

/** @param {string} sentence */
export function show(sentence) {
  const place = document.getElementById("problems");
  const card = document.getElementById("problem-card").content.cloneNode(true);
  card.querySelector("p").textContent = sentence;
  // Above an open dialog, which lies over all else.
  (document.querySelector("dialog[open]") ?? document.body).append(place);
  place.replaceChildren(card);
}

/** The sentence in a page of refusal: its [data-problem]. @param {string} html @returns {string} */
export function sentenceIn(html) {
  const page = new DOMParser().parseFromString(html, "text/html");
  return page.querySelector("[data-problem]")?.textContent?.trim() ?? "";
}

const words = () => document.getElementById("problems").dataset;

/** A fetch that a timer or the live socket asked for fails quietly: the lamp says it, and it is asked again. */
const isQuiet = (event) => event.detail.requestConfig?.verb === "get" && event.detail.elt.matches("[data-topic], #hosts");

document.addEventListener("htmx:responseError", (event) => {
  if (!isQuiet(event)) show(sentenceIn(event.detail.xhr.responseText) || words().failed);
});
document.addEventListener("htmx:sendError", (event) => { if (!isQuiet(event)) show(words().away); });
document.addEventListener("htmx:timeout", (event) => { if (!isQuiet(event)) show(words().away); });
/* A session that ran out answers htmx with the sign-in page: go there instead of swapping it in. */
document.addEventListener("htmx:beforeSwap", (event) => {
  if (!event.detail.xhr.responseURL.includes("/sign-in/")) return;
  event.detail.shouldSwap = false;
  location.assign(`/sign-in/?next=${encodeURIComponent(location.pathname)}`);
});
document.addEventListener("click", (event) => {
  if (event.target instanceof Element && event.target.closest("[data-close-problem]")) document.getElementById("problems").replaceChildren();
});
