/** The visitor's page: a click on Talk, the visit, and how it comes back or ends. */

import { Captions } from "./captions.js";
import { Microphone } from "./microphone.js";
import { FrameWatch, Milestones, SoundWatch } from "./milestones.js";
import { Picture } from "./picture.js";
import { QualityWatch } from "./quality.js";
import { AvatarRoom } from "./room.js";
import { Screens } from "./screens.js";
import { Meter, wakeSound } from "./sound.js";
import { AT_FIRST, isPresent, viewOf } from "./stages.js";
import { Typing } from "./typing.js";
import { Refused, askForTicket, untilItWorks } from "./visit.js";

const PICTURE_WITHIN_MS = 10_000; // after a switch, for what the job names to be seen
const LOOK_EVERY_MS = 50;
const ON_ITS_WAY_MS = 500; // the first pictures of the new mode, when the job has said that it is done

const body = document.body;
const shownIn = { picture: new Picture(body.querySelector("[data-video]")), audio: body.querySelector("[data-audio]") };
const screens = new Screens(body);
const captions = new Captions(
  body.querySelector("[data-captions]"),
  { you: document.getElementById("caption-you"), them: document.getElementById("caption-them") },
  body.dataset.language,
);

/** @type {import("./stages.js").Facts} */
// What is written in the picture already is not written over it a second time, unless the visitor asks for it or an upright
// screen cuts the picture's lines off.
const readsInPicture = "captionsInPicture" in body.dataset && matchMedia("(min-aspect-ratio: 5/4)").matches;
let facts = { ...AT_FIRST, captions: !readsInPicture };
/** The visit under way: one for each click on Talk. @type {Visit | null} */
let visit = null;

/** @param {Partial<import("./stages.js").Facts>} changes */
function learn(changes) {
  facts = { ...facts, ...changes };
  if (facts.started && isPresent(facts)) facts.met = true;
  screens.show(viewOf(facts));
  if (isPresent(facts)) visit?.seen();
}

const lit = body.querySelectorAll("[data-lit]");
const bars = [...body.querySelectorAll("[data-bars] i")];
const microphone = new Microphone(hear, (level) => {
  for (const element of lit) element.style.setProperty("--level", level.toFixed(3));
  // A voice is loudest in the middle of the row.
  bars.forEach((bar, index) => {
    const fromMiddle = Math.abs(index - (bars.length - 1) / 2) / (bars.length / 2);
    bar.style.setProperty("--h", (level * (1 - fromMiddle * fromMiddle) * (0.7 + 0.3 * Math.random())).toFixed(2));
  });
});

/** What the microphone says; turned on in whatever way, it joins the visit. @param {typeof facts} changes */
function hear(changes) {
  if (changes.mic !== "on") return learn(changes);
  learn({ ...changes, help: false });
  return visit?.publish();
}

const typing = new Typing(body.querySelector("[data-typing]"), async (text) => {
  try {
    await visit.room.type(text);
  } catch (error) {
    console.warn("The typed words could not be sent", error);
    learn({ unsent: true });
    return false;
  }
  learn({ unsent: false });
  captions.write("you", crypto.randomUUID(), text);
  return true;
});

class Visit {
  constructor() {
    this.ending = new AbortController();
    /** @type {AvatarRoom | null} */
    this.room = null;
    this.milestones = new Milestones((identity, report) => this.room.report(identity, report));
    this.frames = new FrameWatch((arriving) => {
      if (arriving) this.milestones.reach("first_frame_ms");
      else this.#tellStopped();
      learn({ frames: arriving });
    });
    // A last frame may be painted after its room was lost.
    shownIn.picture.onFrame = (at, frames) => this.room && this.frames.seen(at, frames);
    this.quality = new QualityWatch(() => this.room?.statistics() ?? {}, async (quality) => {
      const agent = this.room?.agent;
      if (agent) await this.room.report(agent.identity, { quality });
    }, (holds) => this.room?.hold(holds));
    this.sound = new SoundWatch(new Meter(), () => !facts.soundBlocked, () => {
      const agent = this.room?.agent;
      if (agent) this.milestones.heard(agent.identity);
    });
  }

