/* The server's time, as its socket tells it: the clock of who looks on may be set to anything. Until then the browser's. */

let aheadMs = 0; // of the server's clock, before the browser's

/** @param {string} now the server's time at this moment */
export function setClock(now) { aheadMs = Date.parse(now) - Date.now(); }

/** @returns {number} milliseconds since 1970, as `Date.now()` */
export const serverNow = () => Date.now() + aheadMs;
