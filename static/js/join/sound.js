/** How loud a track is. One audio context for the page; browsers start it with the first touch or key. */

/** @type {AudioContext | undefined} */
let context;

/** Starts the context; call it inside a tap where one is at hand. */
export function wakeSound() {
  context ??= new AudioContext({ latencyHint: "interactive" });
  if (context.state === "suspended") context.resume().catch(() => undefined); // not allowed before the first tap
  return context;
}

for (const gesture of ["pointerdown", "keydown"]) addEventListener(gesture, wakeSound, { once: true, passive: true });

export class Meter {
  /** @param {MediaStreamTrack} track */
  listen(track) {
    this.stop();
    const audio = wakeSound();
    this.analyser = new AnalyserNode(audio, { fftSize: 1024 });
    this.source = audio.createMediaStreamSource(new MediaStream([track]));
    this.source.connect(this.analyser);
    this.samples = new Float32Array(this.analyser.fftSize);
  }

  /** Root mean square of the last 20 ms or so, 0 to 1. */
  rms() {
    if (!this.analyser) return 0;
    this.analyser.getFloatTimeDomainData(this.samples);
    return Math.sqrt(this.samples.reduce((sum, sample) => sum + sample * sample, 0) / this.samples.length);
  }

  stop() {
    this.source?.disconnect();
    this.source = undefined;
    this.analyser = undefined;
  }
}
