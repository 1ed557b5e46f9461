/**
 * What the page shows, as a pure function of what is known. Nothing here waits for a timer: the visitor meets the avatar
 * when its job says READY and a frame of its video has been decoded.
 *
 * @typedef {object} Facts
 * @property {boolean} started          the visitor pressed Talk and has not left
 * @property {"idle"|"connecting"|"connected"|"resuming"|"reconnecting"} connection  resuming: media may still flow
 * @property {boolean} trying           an attempt to connect has failed and another follows
 * @property {string|null} stage        the agent's `avatary.stage`; null while no agent is in the room
 * @property {string|null} agentState   the agent's `lk.agent.state`
 * @property {boolean} still            the face is a still picture for a while, and the voice goes on
 * @property {boolean} frames           decoded frames of the agent's present video are arriving
 * @property {boolean} met              the avatar has been on the screen since Talk was pressed
 * @property {boolean} soundBlocked     the browser refuses to play sound until a tap
 * @property {boolean} weak             the connection is poor
 * @property {boolean} help             the visitor asked how to turn the microphone on
 * @property {"unknown"|"asking"|"on"|"muted"|"blocked"|"missing"} mic
 * @property {boolean} heard            the microphone check heard something
 * @property {boolean} captions
 * @property {boolean} typing           the visitor types instead of talking
 * @property {boolean} unsent           what was typed last did not reach the avatar
 * @property {null|"left"|"ended"|"removed"|"elsewhere"|"refused"} over  why the visit is over
 * @property {string} refusal           code of a refused join
 *
 * @typedef {Record<string, string>} View  the value of each `data-when-…` key
 */

const STAGES = ["connecting", "waking", "almost"];
const REFUSALS = ["expired", "used_up", "busy", "not_found"];

/** @type {Facts} */
export const AT_FIRST = {
  started: false,
  connection: "idle",
  trying: false,
  stage: null,
  agentState: null,
  still: false,
  frames: false,
  met: false,
  soundBlocked: false,
  weak: false,
  help: false,
  mic: "unknown",
  heard: false,
  captions: true,
  typing: false,
  unsent: false,
  over: null,
  refusal: "",
};

/** Whether the avatar is here: READY, and its frames are being decoded. @param {Facts} facts */
export const isPresent = (facts) => inRoom(facts) && facts.stage === "ready" && facts.frames;

const inRoom = ({ connection }) => connection === "connected" || connection === "resuming";

/** @param {Facts} facts @returns {View} */
export function viewOf(facts) {
  const screen = screenOf(facts);
  const gate = gateOf(facts);
  const state = ["thinking", "speaking"].includes(facts.agentState ?? "") ? facts.agentState : "listening";
  const tab = gate === "lost" || gate === "returning" ? gate : state;
  return {
    screen,
    layout: ["join", "waiting", "talk"].includes(screen) ? screen : "message",
    stage: stageOf(facts),
    gate,
    tab,
    state: tab === state ? state : "trouble",
    notice: gate === "none" ? noticeOf(facts) : "none",
    seal: { help: "microphone", removed: "closed", refused: "closed" }[screen] ?? "none",
    trying: facts.trying ? "yes" : "no",
    mic: facts.mic,
    heard: facts.heard ? "yes" : "no",
    captions: facts.captions ? "on" : "off",
    typing: facts.typing ? "on" : "off",
    refusal: REFUSALS.includes(facts.refusal) ? facts.refusal : "other",
  };
}

function screenOf(facts) {
  if (facts.over) return facts.over;
  if (facts.help) return "help";
  if (!facts.started) return "join";
  return facts.met ? "talk" : "waiting";
}

/** The waiting screen's stage: the job's own; while READY waits for its first frame, "almost". */
function stageOf(facts) {
  if (!inRoom(facts) || facts.stage === null) return "connecting";
  return STAGES.includes(facts.stage) ? facts.stage : "almost";
}

/** What stands between the visitor and the avatar once they have met. */
function gateOf(facts) {
  if (!isPresent(facts)) return facts.connection === "connected" ? "returning" : "lost";
  return facts.soundBlocked ? "sound" : "none";
}

function noticeOf(facts) {
  if (facts.unsent) return "unsent";
  if (facts.still) return "still";
  if (facts.weak) return "weak";
  if (facts.typing) return "none";
  return facts.mic === "blocked" || facts.mic === "missing" ? facts.mic : "none";
}
