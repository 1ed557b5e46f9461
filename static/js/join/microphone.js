/** The visitor's microphone: permission, check, mute and level. Its track outlives a lost connection. */

import { Meter } from "./sound.js";

const HEARD_RMS = 0.02; // a voice at arm's length; a quiet room stays below
const HEARD_FRAMES = 8;
const FULL_LEVEL_RMS = 0.2;
const SMOOTHING = 0.35;

/** @typedef {import("./stages.js").Facts} Facts */

export class Microphone {
  /**
   * @param {(facts: Partial<Facts>) => void} onFacts
   * @param {(level: number) => void} onLevel  0 to 1, once a painted frame while it is on
   */
  constructor(onFacts, onLevel) {
    this.onFacts = onFacts;
    this.onLevel = onLevel;
    this.meter = new Meter();
    /** LocalAudioTrack of livekit-client @type {any} */
    this.track = null;
  }

  /** Opens it at once where the browser has been told to allow it; asks nobody. */
  async look() {
    if (!navigator.mediaDevices?.getUserMedia) return this.onFacts({ mic: "missing" }); // an insecure origin, too
    const permission = await navigator.permissions?.query({ name: "microphone" }).catch(() => null);
    if (!permission) return this.onFacts({ mic: "unknown" });
    permission.onchange = () => this.#permitted(permission.state);
    return this.#permitted(permission.state);
  }

  async #permitted(state) {
    if (state === "granted") await this.open();
    else if (state === "denied") this.#lose("blocked");
  }

  /** Asks for it where needed. @returns {Promise<any | null>} the track, or null with the reason among the facts */
  open() {
    this.opening ??= this.#open().finally(() => (this.opening = null));
    return this.opening;
  }

  async #open() {
    if (this.track?.mediaStreamTrack.readyState === "live") return this.track;
    if (!navigator.mediaDevices?.getUserMedia) return this.#lose("missing");
    this.onFacts({ mic: "asking" });
    try {
      this.track = await globalThis.LivekitClient.createLocalAudioTrack();
    } catch (error) {
      return this.#lose(error.name === "NotAllowedError" ? "blocked" : "missing");
    }
    this.track.mediaStreamTrack.addEventListener("ended", () => this.#lose("missing"), { once: true });
    this.onFacts({ mic: "on" });
    this.#measure();
    return this.track;
  }

  async toggle() {
    if (!this.track) return;
    await (this.track.isMuted ? this.track.unmute() : this.track.mute());
    this.onFacts({ mic: this.track.isMuted ? "muted" : "on" });
  }

  /** Lets it go, and with it the browser's sign that somebody listens. */
  close() {
    if (this.track) this.#lose("unknown");
  }

  /** @param {"unknown"|"blocked"|"missing"} mic */
  #lose(mic) {
    cancelAnimationFrame(this.painting);
    this.meter.stop();
    this.track?.stop();
    this.track = null;
    this.onLevel(0);
    this.onFacts({ mic });
    return null;
  }

  #measure() {
    let level = 0;
    let loudFrames = 0;
    this.meter.listen(this.track.mediaStreamTrack);
    const paint = () => {
      const rms = this.meter.rms();
      level += SMOOTHING * (Math.min(1, rms / FULL_LEVEL_RMS) - level);
      this.onLevel(level);
      loudFrames += rms > HEARD_RMS ? 1 : 0;
      if (loudFrames === HEARD_FRAMES) this.onFacts({ heard: true });
      this.painting = requestAnimationFrame(paint);
    };
    paint();
  }
}
