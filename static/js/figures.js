/* Puts live figures into [data-live="<topic> <field> <digits>"], and counts in the reader's language. */

const language = document.documentElement.lang || "en";
export const MIB = 1024 * 1024;
export const GIB = 1024 * MIB;

/** @param {number|null|undefined} value @param {number} digits @returns {string} – where there is no reading */
export function figure(value, digits = 0) {
  if (value === null || value === undefined) return "–";
  const rounded = Number(value.toFixed(digits)) || 0; // what rounds to nothing has no sign
  return new Intl.NumberFormat(language, { minimumFractionDigits: digits, maximumFractionDigits: digits }).format(rounded);
}

/** @param {number|undefined} user @param {number|undefined} system @returns {number|null} in use by this machine, percent */
export function busy(user, system) {
  return user === undefined || user === null || system === undefined || system === null ? null : user + system;
}

/** @param {string} topic @param {Record<string, number|null|undefined>} values */
export function fill(topic, values) {
  for (const element of document.querySelectorAll(`[data-live^="${CSS.escape(topic)} "]`)) {
    const [, field, digits] = element.dataset.live.split(" ");
    if (field in values) element.textContent = figure(values[field], Number(digits ?? 0));
  }
}
