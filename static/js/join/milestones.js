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

/** Watches the decoded frames of a video element: the first one of a track, and a picture that stands still. */
export class FrameWatch {
  /** @param {HTMLVideoElement} video @param {(arriving: boolean) => void} onChange */
  constructor(video, onChange) {
    this.video = video;
    this.onChange = onChange;
    this.arriving = false;
    this.lastAt = 0;
    this.longest = 0;
    this.generation = 0;
  }

  /** A new track is in the element. */
  start() {
    this.stop();
    const generation = this.generation;
    const onFrame = () => {
      if (generation !== this.generation) return;
      const now = performance.now();
      if (this.arriving) this.longest = Math.max(this.longest, now - this.lastAt);
      this.lastAt = now;
      this.#set(true);
      this.video.requestVideoFrameCallback(onFrame);
    };
    this.video.requestVideoFrameCallback(onFrame);
    this.timer = setInterval(() => {
      // A hidden page is given no frames, which says nothing about the avatar.
      if (document.hidden) this.lastAt = performance.now();
      if (this.arriving && performance.now() - this.lastAt > FROZEN_AFTER_MS) this.#set(false);
    }, FROZEN_AFTER_MS / 5);
  }

  stop() {
    this.generation += 1;
    clearInterval(this.timer);
    this.#set(false);
  }

  /** From here on the longest time without a new frame is kept. */
  measure() {
    this.longest = 0;
  }

  get longestGapMs() {
    return Math.round(Math.max(this.longest, performance.now() - this.lastAt));
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
