/* How sound and picture arrive, from the browser's own statistics, reported to the avatar's job now and then. */

const EVERY_MS = 10_000;

/** @typedef {Record<string, number|string>} Totals */

export class QualityWatch {
  /** @param {() => Promise<{video?: RTCStatsReport, audio?: RTCStatsReport}>} read @param {(quality: object) => Promise<void>} send */
  constructor(read, send) {
    this.read = read;
    this.send = send;
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
      const quality = this.before && qualityOf(this.before, now);
      this.before = now;
      if (quality && Object.keys(quality).length) await this.send(quality);
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
  return {
    at: picture.timestamp ?? sound.timestamp ?? performance.now(),
    of: picture.trackIdentifier,
    frames: picture.framesDecoded,
    freezes: picture.freezeCount,
    freezeS: picture.totalFreezesDuration,
    lost: (picture.packetsLost ?? 0) + (sound.packetsLost ?? 0),
    received: (picture.packetsReceived ?? 0) + (sound.packetsReceived ?? 0),
    jitterS: picture.jitter,
    roundTripS: pair?.currentRoundTripTime,
    pictureAt: picture.estimatedPlayoutTimestamp,
    soundAt: sound.estimatedPlayoutTimestamp,
  };
}

/** Figures of the time between two readings; one that is missing, or of counters that began anew, is absent.
 * @param {Totals} before @param {Totals} now @returns {object} VisitQuality */
function qualityOf(before, now) {
  const quality = {};
  const isSame = now.of === before.of; // another track counts from its own beginning
  const grown = (name) => (!isSame || now[name] === undefined || before[name] === undefined || now[name] < before[name] ? undefined : now[name] - before[name]);
  const put = (name, value, digits = 1) => { if (Number.isFinite(value)) quality[name] = Number(value.toFixed(digits)); };
  const seconds = (now.at - before.at) / 1000;
  if (seconds > 0) put("fps", grown("frames") / seconds);
  put("freezes", grown("freezes"), 0);
  put("freeze_ms", grown("freezeS") * 1000);
  put("jitter_ms", now.jitterS * 1000);
  put("round_trip_ms", now.roundTripS * 1000);
  const lost = grown("lost");
  const packets = lost + grown("received");
  if (packets > 0) put("lost_percent", (100 * lost) / packets);
  // Times at which what is played now was captured: sound that is ahead carries the later one.
  if (now.soundAt && now.pictureAt) put("av_offset_ms", now.soundAt - now.pictureAt);
  return quality;
}
