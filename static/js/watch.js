/* What the visitor sees, for the operator: muted, hidden, and only after a click, so that nothing is sent for nobody. */

import { Picture } from "./join/picture.js";

const box = document.querySelector("[data-watch]");
const picture = new Picture(box.querySelector("video"));
const cover = box.querySelector("[data-watch-cover]");
const says = box.querySelector("[data-watch-says]");
const button = box.querySelector("[data-watch-start]");
const tag = box.querySelector("[data-watch-tag]");
const size = box.querySelector("[data-watch-size]");
/** @type {import("../vendor/livekit-client/livekit-client.esm.mjs").Room|null} */ let room = null;
/** Videos of the avatar: the job's own, and of whom a provider sent on its behalf. The job says who is shown. */
const videos = new Map();
const NEXT_WITHIN_MS = 3_000; // what takes the place of an avatar that went is there before that
/** @type {number|undefined} */ let gone;

async function start() {
  button.setAttribute("aria-busy", "true");
  button.disabled = true;
  try {
    const [{ ParticipantKind, Room, RoomEvent, Track }, ticket] = await Promise.all([import("../vendor/livekit-client/livekit-client.esm.mjs"), askForTicket()]);
    room = new Room();
    room.on(RoomEvent.TrackSubscribed, (track, _, participant) => { videos.set(track, participant); showBest(); });
    room.on(RoomEvent.TrackUnsubscribed, (track) => { if (videos.delete(track)) showBest(); });
    room.on(RoomEvent.ParticipantAttributesChanged, () => { if (videos.size) showBest(); });
    room.on(RoomEvent.Disconnected, () => stop(box.dataset.lost));
    // The avatar's picture alone is asked for: sound that nobody hears need not be sent, and visitors are not for show.
    const isWanted = (publication, participant) => publication.kind === Track.Kind.Video && participant.kind === ParticipantKind.AGENT;
    const want = (publication, participant) => { if (isWanted(publication, participant)) publication.setSubscribed(true); };
    room.on(RoomEvent.TrackPublished, want);
    await room.connect(ticket.livekit_url, ticket.token, { autoSubscribe: false });
    const people = [...room.remoteParticipants.values()];
    const there = people.flatMap((one) => [...one.trackPublications.values()].filter((each) => isWanted(each, one)));
    there.forEach((publication) => publication.setSubscribed(true));
    if (!there.length) says.textContent = box.dataset.empty;
  } catch (error) {
    stop(error.message);
  }
}

/** @returns {Promise<{livekit_url: string, token: string}>} throws with the server's sentence */
async function askForTicket() {
  const headers = JSON.parse(document.body.getAttribute("hx-headers"));
  const answer = await fetch(box.dataset.watch, { method: "POST", headers });
  if (answer.ok) return answer.json();
  const { sentenceIn } = await import("./problems.js");
  throw new Error(sentenceIn(await answer.text()) || box.dataset.lost);
}

function showBest() {
  const named = [...(room?.remoteParticipants.values() ?? [])].map((one) => one.attributes["avatary.shown"]).filter(Boolean);
  const rank = ([, one]) => [named.includes(one.identity) ? 1 : 0, one.joinedAt ?? 0];
  const inOrder = [...videos].map((each) => [...rank(each), each[0]]).sort((one, other) => one[0] - other[0] || one[1] - other[1]);
  const best = inOrder.at(-1)?.[2];
  if (best) show(best);
  else gone ??= setTimeout(() => stop(box.dataset.lost), NEXT_WITHIN_MS);
}

/** @param {import("../vendor/livekit-client/livekit-client.esm.mjs").RemoteVideoTrack} track */
function show(track) {
  clearTimeout(gone);
  gone = undefined;
  picture.shown.video.hidden = tag.hidden = false;
  cover.hidden = true;
  picture.show(track);
}

picture.onFrame = () => {
  const { videoWidth, videoHeight } = picture.shown.video;
  const words = `${videoWidth} × ${videoHeight}`;
  if (size.textContent !== words) size.textContent = words;
  size.hidden = false;
};

/** @param {string} why */
function stop(why) {
  clearTimeout(gone);
  gone = undefined;
  const left = room;
  room = null;
  videos.clear();
  left?.disconnect();
  picture.clear();
  picture.shown.video.hidden = tag.hidden = size.hidden = true;
  cover.hidden = false;
  says.textContent = why;
  button.disabled = false;
  button.removeAttribute("aria-busy");
}

button?.addEventListener("click", start);
window.addEventListener("pagehide", () => room?.disconnect());
