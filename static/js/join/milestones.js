/** What this visit saw and heard, in milliseconds since the click on Talk, and its report to the avatar's job. */

const REPORT_TRIES = 5;
const REPORT_PAUSE_MS = 300;
const FROZEN_AFTER_MS = 2_500;
const SOUND_CHECK_MS = 20;
const SOUND_THRESHOLD_RMS = 0.003; // about -50 dBFS: above codec and resampling noise, below any speech

export class Milestones {
  /** @param {(identity: string, report: object) => Promise<void>} send */
  constructor(send) {
    this.send = send;
    this.clickedAt = performance.now();
    /** VisitReport @type {Record<string, number>} */
    this.reached = {};
    this.reportedTo = new Set();
  }

  /** Keeps the first time only. @param {"token_ms"|"connected_ms"|"first_frame_ms"|"first_sound_ms"} name */
  reach(name) {
    this.reached[name] ??= Math.round((performance.now() - this.clickedAt) * 10) / 10;
  }

  /** Tells a job that this visitor sees it: once to each job, a restarted one too, which may owe the greeting. */
  async seen(identity) {
    if (this.reportedTo.has(identity)) return;
    this.reportedTo.add(identity);
    await this.#report(identity);
  }

  async heard(identity) {
    if (this.reached.first_sound_ms !== undefined) return;
    this.reach("first_sound_ms");
    await this.#report(identity);
  }

  async #report(identity) {
    for (let tries = 1; tries <= REPORT_TRIES; tries += 1) {
      try {
        return await this.send(identity, this.reached);
      } catch (error) {
        if (tries === REPORT_TRIES) console.warn("The visit could not be reported", error);
        await new Promise((resolve) => setTimeout(resolve, REPORT_PAUSE_MS * tries));
      }
    }
    return undefined;
  }
}

/** Watches the frames that are seen, of whatever track: the first one, a picture that stands still, and the longest gap. */
export class FrameWatch {
  /** @param {(arriving: boolean) => void} onChange */
  constructor(onChange) {
    this.onChange = onChange;
    this.arriving = false;
    /** @type {number | null} */
    this.lastAt = null;
    this.measure();
  }

  /** New frames are seen. @param {number} at  the last one's time, of `performance.now()` @param {number} frames  how many */
  seen(at, frames) {
    this.longest = this.#longestUntil(at, frames);
    this.lastAt = at;
    this.timer ??= setInterval(() => this.#look(), FROZEN_AFTER_MS / 5);
    this.#set(true);
  }

  stop() {
    clearInterval(this.timer);
    this.timer = undefined;
    this.lastAt = null;
    this.#set(false);
  }

  /** From here on the longest time without a new frame is kept; what is still before, in a quiet mode's pause, does not count. */
  measure() {
    this.since = performance.now();
    this.longest = 0;
  }

  get longestGapMs() {
    return Math.round(this.#longestUntil(performance.now()));
  }

  #longestUntil(at, frames = 1) {
    if (this.lastAt === null) return this.longest;
    return Math.max(this.longest, (at - Math.max(this.lastAt, this.since)) / Math.max(1, frames));
  }

  #look() {
    // A hidden page is given no frames, which says nothing about the avatar.
    if (document.hidden) this.lastAt = performance.now();
    if (this.arriving && performance.now() - this.lastAt > FROZEN_AFTER_MS) this.#set(false);
  }

  #set(arriving) {
    if (arriving === this.arriving) return;
    this.arriving = arriving;
    this.onChange(arriving);
  }
}

/** Calls `onSound` once, when the track carries sound that is not silence and the page may play it. */
export class SoundWatch {
  /** @param {import("./sound.js").Meter} meter @param {() => boolean} mayPlay @param {() => void} onSound */
  constructor(meter, mayPlay, onSound) {
    this.meter = meter;
    this.mayPlay = mayPlay;
    this.onSound = onSound;
  }

  /** @param {MediaStreamTrack} track */
  start(track) {
    this.stop();
    this.meter.listen(track);
    this.timer = setInterval(() => {
      if (!this.mayPlay() || this.meter.rms() < SOUND_THRESHOLD_RMS) return;
      this.stop();
      this.onSound();
    }, SOUND_CHECK_MS);
  }

  stop() {
    clearInterval(this.timer);
    this.meter.stop();
  }
}
