/* Puts live figures into [data-live="<topic> <field> <digits>"], and counts in the reader's language. */

const language = document.documentElement.lang || "en";
export const MIB = 1024 * 1024;
export const GIB = 1024 * MIB;

/** @type {Map<number, Intl.NumberFormat>} by digits; making one takes longer than using it a hundred times */
const formats = new Map();

/** @param {number|null|undefined} value @param {number} digits @returns {string} – where there is no reading */
export function figure(value, digits = 0) {
  if (value === null || value === undefined) return "–";
  const rounded = Number(value.toFixed(digits)) || 0; // what rounds to nothing has no sign
  if (!formats.has(digits)) formats.set(digits, new Intl.NumberFormat(language, { minimumFractionDigits: digits, maximumFractionDigits: digits }));
  return formats.get(digits).format(rounded);
}

/** What stands there already is not written again: it would be laid out and painted anew. @param {Element} element @param {string} text */
export function put(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** With its unit, small, as the server writes it. @param {Element} element @param {string} text @param {string} unit */
export function putWithUnit(element, text, unit) {
  if (element.textContent === `${text}\u00a0${unit}`) return;
  element.replaceChildren(text, Object.assign(document.createElement("span"), { className: "av-unit", textContent: `\u00a0${unit}` }));
}

/** @param {number|undefined} user @param {number|undefined} system @returns {number|null} in use by this machine, percent */
export function busy(user, system) {
  return user === undefined || user === null || system === undefined || system === null ? null : user + system;
}

/** @param {string} topic @param {Record<string, number|null|undefined>} values */
export function fill(topic, values) {
  for (const element of document.querySelectorAll(`[data-live^="${CSS.escape(topic)} "]`)) {
    const [, field, digits] = element.dataset.live.split(" ");
    if (field in values) put(element, figure(values[field], Number(digits ?? 0)));
  }
}