  /** Into the room, as often as it takes; the microphone is asked for beside it, unless the visitor types. */
  async enter() {
    const { signal } = this.ending;
    if (!facts.typing) microphone.open();
    try {
      await untilItWorks(() => this.#connect(signal), () => learn({ trying: true }), signal);
    } catch (error) {
      if (error instanceof Refused) this.#refused(error);
      else if (!signal.aborted) throw error;
    }
  }

  async #connect(signal) {
    const ticket = await askForTicket(body.dataset.joinUrl, signal);
    this.milestones.reach("token_ms");
    const room = new AvatarRoom(shownIn, {
      onFacts: (changes) => room === this.room && learn(changes),
      onSwitch: (code, isOver) => room === this.room && this.#watchSwitch(room, code, isOver),
      onSound: (track) => this.milestones.reached.first_sound_ms === undefined && this.sound.start(track),
      onCaption: (caption) => captions.follow(caption),
      onClosed: (over) => room === this.room && joined && this.#closed(over),
    });
    let joined = false; // an attempt that fails closes too, and is repeated by `enter`
    this.room = room;
    await room.connect(ticket);
    joined = true;
    this.milestones.reach("connected_ms");
    this.quality.start();
  }

  /** Once the avatar is here: negotiating the microphone earlier would hold up its first frame. */
  async publish() {
    if (!microphone.track || !isPresent(facts)) return;
    try {
      await this.room.publish(microphone.track);
    } catch (error) {
      console.warn("The microphone could not be published", error); // the visitor still sees and hears
    }
  }

  /** Reports how long the picture stood still while the session was switched, once the next picture is seen. */
  async #watchSwitch(room, code, isOver) {
    this.switching = code;
    if (!isOver) return this.frames.measure();
    const until = performance.now() + PICTURE_WITHIN_MS;
    while (!room.isSettled && performance.now() < until) await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
    await new Promise((resolve) => setTimeout(resolve, ON_ITS_WAY_MS));
    if (document.hidden || this.switching !== code || room !== this.room) return undefined;
    try {
      return await room.reportSwitch({ switch: code, gap_ms: this.frames.longestGapMs });
    } catch (error) {
      return console.warn("What was seen of the switch could not be reported", error);
    }
  }

  /** The job looks itself whether there are pictures: of an avatar that is drawn elsewhere it may not know. */
  async #tellStopped() {
    const agent = this.room?.agent;
    if (!agent || facts.connection !== "connected" || facts.stage !== "ready") return;
    try {
      await this.room.report(agent.identity, { picture_stopped: true });
    } catch (error) {
      console.warn("That the picture stands still could not be reported", error); // the job may be what is gone
    }
  }

  /** The avatar is on the screen. */
  seen() {
    const agent = this.room?.agent;
    if (agent) this.milestones.seen(agent.identity);
    this.publish();
  }

  #closed(over) {
    this.room = null;
    this.sound.stop();
    this.frames.stop();
    this.quality.stop();
    if (over) return finish({ over });
    learn({ connection: "connecting", stage: null, weak: false });
    return this.enter();
  }

  #refused({ code, message }) {
    screens.refusalSentence(message);
    const over = { session_ended: "ended", revoked: "removed" }[code] ?? "refused";
    finish({ over, refusal: code });
  }

  end() {
    const { room } = this;
    this.room = null;
    this.frames.stop();
    this.sound.stop();
    this.quality.stop();
    this.ending.abort();
    room?.leave();
  }
}

/** @param {Partial<import("./stages.js").Facts>} changes  why it is over; none: back to the join screen */
function finish(changes) {
  visit?.end();
  visit = null;
  shownIn.picture.clear();
  captions.clear();
  if (changes.over) microphone.close();
  const { mic, heard, captions: shown } = facts;
  learn({ ...AT_FIRST, mic, heard, captions: shown, ...changes });
}

/** @param {Partial<import("./stages.js").Facts>} changes */
function begin(changes) {
  wakeSound();
  finish({ started: true, connection: "connecting", ...changes });
  visit = new Visit();
  visit.enter();
}

const actions = {
  talk: () => begin({}),
  "type-instead": () => begin({ typing: true }),
  type() {
    learn({ typing: true, help: false });
    typing.focus();
  },
  async "stop-typing"() {
    learn({ typing: false, unsent: false });
    body.querySelector("[data-do=type]").focus();
    if (facts.mic === "unknown") await microphone.open();
  },
  back: () => finish({}),
  leave: () => finish({ over: "left" }),
  help: () => learn({ help: true }),
  "close-help": () => (facts.started ? actions.type() : actions["type-instead"]()),
  "try-microphone": () => microphone.open(),
  async "toggle-microphone"() {
    if (facts.mic === "on" || facts.mic === "muted") await microphone.toggle();
    else if (!(await microphone.open()) && facts.mic === "blocked") learn({ help: true });
  },
  "toggle-captions": () => learn({ captions: !facts.captions }),
  "turn-on-sound": () => visit?.room?.startSound(),
};

body.addEventListener("click", (event) => {
  const button = event.target.closest("[data-do]");
  if (button) actions[button.dataset.do]();
  else if (body.dataset.screen === "talk" && body.dataset.gate === "sound") actions["turn-on-sound"]();
});

learn({});
microphone.look();
