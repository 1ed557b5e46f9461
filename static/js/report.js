/* A report's print button. Paper is light: the page is put into the light colours for it, and back. */

let themeOnScreen = null;

document.querySelector("[data-print]")?.addEventListener("click", () => window.print());
window.addEventListener("beforeprint", () => {
  themeOnScreen = document.documentElement.dataset.bsTheme;
  document.documentElement.dataset.bsTheme = "light";
});
window.addEventListener("afterprint", () => {
  if (themeOnScreen) document.documentElement.dataset.bsTheme = themeOnScreen;
});
