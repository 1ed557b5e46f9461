/* The overview's figures once a second, and rows that stay where they are while the pointer is on them. */

import { GIB, busy, fill } from "./figures.js";

document.addEventListener("sample", ({ detail }) => {
  if (detail.topic !== "overview") return;
  const { host, sessions } = detail.data;
  fill(`host:${host.host}`, {
    busy_percent: busy(host.user_percent, host.system_percent),
    steal_percent: host.steal_percent,
    memory_used_gb: host.memory_used_bytes === undefined ? null : host.memory_used_bytes / GIB,
  });
  const seen = document.querySelector(`[data-seen="${CSS.escape(host.host)}"] time`);
  if (seen) seen.dateTime = host.at;
  for (const { code, cpu_percent } of sessions) {
    fill(`session:${code}`, { share_percent: cpu_percent === null ? null : cpu_percent / host.cores });
  }
});

/* Rows come in at the end, so only one that goes would move others: it waits until the pointer has left. */
document.addEventListener("htmx:oobBeforeSwap", (event) => {
  const { target, fragment } = event.detail;
  if (!target.matches("[data-rows]") || !target.matches(":hover")) return;
  const coming = new Set([...fragment.querySelectorAll("[data-row]")].map((row) => row.dataset.row));
  const going = [...target.querySelectorAll("[data-row]")].some((row) => !coming.has(row.dataset.row));
  if (!going) return;
  event.detail.shouldSwap = false;
  target.addEventListener("pointerleave", () => window.htmx.trigger('[data-topic="overview"]', "changed"), { once: true });
});

/* An open question ("Stop it?") is not swept away by a change elsewhere. */
document.addEventListener("htmx:oobBeforeSwap", (event) => {
  const dialog = event.detail.target.querySelector?.("dialog[open]");
  if (!dialog) return;
  event.detail.shouldSwap = false;
  dialog.addEventListener("close", () => window.htmx.trigger('[data-topic="overview"]', "changed"), { once: true });
});
