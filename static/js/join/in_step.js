/**
 * The avatar's lips with its voice. Picture and sound wait in buffers of their own, each as long as the network asks of it, so
 * that what is sent together is not played together: whichever comes early is held back.
 *
 * A browser does this by itself for tracks of one stream, which LiveKit makes of them where a room has `sync_streams`. Ours have
 * not: their connections then grow with every track that ever was, and a job's negotiates without end (docs/architecture.md).
 */

const APART_MS = 30; // less is not seen
const LONGEST_MS = 500; // held back for as long at most: what is said late is worse than lips that are off

/** Of picture and sound, milliseconds. @typedef {{picture: number, sound: number}} Both */

/** How long each is to stay in the browser, from its arrival on; 0: no longer than it needs. What had been held for an earlier
 * difference is let go before the other is held.
 * @param {Both} delays  from arrival until it is played @param {Both} holds  as they were @returns {Both} */
export function together(delays, holds) {
  const apart = Math.abs(delays.picture - delays.sound);
  if (!(apart > APART_MS)) return holds;
  const [late, early] = delays.picture > delays.sound ? ["picture", "sound"] : ["sound", "picture"];
  const more = apart - holds[late];
  if (more <= 0) return { ...holds, [late]: -more };
  return { [late]: 0, [early]: Math.min(delays[early] + more, LONGEST_MS) };
}
