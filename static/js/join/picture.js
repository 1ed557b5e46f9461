/**
 * The avatar's picture. A track that is to be seen next is decoded in a second video element, laid over the first one: an element
 * without a frame paints nothing, so that the next picture covers the present one with its first frame, and the present one goes
 * then. The last picture of a track that has ended stays until there is another. What is played is a copy of the track, since the
 * SDK takes its own one out of every element, and blackens it, before it tells that the track is gone; and the server ends a track
 * with a tiny black frame, which is covered by a picture that was kept a moment ago.
 */

const KEEP_EVERY_MS = 1_000;
const KEPT_WIDTH = 640;
const BLANK_WIDTH = 16; // at most: LiveKit's own is 8 pixels wide

export class Picture {
  /** @param {HTMLVideoElement} video  what every later element is a copy of */
  constructor(video) {
    /** What is seen. @type {{video: HTMLVideoElement, track?: object, copy?: MediaStreamTrack}} */
    this.shown = { video };
    /** What is decoded, and not seen yet. @type {{video: HTMLVideoElement, track: object, copy: MediaStreamTrack} | null} */
    this.next = null;
    this.kept = Object.assign(document.createElement("canvas"), { className: video.className, hidden: true });
    this.kept.dataset.kept = "";
    this.keptAt = -Infinity;
    video.after(this.kept); // over all videos
    /**
     * Takes when a new frame was seen, in milliseconds of `performance.now()`, and how many were since it was called last: a
     * page that is busy is not told of each. @type {(at: number, frames: number) => void}
     */
    this.onFrame = () => {};
  }

  /** The track that is seen, or whose last picture is; undefined before the first frame. */
  get track() {
    return this.shown.track;
  }

  /** Seen from its first frame on. @param {object} track  RemoteVideoTrack */
  show(track) {
    if (track === this.next?.track) return;
    this.giveUpNext();
    if (track === this.track) return;
    const video = this.shown.video.cloneNode();
    const copy = track.mediaStreamTrack.clone();
    copy.enabled = video.muted = true;
    video.srcObject = new MediaStream([copy]);
    this.shown.video.after(video);
    this.next = { video, track, copy };
    video.requestVideoFrameCallback((_, frame) => this.#takeOver(video, frame));
    video.play().catch((error) => console.debug("The picture did not begin to play", error)); // another took its place
  }

  /** What is seen goes on being seen. */
  giveUpNext() {
    if (this.next) remove(this.next);
    this.next = null;
  }

  /** Shows nothing. */
  clear() {
    this.giveUpNext();
    const { video, copy } = this.shown;
    copy?.stop();
    video.srcObject = null;
    this.shown = { video };
    this.kept.hidden = true;
  }

  #takeOver(video, frame) {
    if (this.next?.video !== video) return;
    remove(this.shown);
    this.shown = this.next;
    this.next = null;
    this.#follow(video, frame, 1);
  }

  #follow(video, { presentationTime, presentedFrames, width, height }, count) {
    if (this.shown.video !== video || !this.track) return;
    this.kept.hidden = width > BLANK_WIDTH;
    if (this.kept.hidden) {
      if (presentationTime - this.keptAt > KEEP_EVERY_MS) this.#keep(video, presentationTime, height / width);
      this.onFrame(presentationTime, count);
    }
    video.requestVideoFrameCallback((_, frame) => this.#follow(video, frame, frame.presentedFrames - presentedFrames));
  }

  #keep(video, at, shape) {
    this.keptAt = at;
    this.kept.width = KEPT_WIDTH;
    this.kept.height = Math.round(KEPT_WIDTH * shape);
    this.kept.getContext("2d").drawImage(video, 0, 0, this.kept.width, this.kept.height);
  }
}

function remove({ video, copy }) {
  copy?.stop();
  video.srcObject = null;
  video.remove();
}
