/** Asks the server for a way into the room; the visit's code lives in this page's session storage. */

/**
 * @typedef {{livekit_url: string, token: string, identity: string, visit: string}} Ticket
 */

/** The server said no; `code` is one of the API's, `message` its sentence. */
export class Refused extends Error {
  /** @param {string} code @param {string} sentence */
  constructor(code, sentence) {
    super(sentence);
    this.code = code;
  }
}

const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 4_000;

/**
 * One ticket. Coming back with an earlier visit's code counts no further use of the link.
 *
 * @param {string} url
 * @param {AbortSignal} signal
 * @returns {Promise<Ticket>}
 * @throws {Refused} for an answer that a repetition does not change
 */
export async function askForTicket(url, signal) {
  const key = `avatary.visit:${url}`;
  const visit = sessionStorage.getItem(key);
  const response = await fetch(url, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(visit ? { visit } : {}),
    signal,
  });
  if (!response.ok) {
    const answer = await response.json().catch(() => ({}));
    // A server without room for a visit (503) may have it soon.
    if (answer.code && response.status !== 503) throw new Refused(answer.code, answer.detail ?? "");
    throw new Error(`join answered ${response.status}`);
  }
  const ticket = await response.json();
  sessionStorage.setItem(key, ticket.visit);
  return ticket;
}

/**
 * Repeats `attempt` until it succeeds, with growing pauses; the browser's own word that it is online again ends a pause.
 * A refusal or the signal's end is thrown.
 *
 * @template Result
 * @param {() => Promise<Result>} attempt
 * @param {() => void} onFailure  called before each pause
 * @param {AbortSignal} signal
 * @returns {Promise<Result>}
 */
export async function untilItWorks(attempt, onFailure, signal) {
  for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS)) {
    try {
      return await attempt();
    } catch (error) {
      if (error instanceof Refused || signal.aborted) throw error;
      onFailure();
      await pause(pauseMs, signal);
    }
  }
}

/** @param {number} durationMs @param {AbortSignal} signal @returns {Promise<void>} */
function pause(durationMs, signal) {
  return new Promise((resolve, reject) => {
    const settle = () => {
      clearTimeout(timer);
      removeEventListener("online", settle);
      signal.removeEventListener("abort", settle);
      signal.aborted ? reject(signal.reason) : resolve();
    };
    const timer = setTimeout(settle, durationMs);
    addEventListener("online", settle);
    signal.addEventListener("abort", settle);
  });
}
