/* Readings of one source as columns that grow at the end and forget what is too old. */

const SET_BACK_S = 30;

export class Series {
  /** @param {string[]} names columns beside `at` (seconds since 1970) @param {number} seconds kept before the newest reading */
  constructor(names, seconds) {
    this.names = names;
    this.seconds = seconds;
    this.clear();
  }

  clear() {
    /** @type {number[]} */ this.at = [];
    /** @type {Record<string, (number|null)[]>} */ this.columns = Object.fromEntries(this.names.map((name) => [name, []]));
  }

  /** @param {Record<string, (number|null)[]> & {at: number[]}} data columns as samples.json has them
   *  @param {boolean} isTail what was added since they were read stays at their end, but not what is of before a clock was set back */
  load(data, isTail) {
    const end = data.at.at(-1) ?? -Infinity;
    const isOfBefore = Number.isFinite(end) && this.at.at(-1) > end + SET_BACK_S;
    const later = isTail && !isOfBefore ? this.at.filter((at) => at > end).length : 0;
    const from = this.at.length - later;
    this.at = [...data.at, ...this.at.slice(from)];
    for (const name of this.names) this.columns[name] = [...(data[name] ?? data.at.map(() => null)), ...this.columns[name].slice(from)];
  }

  /** @param {number} at @param {Record<string, number|null|undefined>} reading one that is not newer is left out; a clock that was set back begins anew */
  add(at, reading) {
    if (this.at.length && at < this.at.at(-1) - SET_BACK_S) this.clear();
    if (this.at.length && at <= this.at.at(-1)) return;
    this.at.push(at);
    for (const name of this.names) this.columns[name].push(reading[name] ?? null);
    const old = this.at.findIndex((moment) => moment >= at - this.seconds - 5);
    if (old <= 0) return;
    this.at.splice(0, old);
    for (const name of this.names) this.columns[name].splice(0, old);
  }

  /** @param {string} name @returns {number|null} the newest reading */
  last(name) { return this.columns[name].at(-1) ?? null; }

  /** @returns {number|null} when the newest reading was taken */
  get newest() { return this.at.at(-1) ?? null; }
}

/** Parts of a host's CPU, from the bottom up, as samples.json and the live socket name them. */
export const CPU_COLUMNS = ["user_percent", "system_percent", "iowait_percent", "steal_percent"];

/** @param {string} address @returns {Promise<object>} */
export async function fetchSamples(address) {
  const response = await fetch(address, { headers: { Accept: "application/json" } });
  if (!response.ok) throw new Error(`${address} answered ${response.status}`);
  return response.json();
}
