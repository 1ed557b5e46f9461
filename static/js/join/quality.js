/* How sound and picture arrive, from the browser's own statistics: reported to the avatar's job now and then, and kept in step. */

import { together } from "./in_step.js";

const EVERY_MS = 10_000;

/** @typedef {Record<string, number|string>} Totals */

export class QualityWatch {
  /**
   * @param {() => Promise<{video?: RTCStatsReport, audio?: RTCStatsReport}>} read
   * @param {(quality: object) => Promise<void>} send
   * @param {(holds: import("./in_step.js").Both) => void} hold
   */
  constructor(read, send, hold) {
    this.read = read;
    this.send = send;
    this.hold = hold;
    this.holds = { picture: 0, sound: 0 };
    /** @type {Totals|null} */ this.before = null;
  }

  start() {
    this.stop();
    this.timer = setInterval(() => this.#report(), EVERY_MS);
  }

  stop() {
    clearInterval(this.timer);
    this.before = null;
  }

  async #report() {
    // A hidden page is given no frames, which says nothing about the avatar.
    if (document.hidden) { this.before = null; return; }
    try {
      const now = totalsOf(await this.read());
      const { before } = this;
      this.before = now;
      if (!before) return;
      const grown = grownSince(before, now);
      const delays = delaysOf(grown);
      this.hold(this.holds = together(delays, this.holds));
      const quality = qualityOf(grown, now, delays);
      if (Object.keys(quality).length) await this.send(quality);
    } catch (error) {
      console.debug("The quality of the visit could not be reported", error); // the next one may be
    }
  }
}

/** @param {{video?: RTCStatsReport, audio?: RTCStatsReport}} reports @returns {Totals} */
function totalsOf({ video, audio }) {
  const inbound = (report, kind) => [...(report?.values() ?? [])].find((each) => each.type === "inbound-rtp" && each.kind === kind) ?? {};
  const picture = inbound(video, "video");
  const sound = inbound(audio, "audio");
  const pair = [...(video?.values() ?? [])].find((each) => each.type === "candidate-pair" && each.nominated && each.currentRoundTripTime !== undefined);
  const playout = [...(audio?.values() ?? [])].find((each) => each.type === "media-playout") ?? {};
  return {
    at: picture.timestamp ?? sound.timestamp ?? performance.now(),
    of: `${picture.ssrc} ${sound.ssrc}`,
    frames: picture.framesDecoded,
    freezes: picture.freezeCount,
    freezeS: picture.totalFreezesDuration,
    lost: (picture.packetsLost ?? 0) + (sound.packetsLost ?? 0),
    received: (picture.packetsReceived ?? 0) + (sound.packetsReceived ?? 0),
    jitterS: picture.jitter,
    roundTripS: pair?.currentRoundTripTime,
    pictureS: picture.totalProcessingDelay,
    samples: sound.jitterBufferEmittedCount,
    soundS: sound.totalProcessingDelay,
    played: playout.totalSamplesCount,
    playedS: playout.totalPlayoutDelay,
  };
}

/** By how much each has grown between two readings; what is missing, or of counters that began anew, is undefined.
 * @param {Totals} before @param {Totals} now @returns {Record<string, number|undefined>} */
function grownSince(before, now) {
  const isSame = now.of === before.of; // other tracks count from their own beginning
  const grown = (name) => (!isSame || now[name] === undefined || before[name] === undefined || now[name] < before[name] ? undefined : now[name] - before[name]);
  return { ...Object.fromEntries(Object.keys(now).map((name) => [name, grown(name)])), at: now.at - before.at };
}

/** How long picture and sound stay in the browser, from their arrival until they are seen and heard; NaN where it can't be told.
 * The speaker's own delay is left out where the browser does not know it. @returns {import("./in_step.js").Both} */
function delaysOf(grown) {
  const speaker = (1000 * grown.playedS) / grown.played;
  return {
    picture: (1000 * grown.pictureS) / grown.frames,
    sound: (1000 * grown.soundS) / grown.samples + (Number.isFinite(speaker) ? speaker : 0),
  };
}

/** Figures of the time between two readings; one that is missing is absent.
 * @param {Totals} now @param {import("./in_step.js").Both} delays @returns {object} VisitQuality */
function qualityOf(grown, now, delays) {
  const quality = {};
  const put = (name, value, digits = 1) => { if (Number.isFinite(value)) quality[name] = Number(value.toFixed(digits)); };
  const seconds = grown.at / 1000;
  if (seconds > 0) put("fps", grown.frames / seconds);
  put("freezes", grown.freezes, 0);
  put("freeze_ms", grown.freezeS * 1000);
  put("jitter_ms", now.jitterS * 1000);
  put("round_trip_ms", now.roundTripS * 1000);
  const packets = grown.lost + grown.received;
  if (packets > 0) put("lost_percent", (100 * grown.lost) / packets);
  put("av_offset_ms", delays.picture - delays.sound);
  return quality;
}
