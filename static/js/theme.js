/* Loaded in <head>, before anything is painted: dark unless this browser chose light. A classic script, so that it blocks. */
(() => {
  const KEY = "avatary-theme";
  const root = document.documentElement;
  /** @returns {string|null} the kept choice; null where storage is closed */
  const kept = () => { try { return localStorage.getItem(KEY); } catch { return null; } };
  if (kept() === "light" || kept() === "dark") root.dataset.bsTheme = kept();
  document.addEventListener("click", (event) => {
    if (!(event.target instanceof Element) || !event.target.closest("[data-theme-toggle]")) return;
    root.dataset.bsTheme = root.dataset.bsTheme === "light" ? "dark" : "light";
    try { localStorage.setItem(KEY, root.dataset.bsTheme); } catch { /* the choice holds for this page */ }
    document.dispatchEvent(new CustomEvent("theme"));
  });
})();
